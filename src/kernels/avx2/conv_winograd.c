/* 3x3 convolution, stride 1, pad 1, forward and backward-data, by fused Winograd F(4x4, 3x3).
 *
 * A block of tiles is transformed, multiplied by the transformed weights at each of the 36
 * positions, transformed back and stored with the epilogue before the next block begins, so that
 * everything between input and output stays in the second-level cache. */
#include "kernels/avx2/unroll.h"
#include "kernels/avx2/winograd.h"

#include <string.h>

/* A 3x3 convolution from ci to co channels, either direction. */
typedef struct job {
    const float *x, *u;
    float *y;
    const float *bias, *residual;
    bool activate;
    float slope;
    int32_t h, w, cb, kb; /* blocks of 8 in and out */
    int32_t co;           /* channels out, for the bias */
    int32_t tiles_y, tiles_x;
    size_t tiles, blocks_per_chunk;
    float *scratch;
    size_t scratch_step; /* floats a thread */
} job;

/* ---- weights ---- */

/* u[6] = G w[3] */
static void weights_1d(double u[WINO_IN], double w0, double w1, double w2)
{
    double ea = -2.0 / 3 * (w0 + 0.5 * w2), oa = -2.0 / 3 * WINO_A * w1;
    double eb = 1.0 / 6 * (w0 + 2 * w2), ob = 1.0 / 6 * WINO_B * w1;
    u[0] = w0;
    u[1] = ea + oa;
    u[2] = ea - oa;
    u[3] = eb + ob;
    u[4] = eb - ob;
    u[5] = w2;
}

/* G w G^T of one 3x3 filter, in double; rotated by 180 degrees on request. */
static void weights_2d(double u[WINO_POS], const float *w, bool rotate)
{
    double t[3][WINO_IN], f[9];
    for (int i = 0; i < 9; i++)
        f[i] = (double)w[rotate ? 8 - i : i];
    for (int i = 0; i < 3; i++)
        weights_1d(t[i], f[i * 3], f[i * 3 + 1], f[i * 3 + 2]);
    for (int j = 0; j < WINO_IN; j++) {
        double col[WINO_IN];
        weights_1d(col, t[0][j], t[1][j], t[2][j]);
        for (int i = 0; i < WINO_IN; i++)
            u[i * WINO_IN + j] = col[i];
    }
}

/* Channels of the convolution as it is carried out: backward-data goes from k to c. */
static void direction(const drn_conv_geom *g, drn_conv_pass pass, int32_t *ci, int32_t *co)
{
    bool back = pass == DRN_CONV_BACKWARD_DATA;
    *ci = back ? g->k : g->c;
    *co = back ? g->c : g->k;
}

static size_t pack_bytes(const drn_conv_geom *g, drn_conv_pass pass)
{
    (void)pass;
    return (size_t)WINO_POS * (size_t)drn_padded_channels(g->c) *
           (size_t)drn_padded_channels(g->k) * sizeof(float);
}

/* u[group of filters][36][ci][lanes of the group] */
static void pack(void *packed, const void *weights, const drn_conv_geom *g, drn_conv_pass pass)
{
    const float *w = weights;
    float *u = packed;
    int32_t ci, co;
    direction(g, pass, &ci, &co);
    int32_t cpad = drn_padded_channels(ci), vecs = drn_padded_channels(co) / 8, nv;
    for (int32_t v = 0; v < vecs; v += nv) {
        nv = wino_group(v, vecs);
        size_t lanes = (size_t)nv * 8;
        for (int32_t l = 0; l < nv * 8; l++)
            for (int32_t c = 0; c < cpad; c++) {
                int32_t o = v * 8 + l;
                double f[WINO_POS] = {0};
                if (o < co && c < ci && pass == DRN_CONV_BACKWARD_DATA)
                    weights_2d(f, w + ((size_t)c * (size_t)co + (size_t)o) * 9, true);
                else if (o < co && c < ci)
                    weights_2d(f, w + ((size_t)o * (size_t)ci + (size_t)c) * 9, false);
                for (size_t p = 0; p < WINO_POS; p++)
                    u[(p * (size_t)cpad + (size_t)c) * lanes + (size_t)l] = (float)f[p];
            }
        u += (size_t)WINO_POS * (size_t)cpad * lanes;
    }
}

