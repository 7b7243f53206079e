/* Every entry of drn_kernels: the float tables against the double one, for odd sizes, hostile
 * values and 1, 2 and 7 threads.  (The double one is held against naive formulas in tests/grad, and
 * here where no op reaches it.) */
#include "conv_case.h"
#include "harness.h"

#include "base/cpu.h"
#include "base/mem.h"
#include "base/pool.h"
#include "base/rng.h"
#include "kernels/bicubic.h"
#include "kernels/kernels.h"

#include <float.h>
#include <stdlib.h>

enum { BUFFERS = 5 };

/* One call: sizes, settings, and what its buffers are. */
typedef struct call_case {
    size_t n;       /* flat kernels */
    drn_shape s, d; /* shaped kernels: main shape, and the other one's where it differs */
    double alpha;   /* exact in float */
    bool accumulate;
    int32_t factor;
    int64_t step;
    const drn_taps *rows, *cols;
    int32_t at[6]; /* window: dc oy ox sc sy sx; size in count */
    int32_t count[3];
} call_case;

typedef struct buffer_spec {
    size_t n;        /* elements; 0: not used */
    drn_shape shape; /* .n > 0: a tensor, whose zero lanes start and stay zero */
    bool positive;
} buffer_spec;

typedef struct kernel_case {
    const char *name;
    void (*run)(const drn_kernels *k, void *const *b, const call_case *c, drn_pool *pool);
    /* 0: equal to the double result rounded once; else |float - double| <= ulps * FLT_EPSILON * m,
     * m the sum of the magnitudes at the same place in all buffers (whole: their largest) */
    double ulps;
    bool whole;
} kernel_case;

/* ---- data ---- */

/* 1 buffer in 8 each: all minimum, all maximum, denormal. */
static void fill(float *x, const buffer_spec *b, drn_rng *rng)
{
    static const float hostile[] = {-8.3f, 8.3f, 1.1e-41f};
    uint64_t kind = drn_rng_below(rng, 8);
    for (size_t i = 0; i < b->n; i++) {
        float v = kind < 3 ? hostile[kind] : (float)drn_rng_normal(rng);
        x[i] = b->positive ? fabsf(v) : v;
    }
}

static bool is_lane(drn_shape s, size_t i)
{
    size_t block = (size_t)drn_block_for(s.c),
           blocks = (size_t)drn_channel_blocks(s.c, (int32_t)block);
    size_t plane = i / block / ((size_t)s.h * (size_t)s.w) % blocks;
    return plane * block + i % block >= (size_t)s.c;
}

static void clear_lanes(float *x, const buffer_spec *b)
{
    for (size_t i = 0; b->shape.n > 0 && i < b->n; i++)
        if (is_lane(b->shape, i))
            x[i] = 0;
}

typedef struct world {
    const kernel_case *k;
    const call_case *c;
    const buffer_spec *spec;
    uint64_t seed;
    float *start[BUFFERS]; /* before the call */
    double *want[BUFFERS]; /* after it, in double */
    double most;           /* largest magnitude anywhere */
} world;

#define FAIL(w, ...)                                                                               \
    do {                                                                                           \
        char what_[200];                                                                           \
        snprintf(what_, sizeof what_, __VA_ARGS__);                                                \
        test_fail(__FILE__, __LINE__, "%s, n=%zu shape %dx%dx%dx%d seed=%llu: %s", (w)->k->name,   \
                  (w)->c->n, (w)->c->s.n, (w)->c->s.c, (w)->c->s.h, (w)->c->s.w,                   \
                  (unsigned long long)(w)->seed, what_);                                           \
    } while (0)

