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
    const v8 a = v8_set((float)WINO_A), b = v8_set((float)WINO_B);
    const v8 two = v8_set(2), half = v8_set(0.5f), q = v8_set(2.5f);
    v8 x0 = wino_load(in, in_step, 0), x1 = wino_load(in, in_step, 1);
    v8 x2 = wino_load(in, in_step, 2), x3 = wino_load(in, in_step, 3);
    v8 x4 = wino_load(in, in_step, 4), x5 = wino_load(in, in_step, 5);
    v8 ea = v8_fnma(two, x2, x4), oa = v8_fnma(two, x1, x3);
    v8 eb = v8_fnma(half, x2, x4), ob = v8_fnma(half, x1, x3);
    wino_store(out, step, 0, v8_add(x0, v8_fnma(q, x2, x4)));
    wino_store(out, step, 1, v8_fma(a, oa, ea));
    wino_store(out, step, 2, v8_fnma(a, oa, ea));
    wino_store(out, step, 3, v8_fma(b, ob, eb));
    wino_store(out, step, 4, v8_fnma(b, ob, eb));
    wino_store(out, step, 5, v8_add(x1, v8_fnma(q, x3, x5)));
}

/* y = A^T m, one column. */
WINO_INLINE void wino_output_1d(v8 y[WINO_OUT], const float *m, size_t step)
{
    const v8 a = v8_set((float)WINO_A), b = v8_set((float)WINO_B);
    const v8 two = v8_set(2), half = v8_set(0.5f);
    const v8 a3 = v8_set((float)(WINO_A / 2)), b3 = v8_set((float)(WINO_B * 2));
    v8 m1 = wino_load(m, step, 1), m2 = wino_load(m, step, 2);
    v8 m3 = wino_load(m, step, 3), m4 = wino_load(m, step, 4);
    v8 sa = v8_add(m1, m2), da = v8_sub(m1, m2);
    v8 sb = v8_add(m3, m4), db = v8_sub(m3, m4);
    y[0] = v8_add(wino_load(m, step, 0), v8_add(sa, sb));
    y[1] = v8_fma(b, db, v8_mul(a, da));
    y[2] = v8_fma(two, sb, v8_mul(half, sa));
    y[3] = v8_fma(b3, db, v8_fma(a3, da, wino_load(m, step, 5)));
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
