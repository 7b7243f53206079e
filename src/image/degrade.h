/* What happens to pictures before they reach us: blur, and a JPEG file in between. */
#ifndef DRN_IMAGE_DEGRADE_H
#define DRN_IMAGE_DEGRADE_H

#include "base/error.h"
#include "drn/image.h"

#include <stdbool.h>

/* Gaussian of sigma pixels (0 < sigma <= 64, cut off at 4 sigma) in place: u8 RGB, edges repeated,
 * sums in double, rounded once. */
drn_status drn_blur(drn_image *im, double sigma, drn_error *err);

typedef struct drn_jpeg_trip {
    int quality; /* 1..100: the tables of ITU-T T.81, Annex K, scaled as libjpeg does */
    bool half;   /* 4:2:0, chroma at half size; else 4:4:4 */
    int x, y;    /* 0..15: where in a grid of 16 x 16 the picture's corner lies */
} drn_jpeg_trip;

/* What a baseline JPEG file makes of u8 RGB, in place: all steps that lose something, and no file.
 * Parts of blocks outside the picture repeat its edge. */
drn_status drn_jpeg_round_trip(drn_image *im, const drn_jpeg_trip *trip, drn_error *err);

#endif
