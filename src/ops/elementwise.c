/* The ops that work element by element: add, scale, leaky ReLU, detach, affine. */
#include "ops/op.h"

#include <string.h>

drn_status drn_shape_same(drn_shape *out, const drn_shape *in, int inputs, const drn_attr *attr,
                          drn_error *err)
{
    (void)attr;
    for (int i = 1; i < inputs; i++)
        if (!drn_shape_equal(in[0], in[i]))
            return drn_fail(err, DRN_ERR_INVALID, "shapes differ: %dx%dx%dx%d and %dx%dx%dx%d", in[0].n,
                            in[0].c, in[0].h, in[0].w, in[i].n, in[i].c, in[i].h, in[i].w);
    *out = in[0];
    return DRN_OK;
}

/* ---- bands of rows ---- */

/* Rows of one plane: all that these ops' kernels see at once. */
typedef struct rows {
    char *y;
    const void *a, *b;
    size_t n; /* elements */
} rows;

static size_t rows_planes(const drn_call *c)
{
    return (size_t)drn_channel_blocks(c->out_shape.c, drn_block_for(c->out_shape.c));
}

static rows rows_of(const drn_call *c, const drn_band *in, const drn_band *out, size_t plane, int32_t y,
                    int32_t n)
{
    drn_shape s = c->out_shape;
    return (rows){drn_band_row(out, s, c->type, plane, y), drn_band_row(&in[0], s, c->type, plane, y),
                  c->inputs > 1 ? drn_band_row(&in[1], s, c->type, plane, y) : NULL,
                  (size_t)n * (size_t)s.w * (size_t)drn_block_for(s.c)};
}

static void add_rows(const drn_call *c, const drn_band *in, const drn_band *out, int32_t y, int32_t n)
{
    for (size_t p = 0; p < rows_planes(c); p++) {
        rows r = rows_of(c, in, out, p, y, n);
        c->k->add(r.y, r.a, r.b, r.n, c->pool);
    }
}

static void leaky_rows(const drn_call *c, const drn_band *in, const drn_band *out, int32_t y, int32_t n)
{
    for (size_t p = 0; p < rows_planes(c); p++) {
        rows r = rows_of(c, in, out, p, y, n);
        c->k->leaky_relu(r.y, r.a, c->attr->slope, r.n, c->pool);
    }
}

static void add_forward(const drn_call *c)
{
    c->k->add(c->out, c->in[0], c->in[1], drn_elements(c->out_shape), c->pool);
}

static void add_backward(const drn_call *c)
{
    for (int i = 0; i < 2; i++)
        if (c->din[i])
            c->k->scale(c->din[i], c->dout, 1, c->accumulate[i], drn_elements(c->out_shape), c->pool);
}

const drn_op drn_op_add = {
    .name = "add",
    .min_inputs = 2,
    .max_inputs = 2,
    .shape = drn_shape_same,
    .forward = add_forward,
    .forward_rows = add_rows,
    .backward = add_backward,
};

static void scale_forward(const drn_call *c)
{
    c->k->scale(c->out, c->in[0], c->attr->alpha, false, drn_elements(c->out_shape), c->pool);
}

static void scale_backward(const drn_call *c)
{
    if (c->din[0])
        c->k->scale(c->din[0], c->dout, c->attr->alpha, c->accumulate[0], drn_elements(c->out_shape),
                    c->pool);
}

const drn_op drn_op_scale = {
    .name = "scale",
    .min_inputs = 1,
    .max_inputs = 1,
    .shape = drn_shape_same,
    .forward = scale_forward,
    .backward = scale_backward,
};

static void leaky_forward(const drn_call *c)
{
    c->k->leaky_relu(c->out, c->in[0], c->attr->slope, drn_elements(c->out_shape), c->pool);
}

/* The sign of the output is that of the input as long as slope >= 0, so the input need not be kept. */
static void leaky_backward(const drn_call *c)
{
    if (c->din[0])
        c->k->leaky_relu_backward(c->din[0], c->dout, c->out, c->attr->slope, c->accumulate[0],
                                  drn_elements(c->out_shape), c->pool);
}

static drn_status leaky_shape(drn_shape *out, const drn_shape *in, int inputs, const drn_attr *attr,
                              drn_error *err)
{
    if (!(attr->slope >= 0 && attr->slope < 1))
        return drn_fail(err, DRN_ERR_INVALID, "leaky ReLU: slope %g is not in [0, 1)", attr->slope);
    return drn_shape_same(out, in, inputs, attr, err);
}

const drn_op drn_op_leaky_relu = {
    .name = "leaky_relu",
    .min_inputs = 1,
    .max_inputs = 1,
    .reads = DRN_READS_OUTPUT,
    .shape = leaky_shape,
    .forward = leaky_forward,
    .forward_rows = leaky_rows,
    .backward = leaky_backward,
};

static void detach_forward(const drn_call *c)
{
    memcpy(c->out, c->in[0], drn_elements(c->out_shape) * drn_dtype_size(c->type));
}

const drn_op drn_op_detach = {
    .name = "detach",
    .min_inputs = 1,
    .max_inputs = 1,
    .shape = drn_shape_same,
    .forward = detach_forward,
};

static drn_status affine_shape(drn_shape *out, const drn_shape *in, int inputs, const drn_attr *attr,
                               drn_error *err)
{
    if (in[0].c > 4)
        return drn_fail(err, DRN_ERR_INVALID, "affine: %d channels, at most 4", in[0].c);
    return drn_shape_same(out, in, inputs, attr, err);
}

/* The constants in the graph's number type. */
static void typed(void *out, const double *v, drn_dtype type)
{
    for (int i = 0; i < 4; i++)
        if (type == DRN_FLOAT64)
            ((double *)out)[i] = v[i];
        else
            ((float *)out)[i] = (float)v[i];
}

static void affine_forward(const drn_call *c)
{
    double mul[4], shift[4];
    typed(mul, c->attr->mul, c->type);
    typed(shift, c->attr->shift, c->type);
    c->k->affine(c->out, c->in[0], mul, shift, false, c->out_shape, c->pool);
}

/* Up to 4 channels are planes of their own. */
static void affine_rows(const drn_call *c, const drn_band *in, const drn_band *out, int32_t y, int32_t n)
{
    double mul[4], shift[4];
    size_t size = drn_dtype_size(c->type);
    typed(mul, c->attr->mul, c->type);
    typed(shift, c->attr->shift, c->type);
    for (size_t p = 0; p < rows_planes(c); p++) {
        rows r = rows_of(c, in, out, p, y, n);
        c->k->affine(r.y, r.a, (char *)mul + p * size, (char *)shift + p * size, false,
                     (drn_shape){1, 1, n, c->out_shape.w}, c->pool);
    }
}

static void affine_backward(const drn_call *c)
{
    double mul[4];
    typed(mul, c->attr->mul, c->type);
    if (c->din[0])
        c->k->affine(c->din[0], c->dout, mul, NULL, c->accumulate[0], c->out_shape, c->pool);
}

const drn_op drn_op_affine = {
    .name = "affine",
    .min_inputs = 1,
    .max_inputs = 1,
    .shape = affine_shape,
    .forward = affine_forward,
    .forward_rows = affine_rows,
    .backward = affine_backward,
};
