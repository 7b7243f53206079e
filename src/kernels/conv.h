/* Convolution kernels: what a convolution is, and the table of implementations.
 *
 * Kernels are pure: no allocation, no errors, arguments already checked.  Which implementation runs
 * is decided once by drn_conv_choose(); the reference supports everything, a fast one declines what
 * it cannot do.  All partition their outputs into a fixed set of chunks, so the result has the same
 * bits for any number of threads. */
#ifndef DRN_KERNELS_CONV_H
#define DRN_KERNELS_CONV_H

#include "base/pool.h"
#include "tensor/tensor.h"

/* Forward of some rows of a picture, all zero for whole tensors: x and y are windows of rows in planes
 * that have more. */
typedef struct drn_conv_band {
    int32_t cut;    /* rows of padding above x that are left out, 0..pad; below x there are always zeros */
    int32_t x_rows; /* rows from one plane of x to the next; 0 = h */
    int32_t y_rows; /* the same of y; 0 = oh (2*oh for a shuffle) */
    int32_t r_rows; /* and of the residual; 0 = as y */
} drn_conv_band;

/* y[N,K,OH,OW] = x[N,C,H,W] (*) w[K,C,R,S] + b[K]; OH = (H + 2*pad - R)/stride + 1 rounded down.
 * Tensors are in the layout of tensor.h (block by channel count); w is plain [K][C][R][S]. */
typedef struct drn_conv_geom {
    int32_t n, c, h, w; /* x */
    int32_t k, r, s;    /* filters and kernel size */
    int32_t oh, ow;     /* y */
    int32_t stride, pad;
    /* Forward only: 2 = the store is a pixel shuffle, y is [N, K/4, 2*OH, 2*OW]; 0 = it is not.  Only
     * drn_conv_choose_shuffled() finds implementations that can. */
    int32_t shuffle;
    drn_conv_band band; /* forward only; oh is then the number of rows wanted */
} drn_conv_geom;

static inline int32_t drn_conv_x_rows(const drn_conv_geom *g)
{
    return g->band.x_rows ? g->band.x_rows : g->h;
}

static inline int32_t drn_conv_y_rows(const drn_conv_geom *g)
{
    return g->band.y_rows ? g->band.y_rows : g->shuffle ? g->shuffle * g->oh : g->oh;
}

static inline int32_t drn_conv_residual_rows(const drn_conv_geom *g)
{
    return g->band.r_rows ? g->band.r_rows : drn_conv_y_rows(g);
}

typedef enum drn_conv_pass {
    DRN_CONV_FORWARD = 0,
    DRN_CONV_BACKWARD_DATA = 1,
    DRN_CONV_BACKWARD_WEIGHTS = 2
} drn_conv_pass;

/* Fused into the store of the forward pass: y = act(x (*) w + b) + residual. */
typedef struct drn_conv_epilogue {
    const void *bias;     /* [K] or NULL */
    const void *residual; /* of y's shape and layout, or NULL; may be y itself */
    bool activate;        /* v > 0 ? v : slope * v */
    double slope;         /* 0: ReLU */
    const void *slopes;   /* PReLU: [K], in place of slope; or NULL */
} drn_conv_epilogue;

/* Where a kernel works. */
typedef struct drn_conv_run {
    drn_pool *pool; /* may be NULL */
    void *scratch;  /* scratch_bytes(), 64-byte aligned; undefined content */
} drn_conv_run;

typedef struct drn_conv_impl {
    const char *name;
    bool (*supports)(const drn_conv_geom *g, drn_conv_pass pass);
    /* Bytes of the packed (transformed) weights of forward or backward-data; 0: wants plain w. */
    size_t (*pack_bytes)(const drn_conv_geom *g, drn_conv_pass pass);
    void (*pack)(void *packed, const void *w, const drn_conv_geom *g, drn_conv_pass pass);
    size_t (*scratch_bytes)(const drn_conv_geom *g, drn_conv_pass pass, int threads);
    /* w: packed, or plain where pack_bytes() is 0.  y must not alias x. */
    void (*forward)(void *y, const void *x, const void *w, const drn_conv_geom *g,
                    const drn_conv_epilogue *e, const drn_conv_run *run);
    /* dx (+)= dy transposed-convolved with w; overwrites dx unless accumulate. */
    void (*backward_data)(void *dx, const void *dy, const void *w, const drn_conv_geom *g,
                          bool accumulate, const drn_conv_run *run);
    /* dw[K][C][R][S] += ..., db[K] += sum dy; db may be NULL. */
    void (*backward_weights)(void *dw, void *db, const void *x, const void *dy,
                             const drn_conv_geom *g, const drn_conv_run *run);
} drn_conv_impl;

/* Best implementation for a pass on the instruction sets allowed now (drn_cpu_isa()); never NULL.
 */
const drn_conv_impl *drn_conv_choose(const drn_conv_geom *g, drn_conv_pass pass, drn_dtype type);

/* Best implementation of the float32 forward pass where speed counts more than the last bits: may
 * be Winograd with tiles of 6x6, whose error is about four times that of tiles of 4x4 (3.3e-6 of
 * the output's rms, against 0.8e-6; a direct convolution has 0.4e-6). */
const drn_conv_impl *drn_conv_choose_inference(const drn_conv_geom *g);

/* The same for g->shuffle = 2; NULL when no implementation can. */
const drn_conv_impl *drn_conv_choose_shuffled(const drn_conv_geom *g);

/* All implementations of a type, best first, for tests and benchmarks; the last is the reference.
 */
const drn_conv_impl *const *drn_conv_all(drn_dtype type, size_t *count);

/* Multiply-accumulates of the direct convolution (what every GFLOP/s figure counts, times 2). */
double drn_conv_macs(const drn_conv_geom *g);

#endif
