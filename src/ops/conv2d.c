/* conv2d: y[N,K,OH,OW] = act(x[N,C,H,W] (*) w[K,C,R,S] + b[K]) + residual.  Zero padding, one stride
 * and pad for both axes.  Activation, residual and, in inference, a PReLU's slopes [K] and a pixel
 * shuffle of the result by attr.factor are put there by the graph's fusion. */
#include "ops/op.h"

#include <string.h>

static drn_conv_geom geom(const drn_call *c)
{
    drn_shape x = c->in_shape[0], w = c->in_shape[1], y = c->out_shape;
    int32_t f = c->attr->factor > 1 ? c->attr->factor : 1;
    return (drn_conv_geom){x.n,     x.c,     x.h, x.w, w.n, w.h, w.w, y.h / f, y.w / f, c->attr->stride,
                           c->attr->pad, 0, {0}};
}

static int bias_index(const drn_call *c)
{
    return c->inputs - c->attr->residual - c->attr->prelu > 2 ? 2 : -1;
}

static drn_conv_epilogue epilogue(const drn_call *c, const void *residual)
{
    int b = bias_index(c);
    return (drn_conv_epilogue){
        .bias = b > 0 ? c->in[b] : NULL,
        .residual = residual,
        .activate = c->attr->activate,
        .slope = c->attr->slope,
        .slopes = c->attr->prelu ? c->in[c->inputs - c->attr->residual - 1] : NULL,
    };
}

/* Geometry of the forward pass: the kernel chosen may shuffle by itself. */
static drn_conv_geom forward_geom(const drn_call *c)
{
    drn_conv_geom g = geom(c);
    g.shuffle = c->conv_shuffles ? 2 : 0;
    return g;
}

static bool shuffles_after(const drn_call *c)
{
    return c->attr->factor > 1 && !c->conv_shuffles;
}

static drn_status shape(drn_shape *out, const drn_shape *in, int inputs, const drn_attr *attr,
                        drn_error *err)
{
    drn_shape x = in[0], w = in[1];
    if (attr->stride < 1 || attr->pad < 0)
        return drn_fail(err, DRN_ERR_INVALID, "conv2d: stride %d, pad %d", attr->stride, attr->pad);
    if (w.c != x.c)
        return drn_fail(err, DRN_ERR_INVALID, "conv2d: weights for %d channels, input has %d", w.c, x.c);
    if (inputs - attr->residual - attr->prelu > 2 && in[2].n != w.n)
        return drn_fail(err, DRN_ERR_INVALID, "conv2d: %d biases for %d filters", in[2].n, w.n);
    int64_t h = (int64_t)x.h + 2 * (int64_t)attr->pad - w.h, v = (int64_t)x.w + 2 * (int64_t)attr->pad - w.w;
    if (h < 0 || v < 0 || h / attr->stride >= INT32_MAX || v / attr->stride >= INT32_MAX)
        return drn_fail(err, DRN_ERR_INVALID, "conv2d: kernel %dx%d on %dx%d with pad %d", w.h, w.w, x.h,
                        x.w, attr->pad);
    *out = (drn_shape){x.n, w.n, (int32_t)(h / attr->stride + 1), (int32_t)(v / attr->stride + 1)};
    if (attr->residual && !drn_shape_equal(*out, in[inputs - 1]))
        return drn_fail(err, DRN_ERR_INVALID, "conv2d: the residual has another shape");
    return DRN_OK;
}

static void plan(drn_call *c)
{
    drn_conv_geom g = geom(c);
    for (int pass = 0; pass < (c->training ? 3 : 1); pass++)
        c->conv[pass] = drn_conv_choose(&g, (drn_conv_pass)pass, c->type);
    if (c->training || c->type != DRN_FLOAT32)
        return;
    c->conv[DRN_CONV_FORWARD] = drn_conv_choose_inference(&g);
    g.shuffle = 2;
    const drn_conv_impl *fused = c->attr->factor == 2 ? drn_conv_choose_shuffled(&g) : NULL;
    c->conv_shuffles = fused != NULL;
    if (fused)
        c->conv[DRN_CONV_FORWARD] = fused;
}

