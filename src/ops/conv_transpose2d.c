/* conv_transpose2d: the adjoint of conv2d.  x[N,C,H,W], w[C,K,R,S], b[K] ->
 * y[N,K,OH,OW] with OH = (H-1)*stride - 2*pad + R.  It runs on conv2d's kernels with the roles of input
 * and output exchanged. */
#include "ops/op.h"

/* The convolution y -> x whose adjoint this is. */
static drn_conv_geom geom(const drn_call *c)
{
    drn_shape x = c->in_shape[0], w = c->in_shape[1], y = c->out_shape;
    return (drn_conv_geom){x.n, y.c, y.h, y.w, w.n, w.h, w.w, x.h, x.w, c->attr->stride, c->attr->pad, 0, {0}};
}

static drn_status shape(drn_shape *out, const drn_shape *in, int inputs, const drn_attr *attr,
                        drn_error *err)
{
    drn_shape x = in[0], w = in[1];
    if (attr->stride < 1 || attr->pad < 0)
        return drn_fail(err, DRN_ERR_INVALID, "conv_transpose2d: stride %d, pad %d", attr->stride,
                        attr->pad);
    if (w.n != x.c)
        return drn_fail(err, DRN_ERR_INVALID, "conv_transpose2d: weights for %d channels, input has %d",
                        w.n, x.c);
    if (inputs > 2 && in[2].n != w.c)
        return drn_fail(err, DRN_ERR_INVALID, "conv_transpose2d: %d biases for %d outputs", in[2].n, w.c);
    int64_t h = (int64_t)(x.h - 1) * attr->stride - 2 * (int64_t)attr->pad + w.h;
    int64_t v = (int64_t)(x.w - 1) * attr->stride - 2 * (int64_t)attr->pad + w.w;
    if (h < 1 || v < 1 || h > INT32_MAX || v > INT32_MAX)
        return drn_fail(err, DRN_ERR_INVALID, "conv_transpose2d: kernel %dx%d on %dx%d with pad %d", w.h,
                        w.w, x.h, x.w, attr->pad);
    *out = (drn_shape){x.n, w.c, (int32_t)h, (int32_t)v};
    return DRN_OK;
}

static void plan(drn_call *c)
{
    drn_conv_geom g = geom(c);
    for (int pass = 0; pass < 3; pass++)
        c->conv[pass] = drn_conv_choose(&g, (drn_conv_pass)pass, c->type);
}

static size_t packed_bytes(const drn_call *c, drn_conv_pass pass)
{
    drn_conv_geom g = geom(c);
    return (c->conv[pass]->pack_bytes(&g, pass) + 63) / 64 * 64;
}

static size_t state_bytes(const drn_call *c)
{
    return packed_bytes(c, DRN_CONV_FORWARD) + packed_bytes(c, DRN_CONV_BACKWARD_DATA);
}

static size_t scratch_bytes(const drn_call *c)
{
    drn_conv_geom g = geom(c);
    size_t most = 2 * 8 * (size_t)c->out_shape.c; /* two constant vectors for the bias */
    for (int pass = 0; pass < 3; pass++) {
        size_t n = c->conv[pass]->scratch_bytes(&g, (drn_conv_pass)pass, drn_pool_threads(c->pool));
        most = n > most ? n : most;
    }
    return most;
}

static void *weights(const drn_call *c, drn_conv_pass pass)
{
    if (packed_bytes(c, pass) == 0)
        return c->in[1];
    return (char *)c->state + (pass == DRN_CONV_BACKWARD_DATA ? packed_bytes(c, DRN_CONV_FORWARD) : 0);
}

static void prepare(const drn_call *c)
{
    drn_conv_geom g = geom(c);
    for (int pass = DRN_CONV_FORWARD; pass <= DRN_CONV_BACKWARD_DATA; pass++)
        if (packed_bytes(c, (drn_conv_pass)pass))
            c->conv[pass]->pack(weights(c, (drn_conv_pass)pass), c->in[1], &g, (drn_conv_pass)pass);
}

static void *ones(const drn_call *c)
{
    for (int32_t i = 0; i < c->out_shape.c; i++)
        if (c->type == DRN_FLOAT64)
            ((double *)c->scratch)[i] = 1;
        else
            ((float *)c->scratch)[i] = 1;
    return c->scratch;
}

static void forward(const drn_call *c)
{
    drn_conv_geom g = geom(c);
    c->conv[DRN_CONV_BACKWARD_DATA]->backward_data(c->out, c->in[0], weights(c, DRN_CONV_BACKWARD_DATA),
                                                   &g, false, &(drn_conv_run){c->pool, c->scratch});
    if (c->inputs > 2)
        c->k->affine(c->out, c->out, ones(c), c->in[2], false, c->out_shape, c->pool);
}

/* db[K] += sum of dy over N, H, W. */
static void bias_backward(const drn_call *c)
{
    double *sum = c->scratch, *dot = sum + c->out_shape.c;
    c->k->channel_sums(sum, dot, c->dout, c->dout, c->out_shape, c->pool);
    for (int32_t i = 0; i < c->out_shape.c; i++)
        if (c->type == DRN_FLOAT64)
            ((double *)c->din[2])[i] += sum[i];
        else
            ((float *)c->din[2])[i] += (float)sum[i];
}

static void backward(const drn_call *c)
{
    drn_conv_geom g = geom(c);
    drn_conv_run run = {c->pool, c->scratch};
    if (c->inputs > 2 && c->din[2])
        bias_backward(c);
    if (c->din[1])
        c->conv[DRN_CONV_BACKWARD_WEIGHTS]->backward_weights(c->din[1], NULL, c->dout, c->in[0], &g, &run);
    if (c->din[0]) {
        drn_conv_epilogue e = {.residual = c->accumulate[0] ? c->din[0] : NULL};
        c->conv[DRN_CONV_FORWARD]->forward(c->din[0], c->dout, weights(c, DRN_CONV_FORWARD), &g, &e, &run);
    }
}

const drn_op drn_op_conv_transpose2d = {
    .name = "conv_transpose2d",
    .min_inputs = 2,
    .max_inputs = 3,
    .reads = DRN_READS_INPUTS,
    .shape = shape,
    .plan = plan,
    .state_bytes = state_bytes,
    .scratch_bytes = scratch_bytes,
    .prepare = prepare,
    .forward = forward,
    .backward = backward,
};