static world make(const kernel_case *k, const call_case *c, const buffer_spec *spec, uint64_t seed)
{
    world w = {.k = k, .c = c, .spec = spec, .seed = seed};
    drn_rng rng;
    drn_rng_seed(&rng, seed, 1);
    for (int i = 0; i < BUFFERS && spec[i].n; i++) {
        w.start[i] = drn_alloc(spec[i].n * sizeof(float));
        w.want[i] = drn_alloc(spec[i].n * sizeof(double));
        CHECK(w.start[i] && w.want[i]);
        fill(w.start[i], &spec[i], &rng);
        clear_lanes(w.start[i], &spec[i]);
        for (size_t j = 0; j < spec[i].n; j++) {
            w.want[i][j] = (double)w.start[i][j];
            w.most = w.most < fabs(w.want[i][j]) ? fabs(w.want[i][j]) : w.most;
        }
    }
    k->run(drn_kernels_get(DRN_FLOAT64), (void *const *)w.want, c, NULL);
    return w;
}

static void drop(world *w)
{
    for (int i = 0; i < BUFFERS; i++) {
        drn_free(w->start[i]);
        drn_free(w->want[i]);
    }
}

/* ---- one float table against the double results ---- */

static void run_float(const world *w, float **out, drn_pool *pool)
{
    for (int i = 0; i < BUFFERS; i++) {
        out[i] = w->spec[i].n ? guard_new(w->spec[i].n * sizeof(float)) : NULL;
        if (out[i])
            memcpy(out[i], w->start[i], w->spec[i].n * sizeof(float));
    }
    w->k->run(drn_kernels_get(DRN_FLOAT32), (void *const *)out, w->c, pool);
    for (int i = 0; i < BUFFERS; i++)
        if (out[i] && !guard_ok(out[i]))
            FAIL(w, "wrote outside buffer %d", i);
}

static void free_float(float **out)
{
    for (int i = 0; i < BUFFERS; i++)
        guard_free(out[i]);
}

static double allowed(const world *w, size_t at)
{
    double m = w->most;
    for (int i = 0; !w->k->whole && i < BUFFERS; i++) {
        m = i == 0 ? 0 : m;
        if (at < w->spec[i].n)
            m += fabs((double)w->start[i][at]) + fabs(w->want[i][at]);
    }
    return w->k->ulps * ((double)FLT_EPSILON * m + (double)FLT_TRUE_MIN);
}

static void compare(const world *w, float *const *got, const char *table)
{
    for (int i = 0; i < BUFFERS; i++)
        for (size_t j = 0; j < w->spec[i].n; j++) {
            double g = (double)got[i][j], want = w->want[i][j];
            bool same =
                w->k->ulps == 0 ? got[i][j] == (float)want : fabs(g - want) <= allowed(w, j);
            if (!same)
                FAIL(w, "%s: buffer %d [%zu] is %.9g, in double %.17g", table, i, j, g, want);
            if (w->spec[i].shape.n > 0 && is_lane(w->spec[i].shape, j) && got[i][j] != 0)
                FAIL(w, "%s: buffer %d [%zu], a zero lane, holds %g", table, i, j, g);
        }
}

/* 1, 2 and 7 threads: the same bits. */
static void compare_threads(const world *w, float *const *one)
{
    static const int threads[] = {2, 7};
    for (int t = 0; t < 2; t++) {
        drn_error err = {0};
        drn_pool *pool;
        float *many[BUFFERS];
        CHECK_OK(drn_pool_new(&pool, threads[t], &err), err);
        run_float(w, many, pool);
        drn_pool_free(pool);
        for (int i = 0; i < BUFFERS; i++)
            if (one[i] && memcmp(one[i], many[i], w->spec[i].n * sizeof(float)) != 0)
                FAIL(w, "buffer %d differs with %d threads", i, threads[t]);
        free_float(many);
    }
}

