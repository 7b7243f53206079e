/* Direct convolution for any kernel, stride and padding, forward and backward-data.
 *
 * A band of the input is copied with zeros around it; then every tap is an offset into the copy,
 * and the inner loop has no borders.  Into features (8 or more channels out): 6 pixels x 2 vectors
 * of filters, the input broadcast.  From features to a planar image (heads): 4 pixels x 3 channels
 * with 8 input channels in the lanes, summed across at the end.
 *
 * Backward-data with stride d is d*d convolutions of stride 1, one for each phase (y mod d, x mod
 * d) of the gradient's pixels; forward has one phase. */
#include "kernels/simd/conv_direct.h"
#include "kernels/simd/isa.h"
#include "kernels/simd/vec.h"

enum {
    STRIP = 60,              /* columns of one phase in a chunk, at most */
    BAND_FLOATS = 64 * 1024, /* the copy should fit half a second-level cache */
    PIXELS = 6,              /* of a tile into features */
    ROW = 4,                 /* of a tile into an image */
    MAX_OUT = 3              /* channels of an image together */
};

/* The convolution as carried out: out(y, x) with y = py + os*j gathers src(j*ss + dy, ...). */
typedef struct plan {
    const drn_conv_geom *g;
    bool back;
    int32_t ci, co;             /* channels of source and output */
    int32_t sh, sw, oh, ow;     /* their sizes */
    int32_t os, ss;             /* output and source step */
    int32_t dy0, dy1, dx0, dx1; /* least and greatest offsets of a tap */
    bool lanes;                 /* features to image */
    int32_t band, strip;        /* output rows and columns a chunk, multiples of os */
    int32_t rows, cols;         /* of the copy */
    size_t taps;                /* of all phases */
} plan;

typedef struct job {
    plan p;
    const float *src, *w;
    float *out;
    const drn_conv_epilogue *e;
    const float *residual;
    int32_t *offsets; /* [taps], in the copy */
    float *scratch;
    size_t scratch_step, src_image, out_image, res_image; /* floats */
    size_t out_plane, res_plane; /* floats a channel block, or a channel of an image */
    int32_t bands, strips, src_rows;
} job;

/* Offset of kernel row (or column) r in phase py; false when it has no part in the phase. */
static bool tap_offset(const plan *p, int32_t phase, int32_t r, int32_t *d)
{
    int32_t t = phase + p->g->pad - r;
    *d = p->back ? (t - (t % p->os + p->os) % p->os) / p->os : r - p->g->pad;
    return !p->back || t % p->os == 0;
}

static void offset_range(const plan *p, int32_t size, int32_t *least, int32_t *most)
{
    int32_t d;
    *least = INT32_MAX;
    *most = INT32_MIN;
    for (int32_t phase = 0; phase < p->os; phase++)
        for (int32_t r = 0; r < size; r++)
            if (tap_offset(p, phase, r, &d)) {
                *least = d < *least ? d : *least;
                *most = d > *most ? d : *most;
            }
}

static void plan_sizes(plan *p)
{
    int32_t tile = p->lanes ? ROW : PIXELS, wide = (p->ow + p->os - 1) / p->os;
    int32_t strips = (wide + STRIP - 1) / STRIP;
    int32_t columns = ((wide + strips - 1) / strips + tile - 1) / tile * tile; /* whole tiles */
    p->band = 8 * p->os;
    p->strip = columns * p->os;
    p->cols = (columns - 1) * p->ss + p->dx1 - p->dx0 + 1;
    size_t row = (size_t)p->cols * (size_t)drn_padded_channels(p->ci);
    for (;;) {
        p->rows = (p->band / p->os - 1) * p->ss + p->dy1 - p->dy0 + 1;
        if (p->band == p->os || row * (size_t)p->rows <= BAND_FLOATS)
            return;
        p->band -= p->os;
    }
}

static plan plan_of(const drn_conv_geom *g, drn_conv_pass pass)
{
    plan p = {.g = g, .back = pass == DRN_CONV_BACKWARD_DATA};
    p.ci = p.back ? g->k : g->c;
    p.co = p.back ? g->c : g->k;
    p.sh = p.back ? g->oh : g->h;
    p.sw = p.back ? g->ow : g->w;
    p.oh = p.back ? g->h : g->oh;
    p.ow = p.back ? g->w : g->ow;
    p.os = p.back ? g->stride : 1;
    p.ss = p.back ? 1 : g->stride;
    p.lanes = p.co < DRN_BLOCK;
    offset_range(&p, g->r, &p.dy0, &p.dy1);
    offset_range(&p, g->s, &p.dx0, &p.dx1);
    p.taps = (size_t)g->r * (size_t)g->s * (size_t)(p.lanes ? direct_groups(p.ci) : p.ci);
    plan_sizes(&p);
    return p;
}

