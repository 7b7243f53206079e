/* What an instruction set adds: the source in simd/, compiled for it. */
#ifndef DRN_KERNELS_SIMD_H
#define DRN_KERNELS_SIMD_H

#include "kernels/conv.h"
#include "kernels/kernels.h"

typedef struct drn_simd {
    const drn_conv_impl *const *convs; /* float32, best first; the reference last */
    size_t conv_count;
    const drn_conv_impl *winograd4, *winograd6; /* two of them */
    const drn_kernels *kernels;                 /* float32 */
    /* Independent chains of fused multiply-adds; returns operations done. */
    double (*peak)(long rounds, float *sink);
} drn_simd;

/* Of the best set in use (drn_cpu_isa()); NULL: portable C only. */
const drn_simd *drn_simd_get(void);

#endif
