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
WINO_INLINE void wino_input_pair(float *out, size_t step, size_t i, const v8 x[8], float p, float k,
                                 float l)
{
    const v8 vp = v8_set(p), vk = v8_set(k), vl = v8_set(l);
    v8 e = v8_fma(vl, x[2], v8_fnma(vk, x[4], x[6]));
    v8 o = v8_fma(vl, x[1], v8_fnma(vk, x[3], x[5]));
    wino_store(out, step, i, v8_fma(vp, o, e));
    wino_store(out, step, i + 1, v8_fnma(vp, o, e));
}

/* out = B^T in, one column of 8 channels. */
WINO_INLINE void wino_input_1d(float *out, size_t step, const float *in, size_t in_step)
{
    const v8 q = v8_set(5.25f);
    v8 x[8] = {wino_load(in, in_step, 0), wino_load(in, in_step, 1), wino_load(in, in_step, 2),
               wino_load(in, in_step, 3), wino_load(in, in_step, 4), wino_load(in, in_step, 5),
               wino_load(in, in_step, 6), wino_load(in, in_step, 7)};
    wino_store(out, step, 0, v8_fma(q, v8_sub(x[4], x[2]), v8_sub(x[0], x[6])));
    wino_input_pair(out, step, 1, x, 1, 4.25f, 1);
    wino_input_pair(out, step, 3, x, 2, 1.25f, 0.25f);
    wino_input_pair(out, step, 5, x, 0.5f, 5, 4);
    wino_store(out, step, 7, v8_fma(q, v8_sub(x[3], x[5]), v8_sub(x[7], x[1])));
}

/* y = a + p b + q c */
WINO_INLINE v8 wino_sum(v8 a, float p, v8 b, float q, v8 c)
{
    return v8_fma(v8_set(q), c, v8_fma(v8_set(p), b, a));
}

/* y = A^T m, one column. */
WINO_INLINE void wino_output_1d(v8 y[WINO_OUT], const float *m, size_t step)
{
    v8 m1 = wino_load(m, step, 1), m2 = wino_load(m, step, 2);
    v8 m3 = wino_load(m, step, 3), m4 = wino_load(m, step, 4);
    v8 m5 = wino_load(m, step, 5), m6 = wino_load(m, step, 6);
    v8 s1 = v8_add(m1, m2), d1 = v8_sub(m1, m2);
    v8 s2 = v8_add(m3, m4), d2 = v8_sub(m3, m4);
    v8 s3 = v8_add(m5, m6), d3 = v8_sub(m5, m6);
    y[0] = v8_add(v8_add(wino_load(m, step, 0), s1), v8_add(s2, s3));
    y[1] = wino_sum(d1, 2, d2, 0.5f, d3);
    y[2] = wino_sum(s1, 4, s2, 0.25f, s3);
    y[3] = wino_sum(d1, 8, d2, 0.125f, d3);
    y[4] = wino_sum(s1, 16, s2, 0.0625f, s3);
    y[5] = wino_sum(v8_add(d1, wino_load(m, step, 7)), 32, d2, 0.03125f, d3);
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
