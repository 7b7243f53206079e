/* Inference of a tall picture in bands of rows.
 *
 * A graph keeps whole tensors; a stream runs the same graph over bands from top to bottom.  Each node makes
 * the rows whose inputs are there, and of every tensor only the rows that somebody still needs are kept
 * from band to band.  So no row is computed twice, memory does not depend on the height, and the rows
 * between two nodes stay in the cache.  The result is the whole graph's up to rounding, and has the same
 * bits for any number of threads. */
#ifndef DRN_GRAPH_STREAM_H
#define DRN_GRAPH_STREAM_H

#include "graph/graph.h"

typedef struct drn_stream drn_stream;

typedef struct drn_stream_options {
    int32_t rows;   /* of the input in a band; 0 = all */
    bool plan_only; /* allocate no buffers: only to ask for drn_stream_bytes() */
    bool timed;     /* measure the nodes, see drn_stream_seconds() */
} drn_stream_options;

/* Where rows come from and go to.  Rows of the input are asked for once, from top to bottom, and rows of the
 * output given the same way: band->rows rows from band->y on, in planes of band->plane rows. */
typedef struct drn_stream_io {
    drn_status (*read)(void *ctx, const drn_band *band, drn_error *err);
    drn_status (*write)(void *ctx, const drn_band *band, drn_error *err);
    void *ctx;
} drn_stream_io;

/* g: built, one image, not planned; input and output: its only ones.  g and its parameters are borrowed and
 * must outlive the stream, which plans g for inference on the pool (may be NULL); g cannot run by itself
 * then.  DRN_ERR_UNSUPPORTED when an op of the graph needs whole tensors. */
drn_status drn_stream_new(drn_stream **out, drn_graph *g, drn_value input, drn_value output, drn_pool *pool,
                          const drn_stream_options *options, drn_error *err);
void drn_stream_free(drn_stream *s);

/* One picture; as often as you like.  Fails only with what read and write return. */
drn_status drn_stream_run(drn_stream *s, const drn_stream_io *io, drn_error *err);

/* Bytes of bands and kept rows; of packed weights and scratch. */
size_t drn_stream_bytes(const drn_stream *s);
size_t drn_stream_state_bytes(const drn_stream *s);

/* Time spent in a node of the graph since the stream was made, and in moving kept rows. */
double drn_stream_seconds(const drn_stream *s, size_t node);
double drn_stream_moving_seconds(const drn_stream *s);

/* Pixels of the input around a place that the output there depends on: the most over all places, rows and
 * columns alike.  g: prepared or planned, also by a stream. */
drn_status drn_graph_radius(int32_t *radius, const drn_graph *g, drn_value input, drn_value output,
                            drn_error *err);

#endif
