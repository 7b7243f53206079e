/* resize: fixed bicubic interpolation by attr.factor (2 = twice as large, -2 = half), the weights of
 * MATLAB's imresize with a symmetric border; in float, never rounded. */
#include "ops/op.h"

#include "kernels/bicubic.h"

#include <math.h>
#include <string.h>

static double scale_of(int32_t factor)
{
    return factor > 0 ? factor : -1.0 / factor;
}

static drn_status shape(drn_shape *out, const drn_shape *in, int inputs, const drn_attr *attr,
                        drn_error *err)
{
    (void)inputs;
    int32_t f = attr->factor, m = f > 0 ? f : 1;
    if (f == 0 || f < -64 || f > 64 || in[0].h > INT32_MAX / m || in[0].w > INT32_MAX / m)
        return drn_fail(err, DRN_ERR_INVALID, "resize: %dx%d by factor %d", in[0].h, in[0].w, f);
    int32_t d = f < 0 ? -f : 1;
    *out = (drn_shape){in[0].n, in[0].c, (in[0].h * m + d - 1) / d, (in[0].w * m + d - 1) / d};
    return DRN_OK;
}

/* State: weights of rows, weights of columns (double), then their indices. */
static size_t state_bytes(const drn_call *c)
{
    size_t taps = (size_t)drn_bicubic_taps(scale_of(c->attr->factor));
    return ((size_t)c->out_shape.h + (size_t)c->out_shape.w) * taps * (sizeof(double) + sizeof(int32_t));
}

static void tables(drn_taps *rows, drn_taps *cols, const drn_call *c)
{
    int32_t taps = drn_bicubic_taps(scale_of(c->attr->factor));
    size_t nr = (size_t)c->out_shape.h * (size_t)taps, nc = (size_t)c->out_shape.w * (size_t)taps;
    const double *w = c->state;
    const int32_t *index = (const int32_t *)(w + nr + nc);
    *rows = (drn_taps){c->in_shape[0].h, c->out_shape.h, taps, index, w};
    *cols = (drn_taps){c->in_shape[0].w, c->out_shape.w, taps, index + nr, w + nr};
}

static void prepare(const drn_call *c)
{
    drn_taps t[2];
    tables(&t[0], &t[1], c);
    for (int i = 0; i < 2; i++)
        drn_bicubic_table((int32_t *)(uintptr_t)t[i].index, (double *)(uintptr_t)t[i].weight, t[i].in,
                          t[i].out, scale_of(c->attr->factor), false);
}

static size_t scratch_bytes(const drn_call *c)
{
    drn_shape s = c->in_shape[0];
    s.h = c->out_shape.h;
    return drn_elements(s) * drn_dtype_size(c->type);
}

static void forward(const drn_call *c)
{
    drn_taps rows, cols;
    tables(&rows, &cols, c);
    c->k->resize(c->out, c->scratch, c->in[0], &rows, &cols, c->in_shape[0], c->pool);
}

/* ---- bands of rows ---- */

static void rows_needed(int32_t *from, int32_t *to, const drn_call *c, int i)
{
    double scale = scale_of(c->attr->factor);
    int32_t reach = drn_bicubic_taps(scale) / 2 + 1; /* around the centre of a sample, in the input */
    (void)i;
    *from = (int32_t)floor(*from / scale) - reach;
    *to = (int32_t)ceil(*to / scale) + reach;
}

/* Rows, columns of them, and the places of their taps in the band. */
static size_t rows_scratch(const drn_call *c, int32_t n)
{
    drn_shape s = c->in_shape[0];
    s.h = n;
    size_t taps = (size_t)drn_bicubic_taps(scale_of(c->attr->factor));
    return drn_elements(s) * drn_dtype_size(c->type) + (size_t)n * taps * sizeof(int32_t);
}

static void forward_rows(const drn_call *c, const drn_band *in, const drn_band *out, int32_t y, int32_t n)
{
    drn_taps rows, cols;
    drn_shape s = c->in_shape[0];
    size_t planes = (size_t)drn_channel_blocks(s.c, drn_block_for(s.c));
    tables(&rows, &cols, c);
    size_t first = (size_t)y * (size_t)rows.taps, count = (size_t)n * (size_t)rows.taps;
    int32_t *index = c->scratch;
    char *tmp = (char *)(index + (count + 1) / 2 * 2);
    for (size_t i = 0; i < count; i++)
        index[i] = rows.index[first + i] - in[0].y;
    rows = (drn_taps){in[0].rows, n, rows.taps, index, rows.weight + first};
    s.h = in[0].rows;
    s.c = drn_block_for(s.c);
    for (size_t p = 0; p < planes; p++)
        c->k->resize(drn_band_row(out, c->out_shape, c->type, p, y), tmp,
                     drn_band_row(&in[0], c->in_shape[0], c->type, p, in[0].y), &rows, &cols, s, c->pool);
}

static void backward(const drn_call *c)
{
    drn_taps rows, cols;
    if (!c->din[0])
        return;
    tables(&rows, &cols, c);
    if (!c->accumulate[0])
        memset(c->din[0], 0, drn_elements(c->in_shape[0]) * drn_dtype_size(c->type));
    c->k->resize_backward(c->din[0], c->scratch, c->dout, &rows, &cols, c->in_shape[0], c->pool);
}

const drn_op drn_op_resize = {
    .name = "resize",
    .min_inputs = 1,
    .max_inputs = 1,
    .shape = shape,
    .state_bytes = state_bytes,
    .scratch_bytes = scratch_bytes,
    .prepare = prepare,
    .forward = forward,
    .backward = backward,
    .forward_rows = forward_rows,
    .rows_needed = rows_needed,
    .rows_scratch = rows_scratch,
};
