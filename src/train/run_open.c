/* Opening a run: recipe, network, data, files; fresh or resumed. */
#include "train/run.h"

#include "base/fileio.h"
#include "base/mem.h"
#include "train/log.h"

#include <math.h>
#include <string.h>
#include <unistd.h>

/* data.sources from the caller's list, as far as a recipe can hold it. */
static void name_sources(drn_recipe *r, const drn_train_options *o)
{
    char text[sizeof r->sources + 16] = "data.sources=";
    size_t n = strlen(text);
    for (size_t i = 0; i < o->datas && n < sizeof text; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, "%s%s", i ? ", " : "", o->data[i]);
    drn_recipe kept = *r;
    if (n >= sizeof text || drn_recipe_set(r, text, NULL) != DRN_OK)
        *r = kept;
}

static drn_status add_source(drn_run *r, const char *text, size_t len, drn_error *err)
{
    char *s = drn_alloc(len + 1);
    if (!s)
        return drn_fail(err, DRN_ERR_NOMEM, "data.sources: out of memory");
    memcpy(s, text, len);
    s[len] = 0;
    r->sources[r->source_count++] = s;
    return DRN_OK;
}

/* The caller's list, or the recipe's. */
static drn_status list_sources(drn_run *r, const drn_train_options *o, drn_error *err)
{
    size_t most = o->datas + 1;
    for (const char *c = r->recipe.sources; *c; c++)
        most += *c == ',';
    DRN_TRY(drn_calloc_to(&r->sources, most, sizeof *r->sources, err));
    for (size_t i = 0; i < o->datas; i++)
        DRN_TRY(add_source(r, o->data[i], strlen(o->data[i]), err));
    for (const char *c = r->recipe.sources; o->datas == 0 && *c;) {
        c += strspn(c, ", ");
        size_t n = strcspn(c, ",");
        if (n)
            DRN_TRY(add_source(r, c, n, err));
        c += n;
    }
    if (r->source_count == 0)
        return drn_fail(err, DRN_ERR_INVALID,
                        "no pictures to train on: give --data, or data.sources in the recipe");
    if (o->datas)
        name_sources(&r->recipe, o);
    return DRN_OK;
}

static drn_status read_recipe(drn_run *r, const drn_train_options *o, drn_error *err)
{
    DRN_TRY(drn_recipe_load(&r->recipe, o->recipe, err));
    for (size_t i = 0; i < o->sets; i++)
        DRN_TRY(drn_recipe_set(&r->recipe, o->set[i], err));
    DRN_TRY(drn_recipe_check(&r->recipe, err));
    DRN_TRY(list_sources(r, o, err));
    drn_recipe card = r->recipe;
    memset(card.sources, 0, sizeof card.sources);
    r->recipe_text = drn_recipe_print(&r->recipe);
    r->card_text = drn_recipe_print(&card);
    return r->recipe_text && r->card_text ? DRN_OK
                                          : drn_fail(err, DRN_ERR_NOMEM, "recipe: out of memory");
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
        .tail_kind = (drn_loss_kind)c->tail_kind,
        .tail_start = c->tail_start,
        .warm_until = c->warm_levels_until,
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
        .spike = c->spike,
        .ema = c->ema,
        .init_scale = c->init_scale,
        .batch = (int)c->batch,
        .patch = (int)c->patch,
        .accumulate = (int)c->accumulate,
        .seed = (uint64_t)c->seed,
        .threads = (int)c->threads,
    };
}

