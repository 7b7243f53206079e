#include "device.h"

#include "harness.h"

#include <stdlib.h>

drn_cuda *open_device(drn_numbers precision)
{
    drn_cuda *d = NULL;
    drn_error err = {0};
    setenv("DRN_CUDA_TUNE", "0", 0); /* timing alternatives takes long, above all on the emulated device */
    drn_status st = drn_cuda_open(&d, precision, &err);
    if (st == DRN_ERR_DEVICE || st == DRN_ERR_UNSUPPORTED)
        test_skip(err.message);
    CHECK_OK(st, err);
    return d;
}

const char *precision_name(drn_numbers p)
{
    return p == DRN_NUMBERS_BF16 ? "bf16" : p == DRN_NUMBERS_TF32 ? "tf32" : "fp32";
}

double relative_error(const float *a, const double *b, size_t n)
{
    double diff = 0, norm = 0;
    for (size_t i = 0; i < n; i++) {
        double d = (double)a[i] - b[i];
        diff += d * d;
        norm += b[i] * b[i];
    }
    if (!isfinite(diff))
        return INFINITY;
    return norm > 0 ? sqrt(diff / norm) : sqrt(diff);
}
