/* The machine's arithmetic peak, to judge kernels by. */
#ifndef DRN_KERNELS_PEAK_H
#define DRN_KERNELS_PEAK_H

#include "base/pool.h"

/* Fused multiply-adds a second in float32, counted as two operations, in GFLOP/s: independent
 * chains in registers on the instruction sets allowed now.  Takes about `seconds`.  pool NULL: one
 * thread; else all threads of the pool at once. */
double drn_peak_gflops(double seconds, drn_pool *pool);

#endif
