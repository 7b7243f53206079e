/* Every convolution implementation against the double reference, and that one against seven loops.
 */
#include "conv_case.h"
#include "harness.h"

#include "base/cpu.h"
#include "base/mem.h"
#include "base/pool.h"

#include <float.h>
#include <stdlib.h>

static const drn_conv_impl *reference(drn_dtype type)
{
    size_t count;
    const drn_conv_impl *const *all = drn_conv_all(type, &count);
    return all[count - 1];
}

/* ---- the double reference against seven loops over plain arrays ---- */

/* pass 0: y += x*w; 1: x += y*w; 2: w += x*y.  Plain layouts. */
static void naive(const drn_conv_geom *g, int pass, double *x, double *y, double *w)
{
    for (int n = 0; n < g->n; n++)
        for (int k = 0; k < g->k; k++)
            for (int c = 0; c < g->c; c++)
                for (int oy = 0; oy < g->oh; oy++)
                    for (int ox = 0; ox < g->ow; ox++)
                        for (int r = 0; r < g->r; r++)
                            for (int s = 0; s < g->s; s++) {
                                int iy = oy * g->stride - g->pad + r;
                                int ix = ox * g->stride - g->pad + s;
                                if (iy < 0 || iy >= g->h || ix < 0 || ix >= g->w)
                                    continue;
                                double *xp = &x[((n * g->c + c) * g->h + iy) * g->w + ix];
                                double *yp = &y[((n * g->k + k) * g->oh + oy) * g->ow + ox];
                                double *wp = &w[((k * g->c + c) * g->r + r) * g->s + s];
                                if (pass == 0)
                                    *yp += *xp * *wp;
                                else if (pass == 1)
                                    *xp += *yp * *wp;
                                else
                                    *wp += *xp * *yp;
                            }
}

static void compare(const double *a, const double *b, size_t n, const conv_case *t, int pass)
{
    for (size_t i = 0; i < n; i++)
        if (!(fabs(a[i] - b[i]) <= 1e-11 * (1 + fabs(b[i]))))
            test_fail(__FILE__, __LINE__, "pass %d element %zu is %.17g, expected %.17g; %s", pass,
                      i, a[i], b[i], conv_case_name(t));
}

static size_t plain(drn_shape s)
{
    return (size_t)s.n * (size_t)s.c * (size_t)s.h * (size_t)s.w;
}

static void check_naive(drn_conv_geom g, uint64_t seed)
{
    conv_case t = conv_case_new(g, seed);
    const drn_conv_impl *ref = reference(DRN_FLOAT64);
    drn_conv_run run = {NULL, NULL};
    double *x = drn_calloc(plain(t.xs), 8), *y = drn_calloc(plain(t.ys), 8);
    double *w = drn_calloc(t.nw, 8), *out = guard_new((t.nx + t.ny + t.nw) * 8);
    double *got = drn_calloc(plain(t.xs) + plain(t.ys), 8);

    drn_to_nchw(x, t.x64, t.xs, DRN_FLOAT64);
    naive(&g, 0, x, y, t.w64);
    ref->forward(out, t.x64, t.w64, &g, NULL, &run);
    drn_to_nchw(got, out, t.ys, DRN_FLOAT64);
    compare(got, y, plain(t.ys), &t, 0);

    drn_to_nchw(y, t.y64, t.ys, DRN_FLOAT64);
    naive(&g, 2, x, y, w);
    memset(out, 0, t.nw * 8);
    ref->backward_weights(out, NULL, t.x64, t.y64, &g, &run);
    compare(out, w, t.nw, &t, 2);

    memset(x, 0, plain(t.xs) * 8);
    naive(&g, 1, x, y, t.w64);
    ref->backward_data(out, t.y64, t.w64, &g, false, &run);
    drn_to_nchw(got, out, t.xs, DRN_FLOAT64);
    compare(got, x, plain(t.xs), &t, 1);

    CHECK(guard_ok(out));
    drn_free(x);
    drn_free(y);
    drn_free(w);
    drn_free(got);
    guard_free(out);
    conv_case_free(&t);
}

