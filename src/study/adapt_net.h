/* The network being adapted: primal and dual parameters, and a graph for each kind of batch. */
#ifndef DRN_STUDY_ADAPT_NET_H
#define DRN_STUDY_ADAPT_NET_H

#include "models/model.h"
#include "optim/optim.h"
#include "study/eval.h"

typedef enum adapt_kind {
    ADAPT_PAIRED =
        0, /* sum of l1(P_l, y_l) + w l2(D_l(P_l), y_(l-1)): Eq. 7, true images as target */
    ADAPT_UNPAIRED = 1, /* w sum of l2(D_l(P_l(y^_(l-1))), y^_(l-1)): Eq. 7's dual terms alone */
    ADAPT_DUAL = 2      /* sum of l2(D_l(y_l), y_(l-1)): the dual models on true pictures */
} adapt_kind;
enum { ADAPT_KINDS = 3 };

typedef struct adapt_graph {
    drn_graph *g;                               /* NULL: not made */
    drn_value lr, target[DRN_MAX_LEVELS], loss; /* targets: -1 where there is none */
} adapt_graph;

typedef struct adapt_net {
    drn_config config; /* the model's, with dual */
    drn_params *params;
    drn_adam adam;
    drn_pool *pool;
    adapt_graph graph[ADAPT_KINDS];
    bool new_dual; /* the model had none: random ones */
} adapt_net;

typedef struct adapt_net_options {
    study_loss loss;
    double dual_weight;
    int batch, patch, threads;
    uint64_t seed;
} adapt_net_options;

/* Weights of the model; dual models as large as its features where it has none. */
drn_status adapt_net_open(adapt_net *n, const drn_model *m, const adapt_net_options *o,
                          drn_error *err);
void adapt_net_close(adapt_net *n);
/* Build the graph of a kind. */
drn_status adapt_net_graph(adapt_net *n, adapt_kind kind, const adapt_net_options *o,
                           drn_error *err);

/* Forget the optimiser's moments. */
drn_status adapt_net_restart(adapt_net *n, drn_error *err);
/* Add the gradient of a batch: lr[N,3,p,p], target[l] or NULL; *loss receives its value. */
drn_status adapt_net_add(double *loss, adapt_net *n, adapt_kind kind, const float *lr,
                         const float *const *target, drn_error *err);
/* A step of Adam with what has been added; frozen parts keep their bits. */
drn_status adapt_net_step(adapt_net *n, double rate, bool primal, bool dual, drn_error *err);

#endif
