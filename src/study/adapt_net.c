#include "study/adapt_net.h"

#include "base/mem.h"

#include <math.h>
#include <string.h>

enum { DUAL_CHANNELS = 64 }; /* of dual models made anew; the paper does not say */

static bool is_dual(const drn_param *q)
{
    return strncmp(q->name, "dual", 4) == 0;
}

static drn_status open_params(adapt_net *n, const drn_model *m, uint64_t seed, drn_error *err)
{
    drn_rng rng;
    DRN_TRY(drn_params_new(&n->params, DRN_FLOAT32, err));
    DRN_TRY(drn_net_declare(n->params, &n->config, 1, err));
    DRN_TRY(drn_params_allocate(n->params, true, err));
    drn_rng_seed(&rng, seed, 0xada);
    drn_params_init(n->params, &rng);
    for (size_t i = 0; i < m->params->count; i++) {
        const drn_param *from = &m->params->list[i], *to = drn_params_find(n->params, from->name);
        if (to)
            memcpy(drn_params_value(n->params, to), drn_params_value(m->params, from),
                   from->count * sizeof(float));
    }
    return DRN_OK;
}

drn_status adapt_net_open(adapt_net *n, const drn_model *m, const adapt_net_options *o,
                          drn_error *err)
{
    drn_status st = DRN_OK;
    *n = (adapt_net){.config = m->config, .new_dual = !m->config.dual};
    if (n->new_dual) {
        n->config.dual = true;
        n->config.dual_channels = DUAL_CHANNELS;
    }
    DRN_CHECK(drn_pool_new(&n->pool, o->threads, err));
    DRN_CHECK(open_params(n, m, o->seed, err));
    DRN_CHECK(adapt_net_restart(n, err));
done:
    if (st != DRN_OK)
        adapt_net_close(n);
    return st;
}

void adapt_net_close(adapt_net *n)
{
    for (int k = 0; k < ADAPT_KINDS; k++)
        drn_graph_free(n->graph[k].g);
    drn_adam_clear(&n->adam);
    drn_params_free(n->params);
    drn_pool_free(n->pool);
    *n = (adapt_net){0};
}

/* ---- graphs ---- */

static drn_value term(drn_graph *g, const study_loss *l, drn_value y, drn_value target)
{
    drn_attr a = {.alpha = l->lambda, .eps = l->charbonnier, .pixel = (int32_t)l->pixel};
    return drn_graph_apply(g, drn_loss_op(l->kind), &a, (drn_value[]){y, target}, 2);
}

static drn_value plus(drn_graph *g, drn_value sum, drn_value x)
{
    return sum < 0 ? x : drn_graph_apply(g, &drn_op_add, NULL, (drn_value[]){sum, x}, 2);
}

static drn_value times(drn_graph *g, drn_value x, double w)
{
    return w == 1 ? x : drn_graph_apply(g, &drn_op_scale, &(drn_attr){.alpha = w}, &x, 1);
}

/* image[l] are predictions or true pictures; below[l] what D_l of it is compared with. */
static drn_value dual_terms(drn_graph *g, adapt_net *n, const study_loss *l, const drn_value *image,
                            const drn_value *below)
{
    int last = drn_net_levels(&n->config) - 1;
    drn_value sum = -1;
    for (int k = n->config.progressive ? 0 : last; k <= last; k++)
        sum =
            plus(g, sum, term(g, l, drn_net_dual(g, n->params, &n->config, k, image[k]), below[k]));
    return sum;
}

static drn_value unpaired_loss(adapt_graph *a, adapt_net *n, const adapt_net_options *o)
{
    drn_net net;
    drn_value below[DRN_MAX_LEVELS];
    drn_net_build(&net, a->g, n->params, &n->config, a->lr, drn_net_levels(&n->config) - 1);
    for (int l = 0; l < net.levels; l++)
        below[l] = n->config.progressive && l > 0
                       ? drn_graph_apply(a->g, &drn_op_detach, NULL, &net.image[l - 1], 1)
                       : a->lr;
    return times(a->g, dual_terms(a->g, n, &o->loss, net.image, below), o->dual_weight);
}

