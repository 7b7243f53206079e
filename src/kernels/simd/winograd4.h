/* F(4x4, 3x3) with the points 0, +-a, +-b and infinity, a = sqrt(1/2), b = sqrt(2):
 *
 *        | 1   0  -5/2  0   1  0 |         | 1    0     0   |          | 1  1    1   1    1   0 |
 *        | 0 -b   -2    a   1  0 |         | -2/3 [1  a a^2]|          | 0  a   -a   b   -b   0 |
 *  B^T = | 0  b   -2   -a   1  0 |     G = | -2/3 [1 -a a^2]|    A^T = | 0 a^2  a^2 b^2  b^2  0 |
 *        | 0 -a   -1/2  b   1  0 |         |  1/6 [1  b b^2]|          | 0 a^3 -a^3 b^3 -b^3  1 |
 *        | 0  a   -1/2 -b   1  0 |         |  1/6 [1 -b b^2]|
 *        | 0  1    0  -5/2  0  1 |         | 0    0     1   |
 *
 * These points keep the transforms small in norm (a b = 1): the result is nearly as exact as a
 * direct convolution's, and the tile divides training patches of 32 and 64 pixels. */
#ifndef DRN_KERNELS_SIMD_WINOGRAD4_H
#define DRN_KERNELS_SIMD_WINOGRAD4_H

#define WINO_OUT 4
#define WINO_A 0.70710678118654752440 /* sqrt(1/2) */
#define WINO_B 1.41421356237309504880 /* sqrt(2) */

#include "kernels/simd/winograd_tile.h"

/* out = B^T in, one column of 8 channels. */
WINO_INLINE void wino_input_1d(float *out, size_t step, const float *in, size_t in_step)
{
    const __m256 a = _mm256_set1_ps((float)WINO_A), b = _mm256_set1_ps((float)WINO_B);
    const __m256 two = _mm256_set1_ps(2), half = _mm256_set1_ps(0.5f), q = _mm256_set1_ps(2.5f);
    __m256 x0 = wino_load(in, in_step, 0), x1 = wino_load(in, in_step, 1);
    __m256 x2 = wino_load(in, in_step, 2), x3 = wino_load(in, in_step, 3);
    __m256 x4 = wino_load(in, in_step, 4), x5 = wino_load(in, in_step, 5);
    __m256 ea = _mm256_fnmadd_ps(two, x2, x4), oa = _mm256_fnmadd_ps(two, x1, x3);
    __m256 eb = _mm256_fnmadd_ps(half, x2, x4), ob = _mm256_fnmadd_ps(half, x1, x3);
    wino_store(out, step, 0, _mm256_add_ps(x0, _mm256_fnmadd_ps(q, x2, x4)));
    wino_store(out, step, 1, _mm256_fmadd_ps(a, oa, ea));
    wino_store(out, step, 2, _mm256_fnmadd_ps(a, oa, ea));
    wino_store(out, step, 3, _mm256_fmadd_ps(b, ob, eb));
    wino_store(out, step, 4, _mm256_fnmadd_ps(b, ob, eb));
    wino_store(out, step, 5, _mm256_add_ps(x1, _mm256_fnmadd_ps(q, x3, x5)));
}

/* y = A^T m, one column. */
WINO_INLINE void wino_output_1d(__m256 y[WINO_OUT], const float *m, size_t step)
{
    const __m256 a = _mm256_set1_ps((float)WINO_A), b = _mm256_set1_ps((float)WINO_B);
    const __m256 two = _mm256_set1_ps(2), half = _mm256_set1_ps(0.5f);
    const __m256 a3 = _mm256_set1_ps((float)(WINO_A / 2)), b3 = _mm256_set1_ps((float)(WINO_B * 2));
    __m256 m1 = wino_load(m, step, 1), m2 = wino_load(m, step, 2);
    __m256 m3 = wino_load(m, step, 3), m4 = wino_load(m, step, 4);
    __m256 sa = _mm256_add_ps(m1, m2), da = _mm256_sub_ps(m1, m2);
    __m256 sb = _mm256_add_ps(m3, m4), db = _mm256_sub_ps(m3, m4);
    y[0] = _mm256_add_ps(wino_load(m, step, 0), _mm256_add_ps(sa, sb));
    y[1] = _mm256_fmadd_ps(b, db, _mm256_mul_ps(a, da));
    y[2] = _mm256_fmadd_ps(two, sb, _mm256_mul_ps(half, sa));
    y[3] = _mm256_fmadd_ps(b3, db, _mm256_fmadd_ps(a3, da, wino_load(m, step, 5)));
}

/* u = G w, one column, in double. */
static inline void wino_weights_1d(double u[WINO_OUT + 2], double w0, double w1, double w2)
{
    double ea = -2.0 / 3 * (w0 + 0.5 * w2), oa = -2.0 / 3 * WINO_A * w1;
    double eb = 1.0 / 6 * (w0 + 2 * w2), ob = 1.0 / 6 * WINO_B * w1;
    u[0] = w0;
    u[1] = ea + oa;
    u[2] = ea - oa;
    u[3] = eb + ob;
    u[4] = eb - ob;
    u[5] = w2;
}

#include "kernels/simd/winograd.h"

#endif
