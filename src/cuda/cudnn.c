/* cuDNN 9, loaded when wanted: the program starts without it.  Convolutions of features in the legacy interface,
 * channels last, float32 sums; descriptors are made for each call, which costs microseconds on the host and
 * nothing once a step is captured. */
#include "base/mem.h"
#include "cuda/library.h"
#include "cuda/run.h"

#include <cudnn.h>

enum { MOST = 8, WORKSPACE_MIB = 256 };

#define FUNCTIONS(f)                                                                               \
    f(cudnnGetVersion) f(cudnnCreate) f(cudnnDestroy) f(cudnnSetStream) f(cudnnCreateTensorDescriptor)         \
        f(cudnnDestroyTensorDescriptor) f(cudnnSetTensor4dDescriptor) f(cudnnCreateFilterDescriptor)           \
            f(cudnnDestroyFilterDescriptor) f(cudnnSetFilter4dDescriptor) f(cudnnCreateConvolutionDescriptor)  \
                f(cudnnDestroyConvolutionDescriptor) f(cudnnSetConvolution2dDescriptor)                        \
                    f(cudnnSetConvolutionMathType) f(cudnnGetConvolutionForwardAlgorithm_v7)                   \
                        f(cudnnGetConvolutionBackwardDataAlgorithm_v7)                                         \
                            f(cudnnGetConvolutionBackwardFilterAlgorithm_v7)                                   \
                                f(cudnnGetConvolutionForwardWorkspaceSize)                                     \
                                    f(cudnnGetConvolutionBackwardDataWorkspaceSize)                            \
                                        f(cudnnGetConvolutionBackwardFilterWorkspaceSize)                      \
                                            f(cudnnConvolutionForward) f(cudnnConvolutionBackwardData)         \
                                                f(cudnnConvolutionBackwardFilter)

struct drn_cudnn {
    void *library;
    cudnnHandle_t handle;
    int version;
#define MEMBER(name) __typeof__(&name) name;
    FUNCTIONS(MEMBER)
#undef MEMBER
};

static bool load(drn_cudnn *n)
{
    bool all = true;
#define LOAD(fn) all &= drn_library_symbol(&n->fn, n->library, #fn);
    FUNCTIONS(LOAD)
#undef LOAD
    return all;
}

drn_cudnn *drn_cudnn_open(cudaStream_t stream)
{
    drn_cudnn *n = drn_calloc(1, sizeof *n);
    if (!n)
        return NULL;
    n->library = drn_library_open("DRN_CUDNN", "libcudnn.so.9", "cudnn");
    if (n->library && load(n) && (n->version = (int)n->cudnnGetVersion()) / 10000 == CUDNN_MAJOR &&
        n->cudnnCreate(&n->handle) == CUDNN_STATUS_SUCCESS && n->cudnnSetStream(n->handle, stream) == CUDNN_STATUS_SUCCESS)
        return n;
    drn_cudnn_close(n);
    return NULL;
}

void drn_cudnn_close(drn_cudnn *n)
{
    if (!n)
        return;
    if (n->handle)
        n->cudnnDestroy(n->handle);
    drn_free(n); /* the library stays: unloading it is what goes wrong in practice */
}

int drn_cudnn_version(const drn_cudnn *n)
{
    return n ? n->version : 0;
}

/* ---- descriptors ---- */

typedef struct descriptors {
    cudnnTensorDescriptor_t x, y;
    cudnnFilterDescriptor_t w;
    cudnnConvolutionDescriptor_t conv;
} descriptors;

static void drop(drn_cudnn *n, descriptors *d)
{
    if (d->x)
        n->cudnnDestroyTensorDescriptor(d->x);
    if (d->y)
        n->cudnnDestroyTensorDescriptor(d->y);
    if (d->w)
        n->cudnnDestroyFilterDescriptor(d->w);
    if (d->conv)
        n->cudnnDestroyConvolutionDescriptor(d->conv);
}

static bool set_tensor(drn_cudnn *n, cudnnTensorDescriptor_t *d, drn_dten t)
{
    return n->cudnnCreateTensorDescriptor(d) == CUDNN_STATUS_SUCCESS &&
           n->cudnnSetTensor4dDescriptor(*d, CUDNN_TENSOR_NHWC, t.half ? CUDNN_DATA_BFLOAT16 : CUDNN_DATA_FLOAT, t.n, t.cs,
                                         t.h, t.w) == CUDNN_STATUS_SUCCESS;
}

static cudnnMathType_t math_of(drn_numbers numbers)
{
    return numbers == DRN_NUMBERS_BF16   ? CUDNN_TENSOR_OP_MATH
           : numbers == DRN_NUMBERS_TF32 ? CUDNN_DEFAULT_MATH /* lets float32 use TF32 */
                                         : CUDNN_FMA_MATH;
}

