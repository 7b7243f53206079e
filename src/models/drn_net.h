/* The paper's network: progressive dual reconstruction (sections 4.1 and 4.2). */
#ifndef DRN_MODELS_DRN_NET_H
#define DRN_MODELS_DRN_NET_H

#include "drn/model.h"
#include "graph/graph.h"
#include "loss/loss.h"

enum { DRN_MAX_LEVELS = 3 };

/* Values of a built network.  Level l (from 0) has the scale 2^(l+1); without `progressive` only the last
 * level has an image. */
typedef struct drn_net {
    int levels;
    drn_value lr;
    drn_value image[DRN_MAX_LEVELS]; /* y^_(l+1) = P_(l+1)(y^_l); -1: none */
} drn_net;

/* What the joint loss (Eq. 7) is made of. */
typedef struct drn_loss_config {
    drn_loss_kind kind, dual_kind;
    double lambda;      /* Eq. 3 and 5 */
    double charbonnier; /* its epsilon */
    drn_loss_kind pixel; /* Eq. 3 */
    bool sum;
    double dual_weight; /* 0: no dual terms */
    bool dual_true_lr;  /* dual target: the bicubic LR image of the level instead of the predicted one */
    bool dual_detach;   /* no gradient flows through the dual target */
    int active_levels;  /* progressive: only the first n levels are supervised; 0 = all */
} drn_loss_config;

/* L = log2(scale). */
int drn_net_levels(const drn_config *c);
drn_status drn_config_check(const drn_config *c, drn_error *err);
/* One architecture. */
bool drn_config_equal(const drn_config *a, const drn_config *b);
/* Declare the parameters; init_scale multiplies the second convolution of every module. */
drn_status drn_net_declare(drn_params *p, const drn_config *c, double init_scale, drn_error *err);
/* Primal model for an LR input value [N,3,H,W], levels 0..last. */
void drn_net_build(drn_net *net, drn_graph *g, drn_params *p, const drn_config *c, drn_value lr, int last);
/* Joint loss of Eq. 7 (Eq. 6 when not progressive): target[l] holds y_(l+1) for every level in use.
 * primal (may be NULL) receives the value of the last level's primal loss. */
drn_value drn_net_loss(drn_graph *g, drn_params *p, const drn_config *c, const drn_loss_config *loss,
                       const drn_net *net, const drn_value *target, drn_value *primal);
/* Dual model D_(l+1) alone: from the image of level l to that of the level below, drn_net_dual_stride()
 * times smaller (without `progressive`: from the last level straight to the input). */
drn_value drn_net_dual(drn_graph *g, drn_params *p, const drn_config *c, int level, drn_value y);
int drn_net_dual_stride(const drn_config *c);
/* Pixels of the LR input around a point that can change the output there. */
int drn_net_receptive_radius(const drn_config *c);

#endif
