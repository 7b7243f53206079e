#include "train/trainer.h"

#include "base/mem.h"

#include <math.h>
#include <string.h>

static int world_of(const drn_trainer_config *c)
{
    return c->comm ? drn_comm_world(c->comm) : c->ranks.world > 1 ? c->ranks.world : 1;
}

/* A graph holds what one phase trains: when the phase changes it is built anew. */
static drn_status build_graph(drn_trainer *t, drn_error *err)
{
    const drn_trainer_config *c = &t->config;
    const drn_phase p = drn_phase_at(c, t->step);
    const int32_t batch = p.batch / world_of(c);
    drn_loss_config loss = c->loss;
    drn_net net;
    DRN_TRY(drn_trainer_cuda_net(t, false, err));
    drn_graph_free(t->graph);
    t->graph = NULL;
    t->phase = p;
    loss.kind = p.loss;
    loss.dual_weight = p.dual ? c->dual_weight : 0;
    DRN_TRY(drn_graph_new(&t->graph, DRN_FLOAT32, err));
    t->lr = drn_graph_input(t->graph, (drn_shape){batch, 3, p.patch, p.patch}, false);
    for (int l = 0; l < p.levels; l++) {
        int32_t side = p.patch << (l + 1);
        t->target[l] = drn_graph_input(t->graph, (drn_shape){batch, 3, side, side}, false);
    }
    drn_net_build(&net, t->graph, t->params, &c->model, t->lr, p.levels - 1);
    t->loss = drn_net_loss(t->graph, t->params, &c->model, &loss, &net, t->target, &t->primal);
    drn_graph_output(t->graph, t->primal);
    if (t->cuda)
        return drn_trainer_cuda_net(t, true, err);
    return drn_graph_plan(
        t->graph, &(drn_plan_options){.training = true, .loss = t->loss, .pool = t->pool}, err);
}

