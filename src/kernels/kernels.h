/* Element-wise and small kernels: one table a number type, reference first, overwritten by what the
 * CPU has.  All pure; n counts elements with the zero lanes. */
#ifndef DRN_KERNELS_KERNELS_H
#define DRN_KERNELS_KERNELS_H

#include "base/pool.h"
#include "tensor/tensor.h"

/* Weights of a separable resize along one axis: output i reads in[index[i*taps + t]]. */
typedef struct drn_taps {
    int32_t in, out, taps;
    const int32_t *index;  /* [out * taps] */
    const double *weight;  /* [out * taps], each row sums to 1 */
} drn_taps;

typedef struct drn_kernels {
    /* y = a + b;  y may be a or b. */
    void (*add)(void *y, const void *a, const void *b, size_t n, drn_pool *pool);
    /* y = alpha * x (+ y when accumulate). */
    void (*scale)(void *y, const void *x, double alpha, bool accumulate, size_t n, drn_pool *pool);
    /* y = x > 0 ? x : slope * x;  y may be x. */
    void (*leaky_relu)(void *y, const void *x, double slope, size_t n, drn_pool *pool);
    /* dx (+)= y > 0 ? dy : slope * dy;  dx may be dy when not accumulating; slope >= 0. */
    void (*leaky_relu_backward)(void *dx, const void *dy, const void *y, double slope,
                                bool accumulate, size_t n, drn_pool *pool);
    /* y[N,C,H,W] = x > 0 ? x : slope[c] * x. */
    void (*prelu)(void *y, const void *x, const void *slope, drn_shape s, drn_pool *pool);
    /* dx (+)=, dslope[C] +=. */
    void (*prelu_backward)(void *dx, void *dslope, const void *dy, const void *x, const void *slope,
                           bool accumulate, drn_shape s, drn_pool *pool);
    /* y[N,C,H,W] = a[c] * x + b[c] (+ y), zero lanes kept zero;  b may be NULL, y may be x. */
    void (*affine)(void *y, const void *x, const void *a, const void *b, bool accumulate,
                   drn_shape s, drn_pool *pool);
    /* Per channel sums of x and x*z over N, H, W in double: sum[C], dot[C]; z may be x. */
    void (*channel_sums)(double *sum, double *dot, const void *x, const void *z, drn_shape s,
                         drn_pool *pool);
    /* y[N, C/f^2, H*f, W*f] = shuffle of x[N,C,H,W] (s is x's shape): channel c*f*f + i*f + j goes to
     * pixel (f*y + i, f*x + j) of channel c.  Backward: dx (+)= the inverse of dy. */
    void (*pixel_shuffle)(void *y, const void *x, int32_t f, drn_shape s, drn_pool *pool);
    void (*pixel_shuffle_backward)(void *dx, const void *dy, int32_t f, bool accumulate, drn_shape s,
                                   drn_pool *pool);
    /* dst's window (oy, ox in dst; sy, sx in src; h x w pixels, cn channels from channel dc / sc)
     * (+)= src's. Both of N images. */
    void (*window)(void *dst, drn_shape ds, int32_t dc, int32_t oy, int32_t ox, const void *src,
                   drn_shape ss, int32_t sc, int32_t sy, int32_t sx, int32_t cn, int32_t h, int32_t w,
                   bool accumulate, drn_pool *pool);
    /* Separable resize: y[N,C,rows->out,cols->out] = R x C^T; tmp holds [N,C,rows->out,cols->in]. */
    void (*resize)(void *y, void *tmp, const void *x, const drn_taps *rows, const drn_taps *cols,
                   drn_shape s, drn_pool *pool);
    /* dx += R^T dy C. */
    void (*resize_backward)(void *dx, void *tmp, const void *dy, const drn_taps *rows,
                            const drn_taps *cols, drn_shape s, drn_pool *pool);
    /* Sum of squares in double. */
    double (*sum_squares)(const void *x, size_t n, drn_pool *pool);
    /* One step of Adam (Kingma & Ba, algorithm 1) on a flat vector; t counts from 1. */
    void (*adam)(void *w, const void *g, void *m, void *v, double grad_scale, double lr, double beta1,
                 double beta2, double eps, int64_t t, size_t n, drn_pool *pool);
    /* e = decay * e + (1 - decay) * w. */
    void (*ema)(void *e, const void *w, double decay, size_t n, drn_pool *pool);
} drn_kernels;

/* The table for a type on the instruction sets allowed now. */
const drn_kernels *drn_kernels_get(drn_dtype type);

#endif