/* A visit of all taps of a phase in the order of the packed weights. */
typedef struct tap {
    int32_t c, r, s, dy, dx; /* c: source channel, or the first of its block when lanes */
} tap;

typedef void (*tap_fn)(void *ctx, const plan *p, const tap *t);

static size_t taps_visit(const plan *p, int32_t phase, tap_fn fn, void *ctx)
{
    size_t count = 0;
    int32_t block = drn_block_for(p->ci), step = p->lanes ? 8 : 1;
    tap t;
    for (int32_t g = 0; g < direct_groups(p->ci); g++)
        for (t.r = 0; t.r < p->g->r; t.r++)
            for (t.s = 0; t.s < p->g->s; t.s++) {
                if (!tap_offset(p, phase / p->os, t.r, &t.dy) ||
                    !tap_offset(p, phase % p->os, t.s, &t.dx))
                    continue;
                for (t.c = g * block; t.c < (g + 1) * block && t.c < p->ci; t.c += step, count++)
                    fn(ctx, p, &t);
            }
    return count;
}

static void tap_count(void *ctx, const plan *p, const tap *t)
{
    (void)ctx;
    (void)p;
    (void)t;
}

/* ---- weights ---- */

typedef struct packer {
    const float *w;
    float *out;
    int32_t first, count; /* output channels */
} packer;

static float weight_at(const plan *p, const float *w, int32_t o, int32_t c, int32_t r, int32_t s)
{
    if (o >= p->co || c >= p->ci)
        return 0;
    int32_t k = p->back ? c : o, ch = p->back ? o : c;
    return w[(((size_t)k * (size_t)p->g->c + (size_t)ch) * (size_t)p->g->r + (size_t)r) *
                 (size_t)p->g->s +
             (size_t)s];
}

static void tap_pack(void *ctx, const plan *p, const tap *t)
{
    packer *k = ctx;
    if (p->lanes) {
        for (int32_t o = k->first; o < k->first + k->count; o++)
            for (int32_t l = 0; l < 8; l++)
                *k->out++ = weight_at(p, k->w, o, t->c + l, t->r, t->s);
        return;
    }
    for (int32_t o = k->first; o < k->first + k->count; o++)
        *k->out++ = weight_at(p, k->w, o, t->c, t->r, t->s);
}

/* Output channels handled together from o on: up to 16 into features, up to 3 into an image. */
static int32_t group_size(const plan *p, int32_t o)
{
    if (p->lanes)
        return p->co - o < MAX_OUT ? p->co - o : MAX_OUT;
    int32_t left = drn_padded_channels(p->co) - o;
    return left < 16 ? left : 16;
}

static size_t pack_bytes(const drn_conv_geom *g, drn_conv_pass pass)
{
    plan p = plan_of(g, pass);
    size_t out = p.lanes ? (size_t)p.co * 8 : (size_t)drn_padded_channels(p.co);
    return p.taps * out * sizeof(float);
}

/* [phase][group of output channels][tap][channels of the group (x 8 lanes of the source)] */
static void pack(void *packed, const void *w, const drn_conv_geom *g, drn_conv_pass pass)
{
    plan p = plan_of(g, pass);
    packer k = {.w = w, .out = packed};
    for (int32_t phase = 0; phase < p.os * p.os; phase++)
        for (k.first = 0; k.first < p.co; k.first += k.count) {
            k.count = group_size(&p, k.first);
            taps_visit(&p, phase, tap_pack, &k);
        }
}

/* ---- epilogue ---- */

/* Of 8 filters. */
typedef struct finish {
    v8 bias, slope;
    bool activate;
} finish;

/* Filters o .. o + 7 of a list, or one number for all without a list; zero past the last filter. */
static v8 filter_vector(const job *j, const float *list, float all, int32_t o)
{
    float v[8] = {0};
    for (int32_t i = 0; i < 8 && o + i < j->p.co; i++)
        v[i] = list ? list[o + i] : all;
    return v8_load(v);
}

