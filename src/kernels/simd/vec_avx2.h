/* Eight floats in one register of AVX2; see vec.h. */
#ifndef DRN_KERNELS_SIMD_VEC_AVX2_H
#define DRN_KERNELS_SIMD_VEC_AVX2_H

#include <immintrin.h>

typedef __m256 v8;

V8_INLINE v8 v8_zero(void)
{
    return _mm256_setzero_ps();
}

V8_INLINE v8 v8_set(float x)
{
    return _mm256_set1_ps(x);
}

V8_INLINE v8 v8_load(const float *p)
{
    return _mm256_loadu_ps(p);
}

V8_INLINE void v8_store(float *p, v8 v)
{
    _mm256_storeu_ps(p, v);
}

V8_INLINE v8 v8_add(v8 a, v8 b)
{
    return _mm256_add_ps(a, b);
}

V8_INLINE v8 v8_sub(v8 a, v8 b)
{
    return _mm256_sub_ps(a, b);
}

V8_INLINE v8 v8_mul(v8 a, v8 b)
{
    return _mm256_mul_ps(a, b);
}

V8_INLINE v8 v8_fma(v8 a, v8 b, v8 c)
{
    return _mm256_fmadd_ps(a, b, c);
}

V8_INLINE v8 v8_fnma(v8 a, v8 b, v8 c)
{
    return _mm256_fnmadd_ps(a, b, c);
}

V8_INLINE v8 v8_leaky(v8 v, v8 slope)
{
    __m256 up = _mm256_cmp_ps(v, _mm256_setzero_ps(), _CMP_GT_OQ);
    return _mm256_blendv_ps(_mm256_mul_ps(v, slope), v, up);
}

V8_INLINE v4 v8_sum4(const v8 a[4])
{
    __m256 s = _mm256_hadd_ps(_mm256_hadd_ps(a[0], a[1]), _mm256_hadd_ps(a[2], a[3]));
    return _mm256_castps256_ps128(s) + _mm256_extractf128_ps(s, 1);
}

#endif