/* Channels with the zero lanes: they cost little and keep the lanes zero. */
static bool describe(drn_cudnn *n, descriptors *d, const drn_dcall *c, drn_numbers numbers)
{
    const drn_conv_geom *g = &c->conv.geom;
    drn_dten x = c->in[0], y = c->out;
    *d = (descriptors){0};
    if (set_tensor(n, &d->x, x) && set_tensor(n, &d->y, y) && n->cudnnCreateFilterDescriptor(&d->w) == CUDNN_STATUS_SUCCESS &&
        n->cudnnSetFilter4dDescriptor(d->w, x.half ? CUDNN_DATA_BFLOAT16 : CUDNN_DATA_FLOAT, CUDNN_TENSOR_NHWC, y.cs, x.cs,
                                      g->r, g->s) == CUDNN_STATUS_SUCCESS &&
        n->cudnnCreateConvolutionDescriptor(&d->conv) == CUDNN_STATUS_SUCCESS &&
        n->cudnnSetConvolution2dDescriptor(d->conv, g->pad, g->pad, g->stride, g->stride, 1, 1, CUDNN_CROSS_CORRELATION,
                                           CUDNN_DATA_FLOAT) == CUDNN_STATUS_SUCCESS &&
        n->cudnnSetConvolutionMathType(d->conv, math_of(numbers)) == CUDNN_STATUS_SUCCESS)
        return true;
    drop(n, d);
    return false;
}

/* ---- algorithms ---- */

#define TAKE(perf)                                                                                 \
    for (int i = 0; i < got && count < most; i++)                                                  \
        if ((perf)[i].status == CUDNN_STATUS_SUCCESS && (perf)[i].memory <= (size_t)WORKSPACE_MIB << 20 &&          \
            (perf)[i].determinism == CUDNN_DETERMINISTIC)                                          \
            list[count++] = (int)(perf)[i].algo;

int drn_cudnn_algorithms(drn_cudnn *n, const drn_dcall *c, drn_conv_pass pass, drn_numbers numbers, int *list, int most)
{
    descriptors d;
    int got = 0, count = 0;
    if (!describe(n, &d, c, numbers))
        return 0;
    if (pass == DRN_CONV_FORWARD) {
        cudnnConvolutionFwdAlgoPerf_t perf[MOST];
        if (n->cudnnGetConvolutionForwardAlgorithm_v7(n->handle, d.x, d.w, d.conv, d.y, MOST, &got, perf) == CUDNN_STATUS_SUCCESS)
            TAKE(perf)
    } else if (pass == DRN_CONV_BACKWARD_DATA) {
        cudnnConvolutionBwdDataAlgoPerf_t perf[MOST];
        if (n->cudnnGetConvolutionBackwardDataAlgorithm_v7(n->handle, d.w, d.y, d.conv, d.x, MOST, &got, perf) ==
            CUDNN_STATUS_SUCCESS)
            TAKE(perf)
    } else {
        cudnnConvolutionBwdFilterAlgoPerf_t perf[MOST];
        if (n->cudnnGetConvolutionBackwardFilterAlgorithm_v7(n->handle, d.x, d.y, d.conv, d.w, MOST, &got, perf) ==
            CUDNN_STATUS_SUCCESS)
            TAKE(perf)
    }
    drop(n, &d);
    return count;
}

size_t drn_cudnn_workspace(drn_cudnn *n, const drn_dcall *c, drn_conv_pass pass, drn_numbers numbers, int algo)
{
    descriptors d;
    size_t bytes = 0;
    if (!describe(n, &d, c, numbers))
        return 0;
    if (pass == DRN_CONV_FORWARD)
        n->cudnnGetConvolutionForwardWorkspaceSize(n->handle, d.x, d.w, d.conv, d.y, (cudnnConvolutionFwdAlgo_t)algo, &bytes);
    else if (pass == DRN_CONV_BACKWARD_DATA)
        n->cudnnGetConvolutionBackwardDataWorkspaceSize(n->handle, d.w, d.y, d.conv, d.x,
                                                        (cudnnConvolutionBwdDataAlgo_t)algo, &bytes);
    else
        n->cudnnGetConvolutionBackwardFilterWorkspaceSize(n->handle, d.x, d.y, d.conv, d.w,
                                                          (cudnnConvolutionBwdFilterAlgo_t)algo, &bytes);
    drop(n, &d);
    return bytes;
}

bool drn_cudnn_run(drn_cudnn *n, const drn_dcall *c, drn_conv_pass pass, drn_numbers numbers, int algo, void *w,
                   bool accumulate, void *workspace, size_t bytes)
{
    const float one = 1, beta = accumulate ? 1 : 0;
    descriptors d;
    cudnnStatus_t st;
    if (!describe(n, &d, c, numbers))
        return false;
    if (pass == DRN_CONV_FORWARD)
        st = n->cudnnConvolutionForward(n->handle, &one, d.x, c->in[0].p, d.w, w, d.conv, (cudnnConvolutionFwdAlgo_t)algo,
                                        workspace, bytes, &beta, d.y, c->out.p);
    else if (pass == DRN_CONV_BACKWARD_DATA)
        st = n->cudnnConvolutionBackwardData(n->handle, &one, d.w, w, d.y, c->dout.p, d.conv,
                                             (cudnnConvolutionBwdDataAlgo_t)algo, workspace, bytes, &beta, d.x, c->din[0].p);
    else
        st = n->cudnnConvolutionBackwardFilter(n->handle, &one, d.x, c->in[0].p, d.y, c->dout.p, d.conv,
                                               (cudnnConvolutionBwdFilterAlgo_t)algo, workspace, bytes, &beta, d.w, w);
    drop(n, &d);
    return st == CUDNN_STATUS_SUCCESS;
}
