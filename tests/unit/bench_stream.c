/* CPU time of workload W's network (the x4 DRN, 64 channels, 7 modules a block) for bands of so many rows:
 *
 *     bench_stream WIDTH HEIGHT THREADS REPEATS ROWS...
 *
 * ROWS -1 is the whole graph.  The candidates alternate; the least of the repeats counts. */
#include "base/mem.h"
#include "base/rng.h"
#include "graph/stream.h"
#include "kernels/peak.h"
#include "models/drn_net.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { MOST = 16 };

typedef struct candidate {
    int rows;
    drn_graph *graph;
    drn_stream *stream; /* NULL: the whole graph */
    double best;
} candidate;

static double cpu_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static drn_status nothing(void *ctx, const drn_band *band, drn_error *err)
{
    (void)ctx;
    (void)band;
    (void)err;
    return DRN_OK;
}

static drn_status make(candidate *c, drn_params *p, const drn_config *net, int w, int h, drn_pool *pool,
                       drn_error *err)
{
    drn_net n;
    DRN_TRY(drn_graph_new(&c->graph, DRN_FLOAT32, err));
    drn_value in = drn_graph_input(c->graph, (drn_shape){1, 3, h, w}, false);
    drn_net_build(&n, c->graph, p, net, in, 1);
    drn_graph_output(c->graph, n.image[1]);
    c->best = 1e30;
    if (c->rows < 0)
        return drn_graph_plan(c->graph, &(drn_plan_options){.loss = -1, .pool = pool}, err);
    return drn_stream_new(&c->stream, c->graph, in, n.image[1], pool, &(drn_stream_options){.rows = c->rows}, err);
}

static void repeat(candidate *c)
{
    double start = cpu_now();
    if (c->stream)
        (void)drn_stream_run(c->stream, &(drn_stream_io){nothing, nothing, NULL}, NULL);
    else
        drn_graph_forward(c->graph);
    double seconds = cpu_now() - start;
    c->best = seconds < c->best ? seconds : c->best;
}

static drn_status run(candidate *c, int n, int w, int h, int threads, int repeats, drn_error *err)
{
    static const drn_config net = {4, 64, 7, true, false, 64, DRN_SKIP_BICUBIC};
    drn_params *p;
    drn_pool *pool;
    drn_rng rng;
    double peak = 0;
    drn_rng_seed(&rng, 1, 0);
    DRN_TRY(drn_pool_new(&pool, threads, err));
    DRN_TRY(drn_params_new(&p, DRN_FLOAT32, err));
    DRN_TRY(drn_net_declare(p, &net, 0.1, err));
    DRN_TRY(drn_params_allocate(p, false, err));
    drn_params_init(p, &rng);
    for (int i = 0; i < n; i++)
        DRN_TRY(make(&c[i], p, &net, w, h, pool, err));
    for (int r = 0; r < repeats; r++) {
        double now = drn_peak_gflops(0.1, NULL);
        peak = now > peak ? now : peak;
        for (int i = 0; i < n; i++)
            repeat(&c[i]);
    }
    for (int i = 0; i < n; i++) {
        double bytes = (double)(c[i].stream ? drn_stream_bytes(c[i].stream) : drn_graph_arena_bytes(c[i].graph));
        printf("rows %4d: %9.1f ms of CPU time, %6.2f us a pixel, %5.2f x peak, bands %6.1f MB\n", c[i].rows,
               1e3 * c[i].best, 1e6 * c[i].best / w / h, 2e-9 * drn_graph_macs(c[i].graph) / c[i].best / peak,
               bytes / 1e6);
    }
    return DRN_OK; /* the process ends */
}

int main(int argc, char **argv)
{
    candidate c[MOST] = {{0}};
    drn_error err = {0};
    int n = argc - 5;
    if (n < 1 || n > MOST) {
        fprintf(stderr, "usage: bench_stream WIDTH HEIGHT THREADS REPEATS ROWS...\n");
        return 2;
    }
    for (int i = 0; i < n; i++)
        c[i].rows = atoi(argv[5 + i]);
    if (run(c, n, atoi(argv[1]), atoi(argv[2]), atoi(argv[3]), atoi(argv[4]), &err) == DRN_OK)
        return 0;
    fprintf(stderr, "%s\n", err.message);
    return 1;
}
