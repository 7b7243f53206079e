/* Workload W: inference of the x4 DRN of the paper's size on a 256x256 picture, streamed as `drn upscale`
 * does it. */
#ifndef DRN_BENCH_INFERENCE_H
#define DRN_BENCH_INFERENCE_H

#include "graph/stream.h"
#include "models/drn_net.h"

/* The x4 DRN of the paper's size. */
extern const drn_config drn_bench_network;

enum { DRN_BENCH_EDGE = 256 };

typedef struct drn_inference {
    drn_params *params;
    drn_graph *graph;
    drn_stream *stream;
    float *picture; /* [3, edge, edge] in [0, 1] */
    double macs;    /* of the network's direct convolutions */
} drn_inference;

/* timed: measure the graph's nodes.  pool is borrowed. */
drn_status drn_inference_init(drn_inference *w, drn_pool *pool, bool timed, drn_error *err);
void drn_inference_clear(drn_inference *w);
void drn_inference_run(drn_inference *w);
double drn_inference_bytes(const drn_inference *w);

#endif
