/* drn_adapt(): pretrain the dual models on pairs, fine-tune with the closed loop, measure. */
#include "drn/study.h"

#include "base/fileio.h"
#include "base/mem.h"
#include "drn/export.h"
#include "study/adapt_net.h"
#include "study/degrade.h"
#include "study/patches.h"
#include "study/rademacher.h"
#include "study/report.h"
#include "study/runs.h"

#include <errno.h>
#include <math.h>
#include <string.h>

enum { LOOP_PATCHES = 64, DEFAULT_PRETRAIN = 500 };

/* What is known of the model at one time. */
typedef struct state {
    study_score score[STUDY_MAX_TESTS][2]; /* of bicubic LR pictures, of degraded ones */
    double loop;                           /* mean |D(P(x)) - x| of unpaired patches */
} state;

typedef struct adapt {
    const drn_adapt_options *o;
    adapt_net_options net_options;
    drn_model *base;
    char name[64]; /* of its file */
    adapt_net net;
    bool has_pairs;
    study_source pairs, single;
    int64_t pretrain;
    float *lr, *target[DRN_MAX_LEVELS]; /* a batch */
    FILE *log;
    char *log_path;
    state before, after;
    double pretrain_loss[2]; /* first and last tenth of the pretraining */
} adapt;

/* ---- opening ---- */

static drn_status check(const drn_adapt_options *o, drn_error *err)
{
    if (o->batch < 1 || o->batch > 4096 || o->patch < 4 || o->patch > 1024)
        return drn_fail(err, DRN_ERR_INVALID,
                        "adapt: batch %d and patch %d must be 1..4096 and 4..1024", o->batch,
                        o->patch);
    if (o->tests > STUDY_MAX_TESTS)
        return drn_fail(err, DRN_ERR_INVALID, "adapt: %zu test folders, at most %d", o->tests,
                        STUDY_MAX_TESTS);
    if (o->steps < 0)
        return drn_fail(err, DRN_ERR_INVALID, "adapt: %lld steps", (long long)o->steps);
    if (!(o->dual_weight > 0 && o->lr >= 0 && o->dual_lr >= 0))
        return drn_fail(err, DRN_ERR_INVALID,
                        "adapt: weight %g must be above 0, rates %g and %g at least 0",
                        o->dual_weight, o->lr, o->dual_lr);
    return DRN_OK;
}

static drn_status check_dual(adapt *a, drn_error *err)
{
    a->pretrain = a->o->pretrain >= 0 ? a->o->pretrain : a->net.new_dual ? DEFAULT_PRETRAIN : 0;
    if (!a->has_pairs && a->net.new_dual)
        return drn_fail(
            err, DRN_ERR_INVALID,
            "%s has no dual model, and there are no pairs to train one on; give --paired "
            "DIR, or a model trained with model.dual",
            a->base->name);
    if (!a->has_pairs && a->pretrain > 0)
        return drn_fail(err, DRN_ERR_INVALID,
                        "the dual models are pretrained on pairs; give --paired "
                        "DIR");
    return DRN_OK;
}

static drn_status open_sources(adapt *a, drn_error *err)
{
    const drn_adapt_options *o = a->o;
    study_source_options s = {.dirs = o->data,
                              .dir_count = o->datas,
                              .split = "train",
                              .scale = a->base->config.scale,
                              .patch = o->patch,
                              .how = o->degrade,
                              .sigma = o->blur_sigma,
                              .augment = true,
                              .seed = o->seed};
    DRN_TRY(study_source_open(&a->single, &s, err));
    if (!a->has_pairs)
        return DRN_OK;
    s.dirs = o->paired;
    s.dir_count = o->paireds;
    s.seed = o->seed ^ 0x70616972; /* other patches than the unpaired ones */
    s.how = o->paired_degrade == DRN_DEGRADE_NONE ? DRN_DEGRADE_BICUBIC : o->paired_degrade;
    return study_source_open(&a->pairs, &s, err);
}

static drn_status open_batch(adapt *a, drn_error *err)
{
    size_t n = 3 * (size_t)a->o->batch * (size_t)a->o->patch * (size_t)a->o->patch;
    DRN_TRY(drn_alloc_to(&a->lr, n, sizeof(float), err));
    for (int l = 0; l < drn_net_levels(&a->base->config); l++)
        DRN_TRY(drn_alloc_to(&a->target[l], n << (2 * (l + 1)), sizeof(float), err));
    return DRN_OK;
}

