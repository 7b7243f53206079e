typedef double real;
#define REAL_IS_DOUBLE
#define TABLE drn_kernels_ref_f64
#include "kernels/ref/elementwise_body.inc"
