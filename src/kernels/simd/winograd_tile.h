/* Loads and stores of the one-column transforms of Winograd tiles. */
#ifndef DRN_KERNELS_SIMD_WINOGRAD_TILE_H
#define DRN_KERNELS_SIMD_WINOGRAD_TILE_H

#include <immintrin.h>
#include <stddef.h>

#define WINO_INLINE __attribute__((always_inline)) static inline

WINO_INLINE __m256 wino_load(const float *p, size_t step, size_t i)
{
    return _mm256_loadu_ps(p + i * step);
}

WINO_INLINE void wino_store(float *p, size_t step, size_t i, __m256 v)
{
    _mm256_storeu_ps(p + i * step, v);
}

#endif
