/* Folders and packs of high-resolution pictures, decoded when first needed and kept in memory as
 * far as the cache goes. */
#ifndef DRN_DATA_DATASET_H
#define DRN_DATA_DATASET_H

#include "base/error.h"
#include "base/rng.h"
#include "drn/image.h"

#include <stdbool.h>
#include <stddef.h>

typedef struct drn_dataset drn_dataset;

typedef struct drn_dataset_options {
    /* Folders and packs, each "PATH" or "PATH:WEIGHT".  With any weight, a source's share of the
     * samples is its weight (1 where none is given) over the sum; else all pictures are equal. */
    const char *const *dirs;
    size_t dir_count;
    /* With a manifest.csv in a folder (columns file and split): only rows of this split; NULL or
     * "all": every row.  A folder without a manifest belongs to every split. */
    const char *split;
    bool free_only;      /* only rows whose column free is 1; every source needs a manifest then */
    bool need_split;     /* every source has to have a manifest */
    size_t cache_bytes;  /* decoded pictures kept; 0 = 1 GiB */
    double ratio;        /* use this share of each source's pictures; 0 or 1: all */
    uint64_t ratio_seed; /* which ones; a smaller share of one seed is part of a larger one */
} drn_dataset_options;

/* List the pictures; DRN_ERR_INVALID when there are none. */
drn_status drn_dataset_open(drn_dataset **out, const drn_dataset_options *options, drn_error *err);
void drn_dataset_free(drn_dataset *d);
size_t drn_dataset_count(const drn_dataset *d);
/* "folder/name" or "pack/name". */
const char *drn_dataset_path(const drn_dataset *d, size_t i);
/* Index of a random picture, by the sources' weights. */
size_t drn_dataset_draw(const drn_dataset *d, drn_rng *rng);
/* A hash of the pictures' number, order and file names (without folders): the same for a folder and
 * a pack made of it. */
uint64_t drn_dataset_fingerprint(const drn_dataset *d);

/* How many pictures of `a` are also in `b`: the same files, whatever their folders were called by, or
 * the same entries of a pack; *first (may be NULL) receives the path of one of them, as `a` calls it. */
drn_status drn_dataset_shared(size_t *count, const char **first, const drn_dataset *a,
                              const drn_dataset *b, drn_error *err);

/* Picture i as u8 RGB (grey replicated, alpha dropped, 16 bits rounded): borrowed until
 * drn_dataset_release().  An unreadable one is remembered and gives the same error every time.
 * Thread-safe. */
drn_status drn_dataset_get(const drn_image **out, drn_dataset *d, size_t i, drn_error *err);
void drn_dataset_release(drn_dataset *d, size_t i, const drn_image *image);

/* Pictures found unreadable so far; *first (may be NULL) receives the path of one of them. */
size_t drn_dataset_broken(drn_dataset *d, const char **first);

#endif
