/* Eight floats at once: all that the kernels of this folder know of an instruction set.
 *
 *     v8_zero()  v8_set(float)  v8_load(p)  v8_store(p, v)   p need not be aligned
 *     v8_add(a, b)  v8_sub(a, b)  v8_mul(a, b)
 *     v8_fma(a, b, c)   c + a * b, rounded once where the instruction set can
 *     v8_fnma(a, b, c)  c - a * b
 *     v8_leaky(v, s)    v > 0 ? v : s * v
 *     v8_sum4(a)        v4 whose lane i is the sum of the lanes of a[i], i < 4
 *
 * and four, v4, for pixels of planar images: v4_set() to v4_leaky() as above, and the compilers'
 * own + and *.
 *
 * A kernel keeps 12 sums in such vectors beside 3 factors and 1 broadcast number: 16 registers of
 * 256 bits, or 32 of 128. */
#ifndef DRN_KERNELS_SIMD_VEC_H
#define DRN_KERNELS_SIMD_VEC_H

#include "kernels/simd/unroll.h"

#define V8_INLINE __attribute__((always_inline)) static inline

typedef float v4 __attribute__((vector_size(16)));
typedef int v4_mask __attribute__((vector_size(16)));
typedef float v4_any __attribute__((vector_size(16), aligned(4), may_alias)); /* in memory */

V8_INLINE v4 v4_set(float x)
{
    return (v4){x, x, x, x};
}

V8_INLINE v4 v4_load(const float *p)
{
    return *(const v4_any *)p;
}

V8_INLINE void v4_store(float *p, v4 v)
{
    *(v4_any *)p = v;
}

V8_INLINE v4 v4_leaky(v4 v, v4 slope)
{
    v4_mask up = v > v4_set(0), low = (v4_mask)(v * slope);
    return (v4)((up & (v4_mask)v) | (~up & low));
}

#if defined(__AVX2__) && defined(__FMA__)
#include "kernels/simd/vec_avx2.h"
#else
#include "kernels/simd/vec_pair.h"
#endif

#endif
