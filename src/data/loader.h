/* Batches in the order of steps, made ahead by threads.  A batch depends on the seed and its step
 * alone, so any number of threads, and a resumed run, see the same ones. */
#ifndef DRN_DATA_LOADER_H
#define DRN_DATA_LOADER_H

#include "data/patch.h"

typedef struct drn_loader drn_loader;

typedef struct drn_loader_options {
    drn_patch_spec spec;
    int batch;          /* N */
    int stride;         /* samples from a step to the next, when ranks share them; 0: N */
    int threads;        /* 0: batches are made when asked for */
    int64_t first_step; /* of the first batch */
    /* Sample i of step t is number t * stride + i + sample_shift (modulo 2^64): runs whose batches
     * change in size number their samples through with it. */
    uint64_t sample_shift;
} drn_loader_options;

typedef struct drn_batch {
    int64_t step;
    float *lr;                      /* [N,3,p,p] */
    float *target[DRN_DATA_LEVELS]; /* [N,3,p*2^(l+1),..]; NULL past the last level */
} drn_batch;

/* d is borrowed until the loader is freed. */
drn_status drn_loader_new(drn_loader **out, drn_dataset *d, const drn_loader_options *options,
                          drn_error *err);
void drn_loader_free(drn_loader *l);

/* The next batch, valid until the following call.  An error of a thread comes out here. */
drn_status drn_loader_next(const drn_batch **out, drn_loader *l, drn_error *err);

/* Seconds spent waiting in drn_loader_next(). */
double drn_loader_wait(const drn_loader *l);

#endif
