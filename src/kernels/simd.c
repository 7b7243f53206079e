#include "kernels/simd.h"

#include "base/cpu.h"

extern const drn_simd drn_avx2_simd, drn_neon_simd;

const drn_simd *drn_simd_get(void)
{
    unsigned isa = drn_cpu_isa();
    (void)isa;
#ifdef DRN_HAVE_AVX2
    if (isa & DRN_ISA_AVX2)
        return &drn_avx2_simd;
#endif
#ifdef DRN_HAVE_NEON
    if (isa & DRN_ISA_NEON)
        return &drn_neon_simd;
#endif
    return NULL;
}
