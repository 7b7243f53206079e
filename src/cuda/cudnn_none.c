/* A build without cuDNN's headers. */
#include "cuda/run.h"

drn_cudnn *drn_cudnn_open(cudaStream_t stream)
{
    (void)stream;
    return NULL;
}

void drn_cudnn_close(drn_cudnn *n)
{
    (void)n;
}

int drn_cudnn_version(const drn_cudnn *n)
{
    (void)n;
    return 0;
}

int drn_cudnn_algorithms(drn_cudnn *n, const drn_dcall *c, drn_conv_pass pass, drn_numbers precision, int *list,
                         int most)
{
    (void)n, (void)c, (void)pass, (void)precision, (void)list, (void)most;
    return 0;
}

size_t drn_cudnn_workspace(drn_cudnn *n, const drn_dcall *c, drn_conv_pass pass, drn_numbers precision, int algo)
{
    (void)n, (void)c, (void)pass, (void)precision, (void)algo;
    return 0;
}

bool drn_cudnn_run(drn_cudnn *n, const drn_dcall *c, drn_conv_pass pass, drn_numbers precision, int algo, void *w,
                   bool accumulate, void *workspace, size_t bytes)
{
    (void)n, (void)c, (void)pass, (void)precision, (void)algo, (void)w, (void)accumulate, (void)workspace, (void)bytes;
    return false;
}
