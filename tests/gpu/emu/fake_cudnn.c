/* A stand-in for libcudnn.so.9 on the emulated device: plain loops over channels-last tensors.  It shows that
 * src/cuda/cudnn.c describes what it has in the right order and layout, as far as the documentation says. */
#include "cudnn.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct fake_handle {
    cudaStream_t stream;
};
struct fake_tensor {
    cudnnDataType_t type;
    int n, c, h, w;
};
struct fake_filter {
    cudnnDataType_t type;
    int k, c, h, w;
};
struct fake_conv {
    int pad, stride;
    cudnnMathType_t math;
};

enum { WORKSPACE = 512 };

#define CREATE(name, type)                                                                         \
    cudnnStatus_t cudnnCreate##name(struct type **d)                                               \
    {                                                                                              \
        *d = calloc(1, sizeof **d);                                                                \
        return CUDNN_STATUS_SUCCESS;                                                               \
    }                                                                                              \
    cudnnStatus_t cudnnDestroy##name(struct type *d)                                               \
    {                                                                                              \
        free(d);                                                                                   \
        return CUDNN_STATUS_SUCCESS;                                                               \
    }

CREATE(, fake_handle)
CREATE(TensorDescriptor, fake_tensor)
CREATE(FilterDescriptor, fake_filter)
CREATE(ConvolutionDescriptor, fake_conv)

size_t cudnnGetVersion(void)
{
    return 91900;
}

