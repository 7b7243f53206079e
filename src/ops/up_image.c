/* up_image: the last two convolutions of a network as one, inference only, put there by the graph's fusion.
 *
 *   z = pixel_shuffle(x[1,C,H,W] (*) wA[4Q,C,3,3] + bA), y[1,M,2H,2W] = z (*) wB[M,Q,3,3] + bB (+ residual)
 *
 * Between them stands no non-linearity, so that each of the 4M sub-pixels of y is a 5x5 convolution of x:
 * the weights of wB times those of wA, summed over Q.  Only at the border the two differ, because the
 * second convolution sees zeros outside of z where the merged one sees what the first would have made
 * there: pixels of the outermost row or column get merged weights without those parts, one set for each
 * side or corner. */
#include "ops/op.h"

#include <string.h>

enum {
    PARTS = 9,    /* positions in x, -1..1 each way, of the pixels of z that a pixel of y sees */
    TAPS = 25,    /* of the merged kernel */
    SETS = 16,    /* sides that a pixel touches: bits of SIDE_* */
    MOST = 4 * 7, /* sub-pixels of an image, with fewer than 8 channels */
    LANES = 32    /* of the convolution's filters, at most */
};
enum { SIDE_TOP = 1, SIDE_BOTTOM = 2, SIDE_LEFT = 4, SIDE_RIGHT = 8 };

static int32_t filters(const drn_call *c)
{
    return 4 * c->in_shape[3].n;
}

/* Filters of the convolution: 4M and some of zeros. */
static int32_t lanes(const drn_call *c)
{
    return (filters(c) + DRN_BLOCK - 1) / DRN_BLOCK * DRN_BLOCK;
}

/* The merged convolution: 4M filters and some of zeros, so that features come out in blocks. */
static drn_conv_geom geom(const drn_call *c)
{
    drn_shape x = c->in_shape[0];
    return (drn_conv_geom){.n = 1,
                           .c = x.c,
                           .h = x.h,
                           .w = x.w,
                           .k = lanes(c),
                           .r = 5,
                           .s = 5,
                           .oh = x.h,
                           .ow = x.w,
                           .stride = 1,
                           .pad = 2};
}

static drn_status shape(drn_shape *out, const drn_shape *in, int inputs, const drn_attr *attr, drn_error *err)
{
    drn_shape x = in[0], a = in[1], b = in[3];
    (void)attr;
    (void)inputs;
    if (a.c != x.c || a.n != 4 * b.c || b.n >= DRN_BLOCK || a.h != 3 || a.w != 3 || b.h != 3 || b.w != 3)
        return drn_fail(err, DRN_ERR_INVALID, "up_image: %d channels, then %dx%dx%dx%d and %dx%dx%dx%d", x.c, a.n,
                        a.c, a.h, a.w, b.n, b.c, b.h, b.w);
    *out = (drn_shape){x.n, b.n, 2 * x.h, 2 * x.w};
    return DRN_OK;
}

static void plan(drn_call *c)
{
    drn_conv_geom g = geom(c);
    c->conv[DRN_CONV_FORWARD] = drn_conv_choose_inference(&g);
}

/* ---- merged weights ---- */

typedef struct state {
    float *plain;  /* [K][C][25] */
    float *packed; /* of the convolution */
    float *set;    /* [SETS][25][C][K] */
    float *bias;   /* [SETS][LANES]; set 0 is everywhere inside */
    double *parts; /* [PARTS][4M][C][9] */
    size_t bytes;
} state;

static size_t align64(size_t n)
{
    return (n + 63) / 64 * 64;
}

