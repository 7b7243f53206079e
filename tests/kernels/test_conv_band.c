/* Convolutions of some rows of a picture against those of the whole. */
#include "conv_case.h"
#include "harness.h"

#include "base/mem.h"

#include <float.h>
#include <stdlib.h>

/* Rows y0 .. y1-1 of the result, read and written in planes of more rows than they need. */
typedef struct band {
    int32_t y0, y1;
    int32_t x0, x1;             /* rows of x they depend on */
    int32_t x_rows, y_rows, r_rows; /* of the planes in memory */
    int32_t x_at, y_at, r_at;   /* rows of them before x0 and y0 */
} band;

static band band_of(const drn_conv_geom *g, int32_t y0, int32_t y1, int32_t spare)
{
    int32_t x0 = y0 * g->stride - g->pad, x1 = (y1 - 1) * g->stride - g->pad + g->r;
    band b = {.y0 = y0, .y1 = y1, .x0 = x0 > 0 ? x0 : 0, .x1 = x1 < g->h ? x1 : g->h};
    b.x_at = spare;
    b.y_at = 2 * spare;
    b.r_at = spare / 2;
    b.x_rows = b.x_at + b.x1 - b.x0 + 1;
    b.y_rows = b.y_at + y1 - y0 + spare;
    b.r_rows = b.r_at + y1 - y0;
    return b;
}

static drn_conv_geom band_geom(const drn_conv_geom *g, const band *b)
{
    drn_conv_geom q = *g;
    q.h = b->x1 - b->x0;
    q.oh = b->y1 - b->y0;
    q.band = (drn_conv_band){b->y0 * g->stride - b->x0, b->x_rows, b->y_rows, b->r_rows};
    return q;
}

/* Rows first .. first + n - 1 of a tensor go to row `at` of planes of `rows` rows, or back. */
static void rows_copy(void *window, int32_t rows, int32_t at, void *tensor, drn_shape s, int32_t first,
                      int32_t n, size_t size, bool back)
{
    size_t row = (size_t)s.w * (size_t)drn_block_for(s.c) * size;
    size_t planes = (size_t)s.n * (size_t)drn_channel_blocks(s.c, drn_block_for(s.c));
    for (size_t p = 0; p < planes; p++) {
        char *w = (char *)window + (p * (size_t)rows + (size_t)at) * row;
        char *t = (char *)tensor + (p * (size_t)s.h + (size_t)first) * row;
        memcpy(back ? t : w, back ? w : t, (size_t)n * row);
    }
}

static size_t window_bytes(drn_shape s, int32_t rows, size_t size)
{
    s.h = rows;
    return drn_elements(s) * size;
}

static size_t offset(drn_shape s, int32_t at, size_t size)
{
    return (size_t)at * (size_t)s.w * (size_t)drn_block_for(s.c) * size;
}

/* The whole of y, made band by band with an epilogue of everything. */
static void in_bands(void *y, const drn_conv_impl *impl, const conv_case *t, const void *x, const void *w,
                     const void *residual, const void *bias, const void *slopes, int32_t step,
                     size_t size)
{
    size_t bytes = impl->pack_bytes(&t->g, DRN_CONV_FORWARD);
    void *packed = guard_new(bytes + 1);
    if (bytes)
        impl->pack(packed, w, &t->g, DRN_CONV_FORWARD);
    for (int32_t y0 = 0; y0 < t->g.oh; y0 += step) {
        band b = band_of(&t->g, y0, y0 + step < t->g.oh ? y0 + step : t->g.oh, y0 % 3);
        drn_conv_geom g = band_geom(&t->g, &b);
        size_t xb = window_bytes(t->xs, b.x_rows, size), yb = window_bytes(t->ys, b.y_rows, size);
        char *xw = guard_new(xb), *yw = guard_new(yb), *rw = guard_new(window_bytes(t->ys, b.r_rows, size));
        drn_conv_run run = {NULL, guard_new(impl->scratch_bytes(&t->g, DRN_CONV_FORWARD, 1))};
        drn_conv_epilogue e = {bias, rw + offset(t->ys, b.r_at, size), true, 0.1, slopes};
        rows_copy(xw, b.x_rows, b.x_at, (void *)(uintptr_t)x, t->xs, b.x0, b.x1 - b.x0, size, false);
        rows_copy(rw, b.r_rows, b.r_at, (void *)(uintptr_t)residual, t->ys, b.y0, b.y1 - b.y0, size, false);
        impl->forward(yw + offset(t->ys, b.y_at, size), xw + offset(t->xs, b.x_at, size),
                      bytes ? packed : w, &g, &e, &run);
        rows_copy(yw, b.y_rows, b.y_at, y, t->ys, b.y0, b.y1 - b.y0, size, true);
        char *untouched = guard_new(window_bytes(t->ys, b.y_at, size));
        for (size_t p = 0; p < (size_t)drn_channel_blocks(t->ys.c, drn_block_for(t->ys.c)); p++)
            CHECK(memcmp(yw + p * offset(t->ys, b.y_rows, size), untouched, offset(t->ys, b.y_at, size)) == 0);
        CHECK(guard_ok(xw) && guard_ok(yw) && guard_ok(rw) && guard_ok(run.scratch));
        guard_free(xw);
        guard_free(yw);
        guard_free(rw);
        guard_free(untouched);
        guard_free(run.scratch);
    }
    guard_free(packed);
}

static double *absolute(const double *p, size_t n)
{
    double *a = drn_alloc(n * sizeof *a);
    for (size_t i = 0; i < n; i++)
        a[i] = fabs(p[i]);
    return a;
}

