/* Which pictures a folder holds: the rows of its manifest.csv, or else the files in it and in the
 * folders below. */
#ifndef DRN_DATA_LISTING_H
#define DRN_DATA_LISTING_H

#include "base/error.h"

#include <stdbool.h>

/* split, free: NULL where no manifest tells. */
typedef drn_status (*drn_listing_fn)(void *ctx, const char *name, const char *split,
                                     const char *free, drn_error *err);

typedef struct drn_listing_filter {
    const char *split; /* only this split of a manifest; NULL: all */
    bool free_only;    /* only rows whose column free is 1; needs a manifest */
    bool need_split;   /* a folder without a manifest is an error */
} drn_listing_filter;

/* Names relative to dir, those of a manifest in its order, else sorted folder by folder; files that
 * are no pictures by their suffix, hidden ones, and those in the folder pictures of a training run,
 * are left out. */
drn_status drn_listing(const char *dir, const drn_listing_filter *filter, drn_listing_fn fn,
                       void *ctx, drn_error *err);

/* "PATH" or "PATH:WEIGHT": cuts text at the colon and returns the weight, 0 when there is none.  A
 * path that exists as it stands has no weight. */
double drn_listing_weight(char *text);

#endif
