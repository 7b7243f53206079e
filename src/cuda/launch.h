/* What the .cu files offer to the C files of this room: one function a kernel (or pair of kernels), all
 * asynchronous on a stream.  Arguments are checked before; failures of a launch come out of
 * cudaGetLastError().
 *
 * Layout on the device: channels innermost, [n][h][w][cs].  Images (fewer than 8 channels) and scalars are
 * float32 with cs = c; features have cs = c rounded up to 8, lanes past c zero, and are bfloat16 or float32
 * as the precision says.  Sums of many terms are taken in a fixed order, so two runs give the same bits. */
#ifndef DRN_CUDA_LAUNCH_H
#define DRN_CUDA_LAUNCH_H

#include <cuda_runtime_api.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct drn_dten {
    void *p;             /* NULL: none */
    int32_t n, h, w, c;
    int32_t cs;          /* channels with the zero lanes */
    int32_t half;        /* 1: bfloat16, 0: float32 */
} drn_dten;

/* ---- elementwise.cu: tensors of one call have one shape, if nothing else is said ---- */

void drn_dk_fill(float *p, float value, size_t n, cudaStream_t s);
/* n random numbers of 16 bits that are small and finite as bfloat16, and in pairs as float32 */
void drn_dk_noise(void *p, size_t n, cudaStream_t s);
/* y = a + b */
void drn_dk_add(drn_dten y, drn_dten a, drn_dten b, cudaStream_t s);
/* y = alpha x (+ y) */
void drn_dk_scale(drn_dten y, drn_dten x, float alpha, int accumulate, cudaStream_t s);
/* y = x > 0 ? x : slope x */
void drn_dk_leaky(drn_dten y, drn_dten x, float slope, cudaStream_t s);
/* dx (+)= y > 0 ? dy : slope dy; dx may be dy */
void drn_dk_leaky_backward(drn_dten dx, drn_dten dy, drn_dten y, float slope, int accumulate, cudaStream_t s);
void drn_dk_prelu(drn_dten y, drn_dten x, const float *slope, cudaStream_t s);
/* dx (+)=, may be none; dslope[c] +=, may be NULL; scratch: drn_dk_sums_bytes() */
void drn_dk_prelu_backward(drn_dten dx, float *dslope, drn_dten dy, drn_dten x, const float *slope,
                           int accumulate, double *scratch, cudaStream_t s);
/* y = a[c] x + b[c] (+ y); a, b on the device, b may be NULL */
void drn_dk_affine(drn_dten y, drn_dten x, const float *a, const float *b, int accumulate, cudaStream_t s);
/* Sums of x and x z over n, h, w; returns sum[c], dot[c], which lie in scratch: drn_dk_sums_bytes(x) */
const double *drn_dk_channel_sums(double *scratch, drn_dten x, drn_dten z, cudaStream_t s);
size_t drn_dk_sums_bytes(drn_dten x);
/* db[c] += sum of dy; scratch as above */
void drn_dk_bias_grad(float *db, drn_dten dy, double *scratch, cudaStream_t s);
/* dst's window at (oy, ox), channels from dc, h x w pixels, cn channels (+)= src's at (sy, sx), from sc */
void drn_dk_window(drn_dten dst, int32_t dc, int32_t oy, int32_t ox, drn_dten src, int32_t sc, int32_t sy,
                   int32_t sx, int32_t cn, int32_t h, int32_t w, int accumulate, cudaStream_t s);
/* Between plain [n][c][h][w] float32 and a tensor. */
void drn_dk_from_nchw(drn_dten y, const float *x, cudaStream_t s);
void drn_dk_to_nchw(float *y, drn_dten x, cudaStream_t s);

/* Batch norm (src/ops/batch_norm.c).  state: mean[c], 1/std[c] in double, then a[c], b[c] as float. */
typedef struct drn_dnorm {
    const float *gamma, *beta;
    float *mean, *var;   /* running */
    float *dgamma, *dbeta; /* may be NULL; += */
    double *state;
    const double *sums;  /* sum[c], dot[c] of drn_dk_channel_sums */
    float *coefficients; /* forward: a[c], b[c]; backward: A[c], S[c], B[c] */
    double eps, momentum, pixels;
    int32_t c, training;
} drn_dnorm;
void drn_dk_norm_forward(drn_dnorm n, cudaStream_t s);
void drn_dk_norm_backward(drn_dnorm n, cudaStream_t s);

/* ---- image.cu ---- */

/* y[n, c/f^2, h f, w f] from x[n, c, h, w] as src/ops/pixel_shuffle.c; backward: dx (+)= */
void drn_dk_shuffle(drn_dten y, drn_dten x, int32_t f, cudaStream_t s);
void drn_dk_shuffle_backward(drn_dten dx, drn_dten dy, int32_t f, int accumulate, cudaStream_t s);

