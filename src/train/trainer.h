/* One model being trained: network, loss, optimiser; a step at a time.  Knows no files but its
 * checkpoint, and no data but the batch it is given. */
#ifndef DRN_TRAIN_TRAINER_H
#define DRN_TRAIN_TRAINER_H

#include "comm/comm.h"
#include "cuda/cuda.h"
#include "io/safetensors.h"
#include "models/drn_net.h"
#include "optim/optim.h"
#include "train/phase.h"

typedef struct drn_trainer_config {
    drn_config model;
    drn_loss_config loss;
    double dual_weight; /* weight of the dual terms from step dual_start on */
    int64_t dual_start;
    int64_t warm_until;      /* progressive: before this step the first blocks train alone */
    drn_loss_kind tail_kind; /* primal loss from step tail_start on; 0: never */
    int64_t tail_start;
    drn_schedule schedule;
    double beta1, beta2, eps, clip, ema;
    double spike; /* a step whose loss exceeds spike times its running mean is skipped; 0: none */
    double init_scale;
    int batch, patch;      /* samples a batch; LR pixels a side; at the start */
    drn_batch_sizes sizes; /* later */
    int accumulate;        /* batches a step; 0 is 1 */
    uint64_t seed;
    int threads; /* 0 = all cores */
    drn_cuda *device; /* borrowed; NULL: the CPU */
    /* Several ranks train together when comm says so (borrowed; on the CPU), or with a device and
     * ranks.world > 1 (drn_trainer_join()).  Every one gets its part of each batch, N / world
     * samples, and drn_trainer_update() is for all: gradients and losses become those of the whole
     * batch, weights stay equal to the bit.  DRN_ERR_INVALID from drn_trainer_new(): a batch of the
     * run cannot be split evenly. */
    drn_comm *comm;
    drn_cuda_ranks ranks;
} drn_trainer_config;

typedef struct drn_trainer {
    drn_trainer_config config;
    drn_pool *pool;
    drn_params *params;
    drn_adam adam;
    int64_t step, skipped; /* steps done, those of them that changed nothing; the rest is adam.t */
    double mean;           /* of the loss, running, over the last `means` steps of this phase */
    int64_t means;
    drn_graph *graph; /* of the phase */
    drn_phase phase;
    drn_value lr, target[DRN_MAX_LEVELS], loss, primal;
    drn_cuda_train *cuda; /* with a device: where weights and optimiser live */
    bool host_newer;      /* than the device's vectors */
    bool wishes[2], granted[2]; /* by drn_wish: of this rank, of any as of the last update */
    int batches; /* added for the step under way */
    double sum_loss, sum_primal;
} drn_trainer;

typedef struct drn_step_result {
    double loss, primal; /* joint loss; primal loss of the last level that trains */
    double rate, grad_norm;
    bool skipped; /* the loss was a spike: the weights are as before */
} drn_step_result;

drn_status drn_trainer_new(drn_trainer **out, const drn_trainer_config *config, drn_error *err);
void drn_trainer_free(drn_trainer *t);

/* Batches config.accumulate times, then the update: one step.  lr[N,3,p,p] and
 * target[l][N,3,p*2^(l+1),...] are plain NCHW in [0,1], N (over the ranks) and p those of
 * drn_phase_at().
 * DRN_ERR_NUMERIC: the loss or its gradient is not finite; weights are as before. */
drn_status drn_trainer_add(drn_trainer *t, const float *lr, const float *const *target,
                           drn_error *err);
drn_status drn_trainer_update(drn_trainer *t, drn_step_result *out, drn_error *err);
/* A step of one batch: both. */
drn_status drn_trainer_step(drn_trainer *t, const float *lr, const float *const *target,
                            drn_step_result *out, drn_error *err);

/* With a device: bring weights and optimiser to the host.  Before they are saved or looked at. */
drn_status drn_trainer_pull(drn_trainer *t, drn_error *err);
/* With a device: keep the pictures of d there, *loaded when they fit.  Then batches may be named by their first
 * sample (drn_patch_draw) in place of drn_trainer_add(). */
drn_status drn_trainer_load_pictures(drn_trainer *t, drn_dataset *d, bool *loaded, drn_error *err);
drn_status drn_trainer_add_at(drn_trainer *t, uint64_t first_sample, unsigned augment, drn_error *err);

/* All ranks, with a device: meet the others, see drn_cuda_train_join(). */
drn_status drn_trainer_join(drn_trainer *t, const char *folder, uint64_t same, drn_error *err);
/* What a rank may wish for all.  Alone it is granted at once, else by the next update, on all ranks alike. */
typedef enum drn_wish { DRN_WISH_STOP, DRN_WISH_LATE } drn_wish;
bool drn_trainer_wish(drn_trainer *t, drn_wish what, bool wanted);
/* This rank gives up, and tells the others why. */
void drn_trainer_fail(drn_trainer *t, const char *message);

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

/* All ranks: the state of rank 0, which alone may have loaded a checkpoint. */
drn_status drn_trainer_spread(drn_trainer *t, drn_error *err);
/* Differs when the weights or the step do. */
uint64_t drn_trainer_fingerprint(const drn_trainer *t);

/* Start from the weights of a model or checkpoint of any scale: tensors of the same name and shape
 * are copied; blocks and dual models it lacks keep their random start or, with copy_last, begin as
 * its last one.  what (at least 160 bytes) receives a line about it.  DRN_ERR_FORMAT when not even
 * the head fits. */
drn_status drn_trainer_init_from(drn_trainer *t, const drn_safetensors *st, bool copy_last,
                                 char what[160], drn_error *err);

/* Bytes of activations, gradients and packed weights of the current graph. */
size_t drn_trainer_bytes(const drn_trainer *t);

/* ---- trainer_cuda.c, for trainer.c ---- */

drn_status drn_trainer_cuda_open(drn_trainer *t, drn_error *err);
/* Before the graph is freed (net false), after it was built (true). */
drn_status drn_trainer_cuda_net(drn_trainer *t, bool net, drn_error *err);
drn_status drn_trainer_cuda_push(drn_trainer *t, drn_error *err);
drn_status drn_trainer_cuda_update(drn_trainer *t, drn_step_result *out, double limit, drn_error *err);

#endif