static state state_of(const drn_call *c)
{
    drn_conv_geom g = geom(c);
    size_t ci = (size_t)g.c, at[6] = {0};
    at[1] = at[0] + align64((size_t)g.k * ci * TAPS * sizeof(float));
    at[2] = at[1] + align64(c->conv[DRN_CONV_FORWARD]->pack_bytes(&g, DRN_CONV_FORWARD));
    at[3] = at[2] + align64((size_t)SETS * TAPS * ci * (size_t)g.k * sizeof(float));
    at[4] = at[3] + align64((size_t)SETS * LANES * sizeof(float));
    at[5] = at[4] + align64((size_t)PARTS * (size_t)filters(c) * ci * 9 * sizeof(double));
    char *p = c->state;
    if (!p)
        return (state){.bytes = at[5]};
    return (state){(float *)(p + at[0]), (float *)(p + at[1]),  (float *)(p + at[2]),
                   (float *)(p + at[3]), (double *)(p + at[4]), at[5]};
}

static size_t state_bytes(const drn_call *c)
{
    drn_call asked = *c;
    asked.state = NULL;
    return state_of(&asked).bytes;
}

/* Where tap r of wB lands for the upper or lower (left or right) sub-pixel: part 0..2 and sub-pixel of z. */
static int32_t tap_part(int32_t sub, int32_t r, int32_t *z_sub)
{
    int32_t t = sub + r + 1; /* row of z, from two above on */
    *z_sub = t & 1;
    return t / 2;
}

/* parts[part][f] = the share of that part in the merged kernel of filter f, 3x3 around it; bias too. */
static void parts_of_filter(double *parts, double bias[PARTS][MOST], const drn_call *c, int32_t f)
{
    const float *wa = c->in[1], *ba = c->in[2], *wb = c->in[3];
    size_t q_count = (size_t)c->in_shape[3].c, n = (size_t)c->in_shape[0].c * 9;
    size_t part_step = (size_t)filters(c) * n;
    for (int32_t r = 0; r < 3; r++)
        for (int32_t s = 0; s < 3; s++) {
            int32_t i, j, row = tap_part(f / 2 % 2, r, &i), col = tap_part(f % 2, s, &j), part = row * 3 + col;
            double *to = parts + (size_t)part * part_step + (size_t)f * n;
            for (size_t q = 0; q < q_count; q++) {
                double w = (double)wb[((size_t)(f / 4) * q_count + q) * 9 + (size_t)(r * 3 + s)];
                size_t k = q * 4 + (size_t)(i * 2 + j);
                for (size_t e = 0; e < n; e++)
                    to[e] += w * (double)wa[k * n + e];
                bias[part][f] += w * (double)ba[k];
            }
        }
}

/* Whether a pixel at these sides has a part of z there. */
static bool part_there(int sides, int part)
{
    int row = part / 3, col = part % 3;
    return !((sides & SIDE_TOP && row == 0) || (sides & SIDE_BOTTOM && row == 2) ||
             (sides & SIDE_LEFT && col == 0) || (sides & SIDE_RIGHT && col == 2));
}

/* The merged weights at some sides: the sum of the parts that are there. */
static void make_set(const drn_call *c, const state *s, double bias[PARTS][MOST], int sides)
{
    size_t ci = (size_t)c->in_shape[0].c, count = (size_t)filters(c), k = (size_t)lanes(c);
    const float *bb = c->in[4];
    float *set = s->set + (size_t)sides * TAPS * ci * k, *b = s->bias + sides * LANES;
    memset(set, 0, TAPS * ci * k * sizeof *set);
    for (size_t f = 0; f < LANES; f++)
        b[f] = f < count ? bb[f / 4] : 0;
    for (int part = 0; part < PARTS; part++) {
        const double *p = s->parts + (size_t)part * count * ci * 9;
        if (!part_there(sides, part))
            continue;
        for (size_t f = 0; f < count; f++) {
            b[f] += (float)bias[part][f];
            for (size_t ch = 0; ch < ci; ch++)
                for (int t = 0; t < 9; t++, p++) {
                    int tap = (part / 3 + t / 3) * 5 + part % 3 + t % 3;
                    set[((size_t)tap * ci + ch) * k + f] += (float)*p;
                }
        }
    }
}

