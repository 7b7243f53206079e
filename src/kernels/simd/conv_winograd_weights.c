/* Backward-weights of the 3x3 convolution, stride 1, pad 1, by Winograd F(4x4, 3x3).
 *
 * The forward pass is A^T [U . V] A for each tile, U = G w G^T and V = B^T x B, so
 *     dw = G^T [ sum over tiles of (A dy A^T) . V ] G.
 * The tiles are cut into a fixed number of parts, whatever the threads; each part sums into its own
 * buffer, and the buffers are then added in order. */
#include "kernels/simd/isa.h"
#include "kernels/simd/winograd4.h"

#include <string.h>

enum {
    MAX_PARTS = 8,
    PART_TILES = 128, /* tiles that are worth a part */
    BLOCK_TILES = 32  /* tiles transformed at once: 32 x 36 x 64 floats are 288 KB */
};

typedef struct job {
    const float *x, *dy;
    float *dw, *db;
    int32_t h, w, c, k, cb, kb;
    int32_t tiles_y, tiles_x;
    size_t tiles, parts;
    float *sums; /* [parts][group of filters][36][cb*8][lanes of the group] */
    size_t part_step;
    double *bias_sums; /* [parts][kb*8] */
    float *scratch;    /* transforms of a thread */
    size_t scratch_step;
} job;

/* ---- transforms ---- */

/* out[i*step] = A y, one column. */
__attribute__((always_inline)) static inline void grad_1d(float *out, size_t step, v8 y0, v8 y1,
                                                          v8 y2, v8 y3)
{
    const v8 a = v8_set((float)WINO_A), b = v8_set((float)WINO_B);
    const v8 two = v8_set(2), half = v8_set(0.5f);
    v8 ea = v8_fma(half, y2, y0), oa = v8_fma(half, y3, y1);
    v8 eb = v8_fma(two, y2, y0), ob = v8_fma(two, y3, y1);
    v8_store(out, y0);
    v8_store(out + step, v8_fma(a, oa, ea));
    v8_store(out + 2 * step, v8_fnma(a, oa, ea));
    v8_store(out + 3 * step, v8_fma(b, ob, eb));
    v8_store(out + 4 * step, v8_fnma(b, ob, eb));
    v8_store(out + 5 * step, y3);
}

/* v[pos*step .. +8] = A dy A^T for 8 filters; returns the sum of the 16 pixels. */
static inline v8 grad_2d(float *v, size_t step, const float *dy, size_t row_step)
{
    float tmp[WINO_IN][WINO_OUT][8];
    v8 sum = v8_zero();
    for (int j = 0; j < WINO_OUT; j++) {
        const float *p = dy + j * 8;
        v8 y0 = v8_load(p), y1 = v8_load(p + row_step);
        v8 y2 = v8_load(p + 2 * row_step), y3 = v8_load(p + 3 * row_step);
        grad_1d(tmp[0][j], WINO_OUT * 8, y0, y1, y2, y3);
        sum = v8_add(sum, v8_add(v8_add(y0, y1), v8_add(y2, y3)));
    }
    for (int i = 0; i < WINO_IN; i++)
        grad_1d(v + (size_t)(i * WINO_IN) * step, step, v8_load(tmp[i][0]), v8_load(tmp[i][1]),
                v8_load(tmp[i][2]), v8_load(tmp[i][3]));
    return sum;
}

/* The same for a tile that may reach over the lower or right border. */
static inline v8 grad_tile(float *v, size_t step, const float *plane, int32_t h, int32_t w,
                           wino_tile t)
{
    const float *p = plane + ((size_t)t.y * (size_t)w + (size_t)t.x) * 8;
    if (t.y + WINO_OUT <= h && t.x + WINO_OUT <= w)
        return grad_2d(v, step, p, (size_t)w * 8);
    float tile[WINO_OUT][WINO_OUT][8] = {{{0}}};
    for (int i = 0; i < WINO_OUT && t.y + i < h; i++)
        for (int j = 0; j < WINO_OUT && t.x + j < w; j++)
            v8_store(tile[i][j], v8_load(p + ((size_t)i * (size_t)w + (size_t)j) * 8));
    return grad_2d(v, step, tile[0][0], WINO_OUT * 8);
}

