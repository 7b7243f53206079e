/* Training samples: aligned LR and HR patches cut from a picture, and which one sample j of step t
 * is. */
#ifndef DRN_DATA_PATCH_H
#define DRN_DATA_PATCH_H

#include "data/dataset.h"
#include "data/degrade.h"

#include <stdint.h>

enum { DRN_DATA_LEVELS = 3 };

/* What is drawn for every sample; flags. */
enum { DRN_AUGMENT_TURNS = 1 /* flips and rotations */, DRN_AUGMENT_CHANNELS = 2 /* order of R, G and B */ };

typedef struct drn_patch_spec {
    int scale;        /* r: 2, 4, 8 */
    int patch;        /* LR pixels a side */
    unsigned augment; /* DRN_AUGMENT_* */
    uint64_t seed;
    drn_degrade_spec degrade; /* of the LR patch; zero: none */
} drn_patch_spec;

/* Where a sample lies: LR coordinates of the patch's corner; one of the 8 flips and rotations; one of the 6
 * orders of the channels. */
typedef struct drn_patch_place {
    size_t picture;
    int32_t x, y;
    int flip; /* bit 0: mirror x, bit 1: mirror y, bit 2: transpose (last) */
    int channels; /* 0..5: which order, drn_patch_channel() */
    uint64_t degrade; /* seed of what happens to the LR patch */
} drn_patch_place;

/* Channel of the picture that becomes channel b of a sample; order 0 changes nothing. */
static inline int drn_patch_channel(int b, int order)
{
    return order < 3 ? (b + order) % 3 : (order + 3 - b) % 3;
}

/* Fill lr[3,p,p] and target[l][3,p*2^(l+1),..] (l < log2(scale)), values in [0,1].  The LR patch
 * has the bits that imresize of the whole picture (cropped to multiples of the scale, u8 after each
 * pass) has at that place, degraded if the spec says so; targets below the last level are the bicubic reductions of section 4.2
 * (where the spec shrinks LR otherwise: drn_degrade_shrink()), the last is HR itself. */
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
