/* The reference convolution in double. */
#define REAL double
#define IMPL drn_conv_ref_f64
#include "kernels/ref/conv_body.inc"
