/* Where a network runs, for builds with and without CUDA. */
#include "cuda/cuda.h"

#include <stdio.h>

drn_status drn_cuda_choose(drn_cuda **out, drn_device device, drn_numbers numbers, drn_error *err)
{
    drn_error local = {0};
    *out = NULL;
    if (device == DRN_DEVICE_CPU)
        return DRN_OK;
    drn_status st = drn_cuda_open(out, numbers, &local);
    if (st == DRN_OK || (device == DRN_DEVICE_AUTO && (st == DRN_ERR_DEVICE || st == DRN_ERR_UNSUPPORTED)))
        return DRN_OK;
    return drn_fail(err, st, "%s", local.message);
}

drn_status drn_device_check(drn_device device, char *name, size_t size, drn_error *err)
{
    drn_cuda *d;
    if (device == DRN_DEVICE_CPU) {
        if (name)
            snprintf(name, size, "CPU");
        return DRN_OK;
    }
    DRN_TRY(drn_cuda_open(&d, DRN_NUMBERS_BF16, err));
    if (name)
        snprintf(name, size, "%s", drn_cuda_name(d));
    drn_cuda_close(d);
    return DRN_OK;
}

drn_status drn_device_get_info(drn_device_info *out, drn_error *err)
{
    drn_cuda *d;
    drn_cuda_info info = {0};
    DRN_TRY(drn_cuda_open(&d, DRN_NUMBERS_BF16, err));
    drn_status st = drn_cuda_get_info(&info, d, err);
    if (st == DRN_OK) {
        *out = (drn_device_info){.major = info.major,
                                 .minor = info.minor,
                                 .multiprocessors = info.sms,
                                 .cudnn = info.cudnn,
                                 .memory = info.total_bytes,
                                 .memory_free = info.free_bytes};
        snprintf(out->name, sizeof out->name, "%s", info.name);
    }
    drn_cuda_close(d);
    return st;
}
