/* pixel_shuffle: x[N, C*f*f, H, W] -> y[N, C, H*f, W*f], the sub-pixel layer of section 4.2. */
#include "ops/op.h"

static drn_status shape(drn_shape *out, const drn_shape *in, int inputs, const drn_attr *attr,
                        drn_error *err)
{
    (void)inputs;
    int32_t f = attr->factor;
    if (f < 1 || f > 64 || in[0].c % (f * f) != 0)
        return drn_fail(err, DRN_ERR_INVALID, "pixel_shuffle: %d channels with factor %d", in[0].c, f);
    if (in[0].h > INT32_MAX / f || in[0].w > INT32_MAX / f)
        return drn_fail(err, DRN_ERR_INVALID, "pixel_shuffle: %dx%d is too large", in[0].h, in[0].w);
    *out = (drn_shape){in[0].n, in[0].c / (f * f), in[0].h * f, in[0].w * f};
    return DRN_OK;
}

static void forward(const drn_call *c)
{
    c->k->pixel_shuffle(c->out, c->in[0], c->attr->factor, c->in_shape[0], c->pool);
}

static void backward(const drn_call *c)
{
    if (c->din[0])
        c->k->pixel_shuffle_backward(c->din[0], c->dout, c->attr->factor, c->accumulate[0], c->in_shape[0],
                                     c->pool);
}

const drn_op drn_op_pixel_shuffle = {
    .name = "pixel_shuffle",
    .min_inputs = 1,
    .max_inputs = 1,
    .shape = shape,
    .forward = forward,
    .backward = backward,
};