static drn_status open_validation(drn_run *r, const drn_train_options *o, drn_error *err)
{
    drn_dataset *d = NULL;
    drn_dataset_options v = {.dirs = o->vals ? o->val : (const char *const *)r->sources,
                             .dir_count = o->vals ? o->vals : r->source_count,
                             .split = o->vals ? NULL : "val",
                             .need_split = !o->vals,
                             .free_only = r->recipe.free_only && !o->vals};
    if (r->recipe.val_every == 0 || (!r->writes && !r->comm))
        return DRN_OK;
    DRN_TRY(drn_dataset_open(&d, &v, err));
    drn_status st = o->vals ? drn_dataset_shared(&r->progress.shared, &r->progress.shared_first,
                                                 r->data, d, err)
                            : DRN_OK;
    if (st == DRN_OK)
        st = drn_validator_new(&r->validator, d, (int)r->recipe.scale, (size_t)r->recipe.val_images,
                          (int)r->recipe.val_crop, drn_comm_threads(r->comm, (int)r->recipe.threads),
                          r->comm, err);
    drn_dataset_free(d);
    if (st == DRN_OK && r->validator->count == 0 && r->writes)
        return drn_fail(err, DRN_ERR_INVALID, "no validation picture is usable; last: %s", r->validator->last);
    return st;
}

/* Pictures that are trained on, to be measured like those of the validation; maybe none is usable. */
static drn_status open_seen(drn_run *r, drn_error *err)
{
    enum { SIDE = 384 }; /* they may be whole photographs */
    const drn_recipe *c = &r->recipe;
    int crop = c->val_crop > 0 && c->val_crop < SIDE ? (int)c->val_crop : SIDE;
    if (!r->validator || c->val_seen == 0)
        return DRN_OK;
    return drn_validator_new(&r->seen, r->data, (int)c->scale, (size_t)c->val_seen, crop, r->validator->threads,
                             r->comm, err);
}

static drn_status open_data(drn_run *r, drn_error *err)
{
    const drn_recipe *c = &r->recipe;
    drn_dataset_options d = {.dirs = (const char *const *)r->sources,
                             .dir_count = r->source_count,
                             .split = c->split,
                             .free_only = c->free_only,
                             .ratio = c->ratio,
                             .ratio_seed = (uint64_t)c->ratio_seed,
                             .cache_bytes = (size_t)c->cache_mb << 20};
    return drn_dataset_open(&r->data, &d, err);
}

static drn_degrade_spec degrade_spec(const drn_recipe *c)
{
    return (drn_degrade_spec){.box = c->box,
                              .nearest = c->nearest,
                              .blur = c->blur,
                              .blur_min = c->blur_min,
                              .blur_max = c->blur_max,
                              .noise = c->noise,
                              .noise_min = c->noise_min,
                              .noise_max = c->noise_max,
                              .noise_grey = c->noise_grey,
                              .jpeg = c->jpeg,
                              .jpeg_min = (int)c->jpeg_min,
                              .jpeg_max = (int)c->jpeg_max,
                              .jpeg_half = c->jpeg_half};
}

drn_status drn_run_open_loader(drn_run *r, drn_error *err)
{
    const drn_recipe *c = &r->recipe;
    const drn_trainer_config *t = &r->trainer->config;
    int64_t step = drn_trainer_steps(r->trainer), first = step * c->accumulate;
    drn_phase p = drn_phase_at(t, step);
    int share = p.batch / r->ranks.world;
    if (r->on_device)
        return DRN_OK;
    drn_loader_options l = {
        .spec = {.scale = (int)c->scale,
                 .patch = p.patch,
                 .augment = drn_recipe_augment(c),
                 .seed = (uint64_t)c->seed,
                 .degrade = degrade_spec(c)},
        .batch = share,
        .stride = p.batch,
        .threads = (int)c->prefetch,
        .first_step = first,
        /* samples are numbered through the whole run, whatever the batches were */
        .sample_shift = drn_phase_samples(t, step) - (uint64_t)first * (uint64_t)p.batch +
                        (uint64_t)r->ranks.rank * (uint64_t)share,
    };
    if (r->loader)
        r->wait_before += drn_loader_wait(r->loader);
    drn_loader_free(r->loader);
    r->loader = NULL;
    r->sizes_until = drn_phase_next_size(t, step);
    return drn_loader_new(&r->loader, r->data, &l, err);
}

