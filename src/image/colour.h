/* BT.601 luma. */
#ifndef DRN_IMAGE_COLOUR_H
#define DRN_IMAGE_COLOUR_H

#include <math.h>
#include <stddef.h>

/* Y (16..235) of R, G, B in 0..255, not rounded: MATLAB's rgb2ycbcr before its rounding. */
static inline double drn_luma(double r, double g, double b)
{
    return 16.0 + (65.481 * r + 128.553 * g + 24.966 * b) / 255.0;
}

/* Round half away from zero, as MATLAB does (for v >= 0: half up). */
static inline double drn_round(double v)
{
    return v < 0 ? -floor(0.5 - v) : floor(v + 0.5);
}

/* y[n] = luma of n pixels of `bands` interleaved samples: 1 (grey, replicated to RGB first) or 3.
 */
void drn_luma_row(double *y, const unsigned char *pixels, size_t n, int bands);

#endif
