/* Weights of MATLAB's imresize along one axis: what "bicubic" means in this field.  The network's resize
 * op and the image resizer share them. */
#ifndef DRN_KERNELS_BICUBIC_H
#define DRN_KERNELS_BICUBIC_H

#include <stdbool.h>
#include <stdint.h>

/* Taps a sample for a scale: ceil(width) + 2 with the width 4, or 4/scale when shrinking. */
int32_t drn_bicubic_taps(double scale);

/* index[out * taps], weight[out * taps] for an axis of `in` samples; cubic kernel with a = -0.5,
 * widened when shrinking (antialias), weights normalised a row.  Indices outside the axis are mirrored
 * with the edge sample repeated, or clamped to it. */
void drn_bicubic_table(int32_t *index, double *weight, int32_t in, int32_t out, double scale, bool clamp);

#endif
