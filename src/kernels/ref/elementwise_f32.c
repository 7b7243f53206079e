typedef float real;
#define TABLE drn_kernels_ref_f32
#include "kernels/ref/elementwise_body.inc"
