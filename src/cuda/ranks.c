/* Several GPUs, a process each: who this process is, meeting the others, and ending together. */
#include "cuda/train.h"

#include "base/mem.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- who this process is ---- */

enum { MOST_RANKS = 4096 };

/* Variables of a launcher, in the order in which they are asked. */
static const struct launcher {
    const char *rank, *world, *local;
} launchers[] = {
    {"DRN_RANK", "DRN_WORLD", "DRN_LOCAL_RANK"},
    {"OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_LOCAL_RANK"},
    {"PMI_RANK", "PMI_SIZE", "MPI_LOCALRANKID"},
    /* not SLURM_NTASKS: it is set in a batch script, too, which is one process */
    {"SLURM_PROCID", "SLURM_STEP_NUM_TASKS", "SLURM_LOCALID"},
    {"RANK", "WORLD_SIZE", "LOCAL_RANK"},
};

static const char *text_of(const char *name)
{
    const char *text = getenv(name);
    return text && *text ? text : NULL;
}

static drn_status number(int *out, const char *name, int most, drn_error *err)
{
    const char *text = text_of(name);
    char *end = NULL;
    long n = text ? strtol(text, &end, 10) : -1;
    if (!text || *end || n < 0 || n > most)
        return drn_fail(err, DRN_ERR_INVALID, "%s is '%.40s', must be a number from 0 to %d", name, text ? text : "", most);
    *out = (int)n;
    return DRN_OK;
}

static drn_status read_launcher(drn_cuda_ranks *r, const struct launcher *l, drn_error *err)
{
    if (!text_of(l->rank) || !text_of(l->world))
        return drn_fail(err, DRN_ERR_INVALID, "%s is set, %s is not: several processes need both",
                        text_of(l->rank) ? l->rank : l->world, text_of(l->rank) ? l->world : l->rank);
    DRN_TRY(number(&r->world, l->world, MOST_RANKS, err));
    DRN_TRY(number(&r->rank, l->rank, MOST_RANKS - 1, err));
    if (r->world < 1 || r->rank >= r->world)
        return drn_fail(err, DRN_ERR_INVALID, "%s is %d, %s is %d: ranks count from 0", l->rank, r->rank, l->world, r->world);
    r->local = r->rank;
    return text_of(l->local) ? number(&r->local, l->local, MOST_RANKS - 1, err) : DRN_OK;
}

drn_status drn_cuda_ranks_get(drn_cuda_ranks *r, drn_error *err)
{
    *r = (drn_cuda_ranks){.world = 1};
    for (size_t i = 0; i < sizeof launchers / sizeof *launchers; i++) {
        const struct launcher *l = &launchers[i];
        bool rank = text_of(l->rank) != NULL, world = text_of(l->world) != NULL;
        if (i == 0 ? rank || world : rank && world) /* others set a part of theirs for other ends */
            return read_launcher(r, l, err);
    }
    return DRN_OK;
}

/* ---- meeting, parting ---- */

static drn_status broadcast(drn_cuda_train *t, drn_error *err)
{
    float *const vectors[] = {t->dev_params.value, t->m, t->v, t->average};
    for (int i = 0; i < 4; i++)
        if (vectors[i])
            DRN_TRY(drn_nccl_broadcast(t->nccl, vectors[i], t->params->elements, t->dev->stream, err));
    return drn_nccl_wait(t->nccl, t->dev->stream, t->meeting, err);
}

static drn_status join(drn_cuda_train *t, const drn_cuda_ranks *r, const char *folder, uint64_t same, drn_error *err)
{
    unsigned char id[DRN_NCCL_ID] = {0};
    DRN_TRY(drn_nccl_open(&t->nccl, err));
    if (r->rank == 0)
        DRN_TRY(drn_nccl_make_id(t->nccl, id, err));
    if (r->world > 1)
        DRN_TRY(drn_meeting_open(&t->meeting, folder, r, id, same, err));
    DRN_TRY(drn_nccl_join(t->nccl, r->rank, r->world, id, err));
    if (t->meeting)
        drn_meeting_done(t->meeting);
    t->world = r->world;
    return broadcast(t, err);
}

drn_status drn_cuda_train_join(drn_cuda_train *t, const drn_cuda_ranks *r, const char *folder, uint64_t same,
                               drn_error *err)
{
    drn_error local = {0};
    const char *single = getenv("DRN_NCCL_SINGLE");
    if (r->world == 1 && (!single || strcmp(single, "1") != 0))
        return DRN_OK;
    drn_status st = join(t, r, folder, same, &local);
    if (st == DRN_OK)
        return DRN_OK;
    drn_cuda_train_fail(t, local.message);
    return drn_fail(err, st, "%s", local.message);
}

/* NCCL waits for the end of the graphs it is captured in; one that is under way ends with the abort. */
static void leave(drn_cuda_train *t)
{
    drn_cuda_train_drop_graphs(t);
    drn_nccl_abort(t->nccl);
}

void drn_cuda_train_fail(drn_cuda_train *t, const char *message)
{
    if (!t || !t->nccl)
        return;
    if (t->meeting)
        drn_meeting_fail(t->meeting, message);
    leave(t);
}

bool drn_cuda_train_joined(const drn_cuda_train *t)
{
    return t->nccl != NULL;
}

/* Wait for what is on the stream; with other ranks also for their share of it. */
drn_status drn_cuda_train_wait(drn_cuda_train *t, const char *what, drn_error *err)
{
    if (t->nccl) {
        drn_status st = drn_nccl_wait(t->nccl, t->dev->stream, t->meeting, err);
        if (st != DRN_OK)
            leave(t);
        return st;
    }
    DRN_CUDA_TRY(cudaStreamSynchronize(t->dev->stream), what);
    return DRN_OK;
}
