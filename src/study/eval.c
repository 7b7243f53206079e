#include "study/eval.h"

#include "base/mem.h"

#include <math.h>
#include <string.h>

static const char *const names[] = {"mse", "mae", "charbonnier", "gradient", "gradient_pixel",
                                    "gs"};

drn_status study_loss_parse(study_loss *out, const char *name, double lambda, drn_error *err)
{
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(names[i], name) == 0) {
            *out = (study_loss){(drn_loss_kind)i, lambda, 0.001, DRN_LOSS_MAE};
            return DRN_OK;
        }
    return drn_fail(
        err, DRN_ERR_INVALID,
        "no loss is called '%.40s'; mse, mae, charbonnier, gradient, gradient_pixel, gs", name);
}

const char *study_loss_name(drn_loss_kind kind)
{
    return names[kind];
}

static double pixel_bound(drn_loss_kind kind, double eps)
{
    return kind == DRN_LOSS_CHARBONNIER ? sqrt(1 + eps * eps) : 1;
}

double study_loss_bound(const study_loss *l)
{
    switch (l->kind) {
    case DRN_LOSS_GRADIENT:
        return 4;
    case DRN_LOSS_GRADIENT_PIXEL:
        return 4 + l->lambda * pixel_bound(l->pixel, l->charbonnier);
    case DRN_LOSS_GS:
        return fmax(4, l->lambda);
    default:
        return pixel_bound(l->kind, l->charbonnier);
    }
}

/* A loss on its own: two pictures in, a number out. */
typedef struct loss_graph {
    drn_graph *g;
    drn_value a, b, out;
} loss_graph;

struct study_eval {
    drn_graph *primal, *dual; /* dual NULL: no dual models */
    drn_value x, y_hat, y_in, x_hat;
    loss_graph l1, l2;
};

static drn_status plan(drn_graph *g, drn_pool *pool, drn_error *err)
{
    return drn_graph_plan(g, &(drn_plan_options){.loss = -1, .pool = pool}, err);
}

static drn_status make_loss(loss_graph *l, const study_loss *o, int side, drn_pool *pool,
                            drn_error *err)
{
    drn_shape s = {1, 3, side, side};
    drn_attr attr = {.alpha = o->lambda, .eps = o->charbonnier, .pixel = (int32_t)o->pixel};
    DRN_TRY(drn_graph_new(&l->g, DRN_FLOAT32, err));
    l->a = drn_graph_input(l->g, s, false);
    l->b = drn_graph_input(l->g, s, false);
    l->out = drn_graph_apply(l->g, drn_loss_op(o->kind), &attr, (drn_value[]){l->a, l->b}, 2);
    drn_graph_output(l->g, l->out);
    return plan(l->g, pool, err);
}

static drn_status make_primal(study_eval *e, drn_params *p, const drn_config *c, int patch,
                              drn_pool *pool, drn_error *err)
{
    drn_net net;
    DRN_TRY(drn_graph_new(&e->primal, DRN_FLOAT32, err));
    e->x = drn_graph_input(e->primal, (drn_shape){1, 3, patch, patch}, false);
    drn_net_build(&net, e->primal, p, c, e->x, drn_net_levels(c) - 1);
    e->y_hat = net.image[net.levels - 1];
    drn_graph_output(e->primal, e->y_hat);
    return plan(e->primal, pool, err);
}

/* D = D_1 o ... o D_L; without `progressive` there is one, of the last level. */
static drn_status make_dual(study_eval *e, drn_params *p, const drn_config *c, int patch,
                            drn_pool *pool, drn_error *err)
{
    int last = drn_net_levels(c) - 1, side = patch * c->scale;
    DRN_TRY(drn_graph_new(&e->dual, DRN_FLOAT32, err));
    drn_value v = e->y_in = drn_graph_input(e->dual, (drn_shape){1, 3, side, side}, false);
    for (int l = last; l >= (c->progressive ? 0 : last); l--)
        v = drn_net_dual(e->dual, p, c, l, v);
    e->x_hat = v;
    drn_graph_output(e->dual, v);
    return plan(e->dual, pool, err);
}

drn_status study_eval_new(study_eval **out, drn_params *params, const drn_config *config,
                          const study_loss *loss, int patch, drn_pool *pool, drn_error *err)
{
    study_eval *e;
    drn_status st = DRN_OK;
    DRN_TRY(drn_calloc_to(&e, 1, sizeof *e, err));
    DRN_CHECK(make_primal(e, params, config, patch, pool, err));
    DRN_CHECK(make_loss(&e->l1, loss, patch * config->scale, pool, err));
    if (config->dual) {
        DRN_CHECK(make_dual(e, params, config, patch, pool, err));
        DRN_CHECK(make_loss(&e->l2, loss, patch, pool, err));
    }
    study_eval_refresh(e);
    *out = e;
    e = NULL;
done:
    study_eval_free(e);
    return st;
}

void study_eval_free(study_eval *e)
{
    if (!e)
        return;
    drn_graph_free(e->primal);
    drn_graph_free(e->dual);
    drn_graph_free(e->l1.g);
    drn_graph_free(e->l2.g);
    drn_free(e);
}

void study_eval_refresh(study_eval *e)
{
    drn_graph_params_changed(e->primal);
    if (e->dual)
        drn_graph_params_changed(e->dual);
}

/* Pictures have fewer than 8 channels, so values stand in plain NCHW. */
static void set_value(drn_graph *g, drn_value v, const float *data)
{
    memcpy(drn_graph_data(g, v), data, drn_elements(drn_graph_shape(g, v)) * sizeof *data);
}

static const float *clamped(drn_graph *g, drn_value v)
{
    float *p = drn_graph_data(g, v);
    size_t n = drn_elements(drn_graph_shape(g, v));
    for (size_t i = 0; i < n; i++)
        p[i] = p[i] < 0 ? 0 : p[i] > 1 ? 1 : p[i];
    return p;
}

static double loss_of(const loss_graph *l, const float *a, const float *b)
{
    set_value(l->g, l->a, a);
    set_value(l->g, l->b, b);
    drn_graph_forward(l->g);
    return (double)*(const float *)drn_graph_data(l->g, l->out);
}

void study_eval_run(double *l1, double *l2, study_eval *e, const float *x, const float *y)
{
    set_value(e->primal, e->x, x);
    drn_graph_forward(e->primal);
    const float *y_hat = clamped(e->primal, e->y_hat);
    *l1 = y ? loss_of(&e->l1, y_hat, y) : (double)NAN;
    *l2 = (double)NAN;
    if (!e->dual)
        return;
    set_value(e->dual, e->y_in, y_hat);
    drn_graph_forward(e->dual);
    *l2 = loss_of(&e->l2, clamped(e->dual, e->x_hat), x);
}
