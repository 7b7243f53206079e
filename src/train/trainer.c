#include "train/trainer.h"

#include "base/mem.h"
#include "models/model.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool wants_dual(const drn_trainer *t)
{
    return t->config.model.dual && t->config.dual_weight > 0 && t->adam.t >= t->config.dual_start;
}

/* The dual terms switch on at a step: then the graph is built anew. */
static drn_status build_graph(drn_trainer *t, drn_error *err)
{
    const drn_trainer_config *c = &t->config;
    drn_loss_config loss = c->loss;
    drn_net net;
    int levels = drn_net_levels(&c->model);
    drn_graph_free(t->graph);
    t->graph = NULL;
    t->graph_dual = wants_dual(t);
    loss.dual_weight = t->graph_dual ? c->dual_weight : 0;
    DRN_TRY(drn_graph_new(&t->graph, DRN_FLOAT32, err));
    t->lr = drn_graph_input(t->graph, (drn_shape){c->batch, 3, c->patch, c->patch}, false);
    for (int l = 0; l < levels; l++) {
        int32_t side = c->patch << (l + 1);
        t->target[l] = drn_graph_input(t->graph, (drn_shape){c->batch, 3, side, side}, false);
    }
    drn_net_build(&net, t->graph, t->params, &c->model, t->lr, levels - 1);
    t->loss = drn_net_loss(t->graph, t->params, &c->model, &loss, &net, t->target, &t->primal);
    drn_graph_output(t->graph, t->primal);
    return drn_graph_plan(
        t->graph, &(drn_plan_options){.training = true, .loss = t->loss, .pool = t->pool}, err);
}

static drn_status init(drn_trainer *t, drn_error *err)
{
    const drn_trainer_config *c = &t->config;
    drn_rng rng;
    DRN_TRY(drn_pool_new(&t->pool, c->threads, err));
    DRN_TRY(drn_params_new(&t->params, DRN_FLOAT32, err));
    DRN_TRY(drn_net_declare(t->params, &c->model, c->init_scale, err));
    DRN_TRY(drn_params_allocate(t->params, true, err));
    drn_rng_seed(&rng, c->seed, 0x1717);
    drn_params_init(t->params, &rng);
    t->adam = (drn_adam){
        .beta1 = c->beta1, .beta2 = c->beta2, .eps = c->eps, .clip = c->clip, .ema = c->ema};
    DRN_TRY(drn_adam_init(&t->adam, t->params, err));
    return build_graph(t, err);
}

drn_status drn_trainer_new(drn_trainer **out, const drn_trainer_config *config, drn_error *err)
{
    drn_trainer *t;
    DRN_TRY(drn_calloc_to(&t, 1, sizeof *t, err));
    t->config = *config;
    drn_status st = init(t, err);
    if (st != DRN_OK)
        drn_trainer_free(t);
    else
        *out = t;
    return st;
}

void drn_trainer_free(drn_trainer *t)
{
    if (!t)
        return;
    drn_graph_free(t->graph);
    drn_adam_clear(&t->adam);
    drn_params_free(t->params);
    drn_pool_free(t->pool);
    drn_free(t);
}

static void feed(drn_trainer *t, drn_value v, const float *data)
{
    memcpy(drn_graph_data(t->graph, v), data,
           drn_elements(drn_graph_shape(t->graph, v)) * sizeof(float));
}

drn_status drn_trainer_step(drn_trainer *t, const float *lr, const float *const *target,
                            drn_step_result *out, drn_error *err)
{
    if (t->graph_dual != wants_dual(t))
        DRN_TRY(build_graph(t, err));
    feed(t, t->lr, lr);
    for (int l = 0; l < drn_net_levels(&t->config.model); l++)
        feed(t, t->target[l], target[l]);
    drn_graph_params_changed(t->graph);
    drn_graph_forward(t->graph);
    out->loss = (double)*(float *)drn_graph_data(t->graph, t->loss);
    out->primal = (double)*(float *)drn_graph_data(t->graph, t->primal);
    if (!isfinite(out->loss))
        return drn_fail(err, DRN_ERR_NUMERIC, "the loss is not finite at step %lld",
                        (long long)t->adam.t);
    drn_params_zero_grad(t->params);
    drn_graph_backward(t->graph);
    out->rate = drn_schedule_rate(&t->config.schedule, t->adam.t);
    return drn_adam_step(&t->adam, t->params, out->rate, &out->grad_norm, t->pool, err);
}

int64_t drn_trainer_steps(const drn_trainer *t)
{
    return t->adam.t;
}

const float *drn_trainer_weights(const drn_trainer *t)
{
    return t->adam.average ? t->adam.average : t->params->value;
}

drn_status drn_trainer_save(const drn_trainer *t, drn_st_writer *w, drn_error *err)
{
    char step[24];
    snprintf(step, sizeof step, "%lld", (long long)t->adam.t);
    DRN_TRY(drn_st_writer_meta(w, "drn.checkpoint.step", step, err));
    DRN_TRY(drn_config_write(w, &t->config.model, err));
    DRN_TRY(drn_params_write(w, t->params, t->params->value, "w.", DRN_ST_F32, err));
    DRN_TRY(drn_params_write(w, t->params, t->adam.m, "adam.m.", DRN_ST_F32, err));
    DRN_TRY(drn_params_write(w, t->params, t->adam.v, "adam.v.", DRN_ST_F32, err));
    if (t->adam.average)
        DRN_TRY(drn_params_write(w, t->params, t->adam.average, "ema.", DRN_ST_F32, err));
    return DRN_OK;
}

static bool same_architecture(const drn_config *a, const drn_config *b)
{
    return a->scale == b->scale && a->channels == b->channels && a->modules == b->modules &&
           a->progressive == b->progressive && a->dual == b->dual && a->skip == b->skip &&
           (!a->dual || a->dual_channels == b->dual_channels);
}

drn_status drn_trainer_load(drn_trainer *t, const drn_safetensors *st, drn_error *err)
{
    const char *file = drn_safetensors_name(st),
               *step = drn_safetensors_meta(st, "drn.checkpoint.step");
    drn_config c;
    char *end = NULL;
    DRN_TRY(drn_config_from_metadata(&c, st, err));
    long long n = step ? strtoll(step, &end, 10) : -1;
    if (n < 0 || end == step || *end)
        return drn_fail(err, DRN_ERR_FORMAT,
                        "%s: no checkpoint (metadata has no drn.checkpoint.step)", file);
    if (!same_architecture(&c, &t->config.model))
        return drn_fail(
            err, DRN_ERR_FORMAT,
            "%s: checkpoint of another architecture (x%d, %d channels, %d modules; the recipe has "
            "x%d, %d, %d)",
            file, c.scale, c.channels, c.modules, t->config.model.scale, t->config.model.channels,
            t->config.model.modules);
    DRN_TRY(drn_params_read(t->params->value, t->params, st, "w.", err));
    DRN_TRY(drn_params_read(t->adam.m, t->params, st, "adam.m.", err));
    DRN_TRY(drn_params_read(t->adam.v, t->params, st, "adam.v.", err));
    if (t->adam.average)
        DRN_TRY(drn_params_read(t->adam.average, t->params, st, "ema.", err));
    t->adam.t = n;
    return DRN_OK;
}

size_t drn_trainer_bytes(const drn_trainer *t)
{
    return drn_graph_arena_bytes(t->graph) + drn_graph_state_bytes(t->graph);
}
