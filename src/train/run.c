#include "train/run.h"

#include "base/fileio.h"
#include "base/mem.h"
#include "train/log.h"

#include <string.h>
#include <time.h>

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* ---- opening ---- */

static drn_status read_recipe(drn_run *r, const drn_train_options *o, drn_error *err)
{
    DRN_TRY(drn_recipe_load(&r->recipe, o->recipe, err));
    for (size_t i = 0; i < o->sets; i++)
        DRN_TRY(drn_recipe_set(&r->recipe, o->set[i], err));
    DRN_TRY(drn_recipe_check(&r->recipe, err));
    r->recipe_text = drn_recipe_print(&r->recipe);
    return r->recipe_text ? DRN_OK : drn_fail(err, DRN_ERR_NOMEM, "recipe: out of memory");
}

static drn_status make_paths(drn_run *r, const char *out, drn_error *err)
{
    DRN_TRY(drn_make_dirs(out, err));
    r->checkpoint = drn_path_join(out, "checkpoint.safetensors");
    r->model = drn_path_join(out, "model.safetensors");
    r->best = drn_path_join(out, "best.safetensors");
    r->log_path = drn_path_join(out, "log.jsonl");
    if (!r->checkpoint || !r->model || !r->best || !r->log_path)
        return drn_fail(err, DRN_ERR_NOMEM, "%s: out of memory", out);
    return DRN_OK;
}

static drn_trainer_config trainer_config(const drn_recipe *c)
{
    return (drn_trainer_config){
        .model = {.scale = (int)c->scale,
                  .channels = (int)c->channels,
                  .modules = (int)c->modules,
                  .progressive = c->progressive,
                  .dual = c->dual,
                  .dual_channels = (int)c->dual_channels,
                  .skip = (drn_skip)c->skip},
        .loss = {.kind = (drn_loss_kind)c->loss,
                 .dual_kind = (drn_loss_kind)c->dual_loss,
                 .pixel = (drn_loss_kind)c->pixel,
                 .lambda = c->lambda,
                 .charbonnier = c->charbonnier,
                 .sum = c->reduction == 1,
                 .dual_true_lr = c->dual_target == 1,
                 .dual_detach = c->dual_detach},
        .dual_weight = c->dual_weight,
        .dual_start = c->dual_start,
        .schedule = {.kind = (drn_schedule_kind)c->schedule,
                     .lr = c->lr,
                     .lr_min = c->lr_min,
                     .warmup = c->warmup,
                     .steps = c->steps,
                     .step_every = c->step_every,
                     .step_factor = c->step_factor},
        .beta1 = c->beta1,
        .beta2 = c->beta2,
        .eps = c->eps,
        .clip = c->clip,
        .ema = c->ema,
        .init_scale = c->init_scale,
        .batch = (int)c->batch,
        .patch = (int)c->patch,
        .seed = (uint64_t)c->seed,
        .threads = (int)c->threads,
    };
}

static drn_status open_validation(drn_run *r, const drn_train_options *o, drn_error *err)
{
    drn_dataset *d = NULL;
    drn_dataset_options v = {.dirs = o->vals ? o->val : o->data,
                             .dir_count = o->vals ? o->vals : o->datas,
                             .split = o->vals ? NULL : "val",
                             .free_only = r->recipe.free_only && !o->vals};
    if (r->recipe.val_every == 0)
        return DRN_OK;
    for (size_t i = 0; !o->vals && i < o->datas; i++) {
        char *manifest = drn_path_join(o->data[i], "manifest.csv");
        bool found = manifest && drn_path_exists(manifest);
        drn_free(manifest);
        if (!found)
            return drn_fail(err, DRN_ERR_INVALID,
                            "%s has no manifest.csv with a split 'val'; name a validation folder "
                            "with --val, or "
                            "set train.val_every=0",
                            o->data[i]);
    }
    DRN_TRY(drn_dataset_open(&d, &v, err));
    drn_status st =
        drn_validator_new(&r->validator, d, (int)r->recipe.scale, (size_t)r->recipe.val_images,
                          (int)r->recipe.val_crop, (int)r->recipe.threads, err);
    drn_dataset_free(d);
    return st;
}

static drn_status open_loader(drn_run *r, const drn_train_options *o, drn_error *err)
{
    const drn_recipe *c = &r->recipe;
    drn_dataset_options d = {.dirs = o->data,
                             .dir_count = o->datas,
                             .split = c->split,
                             .free_only = c->free_only,
                             .cache_bytes = (size_t)c->cache_mb << 20};
    drn_loader_options l = {
        .spec = {(int)c->scale, (int)c->patch, c->augment, (uint64_t)c->seed},
        .batch = (int)c->batch,
        .threads = (int)c->prefetch,
        .first_step = drn_trainer_steps(r->trainer),
    };
    DRN_TRY(drn_dataset_open(&r->data, &d, err));
    return drn_loader_new(&r->loader, r->data, &l, err);
}

