/* A network run in bands of rows against the same network on the whole picture. */
#include "harness.h"
#include "samples.h"

#include "base/cpu.h"
#include "base/mem.h"
#include "base/rng.h"
#include "graph/stream.h"
#include "models/drn_net.h"

#include <stdlib.h>

typedef struct subject {
    drn_config config;
    int last; /* level */
    int32_t w, h, rows;
    drn_dtype type;
    drn_pool *pool;
} subject;

static drn_params *params_of(const drn_config *c, drn_dtype type)
{
    drn_error err = {0};
    drn_params *p;
    drn_rng rng;
    drn_rng_seed(&rng, 3, 0);
    CHECK_OK(drn_params_new(&p, type, &err), err);
    CHECK_OK(drn_net_declare(p, c, 0.3, &err), err);
    CHECK_OK(drn_params_allocate(p, false, &err), err);
    drn_params_init(p, &rng);
    return p;
}

static drn_status build(drn_graph **g, drn_value *in, drn_value *out, const subject *t, drn_params *p,
                        drn_error *err)
{
    drn_net net;
    DRN_TRY(drn_graph_new(g, t->type, err));
    *in = drn_graph_input(*g, (drn_shape){1, 3, t->h, t->w}, false);
    drn_net_build(&net, *g, p, &t->config, *in, t->last);
    *out = net.image[t->last];
    drn_graph_output(*g, *out);
    return DRN_OK;
}

static size_t out_elements(const subject *t)
{
    size_t f = (size_t)2 << t->last;
    return 3 * f * f * (size_t)t->w * (size_t)t->h;
}

/* The result of the whole graph (drn_free). */
static void *whole(const subject *t)
{
    drn_error err = {0};
    drn_graph *g;
    drn_value in, out;
    drn_params *p = params_of(&t->config, t->type);
    CHECK_OK(build(&g, &in, &out, t, p, &err), err);
    CHECK_OK(drn_graph_plan(g, &(drn_plan_options){.loss = -1, .pool = t->pool}, &err), err);
    for (size_t i = 0; i < 3 * (size_t)t->w * (size_t)t->h; i++)
        sample_put(drn_graph_data(g, in), i, (double)sample(i), t->type);
    drn_graph_forward(g);
    size_t bytes = out_elements(t) * drn_dtype_size(t->type);
    void *copy = drn_alloc(bytes);
    memcpy(copy, drn_graph_data(g, out), bytes);
    drn_graph_free(g);
    drn_params_free(p);
    return copy;
}

typedef struct picture {
    const subject *t;
    void *out;
    int32_t read, written; /* rows so far */
} picture;

static drn_status read_rows(void *ctx, const drn_band *b, drn_error *err)
{
    picture *q = ctx;
    const subject *t = q->t;
    (void)err;
    CHECK_INT(b->y, q->read);
    CHECK(b->rows > 0 && b->y + b->rows <= t->h && b->rows <= b->plane);
    for (size_t c = 0; c < 3; c++)
        for (size_t i = 0; i < (size_t)b->rows * (size_t)t->w; i++)
            sample_put(b->data, c * (size_t)b->plane * (size_t)t->w + i,
                       (double)sample((c * (size_t)t->h + (size_t)b->y) * (size_t)t->w + i), t->type);
    q->read += b->rows;
    return DRN_OK;
}

static drn_status write_rows(void *ctx, const drn_band *b, drn_error *err)
{
    picture *q = ctx;
    const subject *t = q->t;
    size_t f = (size_t)2 << t->last, size = drn_dtype_size(t->type);
    size_t row = f * (size_t)t->w * size, h = f * (size_t)t->h;
    (void)err;
    CHECK_INT(b->y, q->written);
    for (size_t c = 0; c < 3; c++)
        memcpy((char *)q->out + (c * h + (size_t)b->y) * row, (char *)b->data + c * (size_t)b->plane * row,
               (size_t)b->rows * row);
    q->written += b->rows;
    return DRN_OK;
}

