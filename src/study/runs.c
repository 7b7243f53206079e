#include "study/runs.h"

#include "base/fileio.h"
#include "base/mem.h"
#include "drn/model.h"
#include "study/report.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

void study_say(drn_say_fn say, void *ctx, const char *fmt, ...)
{
    char text[512];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    if (say)
        say(ctx, text);
}

/* ---- its recipe ---- */

enum { OWN_SETS = 3, OWN_SIZE = 48 };

/* The keys that make the run: the user's, the variant's, budget and seed; the last one wins. */
typedef struct key_list {
    const char **items;
    size_t count;
    char own[OWN_SETS][OWN_SIZE];
} key_list;

static drn_status list_keys(key_list *k, const drn_study_options *o, const study_variant *v,
                            int64_t steps, int64_t seed, drn_error *err)
{
    *k = (key_list){0};
    DRN_TRY(drn_alloc_to(&k->items, o->sets + (size_t)v->sets + OWN_SETS, sizeof *k->items, err));
    for (size_t i = 0; i < o->sets; i++)
        k->items[k->count++] = o->set[i];
    for (int i = 0; i < v->sets; i++)
        k->items[k->count++] = v->set[i];
    snprintf(k->own[0], OWN_SIZE, "train.steps=%lld", (long long)steps);
    snprintf(k->own[1], OWN_SIZE, "train.seed=%lld", (long long)seed);
    snprintf(k->own[2], OWN_SIZE, "train.max_seconds=0"); /* the budget is in steps */
    for (int i = 0; i < OWN_SETS; i++)
        k->items[k->count++] = k->own[i];
    return DRN_OK;
}

drn_status study_recipe(drn_recipe *r, const drn_study_options *o, const study_variant *v,
                        int64_t steps, int64_t seed, drn_error *err)
{
    key_list k;
    drn_status st = DRN_OK;
    DRN_TRY(drn_recipe_load(r, o->recipe, err));
    DRN_TRY(list_keys(&k, o, v, steps, seed, err));
    for (size_t i = 0; i < k.count && st == DRN_OK; i++)
        st = drn_recipe_set(r, k.items[i], err);
    drn_free(k.items);
    return st == DRN_OK ? drn_recipe_check(r, err) : st;
}

/* ---- what is there of it ---- */

/* A run begun with another recipe cannot stand in this study's table. */
static drn_status check_same_recipe(const char *dir, const drn_recipe *wanted, drn_error *err)
{
    drn_recipe was;
    char changes[400];
    char *path = drn_path_join(dir, "recipe.yaml");
    drn_status st = path ? DRN_OK : drn_fail(err, DRN_ERR_NOMEM, "%s: out of memory", dir);
    if (path && drn_path_exists(path)) {
        st = drn_recipe_load(&was, path, err);
        drn_recipe_changes(changes, sizeof changes, &was, wanted);
        if (st == DRN_OK && was.steps != wanted->steps)
            st = drn_fail(err, DRN_ERR_INVALID,
                          "%s is a run of %lld steps, this study has %lld; choose another --out",
                          dir, (long long)was.steps, (long long)wanted->steps);
        else if (st == DRN_OK && changes[0])
            st = drn_fail(err, DRN_ERR_INVALID,
                          "%s is a run of another recipe (%.250s); choose another "
                          "--out",
                          dir, changes);
    }
    drn_free(path);
    return st;
}

static double number(const drn_model *m, const char *key)
{
    const char *text = drn_model_metadata(m, key);
    return text ? strtod(text, NULL) : 0;
}

/* The model of the run's last step, or NULL while there is none. */
static drn_model *finished(const char *dir, int64_t steps)
{
    drn_model *m = NULL;
    char *path = drn_path_join(dir, "model.safetensors");
    if (path && drn_path_exists(path) && drn_model_load(&m, path, NULL) == DRN_OK &&
        number(m, "drn.steps") < (double)steps) {
        drn_model_free(m);
        m = NULL;
    }
    drn_free(path);
    return m;
}

static bool begun(const char *dir)
{
    char *path = drn_path_join(dir, "checkpoint.safetensors");
    bool yes = path && drn_path_exists(path);
    drn_free(path);
    return yes;
}

/* ---- making it ---- */

static drn_status train(const drn_study_options *o, const study_variant *v, const char *dir,
                        int64_t steps, int64_t seed, drn_error *err)
{
    key_list k;
    DRN_TRY(list_keys(&k, o, v, steps, seed, err));
    drn_train_options t = {
        .recipe = o->recipe,
        .set = k.items,
        .sets = k.count,
        .data = o->data,
        .datas = o->datas,
        .val = o->val,
        .vals = o->vals,
        .out = dir,
        .resume = o->resume && begun(dir),
        .device = o->device,
        .numbers = o->numbers,
        .progress = o->progress,
        .progress_ctx = o->ctx,
    };
    study_say(o->say, o->ctx, "%s, seed %lld: %s", v->label, (long long)seed,
              t.resume ? "going on" : "training");
    drn_status st = drn_train(&t, err);
    drn_free(k.items);
    return st;
}

static drn_status measure(study_run *r, const drn_study_options *o, const study_variant *v,
                          const drn_model *m, int threads, drn_error *err)
{
    r->seconds = number(m, "drn.seconds");
    r->parameters = drn_model_parameters(m, false);
    r->dual_parameters = drn_model_parameters(m, true);
    for (size_t t = 0; t < o->tests; t++) {
        char name[64];
        DRN_TRY(study_score_dir(&r->score[t], m, o->test[t], drn_model_config(m)->scale,
                                DRN_DEGRADE_NONE, 0, threads, err));
        study_test_name(name, sizeof name, o->test[t]);
        study_say(o->say, o->ctx, "%s, seed %lld: %s PSNR-Y %.3f dB", v->label, (long long)r->seed,
                  name, r->score[t].psnr);
    }
    return DRN_OK;
}

drn_status study_run_make(study_run *out, const drn_study_options *o, const study_variant *v,
                          int64_t steps, int64_t seed, drn_error *err)
{
    char dir[1024];
    drn_recipe recipe;
    drn_model *m = NULL;
    *out = (study_run){.seed = seed};
    int n = snprintf(dir, sizeof dir, "%s/runs/%s-s%lld", o->out, v->name, (long long)seed);
    if (n < 0 || n >= (int)sizeof dir)
        return drn_fail(err, DRN_ERR_INVALID, "%.200s...: the name is too long", o->out);
    DRN_TRY(study_recipe(&recipe, o, v, steps, seed, err));
    if (o->resume) {
        DRN_TRY(check_same_recipe(dir, &recipe, err));
        m = finished(dir, steps);
    }
    if (!m) {
        DRN_TRY(train(o, v, dir, steps, seed, err));
        m = finished(dir, steps);
    }
    if (!m)
        return drn_fail(err, DRN_ERR_FORMAT, "%s/model.safetensors is no model of %lld steps", dir,
                        (long long)steps);
    drn_status st = measure(out, o, v, m, (int)recipe.threads, err);
    drn_model_free(m);
    return st;
}