/* One axis of a linear resize in rows: output o = sum over i in start[o] .. start[o+1]-1 of
 * weight[i] * input[index[i]].  On the device. */
typedef struct drn_daxis {
    const int32_t *start, *index;
    const float *weight;
} drn_daxis;
/* tmp: float [n][y.h][x.w][x.cs]; serves forward and, with the transposed axes, backward */
void drn_dk_resize(drn_dten y, float *tmp, drn_dten x, drn_daxis rows, drn_daxis cols, int accumulate,
                   cudaStream_t s);

/* ---- loss.cu: losses of src/loss on images ---- */

typedef struct drn_dloss {
    drn_dten p, t;
    double gradient, weight; /* of the two parts, the mean's 1/elements included */
    double eps;
    int32_t pixel;           /* drn_loss_kind */
    float *mask;             /* NULL: not masked; kept from forward to backward */
    double *scratch;         /* drn_dk_loss_bytes() */
} drn_dloss;
size_t drn_dk_loss_bytes(drn_dten p);
void drn_dk_loss_forward(drn_dloss l, float *out, cudaStream_t s);
/* dp, dt (+)=; .p NULL: not wanted */
void drn_dk_loss_backward(drn_dloss l, const float *dout, drn_dten dp, int accumulate_p, drn_dten dt,
                          int accumulate_t, cudaStream_t s);

/* ---- convolutions ---- */

/* Weights [k][c][taps] float32 -> a packed layout: element (tap, k, c) goes to
 * dst[tap' * stride_tap + k' * stride_k + c * stride_c], tap' = reverse ? taps-1-tap : tap,
 * k' = (k % sub) * (k_all / sub) + k / sub; everything up to kp x cp is written, zeros past k_all x c_all. */
typedef struct drn_dpack {
    const float *src;
    void *dst;
    int32_t k_all, c_all, taps, kp, cp;
    int32_t stride_k, stride_c, stride_tap;
    int32_t reverse, half, sub;
} drn_dpack;
void drn_dk_pack(const drn_dpack *list, int32_t count, cudaStream_t s); /* list on the device */
/* The reverse for one: src[k][c][tap] of it (float32) += dst. */
void drn_dk_unpack_add(drn_dpack p, float *src, cudaStream_t s);

/* y = act(conv + bias) + add, then times mask > 0 ? 1 : mask_slope.  add and mask have the layout of what is
 * written and may be NULL; add may be what is written. */
typedef struct drn_depilogue {
    const float *bias;
    const void *add, *mask;
    int32_t activate;
    float slope, mask_slope;
} drn_depilogue;

/* What a convolution without epilogue leaves to do: y = act(y + bias) + add, times the mask. */
void drn_dk_epilogue(drn_dten y, drn_depilogue e, cudaStream_t s);

typedef struct drn_dgeom {
    int32_t k, c, r, s, stride, pad;
} drn_dgeom;

/* conv_simple.cu: any geometry, any types, float32 sums.  Packed weights are float32: forward
 * [tap][c][row] with row = k rounded up to 8, backward-data [tap][k][row] with row = c rounded up to 8. */
void drn_dk_conv_forward(drn_dten y, drn_dten x, const float *w, drn_dgeom g, drn_depilogue e, cudaStream_t s);
void drn_dk_conv_backward_data(drn_dten dx, drn_dten dy, const float *w, drn_dgeom g, drn_depilogue e,
                               cudaStream_t s);
/* dw[k][c][r][s] +=; partial: drn_dk_conv_weights_bytes() */
void drn_dk_conv_backward_weights(float *dw, drn_dten x, drn_dten dy, drn_dgeom g, float *partial,
                                  cudaStream_t s);
size_t drn_dk_conv_weights_bytes(drn_dten x, drn_dten dy, drn_dgeom g);

/* conv_mma.cu: 3x3, stride 1, pad 1 on the tensor cores; bfloat16 operands, float32 sums.  in and out: bfloat16
 * features or float32 images.  Packed weights are bfloat16 [tap][row][col]: row = out channel, col = in
 * channel; rows and cols as drn_dk_mma_pad() says.  sub_in, sub_out: 4 when the tensor is the pixel shuffle
 * (factor 2) of what the convolution reads or writes, else 1; then its channels are a multiple of 8 and bias
 * stands in the order of the unshuffled channels. */
