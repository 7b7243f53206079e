#include "kernels/kernels.h"

#include "kernels/simd.h"

extern const drn_kernels drn_kernels_ref_f32, drn_kernels_ref_f64;

const drn_kernels *drn_kernels_get(drn_dtype type)
{
    if (type == DRN_FLOAT64)
        return &drn_kernels_ref_f64;
    const drn_simd *simd = drn_simd_get();
    return simd ? simd->kernels : &drn_kernels_ref_f32;
}
