/* One model being trained: network, loss, optimiser; a step at a time.  Knows no files but its
 * checkpoint, and no data but the batch it is given. */
#ifndef DRN_TRAIN_TRAINER_H
#define DRN_TRAIN_TRAINER_H

#include "io/safetensors.h"
#include "models/drn_net.h"
#include "optim/optim.h"

typedef struct drn_trainer_config {
    drn_config model;
    drn_loss_config loss;
    double dual_weight; /* weight of the dual terms from step dual_start on */
    int64_t dual_start;
    drn_schedule schedule;
    double beta1, beta2, eps, clip, ema;
    double init_scale;
    int batch, patch; /* samples a step; LR pixels a side */
    uint64_t seed;
    int threads; /* 0 = all cores */
} drn_trainer_config;

typedef struct drn_trainer {
    drn_trainer_config config;
    drn_pool *pool;
    drn_params *params;
    drn_adam adam;
    drn_graph *graph; /* of the current phase */
    bool graph_dual;  /* whether it has the dual terms */
    drn_value lr, target[DRN_MAX_LEVELS], loss, primal;
} drn_trainer;

typedef struct drn_step_result {
    double loss, primal; /* joint loss; primal loss of the last level */
    double rate, grad_norm;
} drn_step_result;

drn_status drn_trainer_new(drn_trainer **out, const drn_trainer_config *config, drn_error *err);
void drn_trainer_free(drn_trainer *t);

/* One step; lr[N,3,p,p] and target[l][N,3,p*2^(l+1),...] are plain NCHW in [0,1].  DRN_ERR_NUMERIC:
 * the loss or its gradient is not finite; weights are as before. */
drn_status drn_trainer_step(drn_trainer *t, const float *lr, const float *const *target,
                            drn_step_result *out, drn_error *err);

/* Steps done. */
int64_t drn_trainer_steps(const drn_trainer *t);
/* The averaged weights, or the plain ones without EMA. */
const float *drn_trainer_weights(const drn_trainer *t);

/* Everything a resume needs but the position of the data, which follows from the number of steps:
 * adds tensors "w.", "ema.", "adam.m.", "adam.v." and the step to w. */
drn_status drn_trainer_save(const drn_trainer *t, drn_st_writer *w, drn_error *err);
/* DRN_ERR_FORMAT when the file is of another architecture or broken; the trainer may then be half
 * loaded. */
drn_status drn_trainer_load(drn_trainer *t, const drn_safetensors *st, drn_error *err);

/* Bytes of activations, gradients and packed weights of the current graph. */
size_t drn_trainer_bytes(const drn_trainer *t);

#endif