/* ---- sums of products ---- */

/* sum[i][vecs*8] (+)= sum_t v[t*vs + i] * y[t][vecs*8] for `rows` channels. */
__attribute__((always_inline)) static inline void outer(float *sum, const float *v, size_t vs,
                                                        const float *y, int32_t tiles, bool first,
                                                        const int rows, const int vecs)
{
    v8 acc[12];
    DRN_UNROLL(12)
    for (int i = 0; i < rows * vecs; i++)
        acc[i] = first ? v8_zero() : v8_load(sum + i * 8);
    for (int32_t t = 0; t < tiles; t++, v += vs, y += vecs * 8) {
        v8 b[3];
        DRN_UNROLL(3)
        for (int j = 0; j < vecs; j++)
            b[j] = v8_load(y + j * 8);
        DRN_UNROLL(12)
        for (int i = 0; i < rows; i++) {
            v8 a = v8_set(v[i]);
            DRN_UNROLL(3)
            for (int j = 0; j < vecs; j++)
                acc[i * vecs + j] = v8_fma(a, b[j], acc[i * vecs + j]);
        }
    }
    DRN_UNROLL(12)
    for (int i = 0; i < rows * vecs; i++)
        v8_store(sum + i * 8, acc[i]);
}

/* One position of one group of filters: all channels. */
static void outer_position(float *sum, const float *v, const float *y, int32_t channels,
                           int32_t tiles, int32_t vecs, bool first)
{
    size_t vs = (size_t)channels;
    int32_t c = 0;
    if (vecs == 3) {
        for (; c < channels; c += 4, sum += 4 * 24)
            outer(sum, v + c, vs, y, tiles, first, 4, 3);
    } else if (vecs == 1) {
        for (; c < channels; c += 8, sum += 8 * 8)
            outer(sum, v + c, vs, y, tiles, first, 8, 1);
    } else {
        for (; (channels - c) % 4 != 0 || channels - c > 8; c += 6, sum += 6 * 16)
            outer(sum, v + c, vs, y, tiles, first, 6, 2);
        for (; c < channels; c += 4, sum += 4 * 16)
            outer(sum, v + c, vs, y, tiles, first, 4, 2);
    }
}

/* ---- a block of tiles ---- */

static void input_block(const job *j, float *v, size_t step, size_t t0, int32_t tiles)
{
    size_t plane = (size_t)j->h * (size_t)j->w * 8, row = (size_t)j->cb * 8;
    for (int32_t c = 0; c < j->cb; c += 2)
        for (int32_t t = 0; t < tiles; t++) {
            wino_tile at = wino_tile_at(t0 + (size_t)t, j->tiles_y, j->tiles_x);
            for (int32_t i = c; i < c + 2 && i < j->cb; i++)
                wino_input_tile(v + (size_t)t * row + (size_t)i * 8, step,
                                j->x + ((size_t)at.n * (size_t)j->cb + (size_t)i) * plane, j->h,
                                j->w, at);
        }
}

static void grad_block(const job *j, float *y, size_t step, size_t t0, int32_t tiles, int32_t k,
                       int32_t vecs, double *bias)
{
    size_t plane = (size_t)j->h * (size_t)j->w * 8;
    for (int32_t i = 0; i < vecs; i++) {
        v8 sum = v8_zero();
        for (int32_t t = 0; t < tiles; t++) {
            wino_tile at = wino_tile_at(t0 + (size_t)t, j->tiles_y, j->tiles_x);
            sum = v8_add(sum,
                         grad_tile(y + (t * vecs + i) * 8, step,
                                   j->dy + ((size_t)at.n * (size_t)j->kb + (size_t)(k + i)) * plane,
                                   j->h, j->w, at));
        }
        float lanes[8];
        v8_store(lanes, sum);
        for (int l = 0; l < 8; l++)
            bias[(k + i) * 8 + l] += (double)lanes[l];
    }
}

