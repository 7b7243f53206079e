/* Direct backward-weights for any kernel, stride and padding where one side has features.
 *
 *     dw[k,c,r,s] = sum over n, y, x of dy[k, y, x] * xin[c, y*stride + r - pad, x*stride + s -
 * pad]
 *
 * One tensor fills the lanes (dy; or the input when dy is an image of fewer than 8 channels and the
 * stride is 1), the other is copied with zeros around it, so that each tap is an offset, and
 * broadcast: 6 taps x 2 vectors of sums stay in registers.  The images are cut into a fixed number
 * of parts with sums of their own, added in order. */
#include "kernels/simd/conv_direct.h"
#include "kernels/simd/isa.h"
#include "kernels/simd/vec.h"

enum {
    MAX_PARTS = 8,
    BAND = 8,   /* rows of the lanes' tensor at once */
    STRIP = 60, /* columns at once */
    TAPS = 6    /* taps together */
};

typedef struct plan {
    const drn_conv_geom *g;
    bool swapped;              /* the lanes are input channels */
    int32_t lc, lh, lw;        /* the lanes' tensor */
    int32_t tc, th, tw;        /* the taps' tensor */
    int32_t step;              /* of the taps' pixels */
    int32_t y0, x0;            /* least offset of a tap */
    int32_t strip, rows, cols; /* rows, cols: of the copy */
    int32_t bands, strips, lane_blocks;
    size_t taps, padded_taps;       /* padded: whole groups of TAPS */
    size_t units, parts, part_step; /* unit: a band of an image; step: floats of sums */
} plan;

typedef struct job {
    plan p;
    const float *lanes, *taps;
    float *dw, *db;
    double *bias_sums; /* [parts][lane_blocks*8] */
    float *sums;       /* [parts][pair of lane blocks][padded_taps][8 or 16] */
    int32_t *offsets;  /* [padded_taps] in the copy */
    float *scratch;
    size_t scratch_step;
} job;

static size_t round_floats(size_t n)
{
    return (n + 15) / 16 * 16;
}

static plan plan_of(const drn_conv_geom *g)
{
    plan p = {.g = g, .swapped = g->k < DRN_BLOCK};
    p.lc = p.swapped ? g->c : g->k;
    p.lh = p.swapped ? g->h : g->oh;
    p.lw = p.swapped ? g->w : g->ow;
    p.tc = p.swapped ? g->k : g->c;
    p.th = p.swapped ? g->oh : g->h;
    p.tw = p.swapped ? g->ow : g->w;
    p.step = p.swapped ? 1 : g->stride;
    p.y0 = p.swapped ? g->pad - g->r + 1 : -g->pad;
    p.x0 = p.swapped ? g->pad - g->s + 1 : -g->pad;
    p.strips = (p.lw + STRIP - 1) / STRIP;
    p.strip = (p.lw + p.strips - 1) / p.strips;
    p.bands = (p.lh + BAND - 1) / BAND;
    p.rows = (BAND - 1) * p.step + g->r;
    p.cols = (p.strip - 1) * p.step + g->s;
    p.lane_blocks = drn_channel_blocks(p.lc, 8);
    p.taps = (size_t)p.tc * (size_t)g->r * (size_t)g->s;
    p.padded_taps = (p.taps + TAPS - 1) / TAPS * TAPS;
    p.units = (size_t)g->n * (size_t)p.bands;
    p.parts = p.units < MAX_PARTS ? p.units : MAX_PARTS;
    p.part_step = round_floats(p.padded_taps * (size_t)p.lane_blocks * 8);
    return p;
}

/* Taps are ordered by channel, row, column; the padding ones repeat the first. */
static void locate_taps(const plan *p, int32_t *offsets)
{
    int32_t block = drn_block_for(p->tc);
    size_t i = 0;
    for (int32_t c = 0; c < p->tc; c++)
        for (int32_t r = 0; r < p->g->r; r++)
            for (int32_t s = 0; s < p->g->s; s++, i++) {
                int32_t y = p->swapped ? p->g->r - 1 - r : r, x = p->swapped ? p->g->s - 1 - s : s;
                offsets[i] = ((c / block * p->rows + y) * p->cols + x) * block + c % block;
            }
    for (; i < p->padded_taps; i++)
        offsets[i] = 0;
}

/* ---- sums over a rectangle ---- */

typedef struct rectangle {
    const float *lanes, *taps; /* first pixel of both */
    size_t lane_plane;         /* from one block of lanes to the next */
    size_t lane_row, tap_row, tap_step;
    int32_t rows, cols;
} rectangle;

