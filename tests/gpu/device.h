/* What the GPU tests share.  The same sources make two programs: one on the real device (skipped without), one
 * on the emulated one (tests/gpu/emu). */
#ifndef DRN_TESTS_GPU_DEVICE_H
#define DRN_TESTS_GPU_DEVICE_H

#include "cuda/cuda.h"

/* Opens the device; ends the test as skipped, with the reason, when there is none. */
drn_cuda *open_device(drn_numbers precision);
const char *precision_name(drn_numbers p);

/* ||a - b|| / ||b||, and NaN counts as infinite; b in double, a in float. */
double relative_error(const float *a, const double *b, size_t n);

#endif
