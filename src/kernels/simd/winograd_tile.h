/* Loads and stores of the one-column transforms of Winograd tiles. */
#ifndef DRN_KERNELS_SIMD_WINOGRAD_TILE_H
#define DRN_KERNELS_SIMD_WINOGRAD_TILE_H

#include "kernels/simd/vec.h"

#include <stddef.h>

#define WINO_INLINE __attribute__((always_inline)) static inline

WINO_INLINE v8 wino_load(const float *p, size_t step, size_t i)
{
    return v8_load(p + i * step);
}

WINO_INLINE void wino_store(float *p, size_t step, size_t i, v8 v)
{
    v8_store(p + i * step, v);
}

#endif
