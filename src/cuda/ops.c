/* The graph's operations on the device, one short function a direction; the arithmetic is that of src/ops. */
#include "base/mem.h"
#include "cuda/run.h"
#include "kernels/bicubic.h"
#include "loss/internal.h"

#include <string.h>

static cudaStream_t stream(const drn_drun *r)
{
    return r->dev->stream;
}

/* ---- element-wise ---- */

static void add_forward(drn_drun *r, drn_dcall *c)
{
    drn_dk_add(c->out, c->in[0], c->in[1], stream(r));
}

static void add_backward(drn_drun *r, drn_dcall *c)
{
    for (int i = 0; i < 2; i++)
        if (c->din[i].p)
            drn_dk_scale(c->din[i], c->dout, 1, c->accumulate[i], stream(r));
}

static void scale_forward(drn_drun *r, drn_dcall *c)
{
    drn_dk_scale(c->out, c->in[0], (float)c->attr.alpha, 0, stream(r));
}

static void scale_backward(drn_drun *r, drn_dcall *c)
{
    if (c->din[0].p)
        drn_dk_scale(c->din[0], c->dout, (float)c->attr.alpha, c->accumulate[0], stream(r));
}

static void leaky_forward(drn_drun *r, drn_dcall *c)
{
    drn_dk_leaky(c->out, c->in[0], (float)c->attr.slope, stream(r));
}

static void leaky_backward(drn_drun *r, drn_dcall *c)
{
    if (c->din[0].p)
        drn_dk_leaky_backward(c->din[0], c->dout, c->out, (float)c->attr.slope, c->accumulate[0], stream(r));
}

static void detach_forward(drn_drun *r, drn_dcall *c)
{
    drn_dk_scale(c->out, c->in[0], 1, 0, stream(r));
}

static size_t channel_scratch(const drn_drun *r, const drn_dcall *c)
{
    (void)r;
    return drn_dk_sums_bytes(c->out) + 3 * (size_t)c->out.c * sizeof(float);
}

static void prelu_forward(drn_drun *r, drn_dcall *c)
{
    drn_dk_prelu(c->out, c->in[0], c->in[1].p, stream(r));
}

static void prelu_backward(drn_drun *r, drn_dcall *c)
{
    drn_dk_prelu_backward(c->din[0], c->din[1].p, c->dout, c->in[0], c->in[1].p, c->accumulate[0],
                          (double *)(void *)r->scratch, stream(r));
}

/* State: mul[4], shift[4]. */
static size_t affine_state(const drn_dcall *c)
{
    (void)c;
    return 8 * sizeof(float);
}

static drn_status affine_setup(drn_drun *r, drn_dcall *c, drn_error *err)
{
    float v[8];
    for (int i = 0; i < 4; i++) {
        v[i] = (float)c->attr.mul[i];
        v[4 + i] = (float)c->attr.shift[i];
    }
    DRN_CUDA_TRY(cudaMemcpyAsync(c->state, v, sizeof v, cudaMemcpyHostToDevice, stream(r)), "copying constants");
    DRN_CUDA_TRY(cudaStreamSynchronize(stream(r)), "copying constants");
    return DRN_OK;
}

static void affine_forward(drn_drun *r, drn_dcall *c)
{
    const float *v = (const float *)(const void *)c->state;
    drn_dk_affine(c->out, c->in[0], v, v + 4, 0, stream(r));
}

static void affine_backward(drn_drun *r, drn_dcall *c)
{
    if (c->din[0].p)
        drn_dk_affine(c->din[0], c->dout, (const float *)(const void *)c->state, NULL, c->accumulate[0], stream(r));
}

/* ---- batch norm ---- */

/* State: mean[c], 1/std[c] in double. */
static size_t norm_state(const drn_dcall *c)
{
    return 2 * (size_t)c->out.c * sizeof(double);
}

static drn_dnorm norm_of(drn_drun *r, drn_dcall *c, const double *sums)
{
    void *coefficients = r->scratch + drn_dk_sums_bytes(c->out);
    return (drn_dnorm){.gamma = c->in[1].p,
                       .beta = c->in[2].p,
                       .mean = c->in[3].p,
                       .var = c->in[4].p,
                       .dgamma = c->din[1].p,
                       .dbeta = c->din[2].p,
                       .state = (double *)(void *)c->state,
                       .sums = sums,
                       .coefficients = coefficients,
                       .eps = c->attr.eps,
                       .momentum = c->attr.momentum,
                       .pixels = (double)c->out.n * c->out.h * c->out.w,
                       .c = c->out.c,
                       .training = c->training};
}

