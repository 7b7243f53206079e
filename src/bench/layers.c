/* The layers of workload W one by one. */
#include "drn/bench.h"

#include "base/mem.h"
#include "bench/inference.h"
#include "kernels/peak.h"

#include <stdio.h>

#define PEAK_SECONDS 0.1

/* Least time of every node over the repeats, and the highest peak between them. */
typedef struct measurement {
    double *seconds, *before; /* [nodes] */
    double moving, moved, peak;
} measurement;

static void repeat(measurement *m, drn_inference *w, drn_pool *pool, bool first)
{
    size_t nodes = drn_graph_nodes(w->graph);
    drn_inference_run(w);
    for (size_t i = 0; i < nodes; i++) {
        double now = drn_stream_seconds(w->stream, i), s = now - m->before[i];
        m->before[i] = now;
        m->seconds[i] = first || s < m->seconds[i] ? s : m->seconds[i];
    }
    double now = drn_stream_moving_seconds(w->stream), s = now - m->moved;
    m->moved = now;
    m->moving = first || s < m->moving ? s : m->moving;
    double peak = drn_peak_gflops(PEAK_SECONDS, pool);
    m->peak = peak > m->peak ? peak : m->peak;
}

static drn_bench_layer_time time_of(double seconds, double macs, double peak)
{
    double gflops = seconds > 0 ? 2 * macs / seconds * 1e-9 : 0;
    return (drn_bench_layer_time){1e3 * seconds, gflops, gflops / peak};
}

static void describe(drn_bench_layer *l, const drn_node_info *n)
{
    *l = (drn_bench_layer){.in_channels = n->in.c,
                           .out_channels = n->out.c,
                           .out_height = n->out.h,
                           .out_width = n->out.w,
                           .macs = n->macs};
    snprintf(l->op, sizeof l->op, "%s", n->op);
    snprintf(l->name, sizeof l->name, "%s", n->param);
    snprintf(l->kernel, sizeof l->kernel, "%s", n->kernel);
}

static void collect(drn_bench_layer *layers, size_t *count, const drn_inference *w, const measurement *m,
                    bool all)
{
    size_t n = 0;
    for (size_t i = 0; i < drn_graph_nodes(w->graph) && n + 1 < DRN_BENCH_LAYERS; i++) {
        drn_node_info info;
        drn_graph_node_info(w->graph, i, &info);
        if (!info.op)
            continue;
        if (!all)
            describe(&layers[n], &info);
        drn_bench_layer_time t = time_of(m->seconds[i], info.macs, m->peak);
        *(all ? &layers[n].all : &layers[n].one) = t;
        n++;
    }
    drn_bench_layer_time t = time_of(m->moving, 0, m->peak);
    if (!all) {
        layers[n] = (drn_bench_layer){0};
        snprintf(layers[n].op, sizeof layers[n].op, "kept rows");
    }
    *(all ? &layers[n].all : &layers[n].one) = t;
    *count = n + 1;
}

static drn_status run(drn_bench_layers_result *r, int threads, int repeats, bool all, drn_error *err)
{
    drn_inference w = {0};
    measurement m = {0};
    drn_pool *pool = NULL;
    drn_status st;
    DRN_CHECK(drn_pool_new(&pool, threads, err));
    DRN_CHECK(drn_inference_init(&w, pool, true, err));
    size_t nodes = drn_graph_nodes(w.graph);
    DRN_CHECK(drn_calloc_to(&m.seconds, nodes, sizeof *m.seconds, err));
    DRN_CHECK(drn_calloc_to(&m.before, nodes, sizeof *m.before, err));
    repeat(&m, &w, pool, true); /* first touch */
    for (int i = 0; i < repeats; i++)
        repeat(&m, &w, pool, i == 0);
    collect(r->layer, &r->count, &w, &m, all);
    *(all ? &r->peak_all : &r->peak_one) = m.peak;
    r->threads = drn_pool_threads(pool);
done:
    drn_free(m.seconds);
    drn_free(m.before);
    drn_inference_clear(&w);
    drn_pool_free(pool);
    return st;
}

drn_status drn_bench_layers(drn_bench_layers_result *out, int threads, int repeats, drn_error *err)
{
    if (repeats < 1 || repeats > 10000)
        return drn_fail(err, DRN_ERR_INVALID, "bench: %d repeats, must be 1..10000", repeats);
    *out = (drn_bench_layers_result){0};
    DRN_TRY(run(out, 1, repeats, false, err));
    return run(out, threads, repeats, true, err);
}
