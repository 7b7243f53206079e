/* Eight floats in two registers of four, in the vector extensions of gcc and clang; see vec.h. Made
 * for NEON, which has 32 such registers and a fused multiply-add, which the compiler makes of
 * a * b + c under -ffp-contract=fast; SSE2 has neither and is still far faster than portable C.
 *
 * A struct of two, because gcc keeps a vector type wider than the machine's registers in memory. */
#ifndef DRN_KERNELS_SIMD_VEC_PAIR_H
#define DRN_KERNELS_SIMD_VEC_PAIR_H

typedef struct v8 {
    v4 lo, hi;
} v8;

V8_INLINE v8 v8_set(float x)
{
    return (v8){v4_set(x), v4_set(x)};
}

V8_INLINE v8 v8_zero(void)
{
    return v8_set(0);
}

V8_INLINE v8 v8_load(const float *p)
{
    return (v8){v4_load(p), v4_load(p + 4)};
}

V8_INLINE void v8_store(float *p, v8 v)
{
    v4_store(p, v.lo);
    v4_store(p + 4, v.hi);
}

V8_INLINE v8 v8_add(v8 a, v8 b)
{
    return (v8){a.lo + b.lo, a.hi + b.hi};
}

V8_INLINE v8 v8_sub(v8 a, v8 b)
{
    return (v8){a.lo - b.lo, a.hi - b.hi};
}

V8_INLINE v8 v8_mul(v8 a, v8 b)
{
    return (v8){a.lo * b.lo, a.hi * b.hi};
}

V8_INLINE v8 v8_fma(v8 a, v8 b, v8 c)
{
    return (v8){c.lo + a.lo * b.lo, c.hi + a.hi * b.hi};
}

V8_INLINE v8 v8_fnma(v8 a, v8 b, v8 c)
{
    return (v8){c.lo - a.lo * b.lo, c.hi - a.hi * b.hi};
}

V8_INLINE v8 v8_leaky(v8 v, v8 slope)
{
    return (v8){v4_leaky(v.lo, slope.lo), v4_leaky(v.hi, slope.hi)};
}

V8_INLINE v4 v8_sum4(const v8 a[4])
{
    v4 s[4];
    for (int i = 0; i < 4; i++)
        s[i] = a[i].lo + a[i].hi;
    v4 left = {s[0][0] + s[0][1], s[1][0] + s[1][1], s[2][0] + s[2][1], s[3][0] + s[3][1]};
    v4 right = {s[0][2] + s[0][3], s[1][2] + s[1][3], s[2][2] + s[2][3], s[3][2] + s[3][3]};
    return left + right;
}

#endif