static drn_status stream_into(void *out, const subject *t, drn_params *p, int times, drn_error *err)
{
    drn_graph *g = NULL;
    drn_stream *s = NULL;
    drn_value in, result;
    drn_status st;
    DRN_CHECK(build(&g, &in, &result, t, p, err));
    DRN_CHECK(drn_stream_new(&s, g, in, result, t->pool, &(drn_stream_options){.rows = t->rows}, err));
    for (int i = 0; i < times; i++) {
        picture q = {t, out, 0, 0};
        DRN_CHECK(drn_stream_run(s, &(drn_stream_io){read_rows, write_rows, &q}, err));
        CHECK_INT(q.read, t->h);
        CHECK_INT(q.written, t->h * (2 << t->last));
    }
done:
    drn_stream_free(s);
    drn_graph_free(g);
    return st;
}

/* The result of the stream, run twice over (drn_free). */
static void *streamed(const subject *t)
{
    drn_error err = {0};
    drn_params *p = params_of(&t->config, t->type);
    void *out = drn_calloc(out_elements(t), drn_dtype_size(t->type));
    CHECK_OK(stream_into(out, t, p, 2, &err), err);
    drn_params_free(p);
    return out;
}

static double largest(const float *p, size_t n)
{
    double most = 0;
    for (size_t i = 0; i < n; i++)
        most = fmax(most, fabs((double)p[i]));
    return most;
}

static void compare(const subject *t)
{
    char name[160];
    size_t n = out_elements(t);
    snprintf(name, sizeof name, "%d channels, %d modules, level %d, %dx%d, bands of %d", t->config.channels,
             t->config.modules, t->last, t->w, t->h, t->rows);
    subject d = *t;
    d.type = DRN_FLOAT64;
    double *exact = whole(&d), *bands = streamed(&d);
    if (memcmp(exact, bands, n * sizeof *exact) != 0)
        test_fail(__FILE__, __LINE__, "%s: other bits in double", name);
    float *f = whole(t), *fb = streamed(t);
    double bound = 1e-5 * fmax(1, largest(f, n));
    for (size_t i = 0; i < n; i++)
        if (!(fabs((double)f[i] - (double)fb[i]) <= bound) || !(fabs(exact[i] - (double)fb[i]) <= 2 * bound))
            test_fail(__FILE__, __LINE__, "%s: sample %zu is %.9g, whole %.9g, in double %.9g", name, i,
                      (double)fb[i], (double)f[i], exact[i]);
    drn_free(exact);
    drn_free(bands);
    drn_free(f);
    drn_free(fb);
}

static drn_config config(int scale, int channels, int modules, bool progressive, drn_skip skip)
{
    return (drn_config){scale, channels, modules, progressive, false, 8, skip};
}

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
enum { EVERY = 3 }; /* sanitizers slow the double networks down */
#else
enum { EVERY = 1 };
#endif

static const int32_t sizes[][2] = {{1, 1}, {5, 2}, {3, 17}, {23, 40}, {9, 64}};
static const int32_t bands[] = {1, 2, 5, 6, 12, 0};

static void all_sizes(drn_config c, int last)
{
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (size_t b = i % EVERY; b < sizeof bands / sizeof *bands; b += EVERY)
            compare(&(subject){c, last, sizes[i][0], sizes[i][1], bands[b], DRN_FLOAT32, NULL});
}

TEST(x2, "streams of x2 networks give the whole graph's result, in double to the bit")
{
    all_sizes(config(2, 8, 0, true, DRN_SKIP_BICUBIC), 0);
    all_sizes(config(2, 12, 1, true, DRN_SKIP_BICUBIC), 0);
    all_sizes(config(2, 40, 2, true, DRN_SKIP_NONE), 0);
}

TEST(x4, "streams of x4 networks give the whole graph's result, also of a lower level")
{
    all_sizes(config(4, 16, 2, true, DRN_SKIP_BICUBIC), 1);
    all_sizes(config(4, 8, 3, true, DRN_SKIP_BICUBIC), 0);
    all_sizes(config(4, 24, 1, false, DRN_SKIP_BICUBIC), 1);
    all_sizes(config(4, 3, 1, true, DRN_SKIP_BICUBIC), 1); /* features without blocks */
}

TEST(x8, "streams of x8 networks give the whole graph's result")
{
    all_sizes(config(8, 8, 1, true, DRN_SKIP_BICUBIC), 2);
}

