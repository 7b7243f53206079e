/* The losses of the paper, as ops of two inputs, prediction and target [N,C,H,W] (C < 8, values in
 * [0,1]), and a scalar output.  Means are over all N*C*H*W positions; attr.sum takes sums instead.
 *
 *   MSE, MAE (Eq. 1)      pixel part alone
 *   Charbonnier           sqrt(d^2 + attr.eps^2)
 *   gradient (Eq. 2)      |grad_x d| + |grad_y d|
 *   gradient+pixel (3)    Eq. 2 + attr.alpha * pixel part (attr.pixel)
 *   gradient-sensitive (5)  Eq. 2 of M*d + attr.alpha * MAE of (1-M)*d, M the mask of Eq. 4
 *
 * d = prediction - target.  Gradients are central differences [1, 0, -1], not halved, a channel; on the
 * one-pixel border they are 0.  The mask comes from the target alone and carries no gradient:
 * G = sqrt(gx^2 + gy^2 + 1e-4/255^2), M = (G - min G) / (max G - min G + 1e-5/255), min and max over a
 * sample's channels and pixels; a flat target gives M = 0. */
#ifndef DRN_LOSS_LOSS_H
#define DRN_LOSS_LOSS_H

#include "ops/op.h"

typedef enum drn_loss_kind {
    DRN_LOSS_MSE = 0,
    DRN_LOSS_MAE = 1,
    DRN_LOSS_CHARBONNIER = 2,
    DRN_LOSS_GRADIENT = 3,
    DRN_LOSS_GRADIENT_PIXEL = 4,
    DRN_LOSS_GS = 5
} drn_loss_kind;

/* attr.alpha: lambda; attr.eps: Charbonnier's epsilon; attr.pixel: DRN_LOSS_MSE, _MAE or _CHARBONNIER. */
const drn_op *drn_loss_op(drn_loss_kind kind);

/* The mask of Eq. 4 of an image [N,C,H,W], C < 8; partial: scratch of 3*N*C doubles. */
void drn_loss_mask(void *mask, const void *target, double *partial, drn_shape s, drn_dtype type,
                   drn_pool *pool);

#endif
