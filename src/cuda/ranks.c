/* Several GPUs, a process each. */
#include "cuda/train.h"

cudaError_t drn_nccl_sum(drn_nccl *n, float *data, size_t count, cudaStream_t stream)
{
    (void)n, (void)data, (void)count, (void)stream;
    return cudaErrorUnknown;
}

void drn_nccl_free(drn_nccl *n)
{
    (void)n;
}