static void check(const kernel_case *k, const call_case *c, const buffer_spec *spec)
{
    static uint64_t seed = 0;
    for (int repeat = 0; repeat < 4; repeat++) {
        world w = make(k, c, spec, ++seed);
        for (int fast = 0; fast < 2; fast++) {
            float *got[BUFFERS];
            drn_cpu_mask(fast ? ~0u : DRN_ISA_REF);
            run_float(&w, got, NULL);
            compare(&w, got, fast ? drn_cpu_isa_name() : "ref");
            if (repeat == 0)
                compare_threads(&w, got);
            free_float(got);
        }
        drop(&w);
    }
}

/* ---- flat kernels ---- */

static void run_add(const drn_kernels *k, void *const *b, const call_case *c, drn_pool *pool)
{
    k->add(b[0], b[1], b[2], c->n, pool);
}

static void run_add_in_place(const drn_kernels *k, void *const *b, const call_case *c,
                             drn_pool *pool)
{
    k->add(b[0], b[0], b[1], c->n, pool);
    k->add(b[2], b[1], b[2], c->n, pool);
}

static void run_scale(const drn_kernels *k, void *const *b, const call_case *c, drn_pool *pool)
{
    k->scale(b[0], b[1], c->alpha, c->accumulate, c->n, pool);
}

static void run_leaky(const drn_kernels *k, void *const *b, const call_case *c, drn_pool *pool)
{
    k->leaky_relu(b[0], b[1], c->alpha, c->n, pool);
    k->leaky_relu(b[2], b[2], c->alpha, c->n, pool);
}

static void run_leaky_backward(const drn_kernels *k, void *const *b, const call_case *c,
                               drn_pool *pool)
{
    k->leaky_relu_backward(b[0], b[1], b[2], c->alpha, c->accumulate, c->n, pool);
    k->leaky_relu_backward(b[1], b[1], b[2], c->alpha, false, c->n, pool);
}

/* Weight, gradient, moments; the gradient is scaled as clipping does. */
static void run_adam(const drn_kernels *k, void *const *b, const call_case *c, drn_pool *pool)
{
    k->adam(b[0], b[1], b[2], b[3], 0.75, 1.0 / 1024, 0.875, 0.96875, 1.0 / (1 << 24), c->step,
            c->n, pool);
}

static void run_ema(const drn_kernels *k, void *const *b, const call_case *c, drn_pool *pool)
{
    k->ema(b[0], b[1], 0.96875, c->n, pool);
}

static const size_t sizes[] = {0, 1, 7, 8, 9, 31, 1000, 32767, 32768, 32769, 65536, 70001};
enum { SIZES = sizeof sizes / sizeof *sizes };

/* The kernel for all sizes and settings; count buffers of n elements. */
static void check_flat(const kernel_case *k, int count, bool accumulate, double alpha)
{
    for (int i = 0; i < SIZES; i++) {
        call_case c = {.n = sizes[i], .alpha = alpha, .accumulate = accumulate, .step = 1 + i * i};
        buffer_spec b[BUFFERS] = {{0}};
        for (int j = 0; j < count; j++)
            b[j] = (buffer_spec){.n = sizes[i], .positive = k->run == run_adam && j == 3};
        check(k, &c, b);
    }
}

TEST(flat_exact, "add, scale and leaky_relu are exact for all sizes, also in place")
{
    check_flat(&(kernel_case){"add", run_add, 0, false}, 3, false, 0);
    check_flat(&(kernel_case){"add in place", run_add_in_place, 0, false}, 3, false, 0);
    check_flat(&(kernel_case){"scale", run_scale, 0, false}, 2, false, -0.3125);
    check_flat(&(kernel_case){"scale by 1", run_scale, 0, false}, 2, true, 1);
    check_flat(&(kernel_case){"relu", run_leaky, 0, false}, 3, false, 0);
    check_flat(&(kernel_case){"leaky_relu", run_leaky, 0, false}, 3, false, 0.1875);
    check_flat(&(kernel_case){"relu backward", run_leaky_backward, 0, false}, 3, false, 0);
    check_flat(&(kernel_case){"relu backward", run_leaky_backward, 0, false}, 3, true, 0);
    check_flat(&(kernel_case){"leaky_relu backward", run_leaky_backward, 0, false}, 3, false,
               0.1875);
}

