/* Recipes: everything a training run depends on, in one YAML file.  One table of keys drives
 * parsing,
 * --set, printing and range checks. */
#ifndef DRN_TRAIN_RECIPE_H
#define DRN_TRAIN_RECIPE_H

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

typedef struct drn_recipe {
    char name[64];
    /* model */
    int64_t scale, channels, modules, dual_channels;
    bool progressive, dual;
    int64_t skip; /* drn_skip */
    /* loss */
    int64_t loss, dual_loss, pixel; /* drn_loss_kind */
    double lambda, charbonnier, dual_weight;
    int64_t dual_target; /* 0 predicted, 1 true LR */
    bool dual_detach;
    int64_t dual_start, reduction; /* reduction: 0 mean, 1 sum */
    int64_t tail_kind, tail_start; /* primal loss from a step on; 0: never */
    /* data */
    int64_t patch, batch, cache_mb, prefetch;
    bool augment, shuffle_channels, free_only;
    char split[32];
    char sizes[256];    /* patch and batch of later steps, "STEP:PATCHxBATCH ..." */
    char sources[1024]; /* folders and packs, "PATH[:WEIGHT], ..." */
    double ratio;       /* share of the pictures used */
    int64_t ratio_seed;
    /* degrade: drn_degrade_spec */
    double box, nearest, blur, blur_min, blur_max, noise, noise_min, noise_max, noise_grey, jpeg, jpeg_half;
    int64_t jpeg_min, jpeg_max;
    /* train */
    int64_t steps, schedule, warmup, step_every, seed, threads, val_every, val_images, val_crop,
        val_seen, val_pictures, save_every, accumulate, warm_levels_until, init_new;
    char init_from[512];
    double lr, lr_min, step_factor, beta1, beta2, eps, clip, ema, init_scale, max_seconds, spike;
} drn_recipe;

void drn_recipe_defaults(drn_recipe *r);

/* Defaults, then the keys of a YAML file (at most 1 MiB), or, when there is no such file, of a
 * built-in recipe ("paper-x4"): a mapping of sections (model, loss, data, train) of scalars, and
 * `name`.  An unknown key, a wrong type or a value out of range names file and line. */
drn_status drn_recipe_load(drn_recipe *r, const char *name, drn_error *err);
/* The same from memory, without resetting to the defaults; name stands in messages. */
drn_status drn_recipe_parse(drn_recipe *r, const char *text, size_t size, const char *name,
                            drn_error *err);

/* "train.lr=5e-4" */
drn_status drn_recipe_set(drn_recipe *r, const char *assignment, drn_error *err);

/* All keys as YAML that loads back to the same recipe: drn_alloc'ed, NULL when memory is refused.
 */
char *drn_recipe_print(const drn_recipe *r);

/* The i-th key and its value as text; false past the last.  Texts of 1100 bytes always fit. */
bool drn_recipe_value(char *value, size_t size, const char **name, const drn_recipe *r, size_t i);

/* May a run go on with another value of this key? */
bool drn_recipe_may_change(const char *name);
/* "train.lr was 0.001, is 0.0005; ..." for the keys that may not; "" when there are none. */
void drn_recipe_changes(char *out, size_t size, const drn_recipe *was, const drn_recipe *is);

/* DRN_AUGMENT_* of the samples. */
unsigned drn_recipe_augment(const drn_recipe *r);

/* What one key cannot know (dual without weight, patch against memory, ...). */
drn_status drn_recipe_check(const drn_recipe *r, drn_error *err);

#endif
