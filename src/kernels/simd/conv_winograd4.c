/* Fused Winograd with 4x4 tiles. */
#include "kernels/simd/winograd4.h"

#define WINO_TILES 24 /* multiple of 12 */
#define IMPL DRN_SIMD(winograd4)
#define IMPL_NAME "winograd4"
#include "kernels/simd/conv_winograd.inc"
