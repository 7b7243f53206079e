/* What an operation is: shape rule, forward and backward on one screen, one file an op.
 *
 * Ops know nothing of the graph: they get a drn_call with every pointer filled in.  Backward
 * accumulates: din[i] is added to when accumulate[i], else overwritten; gradients of parameters are
 * always added to. */
#ifndef DRN_OPS_OP_H
#define DRN_OPS_OP_H

#include "kernels/conv.h"
#include "kernels/kernels.h"

enum { DRN_MAX_INPUTS = 6 };

/* Settings of one application of an op; each op's file says which it reads. */
typedef struct drn_attr {
    int32_t stride, pad;     /* conv2d, conv_transpose2d */
    int32_t factor;          /* pixel_shuffle; resize: 2 doubles, -2 halves; conv2d: set by fusion */
    int32_t y, x, h, w;      /* window: size of the output and where the input's corner lands in it */
    double alpha;            /* scale; losses: weight of the pixel part (lambda) */
    double slope;            /* leaky_relu; fused activation */
    double eps, momentum;    /* batch_norm; losses: Charbonnier's epsilon */
    double mul[4], shift[4]; /* affine, up to 4 channels */
    bool activate;           /* conv2d: fused activation (set by fusion) */
    bool prelu;              /* conv2d: its slopes are the input behind the bias (set by fusion) */
    bool residual;           /* conv2d: the last input is added to the result (set by fusion) */
    bool sum;                /* losses: sum instead of mean */
    int32_t pixel;           /* gradient+pixel loss: kind of the pixel part */
} drn_attr;

typedef struct drn_call {
    const drn_attr *attr;
    drn_dtype type;
    const drn_kernels *k;
    drn_pool *pool;
    bool training;
    int inputs;
    drn_shape in_shape[DRN_MAX_INPUTS];
    void *in[DRN_MAX_INPUTS];
    void *din[DRN_MAX_INPUTS]; /* NULL: not wanted */
    bool accumulate[DRN_MAX_INPUTS];
    drn_shape out_shape;
    void *out;
    void *dout;    /* backward may overwrite it: nobody reads it afterwards */
    void *state;   /* state_bytes(), belongs to this node from prepare to the end */
    void *scratch; /* scratch_bytes(), valid during one call */
    const drn_conv_impl *conv[3]; /* by drn_conv_pass, filled by plan */
    bool conv_shuffles;           /* the forward kernel does attr.factor's shuffle in its store */
} drn_call;

/* Some rows of a tensor in memory: rows y .. y + rows - 1, in planes (of a channel block, or of a
 * channel where the block is 1) of `plane` rows. */
typedef struct drn_band {
    void *data; /* row y of the first plane */
    int32_t y, rows, plane;
} drn_band;

/* Row y of plane p of a band that holds it; s: shape of the whole tensor. */
static inline void *drn_band_row(const drn_band *b, drn_shape s, drn_dtype type, size_t p, int32_t y)
{
    size_t row = (size_t)s.w * (size_t)drn_block_for(s.c) * drn_dtype_size(type);
    return (char *)b->data + (p * (size_t)b->plane + (size_t)(y - b->y)) * row;
}

enum {
    DRN_READS_INPUTS = 1, /* backward reads in[] */
    DRN_READS_OUTPUT = 2  /* backward reads out */
};

typedef struct drn_op {
    const char *name;
    int min_inputs, max_inputs;
    unsigned reads; /* DRN_READS_*: what has to be kept for backward */
    /* Output's shape, or an error with the numbers. */
    drn_status (*shape)(drn_shape *out, const drn_shape *in, int inputs, const drn_attr *attr,
                        drn_error *err);
    /* Optional: once shapes are known; may fill call->conv. */
    void (*plan)(drn_call *call);
    size_t (*state_bytes)(const drn_call *call);   /* optional */
    size_t (*scratch_bytes)(const drn_call *call); /* optional; enough for forward and backward */
    /* Optional: after parameters changed, before forward (packs weights). */
    void (*prepare)(const drn_call *call);
    void (*forward)(const drn_call *call);
    void (*backward)(const drn_call *call); /* NULL: no gradient flows */
    /* Inference by bands of rows, optional: rows y .. y + n - 1 of the output go to `out`, the bands in
     * `in` hold all rows of the inputs that they depend on; parameters are in the call, which has the
     * whole tensors' shapes. */
    void (*forward_rows)(const drn_call *call, const drn_band *in, const drn_band *out, int32_t y,
                         int32_t n);
    /* Rows [*from, *to) of the output become the rows of input i they depend on, not yet cut to its
     * height; the same for columns.  NULL: the same rows. */
    void (*rows_needed)(int32_t *from, int32_t *to, const drn_call *call, int i);
    size_t (*rows_scratch)(const drn_call *call, int32_t n); /* for forward_rows of n rows; optional */
} drn_op;

extern const drn_op drn_op_conv2d;           /* x, w[K,C,R,S], b[K]? (, slopes[K]) (, residual) */
extern const drn_op drn_op_conv_transpose2d; /* x, w[C,K,R,S], b[K]? */
extern const drn_op drn_op_leaky_relu;       /* slope 0: ReLU */
extern const drn_op drn_op_prelu;            /* x, slope[C] */
extern const drn_op drn_op_add;
extern const drn_op drn_op_scale;
extern const drn_op drn_op_affine; /* y = mul[c] x + shift[c], constants */
extern const drn_op drn_op_concat; /* along channels */
extern const drn_op drn_op_batch_norm; /* x, gamma[C], beta[C], running mean[C], running variance[C] */
extern const drn_op drn_op_pixel_shuffle;
extern const drn_op drn_op_resize; /* fixed bicubic, by attr.factor */
extern const drn_op drn_op_window; /* pad with zeros and crop */
/* x, wA[4Q,C,3,3], bA, wB[M,Q,3,3], bB (, residual): by fusion only; float32, inference */
extern const drn_op drn_op_up_image;
extern const drn_op drn_op_detach; /* identity without gradient */

/* Shape rule of ops whose output looks like their first input, all inputs alike. */
drn_status drn_shape_same(drn_shape *out, const drn_shape *in, int inputs, const drn_attr *attr,
                          drn_error *err);

#endif
