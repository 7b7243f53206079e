/* What the direct kernels share: patches of a tensor with zeros around them. */
#ifndef DRN_KERNELS_SIMD_CONV_DIRECT_H
#define DRN_KERNELS_SIMD_CONV_DIRECT_H

#include "kernels/conv.h"

#include <string.h>

/* Lanes of the source as direct kernels see it: 8, or 1 for a planar image. */
static inline int32_t direct_groups(int32_t channels)
{
    return drn_channel_blocks(channels, drn_block_for(channels));
}

/* One row of a patch: columns x0 .. x0+cols-1 of a row of w pixels of `block` floats, zeros
 * outside. */
static inline void direct_row(float *out, const float *row, int32_t w, int32_t x0, int32_t cols,
                              size_t block)
{
    int32_t left = x0 < 0 ? (-x0 < cols ? -x0 : cols) : 0;
    int32_t end = w - x0 < cols ? w - x0 : cols; /* first column past the image */
    end = end < left ? left : end;
    memset(out, 0, (size_t)left * block * sizeof *out);
    if (end > left)
        memcpy(out + (size_t)left * block, row + (size_t)(x0 + left) * block,
               (size_t)(end - left) * block * sizeof *out);
    memset(out + (size_t)end * block, 0, (size_t)(cols - end) * block * sizeof *out);
}

/* buf[group][rows][cols][block] = pixels from (y0, x0) on of one image of `channels`, zeros
 * outside. */
static inline void direct_patch(float *buf, const float *image, int32_t channels, int32_t h,
                                int32_t w, int32_t y0, int32_t x0, int32_t rows, int32_t cols)
{
    size_t block = (size_t)drn_block_for(channels), row = (size_t)cols * block;
    for (int32_t g = 0; g < direct_groups(channels); g++)
        for (int32_t r = 0; r < rows; r++, buf += row) {
            int32_t y = y0 + r;
            if (y < 0 || y >= h)
                memset(buf, 0, row * sizeof *buf);
            else
                direct_row(buf, image + ((size_t)g * (size_t)h + (size_t)y) * (size_t)w * block, w,
                           x0, cols, block);
        }
}

#endif