/* ---- products ---- */

/* m[t][vecs*8] = sum_c v[t*vs + c] * u[c][vecs*8] for `tiles` rows. */
__attribute__((always_inline)) static inline void gemm(float *m, const float *v, size_t vs,
                                                       const float *u, int32_t c, const int tiles,
                                                       const int vecs)
{
    __m256 acc[12];
    DRN_UNROLL(12)
    for (int i = 0; i < tiles * vecs; i++)
        acc[i] = _mm256_setzero_ps();
    for (int32_t i = 0; i < c; i++, u += vecs * 8) {
        __m256 b[3];
        DRN_UNROLL(3)
        for (int j = 0; j < vecs; j++)
            b[j] = _mm256_load_ps(u + j * 8);
        DRN_UNROLL(12)
        for (int t = 0; t < tiles; t++) {
            __m256 a = _mm256_broadcast_ss(v + (size_t)t * vs + i);
            DRN_UNROLL(3)
            for (int j = 0; j < vecs; j++)
                acc[t * vecs + j] = _mm256_fmadd_ps(a, b[j], acc[t * vecs + j]);
        }
    }
    DRN_UNROLL(12)
    for (int i = 0; i < tiles * vecs; i++)
        _mm256_store_ps(m + i * 8, acc[i]);
}

/* All tiles of a block at one position; tiles is a multiple of 12. */
static void products(float *m, const float *v, const float *u, int32_t c, int32_t tiles,
                     int32_t vecs)
{
    size_t vs = (size_t)c;
    if (vecs == 2)
        for (int32_t t = 0; t < tiles; t += 6, m += 6 * 16, v += 6 * vs)
            gemm(m, v, vs, u, c, 6, 2);
    else if (vecs == 3)
        for (int32_t t = 0; t < tiles; t += 4, m += 4 * 24, v += 4 * vs)
            gemm(m, v, vs, u, c, 4, 3);
    else
        for (int32_t t = 0; t < tiles; t += 12, m += 12 * 8, v += 12 * vs)
            gemm(m, v, vs, u, c, 12, 1);
}

/* ---- output ---- */

/* y[0..3] = A^T m */
__attribute__((always_inline)) static inline void
output_1d(__m256 y[4], __m256 m0, __m256 m1, __m256 m2, __m256 m3, __m256 m4, __m256 m5)
{
    const __m256 a = _mm256_set1_ps((float)WINO_A), b = _mm256_set1_ps((float)WINO_B);
    const __m256 two = _mm256_set1_ps(2), half = _mm256_set1_ps(0.5f);
    const __m256 a3 = _mm256_set1_ps((float)(WINO_A / 2)), b3 = _mm256_set1_ps((float)(WINO_B * 2));
    __m256 sa = _mm256_add_ps(m1, m2), da = _mm256_sub_ps(m1, m2);
    __m256 sb = _mm256_add_ps(m3, m4), db = _mm256_sub_ps(m3, m4);
    y[0] = _mm256_add_ps(m0, _mm256_add_ps(sa, sb));
    y[1] = _mm256_fmadd_ps(b, db, _mm256_mul_ps(a, da));
    y[2] = _mm256_fmadd_ps(two, sb, _mm256_mul_ps(half, sa));
    y[3] = _mm256_fmadd_ps(b3, db, _mm256_fmadd_ps(a3, da, m5));
}

static inline __m256 activated(const job *j, __m256 v)
{
    __m256 low = _mm256_mul_ps(v, _mm256_set1_ps(j->slope));
    return _mm256_blendv_ps(low, v, _mm256_cmp_ps(v, _mm256_setzero_ps(), _CMP_GT_OQ));
}