static drn_status start_or_resume(drn_run *r, const drn_train_options *o, drn_error *err)
{
    if (o->resume)
        DRN_TRY(drn_run_restore(r, err));
    else if (drn_path_exists(r->checkpoint))
        return drn_fail(err, DRN_ERR_INVALID,
                        "%s exists; go on with --resume, or choose another --out", r->checkpoint);
    char *path = drn_path_join(o->out, "recipe.yaml");
    drn_status st = path ? drn_file_write(path, r->recipe_text, strlen(r->recipe_text), err)
                         : drn_fail(err, DRN_ERR_NOMEM, "%s: out of memory", o->out);
    drn_free(path);
    DRN_TRY(st);
    return drn_log_open(&r->log, r->log_path, drn_trainer_steps(r->trainer), err);
}

drn_status drn_run_open(drn_run *r, const drn_train_options *o, drn_error *err)
{
    *r = (drn_run){.report = o->progress, .report_ctx = o->progress_ctx};
    DRN_TRY(read_recipe(r, o, err));
    drn_trainer_config c = trainer_config(&r->recipe);
    DRN_TRY(drn_trainer_new(&r->trainer, &c, err));
    DRN_TRY(open_validation(r, o, err));
    DRN_TRY(make_paths(r, o->out, err));
    DRN_TRY(start_or_resume(r, o, err));
    return open_loader(r, o, err);
}

void drn_run_close(drn_run *r)
{
    drn_loader_free(r->loader);
    drn_dataset_free(r->data);
    drn_validator_free(r->validator);
    drn_trainer_free(r->trainer);
    if (r->log)
        fclose(r->log);
    drn_free(r->recipe_text);
    drn_free(r->checkpoint);
    drn_free(r->model);
    drn_free(r->best);
    drn_free(r->log_path);
}

/* ---- the loop ---- */

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
    DRN_TRY(drn_validate(&p->val_psnr, r->validator, &r->trainer->config.model, r->trainer->params,
                         drn_trainer_weights(r->trainer), err));
    if (p->val_psnr <= p->best_psnr)
        return DRN_OK;
    p->best_psnr = p->val_psnr;
    return drn_run_export(r, r->best, p->val_psnr, err);
}

static void clock_step(drn_run *r, int64_t first)
{
    drn_train_progress *p = &r->progress;
    double here = now() - r->start;
    p->seconds = r->seconds_before + here;
    p->steps_per_second = here > 0 ? (double)(p->step - first) / here : 0;
    p->wait_share = here > 0 ? drn_loader_wait(r->loader) / here : 0;
    p->memory_mb = (double)drn_mem_peak() / (1 << 20);
}

static drn_status one_step(drn_run *r, int64_t first, drn_error *err)
{
    const drn_batch *b;
    drn_step_result s;
    drn_train_progress *p = &r->progress;
    DRN_TRY(drn_loader_next(&b, r->loader, err));
    drn_status st = drn_trainer_step(r->trainer, b->lr, (const float *const *)b->target, &s, err);
    if (st == DRN_ERR_NUMERIC && err) {
        char what[160];
        snprintf(what, sizeof what, "%.150s", err->message);
        drn_fail(err, st,
                 "%s; the last good checkpoint is %s; a smaller train.lr or train.clip=1 may help",
                 what, drn_path_exists(r->checkpoint) ? r->checkpoint : "not written yet");
    }
    DRN_TRY(st);
    p->step = drn_trainer_steps(r->trainer);
    p->loss = s.loss;
    p->primal = s.primal;
    p->lr = s.rate;
    p->grad_norm = s.grad_norm;
    DRN_TRY(validate(r, err));
    clock_step(r, first);
    return drn_log_step(r->log, p, r->log_path, err);
}

drn_status drn_run_loop(drn_run *r, drn_error *err)
{
    drn_train_progress *p = &r->progress;
    int64_t first = drn_trainer_steps(r->trainer);
    p->step = first;
    p->steps = r->recipe.steps;
    r->start = now();
    while (p->step < p->steps) {
        DRN_TRY(one_step(r, first, err));
        bool stop = r->report && !r->report(r->report_ctx, p);
        bool late = r->recipe.max_seconds > 0 && p->seconds >= r->recipe.max_seconds;
        if (stop || late || p->step == p->steps || every(p->step, r->recipe.save_every))
            DRN_TRY(drn_run_save(r, err));
        if (stop)
            return drn_fail(err, DRN_ERR_CANCELLED, "stopped at step %lld, checkpoint saved",
                            (long long)p->step);
        if (late)
            break;
    }
    return DRN_OK;
}

drn_status drn_train(const drn_train_options *options, drn_error *err)
{
    drn_run r;
    drn_status st = drn_run_open(&r, options, err);
    if (st == DRN_OK)
        st = drn_run_loop(&r, err);
    drn_run_close(&r);
    return st;
}