static finish finish_of(const job *j, int32_t o)
{
    const drn_conv_epilogue *e = j->e, none = {0};
    e = e ? e : &none;
    return (finish){filter_vector(j, e->bias, 0, o), filter_vector(j, e->slopes, (float)e->slope, o),
                    e->activate};
}

/* ---- into features ---- */

/* PIXELS x vecs sums over the taps; a: the first pixel's place in the copy. */
__attribute__((always_inline)) static inline void tile_features(v8 sums[PIXELS * 2], const float *a,
                                                                size_t step, const int32_t *offsets,
                                                                size_t taps, const float *w,
                                                                const int vecs)
{
    v8 acc[PIXELS * 2]; /* apart from sums, so that it stays in registers */
    DRN_UNROLL(12)
    for (int i = 0; i < PIXELS * vecs; i++)
        acc[i] = v8_zero();
    for (size_t t = 0; t < taps; t++, w += vecs * 8) {
        const float *p = a + offsets[t];
        v8 w0 = v8_load(w), w1 = vecs == 2 ? v8_load(w + 8) : w0;
        DRN_UNROLL(6)
        for (int i = 0; i < PIXELS; i++) {
            v8 x = v8_set(p[(size_t)i * step]);
            acc[i * vecs] = v8_fma(x, w0, acc[i * vecs]);
            if (vecs == 2)
                acc[i * vecs + 1] = v8_fma(x, w1, acc[i * vecs + 1]);
        }
    }
    DRN_UNROLL(12)
    for (int i = 0; i < PIXELS * vecs; i++)
        sums[i] = acc[i];
}

static void store_features(const job *j, const v8 *acc, int acc_step, size_t offset, size_t res,
                           int32_t count, const finish *f)
{
    size_t step = (size_t)j->p.os * 8;
    const v8 bias = f->bias, slope = f->slope;
    for (int32_t i = 0; i < count; i++, offset += step, res += step, acc += acc_step) {
        v8 v = v8_add(*acc, bias);
        if (f->activate)
            v = v8_leaky(v, slope);
        if (j->residual)
            v = v8_add(v, v8_load(j->residual + res));
        v8_store(j->out + offset, v);
    }
}

/* What the row functions need: a row of one phase in a chunk. */
typedef struct row_run {
    const float *a;         /* first pixel's place in the copy */
    const int32_t *offsets; /* of the phase */
    size_t taps;
    const float *w; /* of the phase and group */
    size_t out;     /* offset of the first pixel, channel 0, of this image and row */
    size_t res;     /* the same of the residual */
    int32_t pixels;
} row_run;

static void row_features(const job *j, const row_run *r, int32_t o, int32_t count)
{
    const plan *p = &j->p;
    size_t step = (size_t)p->ss * (size_t)drn_block_for(p->ci);
    size_t out = r->out + (size_t)(o / 8) * j->out_plane;
    size_t res = r->res + (size_t)(o / 8) * j->res_plane;
    finish f0 = finish_of(j, o), f1 = finish_of(j, o + 8);
    for (int32_t i = 0; i < r->pixels; i += PIXELS) {
        v8 acc[PIXELS * 2];
        int32_t left = r->pixels - i < PIXELS ? r->pixels - i : PIXELS;
        const float *a = r->a + (size_t)i * step;
        size_t skip = (size_t)i * (size_t)p->os * 8, at = out + skip, from = res + skip;
        if (count == 16) {
            tile_features(acc, a, step, r->offsets, r->taps, r->w, 2);
            store_features(j, acc, 2, at, from, left, &f0);
            store_features(j, acc + 1, 2, at + j->out_plane, from + j->res_plane, left, &f1);
        } else {
            tile_features(acc, a, step, r->offsets, r->taps, r->w, 1);
            store_features(j, acc, 1, at, from, left, &f0);
        }
    }
}

/* ---- from features into an image ---- */

/* ROW pixels x outs sums of vectors over the taps. */
__attribute__((always_inline)) static inline void tile_image(v8 sums[ROW * MAX_OUT], const float *a,
                                                             size_t step, const int32_t *offsets,
                                                             size_t taps, const float *w,
                                                             const int outs)
{
    v8 acc[ROW * MAX_OUT];
    DRN_UNROLL(12)
    for (int i = 0; i < ROW * outs; i++)
        acc[i] = v8_zero();
    for (size_t t = 0; t < taps; t++, w += outs * 8) {
        const float *p = a + offsets[t];
        v8 v[MAX_OUT];
        DRN_UNROLL(3)
        for (int o = 0; o < outs; o++)
            v[o] = v8_load(w + o * 8);
        DRN_UNROLL(4)
        for (int i = 0; i < ROW; i++) {
            v8 x = v8_load(p + (size_t)i * step);
            DRN_UNROLL(3)
            for (int o = 0; o < outs; o++)
                acc[o * ROW + i] = v8_fma(x, v[o], acc[o * ROW + i]);
        }
    }
    DRN_UNROLL(12)
    for (int i = 0; i < ROW * outs; i++)
        sums[i] = acc[i];
}