/* What a killed process left of the files it was writing. */
static void sweep(const char *dir)
{
    char **names;
    size_t n;
    if (drn_dir_list(&names, &n, dir, NULL) != DRN_OK)
        return;
    for (size_t i = 0; i < n; i++) {
        size_t len = strlen(names[i]);
        char *path = len > 4 && strcmp(names[i] + len - 4, ".tmp") == 0
                         ? drn_path_join(dir, names[i])
                         : NULL;
        if (path)
            (void)unlink(path);
        drn_free(path);
    }
    drn_list_free(names, n);
}

static drn_status init_weights(drn_run *r, drn_error *err)
{
    drn_safetensors *st;
    if (!r->recipe.init_from[0])
        return DRN_OK;
    DRN_TRY(drn_safetensors_open(&st, r->recipe.init_from, err));
    drn_status result =
        drn_trainer_init_from(r->trainer, st, r->recipe.init_new == 1, r->init_note, err);
    drn_safetensors_free(st);
    return result;
}

/* A model in a folder that is no run's (of an adaptation, a copy) is not replaced by a new run's.
 */
static drn_status check_models(const drn_run *r, const char *out, drn_error *err)
{
    const char *found = drn_path_exists(r->model)  ? r->model
                        : drn_path_exists(r->best) ? r->best
                                                   : NULL;
    if (!found)
        return DRN_OK;
    char *recipe = drn_path_join(out, "recipe.yaml");
    drn_status st =
        !recipe ? drn_fail(err, DRN_ERR_NOMEM, "%s: out of memory", out)
        : drn_path_exists(recipe)
            ? DRN_OK
            : drn_fail(err, DRN_ERR_INVALID,
                       "%s exists, but not by a run in that folder; choose another --out", found);
    drn_free(recipe);
    return st;
}

static drn_status start_or_resume(drn_run *r, const drn_train_options *o, drn_error *err)
{
    bool exists = drn_path_exists(r->checkpoint);
    if (!o->resume && exists)
        return drn_fail(err, DRN_ERR_INVALID,
                        "%s exists; go on with --resume, or choose another --out", r->checkpoint);
    if (o->resume && !exists)
        return drn_fail(err, DRN_ERR_IO, "%s does not exist; start the run without --resume",
                        r->checkpoint);
    if (!exists)
        DRN_TRY(check_models(r, o->out, err));
    if (r->writes)
        DRN_TRY(drn_log_open(&r->log, r->log_path, err));
    DRN_TRY(o->resume ? drn_run_restore(r, err) : init_weights(r, err));
    if (!r->writes)
        return DRN_OK;
    DRN_TRY(drn_log_cut(r->log, r->log_path, drn_trainer_steps(r->trainer), err));
    sweep(o->out);
    char *pictures = drn_path_join(o->out, "pictures");
    if (pictures)
        sweep(pictures);
    drn_free(pictures);
    char *path = drn_path_join(o->out, "recipe.yaml");
    drn_status st = path ? drn_file_write(path, r->recipe_text, strlen(r->recipe_text), err)
                         : drn_fail(err, DRN_ERR_NOMEM, "%s: out of memory", o->out);
    drn_free(path);
    return st;
}

/* The run's folder.  With comm rank 0 alone looks into it, and spreads what it finds. */
static drn_status open_folder(drn_run *r, const drn_train_options *o, drn_error *err)
{
    if (r->comm && !r->writes)
        return DRN_OK;
    DRN_TRY(make_paths(r, o->out, err));
    DRN_TRY(start_or_resume(r, o, err));
    if (!r->writes)
        return DRN_OK;
    return drn_board_open(&r->board, o->out, drn_trainer_steps(r->trainer) + 1, r->recipe.steps,
                          r->validator, (size_t)r->recipe.val_pictures, err);
}

