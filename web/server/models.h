/* The models a server offers, loaded once. */
#ifndef DRN_WEB_MODELS_H
#define DRN_WEB_MODELS_H

#include "drn/image.h"
#include "drn/model.h"

#include <stdbool.h>
#include <stddef.h>

typedef struct web_model {
    char key[64];      /* what requests call it; unique */
    char summary[160]; /* one line for people */
    drn_model *model;  /* by_picture: one that stands for those picked, x4 */
    bool by_picture;   /* the picture decides which of the others works */
} web_model;

typedef struct web_models {
    web_model *items; /* the first is the default */
    size_t count;
} web_models;

/* Load the named ones; or all built-in ones, before them "auto" that picks one by the
 * picture. */
drn_status web_models_load(web_models *out, const char *const *names, size_t count, drn_error *err);
void web_models_free(web_models *models);

/* NULL key: the default; NULL when there is no such model. */
const web_model *web_models_find(const web_models *models, const char *key);

/* The model that works on a file with these pixels: itself, or the one it stands for; all have its scales. */
const web_model *web_models_pick(const web_models *models, const web_model *model, const char *file,
                                 const drn_image *pixels);

#endif
