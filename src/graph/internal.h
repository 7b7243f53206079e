/* What graph.c (building, running), fusion.c and plan.c share. */
#ifndef DRN_GRAPH_INTERNAL_H
#define DRN_GRAPH_INTERNAL_H

#include "graph/graph.h"

typedef enum value_kind { VALUE_INPUT, VALUE_PARAM, VALUE_NODE } value_kind;

typedef struct value {
    value_kind kind;
    drn_shape shape;
    int32_t producer; /* node; -1 for inputs and parameters */
    bool output;      /* readable after forward */
    bool needs_grad;  /* a parameter or an input with wants_grad stands behind it */
    bool grad_live;   /* backward writes its gradient */
    drn_params *params;
    size_t param;            /* index in params->list */
    size_t data_at, grad_at; /* byte offsets in the arena */
    void *data, *grad;
} value;

typedef struct node {
    const drn_op *op;
    drn_attr attr;
    int inputs;
    drn_value in[DRN_MAX_INPUTS], out;
    bool dead; /* absorbed by fusion */
    drn_call call;
    size_t state_at;
} node;

struct drn_graph {
    drn_dtype type;
    value *values;
    size_t value_count, value_capacity;
    node *nodes;
    size_t node_count, node_capacity;
    drn_error error; /* the first building error; with a backend also of running */
    const drn_backend *backend;
    void *run;       /* of the backend */
    bool planned, training, dirty;
    bool merge; /* fusion may change the order of sums: float32 inference on the CPU */
    drn_value loss;
    char *arena, *state, *scratch;
    size_t arena_bytes, state_bytes, scratch_bytes;
};

/* Absorb activations and residual additions into the convolutions before them. */
void drn_graph_fuse(drn_graph *g);
/* Decide which gradients exist and where every buffer lies; allocates nothing. */
drn_status drn_graph_place(drn_graph *g, drn_error *err);
/* A buffer needed from one time to another, inclusive; buffers whose times meet get different places. */
typedef struct drn_span {
    int64_t from, to;
    size_t bytes, *at; /* receives the place */
} drn_span;
/* Reorders the list; total receives the bytes of the arena. */
drn_status drn_spans_place(drn_span *spans, size_t n, size_t *total, drn_error *err);
/* Number of uses of a value by live nodes. */
size_t drn_graph_uses(const drn_graph *g, drn_value v);

#endif
