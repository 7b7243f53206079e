/* The portable source compiled for the instruction set: these kernels are bound by memory, and what
 * the compiler makes of the plain loops is as fast as intrinsics. */
#include "kernels/simd/isa.h"

typedef float real;
#define TABLE DRN_SIMD(kernels)
#include "kernels/ref/elementwise_body.inc"
