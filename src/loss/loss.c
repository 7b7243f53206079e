#include "loss/internal.h"

static const loss_kernels *kernels(drn_dtype type)
{
    return type == DRN_FLOAT64 ? &drn_loss_f64 : &drn_loss_f32;
}

static drn_status shape(drn_shape *out, const drn_shape *in, int inputs, const drn_attr *attr,
                        drn_error *err)
{
    drn_shape s;
    DRN_TRY(drn_shape_same(&s, in, inputs, attr, err));
    if (s.c >= DRN_BLOCK)
        return drn_fail(err, DRN_ERR_INVALID, "loss: %d channels, made for images of less than %d", s.c,
                        DRN_BLOCK);
    *out = (drn_shape){1, 1, 1, 1};
    return DRN_OK;
}

static size_t state_bytes(const drn_call *c)
{
    return drn_elements(c->in_shape[0]) * drn_dtype_size(c->type);
}

static size_t scratch_bytes(const drn_call *c)
{
    drn_shape s = c->in_shape[0];
    return 2 * state_bytes(c) + 3 * sizeof(double) * (size_t)s.n * (size_t)s.c;
}

static loss_memory memory(const drn_call *c)
{
    drn_shape s = c->in_shape[0];
    double *partial = c->scratch;
    return (loss_memory){c->state, partial + 3 * (size_t)s.n * (size_t)s.c, partial};
}

/* The one place that says what each loss is made of. */
loss_spec drn_loss_spec(drn_loss_kind kind, const drn_attr *a)
{
    switch (kind) {
    case DRN_LOSS_GRADIENT: /* Eq. 2 */
        return (loss_spec){.gradient = 1};
    case DRN_LOSS_GRADIENT_PIXEL: /* Eq. 3 */
        return (loss_spec){.gradient = 1, .weight = a->alpha, .pixel = (drn_loss_kind)a->pixel, .eps = a->eps};
    case DRN_LOSS_GS: /* Eq. 5 */
        return (loss_spec){.gradient = 1, .weight = a->alpha, .pixel = DRN_LOSS_MAE, .masked = true};
    default: /* Eq. 1, and Charbonnier */
        return (loss_spec){.weight = 1, .pixel = kind, .eps = a->eps};
    }
}

#define LOSS(id, kind, text)                                                                       \
    static void id##_forward(const drn_call *c)                                                    \
    {                                                                                              \
        loss_spec s = drn_loss_spec(kind, c->attr);                                                      \
        loss_memory m = memory(c);                                                                 \
        kernels(c->type)->forward(c, &s, &m);                                                      \
    }                                                                                              \
    static void id##_backward(const drn_call *c)                                                   \
    {                                                                                              \
        loss_spec s = drn_loss_spec(kind, c->attr);                                                      \
        loss_memory m = memory(c);                                                                 \
        kernels(c->type)->backward(c, &s, &m);                                                     \
    }                                                                                              \
    static const drn_op id = {                                                                     \
        .name = text,                                                                              \
        .min_inputs = 2,                                                                           \
        .max_inputs = 2,                                                                           \
        .reads = DRN_READS_INPUTS,                                                                 \
        .shape = shape,                                                                            \
        .state_bytes = state_bytes,                                                                \
        .scratch_bytes = scratch_bytes,                                                            \
        .forward = id##_forward,                                                                   \
        .backward = id##_backward,                                                                 \
    }

LOSS(mse, DRN_LOSS_MSE, "mse");
LOSS(mae, DRN_LOSS_MAE, "mae");
LOSS(charbonnier, DRN_LOSS_CHARBONNIER, "charbonnier");
LOSS(gradient, DRN_LOSS_GRADIENT, "gradient");
LOSS(gradient_pixel, DRN_LOSS_GRADIENT_PIXEL, "gradient_pixel");
LOSS(gs, DRN_LOSS_GS, "gradient_sensitive");

const drn_op *drn_loss_op(drn_loss_kind kind)
{
    static const drn_op *const ops[] = {&mse, &mae, &charbonnier, &gradient, &gradient_pixel, &gs};
    return ops[kind];
}

void drn_loss_mask(void *mask, const void *target, double *partial, drn_shape s, drn_dtype type,
                   drn_pool *pool)
{
    kernels(type)->mask(mask, target, partial, s, pool);
}