TEST(portable, "the same without vector kernels, and where the shuffle is a step of its own")
{
    drn_cpu_mask(DRN_ISA_REF);
    compare(&(subject){config(4, 8, 1, true, DRN_SKIP_BICUBIC), 1, 11, 30, 6, DRN_FLOAT32, NULL});
    compare(&(subject){config(2, 5, 1, true, DRN_SKIP_BICUBIC), 0, 11, 30, 6, DRN_FLOAT32, NULL});
    drn_cpu_mask(~0u);
    compare(&(subject){config(2, 20, 1, true, DRN_SKIP_BICUBIC), 0, 11, 30, 6, DRN_FLOAT32, NULL});
}

/* DRN_STREAM_EDGE=256 is workload W of `drn bench`; the double network takes minutes then. */
TEST(paper, "the paper's x4 network differs by at most 1e-4 from the same in double")
{
    const char *edge = getenv("DRN_STREAM_EDGE");
    int32_t n = edge ? atoi(edge) : 20;
    subject t = {config(4, 64, 7, true, DRN_SKIP_BICUBIC), 1, n, n, 12, DRN_FLOAT32, NULL}, d = t;
    d.type = DRN_FLOAT64;
    double *exact = whole(&d), most = 0, range = 0;
    float *out = streamed(&t);
    for (size_t i = 0; i < out_elements(&t); i++) {
        most = fmax(most, fabs(exact[i] - (double)out[i]));
        range = fmax(range, fabs(exact[i]));
    }
    printf("      %dx%d: largest difference %.2g, largest value %.2g\n", n, n, most, range);
    CHECK(most <= 1e-4);
    drn_free(exact);
    drn_free(out);
}

TEST(threads, "a stream has the same bits for 1, 2 and 7 threads")
{
    static const int threads[] = {1, 2, 7};
    subject t = {config(4, 32, 2, true, DRN_SKIP_BICUBIC), 1, 70, 50, 12, DRN_FLOAT32, NULL};
    float *first = streamed(&t);
    for (size_t i = 0; i < 3; i++) {
        drn_error err = {0};
        CHECK_OK(drn_pool_new(&t.pool, threads[i], &err), err);
        float *again = streamed(&t);
        CHECK(memcmp(first, again, out_elements(&t) * sizeof *first) == 0);
        drn_free(again);
        drn_pool_free(t.pool);
    }
    drn_free(first);
}

TEST(memory, "the memory of a stream does not grow with the picture's height, and is what a band needs")
{
    drn_error err = {0};
    size_t bytes[2];
    for (int i = 0; i < 2; i++) {
        subject t = {config(4, 64, 7, true, DRN_SKIP_BICUBIC), 1, 32, i ? 4000 : 400, 12, DRN_FLOAT32, NULL};
        drn_params *p = params_of(&t.config, DRN_FLOAT32);
        drn_graph *g;
        drn_stream *s;
        drn_value in, out;
        CHECK_OK(build(&g, &in, &out, &t, p, &err), err);
        CHECK_OK(drn_stream_new(&s, g, in, out, NULL, &(drn_stream_options){.rows = 12, .plan_only = true}, &err),
                 err);
        bytes[i] = drn_stream_bytes(s);
        drn_stream_free(s);
        drn_graph_free(g);
        drn_params_free(p);
    }
    CHECK_INT(bytes[0], bytes[1]);
    /* 48 rows of features at 4x, 24 at 2x, and about 3 of each of 14 tensors at 2x and at 1x */
    CHECK(bytes[1] < (size_t)64 * 4 * 32 * (48 * 4 + 26 * 2 * 2 + 14 * 5 * 3));
}

TEST(refused, "an allocation refused at any place is an error, and nothing leaks")
{
    subject t = {config(2, 8, 1, true, DRN_SKIP_BICUBIC), 0, 9, 20, 6, DRN_FLOAT32, NULL};
    drn_params *p = params_of(&t.config, DRN_FLOAT32);
    float *out = drn_calloc(out_elements(&t), sizeof *out);
    size_t before = drn_mem_current(), n = 0;
    drn_status st;
    do {
        drn_error err = {0};
        drn_mem_fail_nth(++n);
        st = stream_into(out, &t, p, 1, &err);
        drn_mem_fail_nth(0);
        CHECK(st == DRN_OK || (st == DRN_ERR_NOMEM && err.message[0]));
        CHECK_INT(drn_mem_current(), before);
    } while (st != DRN_OK && n < 1000);
    CHECK_OK(st, (drn_error){0});
    CHECK(n > 5);
    drn_free(out);
    drn_params_free(p);
}

