/* Opening a GPU, and saying in one line why it cannot be used. */
#include "base/mem.h"
#include "cuda/run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OLDEST_MAJOR = 8 }; /* bfloat16 on the tensor cores, asynchronous copies */

drn_status drn_cuda_fail(cudaError_t e, const char *what, drn_error *err)
{
    if (e == cudaErrorMemoryAllocation)
        return drn_fail(err, DRN_ERR_NOMEM, "GPU: out of memory while %s", what);
    return drn_fail(err, DRN_ERR_DEVICE, "GPU: %s (CUDA error %d) while %s", cudaGetErrorString(e), (int)e, what);
}

drn_status drn_cuda_alloc(void *out, size_t bytes, const char *what, drn_error *err)
{
    void *p = NULL;
    cudaError_t e = bytes ? cudaMalloc(&p, bytes) : cudaSuccess;
    memcpy(out, &p, sizeof p);
    if (e == cudaErrorMemoryAllocation) {
        size_t free_bytes = 0, total = 0;
        (void)cudaGetLastError(); /* not sticky: forget it */
        cudaMemGetInfo(&free_bytes, &total);
        return drn_fail(err, DRN_ERR_NOMEM,
                        "GPU: %s need %.1f MiB, %.1f of %.1f MiB are free; a smaller batch, patch or tile, or --device cpu",
                        what, (double)bytes / (1 << 20), (double)free_bytes / (1 << 20), (double)total / (1 << 20));
    }
    return e == cudaSuccess ? DRN_OK : drn_cuda_fail(e, what, err);
}

static drn_status check_driver(drn_error *err)
{
    int driver = 0, count = 0;
    cudaError_t e = cudaDriverGetVersion(&driver);
    if (e != cudaSuccess || driver == 0)
        return drn_fail(err, DRN_ERR_DEVICE, "no GPU: the NVIDIA driver is not installed (libcuda.so.1 not found); "
                                             "--device cpu or auto works without");
    e = cudaGetDeviceCount(&count);
    if (e == cudaErrorInsufficientDriver)
        return drn_fail(err, DRN_ERR_DEVICE, "no GPU: the NVIDIA driver supports CUDA %d.%d, this build needs %d.%d; "
                                             "update the driver or use --device cpu",
                        driver / 1000, driver % 1000 / 10, CUDART_VERSION / 1000, CUDART_VERSION % 1000 / 10);
    if (e == cudaErrorNoDevice || (e == cudaSuccess && count == 0))
        return drn_fail(err, DRN_ERR_DEVICE, "no GPU: the NVIDIA driver sees none (CUDA_VISIBLE_DEVICES?)");
    return e == cudaSuccess ? DRN_OK : drn_cuda_fail(e, "looking for a GPU", err);
}

static drn_status choose_device(drn_cuda *d, drn_error *err)
{
    const char *wanted = getenv("DRN_CUDA_DEVICE");
    drn_cuda_ranks ranks = {0};
    int count = 0;
    DRN_CUDA_TRY(cudaGetDeviceCount(&count), "looking for a GPU");
    if (!wanted)
        DRN_TRY(drn_cuda_ranks_get(&ranks, err));
    /* a launcher may show each process its own GPU only */
    d->device = wanted ? atoi(wanted) : count > 0 ? ranks.local % count : 0;
    if (d->device < 0 || d->device >= count)
        return drn_fail(err, DRN_ERR_DEVICE, "no GPU %s: there are %d (DRN_CUDA_DEVICE)", wanted, count);
    DRN_CUDA_TRY(cudaSetDevice(d->device), "starting the GPU");
    struct cudaDeviceProp p;
    DRN_CUDA_TRY(cudaGetDeviceProperties(&p, d->device), "asking the GPU");
    snprintf(d->name, sizeof d->name, "%.100s", p.name);
    DRN_CUDA_TRY(cudaDeviceGetAttribute(&d->sms, cudaDevAttrMultiProcessorCount, d->device), "asking the GPU");
    DRN_CUDA_TRY(cudaDeviceGetAttribute(&d->major, cudaDevAttrComputeCapabilityMajor, d->device), "asking the GPU");
    DRN_CUDA_TRY(cudaDeviceGetAttribute(&d->minor, cudaDevAttrComputeCapabilityMinor, d->device), "asking the GPU");
    DRN_CUDA_TRY(cudaDeviceGetAttribute(&d->shared, cudaDevAttrMaxSharedMemoryPerBlockOptin, d->device), "asking the GPU");
    if (d->major < OLDEST_MAJOR)
        return drn_fail(err, DRN_ERR_DEVICE, "GPU %s has compute capability %d.%d, %d.0 is needed", d->name, d->major,
                        d->minor, OLDEST_MAJOR);
    return DRN_OK;
}