cudnnStatus_t cudnnSetStream(cudnnHandle_t h, cudaStream_t s)
{
    h->stream = s;
    return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnSetTensor4dDescriptor(cudnnTensorDescriptor_t d, cudnnTensorFormat_t f, cudnnDataType_t t, int n, int c,
                                         int h, int w)
{
    *d = (struct fake_tensor){t, n, c, h, w};
    return f == CUDNN_TENSOR_NHWC ? CUDNN_STATUS_SUCCESS : CUDNN_STATUS_BAD_PARAM;
}

cudnnStatus_t cudnnSetFilter4dDescriptor(cudnnFilterDescriptor_t d, cudnnDataType_t t, cudnnTensorFormat_t f, int k, int c,
                                         int h, int w)
{
    *d = (struct fake_filter){t, k, c, h, w};
    return f == CUDNN_TENSOR_NHWC ? CUDNN_STATUS_SUCCESS : CUDNN_STATUS_BAD_PARAM;
}

cudnnStatus_t cudnnSetConvolution2dDescriptor(cudnnConvolutionDescriptor_t d, int pad_h, int pad_w, int u, int v, int dh,
                                              int dw, cudnnConvolutionMode_t mode, cudnnDataType_t type)
{
    bool ok = pad_h == pad_w && u == v && dh == 1 && dw == 1 && mode == CUDNN_CROSS_CORRELATION && type == CUDNN_DATA_FLOAT;
    d->pad = pad_h;
    d->stride = u;
    return ok ? CUDNN_STATUS_SUCCESS : CUDNN_STATUS_BAD_PARAM;
}

cudnnStatus_t cudnnSetConvolutionMathType(cudnnConvolutionDescriptor_t d, cudnnMathType_t m)
{
    d->math = m;
    return CUDNN_STATUS_SUCCESS;
}

/* ---- numbers ---- */

static float load(const void *p, cudnnDataType_t t, size_t i)
{
    float v;
    uint32_t u;
    if (t == CUDNN_DATA_FLOAT)
        return ((const float *)p)[i];
    u = (uint32_t)((const uint16_t *)p)[i] << 16;
    memcpy(&v, &u, sizeof v);
    return v;
}

static void store(void *p, cudnnDataType_t t, size_t i, float v)
{
    uint32_t u;
    memcpy(&u, &v, sizeof u);
    if (t == CUDNN_DATA_FLOAT)
        ((float *)p)[i] = v;
    else
        ((uint16_t *)p)[i] = (uint16_t)((u + 0x7fff + (u >> 16 & 1)) >> 16);
}

static bool consistent(const struct fake_tensor *x, const struct fake_filter *w, const struct fake_conv *c,
                       const struct fake_tensor *y)
{
    return x->n == y->n && x->c == w->c && y->c == w->k && x->type == w->type && y->type == w->type &&
           y->h == (x->h + 2 * c->pad - w->h) / c->stride + 1 && y->w == (x->w + 2 * c->pad - w->w) / c->stride + 1;
}

/* Calls visit(ctx, index in x, in w, in y) for every product. */
typedef void (*visit_fn)(void *ctx, size_t x, size_t w, size_t y);

static void products(const struct fake_tensor *x, const struct fake_filter *w, const struct fake_conv *c,
                     const struct fake_tensor *y, visit_fn visit, void *ctx)
{
    for (int n = 0; n < y->n; n++)
        for (int oy = 0; oy < y->h; oy++)
            for (int ox = 0; ox < y->w; ox++)
                for (int r = 0; r < w->h; r++)
                    for (int s = 0; s < w->w; s++) {
                        int iy = oy * c->stride + r - c->pad, ix = ox * c->stride + s - c->pad;
                        if (iy < 0 || iy >= x->h || ix < 0 || ix >= x->w)
                            continue;
                        for (int k = 0; k < w->k; k++)
                            for (int i = 0; i < w->c; i++)
                                visit(ctx, (size_t)((n * x->h + iy) * x->w + ix) * (size_t)x->c + (size_t)i,
                                      (size_t)((k * w->h + r) * w->w + s) * (size_t)w->c + (size_t)i,
                                      (size_t)((n * y->h + oy) * y->w + ox) * (size_t)y->c + (size_t)k);
                    }
}

typedef struct sums {
    const void *a, *b;
    cudnnDataType_t type;
    float *out;
    int pass;
} sums;

static void visit(void *ctx, size_t x, size_t w, size_t y)
{
    sums *j = ctx;
    if (j->pass == 0)
        j->out[y] += load(j->a, j->type, x) * load(j->b, j->type, w);
    else if (j->pass == 1)
        j->out[x] += load(j->a, j->type, y) * load(j->b, j->type, w);
    else
        j->out[w] += load(j->a, j->type, x) * load(j->b, j->type, y);
}

static cudnnStatus_t run(int pass, const void *a, const void *b, void *out, size_t n, const void *beta,
                         const struct fake_tensor *x, const struct fake_filter *w, const struct fake_conv *c,
                         const struct fake_tensor *y, size_t bytes)
{
    if (!consistent(x, w, c, y) || bytes < WORKSPACE)
        return CUDNN_STATUS_BAD_PARAM;
    sums j = {a, b, x->type, calloc(n, sizeof(float)), pass};
    products(x, w, c, y, visit, &j);
    for (size_t i = 0; i < n; i++)
        store(out, x->type, i, j.out[i] + (*(const float *)beta != 0 ? *(const float *)beta * load(out, x->type, i) : 0));
    free(j.out);
    return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnConvolutionForward(cudnnHandle_t h, const void *alpha, cudnnTensorDescriptor_t xd, const void *x,
                                      cudnnFilterDescriptor_t wd, const void *w, cudnnConvolutionDescriptor_t c, int algo,
                                      void *space, size_t bytes, const void *beta, cudnnTensorDescriptor_t yd, void *y)
{
    (void)h, (void)alpha, (void)space;
    return algo != 1 ? CUDNN_STATUS_BAD_PARAM
                     : run(0, x, w, y, (size_t)(yd->n * yd->h * yd->w * yd->c), beta, xd, wd, c, yd, bytes);
}

cudnnStatus_t cudnnConvolutionBackwardData(cudnnHandle_t h, const void *alpha, cudnnFilterDescriptor_t wd, const void *w,
                                           cudnnTensorDescriptor_t yd, const void *dy, cudnnConvolutionDescriptor_t c,
                                           int algo, void *space, size_t bytes, const void *beta,
                                           cudnnTensorDescriptor_t xd, void *dx)
{
    (void)h, (void)alpha, (void)space;
    return algo != 1 ? CUDNN_STATUS_BAD_PARAM
                     : run(1, dy, w, dx, (size_t)(xd->n * xd->h * xd->w * xd->c), beta, xd, wd, c, yd, bytes);
}

cudnnStatus_t cudnnConvolutionBackwardFilter(cudnnHandle_t h, const void *alpha, cudnnTensorDescriptor_t xd, const void *x,
                                             cudnnTensorDescriptor_t yd, const void *dy, cudnnConvolutionDescriptor_t c,
                                             int algo, void *space, size_t bytes, const void *beta,
                                             cudnnFilterDescriptor_t wd, void *dw)
{
    (void)h, (void)alpha, (void)space;
    return algo != 1 ? CUDNN_STATUS_BAD_PARAM
                     : run(2, x, dy, dw, (size_t)(wd->k * wd->h * wd->w * wd->c), beta, xd, wd, c, yd, bytes);
}

/* One that is not supported, one that is not deterministic, one that is refused when run, one that works. */
static cudnnStatus_t offer(int most, int *got, fake_perf *perf)
{
    const fake_perf list[] = {{0, CUDNN_STATUS_BAD_PARAM, -1, 0, CUDNN_DETERMINISTIC, CUDNN_DEFAULT_MATH, {0}},
                              {3, CUDNN_STATUS_SUCCESS, -1, 0, CUDNN_NON_DETERMINISTIC, CUDNN_DEFAULT_MATH, {0}},
                              {1, CUDNN_STATUS_SUCCESS, -1, WORKSPACE, CUDNN_DETERMINISTIC, CUDNN_DEFAULT_MATH, {0}},
                              {2, CUDNN_STATUS_SUCCESS, -1, 0, CUDNN_DETERMINISTIC, CUDNN_DEFAULT_MATH, {0}}};
    *got = most < 4 ? most : 4;
    memcpy(perf, list, (size_t)*got * sizeof *perf);
    return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnGetConvolutionForwardAlgorithm_v7(cudnnHandle_t h, cudnnTensorDescriptor_t x, cudnnFilterDescriptor_t w,
                                                     cudnnConvolutionDescriptor_t c, cudnnTensorDescriptor_t y, int most,
                                                     int *got, fake_perf *perf)
{
    (void)h;
    return consistent(x, w, c, y) ? offer(most, got, perf) : CUDNN_STATUS_BAD_PARAM;
}

cudnnStatus_t cudnnGetConvolutionBackwardDataAlgorithm_v7(cudnnHandle_t h, cudnnFilterDescriptor_t w,
                                                          cudnnTensorDescriptor_t dy, cudnnConvolutionDescriptor_t c,
                                                          cudnnTensorDescriptor_t dx, int most, int *got, fake_perf *perf)
{
    (void)h;
    return consistent(dx, w, c, dy) ? offer(most, got, perf) : CUDNN_STATUS_BAD_PARAM;
}

cudnnStatus_t cudnnGetConvolutionBackwardFilterAlgorithm_v7(cudnnHandle_t h, cudnnTensorDescriptor_t x,
                                                            cudnnTensorDescriptor_t dy, cudnnConvolutionDescriptor_t c,
                                                            cudnnFilterDescriptor_t dw, int most, int *got, fake_perf *perf)
{
    (void)h;
    return consistent(x, dw, c, dy) ? offer(most, got, perf) : CUDNN_STATUS_BAD_PARAM;
}

cudnnStatus_t cudnnGetConvolutionForwardWorkspaceSize(cudnnHandle_t h, cudnnTensorDescriptor_t x, cudnnFilterDescriptor_t w,
                                                      cudnnConvolutionDescriptor_t c, cudnnTensorDescriptor_t y, int algo,
                                                      size_t *bytes)
{
    (void)h, (void)x, (void)w, (void)c, (void)y, (void)algo;
    *bytes = WORKSPACE;
    return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnGetConvolutionBackwardDataWorkspaceSize(cudnnHandle_t h, cudnnFilterDescriptor_t w,
                                                           cudnnTensorDescriptor_t dy, cudnnConvolutionDescriptor_t c,
                                                           cudnnTensorDescriptor_t dx, int algo, size_t *bytes)
{
    return cudnnGetConvolutionForwardWorkspaceSize(h, dx, w, c, dy, algo, bytes);
}

cudnnStatus_t cudnnGetConvolutionBackwardFilterWorkspaceSize(cudnnHandle_t h, cudnnTensorDescriptor_t x,
                                                             cudnnTensorDescriptor_t dy, cudnnConvolutionDescriptor_t c,
                                                             cudnnFilterDescriptor_t dw, int algo, size_t *bytes)
{
    return cudnnGetConvolutionForwardWorkspaceSize(h, x, dw, c, dy, algo, bytes);
}
