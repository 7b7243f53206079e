/* The portable source compiled for AVX2 and FMA: these kernels are bound by memory, and what the
 * compiler makes of the plain loops is as fast as intrinsics. */
typedef float real;
#define TABLE drn_kernels_avx2_f32
#include "kernels/ref/elementwise_body.inc"
