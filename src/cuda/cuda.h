/* NVIDIA GPUs: a device, graphs that run on it, and training steps that stay on it.
 *
 * The room exists in every build; without CUDA (none.c) opening a device fails with a message, and nothing else
 * can be called.  cuDNN and NCCL are looked for at run time and are not needed to start.
 * One thread at a time may use a device and what belongs to it. */
#ifndef DRN_CUDA_CUDA_H
#define DRN_CUDA_CUDA_H

#include "data/patch.h"
#include "drn/device.h"
#include "graph/graph.h"
#include "optim/optim.h"

typedef struct drn_cuda drn_cuda;

/* DRN_ERR_UNSUPPORTED: build without CUDA; DRN_ERR_DEVICE: no driver, driver too old, no GPU, GPU older than
 * compute capability 8.0; the message says which.  Environment: DRN_CUDA_DEVICE chooses the GPU by number,
 * DRN_CUDA_CONV = auto|group|mma|cudnn|simple the convolutions, DRN_CUDA_TUNE = 0|1 whether alternatives are timed
 * (default: for training only), DRN_CUDNN names libcudnn.so.9 or its folder.  Without DRN_CUDA_DEVICE a process
 * started with others takes the GPU of its number on this machine. */
drn_status drn_cuda_open(drn_cuda **out, drn_numbers precision, drn_error *err);
void drn_cuda_close(drn_cuda *d);
const char *drn_cuda_name(const drn_cuda *d); /* of the GPU */
/* *out is NULL for the CPU, and for AUTO when opening fails. */
drn_status drn_cuda_choose(drn_cuda **out, drn_device device, drn_numbers numbers, drn_error *err);

typedef struct drn_cuda_info {
    char name[128];         /* of the GPU */
    int major, minor, sms;  /* compute capability, multiprocessors */
    size_t free_bytes, total_bytes;
    int cudnn;              /* version of the library found, 0: none */
} drn_cuda_info;
drn_status drn_cuda_get_info(drn_cuda_info *info, drn_cuda *d, drn_error *err);

/* For drn_plan_options.backend, with the drn_cuda as its device: inputs and outputs stay host memory, copied
 * around every forward. */
extern const drn_backend drn_cuda_backend;
/* What a graph may take on this device, in bytes of the CPU's arena (drn_graph_arena_bytes). */
size_t drn_cuda_arena_budget(drn_cuda *d);

/* ---- training: weights, gradients, optimiser and the step's launches live on the device ---- */

typedef struct drn_cuda_train drn_cuda_train;

/* params and adam are borrowed: the host's vectors are what push and pull copy from and to. */
drn_status drn_cuda_train_new(drn_cuda_train **out, drn_cuda *d, drn_params *params, drn_adam *adam,
                              drn_error *err);
void drn_cuda_train_free(drn_cuda_train *t);
/* Weights, moments and average: host to device, device to host. */
drn_status drn_cuda_train_push(drn_cuda_train *t, drn_error *err);
drn_status drn_cuda_train_pull(drn_cuda_train *t, drn_error *err);

/* The values of a training graph the step needs. */
typedef struct drn_cuda_net {
    drn_graph *graph; /* prepared (drn_graph_prepare) for training */
    drn_value lr, target[DRN_DATA_LEVELS], loss, primal;
    int levels;
} drn_cuda_net;
/* Plan the graph on the device, in place of the one before.  Call with graph NULL before the graph is freed. */
drn_status drn_cuda_train_set_net(drn_cuda_train *t, const drn_cuda_net *net, drn_error *err);

/* Batches of a step, then the update.  A batch from host memory as drn_trainer_add() has it ... */
drn_status drn_cuda_train_batch(drn_cuda_train *t, const float *lr, const float *const *target, drn_error *err);
/* ... or samples number first .. first + N - 1 (see drn_patch_draw), cut on the device. */
drn_status drn_cuda_train_batch_at(drn_cuda_train *t, uint64_t first, drn_error *err);

