/* The trainer on a GPU: the graph is planned and stepped there, the host's vectors are copies. */
#include "train/trainer.h"

#include <string.h>

drn_status drn_trainer_cuda_open(drn_trainer *t, drn_error *err)
{
    if (!t->config.device)
        return DRN_OK;
    return drn_cuda_train_new(&t->cuda, t->config.device, t->params, &t->adam, err);
}

drn_status drn_trainer_cuda_net(drn_trainer *t, bool net, drn_error *err)
{
    drn_cuda_net n = {.graph = NULL};
    if (!t->cuda)
        return DRN_OK;
    if (net) {
        DRN_TRY(drn_graph_prepare(t->graph, &(drn_plan_options){.training = true, .loss = t->loss, .pool = t->pool}, err));
        n = (drn_cuda_net){.graph = t->graph, .lr = t->lr, .loss = t->loss, .primal = t->primal, .levels = t->phase.levels};
        for (int l = 0; l < n.levels; l++)
            n.target[l] = t->target[l];
    }
    return drn_cuda_train_set_net(t->cuda, &n, err);
}

drn_status drn_trainer_cuda_push(drn_trainer *t, drn_error *err)
{
    if (t->host_newer)
        DRN_TRY(drn_cuda_train_push(t->cuda, err));
    t->host_newer = false;
    return DRN_OK;
}

drn_status drn_trainer_cuda_update(drn_trainer *t, drn_step_result *out, double limit, drn_error *err)
{
    drn_cuda_updated r;
    drn_cuda_update u = {.rate = out->rate, .limit = limit, .sum = t->config.loss.sum};
    memcpy(u.wishes, t->wishes, sizeof u.wishes);
    DRN_TRY(drn_cuda_train_update(t->cuda, &u, &r, err));
    memcpy(t->granted, r.wishes, sizeof t->granted);
    out->loss = r.loss;
    out->primal = r.primal;
    out->grad_norm = r.grad_norm;
    return DRN_OK;
}

drn_status drn_trainer_pull(drn_trainer *t, drn_error *err)
{
    return t->cuda && !t->host_newer ? drn_cuda_train_pull(t->cuda, err) : DRN_OK;
}

drn_status drn_trainer_load_pictures(drn_trainer *t, drn_dataset *d, bool *loaded, drn_error *err)
{
    drn_error local = {0};
    *loaded = false;
    if (!t->cuda)
        return DRN_OK;
    drn_status st = drn_cuda_train_load(t->cuda, d, t->pool, &local);
    *loaded = st == DRN_OK;
    if (st == DRN_OK || st == DRN_ERR_NOMEM)
        return DRN_OK;
    return drn_fail(err, st, "%s", local.message);
}

/* ---- several GPUs ---- */

drn_status drn_trainer_join(drn_trainer *t, const char *folder, uint64_t same, drn_error *err)
{
    if (!t->cuda)
        return DRN_OK;
    DRN_TRY(drn_trainer_cuda_push(t, err));
    return drn_cuda_train_join(t->cuda, &t->config.ranks, folder, same ^ (uint64_t)t->step, err);
}

bool drn_trainer_wish(drn_trainer *t, drn_wish what, bool wanted)
{
    if (!t->cuda || !drn_cuda_train_joined(t->cuda))
        return wanted;
    t->wishes[what] |= wanted;
    return t->granted[what];
}

void drn_trainer_fail(drn_trainer *t, const char *message)
{
    if (t && t->cuda)
        drn_cuda_train_fail(t->cuda, message);
}
