/* A planned graph on the device: what plan.c builds and run.c runs. */
#ifndef DRN_CUDA_RUN_H
#define DRN_CUDA_RUN_H

#include "cuda/cuda.h"
#include "cuda/launch.h"
#include "graph/internal.h"
#include "kernels/conv.h"

typedef struct drn_cudnn drn_cudnn;

struct drn_cuda {
    int device, sms, major, minor;
    int shared; /* bytes of shared memory a block may have */
    char name[128];
    drn_numbers precision;
    cudaStream_t stream;
    drn_cudnn *cudnn;   /* see drn_cuda_cudnn() */
    bool cudnn_tried;
    int conv;           /* drn_dconv_kind allowed only, or -1 */
    int tune_setting;   /* DRN_CUDA_TUNE; -1: not set */
    bool tune;          /* alternatives are timed and kept packed */
};

/* Looked for when first wanted; NULL: not there. */
drn_cudnn *drn_cuda_cudnn(drn_cuda *d);

/* Write what CUDA says, with `what` was being done. */
drn_status drn_cuda_fail(cudaError_t e, const char *what, drn_error *err);
#define DRN_CUDA_TRY(expr, what)                                                                   \
    do {                                                                                           \
        cudaError_t drn_e_ = (expr);                                                               \
        if (drn_e_ != cudaSuccess)                                                                 \
            return drn_cuda_fail(drn_e_, what, err);                                               \
    } while (0)
/* Device memory with the amounts in the message when it is refused; bytes 0 gives NULL. */
drn_status drn_cuda_alloc(void *out, size_t bytes, const char *what, drn_error *err);

/* Parameters on the device. */
typedef struct drn_dparams {
    const drn_params *host;
    float *value, *grad; /* [host->elements]; grad NULL without training */
} drn_dparams;

typedef enum drn_dconv_kind { DRN_DCONV_SIMPLE, DRN_DCONV_MMA, DRN_DCONV_CUDNN, DRN_DCONV_GROUP, DRN_DCONV_KINDS } drn_dconv_kind;
extern const char *const drn_dconv_names[DRN_DCONV_KINDS];

/* One convolution's choices. */
typedef struct drn_dconv {
    drn_conv_geom geom;       /* channels as in the graph */
    drn_dconv_kind kind[3];   /* by drn_conv_pass */
    int rows[2];              /* DRN_DCONV_MMA: rows a warp takes */
    int algo[3];              /* DRN_DCONV_CUDNN */
    size_t packed_at[DRN_DCONV_KINDS][2]; /* forward, backward-data; in the run's packed memory */
    float ms[3][DRN_DCONV_KINDS];           /* by pass and kind: fastest when timed; 0: was not */
    int32_t sub;              /* 4: the output is the pixel shuffle of the convolution's */
} drn_dconv;

/* One application of an op: drn_call on the device. */
typedef struct drn_dcall {
    const drn_op *op;
    const struct drn_dop *dop;
    drn_attr attr;
    bool training;
    int inputs;
    drn_value in_value[DRN_MAX_INPUTS], out_value;
    drn_dten in[DRN_MAX_INPUTS], din[DRN_MAX_INPUTS], out, dout;
    bool accumulate[DRN_MAX_INPUTS];
    bool dout_masked;     /* the activation's mask is in dout already */
    bool residual_passed; /* another call adds dout to the residual's gradient */
    bool mask_input;      /* din[0] is to be masked by the sign of in[0] ... */
    float mask_slope;     /* ... with this slope */
    drn_value addend;     /* din[0] also gets the gradient of this value; -1: none */
    const void *add;      /* its memory */
    drn_dconv conv;
    size_t state_at;
    char *state;
} drn_dcall;

