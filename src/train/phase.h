/* What changes while a run goes on: the blocks that train, the loss, the size of a batch.  All of
 * it is a function of the recipe and the step, so that a resumed run cannot differ. */
#ifndef DRN_TRAIN_PHASE_H
#define DRN_TRAIN_PHASE_H

#include "models/drn_net.h"

enum { DRN_MAX_SIZES = 16 };

/* From a step on: LR pixels a side, samples a batch. */
typedef struct drn_batch_size {
    int64_t from;
    int patch, batch;
} drn_batch_size;

/* The sizes after the first, in rising order of steps. */
typedef struct drn_batch_sizes {
    int count;
    drn_batch_size list[DRN_MAX_SIZES];
} drn_batch_sizes;

typedef struct drn_phase {
    int levels; /* progressive warm start: blocks 1..levels train */
    bool dual;
    drn_loss_kind loss;
    int patch, batch;
} drn_phase;

/* "50000:48x32 80000:64x16": from step 50000 on patches of 48 and batches of 32, and so on.
 * DRN_ERR_INVALID names the part that makes no sense. */
drn_status drn_batch_sizes_parse(drn_batch_sizes *out, const char *text, drn_error *err);

struct drn_trainer_config;
/* Whether every batch of the run can be split into equal parts.  DRN_ERR_INVALID names the first
 * that cannot. */
drn_status drn_phase_check_ranks(const struct drn_trainer_config *c, int world, drn_error *err);
drn_phase drn_phase_at(const struct drn_trainer_config *c, int64_t step);
bool drn_phase_equal(const drn_phase *a, const drn_phase *b);
/* First step after `step` whose patch or batch is another; INT64_MAX: none. */
int64_t drn_phase_next_size(const struct drn_trainer_config *c, int64_t step);
/* Samples a run draws in the steps before `step`. */
uint64_t drn_phase_samples(const struct drn_trainer_config *c, int64_t step);

#endif