TEST(flat_rounded, "accumulating scale and leaky_relu, ema and adam are within a few roundings")
{
    check_flat(&(kernel_case){"scale", run_scale, 1, false}, 2, true, -0.3125);
    check_flat(&(kernel_case){"leaky_relu backward", run_leaky_backward, 1, false}, 3, true,
               0.1875);
    check_flat(&(kernel_case){"ema", run_ema, 2, false}, 2, false, 0);
    check_flat(&(kernel_case){"adam", run_adam, 4, false}, 4, false, 0);
}

/* What the flat kernels do to one element, by their definitions. */
static void naive_flat(double *const *b, const double *const *start, size_t i)
{
    double x = start[1][i], z = start[2][i];
    b[0][i] = x + z;
    b[1][i] = 0.25 * x;
    b[2][i] = z > 0 ? z : 0.125 * z;
    b[3][i] = start[3][i] + (b[2][i] > 0 ? b[0][i] : 0.125 * b[0][i]);
    b[4][i] = 0.75 * start[4][i] + 0.25 * b[0][i];
}

/* The double table for all sizes: a shared fault of both number types would hide above. */
TEST(flat_double, "the flat kernels in double do to every element what they say")
{
    const drn_kernels *k = drn_kernels_get(DRN_FLOAT64);
    for (int s = 0; s < SIZES; s++) {
        size_t n = sizes[s];
        double *b[BUFFERS], *want[BUFFERS], *start[BUFFERS];
        drn_rng rng;
        drn_rng_seed(&rng, 60, (uint64_t)s);
        for (int i = 0; i < BUFFERS; i++) {
            b[i] = guard_new(n * sizeof(double));
            want[i] = drn_alloc(n * sizeof(double) + 1);
            start[i] = drn_alloc(n * sizeof(double) + 1);
            CHECK(want[i] && start[i]);
            for (size_t j = 0; j < n; j++)
                b[i][j] = start[i][j] = drn_rng_normal(&rng);
        }
        k->add(b[0], b[1], b[2], n, NULL);
        k->scale(b[1], b[1], 0.25, false, n, NULL);
        k->leaky_relu(b[2], b[2], 0.125, n, NULL);
        k->leaky_relu_backward(b[3], b[0], b[2], 0.125, true, n, NULL);
        k->ema(b[4], b[0], 0.75, n, NULL);
        for (size_t j = 0; j < n; j++)
            naive_flat(want, (const double *const *)start, j);
        for (int i = 0; i < BUFFERS; i++) {
            for (size_t j = 0; j < n; j++)
                CHECK_NEAR(b[i][j], want[i][j], 1e-14);
            CHECK(guard_ok(b[i]));
            guard_free(b[i]);
            drn_free(want[i]);
            drn_free(start[i]);
        }
    }
}

/* ---- kernels that know shapes ---- */

static void run_prelu(const drn_kernels *k, void *const *b, const call_case *c, drn_pool *pool)
{
    k->prelu(b[0], b[1], b[2], c->s, pool);
}

/* dx, dy, x; then the slope's gradient and the slope. */
static void run_prelu_backward(const drn_kernels *k, void *const *b, const call_case *c,
                               drn_pool *pool)
{
    k->prelu_backward(b[0], b[3], b[1], b[2], b[4], c->accumulate, c->s, pool);
}

static void run_affine(const drn_kernels *k, void *const *b, const call_case *c, drn_pool *pool)
{
    k->affine(b[0], b[1], b[2], c->factor ? b[3] : NULL, c->accumulate, c->s, pool);
    k->affine(b[1], b[1], b[2], b[3], false, c->s, pool); /* in place, as conv_transpose2d's bias */
}

