/* What the Winograd kernels share: F(m x m, 3x3) for the tile that WINO_OUT says, which the header
 * of the tile (winograd4.h, winograd6.h) defines before with its transforms of one column.
 *
 * An m x m tile of the output is  A^T [ (G w G^T) . (B^T x B) ] A,  x the (m+2) x (m+2) input
 * around it.  With points p0 .. pm and infinity: B^T has the coefficients of the products of (z -
 * q) over the other points q in its rows, G the rows [1 p p^2] / prod (p - q), A^T the powers of p.
 */
#ifndef DRN_KERNELS_SIMD_WINOGRAD_H
#define DRN_KERNELS_SIMD_WINOGRAD_H

#include "kernels/conv.h"

enum {
    WINO_IN = WINO_OUT + 2,       /* side of an input tile */
    WINO_POS = WINO_IN * WINO_IN, /* products a tile */
    WINO_VECS = 3                 /* most vectors of 8 filters handled together */
};

/* Vectors of filters in a group that starts at vector v of vecs: pairs, and one triple when odd. */
static inline int32_t wino_group(int32_t v, int32_t vecs)
{
    int32_t left = vecs - v;
    return left == 3 || left == 1 ? left : 2;
}

/* Where a tile lies. */
typedef struct wino_tile {
    int32_t n, y, x; /* image and first output pixel */
} wino_tile;

static inline wino_tile wino_tile_at(size_t tile, int32_t tiles_y, int32_t tiles_x)
{
    size_t tx = (size_t)tiles_x, ty = (size_t)tiles_y, row = tile / tx;
    return (wino_tile){(int32_t)(row / ty), (int32_t)(row % ty) * WINO_OUT,
                       (int32_t)(tile % tx) * WINO_OUT};
}

static inline int32_t wino_tiles(int32_t size)
{
    return (size + WINO_OUT - 1) / WINO_OUT;
}

/* v[pos*step .. +8] = B^T x B for 8 channels; x[row*row_step + pixel*8]. */
static inline void wino_input_2d(float *v, size_t step, const float *x, size_t row_step)
{
    float tmp[WINO_IN][WINO_IN][8];
    for (int j = 0; j < WINO_IN; j++)
        wino_input_1d(tmp[0][j], WINO_IN * 8, x + j * 8, row_step);
    for (int i = 0; i < WINO_IN; i++)
        wino_input_1d(v + (size_t)(i * WINO_IN) * step, step, tmp[i][0], 8);
}

/* The same for a tile that touches the border: a copy with zeros around the image.  plane: one
 * channel block, h x w pixels; (y, x): the tile's first output pixel. */
static inline void wino_input_edge(float *v, size_t step, const float *plane, int32_t h, int32_t w,
                                   int32_t y, int32_t x)
{
    float tile[WINO_IN * WINO_IN * 8];
    for (int i = 0; i < WINO_IN; i++)
        for (int j = 0; j < WINO_IN; j++) {
            int32_t iy = y - 1 + i, ix = x - 1 + j;
            v8 value = v8_zero();
            if (iy >= 0 && iy < h && ix >= 0 && ix < w)
                value = v8_load(plane + ((size_t)iy * (size_t)w + (size_t)ix) * 8);
            v8_store(tile + (i * WINO_IN + j) * 8, value);
        }
    wino_input_2d(v, step, tile, WINO_IN * 8);
}

/* Transform tile t of channel block cb into v. */
static inline void wino_input_tile(float *v, size_t step, const float *plane, int32_t h, int32_t w,
                                   wino_tile t)
{
    if (t.y >= 1 && t.x >= 1 && t.y + WINO_OUT + 1 <= h && t.x + WINO_OUT + 1 <= w)
        wino_input_2d(v, step, plane + ((size_t)(t.y - 1) * (size_t)w + (size_t)(t.x - 1)) * 8,
                      (size_t)w * 8);
    else
        wino_input_edge(v, step, plane, h, w, t.y, t.x);
}

/* The products of a block of tiles: v[pos][tile][c] of padded position stride, in floats.  One
 * cache line more than needed, because a power of two would map all positions to a few cache sets.
 */
static inline size_t wino_stride(int32_t tiles, int32_t channels)
{
    return (size_t)tiles * (size_t)channels + 16;
}

#endif
