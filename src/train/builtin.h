/* The recipes of recipes/, compiled into the library. */
#ifndef DRN_TRAIN_BUILTIN_H
#define DRN_TRAIN_BUILTIN_H

#include <stddef.h>

/* Text of a recipe by its name ("paper-x4"), or NULL. */
const char *drn_recipe_builtin(const char *name, size_t *size);

/* i-th name, or NULL past the last. */
const char *drn_recipe_builtin_name(size_t i);

#endif