/* One tile of 8 filters: m[pos*step], to y at `offset` floats; rows x cols pixels of it exist. */
static inline void output_tile(const job *j, size_t offset, const float *m, size_t step,
                               __m256 bias, int rows, int cols)
{
    float tmp[WINO_OUT][WINO_IN][8];
    for (int c = 0; c < WINO_IN; c++) {
        __m256 y[4];
        const float *p = m + (size_t)c * step;
        size_t row = WINO_IN * step;
        output_1d(y, _mm256_load_ps(p), _mm256_load_ps(p + row), _mm256_load_ps(p + 2 * row),
                  _mm256_load_ps(p + 3 * row), _mm256_load_ps(p + 4 * row),
                  _mm256_load_ps(p + 5 * row));
        DRN_UNROLL(4)
        for (int i = 0; i < WINO_OUT; i++)
            _mm256_storeu_ps(tmp[i][c], y[i]);
    }
    for (int i = 0; i < rows; i++, offset += (size_t)j->w * 8) {
        __m256 y[4];
        output_1d(y, _mm256_loadu_ps(tmp[i][0]), _mm256_loadu_ps(tmp[i][1]),
                  _mm256_loadu_ps(tmp[i][2]), _mm256_loadu_ps(tmp[i][3]),
                  _mm256_loadu_ps(tmp[i][4]), _mm256_loadu_ps(tmp[i][5]));
        float *out = j->y + offset;
        const float *res = j->residual ? j->residual + offset : NULL;
        DRN_UNROLL(4)
        for (int c = 0; c < WINO_OUT; c++) {
            if (c >= cols)
                break;
            __m256 v = _mm256_add_ps(y[c], bias);
            if (j->activate)
                v = activated(j, v);
            if (res)
                v = _mm256_add_ps(v, _mm256_loadu_ps(res + c * 8));
            _mm256_storeu_ps(out + c * 8, v);
        }
    }
}

/* Bias of filters 8*v .. 8*v+7, zero past the last. */
static __m256 bias_vector(const job *j, int32_t v)
{
    float b[8] = {0};
    for (int32_t i = 0; j->bias && i < 8 && v * 8 + i < j->co; i++)
        b[i] = j->bias[v * 8 + i];
    return _mm256_loadu_ps(b);
}

static void output_group(const job *j, const float *m, size_t step, size_t t0, int32_t tiles,
                         int32_t v, int32_t vecs)
{
    size_t plane = (size_t)j->h * (size_t)j->w * 8;
    for (int32_t i = 0; i < vecs; i++) {
        __m256 bias = bias_vector(j, v + i);
        for (int32_t t = 0; t < tiles; t++) {
            wino_tile at = wino_tile_at(t0 + (size_t)t, j->tiles_y, j->tiles_x);
            int32_t rows = j->h - at.y, cols = j->w - at.x;
            size_t offset = ((size_t)at.n * (size_t)j->kb + (size_t)(v + i)) * plane +
                            ((size_t)at.y * (size_t)j->w + (size_t)at.x) * 8;
            output_tile(j, offset, m + (t * vecs + i) * 8, step, bias,
                        rows < WINO_OUT ? rows : WINO_OUT, cols < WINO_OUT ? cols : WINO_OUT);
        }
    }
}

/* ---- a block of tiles ---- */

static void input_block(const job *j, float *v, size_t step, size_t t0, int32_t tiles,
                        int32_t padded)
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
    for (size_t p = 0; padded > tiles && p < WINO_POS; p++)
        memset(v + p * step + (size_t)tiles * row, 0, (size_t)(padded - tiles) * row * sizeof *v);
}