static drn_status read_environment(drn_cuda *d, drn_error *err)
{
    const char *conv = getenv("DRN_CUDA_CONV"), *tune = getenv("DRN_CUDA_TUNE");
    d->conv = -1;
    for (int i = 0; conv && i < DRN_DCONV_KINDS; i++)
        if (strcmp(conv, drn_dconv_names[i]) == 0)
            d->conv = i;
    if (conv && d->conv < 0 && strcmp(conv, "auto") != 0)
        return drn_fail(err, DRN_ERR_INVALID, "DRN_CUDA_CONV is '%.40s', must be auto, group, mma, cudnn or simple", conv);
    d->tune_setting = !tune ? -1 : strcmp(tune, "0") != 0;
    d->tune = d->tune_setting == 1;
    return DRN_OK;
}

static drn_status open_device(drn_cuda *d, drn_error *err)
{
    DRN_TRY(check_driver(err));
    DRN_TRY(choose_device(d, err));
    DRN_TRY(read_environment(d, err));
    DRN_CUDA_TRY(cudaStreamCreateWithFlags(&d->stream, cudaStreamNonBlocking), "starting the GPU");
    if (d->conv == DRN_DCONV_CUDNN && !drn_cuda_cudnn(d))
        return drn_fail(err, DRN_ERR_DEVICE, "GPU: DRN_CUDA_CONV=cudnn, but libcudnn.so.9 was not found; DRN_CUDNN may "
                                             "name its folder");
    return DRN_OK;
}

drn_cudnn *drn_cuda_cudnn(drn_cuda *d)
{
    if (!d->cudnn_tried && (d->conv < 0 || d->conv == DRN_DCONV_CUDNN))
        d->cudnn = drn_cudnn_open(d->stream);
    d->cudnn_tried = true;
    return d->cudnn;
}

drn_status drn_cuda_open(drn_cuda **out, drn_numbers precision, drn_error *err)
{
    drn_cuda *d;
    DRN_TRY(drn_calloc_to(&d, 1, sizeof *d, err));
    d->precision = precision;
    drn_status st = open_device(d, err);
    if (st != DRN_OK)
        drn_cuda_close(d);
    else
        *out = d;
    return st;
}

void drn_cuda_close(drn_cuda *d)
{
    if (!d)
        return;
    drn_cudnn_close(d->cudnn);
    if (d->stream)
        cudaStreamDestroy(d->stream);
    drn_free(d);
}

const char *drn_cuda_name(const drn_cuda *d)
{
    return d->name;
}

drn_status drn_cuda_get_info(drn_cuda_info *info, drn_cuda *d, drn_error *err)
{
    *info = (drn_cuda_info){.major = d->major, .minor = d->minor, .sms = d->sms, .cudnn = drn_cudnn_version(drn_cuda_cudnn(d))};
    memcpy(info->name, d->name, sizeof info->name);
    DRN_CUDA_TRY(cudaMemGetInfo(&info->free_bytes, &info->total_bytes), "asking the GPU for its memory");
    return DRN_OK;
}

/* Two thirds of what is free; bfloat16 takes half of the CPU's bytes, indices stay within 32 bits a row. */
size_t drn_cuda_arena_budget(drn_cuda *d)
{
    size_t free_bytes = 0, total = 0;
    if (cudaMemGetInfo(&free_bytes, &total) != cudaSuccess)
        return 0;
    return free_bytes / 3 * 2 * (d->precision == DRN_NUMBERS_BF16 ? 2 : 1);
}
