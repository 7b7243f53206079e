#include "kernels/peak.h"

#include "kernels/simd.h"

#include <time.h>

enum { CHAINS = 16 };

/* Portable chains, multiply and add apart; returns operations done. */
static double peak_ref(long rounds, float *sink)
{
    float acc[CHAINS], factor = 0.999f + *sink;
    for (int i = 0; i < CHAINS; i++)
        acc[i] = (float)i;
    for (long r = 0; r < rounds; r++)
        for (int i = 0; i < CHAINS; i++)
            acc[i] = acc[i] * factor + 0.5f;
    for (int i = 0; i < CHAINS; i++)
        *sink += acc[i] * 1e-30f;
    return 2.0 * CHAINS * (double)rounds;
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static double rounds_run(long rounds, float *sink)
{
    const drn_simd *simd = drn_simd_get();
    return simd ? simd->peak(rounds, sink) : peak_ref(rounds, sink);
}

enum { ROUNDS = 100000, PART = 16 }; /* about 0.2 ms a chunk; PART chunks a thread between clocks */

static void chunk_run(void *ctx, size_t chunk, int thread)
{
    float sink = 0;
    (void)ctx;
    (void)chunk;
    (void)thread;
    rounds_run(ROUNDS, &sink);
    volatile float keep = sink;
    (void)keep;
}

double drn_peak_gflops(double seconds, drn_pool *pool)
{
    float sink = 0;
    double operations = rounds_run(ROUNDS, &sink), best = 0;
    size_t chunks = PART * (size_t)drn_pool_threads(pool);
    double end = now() + seconds;
    do {
        double start = now();
        drn_pool_run(pool, chunks, chunk_run, NULL);
        double rate = operations * (double)chunks / (now() - start) * 1e-9;
        best = rate > best ? rate : best;
    } while (now() < end);
    return best;
}
