/* Speed of the convolution kernels beside the machine's peak, measured in the same run.
 * Usage: bench_conv [threads] [repeats] [implementation]
 * Effective GFLOP/s: 2 x multiply-accumulates of the direct convolution over the least time: of the
 * processor for one thread, which other work on the machine disturbs less, else of the clock. */
#include "base/mem.h"
#include "base/rng.h"
#include "kernels/conv.h"
#include "kernels/peak.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const struct {
    int n, c, h, w, k, rs, stride;
} shapes[] = {
    {1, 64, 256, 256, 64, 3, 1}, {8, 32, 32, 32, 32, 3, 1},   {8, 32, 64, 64, 32, 3, 1},
    {8, 32, 128, 128, 32, 3, 1}, {8, 24, 32, 32, 24, 3, 1},   {8, 40, 32, 32, 40, 3, 1},
    {8, 40, 64, 64, 40, 3, 1},   {4, 64, 32, 32, 64, 3, 1},   {1, 64, 256, 256, 256, 3, 1},
    {1, 3, 256, 256, 64, 3, 1},  {1, 64, 256, 256, 3, 3, 1},  {8, 3, 128, 128, 32, 3, 2},
    {8, 32, 64, 64, 3, 3, 1},    {1, 64, 128, 128, 64, 5, 1}, {1, 64, 128, 128, 64, 1, 1},
};

static clockid_t measured_by = CLOCK_PROCESS_CPUTIME_ID;

static double now(void)
{
    struct timespec t;
    clock_gettime(measured_by, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static float *random_floats(size_t n)
{
    drn_rng rng;
    drn_rng_seed(&rng, n, 0);
    float *p = drn_alloc(n * sizeof *p);
    if (!p)
        exit(1);
    for (size_t i = 0; i < n; i++)
        p[i] = (float)drn_rng_uniform(&rng) - 0.5f;
    return p;
}

typedef struct buffers {
    float *x, *y, *w, *b, *dw;
} buffers;

static void once(const drn_conv_impl *impl, const drn_conv_geom *g, drn_conv_pass pass,
                 const buffers *t, const void *w, const drn_conv_run *run)
{
    drn_conv_epilogue e = {.bias = t->b, .activate = true};
    if (pass == DRN_CONV_FORWARD)
        impl->forward(t->y, t->x, w, g, &e, run);
    else if (pass == DRN_CONV_BACKWARD_DATA)
        impl->backward_data(t->x, t->y, w, g, false, run);
    else
        impl->backward_weights(t->dw, t->b, t->x, t->y, g, run);
}

/* Least seconds of `repeats` runs; with the packing's own time. */
static double measure(const drn_conv_impl *impl, const drn_conv_geom *g, drn_conv_pass pass,
                      const buffers *t, drn_pool *pool, int repeats, double *pack_time)
{
    void *packed = t->w;
    size_t pack = pass == DRN_CONV_BACKWARD_WEIGHTS ? 0 : impl->pack_bytes(g, pass);
    *pack_time = 0;
    if (pack > 0) {
        packed = drn_alloc(pack);
        impl->pack(packed, t->w, g, pass);
        double start = now();
        impl->pack(packed, t->w, g, pass);
        *pack_time = now() - start;
    }
    drn_conv_run run = {pool, drn_alloc(impl->scratch_bytes(g, pass, drn_pool_threads(pool)) + 64)};
    double best = 1e30;
    for (int i = 0; i < repeats; i++) {
        double start = now();
        once(impl, g, pass, t, packed, &run);
        double took = now() - start;
        best = took < best ? took : best;
    }
    drn_free(run.scratch);
    if (pack > 0)
        drn_free(packed);
    return best;
}

static void shape_run(size_t i, drn_pool *pool, int repeats, const char *only)
{
    static const char *const passes[] = {"forward", "data", "weights"};
    drn_conv_geom g = {.n = shapes[i].n,
                       .c = shapes[i].c,
                       .h = shapes[i].h,
                       .w = shapes[i].w,
                       .k = shapes[i].k,
                       .r = shapes[i].rs,
                       .s = shapes[i].rs,
                       .oh = (shapes[i].h - 1) / shapes[i].stride + 1,
                       .ow = (shapes[i].w - 1) / shapes[i].stride + 1,
                       .stride = shapes[i].stride,
                       .pad = shapes[i].rs / 2};
    size_t nw = (size_t)(g.k * g.c * g.r * g.s), count;
    buffers t = {random_floats(drn_elements((drn_shape){g.n, g.c, g.h, g.w})),
                 random_floats(drn_elements((drn_shape){g.n, g.k, g.oh, g.ow})), random_floats(nw),
                 random_floats((size_t)g.k), random_floats(nw)};
    const drn_conv_impl *const *all = drn_conv_all(DRN_FLOAT32, &count);
    for (int pass = 0; pass < 3; pass++)
        for (size_t m = 0; m < count; m++) {
            if (!all[m]->supports(&g, (drn_conv_pass)pass) ||
                (only && strcmp(only, all[m]->name) != 0))
                continue;
            double peak = drn_peak_gflops(0.02, pool), pack;
            double s = measure(all[m], &g, (drn_conv_pass)pass, &t, pool,
                               strcmp(all[m]->name, "ref") ? repeats : 2, &pack);
            double rate = 2e-9 * drn_conv_macs(&g) / s;
            printf("%dx%d->%d %dx%d %dx%d/%d %-8s %-10s %9.3f ms %7.1f GF/s  peak %6.1f  ratio %.2f"
                   "  pack %.3f ms\n",
                   g.n, g.c, g.k, g.h, g.w, g.r, g.s, g.stride, passes[pass], all[m]->name, 1e3 * s,
                   rate, peak, rate / peak, 1e3 * pack);
            fflush(stdout);
        }
    drn_free(t.x);
    drn_free(t.y);
    drn_free(t.w);
    drn_free(t.b);
    drn_free(t.dw);
}

int main(int argc, char **argv)
{
    int threads = argc > 1 ? atoi(argv[1]) : 1, repeats = argc > 2 ? atoi(argv[2]) : 10;
    drn_pool *pool;
    drn_error err = {0};
    if (threads > 1)
        measured_by = CLOCK_MONOTONIC;
    if (drn_pool_new(&pool, threads, &err) != DRN_OK) {
        fprintf(stderr, "%s\n", err.message);
        return 1;
    }
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        shape_run(i, pool, repeats, argc > 3 ? argv[3] : NULL);
    drn_pool_free(pool);
    return 0;
}
