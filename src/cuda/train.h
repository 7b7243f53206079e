/* The inside of drn_cuda_train: train.c (steps), pictures.c (data on the device), ranks.c and nccl.c
 * (several GPUs). */
#ifndef DRN_CUDA_TRAIN_H
#define DRN_CUDA_TRAIN_H

#include "cuda/meeting.h"
#include "cuda/run.h"

typedef struct drn_nccl drn_nccl;

enum { DRN_IMAGES = DRN_DATA_LEVELS + 1 }; /* LR and the targets */

/* Training pictures in device memory. */
typedef struct drn_pictures {
    drn_dataset *data;
    uint8_t *pool;   /* u8 RGB, one picture after the other; NULL: none */
    size_t bytes;
    drn_picture_size *sizes; /* host; width 0: unreadable */
    int64_t *offsets;        /* host */
    drn_patch_spec spec;
    double *weights[DRN_IMAGES]; /* device: one row of bicubic weights a level; NULL: a copy */
    int32_t taps[DRN_IMAGES], first[DRN_IMAGES];
} drn_pictures;

/* Part of a step: run once as it is, so that every kernel is loaded, captured the second time, then replayed. */
typedef struct drn_dgraph {
    cudaGraphExec_t exec;
    bool ran;
} drn_dgraph;

struct drn_cuda_train {
    drn_cuda *dev;
    drn_params *params;
    drn_adam *adam;
    drn_dparams dev_params; /* grad has four floats more: sums of loss, primal and the two wishes */
    float *m, *v, *average;
    double *partial;
    drn_dstep *step, *host_step;       /* device, pinned */
    drn_dresult *result, *host_result; /* likewise */
    drn_cuda_net net;
    drn_drun *run;
    size_t image_floats[DRN_IMAGES];
    float *host_batch;                 /* pinned: LR and targets behind each other */
    drn_dplace *places, *host_places;  /* [N] device, pinned */
    int batch;                         /* N */
    drn_dgraph whole[2], begin, add[2], update; /* [1]: batches cut on the device */
    int batches;                       /* added for the step under way */
    bool pending, pending_at;          /* a batch is put down but not launched; ... cut on the device */
    drn_pictures pictures;
    drn_nccl *nccl;       /* NULL: one GPU */
    drn_meeting *meeting; /* NULL: one process */
    int world;
    float *wishes; /* pinned: [2] of this rank, [2] the sums */
};

/* pictures.c */
drn_status drn_pictures_places(drn_cuda_train *t, uint64_t first, drn_error *err);
void drn_pictures_launch(drn_cuda_train *t);
void drn_pictures_free(drn_pictures *p);

/* train.c: what was captured, under way or not */
void drn_cuda_train_drop_graphs(drn_cuda_train *t);

/* ranks.c */
drn_status drn_cuda_train_wait(drn_cuda_train *t, const char *what, drn_error *err);

/* nccl.c */
drn_status drn_nccl_open(drn_nccl **out, drn_error *err);
drn_status drn_nccl_make_id(drn_nccl *n, unsigned char *id, drn_error *err); /* [DRN_NCCL_ID], for all to join by */
drn_status drn_nccl_join(drn_nccl *n, int rank, int world, const unsigned char *id, drn_error *err); /* all ranks */
void drn_nccl_free(drn_nccl *n); /* after the graphs that use it; abort likewise */
void drn_nccl_abort(drn_nccl *n); /* what is under way ends at once, on the other ranks too where they notice */
/* All ranks: data becomes rank 0's; the sum over ranks. */
drn_status drn_nccl_broadcast(drn_nccl *n, float *data, size_t count, cudaStream_t stream, drn_error *err);
cudaError_t drn_nccl_sum(drn_nccl *n, float *data, size_t count, cudaStream_t stream);
/* The message of a launch that failed, when it was NCCL's. */
drn_status drn_nccl_explain(const drn_nccl *n, drn_status st, drn_error *err);
/* Until the stream has done all, or another rank is gone. */
drn_status drn_nccl_wait(drn_nccl *n, cudaStream_t stream, const drn_meeting *m, drn_error *err);

/* Image i of the net: 0 LR, then the targets. */
drn_value drn_cuda_train_image(const drn_cuda_train *t, int i);

#endif
