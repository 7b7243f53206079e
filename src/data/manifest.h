/* manifest.csv: a header line, then a row a picture (RFC 4180: fields may be quoted). */
#ifndef DRN_DATA_MANIFEST_H
#define DRN_DATA_MANIFEST_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

/* Borrowed until the function returns; split, free: NULL without that column. */
typedef struct drn_manifest_row {
    const char *file, *split, *free;
} drn_manifest_row;
typedef drn_status (*drn_manifest_fn)(void *ctx, const drn_manifest_row *row, drn_error *err);

/* The rows of a split (NULL: all), in the order of the file, each handed to fn, whose error ends
 * it. Needs the column `file`; `split` and `free` only when asked for.  A short row, a name with a
 * slash or an open quote is DRN_ERR_FORMAT, with its line. */
drn_status drn_manifest_rows(const char *path, const char *split, bool free_only,
                             drn_manifest_fn fn, void *ctx, drn_error *err);

/* Names of the files of a split (NULL: all), in the order of the file; free with drn_list_free().
 * The errors are those of drn_manifest_rows(). */
drn_status drn_manifest_read(char ***names, size_t *count, const char *path, const char *split,
                             bool free_only, drn_error *err);

#endif
