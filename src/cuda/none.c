/* A build without CUDA: the device cannot be opened, so nothing else is ever called. */
#include "cuda/cuda.h"

drn_status drn_cuda_open(drn_cuda **out, drn_cuda_precision precision, drn_error *err)
{
    (void)out;
    (void)precision;
    return drn_fail(err, DRN_ERR_UNSUPPORTED, "this build has no CUDA (configure with -DDRN_WITH_CUDA=ON); --device cpu "
                                              "or auto works without");
}

void drn_cuda_close(drn_cuda *d)
{
    (void)d;
}

drn_status drn_cuda_get_info(drn_cuda_info *info, drn_cuda *d, drn_error *err)
{
    (void)info, (void)d;
    return drn_fail(err, DRN_ERR_UNSUPPORTED, "this build has no CUDA");
}

size_t drn_cuda_arena_budget(drn_cuda *d)
{
    (void)d;
    return 0;
}

const drn_backend drn_cuda_backend = {0};