TEST(oracle, "the double reference equals seven loops for all passes, strides, pads and kernels")
{
    static const int kernels[] = {1, 2, 3, 5, 9}, channels[][2] = {{3, 8}, {8, 3}, {12, 9}, {1, 1}};
    uint64_t seed = 1;
    for (size_t i = 0; i < 5; i++)
        for (size_t c = 0; c < 4; c++)
            for (int stride = 1; stride <= 3; stride++)
                for (int pad = 0; pad <= kernels[i] / 2; pad += kernels[i] == 9 ? 2 : 1) {
                    int h = kernels[i] + (int)(seed * 7 % 9), w = kernels[i] + (int)(seed * 5 % 13);
                    check_naive(conv_geom(1 + (int)(seed % 2), channels[c][0], h, w, channels[c][1],
                                          kernels[i], stride, pad),
                                seed);
                    seed++;
                }
    check_naive(conv_geom(1, 9, 20, 37, 10, 3, 1, 1), 999);
    check_naive(conv_geom(2, 8, 1, 1, 8, 3, 1, 1), 1000);
}

/* ---- every float implementation against the double reference ---- */

/* Largest |fast - f64| / (eps * sum|w*x|) allowed.  Random signs: about the square root of the
 * terms; buffers of one value, where roundings do not cancel, a part of their number.  Over many
 * seeds the direct kernels reach 0.7 of their bound, and Winograd, whose transforms mix the terms
 * of neighbouring outputs, 0.4 of its own. */
static double factor(const drn_conv_impl *impl, double terms, const conv_case *t)
{
    double drift = t->flat ? terms / 10 : 0;
    if (strcmp(impl->name, "winograd6") == 0 || strcmp(impl->name, "winograd5") == 0)
        return 64 + 8 * sqrt(terms) + drift;
    if (strncmp(impl->name, "winograd", 8) == 0)
        return 16 + 2 * sqrt(terms) + drift;
    return 2 + sqrt(terms) + drift;
}

static double worst_winograd, worst_direct; /* largest error over its bound so far */

typedef struct answer {
    double *value, *size; /* in double, and the same of absolute values */
    size_t n;
} answer;

static answer answer_new(size_t n)
{
    return (answer){drn_calloc(n, 8), drn_calloc(n, 8), n};
}

static void answer_free(answer *a)
{
    drn_free(a->value);
    drn_free(a->size);
}

static double *absolute(const double *p, size_t n)
{
    double *a = drn_alloc(n * 8);
    for (size_t i = 0; i < n; i++)
        a[i] = fabs(p[i]);
    return a;
}

static void check_bound(const float *got, const answer *want, double k, const char *what,
                        const drn_conv_impl *impl, const conv_case *t)
{
    for (size_t i = 0; i < want->n; i++) {
        double error = fabs((double)got[i] - want->value[i]);
        double bound = k * (double)FLT_EPSILON * want->size[i] + 1e-40 * k;
        if (!(error <= bound))
            test_fail(__FILE__, __LINE__, "%s %s: element %zu is %.9g, expected %.9g +- %g; %s",
                      impl->name, what, i, (double)got[i], want->value[i], bound,
                      conv_case_name(t));
        double *worst = strncmp(impl->name, "winograd", 8) ? &worst_direct : &worst_winograd;
        if (bound > 1e-30 && error / bound > *worst)
            *worst = error / bound;
    }
}

/* Lanes past the last channel hold exactly 0. */
static void check_zero_lanes(const float *p, drn_shape s, const char *what,
                             const drn_conv_impl *impl, const conv_case *t)
{
    int32_t padded = drn_padded_channels(s.c);
    size_t plane = (size_t)s.h * (size_t)s.w, blocks = (size_t)padded / 8;
    for (size_t n = 0; padded > s.c && n < (size_t)s.n; n++)
        for (size_t i = 0; i < plane; i++)
            for (size_t l = (size_t)(s.c % 8); l < 8; l++)
                if (p[(((n + 1) * blocks - 1) * plane + i) * 8 + l] != 0)
                    test_fail(__FILE__, __LINE__, "%s %s: lane %zu of image %zu is not zero; %s",
                              impl->name, what, l, n, conv_case_name(t));
}