typedef struct drn_cuda_update {
    double rate;
    double limit; /* a larger loss changes nothing; INFINITY: none */
    bool sum;     /* losses are sums: do not divide by the number of batches */
    bool wishes[2]; /* what this rank would like, whatever they mean */
} drn_cuda_update;
typedef struct drn_cuda_updated {
    double loss, primal, grad_norm;
    bool skipped; /* the loss was above the limit */
    bool wishes[2]; /* whether any rank would; without others as given */
} drn_cuda_updated;
/* adam->t counts on unless skipped.  DRN_ERR_NUMERIC: loss or gradient not finite, nothing was changed. */
drn_status drn_cuda_train_update(drn_cuda_train *t, const drn_cuda_update *u, drn_cuda_updated *out, drn_error *err);

/* Every readable picture of d, decoded into the device's memory by the pool's threads; d is borrowed until the
 * trainer is freed.  DRN_ERR_NOMEM: they do not fit; train from host memory then. */
drn_status drn_cuda_train_load(drn_cuda_train *t, drn_dataset *d, drn_pool *pool, drn_error *err);
/* How batch_at cuts them; the scale stays what it was first. */
drn_status drn_cuda_train_set_spec(drn_cuda_train *t, const drn_patch_spec *spec, drn_error *err);
/* Device's copy of the batch of the last step, in the loader's layout, for tests; NULL entries are left out. */
drn_status drn_cuda_train_last_batch(drn_cuda_train *t, float *lr, float *const *target, drn_error *err);
/* Bytes of everything on the device. */
size_t drn_cuda_train_bytes(const drn_cuda_train *t);

/* ---- for benchmarks ---- */

typedef void (*drn_cuda_line_fn)(void *ctx, const char *text);
/* A line a convolution of the training network: geometry, the implementation of each pass and its time. */
void drn_cuda_train_describe(const drn_cuda_train *t, drn_cuda_line_fn line, void *ctx);
/* Median milliseconds of a forward pass of a prepared inference graph, inputs and outputs staying on the device. */
drn_status drn_cuda_time_forward(double *ms, drn_graph *g, drn_cuda *d, int repeats, drn_error *err);

/* ---- several GPUs, a process each ---- */

typedef struct drn_cuda_ranks {
    int rank, world, local; /* local: number on this machine */
} drn_cuda_ranks;
/* From DRN_RANK and DRN_WORLD (and DRN_LOCAL_RANK), else from the launcher's variables: Open MPI, PMI, srun,
 * torchrun; {0, 1, 0} when there are none.  DRN_ERR_INVALID: they make no sense. */
drn_status drn_cuda_ranks_get(drn_cuda_ranks *r, drn_error *err);

/* All ranks: meet the others (meeting.h says how), take rank 0's weights, moments and average, and add gradients,
 * losses and wishes over all ranks by NCCL in every update from then on.  Before the first step.
 *
 * folder: for the files of the meeting, one that all ranks see; NULL: the machine's for temporary files.  same:
 * must be equal on all ranks.  With one process nothing happens, unless DRN_NCCL_SINGLE=1: then it goes through NCCL
 * alone, which shows on a machine with one GPU that the library works.
 * Environment: DRN_NCCL names libnccl.so.2 or its folder, DRN_NCCL_TIMEOUT how many seconds a step may wait for the
 * other ranks (1800: rank 0 validates meanwhile), DRN_RENDEZVOUS, DRN_RENDEZVOUS_TIMEOUT and DRN_JOB: see meeting.h.
 * Errors besides those of the meeting: DRN_ERR_UNSUPPORTED (build without NCCL), DRN_ERR_DEVICE (no library, or it
 * failed).  An update fails when another rank has, with "rank N: " and its message. */
drn_status drn_cuda_train_join(drn_cuda_train *t, const drn_cuda_ranks *r, const char *folder, uint64_t same,
                               drn_error *err);
bool drn_cuda_train_joined(const drn_cuda_train *t);
/* This rank gives up: the others end with the message.  Nothing with one process.  Then only free. */
void drn_cuda_train_fail(drn_cuda_train *t, const char *message);

#endif