static drn_value paired_loss(adapt_graph *a, adapt_net *n, const adapt_net_options *o)
{
    drn_net net;
    drn_loss_config c = {.kind = o->loss.kind,
                         .dual_kind = o->loss.kind,
                         .lambda = o->loss.lambda,
                         .charbonnier = o->loss.charbonnier,
                         .pixel = o->loss.pixel,
                         .dual_weight = o->dual_weight,
                         .dual_true_lr = true};
    drn_net_build(&net, a->g, n->params, &n->config, a->lr, drn_net_levels(&n->config) - 1);
    return drn_net_loss(a->g, n->params, &n->config, &c, &net, a->target, NULL);
}

static drn_value dual_loss(adapt_graph *a, adapt_net *n, const adapt_net_options *o)
{
    drn_value below[DRN_MAX_LEVELS];
    for (int l = 0; l < drn_net_levels(&n->config); l++)
        below[l] = n->config.progressive && l > 0 ? a->target[l - 1] : a->lr;
    return dual_terms(a->g, n, &o->loss, a->target, below);
}

drn_status adapt_net_graph(adapt_net *n, adapt_kind kind, const adapt_net_options *o,
                           drn_error *err)
{
    adapt_graph *a = &n->graph[kind];
    DRN_TRY(drn_graph_new(&a->g, DRN_FLOAT32, err));
    a->lr = drn_graph_input(a->g, (drn_shape){o->batch, 3, o->patch, o->patch}, false);
    for (int l = 0; l < DRN_MAX_LEVELS; l++) {
        bool used = kind != ADAPT_UNPAIRED && l < drn_net_levels(&n->config);
        int32_t side = o->patch << (l + 1);
        a->target[l] =
            used ? drn_graph_input(a->g, (drn_shape){o->batch, 3, side, side}, false) : -1;
    }
    a->loss = kind == ADAPT_PAIRED     ? paired_loss(a, n, o)
              : kind == ADAPT_UNPAIRED ? unpaired_loss(a, n, o)
                                       : dual_loss(a, n, o);
    return drn_graph_plan(
        a->g, &(drn_plan_options){.training = true, .loss = a->loss, .pool = n->pool}, err);
}

/* ---- steps ---- */

drn_status adapt_net_restart(adapt_net *n, drn_error *err)
{
    drn_adam_clear(&n->adam);
    n->adam = (drn_adam){.beta1 = 0.9, .beta2 = 0.99, .eps = 1e-8, .clip = 1};
    drn_params_zero_grad(n->params);
    return drn_adam_init(&n->adam, n->params, err);
}

static void feed(drn_graph *g, drn_value v, const float *data)
{
    memcpy(drn_graph_data(g, v), data, drn_elements(drn_graph_shape(g, v)) * sizeof *data);
}

drn_status adapt_net_add(double *loss, adapt_net *n, adapt_kind kind, const float *lr,
                         const float *const *target, drn_error *err)
{
    adapt_graph *a = &n->graph[kind];
    feed(a->g, a->lr, lr);
    for (int l = 0; l < DRN_MAX_LEVELS; l++)
        if (a->target[l] >= 0)
            feed(a->g, a->target[l], target[l]);
    drn_graph_params_changed(a->g);
    drn_graph_forward(a->g);
    *loss = (double)*(const float *)drn_graph_data(a->g, a->loss);
    if (!isfinite(*loss))
        return drn_fail(err, DRN_ERR_NUMERIC,
                        "the loss is not finite after %lld steps; a smaller rate may help",
                        (long long)n->adam.t);
    drn_graph_backward(a->g);
    return DRN_OK;
}

drn_status adapt_net_step(adapt_net *n, double rate, bool primal, bool dual, drn_error *err)
{
    double norm;
    for (size_t i = 0; i < n->params->count; i++) {
        const drn_param *q = &n->params->list[i];
        if (!(is_dual(q) ? dual : primal)) /* with no gradient ever, Adam's step is exactly 0 */
            memset(drn_params_grad(n->params, q), 0, q->count * sizeof(float));
    }
    DRN_TRY(drn_adam_step(&n->adam, n->params, rate, &norm, n->pool, err));
    drn_params_zero_grad(n->params);
    return DRN_OK;
}