typedef struct subject {
    const drn_conv_impl *impl;
    const conv_case *t;
    drn_conv_pass pass;
    const drn_conv_epilogue *e; /* forward; in float */
    bool alias;                 /* residual is y */
    bool accumulate;            /* backward-data */
    bool bias;                  /* backward-weights: db too */
} subject;

/* Run into out (and db), which hold the values to add to. */
static void subject_run(const subject *s, float *out, float *db, drn_pool *pool)
{
    const conv_case *t = s->t;
    size_t pack = s->pass == DRN_CONV_BACKWARD_WEIGHTS ? 0 : s->impl->pack_bytes(&t->g, s->pass);
    void *w = t->w;
    if (pack > 0) {
        w = guard_new(pack);
        s->impl->pack(w, t->w, &t->g, s->pass);
    }
    drn_conv_run run = {pool,
                        guard_new(s->impl->scratch_bytes(&t->g, s->pass, drn_pool_threads(pool)))};
    if (s->pass == DRN_CONV_FORWARD) {
        drn_conv_epilogue e = *s->e;
        if (s->alias)
            e.residual = out;
        s->impl->forward(out, t->x, w, &t->g, &e, &run);
    } else if (s->pass == DRN_CONV_BACKWARD_DATA) {
        s->impl->backward_data(out, t->y, w, &t->g, s->accumulate, &run);
    } else {
        s->impl->backward_weights(out, db, t->x, t->y, &t->g, &run);
    }
    if (!guard_ok(run.scratch) || (pack > 0 && !guard_ok(w)))
        test_fail(__FILE__, __LINE__, "%s pass %d writes outside its scratch or weights; %s",
                  s->impl->name, (int)s->pass, conv_case_name(t));
    guard_free(run.scratch);
    if (pack > 0)
        guard_free(w);
}

static drn_pool *pools[3]; /* 1, 2 and 7 threads */

static void pools_make(void)
{
    static const int threads[] = {1, 2, 7};
    drn_error err = {0};
    for (int i = 0; i < 3; i++)
        if (!pools[i])
            CHECK_OK(drn_pool_new(&pools[i], threads[i], &err), err);
}

/* Run with 1, 2 and 7 threads from the same start; all must give the bits returned in out. */
static void subject_threads(const subject *s, float *out, const float *start, size_t n, float *db,
                            const float *db_start, size_t nb)
{
    float *again = guard_new(n * 4), *db_again = guard_new(nb * 4);
    for (int i = 0; i < 3; i++) {
        float *o = i ? again : out, *d = i ? db_again : db;
        if (start)
            memcpy(o, start, n * 4);
        if (db_start)
            memcpy(d, db_start, nb * 4);
        subject_run(s, o, s->bias ? d : NULL, pools[i]);
        if (i && (memcmp(out, again, n * 4) != 0 || (db && memcmp(db, db_again, nb * 4) != 0)))
            test_fail(__FILE__, __LINE__, "%s pass %d: other bits with other threads; %s",
                      s->impl->name, (int)s->pass, conv_case_name(s->t));
        CHECK(guard_ok(o) && guard_ok(d));
    }
    guard_free(again);
    guard_free(db_again);
}