static drn_status choose_device(drn_run *r, const drn_train_options *o, drn_error *err)
{
    if (o->comm && o->device == DRN_DEVICE_CUDA)
        return drn_fail(err, DRN_ERR_INVALID,
                        "processes with a GPU each meet through NCCL; they need no drn_comm");
    DRN_TRY(drn_cuda_choose(&r->device, o->comm ? DRN_DEVICE_CPU : o->device, o->numbers, err));
    if (r->device)
        DRN_TRY(drn_cuda_ranks_get(&r->ranks, err));
    r->writes = r->ranks.rank == 0;
    r->progress.rank = r->ranks.rank;
    r->progress.ranks = r->ranks.world;
    return DRN_OK;
}

static drn_status open_trainer(drn_run *r, const drn_train_options *o, drn_error *err)
{
    drn_trainer_config c = trainer_config(&r->recipe);
    DRN_TRY(drn_batch_sizes_parse(&c.sizes, r->recipe.sizes, err));
    c.device = r->device;
    c.ranks = r->ranks;
    c.comm = o->comm;
    c.threads = drn_comm_threads(o->comm, c.threads);
    return drn_trainer_new(&r->trainer, &c, err);
}

static drn_status open_parts(drn_run *r, const drn_train_options *o, drn_error *err)
{
    DRN_TRY(read_recipe(r, o, err));
    DRN_TRY(choose_device(r, o, err));
    DRN_TRY(open_trainer(r, o, err));
    DRN_TRY(open_data(r, err));
    DRN_TRY(open_validation(r, o, err));
    DRN_TRY(open_seen(r, err));
    drn_validator *both[] = {r->validator, r->seen};
    for (int i = 0; i < 2 && r->device; i++)
        if (both[i]) {
            both[i]->device = DRN_DEVICE_CUDA;
            both[i]->numbers = o->numbers;
        }
    DRN_TRY(open_folder(r, o, err));
    const drn_degrade_spec degrade = degrade_spec(&r->recipe);
    if (!drn_degrade_active(&degrade)) /* the device cuts patches, but degrades none */
        DRN_TRY(drn_trainer_load_pictures(r->trainer, r->data, &r->on_device, err));
    return drn_trainer_join(r->trainer, o->out, drn_dataset_fingerprint(r->data), err);
}

/* What has to be the same on all ranks; where the pictures lie need not. */
static uint64_t common(const drn_run *r)
{
    return drn_comm_fingerprint(drn_dataset_fingerprint(r->data), r->card_text, strlen(r->card_text));
}

drn_status drn_run_open(drn_run *r, const drn_train_options *o, drn_error *err)
{
    *r = (drn_run){.report = o->progress,
                   .report_ctx = o->progress_ctx,
                   .max_seconds = o->max_seconds,
                   .comm = o->comm,
                   .ranks = {.rank = drn_comm_rank(o->comm), .world = drn_comm_world(o->comm)},
                   .progress = {.val_gain = (double)NAN, .seen_gain = (double)NAN},
                   .sizes_until = INT64_MAX};
    drn_status st = open_parts(r, o, err);
    DRN_TRY(drn_comm_agree(o->comm, st, NULL, st == DRN_OK ? common(r) : 0,
                           "pictures, or another recipe,", err));
    DRN_TRY(drn_trainer_spread(r->trainer, err));
    st = drn_run_open_loader(r, err);
    return drn_comm_agree(o->comm, st, NULL, 0, "", err);
}

void drn_run_close(drn_run *r)
{
    drn_board_close(&r->board);
    drn_loader_free(r->loader);
    drn_dataset_free(r->data);
    drn_validator_free(r->validator);
    drn_validator_free(r->seen);
    drn_trainer_free(r->trainer);
    drn_cuda_close(r->device);
    if (r->log)
        fclose(r->log);
    for (size_t i = 0; i < r->source_count; i++)
        drn_free(r->sources[i]);
    drn_free(r->sources);
    drn_free(r->card_text);
    drn_free(r->recipe_text);
    drn_free(r->checkpoint);
    drn_free(r->model);
    drn_free(r->best);
    drn_free(r->log_path);
}
