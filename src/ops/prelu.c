/* prelu: y = x > 0 ? x : slope[c] * x with a learned slope a channel. */
#include "ops/op.h"

static drn_status shape(drn_shape *out, const drn_shape *in, int inputs, const drn_attr *attr,
                        drn_error *err)
{
    (void)inputs;
    (void)attr;
    if (in[1].n != in[0].c)
        return drn_fail(err, DRN_ERR_INVALID, "prelu: %d slopes for %d channels", in[1].n, in[0].c);
    *out = in[0];
    return DRN_OK;
}

static void forward(const drn_call *c)
{
    c->k->prelu(c->out, c->in[0], c->in[1], c->out_shape, c->pool);
}

static size_t scratch_bytes(const drn_call *c)
{
    return drn_elements(c->out_shape) * drn_dtype_size(c->type) + 8 * (size_t)c->out_shape.c;
}

/* The kernel makes both gradients; one that is not wanted goes to scratch. */
static void backward(const drn_call *c)
{
    char *spare = c->scratch;
    void *dslope = c->din[1] ? c->din[1] : spare + drn_elements(c->out_shape) * drn_dtype_size(c->type);
    c->k->prelu_backward(c->din[0] ? c->din[0] : c->scratch, dslope, c->dout, c->in[0], c->in[1],
                         c->din[0] && c->accumulate[0], c->out_shape, c->pool);
}

const drn_op drn_op_prelu = {
    .name = "prelu",
    .min_inputs = 2,
    .max_inputs = 2,
    .reads = DRN_READS_INPUTS,
    .shape = shape,
    .scratch_bytes = scratch_bytes,
    .forward = forward,
    .backward = backward,
};