/* which: bit 0 bias, bit 1 activation, bit 2 residual, bit 3 residual is y; prelu: in place of slope. */
static void check_forward(const drn_conv_impl *impl, const conv_case *t, unsigned which,
                          double slope, bool prelu)
{
    const drn_conv_impl *ref = reference(DRN_FLOAT64);
    drn_conv_run run = {pools[1], NULL};
    answer a = answer_new(t->ny);
    double *x = absolute(t->x64, t->nx), *w = absolute(t->w64, t->nw), *y = absolute(t->y64, t->ny);
    double *b = absolute(t->b64, (size_t)t->g.k);
    bool add = which & 12;
    drn_conv_epilogue e64 = {which & 1 ? t->b64 : NULL, add ? t->y64 : NULL, which & 2, slope,
                             prelu ? t->slopes64 : NULL};
    drn_conv_epilogue e32 = {which & 1 ? t->b : NULL, add ? t->y : NULL, which & 2, slope,
                             prelu ? t->slopes : NULL};
    drn_conv_epilogue size = {which & 1 ? b : NULL, add ? y : NULL, false, 0, NULL};
    ref->forward(a.value, t->x64, t->w64, &t->g, &e64, &run);
    ref->forward(a.size, x, w, &t->g, &size, &run);
    float *out = guard_new(t->ny * 4);
    subject s = {.impl = impl, .t = t, .pass = DRN_CONV_FORWARD, .e = &e32, .alias = which & 8};
    subject_threads(&s, out, which & 8 ? t->y : NULL, t->ny, NULL, NULL, 0);
    check_bound(out, &a, factor(impl, (double)(t->g.c * t->g.r * t->g.s), t), "forward", impl, t);
    check_zero_lanes(out, t->ys, "forward", impl, t);
    guard_free(out);
    drn_free(x);
    drn_free(w);
    drn_free(y);
    drn_free(b);
    answer_free(&a);
}

static void check_data(const drn_conv_impl *impl, const conv_case *t, bool accumulate)
{
    const drn_conv_impl *ref = reference(DRN_FLOAT64);
    drn_conv_run run = {pools[1], NULL};
    answer a = answer_new(t->nx);
    double *y = absolute(t->y64, t->ny), *w = absolute(t->w64, t->nw);
    if (accumulate)
        for (size_t i = 0; i < t->nx; i++)
            a.size[i] = fabs(a.value[i] = t->x64[i]);
    ref->backward_data(a.value, t->y64, t->w64, &t->g, accumulate, &run);
    ref->backward_data(a.size, y, w, &t->g, accumulate, &run);
    float *out = guard_new(t->nx * 4);
    subject s = {.impl = impl, .t = t, .pass = DRN_CONV_BACKWARD_DATA, .accumulate = accumulate};
    subject_threads(&s, out, accumulate ? t->x : NULL, t->nx, NULL, NULL, 0);
    check_bound(out, &a, factor(impl, (double)(t->g.k * t->g.r * t->g.s), t), "data", impl, t);
    check_zero_lanes(out, t->xs, "data", impl, t);
    guard_free(out);
    drn_free(y);
    drn_free(w);
    answer_free(&a);
}

static void check_weights(const drn_conv_impl *impl, const conv_case *t, bool bias)
{
    const drn_conv_impl *ref = reference(DRN_FLOAT64);
    drn_conv_run run = {pools[1], NULL};
    answer a = answer_new(t->nw), ab = answer_new((size_t)t->g.k);
    double *x = absolute(t->x64, t->nx), *y = absolute(t->y64, t->ny);
    for (size_t i = 0; i < t->nw; i++)
        a.size[i] = fabs(a.value[i] = t->w64[i]);
    for (size_t i = 0; i < ab.n; i++)
        ab.size[i] = fabs(ab.value[i] = t->b64[i]);
    ref->backward_weights(a.value, ab.value, t->x64, t->y64, &t->g, &run);
    ref->backward_weights(a.size, ab.size, x, y, &t->g, &run);
    float *out = guard_new(t->nw * 4), *db = guard_new(ab.n * 4);
    subject s = {.impl = impl, .t = t, .pass = DRN_CONV_BACKWARD_WEIGHTS, .bias = bias};
    subject_threads(&s, out, t->w, t->nw, bias ? db : NULL, bias ? t->b : NULL, bias ? ab.n : 0);
    double terms = (double)t->g.n * t->g.oh * t->g.ow;
    check_bound(out, &a, factor(impl, terms, t), "weights", impl, t);
    if (bias)
        check_bound(db, &ab, factor(impl, terms, t), "bias gradient", impl, t);
    guard_free(out);
    guard_free(db);
    drn_free(x);
    drn_free(y);
    answer_free(&a);
    answer_free(&ab);
}