/* Bound of a part of the terms' sum, the same as test_conv.c's for the worst implementation. */
static void check_float(const conv_case *t, const double *want, int32_t step)
{
    size_t count;
    const drn_conv_impl *const *all = drn_conv_all(DRN_FLOAT32, &count), *const *exact;
    double *x = absolute(t->x64, t->nx), *w = absolute(t->w64, t->nw), *y = absolute(t->y64, t->ny);
    double *b = absolute(t->b64, (size_t)t->g.k), *size = drn_alloc(t->ny * sizeof *size);
    double terms = (double)(t->g.c * t->g.r * t->g.s);
    double k = (64 + 8 * sqrt(terms) + (t->flat ? terms / 10 : 0)) * (double)FLT_EPSILON;
    size_t one;
    exact = drn_conv_all(DRN_FLOAT64, &one);
    exact[0]->forward(size, x, w, &t->g, &(drn_conv_epilogue){b, y, false, 0, NULL}, &(drn_conv_run){NULL, NULL});
    float *got = guard_new(t->ny * sizeof *got);
    for (size_t i = 0; i < count; i++) {
        if (!all[i]->supports(&t->g, DRN_CONV_FORWARD))
            continue;
        in_bands(got, all[i], t, t->x, t->w, t->y, t->b, t->slopes, step, sizeof(float));
        for (size_t j = 0; j < t->ny; j++)
            if (!(fabs((double)got[j] - want[j]) <= k * size[j] + 1e-38))
                test_fail(__FILE__, __LINE__, "%s in bands of %d: element %zu is %.9g, expected %.9g; %s",
                          all[i]->name, step, j, (double)got[j], want[j], conv_case_name(t));
    }
    guard_free(got);
    drn_free(x);
    drn_free(w);
    drn_free(y);
    drn_free(b);
    drn_free(size);
}

static void check_case(drn_conv_geom g, int32_t step, uint64_t seed)
{
    conv_case t = conv_case_new(g, seed);
    size_t count;
    const drn_conv_impl *ref = drn_conv_all(DRN_FLOAT64, &count)[0];
    double *whole = drn_alloc(t.ny * sizeof *whole), *parts = drn_alloc(t.ny * sizeof *parts);
    ref->forward(whole, t.x64, t.w64, &g, &(drn_conv_epilogue){t.b64, t.y64, true, 0.1, t.slopes64},
                 &(drn_conv_run){NULL, NULL});
    in_bands(parts, ref, &t, t.x64, t.w64, t.y64, t.b64, t.slopes64, step, sizeof(double));
    if (memcmp(whole, parts, t.ny * sizeof *whole) != 0)
        test_fail(__FILE__, __LINE__, "bands of %d differ from the whole; %s", step, conv_case_name(&t));
    check_float(&t, whole, step);
    drn_free(whole);
    drn_free(parts);
    conv_case_free(&t);
}

TEST(bands, "forward in bands of rows, in planes with other rows around, is forward of the whole")
{
    static const int channels[][2] = {{8, 8}, {16, 24}, {3, 16}, {16, 3}, {12, 9}, {40, 40}};
    static const int kernels[][3] = {{3, 1, 1}, {5, 1, 2}, {1, 1, 0}, {3, 2, 1}, {3, 1, 0}};
    static const int sizes[][2] = {{1, 1}, {7, 5}, {23, 31}, {40, 13}};
    uint64_t seed = 1;
    for (size_t c = 0; c < sizeof channels / sizeof *channels; c++)
        for (size_t k = 0; k < sizeof kernels / sizeof *kernels; k++)
            for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++, seed++) {
                int h = sizes[i][0], w = sizes[i][1], r = kernels[k][0], pad = kernels[k][2];
                if (h + 2 * pad < r || w + 2 * pad < r)
                    continue;
                check_case(conv_geom(1, channels[c][0], h, w, channels[c][1], r, kernels[k][1], pad),
                           1 + (int)(seed * 5 % 13), seed);
            }
}

TEST(shuffled, "a pixel shuffle in the store works in bands, too")
{
    drn_conv_geom g = conv_geom(1, 16, 26, 11, 64, 3, 1, 1);
    g.shuffle = 2;
    const drn_conv_impl *impl = drn_conv_choose_shuffled(&g);
    if (!impl)
        SKIP("no implementation shuffles here");
    drn_conv_geom plain = g;
    plain.shuffle = 0;
    conv_case t = conv_case_new(plain, 5);
    drn_shape ys = {1, 16, 2 * g.oh, 2 * g.ow};
    size_t bytes = drn_elements(ys) * sizeof(float);
    float *whole = guard_new(bytes), *parts = guard_new(bytes);
    void *w = guard_new(impl->pack_bytes(&g, DRN_CONV_FORWARD));
    drn_conv_run run = {NULL, guard_new(impl->scratch_bytes(&g, DRN_CONV_FORWARD, 1))};
    drn_conv_epilogue e = {.bias = t.b, .activate = true};
    impl->pack(w, t.w, &g, DRN_CONV_FORWARD);
    impl->forward(whole, t.x, w, &g, &e, &run);
    for (int32_t y0 = 0; y0 < g.oh; y0 += 12) { /* whole tiles, of 4 or of 6 rows: the same bits */
        band b = band_of(&plain, y0, y0 + 12 < g.oh ? y0 + 12 : g.oh, 0);
        drn_conv_geom q = band_geom(&g, &b);
        q.band.x_rows = g.h;
        q.band.y_rows = 2 * g.oh;
        impl->forward(parts + offset(ys, 2 * y0, 1), t.x + offset(t.xs, b.x0, 1), w, &q, &e, &run);
    }
    CHECK(memcmp(whole, parts, bytes) == 0);
    CHECK(guard_ok(parts) && guard_ok(run.scratch));
    guard_free(whole);
    guard_free(parts);
    guard_free(w);
    guard_free(run.scratch);
    conv_case_free(&t);
}
