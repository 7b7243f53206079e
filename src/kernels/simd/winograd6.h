/* F(6x6, 3x3) with the points 0, +-1, +-2, +-1/2 and infinity: 5.06 times fewer multiplications
 * than a direct convolution, errors about four times those of F(4x4); for inference.
 *
 *        | 1  0   -21/4  0     21/4   0   -1  0 |         |  1      0    0    |
 *        | 0  1     1   -17/4 -17/4   1    1  0 |         | -2/9  [1  1   1  ]|
 *        | 0 -1     1    17/4 -17/4  -1    1  0 |         | -2/9  [1 -1   1  ]|
 *  B^T = | 0  1/2   1/4 -5/2  -5/4    2    1  0 |     G = | 1/90  [1  2   4  ]|
 *        | 0 -1/2   1/4  5/2  -5/4   -2    1  0 |         | 1/90  [1 -2   4  ]|
 *        | 0  2     4   -5/2  -5      1/2  1  0 |         | 32/45 [1  1/2 1/4]|
 *        | 0 -2     4    5/2  -5     -1/2  1  0 |         | 32/45 [1 -1/2 1/4]|
 *        | 0 -1     0    21/4  0    -21/4  0  1 |         |  0      0    1    |
 *
 * and A^T has the powers 0 to 5 of the points in its columns, infinity adds to the last row. */
#ifndef DRN_KERNELS_SIMD_WINOGRAD6_H
#define DRN_KERNELS_SIMD_WINOGRAD6_H

#define WINO_OUT 6

#include "kernels/simd/winograd_tile.h"

/* Rows +p and -p of B^T: p (x5 - k x3 + l x1) +- (x6 - k x4 + l x2). */
WINO_INLINE void wino_input_pair(float *out, size_t step, size_t i, const __m256 x[8], float p,
                                 float k, float l)
{
    const __m256 vp = _mm256_set1_ps(p), vk = _mm256_set1_ps(k), vl = _mm256_set1_ps(l);
    __m256 e = _mm256_fmadd_ps(vl, x[2], _mm256_fnmadd_ps(vk, x[4], x[6]));
    __m256 o = _mm256_fmadd_ps(vl, x[1], _mm256_fnmadd_ps(vk, x[3], x[5]));
    wino_store(out, step, i, _mm256_fmadd_ps(vp, o, e));
    wino_store(out, step, i + 1, _mm256_fnmadd_ps(vp, o, e));
}

/* out = B^T in, one column of 8 channels. */
WINO_INLINE void wino_input_1d(float *out, size_t step, const float *in, size_t in_step)
{
    const __m256 q = _mm256_set1_ps(5.25f);
    __m256 x[8] = {wino_load(in, in_step, 0), wino_load(in, in_step, 1), wino_load(in, in_step, 2),
                   wino_load(in, in_step, 3), wino_load(in, in_step, 4), wino_load(in, in_step, 5),
                   wino_load(in, in_step, 6), wino_load(in, in_step, 7)};
    wino_store(out, step, 0,
               _mm256_fmadd_ps(q, _mm256_sub_ps(x[4], x[2]), _mm256_sub_ps(x[0], x[6])));
    wino_input_pair(out, step, 1, x, 1, 4.25f, 1);
    wino_input_pair(out, step, 3, x, 2, 1.25f, 0.25f);
    wino_input_pair(out, step, 5, x, 0.5f, 5, 4);
    wino_store(out, step, 7,
               _mm256_fmadd_ps(q, _mm256_sub_ps(x[3], x[5]), _mm256_sub_ps(x[7], x[1])));
}

/* y = a + p b + q c */
WINO_INLINE __m256 wino_sum(__m256 a, float p, __m256 b, float q, __m256 c)
{
    return _mm256_fmadd_ps(_mm256_set1_ps(q), c, _mm256_fmadd_ps(_mm256_set1_ps(p), b, a));
}

/* y = A^T m, one column. */
WINO_INLINE void wino_output_1d(__m256 y[WINO_OUT], const float *m, size_t step)
{
    __m256 m1 = wino_load(m, step, 1), m2 = wino_load(m, step, 2);
    __m256 m3 = wino_load(m, step, 3), m4 = wino_load(m, step, 4);
    __m256 m5 = wino_load(m, step, 5), m6 = wino_load(m, step, 6);
    __m256 s1 = _mm256_add_ps(m1, m2), d1 = _mm256_sub_ps(m1, m2);
    __m256 s2 = _mm256_add_ps(m3, m4), d2 = _mm256_sub_ps(m3, m4);
    __m256 s3 = _mm256_add_ps(m5, m6), d3 = _mm256_sub_ps(m5, m6);
    y[0] = _mm256_add_ps(_mm256_add_ps(wino_load(m, step, 0), s1), _mm256_add_ps(s2, s3));
    y[1] = wino_sum(d1, 2, d2, 0.5f, d3);
    y[2] = wino_sum(s1, 4, s2, 0.25f, s3);
    y[3] = wino_sum(d1, 8, d2, 0.125f, d3);
    y[4] = wino_sum(s1, 16, s2, 0.0625f, s3);
    y[5] = wino_sum(_mm256_add_ps(d1, wino_load(m, step, 7)), 32, d2, 0.03125f, d3);
}

/* u = G w, one column, in double. */
static inline void wino_weights_1d(double u[WINO_OUT + 2], double w0, double w1, double w2)
{
    static const double points[] = {1, 2, 0.5}, scale[] = {-2.0 / 9, 1.0 / 90, 32.0 / 45};
    u[0] = w0;
    for (int i = 0; i < 3; i++) {
        double e = w0 + points[i] * points[i] * w2, o = points[i] * w1;
        u[1 + 2 * i] = scale[i] * (e + o);
        u[2 + 2 * i] = scale[i] * (e - o);
    }
    u[7] = w2;
}

#include "kernels/simd/winograd.h"

#endif