static void store_image(const job *j, v4 sums, size_t offset, size_t res, int32_t count,
                        int32_t o)
{
    const float *bias = j->e ? j->e->bias : NULL, *slopes = j->e ? j->e->slopes : NULL;
    float v[ROW];
    sums += v4_set(bias ? bias[o] : 0);
    if (j->e && j->e->activate)
        sums = v4_leaky(sums, v4_set(slopes ? slopes[o] : (float)j->e->slope));
    if (count == ROW && j->p.os == 1) {
        if (j->residual)
            sums += v4_load(j->residual + res);
        v4_store(j->out + offset, sums);
        return;
    }
    v4_store(v, sums);
    for (int32_t i = 0; i < count; i++, offset += (size_t)j->p.os, res += (size_t)j->p.os)
        j->out[offset] = j->residual ? v[i] + j->residual[res] : v[i];
}

static void row_image(const job *j, const row_run *r, int32_t o, int32_t count)
{
    const plan *p = &j->p;
    size_t step = (size_t)p->ss * 8;
    for (int32_t i = 0; i < r->pixels; i += ROW) {
        v8 acc[ROW * MAX_OUT];
        int32_t left = r->pixels - i < ROW ? r->pixels - i : ROW;
        const float *a = r->a + (size_t)i * step;
        if (count == 3)
            tile_image(acc, a, step, r->offsets, r->taps, r->w, 3);
        else if (count == 2)
            tile_image(acc, a, step, r->offsets, r->taps, r->w, 2);
        else
            tile_image(acc, a, step, r->offsets, r->taps, r->w, 1);
        for (int32_t c = 0; c < count; c++) {
            size_t skip = (size_t)i * (size_t)p->os, channel = (size_t)(o + c);
            store_image(j, v8_sum4(acc + c * ROW), r->out + channel * j->out_plane + skip,
                        r->res + channel * j->res_plane + skip, left, o + c);
        }
    }
}

/* ---- a chunk ---- */

/* All rows of one phase in the chunk's rectangle of the output. */
static void phase_run(const job *j, int32_t phase, const row_run *start, int32_t y0, int32_t y1,
                      int32_t x0, int32_t x1)
{
    const plan *p = &j->p;
    size_t block = (size_t)drn_block_for(p->ci), out_block = (size_t)drn_block_for(p->co);
    int32_t py = phase / p->os, px = phase % p->os;
    row_run r = *start;
    r.pixels = x1 - x0 - px <= 0 ? 0 : (x1 - x0 - px + p->os - 1) / p->os;
    int32_t count;
    for (int32_t o = 0; o < p->co; o += count) {
        count = group_size(p, o);
        for (int32_t y = y0 + py; y < y1; y += p->os) {
            r.a = start->a + (size_t)((y - y0) / p->os * p->ss) * (size_t)p->cols * block;
            size_t at = ((size_t)y * (size_t)p->ow + (size_t)(x0 + px)) * out_block;
            r.out = start->out + at;
            r.res = start->res + at;
            if (p->lanes)
                row_image(j, &r, o, count);
            else
                row_features(j, &r, o, count);
        }
        r.w += r.taps * (size_t)count * (p->lanes ? 8 : 1);
    }
}

static int32_t min_i32(int32_t a, int32_t b)
{
    return a < b ? a : b;
}

