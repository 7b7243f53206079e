/* Where a network runs. */
#ifndef DRN_DEVICE_H
#define DRN_DEVICE_H

#include "drn/status.h"

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum drn_device {
    DRN_DEVICE_CPU = 0,
    DRN_DEVICE_CUDA = 1, /* an NVIDIA GPU; an error when there is none */
    DRN_DEVICE_AUTO = 2  /* the GPU when it can be used, else the CPU */
} drn_device;

/** Arithmetic on a GPU; the CPU always computes in float32. */
typedef enum drn_numbers {
    DRN_NUMBERS_BF16 = 0, /* bfloat16 features, float32 sums and pictures */
    DRN_NUMBERS_TF32 = 1, /* float32 features, the tensor cores' shortened products where cuDNN is found */
    DRN_NUMBERS_FP32 = 2  /* float32 throughout: the CPU's result up to rounding */
} drn_numbers;

/** Whether a device can be used here.
 *  @param device  AUTO is taken as CUDA.
 *  @param name    receives what it is called, size bytes; may be NULL.
 *  @return DRN_OK | DRN_ERR_UNSUPPORTED (build without CUDA) | DRN_ERR_DEVICE (no driver, too old, no GPU: the
 *  message says which) | DRN_ERR_INVALID (environment variables that choose it) | DRN_ERR_NOMEM.  Thread-safe. */
drn_status drn_device_check(drn_device device, char *name, size_t size, drn_error *err);

/** The GPU that would be used. */
typedef struct drn_device_info {
    char name[128];
    int32_t major, minor;         /* compute capability */
    int32_t multiprocessors;
    int32_t cudnn;                /* version of the cuDNN found at run time, 0: none */
    uint64_t memory, memory_free; /* bytes */
} drn_device_info;

/** Ask for it.
 *  @return as drn_device_check(); out is untouched on failure.  Thread-safe. */
drn_status drn_device_get_info(drn_device_info *out, drn_error *err);

#ifdef __cplusplus
}
#endif
#endif