/* dir/name exists; false also when memory is refused, which the next step tells. */
static bool holds(const char *dir, const char *name)
{
    char *path = drn_path_join(dir, name);
    bool yes = path && drn_path_exists(path);
    drn_free(path);
    return yes;
}

/* A run's log and model took long to make: they are not replaced. */
static drn_status open_log(adapt *a, drn_error *err)
{
    if (holds(a->o->out, "checkpoint.safetensors"))
        return drn_fail(err, DRN_ERR_INVALID, "%s holds a training run; choose another --out",
                        a->o->out);
    DRN_TRY(drn_make_dirs(a->o->out, err));
    a->log_path = drn_path_join(a->o->out, "log.jsonl");
    if (!a->log_path)
        return drn_fail(err, DRN_ERR_NOMEM, "%s: out of memory", a->o->out);
    a->log = fopen(a->log_path, "w");
    return a->log
               ? DRN_OK
               : drn_fail(err, DRN_ERR_IO, "%s: cannot create: %s", a->log_path, strerror(errno));
}

static drn_status open_all(adapt *a, drn_error *err)
{
    const drn_adapt_options *o = a->o;
    DRN_TRY(check(o, err));
    a->net_options = (adapt_net_options){.dual_weight = o->dual_weight,
                                         .batch = o->batch,
                                         .patch = o->patch,
                                         .threads = o->threads,
                                         .seed = o->seed};
    DRN_TRY(study_loss_parse(&a->net_options.loss, o->loss, o->lambda, err));
    DRN_TRY(drn_model_load(&a->base, o->model, err));
    study_base_name(a->name, sizeof a->name, a->base->name);
    DRN_TRY(adapt_net_open(&a->net, a->base, &a->net_options, err));
    a->has_pairs = o->paireds > 0;
    DRN_TRY(check_dual(a, err));
    DRN_TRY(open_sources(a, err));
    DRN_TRY(open_batch(a, err));
    DRN_TRY(adapt_net_graph(&a->net, ADAPT_UNPAIRED, &a->net_options, err));
    if (a->has_pairs)
        DRN_TRY(adapt_net_graph(&a->net, ADAPT_PAIRED, &a->net_options, err));
    if (a->pretrain > 0)
        DRN_TRY(adapt_net_graph(&a->net, ADAPT_DUAL, &a->net_options, err));
    return open_log(a, err);
}

static void close_all(adapt *a)
{
    if (a->log)
        fclose(a->log);
    drn_free(a->log_path);
    drn_free(a->lr);
    for (int l = 0; l < DRN_MAX_LEVELS; l++)
        drn_free(a->target[l]);
    study_source_close(&a->pairs);
    study_source_close(&a->single);
    adapt_net_close(&a->net);
    drn_model_free(a->base);
}

/* ---- learning ---- */

static drn_status draw_batch(adapt *a, study_source *s, int64_t step, bool pairs, drn_error *err)
{
    size_t n = 3 * (size_t)a->o->patch * (size_t)a->o->patch;
    int levels = drn_net_levels(&a->base->config);
    for (int b = 0; b < a->o->batch; b++) {
        float *target[DRN_MAX_LEVELS] = {0};
        for (int l = 0; l < levels; l++)
            target[l] = a->target[l] + (size_t)b * (n << (2 * (l + 1)));
        DRN_TRY(study_source_draw(s, (uint64_t)step * (uint64_t)a->o->batch + (uint64_t)b,
                                  a->lr + (size_t)b * n, pairs ? target : NULL, err));
    }
    return DRN_OK;
}

static drn_status add_batch(double *loss, adapt *a, adapt_kind kind, int64_t step, drn_error *err)
{
    bool pairs = kind != ADAPT_UNPAIRED;
    DRN_TRY(draw_batch(a, pairs ? &a->pairs : &a->single, step, pairs, err));
    return adapt_net_add(loss, &a->net, kind, a->lr, (const float *const *)a->target, err);
}

