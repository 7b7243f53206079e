#include "train/run.h"

#include "base/fileio.h"
#include "base/mem.h"
#include "train/log.h"

#include <math.h>
#include <time.h>

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static bool every(int64_t step, int64_t n)
{
    return n > 0 && step % n == 0;
}

static drn_status validate(drn_run *r, drn_error *err)
{
    drn_train_progress *p = &r->progress;
    p->validated = r->validator && (every(p->step, r->recipe.val_every) || p->step == p->steps);
    if (!p->validated)
        return DRN_OK;
    DRN_TRY(drn_trainer_pull(r->trainer, err));
    double seen_psnr;
    DRN_TRY(drn_validate(&p->val_psnr, &p->val_gain, r->validator, &r->trainer->config.model, r->trainer->params,
                         drn_trainer_weights(r->trainer), err));
    if (r->seen)
        DRN_TRY(drn_validate(&seen_psnr, &p->seen_gain, r->seen, &r->trainer->config.model, r->trainer->params,
                             drn_trainer_weights(r->trainer), err));
    p->validated = isfinite(p->val_psnr); /* flat pictures alone measure nothing */
    p->val_psnr = p->validated ? p->val_psnr : 0;
    if (!r->writes || !p->validated)
        return DRN_OK;
    DRN_TRY(drn_board_pictures(&r->board, p, r->validator, &r->trainer->config.model,
                               r->trainer->params, drn_trainer_weights(r->trainer),
                               p->best_psnr == 0, err));
    if (p->val_psnr <= p->best_psnr)
        return DRN_OK;
    p->best_psnr = p->val_psnr;
    return drn_run_export(r, r->best, p->val_psnr, err);
}

static void clock_step(drn_run *r)
{
    drn_train_progress *p = &r->progress;
    double here = now() - r->start, share = here > 0 ? 1 / here : 0;
    p->seconds = r->seconds_before + here;
    p->steps_per_second = (double)(p->step - r->first) * share;
    p->wait_share = (r->wait_before + (r->loader ? drn_loader_wait(r->loader) : 0)) * share;
    p->ranks_share = (drn_comm_seconds(r->comm) - r->ranks_before) * share;
    p->memory_mb = (double)drn_mem_peak() / (1 << 20);
    if (p->step % 50 == 0 || p->step == p->steps) /* it looks at every picture's state */
        p->broken = drn_dataset_broken(r->data, &p->broken_first);
}

/* Batches of one step, cut on the device: the samples the loader would have. */
static drn_status add_named_batches(drn_run *r, drn_error *err)
{
    const drn_trainer_config *t = &r->trainer->config;
    int64_t step = drn_trainer_steps(r->trainer);
    uint64_t batch = (uint64_t)drn_phase_at(t, step).batch, world = (uint64_t)r->ranks.world;
    uint64_t first = drn_phase_samples(t, step) + (uint64_t)r->ranks.rank * (batch / world);
    for (int64_t i = 0; i < r->recipe.accumulate; i++)
        DRN_TRY(drn_trainer_add_at(r->trainer, first + (uint64_t)i * batch, drn_recipe_augment(&r->recipe), err));
    return DRN_OK;
}

/* Batches of one step. */
static drn_status add_batches(drn_run *r, drn_error *err)
{
    const drn_batch *b;
    if (r->on_device)
        return add_named_batches(r, err);
    if (drn_trainer_steps(r->trainer) >= r->sizes_until)
        DRN_TRY(drn_run_open_loader(r, err));
    for (int64_t i = 0; i < r->recipe.accumulate; i++) {
        DRN_TRY(drn_loader_next(&b, r->loader, err));
        DRN_TRY(drn_trainer_add(r->trainer, b->lr, (const float *const *)b->target, err));
    }
    return DRN_OK;
}

enum { ASK_STOP = 1, ASK_LATE = 2 }; /* what a rank wants of all */

/* What rank 0 does after a step, for people to look at. */
static drn_status write_step(drn_run *r, drn_error *err)
{
    drn_train_progress *p = &r->progress;
    if (!r->writes)
        return DRN_OK;
    DRN_TRY(drn_board_step(&r->board, p, err));
    return drn_log_step(r->log, p, r->log_path, err);
}

/* The recipe's limit counts the whole run, the caller's this process. */
static bool out_of_time(const drn_run *r)
{
    double all = r->progress.seconds, here = all - r->seconds_before;
    return (r->recipe.max_seconds > 0 && all >= r->recipe.max_seconds) ||
           (r->max_seconds > 0 && here >= r->max_seconds);
}