static void block_run(const job *j, size_t part, size_t t0, int32_t tiles, bool first, float *v)
{
    size_t vstep = wino_stride(BLOCK_TILES, j->cb * 8);
    float *y = v + WINO_POS * vstep, *sum = j->sums + part * j->part_step;
    int32_t nv;
    input_block(j, v, vstep, t0, tiles);
    for (int32_t k = 0; k < j->kb; k += nv) {
        nv = wino_group(k, j->kb);
        size_t ystep = wino_stride(BLOCK_TILES, nv * 8);
        grad_block(j, y, ystep, t0, tiles, k, nv, j->bias_sums + part * (size_t)j->kb * 8);
        for (size_t p = 0; p < WINO_POS; p++) {
            outer_position(sum, v + p * vstep, y + p * ystep, j->cb * 8, tiles, nv, first);
            sum += (size_t)j->cb * 8 * (size_t)nv * 8;
        }
    }
}

static void part_run(void *ctx, size_t part, int thread)
{
    const job *j = ctx;
    size_t begin = j->tiles * part / j->parts, end = j->tiles * (part + 1) / j->parts;
    float *v = j->scratch + (size_t)thread * j->scratch_step;
    memset(j->bias_sums + part * (size_t)j->kb * 8, 0, (size_t)j->kb * 8 * sizeof(double));
    for (size_t t = begin; t < end; t += BLOCK_TILES) {
        size_t left = end - t;
        block_run(j, part, t, left < BLOCK_TILES ? (int32_t)left : BLOCK_TILES, t == begin, v);
    }
}

/* ---- from the sums to dw ---- */

/* out[0..2] = G^T u */
__attribute__((always_inline)) static inline void weights_1d(v8 out[3], v8 u0, v8 u1, v8 u2, v8 u3,
                                                             v8 u4, v8 u5)
{
    const v8 ga = v8_set((float)(-2.0 / 3)), gb = v8_set((float)(1.0 / 6));
    const v8 ga1 = v8_set((float)(-2.0 / 3 * WINO_A));
    const v8 gb1 = v8_set((float)(1.0 / 6 * WINO_B));
    const v8 ga2 = v8_set((float)(-1.0 / 3)), gb2 = v8_set((float)(1.0 / 3));
    v8 sa = v8_add(u1, u2), da = v8_sub(u1, u2);
    v8 sb = v8_add(u3, u4), db = v8_sub(u3, u4);
    out[0] = v8_fma(ga, sa, v8_fma(gb, sb, u0));
    out[1] = v8_fma(ga1, da, v8_mul(gb1, db));
    out[2] = v8_fma(ga2, sa, v8_fma(gb2, sb, u5));
}

/* dw of 8 filters and one channel from the 36 sums. */
static void weights_2d(float dw[9][8], float u[WINO_POS][8])
{
    v8 t[3][WINO_IN], out[3];
    for (int j = 0; j < WINO_IN; j++) {
        weights_1d(out, v8_load(u[j]), v8_load(u[6 + j]), v8_load(u[12 + j]), v8_load(u[18 + j]),
                   v8_load(u[24 + j]), v8_load(u[30 + j]));
        for (int i = 0; i < 3; i++)
            t[i][j] = out[i];
    }
    for (int i = 0; i < 3; i++) {
        weights_1d(out, t[i][0], t[i][1], t[i][2], t[i][3], t[i][4], t[i][5]);
        for (int j = 0; j < 3; j++)
            v8_store(dw[i * 3 + j], out[j]);
    }
}

/* Adds 8 filters from 8*v on of channel c; sums: their first position, lanes apart by `lanes`. */
static void weights_store(const job *j, const float *sums, size_t position_step, int32_t v,
                          int32_t c)
{
    float u[WINO_POS][8], dw[9][8];
    for (size_t p = 0; p < WINO_POS; p++) {
        v8 sum = v8_load(sums + p * position_step);
        for (size_t part = 1; part < j->parts; part++)
            sum = v8_add(sum, v8_load(sums + part * j->part_step + p * position_step));
        v8_store(u[p], sum);
    }
    weights_2d(dw, u);
    for (int32_t l = 0; l < 8 && v * 8 + l < j->k; l++) {
        float *out = j->dw + ((size_t)(v * 8 + l) * (size_t)j->c + (size_t)c) * 9;
        for (int i = 0; i < 9; i++)
            out[i] += dw[i][l];
    }
}

