/* What benchmarks ask of the device: which convolutions were chosen, how long a forward pass takes. */
#include "base/mem.h"
#include "cuda/train.h"

#include <stdio.h>
#include <stdlib.h>

static const char *const passes[] = {"forward", "data", "weights"};

static int detail_of(const drn_dconv *d, int pass)
{
    if (d->kind[pass] == DRN_DCONV_MMA && pass != DRN_CONV_BACKWARD_WEIGHTS)
        return d->rows[pass];
    return d->kind[pass] == DRN_DCONV_CUDNN ? d->algo[pass] : 0;
}

/* The choice of one pass and what its rivals took. */
static int describe_pass(char *text, size_t size, const drn_dconv *d, int pass)
{
    int n = snprintf(text, size, "  %s %s/%d", passes[pass], drn_dconv_names[d->kind[pass]], detail_of(d, pass));
    for (int k = 0; k < DRN_DCONV_KINDS && n > 0 && (size_t)n < size; k++)
        if (d->ms[pass][k] > 0 && d->ms[pass][k] < 1e29f)
            n += snprintf(text + n, size - (size_t)n, " %s %.4f", drn_dconv_names[k], (double)d->ms[pass][k]);
    return n;
}

/* One line a convolution: geometry, what was chosen, the times that were taken. */
static void describe(const drn_drun *r, drn_cuda_line_fn line, void *ctx)
{
    for (size_t i = 0; i < r->count; i++) {
        const drn_dcall *c = &r->calls[i];
        const drn_dconv *d = &c->conv;
        char text[400];
        if (c->op != &drn_op_conv2d)
            continue;
        int n = snprintf(text, sizeof text, "%dx%dx%dx%d -> %d, %dx%d stride %d%s:", d->geom.n, d->geom.c, d->geom.h,
                         d->geom.w, d->geom.k, d->geom.r, d->geom.s, d->geom.stride, d->sub == 4 ? ", shuffled" : "");
        for (int pass = 0; pass < (c->training ? 3 : 1) && n > 0 && (size_t)n < sizeof text; pass++)
            n += describe_pass(text + n, sizeof text - (size_t)n, d, pass);
        line(ctx, text);
    }
}

void drn_cuda_train_describe(const drn_cuda_train *t, drn_cuda_line_fn line, void *ctx)
{
    if (t->run)
        describe(t->run, line, ctx);
}

static int by_value(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

static drn_status time_passes(float *ms, drn_drun *r, int repeats, const cudaEvent_t *event, drn_error *err)
{
    for (int i = -2; i < repeats; i++) { /* two to warm up */
        DRN_CUDA_TRY(cudaEventRecord(event[0], r->dev->stream), "timing the network");
        drn_drun_launch_forward(r);
        DRN_CUDA_TRY(cudaEventRecord(event[1], r->dev->stream), "timing the network");
        DRN_CUDA_TRY(cudaEventSynchronize(event[1]), "running the network");
        if (i >= 0)
            DRN_CUDA_TRY(cudaEventElapsedTime(&ms[i], event[0], event[1]), "timing the network");
    }
    DRN_CUDA_TRY(cudaGetLastError(), "starting the network");
    return drn_drun_check(r, err);
}

drn_status drn_cuda_time_forward(double *ms, drn_graph *g, drn_cuda *d, int repeats, drn_error *err)
{
    cudaEvent_t event[2] = {NULL, NULL};
    drn_drun *r = NULL;
    float *list = NULL;
    drn_status st = DRN_OK;
    DRN_CHECK(drn_alloc_to(&list, (size_t)repeats, sizeof *list, err));
    DRN_CHECK(drn_drun_open(&r, g, d, NULL, err));
    drn_dk_noise(r->arena, r->arena_bytes / 2, d->stream);
    drn_dk_noise(r->params.value, 2 * r->params.host->elements, d->stream);
    drn_drun_pack(r);
    for (int i = 0; i < 2; i++) {
        cudaError_t e = cudaEventCreate(&event[i]);
        if (e != cudaSuccess) {
            st = drn_cuda_fail(e, "timing the network", err);
            goto done;
        }
    }
    DRN_CHECK(time_passes(list, r, repeats, event, err));
    qsort(list, (size_t)repeats, sizeof *list, by_value);
    *ms = (double)list[repeats / 2];
done:
    for (int i = 0; i < 2; i++)
        if (event[i])
            cudaEventDestroy(event[i]);
    drn_drun_close(r);
    drn_free(list);
    return st;
}
