/* The mean of two models' weights. */
#include "drn/export.h"

#include "models/model.h"

drn_status drn_model_average(drn_model *model, const drn_model *other, double share, drn_error *err)
{
    const drn_config *a = &model->config, *b = &other->config;
    if (!(share >= 0 && share <= 1))
        return drn_fail(err, DRN_ERR_INVALID, "a share of %g of the weights, must be 0..1", share);
    if (a->channels != b->channels || a->modules != b->modules || a->skip != b->skip)
        return drn_fail(err, DRN_ERR_INVALID,
                        "%s has %d channels, %d modules a block; %s has %d and %d: no mean of such weights", model->name,
                        a->channels, a->modules, other->name, b->channels, b->modules);
    for (size_t i = 0; i < model->params->count; i++) {
        const drn_param *p = &model->params->list[i], *q = drn_params_find(other->params, p->name);
        if (!q || !drn_shape_equal(p->shape, q->shape))
            continue;
        float *to = drn_params_value(model->params, p);
        const float *from = drn_params_value(other->params, q);
        for (size_t k = 0; k < p->count; k++)
            to[k] = (float)((1 - share) * (double)to[k] + share * (double)from[k]);
    }
    return DRN_OK;
}
