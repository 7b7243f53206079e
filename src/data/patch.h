/* Training samples: aligned LR and HR patches cut from a picture, and which one sample j of step t
 * is. */
#ifndef DRN_DATA_PATCH_H
#define DRN_DATA_PATCH_H

#include "data/dataset.h"
#include "data/degrade.h"

#include <stdint.h>

enum { DRN_DATA_LEVELS = 3 };

typedef struct drn_patch_spec {
    int scale;    /* r: 2, 4, 8 */
    int patch;    /* LR pixels a side */
    bool augment; /* flips and rotations */
    uint64_t seed;
    drn_degrade_spec degrade; /* of the LR patch; zero: none */
} drn_patch_spec;

/* Where a sample lies: LR coordinates of the patch's corner, and one of the 8 flips and rotations.
 */
typedef struct drn_patch_place {
    size_t picture;
    int32_t x, y;
    int flip; /* bit 0: mirror x, bit 1: mirror y, bit 2: transpose (last) */
    uint64_t degrade; /* seed of what happens to the LR patch */
} drn_patch_place;

/* Fill lr[3,p,p] and target[l][3,p*2^(l+1),..] (l < log2(scale)), values in [0,1].  The LR patch
 * has the bits that imresize of the whole picture (cropped to multiples of the scale, u8 after each
 * pass) has at that place, degraded if the spec says so; targets below the last level are the bicubic reductions of section 4.2,
 * the last is HR itself. */
drn_status drn_patch_cut(float *lr, float *const *target, const drn_image *hr,
                         const drn_patch_place *place, const drn_patch_spec *spec, drn_error *err);

/* Place of a sample: depends on the seed, step and number alone.  Pictures that are unreadable or
 * too small are passed over; *image has to be released. */
drn_status drn_patch_draw(drn_patch_place *place, const drn_image **image, drn_dataset *d,
                          const drn_patch_spec *spec, uint64_t sample, drn_error *err);

/* Width and height of a picture; 0: unreadable. */
typedef struct drn_picture_size {
    int32_t width, height;
} drn_picture_size;
/* The same place without looking at the pictures: sizes[drn_dataset_count(d)]. */
drn_status drn_patch_draw_sized(drn_patch_place *place, const drn_picture_size *sizes,
                                const drn_dataset *d, const drn_patch_spec *spec, uint64_t sample,
                                drn_error *err);

#endif
