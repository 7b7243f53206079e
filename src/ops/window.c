/* window: an output of attr.h x attr.w pixels in which the input's top left pixel lies at (attr.y,
 * attr.x).  What the input does not cover is zero, what falls outside is cut: pad and crop in one. */
#include "ops/op.h"

#include <string.h>

typedef struct overlap {
    int32_t oy, ox, sy, sx, h, w; /* corner in the output, corner in the input, size */
} overlap;

static int32_t max0(int32_t v)
{
    return v > 0 ? v : 0;
}

static int32_t least(int32_t a, int32_t b)
{
    return a < b ? a : b;
}

static overlap find(const drn_call *c)
{
    const drn_attr *a = c->attr;
    overlap o = {max0(a->y), max0(a->x), max0(-a->y), max0(-a->x), 0, 0};
    o.h = max0(least(a->h - o.oy, c->in_shape[0].h - o.sy));
    o.w = max0(least(a->w - o.ox, c->in_shape[0].w - o.sx));
    return o;
}

static drn_status shape(drn_shape *out, const drn_shape *in, int inputs, const drn_attr *attr,
                        drn_error *err)
{
    (void)inputs;
    if (attr->h < 1 || attr->w < 1 || attr->y < -(1 << 30) || attr->x < -(1 << 30))
        return drn_fail(err, DRN_ERR_INVALID, "window: %dx%d at (%d, %d)", attr->h, attr->w, attr->y,
                        attr->x);
    *out = (drn_shape){in[0].n, in[0].c, attr->h, attr->w};
    return DRN_OK;
}

static void forward(const drn_call *c)
{
    overlap o = find(c);
    memset(c->out, 0, drn_elements(c->out_shape) * drn_dtype_size(c->type));
    c->k->window(c->out, c->out_shape, 0, o.oy, o.ox, c->in[0], c->in_shape[0], 0, o.sy, o.sx,
                 c->out_shape.c, o.h, o.w, false, c->pool);
}

static void backward(const drn_call *c)
{
    overlap o = find(c);
    if (!c->din[0])
        return;
    if (!c->accumulate[0])
        memset(c->din[0], 0, drn_elements(c->in_shape[0]) * drn_dtype_size(c->type));
    c->k->window(c->din[0], c->in_shape[0], 0, o.sy, o.sx, c->dout, c->out_shape, 0, o.oy, o.ox,
                 c->out_shape.c, o.h, o.w, true, c->pool);
}

const drn_op drn_op_window = {
    .name = "window",
    .min_inputs = 1,
    .max_inputs = 1,
    .shape = shape,
    .forward = forward,
    .backward = backward,
};