/* All float implementations that take this pass; returns how many are not the reference. */
static int check_all(drn_conv_geom g, drn_conv_pass pass, uint64_t seed)
{
    size_t count;
    const drn_conv_impl *const *all = drn_conv_all(DRN_FLOAT32, &count);
    conv_case t = conv_case_new(g, seed);
    int fast = 0;
    pools_make();
    for (size_t i = 0; i < count; i++) {
        if (!all[i]->supports(&g, pass))
            continue;
        fast += i + 1 < count;
        if (pass == DRN_CONV_FORWARD)
            check_forward(all[i], &t, (unsigned)(seed % 16), seed / 16 % 2 ? 0.1 : 0, seed / 16 % 3 == 2);
        else if (pass == DRN_CONV_BACKWARD_DATA)
            check_data(all[i], &t, seed % 2);
        else
            check_weights(all[i], &t, seed % 2);
    }
    conv_case_free(&t);
    return fast;
}

static uint64_t env_number(const char *name, uint64_t fallback)
{
    const char *s = getenv(name);
    uint64_t n = s ? strtoull(s, NULL, 10) : 0;
    return n > 0 ? n : fallback;
}

static uint64_t first_seed(void)
{
    return env_number("DRN_TEST_SEED", 1);
}

/* Sanitizers and emulators slow the oracle down: take one case in so many. */
static uint64_t every(void)
{
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
    return env_number("DRN_TEST_EVERY", 4);
#else
    return env_number("DRN_TEST_EVERY", 1);
#endif
}

/* 3x3, stride 1, pad 1: what networks consist of. */
static void same_3x3(drn_conv_pass pass)
{
    static const int sizes[][3] = {{1, 1, 1},   {2, 7, 5},  {1, 63, 65}, {3, 32, 32},
                                   {1, 4, 130}, {5, 6, 13}, {2, 9, 9}};
    static const int channels[][2] = {{8, 8},  {16, 24}, {24, 16}, {40, 40}, {64, 64},
                                      {12, 9}, {33, 15}, {3, 16},  {16, 3},  {3, 64},
                                      {40, 3}, {1, 8},   {8, 1},   {5, 17},  {64, 128}};
    uint64_t seed = first_seed();
    for (size_t c = 0; c < sizeof channels / sizeof *channels; c++)
        for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++, seed++) {
            int pixels = sizes[i][0] * sizes[i][1] * sizes[i][2];
            if (channels[c][0] * channels[c][1] > 1500 && pixels > 2000 && (c != 4 || i != 2))
                continue; /* the oracle would take too long */
            if (seed % every() != 0)
                continue;
            check_all(conv_geom(sizes[i][0], channels[c][0], sizes[i][1], sizes[i][2],
                                channels[c][1], 3, 1, 1),
                      pass, seed);
        }
    printf("      largest error / bound so far: direct %.2f, Winograd %.2f\n", worst_direct,
           worst_winograd);
}

/* Any kernel size, stride and padding. */
static void any_shape(drn_conv_pass pass)
{
    static const int shapes[][4] = {/* size, kernel, stride, pad */
                                    {13, 1, 1, 0}, {12, 1, 2, 0}, {17, 3, 2, 1}, {32, 3, 2, 1},
                                    {20, 3, 1, 0}, {7, 5, 1, 2},  {19, 5, 2, 2}, {23, 9, 1, 4},
                                    {9, 9, 1, 0},  {11, 3, 1, 2}, {16, 4, 2, 1}, {15, 3, 3, 1},
                                    {1, 1, 1, 0},  {1, 3, 2, 1},  {5, 9, 4, 4},  {37, 5, 4, 0}, {23, 5, 1, 2}};
    static const int channels[][2] = {{3, 8},  {8, 3},  {16, 24}, {12, 9},
                                      {3, 32}, {24, 3}, {8, 8},   {1, 1}};
    uint64_t seed = first_seed() + 1000;
    for (size_t c = 0; c < sizeof channels / sizeof *channels; c++)
        for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++, seed++)
            if (seed % every() == 0)
                check_all(conv_geom(1 + (int)(seed % 3), channels[c][0], shapes[i][0],
                                    shapes[i][0] + (int)(seed % 5), channels[c][1], shapes[i][1],
                                    shapes[i][2], shapes[i][3]),
                          pass, seed);
}

