/* What the loss ops hand to the kernels of a number type. */
#ifndef DRN_LOSS_INTERNAL_H
#define DRN_LOSS_INTERNAL_H

#include "loss/loss.h"

#define MASK_FLOOR (1e-4 / (255.0 * 255.0)) /* under the root of G; published for the range 0..255 */
#define MASK_GAP (1e-5 / 255.0)             /* beside max G - min G, likewise */

typedef struct loss_spec {
    double gradient; /* weight of the gradient part */
    double weight;   /* weight of the pixel part */
    drn_loss_kind pixel;
    bool masked;
    double eps;
} loss_spec;

/* What a loss is made of. */
loss_spec drn_loss_spec(drn_loss_kind kind, const drn_attr *attr);

typedef struct loss_memory {
    void *mask;      /* elements; kept from forward to backward */
    void *work;      /* 2 * elements */
    double *partial; /* 3 a plane */
} loss_memory;

typedef struct loss_kernels {
    void (*mask)(void *mask, const void *target, double *partial, drn_shape s, drn_pool *pool);
    void (*forward)(const drn_call *c, const loss_spec *spec, const loss_memory *mem);
    void (*backward)(const drn_call *c, const loss_spec *spec, const loss_memory *mem);
} loss_kernels;

extern const loss_kernels drn_loss_f32, drn_loss_f64;

#endif
