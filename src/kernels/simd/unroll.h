/* Full unrolling of short loops over arrays of vectors, which then live in registers. */
#ifndef DRN_KERNELS_SIMD_UNROLL_H
#define DRN_KERNELS_SIMD_UNROLL_H

#define DRN_PRAGMA(text) _Pragma(#text)
#ifdef __clang__
/* A count would be obeyed after clang has decided what stays in memory. */
#define DRN_UNROLL(n) DRN_PRAGMA(clang loop unroll(full))
#else
#define DRN_UNROLL(n) DRN_PRAGMA(GCC unroll n)
#endif

#endif
