/* Packs: many training pictures in one file. */
#ifndef DRN_DATASET_H
#define DRN_DATASET_H

#include "drn/image.h"
#include "drn/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** What became of the picture files so far. */
typedef struct drn_pack_counts {
    uint64_t files;      /* found in the folders */
    uint64_t done;       /* of them: looked at, now or by an earlier call */
    uint64_t entries;    /* pictures or tiles in the pack */
    uint64_t broken;     /* files that cannot be read */
    uint64_t duplicates; /* files with the pixels of an earlier one */
    uint64_t bytes;      /* stored by this call */
    double seconds;      /* of this call */
} drn_pack_counts;

/* Both are called on the calling thread. */

/** Return false to stop; what was packed is kept. */
typedef bool (*drn_pack_progress_fn)(void *ctx, const drn_pack_counts *counts);
/** A file that was left out, and why. */
typedef void (*drn_pack_skip_fn)(void *ctx, const char *name, const char *why);

/** Puts another picture in the place of *picture (u8 RGB, both), say what a model makes of it.  On the
 *  packing threads, several at once.  DRN_ERR_NOMEM, _UNSUPPORTED and _DEVICE end the packing, other
 *  errors leave the file out. */
typedef drn_status (*drn_pack_change_fn)(void *ctx, drn_image **picture, drn_error *err);

/** How to pack.  Zero-initialise for the defaults: every file is stored as it is. */
typedef struct drn_pack_options {
    const char *const *dirs; /* folders; rows of their manifest.csv, or all pictures below them */
    size_t dir_count;
    const char *out;
    int threads;     /* 0 = all cores */
    bool reencode;   /* store 8-bit RGB as lossless WebP: readable by builds without libvips */
    int shrink_jpeg; /* shrink JPEG files so many times, antialiased; 0 or 1: not */
    int crop;        /* cut into tiles of so many pixels a side; 0: not */
    int tiles;       /* with crop: of each picture only so many, those with the most detail (the mean
                        absolute difference of neighbours in luma); 0: all */
    drn_pack_progress_fn progress; /* may be NULL */
    drn_pack_skip_fn skip;         /* may be NULL */
    void *ctx; /* of the two, and of change */
    drn_pack_change_fn change; /* of the rows to train on (split "train" or none), before tiles are
                                  cut; their pixels are stored as by reencode; may be NULL */
    const char *change_name;   /* tells this change from others when a pack is gone on with, by its
                                  first 75 bytes */
} drn_pack_options;

/** Make a pack, go on with one that was interrupted, or add folders to a finished one.
 *  Pictures whose pixels are those of an earlier one are stored once.  Columns split and free of a
 *  manifest go into the pack.  The same pictures in the same order, whatever the threads and
 * however often it was interrupted.
 *  @param out  receives the counts, on failure too; may be NULL.
 *  @return DRN_OK | DRN_ERR_CANCELLED (by progress) | DRN_ERR_INVALID (no pictures, other options
 *  than the pack was begun with) | DRN_ERR_IO (no space: what was packed is kept) | DRN_ERR_FORMAT
 *  (out is no pack, or broken) | DRN_ERR_UNSUPPORTED (build without LMDB) | DRN_ERR_NOMEM.
 *  Thread-safe for different packs. */
drn_status drn_pack_make(drn_pack_counts *out, const drn_pack_options *options, drn_error *err);

#ifdef __cplusplus
}
#endif
#endif
