/* The weights of MATLAB's imresize, shared by the image resizer and the network's fixed bicubic. */
#ifndef DRN_IMAGE_IMRESIZE_H
#define DRN_IMAGE_IMRESIZE_H

#include "base/error.h"
#include "drn/image.h"

#include <stdint.h>

/* y[o] = sum over t < taps of weight[o*taps + t] * x[index[o*taps + t]], for o < out.
 * The border is already in the indices (0 .. in-1), so one index may appear twice in a row. */
typedef struct drn_resize_table {
    int32_t in, out, taps;
    int32_t *index; /* [out, taps] */
    double *weight; /* [out, taps], each row sums to 1 up to rounding */
} drn_resize_table;

/* Weights for one direction.  scale > 0; the kernel is stretched by 1/scale when scale < 1.
 * out is normally ceil(in * scale).  On failure *table is empty. */
drn_status drn_resize_table_init(drn_resize_table *table, int32_t in, int32_t out, double scale,
                                 drn_border border, drn_error *err);
void drn_resize_table_clear(drn_resize_table *table);

/* ceil(size * scale), forgiving the last bits of scale (1/3 * 3 is 1). */
drn_status drn_resize_size(int32_t *out, int32_t size, double scale, drn_error *err);

#endif
