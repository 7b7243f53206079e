/* A build without CUDA: the device cannot be opened, so nothing else is ever called with one. */
#include "cuda/cuda.h"

static drn_status none(drn_error *err)
{
    return drn_fail(err, DRN_ERR_UNSUPPORTED, "this build has no CUDA (configure with -DDRN_WITH_CUDA=ON); --device cpu "
                                              "or auto works without");
}

drn_status drn_cuda_open(drn_cuda **out, drn_numbers precision, drn_error *err)
{
    (void)out;
    (void)precision;
    return none(err);
}

void drn_cuda_close(drn_cuda *d)
{
    (void)d;
}

const char *drn_cuda_name(const drn_cuda *d)
{
    (void)d;
    return "";
}

drn_status drn_cuda_get_info(drn_cuda_info *info, drn_cuda *d, drn_error *err)
{
    (void)info, (void)d;
    return none(err);
}

size_t drn_cuda_arena_budget(drn_cuda *d)
{
    (void)d;
    return 0;
}

const drn_backend drn_cuda_backend = {0};

drn_status drn_cuda_train_new(drn_cuda_train **out, drn_cuda *d, drn_params *params, drn_adam *adam, drn_error *err)
{
    (void)out, (void)d, (void)params, (void)adam;
    return none(err);
}

void drn_cuda_train_free(drn_cuda_train *t)
{
    (void)t;
}

drn_status drn_cuda_train_push(drn_cuda_train *t, drn_error *err)
{
    (void)t;
    return none(err);
}

drn_status drn_cuda_train_pull(drn_cuda_train *t, drn_error *err)
{
    (void)t;
    return none(err);
}

drn_status drn_cuda_train_set_net(drn_cuda_train *t, const drn_cuda_net *net, drn_error *err)
{
    (void)t, (void)net;
    return none(err);
}

drn_status drn_cuda_train_batch(drn_cuda_train *t, const float *lr, const float *const *target, drn_error *err)
{
    (void)t, (void)lr, (void)target;
    return none(err);
}

drn_status drn_cuda_train_batch_at(drn_cuda_train *t, uint64_t first, drn_error *err)
{
    (void)t, (void)first;
    return none(err);
}

drn_status drn_cuda_train_update(drn_cuda_train *t, const drn_cuda_update *u, drn_cuda_updated *out, drn_error *err)
{
    (void)t, (void)u, (void)out;
    return none(err);
}

drn_status drn_cuda_train_load(drn_cuda_train *t, drn_dataset *d, drn_pool *pool, drn_error *err)
{
    (void)t, (void)d, (void)pool;
    return none(err);
}

drn_status drn_cuda_train_set_spec(drn_cuda_train *t, const drn_patch_spec *spec, drn_error *err)
{
    (void)t, (void)spec;
    return none(err);
}

drn_status drn_cuda_train_last_batch(drn_cuda_train *t, float *lr, float *const *target, drn_error *err)
{
    (void)t, (void)lr, (void)target;
    return none(err);
}

size_t drn_cuda_train_bytes(const drn_cuda_train *t)
{
    (void)t;
    return 0;
}

void drn_cuda_train_describe(const drn_cuda_train *t, drn_cuda_line_fn line, void *ctx)
{
    (void)t, (void)line, (void)ctx;
}

drn_status drn_cuda_time_forward(double *ms, drn_graph *g, drn_cuda *d, int repeats, drn_error *err)
{
    (void)ms, (void)g, (void)d, (void)repeats;
    return none(err);
}

drn_status drn_cuda_ranks_get(drn_cuda_ranks *r, drn_error *err)
{
    (void)r;
    return none(err);
}

drn_status drn_cuda_train_join(drn_cuda_train *t, const drn_cuda_ranks *r, const char *folder, uint64_t same,
                               drn_error *err)
{
    (void)t, (void)r, (void)folder, (void)same;
    return none(err);
}

bool drn_cuda_train_joined(const drn_cuda_train *t)
{
    (void)t;
    return false;
}

void drn_cuda_train_fail(drn_cuda_train *t, const char *message)
{
    (void)t, (void)message;
}