static void run_shuffle(const drn_kernels *k, void *const *b, const call_case *c, drn_pool *pool)
{
    k->pixel_shuffle(b[0], b[1], c->factor, c->s, pool);
}

static void run_shuffle_backward(const drn_kernels *k, void *const *b, const call_case *c,
                                 drn_pool *pool)
{
    k->pixel_shuffle_backward(b[1], b[0], c->factor, c->accumulate, c->s, pool);
}

static void run_window(const drn_kernels *k, void *const *b, const call_case *c, drn_pool *pool)
{
    k->window(b[0], c->d, c->at[0], c->at[1], c->at[2], b[1], c->s, c->at[3], c->at[4], c->at[5],
              c->count[0], c->count[1], c->count[2], c->accumulate, pool);
}

static void run_resize(const drn_kernels *k, void *const *b, const call_case *c, drn_pool *pool)
{
    k->resize(b[0], b[2], b[1], c->rows, c->cols, c->s, pool);
}

static void run_resize_backward(const drn_kernels *k, void *const *b, const call_case *c,
                                drn_pool *pool)
{
    k->resize_backward(b[1], b[2], b[0], c->rows, c->cols, c->s, pool);
}

static buffer_spec tensor(drn_shape s)
{
    return (buffer_spec){.n = drn_elements(s), .shape = s};
}

static buffer_spec vector(int32_t c)
{
    return (buffer_spec){.n = (size_t)c};
}

static const drn_shape shapes[] = {{2, 3, 5, 7},  {1, 9, 4, 6}, {3, 17, 1, 3}, {1, 8, 33, 31},
                                   {2, 16, 9, 1}, {1, 1, 1, 1}, {2, 12, 65, 3}};
enum { SHAPES = sizeof shapes / sizeof *shapes };

TEST(channels, "prelu and affine, forward and backward, with and without accumulation")
{
    static const kernel_case prelu = {"prelu", run_prelu, 0, false};
    /* dslope sums over all pixels: each of up to 1100 terms is at most 8.3 times the largest */
    static const kernel_case backward = {"prelu backward", run_prelu_backward, 4 * 8.3 * 1100,
                                         true};
    static const kernel_case affine = {"affine", run_affine, 2 * 8.3, true};
    for (int i = 0; i < SHAPES; i++)
        for (int acc = 0; acc < 2; acc++) {
            drn_shape s = shapes[i];
            call_case c = {.s = s, .accumulate = acc};
            check(&prelu, &c, (buffer_spec[BUFFERS]){tensor(s), tensor(s), vector(s.c)});
            check(
                &backward, &c,
                (buffer_spec[BUFFERS]){tensor(s), tensor(s), tensor(s), vector(s.c), vector(s.c)});
            for (c.factor = 0; c.factor < 2; c.factor++)
                check(&affine, &c,
                      (buffer_spec[BUFFERS]){tensor(s), tensor(s), vector(s.c), vector(s.c)});
        }
}

