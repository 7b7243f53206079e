/* concat: inputs behind each other along the channels. */
#include "ops/op.h"

#include <string.h>

static drn_status shape(drn_shape *out, const drn_shape *in, int inputs, const drn_attr *attr,
                        drn_error *err)
{
    (void)attr;
    drn_shape s = in[0];
    for (int i = 1; i < inputs; i++) {
        if (in[i].n != s.n || in[i].h != s.h || in[i].w != s.w)
            return drn_fail(err, DRN_ERR_INVALID, "concat: %dx%dx%d and %dx%dx%d (N, H, W) differ", s.n,
                            s.h, s.w, in[i].n, in[i].h, in[i].w);
        if (__builtin_add_overflow(s.c, in[i].c, &s.c))
            return drn_fail(err, DRN_ERR_INVALID, "concat: too many channels");
    }
    *out = s;
    return DRN_OK;
}

static void forward(const drn_call *c)
{
    drn_shape s = c->out_shape;
    if (drn_padded_channels(s.c) != s.c)
        memset(c->out, 0, drn_elements(s) * drn_dtype_size(c->type));
    int32_t at = 0;
    for (int i = 0; i < c->inputs; at += c->in_shape[i].c, i++)
        c->k->window(c->out, s, at, 0, 0, c->in[i], c->in_shape[i], 0, 0, 0, c->in_shape[i].c, s.h, s.w,
                     false, c->pool);
}

static void backward(const drn_call *c)
{
    drn_shape s = c->out_shape;
    int32_t at = 0;
    for (int i = 0; i < c->inputs; at += c->in_shape[i].c, i++) {
        drn_shape t = c->in_shape[i];
        if (!c->din[i])
            continue;
        if (!c->accumulate[i] && drn_padded_channels(t.c) != t.c)
            memset(c->din[i], 0, drn_elements(t) * drn_dtype_size(c->type));
        c->k->window(c->din[i], t, 0, 0, 0, c->dout, s, at, 0, 0, t.c, s.h, s.w, c->accumulate[i], c->pool);
    }
}

const drn_op drn_op_concat = {
    .name = "concat",
    .min_inputs = 1,
    .max_inputs = DRN_MAX_INPUTS,
    .shape = shape,
    .forward = forward,
    .backward = backward,
};
