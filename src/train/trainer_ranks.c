/* The trainers of several ranks: one state, told apart by nothing. */
#include "train/trainer.h"

/* Numbers of the state besides the vectors. */
typedef struct counts {
    int64_t step, skipped, adam_t, means;
    double mean;
} counts;

drn_status drn_trainer_spread(drn_trainer *t, drn_error *err)
{
    drn_comm *comm = t->config.comm;
    void *vectors[] = {t->params->value, t->adam.m, t->adam.v, t->adam.average};
    counts n = {t->step, t->skipped, t->adam.t, t->means, t->mean};
    if (!comm)
        return DRN_OK;
    for (int i = 0; i < 4; i++)
        if (vectors[i])
            DRN_TRY(drn_comm_broadcast(comm, vectors[i], t->params->elements * sizeof(float), err));
    DRN_TRY(drn_comm_broadcast(comm, &n, sizeof n, err));
    t->step = n.step;
    t->skipped = n.skipped;
    t->adam.t = n.adam_t;
    t->means = n.means;
    t->mean = n.mean;
    t->host_newer = true;
    t->batches = 0;
    return DRN_OK;
}

uint64_t drn_trainer_fingerprint(const drn_trainer *t)
{
    return drn_comm_fingerprint((uint64_t)t->step, t->params->value,
                                t->params->elements * sizeof(float));
}