TEST(shuffle, "pixel_shuffle moves exactly, forward and backward")
{
    static const kernel_case forward = {"pixel_shuffle", run_shuffle, 0, false};
    static const kernel_case backward = {"pixel_shuffle backward", run_shuffle_backward, 0, false};
    static const int rows[][5] = {{2, 12, 3, 4, 2}, {1, 4, 5, 1, 2},  {2, 36, 2, 3, 2},
                                  {1, 32, 9, 7, 2}, {1, 27, 2, 5, 3}, {1, 90, 3, 2, 3},
                                  {3, 9, 2, 2, 1}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (int acc = 0; acc < 2; acc++) {
            const int *r = rows[i];
            drn_shape lo = {r[0], r[1], r[2], r[3]};
            drn_shape hi = {r[0], r[1] / (r[4] * r[4]), r[2] * r[4], r[3] * r[4]};
            call_case c = {.s = lo, .factor = r[4], .accumulate = acc};
            const buffer_spec b[BUFFERS] = {tensor(hi), tensor(lo)};
            check(&forward, &c, b);
            check(&backward, &c, b);
        }
}

TEST(window, "window copies and adds exactly between any channels and places")
{
    static const kernel_case window = {"window", run_window, 0, false};
    static const struct {
        drn_shape d, s;
        int32_t at[6], count[3];
    } rows[] = {
        {{2, 9, 6, 7}, {2, 3, 4, 5}, {5, 1, 2, 0, 0, 0}, {3, 4, 5}},
        {{1, 3, 4, 4}, {1, 17, 9, 9}, {0, 0, 0, 13, 3, 4}, {3, 4, 4}},
        {{1, 17, 3, 3}, {1, 12, 3, 3}, {5, 0, 0, 1, 0, 0}, {11, 3, 3}},
        {{2, 8, 5, 5}, {2, 8, 5, 5}, {0, 0, 0, 0, 0, 0}, {8, 5, 5}},
        {{1, 8, 5, 5}, {1, 8, 5, 5}, {0, 4, 4, 7, 4, 0}, {1, 1, 1}},
        {{1, 8, 5, 5}, {1, 8, 5, 5}, {0, 2, 0, 0, 0, 0}, {8, 0, 5}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (int acc = 0; acc < 2; acc++) {
            call_case c = {.d = rows[i].d, .s = rows[i].s, .accumulate = acc};
            memcpy(c.at, rows[i].at, sizeof c.at);
            memcpy(c.count, rows[i].count, sizeof c.count);
            check(&window, &c, (buffer_spec[BUFFERS]){tensor(c.d), tensor(c.s)});
        }
}

/* Weights of one axis; freed with the pointers. */
static drn_taps axis(int32_t in, int32_t out, double scale)
{
    drn_taps t = {.in = in, .out = out, .taps = drn_bicubic_taps(scale)};
    int32_t *index = drn_alloc((size_t)(out * t.taps) * sizeof *index);
    double *weight = drn_alloc((size_t)(out * t.taps) * sizeof *weight);
    CHECK(index && weight);
    drn_bicubic_table(index, weight, in, out, scale, false);
    t.index = index;
    t.weight = weight;
    return t;
}

static void free_axis(const drn_taps *t)
{
    drn_free((void *)(uintptr_t)t->index);
    drn_free((void *)(uintptr_t)t->weight);
}

TEST(resize, "resize and its adjoint are within the rounding of their sums")
{
    /* rows of weights sum to 1, magnitudes to at most 1.3 an axis; one input reaches at most 4 f (f
     * > 1) outputs an axis with weights up to 1; 4 to 16 roundings a sum */
    static const kernel_case forward = {"resize", run_resize, 64, true};
    static const kernel_case backward = {"resize backward", run_resize_backward, 1024, true};
    static const double scales[] = {2, 4, 0.5, 0.25};
    for (int i = 0; i < SHAPES; i++)
        for (int k = 0; k < 4; k++) {
            drn_shape s = shapes[i], out = s, tmp = s;
            out.h = (int32_t)ceil(s.h * scales[k]);
            out.w = (int32_t)ceil(s.w * scales[k]);
            tmp.h = out.h;
            drn_taps rows = axis(s.h, out.h, scales[k]), cols = axis(s.w, out.w, scales[k]);
            call_case c = {.s = s, .rows = &rows, .cols = &cols};
            const buffer_spec b[BUFFERS] = {tensor(out), tensor(s), tensor(tmp)};
            check(&forward, &c, b);
            check(&backward, &c, b);
            free_axis(&rows);
            free_axis(&cols);
        }
}

/* ---- reductions ---- */

static long double channel_value(const float *x, drn_shape s, int32_t n, int32_t c, int32_t i)
{
    return (long double)x[drn_at(s, n, c, i / s.w, i % s.w)];
}

TEST(sums, "channel_sums adds in double, the same bits for any table and number of threads")
{
    for (int i = 0; i < SHAPES; i++) {
        drn_shape s = shapes[i];
        const buffer_spec spec = tensor(s);
        drn_rng rng;
        drn_rng_seed(&rng, 50, (uint64_t)i);
        float *x = drn_alloc(spec.n * sizeof *x), *z = drn_alloc(spec.n * sizeof *z);
        CHECK(x && z);
        fill(x, &spec, &rng);
        fill(z, &spec, &rng);
        double first[2][32];
        for (int run = 0; run < 4; run++) {
            double sum[32], dot[32];
            drn_error err = {0};
            drn_pool *pool;
            CHECK_OK(drn_pool_new(&pool, run < 2 ? 1 : run == 2 ? 2 : 7, &err), err);
            drn_cpu_mask(run ? ~0u : DRN_ISA_REF);
            drn_kernels_get(DRN_FLOAT32)->channel_sums(sum, dot, x, z, s, pool);
            drn_pool_free(pool);
            for (int32_t c = 0; c < s.c; c++) {
                first[0][c] = run == 0 ? sum[c] : first[0][c];
                first[1][c] = run == 0 ? dot[c] : first[1][c];
                CHECK(sum[c] == first[0][c] && dot[c] == first[1][c]);
                long double want = 0, want2 = 0, most = 0;
                for (int32_t n = 0; n < s.n; n++)
                    for (int32_t p = 0; p < s.h * s.w; p++) {
                        long double a = channel_value(x, s, n, c, p),
                                    b = channel_value(z, s, n, c, p);
                        want += a;
                        want2 += a * b;
                        most += fabsl(a) * (1 + fabsl(b));
                    }
                double bound = 2e-16 * (s.n * s.h * s.w) * (double)most;
                CHECK_NEAR(sum[c], want, bound);
                CHECK_NEAR(dot[c], want2, bound);
            }
        }
        drn_free(x);
        drn_free(z);
    }
}

TEST(sum_squares, "sum_squares adds in double, the same bits for any table and number of threads")
{
    for (int i = 0; i < SIZES; i++) {
        const buffer_spec spec = {.n = sizes[i]};
        float *x = drn_alloc((spec.n + 1) * sizeof *x);
        double *x64 = drn_alloc((spec.n + 1) * sizeof *x64), first = 0;
        long double want = 0;
        drn_rng rng;
        drn_rng_seed(&rng, 51, (uint64_t)i);
        CHECK(x && x64);
        fill(x, &spec, &rng);
        for (size_t j = 0; j < spec.n; j++) {
            x64[j] = (double)x[j];
            want += (long double)x64[j] * (long double)x64[j];
        }
        for (int run = 0; run < 5; run++) {
            drn_error err = {0};
            drn_pool *pool;
            CHECK_OK(drn_pool_new(&pool, run < 3 ? 1 : run == 3 ? 2 : 7, &err), err);
            drn_cpu_mask(run ? ~0u : DRN_ISA_REF);
            double got = run == 1 ? drn_kernels_get(DRN_FLOAT64)->sum_squares(x64, spec.n, pool)
                                  : drn_kernels_get(DRN_FLOAT32)->sum_squares(x, spec.n, pool);
            drn_pool_free(pool);
            first = run == 0 ? got : first;
            CHECK(got == first);
            CHECK_NEAR(got, want, 2e-16 * (double)(spec.n / 64 + 64) * (double)want);
        }
        drn_free(x);
        drn_free(x64);
    }
}

/* ---- the optimiser by its definition ---- */

enum { WEIGHTS = 37, STEPS = 50 };

/* Gradient of weight i in step t: none for the first, hardly any for the second. */
static double gradient(int i, int t, drn_rng *rng)
{
    double g = drn_rng_normal(rng);
    return i == 0 ? 0 : i == 1 ? 1e-12 * t : (double)(float)g;
}

/* Algorithm 1 of Kingma and Ba with gradients halved, and the moving average of the weights. */
static void naive_adam(double *w, double *e)
{
    double m[WEIGHTS] = {0}, v[WEIGHTS] = {0};
    drn_rng rng;
    drn_rng_seed(&rng, 52, 0);
    for (int t = 1; t <= STEPS; t++)
        for (int i = 0; i < WEIGHTS; i++) {
            double g = 0.5 * gradient(i, t, &rng);
            m[i] = 0.9 * m[i] + 0.1 * g;
            v[i] = 0.999 * v[i] + 0.001 * g * g;
            w[i] -= 1e-2 * (m[i] / (1 - pow(0.9, t))) / (sqrt(v[i] / (1 - pow(0.999, t))) + 1e-8);
            e[i] = 0.99 * e[i] + 0.01 * w[i];
        }
}

TEST(adam, "adam follows Algorithm 1 of Kingma and Ba in double and in float, ema its recursion")
{
    double w[WEIGHTS], g[WEIGHTS], m[WEIGHTS] = {0}, v[WEIGHTS] = {0}, e[WEIGHTS];
    double want[WEIGHTS], average[WEIGHTS];
    float wf[WEIGHTS], gf[WEIGHTS], mf[WEIGHTS] = {0}, vf[WEIGHTS] = {0}, ef[WEIGHTS];
    const drn_kernels *k = drn_kernels_get(DRN_FLOAT64), *kf = drn_kernels_get(DRN_FLOAT32);
    drn_rng rng;
    for (int i = 0; i < WEIGHTS; i++) {
        wf[i] = ef[i] = (float)sin(i + 1);
        w[i] = e[i] = want[i] = average[i] = (double)wf[i];
    }
    naive_adam(want, average);
    drn_rng_seed(&rng, 52, 0);
    for (int t = 1; t <= STEPS; t++) {
        for (int i = 0; i < WEIGHTS; i++)
            gf[i] = (float)(g[i] = gradient(i, t, &rng));
        k->adam(w, g, m, v, 0.5, 1e-2, 0.9, 0.999, 1e-8, t, WEIGHTS, NULL);
        k->ema(e, w, 0.99, WEIGHTS, NULL);
        kf->adam(wf, gf, mf, vf, 0.5, 1e-2, 0.9, 0.999, 1e-8, t, WEIGHTS, NULL);
        kf->ema(ef, wf, 0.99, WEIGHTS, NULL);
    }
    CHECK(w[0] == (double)(float)sin(1)); /* no gradient: stays where it was */
    for (int i = 0; i < WEIGHTS; i++) {
        CHECK_NEAR(w[i], want[i], 1e-12);
        CHECK_NEAR(e[i], average[i], 1e-12);
        /* float: 1 - 0.999f is 5e-5 off, and with it the step (at most 50 * 1e-2) */
        CHECK_NEAR(wf[i], want[i], 5e-5 * 0.5);
        CHECK_NEAR(ef[i], average[i], 5e-5 * 0.5);
    }
}

TEST(adam_sizes, "adam moves every element of a vector of any size")
{
    const drn_kernels *k = drn_kernels_get(DRN_FLOAT64);
    for (int s = 0; s < SIZES; s++) {
        size_t n = sizes[s];
        double *w = drn_calloc(4 * n + 1, sizeof *w), *g = w + n, *m = g + n, *v = m + n;
        CHECK(w);
        for (size_t i = 0; i < n; i++)
            g[i] = i % 2 ? -1 : 3;
        k->adam(w, g, m, v, 1, 0.5, 0.9, 0.999, 1e-8, 1, n, NULL);
        for (size_t i = 0; i < n; i++) /* the first step is lr * sign(g) */
            CHECK_NEAR(w[i], i % 2 ? 0.5 : -0.5, 1e-7);
        drn_free(w);
    }
}