/* All channels of one vector of filters, and their bias gradient. */
static void finish_run(void *ctx, size_t chunk, int thread)
{
    const job *j = ctx;
    int32_t v = (int32_t)chunk, first = 0, nv = wino_group(0, j->kb);
    const float *sums = j->sums;
    (void)thread;
    for (; first + nv <= v; nv = wino_group(first, j->kb)) {
        sums += (size_t)WINO_POS * (size_t)j->cb * 8 * (size_t)nv * 8;
        first += nv;
    }
    size_t lanes = (size_t)nv * 8;
    for (int32_t c = 0; c < j->c; c++)
        weights_store(j, sums + (size_t)c * lanes + (size_t)(v - first) * 8,
                      (size_t)j->cb * 8 * lanes, v, c);
    for (int32_t k = v * 8; j->db && k < v * 8 + 8 && k < j->k; k++) {
        double sum = (double)j->db[k];
        for (size_t part = 0; part < j->parts; part++)
            sum += j->bias_sums[part * (size_t)j->kb * 8 + (size_t)k];
        j->db[k] = (float)sum;
    }
}

/* ---- table entry ---- */

static void job_init(job *j, const drn_conv_geom *g)
{
    *j = (job){.h = g->h, .w = g->w, .c = g->c, .k = g->k};
    j->cb = drn_channel_blocks(g->c, 8);
    j->kb = drn_channel_blocks(g->k, 8);
    j->tiles_y = wino_tiles(g->h);
    j->tiles_x = wino_tiles(g->w);
    j->tiles = (size_t)g->n * (size_t)j->tiles_y * (size_t)j->tiles_x;
    j->parts = j->tiles / PART_TILES;
    j->parts = j->parts < 1 ? 1 : j->parts > MAX_PARTS ? MAX_PARTS : j->parts;
    j->part_step = (size_t)WINO_POS * (size_t)j->cb * 8 * (size_t)j->kb * 8;
    j->scratch_step =
        WINO_POS * (wino_stride(BLOCK_TILES, j->cb * 8) + wino_stride(BLOCK_TILES, WINO_VECS * 8));
}

static bool supports(const drn_conv_geom *g, drn_conv_pass pass)
{
    return g->r == 3 && g->s == 3 && g->stride == 1 && g->pad == 1 && g->c >= 8 && g->k >= 8 &&
           pass == DRN_CONV_BACKWARD_WEIGHTS;
}

static size_t pack_bytes(const drn_conv_geom *g, drn_conv_pass pass)
{
    (void)g;
    (void)pass;
    return 0;
}

static size_t scratch_bytes(const drn_conv_geom *g, drn_conv_pass pass, int threads)
{
    job j;
    (void)pass;
    job_init(&j, g);
    return (j.parts * j.part_step + (size_t)threads * j.scratch_step) * sizeof(float) +
           j.parts * (size_t)j.kb * 8 * sizeof(double);
}

static void backward_weights(void *dw, void *db, const void *x, const void *dy,
                             const drn_conv_geom *g, const drn_conv_run *run)
{
    job j;
    job_init(&j, g);
    j.x = x;
    j.dy = dy;
    j.dw = dw;
    j.db = db;
    j.bias_sums = run->scratch;
    j.sums = (float *)(j.bias_sums + j.parts * (size_t)j.kb * 8);
    j.scratch = j.sums + j.parts * j.part_step;
    drn_pool_run(run->pool, j.parts, part_run, &j);
    drn_pool_run(run->pool, (size_t)j.kb, finish_run, &j);
}

const drn_conv_impl DRN_SIMD(winograd_weights) = {
    "winograd4w", supports, pack_bytes, NULL, scratch_bytes, NULL, NULL, backward_weights};