/* sum[TAPS][vecs*8] += over the rectangle. */
__attribute__((always_inline)) static inline void outer_taps(float *sum, const rectangle *q,
                                                             const float *lanes,
                                                             const int32_t *offsets, const int vecs)
{
    v8 acc[TAPS * 2];
    DRN_UNROLL(12)
    for (int i = 0; i < TAPS * vecs; i++)
        acc[i] = v8_zero();
    for (int32_t y = 0; y < q->rows; y++) {
        const float *l = lanes + (size_t)y * q->lane_row, *l1 = vecs == 2 ? l + q->lane_plane : l;
        const float *t = q->taps + (size_t)y * q->tap_row, *a[TAPS];
        DRN_UNROLL(6)
        for (int i = 0; i < TAPS; i++)
            a[i] = t + offsets[i];
        size_t at = 0;
        for (int32_t x = 0; x < q->cols; x++, l += 8, l1 += 8, at += q->tap_step) {
            v8 v0 = v8_load(l), v1 = v8_load(l1);
            DRN_UNROLL(6)
            for (int i = 0; i < TAPS; i++) {
                v8 b = v8_set(a[i][at]);
                acc[i * vecs] = v8_fma(b, v0, acc[i * vecs]);
                if (vecs == 2)
                    acc[i * vecs + 1] = v8_fma(b, v1, acc[i * vecs + 1]);
            }
        }
    }
    DRN_UNROLL(12)
    for (int i = 0; i < TAPS * vecs; i++)
        v8_store(sum + i * 8, v8_add(v8_load(sum + i * 8), acc[i]));
}

/* Sum of one block of lanes over the rectangle, in bias[8]. */
static void outer_bias(double *bias, const rectangle *q, const float *lanes)
{
    v8 sum = v8_zero();
    for (int32_t y = 0; y < q->rows; y++)
        for (int32_t x = 0; x < q->cols; x++)
            sum = v8_add(sum, v8_load(lanes + (size_t)y * q->lane_row + (size_t)x * 8));
    float v[8];
    v8_store(v, sum);
    for (int l = 0; l < 8; l++)
        bias[l] += (double)v[l];
}

static void rectangle_run(const job *j, const rectangle *q, float *sums, double *bias)
{
    const plan *p = &j->p;
    int32_t vecs;
    for (int32_t b = 0; b < p->lane_blocks; b += vecs) {
        vecs = p->lane_blocks - b < 2 ? 1 : 2;
        const float *lanes = q->lanes + (size_t)b * q->lane_plane;
        for (size_t t = 0; t < p->padded_taps; t += TAPS, sums += TAPS * vecs * 8)
            if (vecs == 2)
                outer_taps(sums, q, lanes, j->offsets + t, 2);
            else
                outer_taps(sums, q, lanes, j->offsets + t, 1);
        for (int32_t i = 0; j->db && !p->swapped && i < vecs; i++)
            outer_bias(bias + (b + i) * 8, q, lanes + (size_t)i * q->lane_plane);
    }
}

static void unit_run(const job *j, size_t unit, float *buf, float *sums, double *bias)
{
    const plan *p = &j->p;
    size_t n = unit / (size_t)p->bands, block = (size_t)drn_block_for(p->tc);
    int32_t y = (int32_t)(unit % (size_t)p->bands) * BAND;
    size_t plane = (size_t)p->lh * (size_t)p->lw * 8;
    rectangle q = {.lane_plane = plane, .lane_row = (size_t)p->lw * 8, .taps = buf};
    q.tap_step = (size_t)p->step * block;
    q.tap_row = (size_t)p->step * (size_t)p->cols * block;
    q.rows = p->lh - y < BAND ? p->lh - y : BAND;
    for (int32_t x = 0; x < p->lw; x += p->strip) {
        q.cols = p->lw - x < p->strip ? p->lw - x : p->strip;
        q.lanes = j->lanes + n * (size_t)p->lane_blocks * plane +
                  ((size_t)y * (size_t)p->lw + (size_t)x) * 8;
        direct_patch(
            buf, j->taps + n * (size_t)drn_padded_channels(p->tc) * (size_t)p->th * (size_t)p->tw,
            p->tc, p->th, p->tw, y * p->step + p->y0, x * p->step + p->x0, p->rows, p->cols);
        rectangle_run(j, &q, sums, bias);
    }
}

static void part_run(void *ctx, size_t part, int thread)
{
    const job *j = ctx;
    const plan *p = &j->p;
    float *sums = j->sums + part * p->part_step;
    double *bias = j->bias_sums + part * (size_t)p->lane_blocks * 8;
    memset(sums, 0, p->part_step * sizeof *sums);
    memset(bias, 0, (size_t)p->lane_blocks * 8 * sizeof *bias);
    for (size_t u = p->units * part / p->parts; u < p->units * (part + 1) / p->parts; u++)
        unit_run(j, u, j->scratch + (size_t)thread * j->scratch_step, sums, bias);
}

