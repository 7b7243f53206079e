/* manifest.csv: a header line, then a row a picture (RFC 4180: fields may be quoted). */
#ifndef DRN_DATA_MANIFEST_H
#define DRN_DATA_MANIFEST_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

/* Names of the files of a split (NULL: all), in the order of the file; free with drn_list_free().
 * Needs the column `file`; `split` and `free` only when asked for.  A short row, a name with a
 * slash or an open quote is DRN_ERR_FORMAT, with its line. */
drn_status drn_manifest_read(char ***names, size_t *count, const char *path, const char *split,
                             bool free_only, drn_error *err);

#endif
