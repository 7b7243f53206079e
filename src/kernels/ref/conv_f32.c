/* The reference convolution in float. */
#define REAL float
#define IMPL drn_conv_ref_f32
#include "kernels/ref/conv_body.inc"
