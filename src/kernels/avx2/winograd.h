/* Winograd F(4x4, 3x3) with the points 0, +-sqrt(1/2), +-sqrt(2) and infinity (AVX2).
 *
 * A 4x4 tile of the output is  A^T [ (G w G^T) . (B^T x B) ] A  with x the 6x6 input tile around
 * it:
 *
 *        | 1   0  -5/2  0   1  0 |         | 1    0     0   |          | 1  1    1   1    1   0 |
 *        | 0 -b   -2    a   1  0 |         | -2/3 [1  a a^2]|          | 0  a   -a   b   -b   0 |
 *  B^T = | 0  b   -2   -a   1  0 |     G = | -2/3 [1 -a a^2]|    A^T = | 0 a^2  a^2 b^2  b^2  0 |
 *        | 0 -a   -1/2  b   1  0 |         |  1/6 [1  b b^2]|          | 0 a^3 -a^3 b^3 -b^3  1 |
 *        | 0  a   -1/2 -b   1  0 |         |  1/6 [1 -b b^2]|
 *        | 0  1    0  -5/2  0  1 |         | 0    0     1   |      a = sqrt(1/2), b = sqrt(2)
 *
 * These points keep the transforms small in norm (a b = 1), so the result is nearly as exact as a
 * direct convolution's. */
#ifndef DRN_KERNELS_AVX2_WINOGRAD_H
#define DRN_KERNELS_AVX2_WINOGRAD_H

#include "kernels/conv.h"

#include <immintrin.h>

enum {
    WINO_OUT = 4,  /* side of an output tile */
    WINO_IN = 6,   /* side of an input tile */
    WINO_POS = 36, /* products a tile */
    WINO_TILES =
        24, /* tiles in a block: its transforms and the weights fit a 1 MB L2 at 64 channels */
    WINO_VECS = 3 /* most vectors of 8 filters handled together */
};

#define WINO_A 0.70710678118654752440 /* sqrt(1/2) */
#define WINO_B 1.41421356237309504880 /* sqrt(2) */

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

/* out[i*step] = B^T in, one column. */
__attribute__((always_inline)) static inline void wino_input_1d(float *out, size_t step, __m256 x0,
                                                                __m256 x1, __m256 x2, __m256 x3,
                                                                __m256 x4, __m256 x5)
{
    const __m256 a = _mm256_set1_ps((float)WINO_A), b = _mm256_set1_ps((float)WINO_B);
    const __m256 two = _mm256_set1_ps(2), half = _mm256_set1_ps(0.5f), q = _mm256_set1_ps(2.5f);
    __m256 ea = _mm256_fnmadd_ps(two, x2, x4), oa = _mm256_fnmadd_ps(two, x1, x3);
    __m256 eb = _mm256_fnmadd_ps(half, x2, x4), ob = _mm256_fnmadd_ps(half, x1, x3);
    _mm256_storeu_ps(out, _mm256_add_ps(x0, _mm256_fnmadd_ps(q, x2, x4)));
    _mm256_storeu_ps(out + step, _mm256_fmadd_ps(a, oa, ea));
    _mm256_storeu_ps(out + 2 * step, _mm256_fnmadd_ps(a, oa, ea));
    _mm256_storeu_ps(out + 3 * step, _mm256_fmadd_ps(b, ob, eb));
    _mm256_storeu_ps(out + 4 * step, _mm256_fnmadd_ps(b, ob, eb));
    _mm256_storeu_ps(out + 5 * step, _mm256_add_ps(x1, _mm256_fnmadd_ps(q, x3, x5)));
}

/* v[pos*step .. +8] = B^T x B for 8 channels; x[row*row_step + pixel*8]. */
static inline void wino_input_2d(float *v, size_t step, const float *x, size_t row_step)
{
    float tmp[WINO_IN][WINO_IN][8];
    for (int j = 0; j < WINO_IN; j++) {
        const float *p = x + j * 8;
        wino_input_1d(tmp[0][j], WINO_IN * 8, _mm256_loadu_ps(p), _mm256_loadu_ps(p + row_step),
                      _mm256_loadu_ps(p + 2 * row_step), _mm256_loadu_ps(p + 3 * row_step),
                      _mm256_loadu_ps(p + 4 * row_step), _mm256_loadu_ps(p + 5 * row_step));
    }
    for (int i = 0; i < WINO_IN; i++)
        wino_input_1d(v + (size_t)(i * WINO_IN) * step, step, _mm256_loadu_ps(tmp[i][0]),
                      _mm256_loadu_ps(tmp[i][1]), _mm256_loadu_ps(tmp[i][2]),
                      _mm256_loadu_ps(tmp[i][3]), _mm256_loadu_ps(tmp[i][4]),
                      _mm256_loadu_ps(tmp[i][5]));
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
            __m256 value = _mm256_setzero_ps();
            if (iy >= 0 && iy < h && ix >= 0 && ix < w)
                value = _mm256_loadu_ps(plane + ((size_t)iy * (size_t)w + (size_t)ix) * 8);
            _mm256_storeu_ps(tile + (i * WINO_IN + j) * 8, value);
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