static void prepare(const drn_call *c)
{
    drn_conv_geom g = geom(c);
    state s = state_of(c);
    double bias[PARTS][MOST] = {{0}};
    size_t ci = (size_t)g.c, count = (size_t)filters(c);
    memset(s.parts, 0, PARTS * count * ci * 9 * sizeof *s.parts);
    for (int32_t f = 0; f < filters(c); f++)
        parts_of_filter(s.parts, bias, c, f);
    for (int sides = 0; sides < SETS; sides++) {
        bool both = (sides & 3) == 3 || (sides & 12) == 12; /* of a picture of one row or column */
        if (!both || g.h == 1 || g.w == 1)
            make_set(c, &s, bias, sides);
    }
    for (size_t k = 0; k < (size_t)g.k; k++)
        for (size_t ch = 0; ch < ci; ch++)
            for (size_t t = 0; t < TAPS; t++)
                s.plain[(k * ci + ch) * TAPS + t] = s.set[(t * ci + ch) * (size_t)g.k + k];
    const drn_conv_impl *conv = c->conv[DRN_CONV_FORWARD];
    if (conv->pack_bytes(&g, DRN_CONV_FORWARD))
        conv->pack(s.packed, s.plain, &g, DRN_CONV_FORWARD);
}

/* ---- rows ---- */

static void rows_needed(int32_t *from, int32_t *to, const drn_call *c, int i)
{
    if (i == 5)
        return; /* the residual */
    (void)c;
    *from = *from / 2 - 2;
    *to = (*to - 1) / 2 + 3;
}

static size_t dense_bytes(const drn_call *c, int32_t rows)
{
    drn_conv_geom g = geom(c);
    return align64((size_t)g.k * (size_t)rows * (size_t)g.w * sizeof(float));
}

static size_t rows_scratch(const drn_call *c, int32_t n)
{
    drn_conv_geom g = geom(c);
    return dense_bytes(c, n / 2) +
           c->conv[DRN_CONV_FORWARD]->scratch_bytes(&g, DRN_CONV_FORWARD, drn_pool_threads(c->pool));
}

static size_t scratch_bytes(const drn_call *c)
{
    return rows_scratch(c, c->out_shape.h);
}

typedef struct finish {
    const drn_call *c;
    state s;
    const drn_band *in, *out, *residual; /* residual may be NULL */
    float *dense;                        /* [K/8][rows][W][8]: the sub-pixels */
    int32_t y, rows;                     /* of x */
} finish;

/* Sub-pixels of a pixel that touches some sides. */
static void border_pixel(const finish *f, int32_t y, int32_t x, int sides)
{
    drn_shape s = f->c->in_shape[0];
    int32_t block = drn_block_for(s.c), k = lanes(f->c);
    const float *set = f->s.set + (size_t)sides * TAPS * (size_t)s.c * (size_t)k;
    float acc[LANES];
    memcpy(acc, f->s.bias + sides * LANES, sizeof acc);
    for (int32_t tap = 0; tap < TAPS; tap++) {
        int32_t iy = y + tap / 5 - 2, ix = x + tap % 5 - 2;
        if (iy < 0 || iy >= s.h || ix < 0 || ix >= s.w)
            continue;
        for (int32_t ch = 0; ch < s.c; ch++) {
            const float *row = drn_band_row(f->in, s, DRN_FLOAT32, (size_t)(ch / block), iy);
            float v = row[ix * block + ch % block];
            const float *w = set + ((size_t)tap * (size_t)s.c + (size_t)ch) * (size_t)k;
            for (int32_t b = 0; b < k; b += DRN_BLOCK)
                for (int l = 0; l < DRN_BLOCK; l++)
                    acc[b + l] += v * w[b + l];
        }
    }
    for (int32_t i = 0; i < k; i++)
        f->dense[((size_t)(i / 8 * f->rows + y - f->y) * (size_t)s.w + (size_t)x) * 8 + (size_t)(i % 8)] = acc[i];
}

