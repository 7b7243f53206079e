/* A growing list of texts in one block of memory: hundreds of thousands of file names cost their
 * letters and no more. */
#ifndef DRN_DATA_NAMES_H
#define DRN_DATA_NAMES_H

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

typedef struct drn_names {
    char *text;
    size_t size, capacity;
} drn_names;

/* Offset of the copy of dir + "/" + name (dir NULL: name alone). */
drn_status drn_names_add(size_t *at, drn_names *n, const char *dir, const char *name,
                         drn_error *err);
/* A growing array: room for one element more. */
drn_status drn_array_reserve(void *list, size_t count, size_t *capacity, size_t size,
                             drn_error *err);
void drn_names_clear(drn_names *n);

/* Well-mixed 64 bits of a text. */
uint64_t drn_text_hash(const char *text);

#endif