TEST(forward_same, "forward 3x3 is within its bound, same bits for 1, 2 and 7 threads")
{
    same_3x3(DRN_CONV_FORWARD);
}

TEST(data_same, "backward-data 3x3 is within its bound, same bits for 1, 2 and 7 threads")
{
    same_3x3(DRN_CONV_BACKWARD_DATA);
}

TEST(weights_same, "backward-weights 3x3 is within its bound, same bits for 1, 2 and 7 threads")
{
    same_3x3(DRN_CONV_BACKWARD_WEIGHTS);
}

TEST(forward_any, "forward with any kernel, stride and pad is within its bound")
{
    any_shape(DRN_CONV_FORWARD);
}

TEST(data_any, "backward-data with any kernel, stride and pad is within its bound")
{
    any_shape(DRN_CONV_BACKWARD_DATA);
}

TEST(weights_any, "backward-weights with any kernel, stride and pad is within its bound")
{
    any_shape(DRN_CONV_BACKWARD_WEIGHTS);
}

/* DRN_CONV_CASE="n=1 c=3 h=4 w=5 k=8 rs=3 stride=1 pad=1 seed=7": the text of a failure. */
TEST(replay, "the case of the environment variable DRN_CONV_CASE is within its bound")
{
    const char *text = getenv("DRN_CONV_CASE");
    int n, c, h, w, k, rs, stride, pad;
    unsigned long long seed;
    if (!text || sscanf(text, "n=%d c=%d h=%d w=%d k=%d rs=%d stride=%d pad=%d seed=%llu", &n, &c,
                        &h, &w, &k, &rs, &stride, &pad, &seed) != 9)
        SKIP("DRN_CONV_CASE is not set");
    for (int pass = 0; pass < 3; pass++)
        check_all(conv_geom(n, c, h, w, k, rs, stride, pad), (drn_conv_pass)pass, seed);
}

TEST(choice, "the reference is chosen when instruction sets are masked, and it supports everything")
{
    drn_conv_geom g = conv_geom(1, 16, 8, 8, 16, 3, 1, 1);
    drn_cpu_mask(DRN_ISA_REF);
    const drn_conv_impl *masked = drn_conv_choose(&g, DRN_CONV_FORWARD, DRN_FLOAT32);
    g.shuffle = 2;
    const drn_conv_impl *shuffled = drn_conv_choose_shuffled(&g);
    g.shuffle = 0;
    drn_cpu_mask(~0u);
    CHECK_STR(masked->name, "ref");
    CHECK(shuffled == NULL); /* it leaves shuffles to another kernel */
    CHECK_STR(drn_conv_choose(&g, DRN_CONV_FORWARD, DRN_FLOAT64)->name, "ref");
    CHECK(drn_conv_choose_inference(&g)->supports(&g, DRN_CONV_FORWARD));
    CHECK_NEAR(drn_conv_macs(&g), 8.0 * 8 * 16 * 16 * 9, 0);
}

TEST(isa, "DRN_ISA allows one instruction set only, and another word changes nothing")
{
    static const char *const names[] = {"avx2", "neon", "sse2", "ref"};
    char before[16] = "", best[16];
    const char *env = getenv("DRN_ISA");
    snprintf(before, sizeof before, "%s", env ? env : "");
    unsetenv("DRN_ISA");
    snprintf(best, sizeof best, "%s", drn_cpu_isa_name());
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        setenv("DRN_ISA", names[i], 1);
        const char *now = drn_cpu_isa_name();
        CHECK(strcmp(now, names[i]) == 0 || (strcmp(now, "ref") == 0 && strcmp(names[i], best) != 0));
        size_t count;
        drn_conv_all(DRN_FLOAT32, &count);
        CHECK((count > 1) == (strcmp(now, "ref") != 0));
    }
    setenv("DRN_ISA", "another", 1);
    CHECK_STR(drn_cpu_isa_name(), best);
    if (*before)
        setenv("DRN_ISA", before, 1);
    else
        unsetenv("DRN_ISA");
#if defined(__aarch64__)
    CHECK_STR(best, "neon");
#endif
}
