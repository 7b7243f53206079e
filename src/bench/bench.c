/* Workloads W and T beside the arithmetic peak of the same moment. */
#include "drn/bench.h"

#include "base/mem.h"
#include "bench/inference.h"
#include "kernels/peak.h"
#include "train/trainer.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define PEAK_SECONDS 0.2

typedef struct workload {
    void (*run)(void *ctx);
    void *ctx;
    double flops, bytes;
} workload;

static double clock_of(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Each repeat is judged by the mean of the peaks right before and after it; its CPU time by the highest peak
 * of one thread, whose bursts of milliseconds are seldom interrupted. */
static void measure(drn_bench_workload *out, double *peak, const workload *w, drn_pool *pool, double *ratio,
                    int repeats)
{
    double before = drn_peak_gflops(PEAK_SECONDS, pool), fastest = 0, one = 0, cpu = 0;
    w->run(w->ctx); /* first touch */
    for (int i = 0; i < repeats; i++) {
        double start = clock_of(CLOCK_MONOTONIC), cpu_start = clock_of(CLOCK_PROCESS_CPUTIME_ID);
        w->run(w->ctx);
        double seconds = clock_of(CLOCK_MONOTONIC) - start;
        double used = clock_of(CLOCK_PROCESS_CPUTIME_ID) - cpu_start;
        double after = drn_peak_gflops(PEAK_SECONDS, pool), alone = drn_peak_gflops(PEAK_SECONDS / 4, NULL);
        one = alone > one ? alone : one;
        cpu = i == 0 || used < cpu ? used : cpu;
        ratio[i] = w->flops / seconds * 1e-9 / (0.5 * (before + after));
        fastest = i == 0 || seconds < fastest ? seconds : fastest;
        *peak = after > *peak ? after : *peak;
        before = after;
    }
    qsort(ratio, (size_t)repeats, sizeof *ratio, by_value);
    *out = (drn_bench_workload){.ms = 1e3 * fastest,
                                .gflops = w->flops / fastest * 1e-9,
                                .ratio_to_peak = ratio[repeats / 2],
                                .cpu_ms = 1e3 * cpu,
                                .cpu_ratio_to_peak = w->flops / cpu * 1e-9 / one,
                                .rss_mb = w->bytes / (1 << 20)};
}

static void fill(float *x, size_t n, uint64_t seed)
{
    drn_rng rng;
    drn_rng_seed(&rng, seed, 0);
    for (size_t i = 0; i < n; i++)
        x[i] = (float)drn_rng_uniform(&rng);
}

/* ---- W ---- */

static void run_inference(void *ctx)
{
    drn_inference_run(ctx);
}

static drn_status bench_w(drn_bench_result *out, drn_pool *pool, double *ratio, int repeats, drn_error *err)
{
    drn_inference i;
    DRN_TRY(drn_inference_init(&i, pool, false, err));
    workload w = {run_inference, &i, 2 * i.macs, drn_inference_bytes(&i)};
    measure(&out->w, &out->peak_gflops, &w, pool, ratio, repeats);
    drn_inference_clear(&i);
    return DRN_OK;
}

/* ---- T ---- */

enum { T_BATCH = 4, T_PATCH = 32 };

typedef struct train_context {
    drn_trainer *trainer;
    float *lr, *target[2];
} train_context;

static void run_step(void *ctx)
{
    train_context *c = ctx;
    drn_step_result r;
    (void)drn_trainer_step(c->trainer, c->lr, (const float *const *)c->target, &r, NULL);
}

static drn_status bench_t(drn_bench_result *out, int threads, drn_pool *pool, double *ratio, int repeats,
                          drn_error *err)
{
    drn_status st = DRN_OK;
    train_context c = {0};
    drn_trainer_config config = {
        .model = drn_bench_network,
        .loss = {.kind = DRN_LOSS_MAE},
        .schedule = {.kind = DRN_SCHEDULE_CONSTANT, .lr = 1e-4},
        .beta1 = 0.9,
        .beta2 = 0.999,
        .eps = 1e-8,
        .init_scale = 0.1,
        .batch = T_BATCH,
        .patch = T_PATCH,
        .seed = 1,
        .threads = threads,
    };
    size_t n = (size_t)T_BATCH * 3 * T_PATCH * T_PATCH;
    DRN_CHECK(drn_trainer_new(&c.trainer, &config, err));
    DRN_CHECK(drn_alloc_to(&c.lr, n, sizeof(float), err));
    fill(c.lr, n, 1);
    for (size_t l = 0; l < 2; l++) {
        n *= 4;
        DRN_CHECK(drn_alloc_to(&c.target[l], n, sizeof(float), err));
        fill(c.target[l], n, 2 + l);
    }
    /* forward and both backward passes of every convolution, less backward to the picture */
    double macs = 3 * drn_graph_macs(c.trainer->graph) -
                  (double)T_BATCH * T_PATCH * T_PATCH * 27.0 * drn_bench_network.channels;
    workload w = {run_step, &c, 2 * macs, (double)drn_trainer_bytes(c.trainer)};
    measure(&out->t, &out->peak_gflops, &w, pool, ratio, repeats);
done:
    drn_free(c.lr);
    drn_free(c.target[0]);
    drn_free(c.target[1]);
    drn_trainer_free(c.trainer);
    return st;
}

drn_status drn_bench(drn_bench_result *out, int threads, int repeats, drn_error *err)
{
    drn_status st = DRN_OK;
    drn_pool *pool = NULL;
    double *ratio = NULL;
    drn_bench_result r = {0};
    if (repeats < 1 || repeats > 10000)
        return drn_fail(err, DRN_ERR_INVALID, "bench: %d repeats, must be 1..10000", repeats);
    DRN_CHECK(drn_pool_new(&pool, threads, err));
    DRN_CHECK(drn_alloc_to(&ratio, (size_t)repeats, sizeof *ratio, err));
    r.threads = drn_pool_threads(pool);
    DRN_CHECK(bench_w(&r, pool, ratio, repeats, err));
    DRN_CHECK(bench_t(&r, r.threads, pool, ratio, repeats, err));
    *out = r;
done:
    drn_free(ratio);
    drn_pool_free(pool);
    return st;
}
