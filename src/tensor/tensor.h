/* Shapes, layout and plain tensors.
 *
 * Layout: [n][ceil(c/block)][h][w][block].  block 1 is plain NCHW (images, fewer than 8 channels);
 * features stand in blocks of 8 channels, innermost.  Lanes past the last channel of the last block
 * are zero, in values and in gradients, and every kernel keeps them so. */
#ifndef DRN_TENSOR_TENSOR_H
#define DRN_TENSOR_TENSOR_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DRN_BLOCK 8 /* channels innermost in feature tensors */

typedef enum drn_dtype {
    DRN_FLOAT32 = 0,
    DRN_FLOAT64 = 1 /* oracle: every op runs in double through the reference kernels */
} drn_dtype;

typedef struct drn_shape {
    int32_t n, c, h, w;
} drn_shape;

/* The block a tensor with c channels has: 1 below 8 channels, else 8. */
static inline int32_t drn_block_for(int32_t c)
{
    return c < DRN_BLOCK ? 1 : DRN_BLOCK;
}

static inline int32_t drn_channel_blocks(int32_t c, int32_t block)
{
    return (c + block - 1) / block;
}

/* Channels with the zero lanes. */
static inline int32_t drn_padded_channels(int32_t c)
{
    return drn_channel_blocks(c, drn_block_for(c)) * drn_block_for(c);
}

/* Element offset of (n, c, y, x) in a tensor of shape s and the block of its channel count. */
static inline size_t drn_at(drn_shape s, int32_t n, int32_t c, int32_t y, int32_t x)
{
    size_t b = (size_t)drn_block_for(s.c), cb = (size_t)drn_channel_blocks(s.c, (int32_t)b);
    return ((((size_t)n * cb + (size_t)c / b) * (size_t)s.h + (size_t)y) * (size_t)s.w + (size_t)x) *
               b +
           (size_t)c % b;
}

size_t drn_dtype_size(drn_dtype t);
bool drn_shape_equal(drn_shape a, drn_shape b);
/* Elements with the zero lanes; DRN_ERR_INVALID for a dimension below 1, DRN_ERR_NOMEM when too big. */
drn_status drn_shape_elements(size_t *out, drn_shape s, drn_error *err);
/* The same for a shape already checked. */
size_t drn_elements(drn_shape s);

/* Copy between plain NCHW and the tensor layout (the zero lanes are written). */
void drn_from_nchw(void *dst, const void *nchw, drn_shape s, drn_dtype t);
void drn_to_nchw(void *nchw, const void *src, drn_shape s, drn_dtype t);

#endif
