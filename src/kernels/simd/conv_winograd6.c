/* Fused Winograd with 6x6 tiles. */
#include "kernels/simd/winograd6.h"

#define WINO_TILES 12 /* multiple of 12 */
#define IMPL DRN_SIMD(winograd6)
#define IMPL_NAME "winograd6"
#include "kernels/simd/conv_winograd.inc"