/* The batches are there: update, and all that follows. */
static drn_status end_step(drn_run *r, unsigned *ask, drn_error *err)
{
    drn_step_result s;
    drn_train_progress *p = &r->progress;
    DRN_TRY(drn_trainer_update(r->trainer, &s, err));
    p->step = drn_trainer_steps(r->trainer);
    p->loss = s.loss;
    p->primal = s.primal;
    p->lr = s.rate;
    p->grad_norm = s.grad_norm;
    p->skipped = r->trainer->skipped;
    DRN_TRY(validate(r, err));
    clock_step(r);
    DRN_TRY(write_step(r, err));
    /* with comm one clock for all, and all learn of it by agree(); with GPUs by the next update */
    bool late = (r->writes || !r->comm) && out_of_time(r);
    *ask |= drn_trainer_wish(r->trainer, DRN_WISH_LATE, late) ? ASK_LATE : 0;
    p->out_of_time = (*ask & ASK_LATE) && p->step < p->steps;
    bool unwanted = r->report && !r->report(r->report_ctx, p);
    *ask |= drn_trainer_wish(r->trainer, DRN_WISH_STOP, unwanted) ? ASK_STOP : 0;
    return r->writes && every(p->step, r->recipe.save_every) ? drn_run_save(r, err) : DRN_OK;
}

/* All ranks: what went wrong on any, and what any asks for; now and then whether the weights are
 * still the same. */
static drn_status agree(drn_run *r, drn_status st, unsigned *ask, drn_error *err)
{
    int64_t step = r->progress.step;
    bool compare = r->comm && (every(step, 100) || step == r->progress.steps);
    return drn_comm_agree(r->comm, st, ask,
                          compare ? drn_trainer_fingerprint(r->trainer) : (uint64_t)step,
                          "weights, or is at another step,", err);
}

/* A run that failed: say what is left.  What the last complete step made is saved when it was another
 * rank that failed. */
static drn_status rescue(drn_run *r, drn_status st, drn_error *err)
{
    char what[380];
    const drn_train_progress *p = &r->progress;
    if (!err || !r->writes)
        return st;
    snprintf(what, sizeof what, "%.379s", err->message);
    if (st == DRN_ERR_NUMERIC)
        return drn_fail(err, st,
                        "%s; the last good checkpoint is %s; a smaller train.lr or train.clip=1 may help",
                        what, drn_path_exists(r->checkpoint) ? r->checkpoint : "not written yet");
    if (!r->comm || p->step == r->first || (r->saved != p->step && drn_run_save(r, NULL) != DRN_OK))
        return st;
    return drn_fail(err, st, "%s; the checkpoint of step %lld is saved, go on with --resume", what,
                    (long long)p->step);
}

/* Save, unless there is nothing new, and leave together. */
static drn_status end_run(drn_run *r, unsigned ask, drn_error *err)
{
    drn_status st = DRN_OK;
    const drn_train_progress *p = &r->progress;
    if (r->writes && p->step != r->saved && p->step != r->first)
        st = drn_run_save(r, err);
    DRN_TRY(drn_comm_agree(r->comm, st, NULL, 0, "", err));
    if (ask & ASK_STOP)
        return drn_fail(err, DRN_ERR_CANCELLED, "stopped at step %lld, checkpoint saved",
                        (long long)p->step);
    return DRN_OK;
}

drn_status drn_run_loop(drn_run *r, drn_error *err)
{
    drn_train_progress *p = &r->progress;
    drn_status st = DRN_OK;
    unsigned ask = 0;
    r->first = r->saved = p->step = drn_trainer_steps(r->trainer);
    p->steps = r->recipe.steps;
    p->rank = r->ranks.rank;
    r->start = now();
    r->ranks_before = drn_comm_seconds(r->comm);
    for (;;) { /* a rank that failed, or wants to stop, says so where all others listen */
        if (st == DRN_OK && !ask && p->step < p->steps)
            st = add_batches(r, err);
        st = agree(r, st, &ask, err);
        if (st != DRN_OK)
            return rescue(r, st, err);
        if (ask || p->step >= p->steps)
            return end_run(r, ask, err);
        st = end_step(r, &ask, err);
    }
}

drn_status drn_train(const drn_train_options *options, drn_error *err)
{
    drn_run r;
    drn_status st = drn_run_open(&r, options, err);
    if (st == DRN_OK)
        st = drn_run_loop(&r, err);
    if (st != DRN_OK && st != DRN_ERR_CANCELLED) /* that one all ranks have agreed on */
        drn_trainer_fail(r.trainer, err ? err->message : "failed");
    drn_run_close(&r);
    return st;
}