static void border_row(const finish *f, int32_t y)
{
    drn_shape s = f->c->in_shape[0];
    int rows = (y == 0 ? SIDE_TOP : 0) | (y == s.h - 1 ? SIDE_BOTTOM : 0);
    for (int32_t x = 0; x < s.w; x += !rows && x == 0 && s.w > 2 ? s.w - 1 : 1) {
        int sides = rows | (x == 0 ? SIDE_LEFT : 0) | (x == s.w - 1 ? SIDE_RIGHT : 0);
        if (sides)
            border_pixel(f, y, x, sides);
    }
}

/* The rows of y made from row y of x. */
static void finish_row(void *ctx, size_t row, int thread)
{
    const finish *f = ctx;
    drn_shape out = f->c->out_shape;
    int32_t y = f->y + (int32_t)row, w = f->c->in_shape[0].w;
    (void)thread;
    border_row(f, y);
    for (int32_t k = 0; k < filters(f->c); k += 2) {
        size_t channel = (size_t)(k / 4);
        int32_t oy = 2 * y + k / 2 % 2;
        const float *p = f->dense + (size_t)(k / 8 * f->rows + (int32_t)row) * (size_t)w * 8 + k % 8;
        float *to = drn_band_row(f->out, out, DRN_FLOAT32, channel, oy);
        const float *r = f->residual ? drn_band_row(f->residual, out, DRN_FLOAT32, channel, oy) : NULL;
        for (int32_t x = 0; x < w; x++) {
            to[2 * x] = p[x * 8] + (r ? r[2 * x] : 0);
            to[2 * x + 1] = p[x * 8 + 1] + (r ? r[2 * x + 1] : 0);
        }
    }
}

static void forward_rows(const drn_call *c, const drn_band *in, const drn_band *out, int32_t y, int32_t n)
{
    drn_conv_geom g = geom(c);
    finish f = {.c = c, .s = state_of(c), .in = &in[0], .out = out, .dense = c->scratch, .y = y / 2, .rows = n / 2};
    int32_t from = f.y - g.pad, first = from > 0 ? from : 0, to = f.y + f.rows + g.pad;
    f.residual = c->attr->residual ? &in[c->inputs - 1] : NULL;
    g.h = (to < g.h ? to : g.h) - first;
    g.oh = f.rows;
    g.band = (drn_conv_band){g.pad - (first - from), in[0].plane, 0, 0};
    const drn_conv_impl *conv = c->conv[DRN_CONV_FORWARD];
    drn_conv_epilogue e = {.bias = f.s.bias};
    conv->forward(f.dense, drn_band_row(&in[0], c->in_shape[0], DRN_FLOAT32, 0, first),
                  conv->pack_bytes(&g, DRN_CONV_FORWARD) ? f.s.packed : f.s.plain, &g, &e,
                  &(drn_conv_run){c->pool, (char *)c->scratch + dense_bytes(c, f.rows)});
    drn_pool_run(c->pool, (size_t)f.rows, finish_row, &f);
}

static void forward(const drn_call *c)
{
    for (int32_t i = 0; i < c->out_shape.n; i++) {
        drn_band in[DRN_MAX_INPUTS] = {{0}}, out = {0};
        for (int k = 0; k < c->inputs; k++) {
            drn_shape s = c->in_shape[k], one = {1, s.c, s.h, s.w};
            in[k] = (drn_band){(float *)c->in[k] + (k == 0 || k == 5 ? (size_t)i * drn_elements(one) : 0), 0, s.h, s.h};
        }
        drn_shape s = c->out_shape, one = {1, s.c, s.h, s.w};
        out = (drn_band){(float *)c->out + (size_t)i * drn_elements(one), 0, s.h, s.h};
        forward_rows(c, in, &out, 0, s.h);
    }
}

const drn_op drn_op_up_image = {
    .name = "up_image",
    .min_inputs = 5,
    .max_inputs = 6,
    .shape = shape,
    .plan = plan,
    .state_bytes = state_bytes,
    .scratch_bytes = scratch_bytes,
    .prepare = prepare,
    .forward = forward,
    .forward_rows = forward_rows,
    .rows_needed = rows_needed,
    .rows_scratch = rows_scratch,
};
