/* batch_norm: y = gamma[c] (x - mean[c]) / sqrt(var[c] + eps) + beta[c].  Training takes the statistics
 * of the batch and moves the running ones by attr.momentum (variance unbiased, as in PyTorch);
 * inference takes the running ones. */
#include "ops/op.h"

#include <math.h>

static drn_status shape(drn_shape *out, const drn_shape *in, int inputs, const drn_attr *attr,
                        drn_error *err)
{
    if (!(attr->eps > 0))
        return drn_fail(err, DRN_ERR_INVALID, "batch_norm: eps %g is not positive", attr->eps);
    for (int i = 1; i < inputs; i++)
        if (in[i].n != in[0].c)
            return drn_fail(err, DRN_ERR_INVALID, "batch_norm: %d values for %d channels", in[i].n,
                            in[0].c);
    *out = in[0];
    return DRN_OK;
}

static double get(const void *p, int32_t i, drn_dtype type)
{
    return type == DRN_FLOAT64 ? ((const double *)p)[i] : (double)((const float *)p)[i];
}

static void put(void *p, int32_t i, double v, drn_dtype type)
{
    if (type == DRN_FLOAT64)
        ((double *)p)[i] = v;
    else
        ((float *)p)[i] = (float)v;
}

/* State: mean[C] and 1/std[C] of the last forward, in double. */
static size_t state_bytes(const drn_call *c)
{
    return 2 * sizeof(double) * (size_t)c->out_shape.c;
}

/* Scratch: two sums and three coefficient vectors. */
static size_t scratch_bytes(const drn_call *c)
{
    return 5 * sizeof(double) * (size_t)c->out_shape.c;
}

static double pixels(const drn_call *c)
{
    return (double)c->out_shape.n * c->out_shape.h * c->out_shape.w;
}

static void statistics(const drn_call *c)
{
    int32_t C = c->out_shape.c;
    double *mean = c->state, *inv = mean + C, *sum = c->scratch, *dot = sum + C, n = pixels(c);
    if (c->training)
        c->k->channel_sums(sum, dot, c->in[0], c->in[0], c->out_shape, c->pool);
    for (int32_t i = 0; i < C; i++) {
        double m = get(c->in[3], i, c->type), var = get(c->in[4], i, c->type);
        if (c->training) {
            double rm = m, rv = var, mom = c->attr->momentum;
            m = sum[i] / n;
            var = dot[i] / n - m * m;
            var = var > 0 ? var : 0;
            put(c->in[3], i, rm + mom * (m - rm), c->type);
            put(c->in[4], i, rv + mom * (var * n / (n > 1 ? n - 1 : 1) - rv), c->type);
        }
        mean[i] = m;
        inv[i] = 1 / sqrt(var + c->attr->eps);
    }
}

static void forward(const drn_call *c)
{
    statistics(c);
    int32_t C = c->out_shape.c;
    double *mean = c->state, *inv = mean + C, *a = c->scratch, *b = a + C;
    for (int32_t i = 0; i < C; i++) {
        double g = get(c->in[1], i, c->type) * inv[i];
        put(a, i, g, c->type);
        put(b, i, get(c->in[2], i, c->type) - g * mean[i], c->type);
    }
    c->k->affine(c->out, c->in[0], a, b, false, c->out_shape, c->pool);
}

/* dx = A dy + B x + S a channel, with the batch statistics' own gradients folded in. */
static void backward(const drn_call *c)
{
    int32_t C = c->out_shape.c;
    double *mean = c->state, *inv = mean + C, *sum = c->scratch, *dot = sum + C, n = pixels(c);
    double *A = dot + C, *B = A + C, *S = B + C;
    c->k->channel_sums(sum, dot, c->dout, c->in[0], c->out_shape, c->pool);
    for (int32_t i = 0; i < C; i++) {
        double dgamma = (dot[i] - mean[i] * sum[i]) * inv[i], a = get(c->in[1], i, c->type) * inv[i];
        double b = -a * inv[i] * dgamma / n;
        if (c->din[1])
            put(c->din[1], i, get(c->din[1], i, c->type) + dgamma, c->type);
        if (c->din[2])
            put(c->din[2], i, get(c->din[2], i, c->type) + sum[i], c->type);
        put(A, i, a, c->type);
        put(B, i, b, c->type);
        put(S, i, -a * sum[i] / n - b * mean[i], c->type);
    }
    if (c->din[0]) {
        c->k->affine(c->din[0], c->dout, A, S, c->accumulate[0], c->out_shape, c->pool);
        c->k->affine(c->din[0], c->in[0], B, NULL, true, c->out_shape, c->pool);
    }
}

const drn_op drn_op_batch_norm = {
    .name = "batch_norm",
    .min_inputs = 5,
    .max_inputs = 5,
    .reads = DRN_READS_INPUTS,
    .shape = shape,
    .state_bytes = state_bytes,
    .scratch_bytes = scratch_bytes,
    .forward = forward,
    .backward = backward,
};