static void chunk_run(void *ctx, size_t chunk, int thread)
{
    const job *j = ctx;
    const plan *p = &j->p;
    int32_t strip = (int32_t)(chunk % (size_t)j->strips), n;
    chunk /= (size_t)j->strips;
    int32_t band = (int32_t)(chunk % (size_t)j->bands);
    n = (int32_t)(chunk / (size_t)j->bands);
    int32_t y0 = band * p->band, x0 = strip * p->strip;
    int32_t y1 = min_i32(y0 + p->band, p->oh), x1 = min_i32(x0 + p->strip, p->ow);
    float *buf = j->scratch + (size_t)thread * j->scratch_step;
    direct_patch(buf, j->src + (size_t)n * j->src_image, p->ci, j->src_rows, p->sh, p->sw,
                 y0 / p->os * p->ss + p->dy0 + (p->back ? 0 : p->g->band.cut), x0 / p->os * p->ss + p->dx0, p->rows, p->cols);
    row_run r = {.a = buf, .offsets = j->offsets, .w = j->w, .out = (size_t)n * j->out_image,
                 .res = (size_t)n * j->res_image};
    size_t out = p->lanes ? (size_t)p->co * 8 : (size_t)drn_padded_channels(p->co);
    for (int32_t phase = 0; phase < p->os * p->os; phase++) {
        r.taps = taps_visit(p, phase, tap_count, NULL);
        phase_run(j, phase, &r, y0, y1, x0, x1);
        r.offsets += r.taps;
        r.w += r.taps * out;
    }
}

static void tap_locate(void *ctx, const plan *p, const tap *t)
{
    int32_t **offset = ctx, block = drn_block_for(p->ci);
    *(*offset)++ = ((t->c / block * p->rows + t->dy - p->dy0) * p->cols + t->dx - p->dx0) * block +
                   t->c % block;
}

static size_t round_floats(size_t n)
{
    return (n + 15) / 16 * 16;
}

static size_t copy_floats(const plan *p)
{
    return round_floats((size_t)p->rows * (size_t)p->cols * (size_t)drn_padded_channels(p->ci));
}

static void set_planes(job *j, const drn_conv_geom *g)
{
    const plan *p = &j->p;
    size_t blocks = (size_t)direct_groups(p->co), wide = (size_t)p->ow * (size_t)drn_block_for(p->co);
    j->src_rows = p->back ? p->sh : drn_conv_x_rows(g);
    j->src_image = (size_t)drn_padded_channels(p->ci) * (size_t)j->src_rows * (size_t)p->sw;
    j->out_plane = (size_t)(p->back ? p->oh : drn_conv_y_rows(g)) * wide;
    j->res_plane = p->back ? j->out_plane : (size_t)drn_conv_residual_rows(g) * wide;
    j->out_image = blocks * j->out_plane;
    j->res_image = blocks * j->res_plane;
}

static void convolve(job *j, const drn_conv_geom *g, drn_conv_pass pass, const drn_conv_run *run)
{
    j->p = plan_of(g, pass);
    const plan *p = &j->p;
    j->offsets = run->scratch;
    j->scratch = (float *)run->scratch + round_floats(p->taps);
    j->scratch_step = copy_floats(p);
    set_planes(j, g);
    j->bands = (p->oh + p->band - 1) / p->band;
    j->strips = (p->ow + p->strip - 1) / p->strip;
    int32_t *next = j->offsets;
    for (int32_t phase = 0; phase < p->os * p->os; phase++)
        taps_visit(p, phase, tap_locate, &next);
    drn_pool_run(run->pool, (size_t)g->n * (size_t)j->bands * (size_t)j->strips, chunk_run, j);
}

/* ---- table entry ---- */

static bool supports(const drn_conv_geom *g, drn_conv_pass pass)
{
    return (g->c >= DRN_BLOCK || g->k >= DRN_BLOCK) && g->shuffle == 0 &&
           pass != DRN_CONV_BACKWARD_WEIGHTS;
}

static size_t scratch_bytes(const drn_conv_geom *g, drn_conv_pass pass, int threads)
{
    plan p = plan_of(g, pass);
    return (round_floats(p.taps) + (size_t)threads * copy_floats(&p)) * sizeof(float);
}

static void forward(void *y, const void *x, const void *w, const drn_conv_geom *g,
                    const drn_conv_epilogue *e, const drn_conv_run *run)
{
    job j = {.src = x, .w = w, .out = y, .e = e, .residual = e ? e->residual : NULL};
    convolve(&j, g, DRN_CONV_FORWARD, run);
}

static void backward_data(void *dx, const void *dy, const void *w, const drn_conv_geom *g,
                          bool accumulate, const drn_conv_run *run)
{
    job j = {.src = dy, .w = w, .out = dx, .residual = accumulate ? dx : NULL};
    convolve(&j, g, DRN_CONV_BACKWARD_DATA, run);
}

const drn_conv_impl DRN_SIMD(direct) = {"direct",      supports, pack_bytes,    pack,
                                        scratch_bytes, forward,  backward_data, NULL};
