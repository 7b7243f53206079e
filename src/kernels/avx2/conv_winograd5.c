/* Fused Winograd with 4x4 tiles for kernels of 5x5. */
#define WINO_OUT 4
#define WINO_R 5
#include "kernels/avx2/winograd6.h"

#define WINO_TILES 12 /* multiple of 12 */
#define IMPL drn_conv_avx2_winograd5
#define IMPL_NAME "winograd5"
#include "kernels/avx2/conv_winograd.inc"
