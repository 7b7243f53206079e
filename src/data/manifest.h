/* manifest.csv: a header line, then a row a picture; fields without quotes. */
#ifndef DRN_DATA_MANIFEST_H
#define DRN_DATA_MANIFEST_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

/* Names of the files of a split (NULL: all), in the order of the file; free with drn_list_free().
 * Needs the column `file`; `split` and `free` only when asked for. */
drn_status drn_manifest_read(char ***names, size_t *count, const char *path, const char *split,
                             bool free_only, drn_error *err);

#endif