static size_t align64(size_t n)
{
    return (n + 63) / 64 * 64;
}

static size_t packed_bytes(const drn_call *c, drn_conv_pass pass)
{
    drn_conv_geom g = pass == DRN_CONV_FORWARD ? forward_geom(c) : geom(c);
    return c->conv[pass] ? align64(c->conv[pass]->pack_bytes(&g, pass)) : 0;
}

static size_t state_bytes(const drn_call *c)
{
    return packed_bytes(c, DRN_CONV_FORWARD) + packed_bytes(c, DRN_CONV_BACKWARD_DATA);
}

/* Bytes of the result before a shuffle that the kernel does not do. */
static size_t plain_bytes(const drn_call *c)
{
    drn_conv_geom g = geom(c);
    drn_shape y = {g.n, g.k, g.oh, g.ow};
    return shuffles_after(c) ? align64(drn_elements(y) * drn_dtype_size(c->type)) : 0;
}

static size_t scratch_bytes(const drn_call *c)
{
    drn_conv_geom g = forward_geom(c);
    size_t most = 0;
    for (int pass = 0; pass < 3; pass++)
        if (c->conv[pass]) {
            size_t n = c->conv[pass]->scratch_bytes(&g, (drn_conv_pass)pass, drn_pool_threads(c->pool));
            most = n > most ? n : most;
        }
    return most + plain_bytes(c);
}

/* Packed weights of a pass, or the plain ones where the kernel wants those. */
static void *weights(const drn_call *c, drn_conv_pass pass)
{
    if (packed_bytes(c, pass) == 0)
        return c->in[1];
    return (char *)c->state + (pass == DRN_CONV_BACKWARD_DATA ? packed_bytes(c, DRN_CONV_FORWARD) : 0);
}

static void prepare(const drn_call *c)
{
    drn_conv_geom g = forward_geom(c);
    for (int pass = DRN_CONV_FORWARD; pass <= DRN_CONV_BACKWARD_DATA; pass++) {
        bool wanted = pass == DRN_CONV_FORWARD || (c->training && c->din[0]);
        if (wanted && packed_bytes(c, (drn_conv_pass)pass))
            c->conv[pass]->pack(weights(c, (drn_conv_pass)pass), c->in[1], &g, (drn_conv_pass)pass);
    }
}

static void forward(const drn_call *c)
{
    drn_conv_geom g = forward_geom(c);
    size_t plain = plain_bytes(c);
    void *y = plain ? c->scratch : c->out;
    drn_conv_epilogue e = epilogue(c, c->attr->residual ? c->in[c->inputs - 1] : NULL);
    c->conv[DRN_CONV_FORWARD]->forward(y, c->in[0], weights(c, DRN_CONV_FORWARD), &g, &e,
                                       &(drn_conv_run){c->pool, (char *)c->scratch + plain});
    if (plain)
        c->k->pixel_shuffle(c->out, y, c->attr->factor, (drn_shape){g.n, g.k, g.oh, g.ow}, c->pool);
}

/* ---- bands of rows ---- */

static void rows_needed(int32_t *from, int32_t *to, const drn_call *c, int i)
{
    int32_t f = c->attr->factor > 1 ? c->attr->factor : 1;
    if (c->attr->residual && i == c->inputs - 1)
        return; /* the residual: the same rows */
    *from = *from / f * c->attr->stride - c->attr->pad;
    *to = (*to - 1) / f * c->attr->stride - c->attr->pad + c->in_shape[1].h;
}

/* The larger of n rows before and after a shuffle that the kernel does not do. */
static size_t plain_rows_bytes(const drn_call *c, int32_t n)
{
    drn_conv_geom g = geom(c);
    drn_shape after = c->out_shape, before = {1, g.k, g.oh, g.ow};
    after.h = n;
    before.h = n / (after.w / before.w);
    size_t a = drn_elements(after), b = drn_elements(before);
    return shuffles_after(c) ? align64((a > b ? a : b) * drn_dtype_size(c->type)) : 0;
}

