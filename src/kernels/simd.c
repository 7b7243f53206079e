#include "kernels/simd.h"

#include "base/cpu.h"

extern const drn_simd drn_avx2_simd, drn_neon_simd, drn_sse2_simd;

/* Compiled in (src/kernels/CMakeLists.txt), best first. */
static const struct {
    unsigned isa;
    const drn_simd *simd;
} sets[] = {
#ifdef DRN_HAVE_AVX2
    {DRN_ISA_AVX2, &drn_avx2_simd},
#endif
#ifdef DRN_HAVE_NEON
    {DRN_ISA_NEON, &drn_neon_simd},
#endif
#ifdef DRN_HAVE_SSE2
    {DRN_ISA_SSE2, &drn_sse2_simd},
#endif
    {~0u, NULL}};

const drn_simd *drn_simd_get(void)
{
    unsigned isa = drn_cpu_isa();
    size_t i = 0;
    while (sets[i].simd && !(isa & sets[i].isa))
        i++;
    return sets[i].simd;
}
