/* Adam on the flat parameter vector, gradient clipping, the moving average of the weights, and the
 * learning rate over time. */
#ifndef DRN_OPTIM_OPTIM_H
#define DRN_OPTIM_OPTIM_H

#include "base/pool.h"
#include "graph/params.h"

typedef enum drn_schedule_kind {
    DRN_SCHEDULE_COSINE = 0,
    DRN_SCHEDULE_STEP = 1,
    DRN_SCHEDULE_CONSTANT = 2
} drn_schedule_kind;

typedef struct drn_schedule {
    drn_schedule_kind kind;
    double lr, lr_min;   /* first and (cosine) last rate */
    int64_t warmup;      /* steps of linear rise from 0 */
    int64_t steps;       /* cosine: length of the run */
    int64_t step_every;  /* step: multiply by step_factor every so many steps */
    double step_factor;
} drn_schedule;

/* Rate of step t, t = 0, 1, ... */
double drn_schedule_rate(const drn_schedule *s, int64_t t);

typedef struct drn_adam {
    double beta1, beta2, eps;
    double clip; /* largest global norm of the gradient; 0: no limit */
    double ema;  /* decay of the averaged weights; 0: none */
    int64_t t;   /* steps done */
    size_t elements;
    float *m, *v, *average; /* [elements]; average NULL without EMA */
} drn_adam;

/* Settings are taken from the fields already filled in; vectors become 0, average = weights. */
drn_status drn_adam_init(drn_adam *a, const drn_params *p, drn_error *err);
void drn_adam_clear(drn_adam *a);

/* One step with p->grad.  norm receives the gradient's global l2 norm before clipping; when it is not
 * finite nothing is changed and DRN_ERR_NUMERIC returned. */
drn_status drn_adam_step(drn_adam *a, drn_params *p, double lr, double *norm, drn_pool *pool, drn_error *err);

#endif
