/* What one instruction set adds, in one table. */
#include "kernels/simd/isa.h"

extern const drn_conv_impl drn_conv_ref_f32;

static const drn_conv_impl *const convs[] = {&DRN_SIMD(winograd4),        &DRN_SIMD(winograd6),
                                             &DRN_SIMD(winograd_weights), &DRN_SIMD(direct),
                                             &DRN_SIMD(direct_weights),   &drn_conv_ref_f32};

const drn_simd DRN_SIMD(simd) = {.convs = convs,
                                 .conv_count = sizeof convs / sizeof *convs,
                                 .winograd4 = &DRN_SIMD(winograd4),
                                 .winograd6 = &DRN_SIMD(winograd6),
                                 .kernels = &DRN_SIMD(kernels),
                                 .peak = DRN_SIMD(peak)};