typedef struct drn_dmma {
    drn_dten out, in;
    const void *w;
    int32_t sub_in, sub_out;
    drn_depilogue e;
    int32_t rows; /* of pixels a warp takes: 2 or 4 */
} drn_dmma;
/* conv_group.cu: the same for compute capability 9.0, where drn_dk_group_supports(); channels are multiples of 32. */
int drn_dk_group_supports(drn_dten out, drn_dten in, int32_t sub_in, int32_t sub_out);
void drn_dk_group(drn_dmma m, int32_t sms, cudaStream_t s);
int drn_dk_mma_supports(drn_dten out, drn_dten in, int32_t sub_in, int32_t sub_out);
void drn_dk_mma_pad(int32_t *rows, int32_t *cols, int32_t out_channels, int32_t in_channels);
/* Bytes of shared memory a block takes, with `rows` of pixels a warp. */
size_t drn_dk_mma_shared(drn_dten out, drn_dten in, int32_t sub_in, int32_t sub_out, int32_t rows);
void drn_dk_mma(drn_dmma m, int32_t sms, cudaStream_t s);

/* conv_mma_weights.cu: dw[k][c][9] +=, db[k] += (may be NULL) of the same convolutions. */
typedef struct drn_dmma_weights {
    float *dw, *db;
    drn_dten x, dy;
    int32_t sub; /* 4: dy is the pixel shuffle of the convolution's output's gradient */
    int32_t k, c;
    float *partial; /* drn_dk_mma_weights_bytes() */
} drn_dmma_weights;
void drn_dk_mma_weights(drn_dmma_weights m, int32_t sms, cudaStream_t s);
size_t drn_dk_mma_weights_bytes(drn_dten x, drn_dten dy, int32_t k, int32_t c, int32_t sms);
size_t drn_dk_mma_weights_shared(int32_t k, int32_t c);
/* conv_group_weights.cu: the same for compute capability 9.0 and multiples of 64 channels. */
int drn_dk_group_weights_supports(drn_dten x, drn_dten dy, int32_t sub);
void drn_dk_group_weights(drn_dmma_weights m, int32_t sms, cudaStream_t s);
size_t drn_dk_group_weights_bytes(drn_dten x, drn_dten dy, int32_t k, int32_t c, int32_t sms);
/* Their last act: partial holds, for each of parts_c x parts_k, `groups` sums [tap][ct][kt] and then `blocks` bias
 * sums [kt]; added to dw and db. */
typedef struct drn_dreduce {
    drn_dmma_weights m;
    int32_t ct, kt, groups, blocks, parts_k, parts_c;
} drn_dreduce;
void drn_dk_reduce_weights(drn_dreduce j, cudaStream_t s);

/* ---- optim.cu ---- */

/* Numbers of one step that change from step to step, put on the device before the step's graph runs. */
typedef struct drn_dstep {
    float step_size, root_bias2; /* lr / (1 - beta1^t), sqrt(1 - beta2^t) */
    float beta1, beta2, eps;
    float ema;                   /* 1 - decay; 0: none */
    double clip;                 /* 0: no limit */
    double limit;                /* a larger loss is skipped */
    float grad_scale, loss_scale; /* what makes means of sums over batches and GPUs */
} drn_dstep;

typedef struct drn_dresult {
    double norm;
    float loss, primal;
    int32_t bad; /* 1: the loss, 2: the gradient is not finite, 3: above the limit; nothing was changed */
    float scale; /* of the gradient in Adam */
} drn_dresult;

enum { DRN_DK_PARTIALS = 256 };
/* sums[0] += loss, sums[1] += primal */
void drn_dk_count_loss(float *sums, const float *loss, const float *primal, cudaStream_t s);
/* partial: DRN_DK_PARTIALS doubles */
void drn_dk_judge(drn_dresult *result, const float *grad, size_t n, double *partial, const float *sums,
                  const drn_dstep *step, cudaStream_t s);
/* average may be NULL */
void drn_dk_adam(float *w, const float *g, float *m, float *v, float *average, size_t n, const drn_dstep *step,
                 const drn_dresult *result, cudaStream_t s);

/* ---- patch.cu ---- */

typedef struct drn_dplace {
    int64_t offset;        /* of the picture's first byte in the pool */
    int32_t width, height; /* of the picture */
    int32_t x, y, flip;    /* as drn_patch_place */
    int32_t channel[3];    /* drn_patch_channel() of each */
} drn_dplace;

/* One level: out[n][p up][p up][3] float in [0,1] from u8 RGB pictures; scale/up is the reduction (1: a copy).
 * weight[4 scale/up]: one row of the bicubic weights, whose first sample is `first` for output 0. */
typedef struct drn_dlevel {
    float *out;
    int32_t side;    /* of the patch at this level */
    int32_t up;      /* pixels of this level a LR pixel */
    int32_t scale, taps, first;
    const double *weight;
} drn_dlevel;
void drn_dk_patches(drn_dlevel level, const uint8_t *pool, const drn_dplace *places, int32_t n, cudaStream_t s);

#ifdef __cplusplus
}
#endif
#endif
