/* Fused Winograd with 4x4 tiles for kernels of 5x5. */
#define WINO_OUT 4
#define WINO_R 5
#include "kernels/simd/winograd6.h"

#define WINO_TILES 12 /* multiple of 12 */
#define IMPL DRN_SIMD(winograd5)
#define IMPL_NAME "winograd5"
#include "kernels/simd/conv_winograd.inc"