/* ---- from the sums to dw and db ---- */

/* One block of lanes. */
static void finish_run(void *ctx, size_t chunk, int thread)
{
    const job *j = ctx;
    const plan *p = &j->p;
    int32_t b = (int32_t)chunk, pair = b / 2 * 2;
    size_t width = p->lane_blocks - pair < 2 ? 8 : 16, rs = (size_t)p->g->r * (size_t)p->g->s;
    const float *sums = j->sums + (size_t)pair * 8 * p->padded_taps + (size_t)(b - pair) * 8;
    (void)thread;
    for (size_t t = 0; t < p->taps; t++) {
        float v[8] = {0};
        for (size_t part = 0; part < p->parts; part++)
            for (int l = 0; l < 8; l++)
                v[l] += sums[part * p->part_step + t * width + (size_t)l];
        size_t channel = t / rs, rest = t % rs;
        for (int32_t l = 0; l < 8 && b * 8 + l < p->lc; l++) {
            size_t lane = (size_t)(b * 8 + l), k = p->swapped ? channel : lane;
            size_t c = p->swapped ? lane : channel;
            j->dw[(k * (size_t)p->g->c + c) * rs + rest] += v[l];
        }
    }
    for (int32_t k = b * 8; j->db && !p->swapped && k < b * 8 + 8 && k < p->lc; k++) {
        double sum = (double)j->db[k];
        for (size_t part = 0; part < p->parts; part++)
            sum += j->bias_sums[part * (size_t)p->lane_blocks * 8 + (size_t)k];
        j->db[k] = (float)sum;
    }
}

/* db of an image: the sums of its planes. */
static void plane_run(void *ctx, size_t k, int thread)
{
    const job *j = ctx;
    const plan *p = &j->p;
    size_t plane = (size_t)p->th * (size_t)p->tw;
    double total = (double)j->db[k];
    (void)thread;
    for (int32_t n = 0; n < p->g->n; n++) {
        const float *dy = j->taps + ((size_t)n * (size_t)p->tc + k) * plane;
        double sums[8] = {0};
        size_t i = 0;
        for (; i + 8 <= plane; i += 8)
            for (int l = 0; l < 8; l++)
                sums[l] += (double)dy[i + (size_t)l];
        for (; i < plane; i++)
            sums[0] += (double)dy[i];
        for (int l = 0; l < 8; l++)
            total += sums[l];
    }
    j->db[k] = (float)total;
}

/* ---- table entry ---- */

static bool supports(const drn_conv_geom *g, drn_conv_pass pass)
{
    return pass == DRN_CONV_BACKWARD_WEIGHTS &&
           (g->k >= DRN_BLOCK || (g->c >= DRN_BLOCK && g->stride == 1));
}

static size_t pack_bytes(const drn_conv_geom *g, drn_conv_pass pass)
{
    (void)g;
    (void)pass;
    return 0;
}

static size_t copy_floats(const plan *p)
{
    return round_floats((size_t)p->rows * (size_t)p->cols * (size_t)drn_padded_channels(p->tc));
}

static size_t scratch_bytes(const drn_conv_geom *g, drn_conv_pass pass, int threads)
{
    plan p = plan_of(g);
    (void)pass;
    return p.parts * (size_t)p.lane_blocks * 8 * sizeof(double) +
           (p.parts * p.part_step + round_floats(p.padded_taps) +
            (size_t)threads * copy_floats(&p)) *
               sizeof(float);
}

static void backward_weights(void *dw, void *db, const void *x, const void *dy,
                             const drn_conv_geom *g, const drn_conv_run *run)
{
    job j = {.p = plan_of(g), .dw = dw, .db = db};
    j.lanes = j.p.swapped ? x : dy;
    j.taps = j.p.swapped ? dy : x;
    j.bias_sums = run->scratch;
    j.sums = (float *)(j.bias_sums + j.p.parts * (size_t)j.p.lane_blocks * 8);
    j.offsets = (int32_t *)(j.sums + j.p.parts * j.p.part_step);
    j.scratch = (float *)j.offsets + round_floats(j.p.padded_taps);
    j.scratch_step = copy_floats(&j.p);
    locate_taps(&j.p, j.offsets);
    drn_pool_run(run->pool, j.p.parts, part_run, &j);
    drn_pool_run(run->pool, (size_t)j.p.lane_blocks, finish_run, &j);
    if (db && j.p.swapped)
        drn_pool_run(run->pool, (size_t)g->k, plane_run, &j);
}

const drn_conv_impl DRN_SIMD(direct_weights) = {
    "directw", supports, pack_bytes, NULL, scratch_bytes, NULL, NULL, backward_weights};