static drn_status tell(adapt *a, int64_t step, int64_t steps, double loss, drn_error *err)
{
    if (a->o->running && !a->o->running(a->o->ctx, step, steps, loss))
        return drn_fail(err, DRN_ERR_CANCELLED, "stopped at step %lld of %lld; no model is written",
                        (long long)step, (long long)steps);
    return DRN_OK;
}

static double cosine(double lr, int64_t step, int64_t steps)
{
    drn_schedule s = {.kind = DRN_SCHEDULE_COSINE, .lr = lr, .steps = steps};
    return drn_schedule_rate(&s, step);
}

/* The dual models alone, on true pictures: what shrinking is, before it judges enlargements. */
static drn_status pretrain(adapt *a, drn_error *err)
{
    int64_t tenth = a->pretrain / 10 > 0 ? a->pretrain / 10 : 1;
    study_moments first = {0}, last = {0};
    for (int64_t t = 0; t < a->pretrain; t++) {
        double loss;
        DRN_TRY(add_batch(&loss, a, ADAPT_DUAL, t, err));
        DRN_TRY(adapt_net_step(&a->net, cosine(a->o->dual_lr, t, a->pretrain), false, true, err));
        if (t < tenth)
            study_moments_add(&first, loss);
        if (t >= a->pretrain - tenth)
            study_moments_add(&last, loss);
        fprintf(a->log, "{\"phase\":\"pretrain\",\"step\":%lld,\"loss\":%.9g}\n",
                (long long)(t + 1), loss);
        DRN_TRY(tell(a, t + 1, a->pretrain, loss, err));
    }
    a->pretrain_loss[0] = first.mean;
    a->pretrain_loss[1] = last.mean;
    return adapt_net_restart(&a->net, err);
}

static drn_status fine_tune(adapt *a, drn_error *err)
{
    for (int64_t t = 0; t < a->o->steps; t++) {
        double paired = 0, unpaired;
        if (a->has_pairs) /* patches the pretraining has not had */
            DRN_TRY(add_batch(&paired, a, ADAPT_PAIRED, a->pretrain + t, err));
        DRN_TRY(add_batch(&unpaired, a, ADAPT_UNPAIRED, t, err));
        double rate = cosine(a->o->lr, t, a->o->steps);
        DRN_TRY(adapt_net_step(&a->net, rate, true, a->o->joint, err));
        fprintf(
            a->log,
            "{\"phase\":\"adapt\",\"step\":%lld,\"paired\":%.9g,\"unpaired\":%.9g,\"lr\":%.9g}\n",
            (long long)(t + 1), paired, unpaired, rate);
        DRN_TRY(tell(a, t + 1, a->o->steps, paired + unpaired, err));
    }
    if (fflush(a->log) != 0 || ferror(a->log))
        return drn_fail(err, DRN_ERR_IO, "%s: cannot write: %s", a->log_path, drn_write_reason(errno));
    return DRN_OK;
}

/* ---- measuring ---- */

static drn_model view_of(const adapt *a)
{
    drn_model m = *a->base;
    m.config = a->net.config;
    m.params = a->net.params;
    return m;
}

/* The closed loop on patches without originals: fixed ones, the first of the stream. */
static drn_status measure_loop(double *mean, adapt *a, drn_error *err)
{
    study_eval *e;
    study_loss mae = {.kind = DRN_LOSS_MAE};
    drn_status st = DRN_OK;
    *mean = 0;
    DRN_TRY(study_eval_new(&e, a->net.params, &a->net.config, &mae, a->o->patch, a->net.pool, err));
    for (uint64_t i = 0; i < LOOP_PATCHES && st == DRN_OK; i++) {
        double l1, l2 = 0;
        st = study_source_draw(&a->single, i, a->lr, NULL, err);
        if (st == DRN_OK)
            study_eval_run(&l1, &l2, e, a->lr, NULL);
        *mean += l2 / LOOP_PATCHES;
    }
    study_eval_free(e);
    return st;
}

