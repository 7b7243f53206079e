/* Static graph with reverse-mode differentiation.
 *
 * Build (input, param, apply), plan once, then run forward and backward as often as you like.  Building
 * calls never fail on their own: the first error sticks to the graph and drn_graph_plan() returns it,
 * so that a network's description reads without error handling. */
#ifndef DRN_GRAPH_GRAPH_H
#define DRN_GRAPH_GRAPH_H

#include "graph/params.h"
#include "ops/op.h"

typedef struct drn_graph drn_graph;
typedef int32_t drn_value; /* index of a value; -1 after an error */

drn_status drn_graph_new(drn_graph **out, drn_dtype type, drn_error *err);
void drn_graph_free(drn_graph *g);

/* A tensor the caller fills through drn_graph_data() before forward; wants_grad: its gradient is made. */
drn_value drn_graph_input(drn_graph *g, drn_shape shape, bool wants_grad);
/* A named parameter; params must outlive the graph and be allocated before drn_graph_plan(). */
drn_value drn_graph_param(drn_graph *g, drn_params *params, const char *name);
drn_value drn_graph_apply(drn_graph *g, const drn_op *op, const drn_attr *attr, const drn_value *in,
                          int inputs);
/* Keep a value readable after forward. */
void drn_graph_output(drn_graph *g, drn_value v);
drn_shape drn_graph_shape(const drn_graph *g, drn_value v);

/* A device that runs a graph in place of the CPU's kernels, after drn_graph_prepare(). */
typedef struct drn_backend {
    drn_status (*open)(void **run, drn_graph *g, void *device, drn_error *err);
    void (*close)(void *run);
    /* Host memory of an input or output, and of an input's gradient; layout of tensor.h. */
    void *(*data)(void *run, drn_value v);
    void *(*grad)(void *run, drn_value v);
    void (*params_changed)(void *run);
    drn_status (*forward)(void *run, drn_error *err);
    drn_status (*backward)(void *run, drn_error *err); /* adds to params->grad */
} drn_backend;

typedef struct drn_plan_options {
    bool training;  /* keep what backward needs, allocate gradients */
    drn_value loss; /* training: scalar [1,1,1,1] to differentiate */
    bool no_fusion; /* for tests */
    drn_pool *pool; /* borrowed until the graph is freed; may be NULL */
    const drn_backend *backend; /* NULL: the CPU */
    void *device;   /* of the backend; borrowed until the graph is freed */
} drn_plan_options;

/* Fuse, choose kernels, decide where every buffer lies; allocates nothing, so it also serves to ask what
 * a graph would cost. */
drn_status drn_graph_prepare(drn_graph *g, const drn_plan_options *options, drn_error *err);
/* The same, and allocate: the graph can run. */
drn_status drn_graph_plan(drn_graph *g, const drn_plan_options *options, drn_error *err);

/* Inputs and outputs (drn_graph_output) only, layout of tensor.h. */
void *drn_graph_data(const drn_graph *g, drn_value v);
/* After backward: gradient of an input made with wants_grad. */
void *drn_graph_grad(const drn_graph *g, drn_value v);

/* Parameters changed: kernels repack their weights before the next forward. */
void drn_graph_params_changed(drn_graph *g);
void drn_graph_forward(drn_graph *g);
/* Gradients of parameters are ADDED to params->grad. */
void drn_graph_backward(drn_graph *g);
/* The first failure of forward or backward, which then do nothing; on the CPU always DRN_OK. */
drn_status drn_graph_status(const drn_graph *g, drn_error *err);

/* Bytes of the arena, and of packed weights and tables. */
size_t drn_graph_arena_bytes(const drn_graph *g);
size_t drn_graph_state_bytes(const drn_graph *g);
/* Multiply-accumulates of all convolutions of one forward pass. */
double drn_graph_macs(const drn_graph *g);

/* One line a node after planning, for `drn info`. */
typedef struct drn_node_info {
    const char *op;    /* NULL: absorbed by fusion */
    const char *param; /* name of its first parameter, or "" */
    drn_shape in, out;
    double macs;
    const char *kernel; /* convolution implementation, or "" */
} drn_node_info;
size_t drn_graph_nodes(const drn_graph *g);
void drn_graph_node_info(const drn_graph *g, size_t node, drn_node_info *info);

#endif