static void norm_forward(drn_drun *r, drn_dcall *c)
{
    const double *sums = NULL;
    if (c->training)
        sums = drn_dk_channel_sums((double *)(void *)r->scratch, c->in[0], c->in[0], stream(r));
    drn_dnorm n = norm_of(r, c, sums);
    drn_dk_norm_forward(n, stream(r));
    drn_dk_affine(c->out, c->in[0], n.coefficients, n.coefficients + n.c, 0, stream(r));
}

static void norm_backward(drn_drun *r, drn_dcall *c)
{
    drn_dnorm n = norm_of(r, c, drn_dk_channel_sums((double *)(void *)r->scratch, c->dout, c->in[0], stream(r)));
    drn_dk_norm_backward(n, stream(r));
    if (!c->din[0].p)
        return;
    drn_dk_affine(c->din[0], c->dout, n.coefficients, n.coefficients + n.c, c->accumulate[0], stream(r));
    drn_dk_affine(c->din[0], c->in[0], n.coefficients + 2 * n.c, NULL, 1, stream(r));
}

/* ---- shapes ---- */

static void clear(drn_drun *r, drn_dten t)
{
    size_t bytes = (size_t)t.n * (size_t)t.h * (size_t)t.w * (size_t)t.cs * (t.half ? 2 : 4);
    cudaMemsetAsync(t.p, 0, bytes, stream(r));
}

static void concat_forward(drn_drun *r, drn_dcall *c)
{
    int32_t at = 0;
    if (c->out.cs != c->out.c)
        clear(r, c->out);
    for (int i = 0; i < c->inputs; at += c->in[i].c, i++)
        drn_dk_window(c->out, at, 0, 0, c->in[i], 0, 0, 0, c->in[i].c, c->out.h, c->out.w, 0, stream(r));
}

static void concat_backward(drn_drun *r, drn_dcall *c)
{
    int32_t at = 0;
    for (int i = 0; i < c->inputs; at += c->in[i].c, i++) {
        if (!c->din[i].p)
            continue;
        if (!c->accumulate[i] && c->din[i].cs != c->din[i].c)
            clear(r, c->din[i]);
        drn_dk_window(c->din[i], 0, 0, 0, c->dout, at, 0, 0, c->in[i].c, c->out.h, c->out.w, c->accumulate[i], stream(r));
    }
}

typedef struct overlap {
    int32_t oy, ox, sy, sx, h, w; /* corner in the output, corner in the input, size */
} overlap;

static int32_t max0(int32_t v)
{
    return v > 0 ? v : 0;
}

static overlap overlap_of(const drn_dcall *c)
{
    const drn_attr *a = &c->attr;
    overlap o = {max0(a->y), max0(a->x), max0(-a->y), max0(-a->x), 0, 0};
    int32_t h = a->h - o.oy, w = a->w - o.ox, ih = c->in[0].h - o.sy, iw = c->in[0].w - o.sx;
    o.h = max0(h < ih ? h : ih);
    o.w = max0(w < iw ? w : iw);
    return o;
}

static void window_forward(drn_drun *r, drn_dcall *c)
{
    overlap o = overlap_of(c);
    clear(r, c->out);
    drn_dk_window(c->out, 0, o.oy, o.ox, c->in[0], 0, o.sy, o.sx, c->out.c, o.h, o.w, 0, stream(r));
}

static void window_backward(drn_drun *r, drn_dcall *c)
{
    overlap o = overlap_of(c);
    if (!c->din[0].p)
        return;
    if (!c->accumulate[0])
        clear(r, c->din[0]);
    drn_dk_window(c->din[0], 0, o.sy, o.sx, c->dout, 0, o.oy, o.ox, c->out.c, o.h, o.w, 1, stream(r));
}

static void shuffle_forward(drn_drun *r, drn_dcall *c)
{
    drn_dk_shuffle(c->out, c->in[0], c->attr.factor, stream(r));
}

static void shuffle_backward(drn_drun *r, drn_dcall *c)
{
    if (c->din[0].p)
        drn_dk_shuffle_backward(c->din[0], c->dout, c->attr.factor, c->accumulate[0], stream(r));
}

