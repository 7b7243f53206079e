/* Samples for adaptation and for the bound: LR patches of pictures however degraded, with or
 * without their originals.  Sample j is a function of the seed and j alone. */
#ifndef DRN_STUDY_PATCHES_H
#define DRN_STUDY_PATCHES_H

#include "data/patch.h"
#include "drn/study.h"

typedef struct study_source_options {
    const char *const *dirs;
    size_t dir_count;
    const char *split;    /* of folders with a manifest; NULL: all */
    int scale, patch;     /* r; LR pixels a side */
    drn_degrade_kind how; /* NONE: the pictures are LR ones, there are no originals */
    double sigma;
    bool augment;
    uint64_t seed;
} study_source_options;

typedef struct study_source {
    study_source_options o;
    drn_dataset *data;
    drn_image **lr; /* [count]: degraded pictures, made when first drawn; NULL when how is NONE */
    size_t count;
    float *scratch; /* [3,p,p] */
} study_source;

drn_status study_source_open(study_source *s, const study_source_options *o, drn_error *err);
void study_source_close(study_source *s); /* also of a zeroed one */

/* lr[3,p,p]; target[l][3,p*2^(l+1),..] as drn_patch_cut() makes them, or NULL for none.  Not
 * thread-safe. */
drn_status study_source_draw(study_source *s, uint64_t sample, float *lr, float *const *target,
                             drn_error *err);

#endif