typedef struct drn_drun {
    drn_cuda *dev;
    drn_graph *graph;
    drn_dcall *calls;
    size_t count;
    drn_dparams params;
    bool own_params, dirty;
    bool refused; /* cuDNN did not run a convolution it had offered */
    size_t *data_at, *grad_at; /* a value; SIZE_MAX: none */
    char *arena, *state, *packed, *scratch;
    size_t arena_bytes, state_bytes, packed_bytes, scratch_bytes, stage_bytes;
    drn_dpack *packs; /* host */
    drn_dpack *device_packs;
    size_t pack_count, pack_capacity;
    float *stage;     /* device: an input or output in plain [n][c][h][w] */
    float *plain;     /* host: the same, for tensors in blocks */
    void **host, **host_grad; /* a value: inputs and outputs in the layout of tensor.h */
} drn_drun;

typedef struct drn_dop {
    const drn_op *op;
    size_t (*state_bytes)(const drn_dcall *c);   /* optional */
    size_t (*scratch_bytes)(const drn_drun *r, const drn_dcall *c); /* optional */
    drn_status (*setup)(drn_drun *r, drn_dcall *c, drn_error *err); /* optional: fill state */
    void (*forward)(drn_drun *r, drn_dcall *c);
    void (*backward)(drn_drun *r, drn_dcall *c);
} drn_dop;

/* ops.c */
const drn_dop *drn_dop_find(const drn_op *op);

/* plan.c: calls with fusion and gradients' order; places of all buffers. */
drn_status drn_drun_plan(drn_drun *r, drn_error *err);
drn_dten drn_drun_tensor(const drn_drun *r, drn_shape s, void *p);

/* conv.c */
void drn_dconv_plan(drn_drun *r, drn_dcall *c);
bool drn_dconv_can_shuffle(const drn_drun *r, const drn_dcall *c, drn_shape shuffled);
/* Add what the passes of a call need: for what was chosen, or for every implementation that could be. */
drn_status drn_dconv_pack_list(drn_drun *r, drn_dcall *c, bool every, drn_error *err);
size_t drn_dconv_scratch_bytes(const drn_drun *r, const drn_dcall *c);
/* Time the alternatives of every convolution on the planned buffers. */
drn_status drn_dconv_tune(drn_drun *r, drn_error *err);
void drn_dconv_forward(drn_drun *r, drn_dcall *c);
void drn_dconv_backward(drn_drun *r, drn_dcall *c);
void drn_dconv_transpose_forward(drn_drun *r, drn_dcall *c);
void drn_dconv_transpose_backward(drn_drun *r, drn_dcall *c);

/* cudnn.c: convolutions of features, whole channels of 8; without epilogue. */
drn_cudnn *drn_cudnn_open(cudaStream_t stream); /* NULL: not found */
void drn_cudnn_close(drn_cudnn *n);
int drn_cudnn_version(const drn_cudnn *n);
/* Number of algorithms worth a try, best guess first; 0: cannot. */
int drn_cudnn_algorithms(drn_cudnn *n, const drn_dcall *c, drn_conv_pass pass, drn_numbers precision, int *list, int most);
size_t drn_cudnn_workspace(drn_cudnn *n, const drn_dcall *c, drn_conv_pass pass, drn_numbers precision, int algo);
/* out (+)= the pass; w: packed weights [k][tap][c] of the tensors' type, or for backward-weights where they go. */
bool drn_cudnn_run(drn_cudnn *n, const drn_dcall *c, drn_conv_pass pass, drn_numbers precision, int algo, void *w,
                   bool accumulate, void *workspace, size_t bytes);

/* run.c */
drn_status drn_drun_open(drn_drun **out, drn_graph *g, drn_cuda *dev, const drn_dparams *params, drn_error *err);
void drn_drun_close(drn_drun *r);
void drn_drun_pack(drn_drun *r);
void drn_drun_launch_forward(drn_drun *r);
void drn_drun_launch_backward(drn_drun *r); /* seeds the loss with 1 */
/* DRN_ERR_DEVICE when something could not be launched that CUDA itself does not tell. */
drn_status drn_drun_check(const drn_drun *r, drn_error *err);
size_t drn_drun_bytes(const drn_drun *r);

#endif