/* ---- bicubic resize ----
 * State: the weights of rows and columns and of their adjoints, each as start[n+1], index[], weight[]. */

static double scale_of(const drn_dcall *c)
{
    return c->attr.factor > 0 ? c->attr.factor : -1.0 / c->attr.factor;
}

typedef struct axis_size {
    size_t in, out, entries;
} axis_size;

static axis_size axis_of(const drn_dcall *c, bool rows)
{
    size_t in = (size_t)(rows ? c->in[0].h : c->in[0].w), out = (size_t)(rows ? c->out.h : c->out.w);
    return (axis_size){in, out, out * (size_t)drn_bicubic_taps(scale_of(c))};
}

static size_t axis_words(axis_size a)
{
    return (a.out + 1) + (a.in + 1) + 4 * a.entries;
}

static size_t resize_state(const drn_dcall *c)
{
    return 4 * (axis_words(axis_of(c, true)) + axis_words(axis_of(c, false)));
}

/* Where the parts of an axis lie from word `at` on. */
static drn_daxis axis_at(const char *base, size_t at, axis_size a, bool adjoint)
{
    const int32_t *words = (const int32_t *)(const void *)base + at + (adjoint ? a.out + 1 + 2 * a.entries : 0);
    size_t n = adjoint ? a.in : a.out;
    return (drn_daxis){words, words + n + 1, (const float *)(const void *)(words + n + 1 + a.entries)};
}

/* Fill one axis and its adjoint: the same weights sorted by input. */
static drn_status fill_axis(char *base, size_t at, axis_size a, double scale, drn_error *err)
{
    drn_daxis f = axis_at(base, at, a, false), b = axis_at(base, at, a, true);
    int32_t *start = (int32_t *)(uintptr_t)f.start, *index = (int32_t *)(uintptr_t)f.index, *count;
    int32_t *bstart = (int32_t *)(uintptr_t)b.start, *bindex = (int32_t *)(uintptr_t)b.index;
    float *weight = (float *)(uintptr_t)f.weight, *bweight = (float *)(uintptr_t)b.weight;
    size_t taps = a.entries / a.out;
    double *exact;
    DRN_TRY(drn_alloc_to(&exact, a.entries, sizeof *exact, err));
    if (drn_calloc_to(&count, a.in + 1, sizeof *count, err) != DRN_OK) {
        drn_free(exact);
        return DRN_ERR_NOMEM;
    }
    drn_bicubic_table(index, exact, (int32_t)a.in, (int32_t)a.out, scale, false);
    for (size_t o = 0; o <= a.out; o++)
        start[o] = (int32_t)(o * taps);
    for (size_t i = 0; i < a.entries; i++) {
        weight[i] = (float)exact[i];
        count[index[i]]++;
    }
    bstart[0] = 0;
    for (size_t i = 0; i < a.in; i++) {
        bstart[i + 1] = bstart[i] + count[i];
        count[i] = bstart[i];
    }
    for (size_t i = 0; i < a.entries; i++) {
        int32_t to = count[index[i]]++;
        bindex[to] = (int32_t)(i / taps);
        bweight[to] = weight[i];
    }
    drn_free(count);
    drn_free(exact);
    return DRN_OK;
}

static drn_status resize_setup(drn_drun *r, drn_dcall *c, drn_error *err)
{
    char *host;
    axis_size rows = axis_of(c, true), cols = axis_of(c, false);
    DRN_TRY(drn_calloc_to(&host, resize_state(c), 1, err));
    drn_status st = fill_axis(host, 0, rows, scale_of(c), err);
    if (st == DRN_OK)
        st = fill_axis(host, axis_words(rows), cols, scale_of(c), err);
    if (st == DRN_OK) {
        cudaError_t e = cudaMemcpyAsync(c->state, host, resize_state(c), cudaMemcpyHostToDevice, stream(r));
        e = e == cudaSuccess ? cudaStreamSynchronize(stream(r)) : e;
        if (e != cudaSuccess)
            st = drn_cuda_fail(e, "copying bicubic weights", err);
    }
    drn_free(host);
    return st;
}

static size_t resize_scratch(const drn_drun *r, const drn_dcall *c)
{
    (void)r;
    size_t forward = (size_t)c->out.h * (size_t)c->in[0].w, backward = (size_t)c->in[0].h * (size_t)c->out.w;
    return (size_t)c->out.n * (size_t)c->out.cs * (forward > backward ? forward : backward) * sizeof(float);
}