static size_t rows_scratch(const drn_call *c, int32_t n)
{
    drn_conv_geom g = forward_geom(c);
    return c->conv[DRN_CONV_FORWARD]->scratch_bytes(&g, DRN_CONV_FORWARD, drn_pool_threads(c->pool)) +
           2 * plain_rows_bytes(c, n) + 64;
}

/* Dense rows y .. y + n - 1 go to their band. */
static void rows_place(const drn_call *c, const drn_band *out, const char *dense, int32_t y, int32_t n)
{
    drn_shape s = c->out_shape;
    size_t block = (size_t)drn_block_for(s.c), planes = (size_t)drn_padded_channels(s.c) / block;
    size_t bytes = (size_t)n * (size_t)s.w * block * drn_dtype_size(c->type);
    for (size_t p = 0; p < planes; p++)
        memcpy(drn_band_row(out, s, c->type, p, y), dense + p * bytes, bytes);
}

static void forward_rows(const drn_call *c, const drn_band *in, const drn_band *out, int32_t y, int32_t n)
{
    drn_conv_geom g = forward_geom(c);
    int32_t f = c->attr->factor > 1 ? c->attr->factor : 1, from = y, to = y + n;
    const drn_band *res = c->attr->residual ? &in[c->inputs - 1] : NULL;
    rows_needed(&from, &to, c, 0);
    int32_t first = from > 0 ? from : 0, end = to < g.h ? to : g.h;
    size_t plain = plain_rows_bytes(c, n);
    char *dense = c->scratch, *rest = dense + 2 * plain;
    g.h = end > first ? end - first : 0;
    g.oh = n / f;
    g.band = (drn_conv_band){g.pad - (first - from), in[0].plane, plain ? 0 : out->plane, res ? res->plane : 0};
    drn_conv_epilogue e = epilogue(c, res ? drn_band_row(res, c->out_shape, c->type, 0, y) : NULL);
    c->conv[DRN_CONV_FORWARD]->forward(
        plain ? (void *)dense : drn_band_row(out, c->out_shape, c->type, 0, y),
        drn_band_row(&in[0], c->in_shape[0], c->type, 0, first), weights(c, DRN_CONV_FORWARD), &g, &e,
        &(drn_conv_run){c->pool, rest});
    if (!plain)
        return;
    c->k->pixel_shuffle(dense + plain, dense, f, (drn_shape){1, g.k, g.oh, g.ow}, c->pool);
    rows_place(c, out, dense + plain, y, n);
}

static void backward(const drn_call *c)
{
    drn_conv_geom g = geom(c);
    drn_conv_run run = {c->pool, c->scratch};
    size_t n = drn_elements(c->out_shape);
    int b = bias_index(c), r = c->inputs - 1;
    if (c->attr->activate)
        c->k->leaky_relu_backward(c->dout, c->dout, c->out, c->attr->slope, false, n, c->pool);
    if (c->din[1])
        c->conv[DRN_CONV_BACKWARD_WEIGHTS]->backward_weights(c->din[1], b > 0 ? c->din[b] : NULL,
                                                             c->in[0], c->dout, &g, &run);
    if (c->din[0])
        c->conv[DRN_CONV_BACKWARD_DATA]->backward_data(
            c->din[0], c->dout, weights(c, DRN_CONV_BACKWARD_DATA), &g, c->accumulate[0], &run);
    /* after din[0]: the residual may be the same value, and inputs are accumulated in order (training
     * never fuses both, so dout is still the residual's gradient) */
    if (c->attr->residual && c->din[r])
        c->k->scale(c->din[r], c->dout, 1, c->accumulate[r], n, c->pool);
}

const drn_op drn_op_conv2d = {
    .name = "conv2d",
    .min_inputs = 2,
    .max_inputs = 5,
    .reads = DRN_READS_INPUTS | DRN_READS_OUTPUT,
    .shape = shape,
    .plan = plan,
    .state_bytes = state_bytes,
    .scratch_bytes = scratch_bytes,
    .prepare = prepare,
    .forward = forward,
    .backward = backward,
    .forward_rows = forward_rows,
    .rows_needed = rows_needed,
    .rows_scratch = rows_scratch,
};
