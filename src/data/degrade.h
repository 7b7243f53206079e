/* Training for pictures as people have them: LR patches shrunk as drawings are made, and blur, noise
 * and JPEG on the LR patch alone. */
#ifndef DRN_DATA_DEGRADE_H
#define DRN_DATA_DEGRADE_H

#include "base/error.h"
#include "drn/image.h"

#include <stdbool.h>
#include <stdint.h>

/* How often each happens (0..1, each by itself) and between which bounds, drawn evenly. */
typedef struct drn_degrade_spec {
    double box, nearest; /* shares of another kernel than bicubic; together at most 1 */
    double blur, blur_min, blur_max;    /* Gaussian, sigma in LR pixels */
    double noise, noise_min, noise_max; /* Gaussian, sigma in levels of 255 */
    double noise_grey;                  /* share of the noisy with the same noise in R, G, B */
    double jpeg;
    int jpeg_min, jpeg_max; /* quality */
    double jpeg_half;       /* share of the JPEGs with chroma at half size */
} drn_degrade_spec;

/* Does anything ever happen? */
bool drn_degrade_active(const drn_degrade_spec *spec);

/* hr, u8 RGB, shrunk by the factor, with the kernel that a random stream of this seed decides:
 * the protocol's bicubic, the mean of every block, or, for LR (lr: is it?), one pixel of every
 * block, one of the four in its middle.  Targets between LR and HR are then means of blocks, too:
 * where LR has no halos, none are to be learned. */
drn_status drn_degrade_shrink(drn_image **out, const drn_image *hr, int factor, bool lr,
                              const drn_degrade_spec *spec, uint64_t seed, drn_error *err);

/* Blur, then noise, then JPEG, as in a camera, each as a random stream of this seed decides, on u8
 * RGB in place.  The grid of 8 x 8 blocks lies anywhere. */
drn_status drn_degrade(drn_image *im, const drn_degrade_spec *spec, uint64_t seed, drn_error *err);

#endif
