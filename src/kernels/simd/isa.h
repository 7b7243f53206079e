/* Every file of this folder is compiled once for each instruction set that the target may have,
 * with DRN_SIMD_ISA saying which (avx2, neon, sse2): DRN_SIMD(winograd4) is then
 * drn_avx2_winograd4. */
#ifndef DRN_KERNELS_SIMD_ISA_H
#define DRN_KERNELS_SIMD_ISA_H

#include "kernels/simd.h"

#ifndef DRN_SIMD_ISA
#error "src/kernels/CMakeLists.txt defines DRN_SIMD_ISA"
#endif
#define DRN_SIMD_JOIN(isa, name) drn_##isa##_##name
#define DRN_SIMD_NAME(isa, name) DRN_SIMD_JOIN(isa, name)
#define DRN_SIMD(name) DRN_SIMD_NAME(DRN_SIMD_ISA, name)

extern const drn_conv_impl DRN_SIMD(winograd4), DRN_SIMD(winograd6), DRN_SIMD(winograd_weights);
extern const drn_conv_impl DRN_SIMD(direct), DRN_SIMD(direct_weights);
extern const drn_kernels DRN_SIMD(kernels);
extern const drn_simd DRN_SIMD(simd);

double DRN_SIMD(peak)(long rounds, float *sink);

#endif