static void block_run(const job *j, float *v, float *m, size_t block)
{
    size_t t0 = block * WINO_TILES, vstep = wino_stride(WINO_TILES, j->cb * 8);
    size_t left = j->tiles - t0;
    int32_t tiles = left < WINO_TILES ? (int32_t)left : WINO_TILES, nv;
    int32_t padded = (tiles + 11) / 12 * 12;
    const float *u = j->u;
    input_block(j, v, vstep, t0, tiles, padded);
    for (int32_t k = 0; k < j->kb; k += nv) {
        nv = wino_group(k, j->kb);
        size_t mstep = wino_stride(WINO_TILES, nv * 8);
        for (size_t p = 0; p < WINO_POS; p++) {
            products(m + p * mstep, v + p * vstep, u, j->cb * 8, padded, nv);
            u += (size_t)j->cb * 8 * (size_t)nv * 8;
        }
        output_group(j, m, mstep, t0, tiles, k, nv);
    }
}

static void chunk_run(void *ctx, size_t chunk, int thread)
{
    const job *j = ctx;
    float *v = j->scratch + (size_t)thread * j->scratch_step;
    float *m = v + WINO_POS * wino_stride(WINO_TILES, j->cb * 8);
    size_t blocks = (j->tiles + WINO_TILES - 1) / WINO_TILES, first = chunk * j->blocks_per_chunk;
    size_t end = first + j->blocks_per_chunk;
    for (size_t b = first; b < blocks && b < end; b++)
        block_run(j, v, m, b);
}

static size_t scratch_floats(int32_t cb)
{
    return WINO_POS * (wino_stride(WINO_TILES, cb * 8) + wino_stride(WINO_TILES, WINO_VECS * 8));
}

static void convolve(job *j, const drn_conv_geom *g, int32_t ci, int32_t co,
                     const drn_conv_run *run)
{
    j->h = g->h;
    j->w = g->w;
    j->cb = drn_channel_blocks(ci, 8);
    j->kb = drn_channel_blocks(co, 8);
    j->co = co;
    j->tiles_y = wino_tiles(g->h);
    j->tiles_x = wino_tiles(g->w);
    j->tiles = (size_t)g->n * (size_t)j->tiles_y * (size_t)j->tiles_x;
    j->scratch = run->scratch;
    j->scratch_step = scratch_floats(j->cb);
    size_t blocks = (j->tiles + WINO_TILES - 1) / WINO_TILES;
    j->blocks_per_chunk = blocks < 32 ? 1 : blocks > 128 ? 8 : blocks / 16;
    drn_pool_run(run->pool, (blocks + j->blocks_per_chunk - 1) / j->blocks_per_chunk, chunk_run, j);
}

/* ---- table entry ---- */

static bool supports(const drn_conv_geom *g, drn_conv_pass pass)
{
    return g->r == 3 && g->s == 3 && g->stride == 1 && g->pad == 1 && g->c >= 8 && g->k >= 8 &&
           pass != DRN_CONV_BACKWARD_WEIGHTS;
}

static size_t scratch_bytes(const drn_conv_geom *g, drn_conv_pass pass, int threads)
{
    int32_t ci, co;
    direction(g, pass, &ci, &co);
    return (size_t)threads * scratch_floats(drn_channel_blocks(ci, 8)) * sizeof(float);
}

static void forward(void *y, const void *x, const void *w, const drn_conv_geom *g,
                    const drn_conv_epilogue *e, const drn_conv_run *run)
{
    job j = {.x = x, .u = w, .y = y};
    if (e) {
        j.bias = e->bias;
        j.residual = e->residual;
        j.activate = e->activate;
        j.slope = (float)e->slope;
    }
    convolve(&j, g, g->c, g->k, run);
}

static void backward_data(void *dx, const void *dy, const void *w, const drn_conv_geom *g,
                          bool accumulate, const drn_conv_run *run)
{
    job j = {.x = dy, .u = w, .y = dx, .residual = accumulate ? dx : NULL};
    convolve(&j, g, g->k, g->c, run);
}

extern const drn_conv_impl drn_conv_avx2_winograd;
const drn_conv_impl drn_conv_avx2_winograd = {"winograd4",   supports, pack_bytes,    pack,
                                              scratch_bytes, forward,  backward_data, NULL};
