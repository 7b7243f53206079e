#include "optim/optim.h"

#include "base/mem.h"
#include "kernels/kernels.h"

#include <math.h>
#include <string.h>

double drn_schedule_rate(const drn_schedule *s, int64_t t)
{
    if (t < s->warmup)
        return s->lr * (double)(t + 1) / (double)s->warmup;
    if (s->kind == DRN_SCHEDULE_STEP && s->step_every > 0)
        return s->lr * pow(s->step_factor, (double)(t / s->step_every));
    if (s->kind != DRN_SCHEDULE_COSINE || s->steps <= s->warmup)
        return s->lr;
    double x = (double)(t - s->warmup) / (double)(s->steps - s->warmup);
    x = x < 1 ? x : 1;
    return s->lr_min + (s->lr - s->lr_min) * 0.5 * (1 + cos(3.14159265358979323846 * x));
}

drn_status drn_adam_init(drn_adam *a, const drn_params *p, drn_error *err)
{
    a->t = 0;
    a->elements = p->elements;
    a->m = a->v = a->average = NULL;
    DRN_TRY(drn_calloc_to(&a->m, p->elements, sizeof(float), err));
    DRN_TRY(drn_calloc_to(&a->v, p->elements, sizeof(float), err));
    if (a->ema > 0) {
        DRN_TRY(drn_alloc_to(&a->average, p->elements, sizeof(float), err));
        memcpy(a->average, p->value, p->elements * sizeof(float));
    }
    return DRN_OK;
}

void drn_adam_clear(drn_adam *a)
{
    drn_free(a->m);
    drn_free(a->v);
    drn_free(a->average);
    a->m = a->v = a->average = NULL;
}

drn_status drn_adam_step(drn_adam *a, drn_params *p, double lr, double *norm, drn_pool *pool, drn_error *err)
{
    const drn_kernels *k = drn_kernels_get(DRN_FLOAT32);
    *norm = sqrt(k->sum_squares(p->grad, p->elements, pool));
    if (!isfinite(*norm))
        return drn_fail(err, DRN_ERR_NUMERIC, "the gradient is not finite at step %lld", (long long)a->t);
    double scale = a->clip > 0 && *norm > a->clip ? a->clip / *norm : 1;
    a->t++;
    k->adam(p->value, p->grad, a->m, a->v, scale, lr, a->beta1, a->beta2, a->eps, a->t, p->elements, pool);
    if (a->average) {
        /* young averages follow closely, so that the start does not linger */
        double young = (1.0 + (double)a->t) / (10.0 + (double)a->t);
        k->ema(a->average, p->value, young < a->ema ? young : a->ema, p->elements, pool);
    }
    return DRN_OK;
}