static drn_status measure(state *s, adapt *a, drn_error *err)
{
    const drn_adapt_options *o = a->o;
    drn_model m = view_of(a);
    int scale = m.config.scale;
    DRN_TRY(measure_loop(&s->loop, a, err));
    for (size_t t = 0; t < o->tests; t++) {
        DRN_TRY(study_score_dir(&s->score[t][0], &m, o->test[t], scale, DRN_DEGRADE_BICUBIC, 0,
                                o->threads, err));
        if (o->degrade != DRN_DEGRADE_NONE && o->degrade != DRN_DEGRADE_BICUBIC)
            DRN_TRY(study_score_dir(&s->score[t][1], &m, o->test[t], scale, o->degrade,
                                    o->blur_sigma, o->threads, err));
    }
    return DRN_OK;
}

/* ---- what is written ---- */

/* What the card says of the model as it was, without what holds no longer; borrowed pairs. */
static drn_status card(drn_model *m, drn_error *err)
{
    const drn_meta_pair *from = m->meta;
    size_t n = m->meta_count;
    DRN_TRY(drn_calloc_to(&m->meta, n + 1, sizeof *m->meta, err));
    m->meta_count = 0;
    for (size_t i = 0; i < n; i++)
        if (strcmp(from[i].key, "drn.val_psnr_y") != 0)
            m->meta[m->meta_count++] = from[i];
    return DRN_OK;
}

static drn_status save(const adapt *a, drn_error *err)
{
    char steps[24];
    drn_model m = view_of(a);
    DRN_TRY(card(&m, err));
    snprintf(steps, sizeof steps, "%lld", (long long)a->o->steps);
    const char *meta[] = {"drn.adapted_from",  a->name,
                          "drn.adapted_steps", steps,
                          "drn.adapted_by",    a->o->command ? a->o->command : ""};
    drn_export_options e = {.meta = meta, .metas = 3};
    char *path = drn_path_join(a->o->out, "model.safetensors");
    drn_status st = path ? drn_model_save(&m, path, &e, err)
                         : drn_fail(err, DRN_ERR_NOMEM, "%s: out of memory", a->o->out);
    drn_free(path);
    drn_free(m.meta);
    return st;
}

static drn_status score_row(study_table *t, study_report *r, const char *test, const char *lr,
                            const study_score *base, const study_score *b, const study_score *f,
                            drn_error *err)
{
    char buf[6][STUDY_CELL];
    const char *cell[] = {test,
                          lr,
                          study_number(buf[0], base->psnr, 3),
                          study_number(buf[1], b->psnr, 3),
                          study_number(buf[2], f->psnr, 3),
                          study_number(buf[3], f->psnr - b->psnr, 3),
                          study_number(buf[4], b->ssim, 4),
                          study_number(buf[5], f->ssim, 4)};
    json_t *o = json_pack("{s:s, s:s, s:o, s:o, s:o, s:o, s:o}", "test", test, "lr", lr,
                          "bicubic_psnr", study_real(base->psnr), "psnr_before",
                          study_real(b->psnr), "psnr_after", study_real(f->psnr), "ssim_before",
                          study_real(b->ssim), "ssim_after", study_real(f->ssim));
    json_array_append_new(json_object_get(r->json, "tests"), o);
    return study_table_row(t, cell, err);
}

static drn_status score_rows(study_table *t, study_report *r, const adapt *a, drn_error *err)
{
    const drn_adapt_options *o = a->o;
    int scale = a->base->config.scale;
    for (size_t k = 0; k < o->tests; k++) {
        char name[64];
        study_test_name(name, sizeof name, o->test[k]);
        for (int d = 0; d < 2; d++) {
            drn_degrade_kind how = d ? o->degrade : DRN_DEGRADE_BICUBIC;
            study_score base;
            if (d && (how == DRN_DEGRADE_NONE || how == DRN_DEGRADE_BICUBIC))
                continue;
            DRN_TRY(study_score_dir(&base, NULL, o->test[k], scale, how, o->blur_sigma, o->threads,
                                    err));
            DRN_TRY(score_row(t, r, name, study_degrade_name(how), &base, &a->before.score[k][d],
                              &a->after.score[k][d], err));
        }
    }
    return DRN_OK;
}

static drn_status score_table(study_report *r, const adapt *a, drn_error *err)
{
    static const char *const head[] = {"pictures", "LR by", "bicubic",     "before",
                                       "after",    "gain",  "SSIM before", "SSIM after"};
    study_table t;
    json_object_set_new(r->json, "tests", json_array());
    if (a->o->tests == 0)
        return DRN_OK;
    DRN_TRY(study_table_new(&t, 8, err));
    drn_status st = study_table_row(&t, head, err);
    if (st == DRN_OK)
        st = score_rows(&t, r, a, err);
    if (st == DRN_OK)
        study_report_table(r, &t);
    study_table_free(&t);
    return st;
}