static drn_status init(drn_trainer *t, drn_error *err)
{
    const drn_trainer_config *c = &t->config;
    drn_rng rng;
    DRN_TRY(drn_phase_check_ranks(c, world_of(c), err));
    DRN_TRY(drn_pool_new(&t->pool, c->threads, err));
    DRN_TRY(drn_params_new(&t->params, DRN_FLOAT32, err));
    DRN_TRY(drn_net_declare(t->params, &c->model, c->init_scale, err));
    DRN_TRY(drn_params_allocate(t->params, true, err));
    drn_rng_seed(&rng, c->seed, 0x1717);
    drn_params_init(t->params, &rng);
    t->adam = (drn_adam){
        .beta1 = c->beta1, .beta2 = c->beta2, .eps = c->eps, .clip = c->clip, .ema = c->ema};
    DRN_TRY(drn_adam_init(&t->adam, t->params, err));
    DRN_TRY(drn_trainer_cuda_open(t, err));
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
    drn_cuda_train_free(t->cuda);
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

/* Start a step: the graph of its phase, gradients zero.  Losses of two phases do not compare. */
static drn_status begin(drn_trainer *t, drn_error *err)
{
    drn_phase here = drn_phase_at(&t->config, t->step);
    if (t->step > 0) {
        drn_phase before = drn_phase_at(&t->config, t->step - 1);
        if (!drn_phase_equal(&before, &here))
            t->means = 0;
    }
    if (!t->graph || !drn_phase_equal(&t->phase, &here))
        DRN_TRY(build_graph(t, err));
    t->sum_loss = t->sum_primal = 0;
    if (t->cuda)
        return drn_trainer_cuda_push(t, err);
    drn_params_zero_grad(t->params);
    drn_graph_params_changed(t->graph);
    return DRN_OK;
}

drn_status drn_trainer_add(drn_trainer *t, const float *lr, const float *const *target,
                           drn_error *err)
{
    if (t->batches == 0)
        DRN_TRY(begin(t, err));
    if (t->cuda) {
        t->batches++;
        return drn_cuda_train_batch(t->cuda, lr, target, err);
    }
    feed(t, t->lr, lr);
    for (int l = 0; l < t->phase.levels; l++)
        feed(t, t->target[l], target[l]);
    drn_graph_forward(t->graph);
    double loss = (double)*(float *)drn_graph_data(t->graph, t->loss);
    t->batches = isfinite(loss) ? t->batches + 1 : 0;
    if (!isfinite(loss))
        return drn_fail(err, DRN_ERR_NUMERIC, "the loss is not finite at step %lld",
                        (long long)t->step);
    t->sum_loss += loss;
    t->sum_primal += (double)*(float *)drn_graph_data(t->graph, t->primal);
    drn_graph_backward(t->graph);
    return DRN_OK;
}

drn_status drn_trainer_add_at(drn_trainer *t, uint64_t first, unsigned augment, drn_error *err)
{
    if (t->batches == 0)
        DRN_TRY(begin(t, err));
    drn_patch_spec spec = {.scale = t->config.model.scale,
                           .patch = t->phase.patch,
                           .augment = augment,
                           .seed = t->config.seed};
    DRN_TRY(drn_cuda_train_set_spec(t->cuda, &spec, err));
    t->batches++;
    return drn_cuda_train_batch_at(t->cuda, first, err);
}

/* Sums over all ranks. */
static drn_status add_ranks(drn_trainer *t, drn_error *err)
{
    double sums[] = {t->sum_loss, t->sum_primal};
    DRN_TRY(drn_comm_sum_doubles(t->config.comm, sums, 2, err));
    t->sum_loss = sums[0];
    t->sum_primal = sums[1];
    return drn_comm_sum(t->config.comm, t->params->grad, t->params->elements, err);
}

/* Means over several batches and ranks: the sums divided. */
static void take_mean(drn_trainer *t, int batches)
{
    const int parts = batches * drn_comm_world(t->config.comm);
    float *grad = t->params->grad, share = 1.0f / (float)parts;
    if (parts == 1 || t->config.loss.sum)
        return;
    t->sum_loss /= parts;
    t->sum_primal /= parts;
    for (size_t i = 0; i < t->params->elements; i++)
        grad[i] *= share;
}

/* The largest loss a step may have. */
static double spike_limit(const drn_trainer *t)
{
    enum { YOUNG = 20 }; /* steps */
    return t->config.spike > 0 && t->means >= YOUNG ? t->config.spike * t->mean : HUGE_VAL;
}

/* Whether the loss stands out of its running mean, which then learns of it.  A spike counts only as
 * large as the limit, so that a loss that stays high is accepted in the end. */
static bool is_spike(drn_trainer *t, double loss)
{
    enum { MEMORY = 200 }; /* steps */
    double limit = t->config.spike * t->mean;
    bool spike = loss > spike_limit(t);
    t->means += t->means < MEMORY;
    t->mean = t->means == 1 ? 0 : t->mean; /* the first of its phase */
    t->mean += ((spike ? limit : loss) - t->mean) / (double)t->means;
    return spike;
}

drn_status drn_trainer_update(drn_trainer *t, drn_step_result *out, drn_error *err)
{
    const int batches = t->batches;
    t->batches = 0;
    if (!t->cuda) {
        DRN_TRY(add_ranks(t, err));
        take_mean(t, batches);
    }
    *out = (drn_step_result){.loss = t->sum_loss,
                             .primal = t->sum_primal,
                             .rate = drn_schedule_rate(&t->config.schedule, t->step)};
    if (t->cuda)
        DRN_TRY(drn_trainer_cuda_update(t, out, spike_limit(t), err));
    out->skipped = is_spike(t, out->loss);
    if (!out->skipped && !t->cuda)
        DRN_TRY(drn_adam_step(&t->adam, t->params, out->rate, &out->grad_norm, t->pool, err));
    t->skipped += out->skipped;
    t->step++;
    return DRN_OK;
}

drn_status drn_trainer_step(drn_trainer *t, const float *lr, const float *const *target,
                            drn_step_result *out, drn_error *err)
{
    DRN_TRY(drn_trainer_add(t, lr, target, err));
    return drn_trainer_update(t, out, err);
}

int64_t drn_trainer_steps(const drn_trainer *t)
{
    return t->step;
}

const float *drn_trainer_weights(const drn_trainer *t)
{
    return t->adam.average ? t->adam.average : t->params->value;
}

size_t drn_trainer_bytes(const drn_trainer *t)
{
    if (t->cuda)
        return drn_cuda_train_bytes(t->cuda);
    return drn_graph_arena_bytes(t->graph) + drn_graph_state_bytes(t->graph);
}