static drn_status refuse(void *ctx, const drn_band *b, drn_error *err)
{
    (void)ctx;
    (void)b;
    return drn_fail(err, DRN_ERR_CANCELLED, "enough");
}

TEST(cancelled, "what reading or writing rows returns ends the stream")
{
    drn_error err = {0};
    subject t = {config(2, 8, 0, true, DRN_SKIP_BICUBIC), 0, 9, 20, 6, DRN_FLOAT32, NULL};
    drn_params *p = params_of(&t.config, DRN_FLOAT32);
    drn_graph *g;
    drn_stream *s;
    drn_value in, out;
    CHECK_OK(build(&g, &in, &out, &t, p, &err), err);
    CHECK_OK(drn_stream_new(&s, g, in, out, NULL, &(drn_stream_options){.rows = 6}, &err), err);
    float *rows = drn_calloc(out_elements(&t), sizeof *rows);
    picture q = {&t, rows, 0, 0};
    CHECK_INT(drn_stream_run(s, &(drn_stream_io){refuse, write_rows, &q}, &err), DRN_ERR_CANCELLED);
    CHECK_INT(drn_stream_run(s, &(drn_stream_io){read_rows, refuse, &q}, &err), DRN_ERR_CANCELLED);
    q = (picture){&t, rows, 0, 0};
    CHECK_OK(drn_stream_run(s, &(drn_stream_io){read_rows, write_rows, &q}, &err), err);
    drn_free(rows);
    drn_stream_free(s);
    drn_graph_free(g);
    drn_params_free(p);
}

/* The rows of the output that change when one sample of the input does, by the whole graph. */
static int32_t seen_radius(const subject *t, int32_t at)
{
    drn_error err = {0};
    drn_graph *g;
    drn_value in, out;
    drn_params *p = params_of(&t->config, t->type);
    int32_t f = 2 << t->last, w = t->w * f, far = 0;
    size_t bytes = out_elements(t) * sizeof(double);
    double *before = drn_alloc(bytes);
    CHECK_OK(build(&g, &in, &out, t, p, &err), err);
    CHECK_OK(drn_graph_plan(g, &(drn_plan_options){.loss = -1}, &err), err);
    drn_graph_forward(g);
    memcpy(before, drn_graph_data(g, out), bytes);
    ((double *)drn_graph_data(g, in))[at * t->w + t->w / 2] = 1e6;
    drn_graph_forward(g);
    const double *after = drn_graph_data(g, out);
    for (int32_t y = 0; y < t->h * f; y++)
        for (int32_t x = 0; x < w; x++)
            if (before[y * w + x] != after[y * w + x])
                far = abs(y / f - at) > far ? abs(y / f - at) : far;
    drn_free(before);
    drn_graph_free(g);
    drn_params_free(p);
    return far;
}

TEST(radius, "the radius of a graph covers what a changed sample reaches, with little to spare")
{
    const drn_config all[] = {config(2, 8, 2, true, DRN_SKIP_BICUBIC), config(4, 8, 3, true, DRN_SKIP_BICUBIC),
                              config(4, 8, 1, false, DRN_SKIP_NONE)};
    for (size_t i = 0; i < 3; i++) {
        drn_error err = {0};
        subject t = {all[i], drn_net_levels(&all[i]) - 1, 7, 61, 0, DRN_FLOAT64, NULL};
        drn_params *p = params_of(&t.config, DRN_FLOAT64);
        drn_graph *g;
        drn_value in, out;
        int32_t radius, seen = seen_radius(&t, 30);
        CHECK_OK(build(&g, &in, &out, &t, p, &err), err);
        CHECK_OK(drn_graph_prepare(g, &(drn_plan_options){.loss = -1}, &err), err);
        CHECK_OK(drn_graph_radius(&radius, g, in, out, &err), err);
        CHECK(radius >= seen && radius <= seen + 3);
        CHECK(radius <= drn_net_receptive_radius(&t.config));
        drn_graph_free(g);
        drn_params_free(p);
    }
}