static void words(study_report *r, const adapt *a)
{
    const drn_adapt_options *o = a->o;
    char how[80] = "LR pictures as they are";
    if (o->degrade == DRN_DEGRADE_BLUR)
        snprintf(how, sizeof how, "blurred (Gaussian, sigma %g HR pixels), then bicubic",
                 o->blur_sigma);
    else if (o->degrade != DRN_DEGRADE_NONE)
        snprintf(how, sizeof how, "originals shrunk by %s", study_degrade_name(o->degrade));
    study_report_line(r,
                      "Closed loop, mean |D(P(x)) - x| of %d patches without originals, on 0..255: "
                      "%.4f before, %.4f after.",
                      LOOP_PATCHES, 255 * a->before.loop, 255 * a->after.loop);
    study_report_line(
        r,
        "%s: %lld steps of %d patches of %dx%d LR pixels without originals (%zu pictures, %s) and "
        "%s; "
        "loss %s, dual weight %g, rate %g to 0, dual models %s%s, seed %llu. PSNR-Y by the "
        "standard "
        "protocol (shave %d); \"bicubic\" is the enlargement by interpolation. drn %s.",
        a->name, (long long)o->steps, o->batch, o->patch, o->patch, a->single.count, how,
        a->has_pairs ? "as many pairs" : "no pairs", o->loss, o->dual_weight, o->lr,
        o->joint ? "learning too" : "frozen", a->net.new_dual ? ", new" : "",
        (unsigned long long)o->seed, a->base->config.scale, drn_version());
    if (a->pretrain > 0)
        study_report_line(
            r,
            "The dual models learned alone for %lld steps on the pairs (LR by %s) first: "
            "loss %.5f in the first tenth, %.5f in the last.",
            (long long)a->pretrain, study_degrade_name(a->pairs.o.how), a->pretrain_loss[0],
            a->pretrain_loss[1]);
    if (o->command)
        study_report_line(r, "Command: `%s`", o->command);
}

static drn_status report(const adapt *a, drn_error *err)
{
    study_report r;
    drn_status st = DRN_OK;
    DRN_TRY(study_report_open(&r, err));
    study_report_title(&r, "Adaptation without pairs");
    DRN_CHECK(score_table(&r, a, err));
    words(&r, a);
    json_object_set_new(r.json, "command", json_string(a->o->command ? a->o->command : ""));
    json_object_set_new(r.json, "version", json_string(drn_version()));
    json_object_set_new(r.json, "model", json_string(a->name));
    json_object_set_new(r.json, "steps", json_integer(a->o->steps));
    json_object_set_new(r.json, "pretrain", json_integer(a->pretrain));
    json_object_set_new(r.json, "loop_before", study_real(a->before.loop));
    json_object_set_new(r.json, "loop_after", study_real(a->after.loop));
    DRN_CHECK(study_report_write(&r, a->o->out, err));
    if (a->o->say)
        a->o->say(a->o->ctx, r.text_data);
done:
    study_report_close(&r);
    return st;
}

drn_status drn_adapt(const drn_adapt_options *options, drn_error *err)
{
    adapt *a;
    drn_status st = DRN_OK;
    DRN_TRY(drn_calloc_to(&a, 1, sizeof *a, err));
    a->o = options;
    DRN_CHECK(open_all(a, err));
    if (a->pretrain > 0)
        study_say(options->say, options->ctx, "pretraining the dual models, %lld steps",
                  (long long)a->pretrain);
    DRN_CHECK(pretrain(a, err));
    study_say(options->say, options->ctx, "measuring %s", a->name);
    DRN_CHECK(measure(&a->before, a, err));
    study_say(options->say, options->ctx, "adapting, %lld steps", (long long)options->steps);
    DRN_CHECK(fine_tune(a, err));
    DRN_CHECK(measure(&a->after, a, err));
    DRN_CHECK(save(a, err));
    DRN_CHECK(report(a, err));
done:
    close_all(a);
    drn_free(a);
    return st;
}
