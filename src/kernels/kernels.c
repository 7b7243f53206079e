#include "kernels/kernels.h"

#include "base/cpu.h"

extern const drn_kernels drn_kernels_ref_f32, drn_kernels_ref_f64, drn_kernels_avx2_f32;

const drn_kernels *drn_kernels_get(drn_dtype type)
{
    if (type == DRN_FLOAT64)
        return &drn_kernels_ref_f64;
#ifdef DRN_HAVE_AVX2
    if (drn_cpu_isa() & DRN_ISA_AVX2)
        return &drn_kernels_avx2_f32;
#endif
    return &drn_kernels_ref_f32;
}
