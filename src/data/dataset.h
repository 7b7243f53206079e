/* Folders of high-resolution pictures, decoded when first needed and kept in memory. */
#ifndef DRN_DATA_DATASET_H
#define DRN_DATA_DATASET_H

#include "base/error.h"
#include "drn/image.h"

#include <stdbool.h>
#include <stddef.h>

typedef struct drn_dataset drn_dataset;

typedef struct drn_dataset_options {
    const char *const *dirs;
    size_t dir_count;
    /* With a manifest.csv in a folder (columns file and split): only rows of this split; NULL or
     * "all": every row.  A folder without a manifest belongs to every split. */
    const char *split;
    bool free_only;     /* only rows whose column free is 1; every folder needs a manifest then */
    size_t cache_bytes; /* decoded pictures kept; 0 = 1 GiB */
} drn_dataset_options;

/* List the pictures; DRN_ERR_INVALID when there are none. */
drn_status drn_dataset_open(drn_dataset **out, const drn_dataset_options *options, drn_error *err);
void drn_dataset_free(drn_dataset *d);
size_t drn_dataset_count(const drn_dataset *d);
const char *drn_dataset_path(const drn_dataset *d, size_t i);

/* Picture i as u8 RGB (grey replicated, alpha dropped, 16 bits rounded): borrowed until
 * drn_dataset_release().  An unreadable one is remembered and gives the same error every time.
 * Thread-safe. */
drn_status drn_dataset_get(const drn_image **out, drn_dataset *d, size_t i, drn_error *err);
void drn_dataset_release(drn_dataset *d, size_t i, const drn_image *image);

/* Pictures found unreadable so far; *first (may be NULL) receives the path of one of them. */
size_t drn_dataset_broken(drn_dataset *d, const char **first);

#endif
