#include "graph/params.h"

#include "base/mem.h"

#include <string.h>

drn_status drn_params_new(drn_params **out, drn_dtype type, drn_error *err)
{
    drn_params *p;
    DRN_TRY(drn_calloc_to(&p, 1, sizeof *p, err));
    p->type = type;
    *out = p;
    return DRN_OK;
}

void drn_params_free(drn_params *p)
{
    if (!p)
        return;
    drn_free(p->list);
    drn_free(p->value);
    drn_free(p->grad);
    drn_free(p);
}

static drn_status grow(drn_params *p, drn_error *err)
{
    if (p->count < p->capacity)
        return DRN_OK;
    size_t bigger = p->capacity ? 2 * p->capacity : 64;
    drn_param *list;
    DRN_TRY(drn_alloc_to(&list, bigger, sizeof *list, err));
    if (p->count)
        memcpy(list, p->list, p->count * sizeof *list);
    drn_free(p->list);
    p->list = list;
    p->capacity = bigger;
    return DRN_OK;
}

drn_status drn_params_add(drn_params *p, const char *name, drn_shape s, double init_std,
                          double init_value, drn_error *err)
{
    if (strlen(name) >= sizeof p->list->name)
        return drn_fail(err, DRN_ERR_INVALID, "parameter name '%s' is too long", name);
    if (drn_params_find(p, name))
        return drn_fail(err, DRN_ERR_INVALID, "parameter '%s' is declared twice", name);
    if (s.n < 1 || s.c < 1 || s.h < 1 || s.w < 1)
        return drn_fail(err, DRN_ERR_INVALID, "parameter '%s' has the shape %dx%dx%dx%d", name, s.n, s.c,
                        s.h, s.w);
    DRN_TRY(grow(p, err));
    drn_param *q = &p->list[p->count];
    *q = (drn_param){.shape = s, .offset = p->elements, .init_std = init_std, .init_value = init_value};
    strcpy(q->name, name);
    DRN_TRY(drn_size_mul(&q->count, (size_t)s.n * (size_t)s.c, (size_t)s.h * (size_t)s.w, err));
    size_t end;
    DRN_TRY(drn_size_add(&end, p->elements, q->count + 15, err));
    p->elements = end / 16 * 16;
    p->count++;
    return DRN_OK;
}

drn_status drn_params_allocate(drn_params *p, bool gradients, drn_error *err)
{
    size_t size = drn_dtype_size(p->type);
    if (!p->value)
        DRN_TRY(drn_calloc_to(&p->value, p->elements, size, err));
    if (gradients && !p->grad)
        DRN_TRY(drn_calloc_to(&p->grad, p->elements, size, err));
    return DRN_OK;
}

void drn_params_init(drn_params *p, drn_rng *rng)
{
    for (size_t i = 0; i < p->count; i++) {
        const drn_param *q = &p->list[i];
        void *v = drn_params_value(p, q);
        for (size_t j = 0; j < q->count; j++) {
            double x = q->init_std > 0 ? q->init_std * drn_rng_normal(rng) : q->init_value;
            if (p->type == DRN_FLOAT64)
                ((double *)v)[j] = x;
            else
                ((float *)v)[j] = (float)x;
        }
    }
}

const drn_param *drn_params_find(const drn_params *p, const char *name)
{
    for (size_t i = 0; i < p->count; i++)
        if (strcmp(p->list[i].name, name) == 0)
            return &p->list[i];
    return NULL;
}

void *drn_params_value(const drn_params *p, const drn_param *q)
{
    return (char *)p->value + q->offset * drn_dtype_size(p->type);
}

void *drn_params_grad(const drn_params *p, const drn_param *q)
{
    return p->grad ? (char *)p->grad + q->offset * drn_dtype_size(p->type) : NULL;
}

void drn_params_zero_grad(drn_params *p)
{
    if (p->grad)
        memset(p->grad, 0, p->elements * drn_dtype_size(p->type));
}

size_t drn_params_learned(const drn_params *p)
{
    size_t n = 0;
    for (size_t i = 0; i < p->count; i++)
        n += p->list[i].count;
    return n;
}