static void resize(drn_drun *r, drn_dcall *c, drn_dten to, drn_dten from, bool adjoint, int accumulate)
{
    axis_size rows = axis_of(c, true), cols = axis_of(c, false);
    drn_dk_resize(to, (float *)(void *)r->scratch, from, axis_at(c->state, 0, rows, adjoint),
                  axis_at(c->state, axis_words(rows), cols, adjoint), accumulate, stream(r));
}

static void resize_forward(drn_drun *r, drn_dcall *c)
{
    resize(r, c, c->out, c->in[0], false, 0);
}

static void resize_backward(drn_drun *r, drn_dcall *c)
{
    if (c->din[0].p)
        resize(r, c, c->din[0], c->dout, true, c->accumulate[0]);
}

/* ---- losses: state is the mask ---- */

static drn_loss_kind loss_kind(const drn_op *op)
{
    int kind = DRN_LOSS_MSE;
    while (kind < DRN_LOSS_GS && drn_loss_op((drn_loss_kind)kind) != op)
        kind++;
    return (drn_loss_kind)kind;
}

static size_t loss_elements(const drn_dcall *c)
{
    return (size_t)c->in[0].n * (size_t)c->in[0].h * (size_t)c->in[0].w * (size_t)c->in[0].c;
}

static size_t loss_state(const drn_dcall *c)
{
    return loss_elements(c) * sizeof(float);
}

static size_t loss_scratch(const drn_drun *r, const drn_dcall *c)
{
    (void)r;
    return drn_dk_loss_bytes(c->in[0]);
}

static drn_dloss loss_of(drn_drun *r, drn_dcall *c)
{
    loss_spec s = drn_loss_spec(loss_kind(c->op), &c->attr);
    double norm = c->attr.sum ? 1 : 1 / (double)loss_elements(c);
    return (drn_dloss){.p = c->in[0],
                       .t = c->in[1],
                       .gradient = norm * s.gradient,
                       .weight = norm * s.weight,
                       .eps = s.eps,
                       .pixel = s.pixel,
                       .mask = s.masked ? (float *)(void *)c->state : NULL,
                       .scratch = (double *)(void *)r->scratch};
}

static void loss_forward(drn_drun *r, drn_dcall *c)
{
    drn_dk_loss_forward(loss_of(r, c), c->out.p, stream(r));
}

static void loss_backward(drn_drun *r, drn_dcall *c)
{
    drn_dk_loss_backward(loss_of(r, c), c->dout.p, c->din[0], c->accumulate[0], c->din[1], c->accumulate[1], stream(r));
}

/* ---- the table ---- */

static const drn_dop table[] = {
    {&drn_op_conv2d, NULL, drn_dconv_scratch_bytes, NULL, drn_dconv_forward, drn_dconv_backward},
    {&drn_op_conv_transpose2d, NULL, drn_dconv_scratch_bytes, NULL, drn_dconv_transpose_forward,
     drn_dconv_transpose_backward},
    {&drn_op_leaky_relu, NULL, NULL, NULL, leaky_forward, leaky_backward},
    {&drn_op_prelu, NULL, channel_scratch, NULL, prelu_forward, prelu_backward},
    {&drn_op_add, NULL, NULL, NULL, add_forward, add_backward},
    {&drn_op_scale, NULL, NULL, NULL, scale_forward, scale_backward},
    {&drn_op_affine, affine_state, NULL, affine_setup, affine_forward, affine_backward},
    {&drn_op_concat, NULL, NULL, NULL, concat_forward, concat_backward},
    {&drn_op_batch_norm, norm_state, channel_scratch, NULL, norm_forward, norm_backward},
    {&drn_op_pixel_shuffle, NULL, NULL, NULL, shuffle_forward, shuffle_backward},
    {&drn_op_resize, resize_state, resize_scratch, resize_setup, resize_forward, resize_backward},
    {&drn_op_window, NULL, NULL, NULL, window_forward, window_backward},
    {&drn_op_detach, NULL, NULL, NULL, detach_forward, NULL},
};

const drn_dop *drn_dop_find(const drn_op *op)
{
    static const drn_dop loss = {NULL, loss_state, loss_scratch, NULL, loss_forward, loss_backward};
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (table[i].op == op)
            return &table[i];
    return drn_loss_op(loss_kind(op)) == op ? &loss : NULL;
}
