/* The runs of a study: one recipe, a variant's keys, a seed; trained, resumed or found finished. */
#ifndef DRN_STUDY_RUNS_H
#define DRN_STUDY_RUNS_H

#include "study/score.h"
#include "study/variants.h"
#include "train/recipe.h"

enum { STUDY_MAX_TESTS = 8 };

typedef struct study_run {
    int64_t seed;
    double seconds; /* of training */
    size_t parameters, dual_parameters;
    study_score score[STUDY_MAX_TESTS];
} study_run;

/* The recipe of a run as drn_train() will see it: the options' recipe and keys, the variant's, the
 * seed. */
drn_status study_recipe(drn_recipe *r, const drn_study_options *o, const study_variant *v,
                        int64_t steps, int64_t seed, drn_error *err);

/* Train (or skip, or go on with) the run and measure its model. */
drn_status study_run_make(study_run *out, const drn_study_options *o, const study_variant *v,
                          int64_t steps, int64_t seed, drn_error *err);

/* say(), when there is someone to hear it. */
void study_say(drn_say_fn say, void *ctx, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

#endif
