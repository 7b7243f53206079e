/* A build without NCCL's header: one GPU. */
#include "cuda/train.h"

static drn_status none(drn_error *err)
{
    return drn_fail(err, DRN_ERR_UNSUPPORTED, "this build has no NCCL (nccl.h was not found): training uses one GPU");
}

drn_status drn_nccl_open(drn_nccl **out, drn_error *err)
{
    (void)out;
    return none(err);
}

drn_status drn_nccl_make_id(drn_nccl *n, unsigned char *id, drn_error *err)
{
    (void)n, (void)id;
    return none(err);
}

drn_status drn_nccl_join(drn_nccl *n, int rank, int world, const unsigned char *id, drn_error *err)
{
    (void)n, (void)rank, (void)world, (void)id;
    return none(err);
}

void drn_nccl_free(drn_nccl *n)
{
    (void)n;
}

void drn_nccl_abort(drn_nccl *n)
{
    (void)n;
}

drn_status drn_nccl_broadcast(drn_nccl *n, float *data, size_t count, cudaStream_t stream, drn_error *err)
{
    (void)n, (void)data, (void)count, (void)stream;
    return none(err);
}

cudaError_t drn_nccl_sum(drn_nccl *n, float *data, size_t count, cudaStream_t stream)
{
    (void)n, (void)data, (void)count, (void)stream;
    return cudaErrorUnknown;
}

drn_status drn_nccl_explain(const drn_nccl *n, drn_status st, drn_error *err)
{
    (void)n, (void)err;
    return st;
}

drn_status drn_nccl_wait(drn_nccl *n, cudaStream_t stream, const drn_meeting *m, drn_error *err)
{
    (void)n, (void)stream, (void)m;
    return none(err);
}
