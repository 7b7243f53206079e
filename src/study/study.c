/* drn_study(): all runs, then the paper's table with our column beside it. */
#include "drn/study.h"

#include "base/mem.h"
#include "data/dataset.h"
#include "study/rademacher.h"
#include "study/report.h"
#include "study/runs.h"

#include <ctype.h>
#include <math.h>
#include <string.h>

typedef struct study {
    const drn_study_options *o;
    study_plan plan;
    drn_recipe recipe; /* what all runs share */
    study_run *run;    /* [seeds][variants] */
    int seeds_done;
    size_t pictures; /* to train on; 0: not known */
} study;

static const study_run *run_at(const study *s, int seed, int variant)
{
    return &s->run[(size_t)seed * (size_t)s->plan.variants + (size_t)variant];
}

/* ---- numbers over seeds ---- */

typedef enum measure { PSNR, SSIM, GRADIENT } measure;

static double value(const study *s, int seed, int variant, size_t test, measure what)
{
    const study_score *q = &run_at(s, seed, variant)->score[test];
    return what == PSNR ? q->psnr : what == SSIM ? q->ssim : q->gradient;
}

static study_moments over_seeds(const study *s, int variant, size_t test, measure what)
{
    study_moments m = {0};
    for (int k = 0; k < s->seeds_done; k++)
        study_moments_add(&m, value(s, k, variant, test, what));
    return m;
}

/* Seed by seed, against the first variant: same data, same order. */
static study_moments difference(const study *s, int variant, size_t test)
{
    study_moments m = {0};
    for (int k = 0; k < s->seeds_done; k++)
        study_moments_add(&m, value(s, k, variant, test, PSNR) - value(s, k, 0, test, PSNR));
    return m;
}

/* ---- the paper's numbers ---- */

static bool same_word(const char *a, const char *b)
{
    while (*a && tolower((unsigned char)*a) == *b)
        a++, b++;
    return !*a && !*b;
}

static double paper_value(const study *s, int variant, const char *test)
{
    const study_paper *p = &s->plan.variant[variant].paper;
    if (s->recipe.scale != 4)
        return (double)NAN;
    return same_word(test, "set5") ? p->set5 : same_word(test, "set14") ? p->set14 : (double)NAN;
}

static bool paper_has(const study *s, const char *test)
{
    for (int v = 0; v < s->plan.variants; v++)
        if (!isnan(paper_value(s, v, test)))
            return true;
    return false;
}

/* ---- tables ---- */

static drn_status score_row(study_table *t, const study *s, int v, size_t test, const char *name,
                            bool paper, drn_error *err)
{
    char buf[5][STUDY_CELL];
    const char *cell[STUDY_MAX_COLUMNS];
    int n = 0;
    study_moments psnr = over_seeds(s, v, test, PSNR), ssim = over_seeds(s, v, test, SSIM),
                  gradient = over_seeds(s, v, test, GRADIENT), d = difference(s, v, test);
    cell[n++] = s->plan.variant[v].label;
    if (paper)
        cell[n++] = study_number(buf[0], paper_value(s, v, name), 2);
    cell[n++] = study_spread(buf[1], psnr.mean, study_moments_sd(&psnr), 3);
    cell[n++] = v == 0 ? "" : study_spread(buf[2], d.mean, study_moments_estimate(&d).error, 3);
    cell[n++] = study_spread(buf[3], ssim.mean, study_moments_sd(&ssim), 4);
    cell[n++] = study_spread(buf[4], gradient.mean, study_moments_sd(&gradient), 3);
    return study_table_row(t, cell, err);
}

static drn_status score_table(study_report *r, const study *s, size_t test, drn_error *err)
{
    char name[64], against[96], head[96];
    study_table t;
    study_test_name(name, sizeof name, s->o->test[test]);
    bool paper = paper_has(s, name);
    const char *cell[STUDY_MAX_COLUMNS];
    int n = 0;
    snprintf(head, sizeof head, "%.60s: %s", name, s->plan.head);
    snprintf(against, sizeof against, "over %s", s->plan.variant[0].label);
    cell[n++] = head;
    if (paper)
        cell[n++] = "paper";
    cell[n++] = "PSNR-Y";
    cell[n++] = against;
    cell[n++] = "SSIM";
    cell[n++] = "gradient PSNR";
    DRN_TRY(study_table_new(&t, n, err));
    drn_status st = study_table_row(&t, cell, err);
    for (int v = 0; v < s->plan.variants && st == DRN_OK; v++)
        st = score_row(&t, s, v, test, name, paper, err);
    if (st == DRN_OK)
        study_report_table(r, &t);
    study_table_free(&t);
    return st;
}

static drn_status runs_row(study_table *t, const study *s, int k, int v, drn_error *err)
{
    char seed[STUDY_CELL], params[STUDY_CELL], dual[STUDY_CELL], time[STUDY_CELL];
    char psnr[STUDY_MAX_TESTS][STUDY_CELL];
    const study_run *r = run_at(s, k, v);
    const char *cell[STUDY_MAX_COLUMNS] = {s->plan.variant[v].label, seed, params, dual, time};
    snprintf(seed, sizeof seed, "%lld", (long long)r->seed);
    snprintf(params, sizeof params, "%zu", r->parameters);
    snprintf(dual, sizeof dual, "%zu", r->dual_parameters);
    snprintf(time, sizeof time, "%.0f", r->seconds);
    for (size_t t2 = 0; t2 < s->o->tests && t2 < STUDY_MAX_COLUMNS - 5; t2++)
        cell[5 + t2] = study_number(psnr[t2], r->score[t2].psnr, 4);
    return study_table_row(t, cell, err);
}

static drn_status runs_table(study_report *r, const study *s, drn_error *err)
{
    char name[STUDY_MAX_TESTS][64];
    const char *cell[STUDY_MAX_COLUMNS] = {"run", "seed", "parameters", "dual", "seconds"};
    int n = 5;
    study_table t;
    for (size_t k = 0; k < s->o->tests && n < STUDY_MAX_COLUMNS; k++, n++) {
        study_test_name(name[k], sizeof name[k], s->o->test[k]);
        cell[n] = name[k];
    }
    DRN_TRY(study_table_new(&t, n, err));
    drn_status st = study_table_row(&t, cell, err);
    for (int v = 0; v < s->plan.variants; v++)
        for (int k = 0; k < s->seeds_done && st == DRN_OK; k++)
            st = runs_row(&t, s, k, v, err);
    if (st == DRN_OK)
        study_report_table(r, &t);
    study_table_free(&t);
    return st;
}

/* ---- words ---- */

static double total_seconds(const study *s)
{
    double sum = 0;
    for (int k = 0; k < s->seeds_done; k++)
        for (int v = 0; v < s->plan.variants; v++)
            sum += run_at(s, k, v)->seconds;
    return sum;
}

static void data_names(char *buf, size_t size, const drn_study_options *o)
{
    size_t n = 0;
    buf[0] = 0;
    for (size_t i = 0; i < o->datas && n < size; i++) {
        char name[64];
        study_base_name(name, sizeof name, o->data[i]);
        n += (size_t)snprintf(buf + n, size - n, "%s%s", i ? ", " : "", name);
    }
}

static void budget_words(study_report *r, const study *s)
{
    const drn_recipe *c = &s->recipe;
    char data[256], pictures[40] = "pictures";
    data_names(data, sizeof data, s->o);
    if (s->pictures)
        snprintf(pictures, sizeof pictures, "%zu pictures", s->pictures);
    study_report_line(r,
                      "Budget: every run %lld steps of %lld patches of %lldx%lld LR pixels, x%lld, "
                      "%lld channels, "
                      "%lld modules a block, recipe %s; data: %s of %s (split %s). %d of %d seeds, "
                      "the same for every "
                      "row. All runs together trained for %.2f hours. drn %s.",
                      (long long)c->steps, (long long)c->batch, (long long)c->patch,
                      (long long)c->patch, (long long)c->scale, (long long)c->channels,
                      (long long)c->modules, c->name, pictures, data, c->split, s->seeds_done,
                      s->o->seeds, total_seconds(s) / 3600, drn_version());
    study_report_line(r,
                      "Ours: the averaged weights of the last step, chosen by no picture; standard "
                      "protocol (8-bit "
                      "LR by imresize, Y not rounded, shave %lld). Behind \u00b1: the standard "
                      "deviation over seeds; "
                      "for the differences, taken seed by seed, the standard error of their mean.",
                      (long long)c->scale);
    study_report_line(r, "%s", s->plan.paper_note);
    if (s->o->command)
        study_report_line(r, "Command: `%s`", s->o->command);
}

/* ---- JSON ---- */

static json_t *score_json(const study_score *q, const char *test)
{
    return json_pack("{s:s, s:o, s:o, s:o, s:I}", "test", test, "psnr", study_real(q->psnr), "ssim",
                     study_real(q->ssim), "gradient_psnr", study_real(q->gradient), "pictures",
                     (json_int_t)q->pictures);
}

static json_t *run_json(const study *s, int k, int v)
{
    const study_run *r = run_at(s, k, v);
    json_t *scores = json_array();
    for (size_t t = 0; t < s->o->tests; t++) {
        char name[64];
        study_test_name(name, sizeof name, s->o->test[t]);
        json_array_append_new(scores, score_json(&r->score[t], name));
    }
    return json_pack("{s:I, s:o, s:I, s:I, s:o}", "seed", (json_int_t)r->seed, "seconds",
                     study_real(r->seconds), "parameters", (json_int_t)r->parameters,
                     "dual_parameters", (json_int_t)r->dual_parameters, "scores", scores);
}

static json_t *variant_json(const study *s, int v)
{
    const study_variant *x = &s->plan.variant[v];
    json_t *sets = json_array(), *runs = json_array();
    for (int i = 0; i < x->sets; i++)
        json_array_append_new(sets, json_string(x->set[i]));
    for (int k = 0; k < s->seeds_done; k++)
        json_array_append_new(runs, run_json(s, k, v));
    return json_pack("{s:s, s:s, s:o, s:{s:o, s:o}, s:o}", "name", x->name, "label", x->label,
                     "set", sets, "paper", "Set5", study_real(x->paper.set5), "Set14",
                     study_real(x->paper.set14), "runs", runs);
}

static void fill_json(study_report *r, const study *s)
{
    json_t *variants = json_array();
    char *recipe = drn_recipe_print(&s->recipe);
    for (int v = 0; v < s->plan.variants; v++)
        json_array_append_new(variants, variant_json(s, v));
    json_object_set_new(r->json, "study", json_string(s->plan.name));
    json_object_set_new(r->json, "version", json_string(drn_version()));
    json_object_set_new(r->json, "command", json_string(s->o->command ? s->o->command : ""));
    json_object_set_new(r->json, "recipe", json_string(recipe ? recipe : ""));
    json_object_set_new(r->json, "steps", json_integer(s->recipe.steps));
    json_object_set_new(r->json, "seeds", json_integer(s->seeds_done));
    json_object_set_new(r->json, "training_pictures", json_integer((json_int_t)s->pictures));
    json_object_set_new(r->json, "variants", variants);
    drn_free(recipe);
}

static drn_status report(const study *s, drn_error *err)
{
    study_report r;
    drn_status st = DRN_OK;
    DRN_TRY(study_report_open(&r, err));
    study_report_title(&r, s->plan.title);
    for (size_t t = 0; t < s->o->tests; t++)
        DRN_CHECK(score_table(&r, s, t, err));
    budget_words(&r, s);
    DRN_CHECK(runs_table(&r, s, err));
    fill_json(&r, s);
    DRN_CHECK(study_report_write(&r, s->o->out, err));
    if (s->o->say && s->seeds_done == s->o->seeds)
        s->o->say(s->o->ctx, r.text_data);
done:
    study_report_close(&r);
    return st;
}

/* ---- the whole ---- */

static size_t count_pictures(const drn_study_options *o, const drn_recipe *r)
{
    drn_dataset *d;
    drn_dataset_options d_o = {
        .dirs = o->data, .dir_count = o->datas, .split = r->split, .free_only = r->free_only};
    if (drn_dataset_open(&d, &d_o, NULL) != DRN_OK)
        return 0; /* training will say why */
    size_t n = drn_dataset_count(d);
    drn_dataset_free(d);
    return n;
}

/* All that can be wrong without training, before hours are spent. */
static drn_status prepare(study *s, drn_error *err)
{
    const drn_study_options *o = s->o;
    if (o->tests < 1 || o->tests > STUDY_MAX_TESTS)
        return drn_fail(err, DRN_ERR_INVALID, "study: %zu test folders, must be 1..%d", o->tests,
                        STUDY_MAX_TESTS);
    if (o->seeds < 1 || o->seeds > 100)
        return drn_fail(err, DRN_ERR_INVALID, "study: %d seeds, must be 1..100", o->seeds);
    static const study_variant nothing = {.sets = 0};
    DRN_TRY(drn_recipe_load(&s->recipe, o->recipe, err));
    for (size_t i = 0; i < o->sets; i++)
        DRN_TRY(drn_recipe_set(&s->recipe, o->set[i], err));
    int64_t steps = o->steps > 0 ? o->steps : s->recipe.steps, seed = s->recipe.seed;
    DRN_TRY(study_recipe(&s->recipe, o, &nothing, steps, seed, err));
    DRN_TRY(study_plan_make(&s->plan, o, steps, err));
    DRN_TRY(study_report_check(o->out, "study", s->plan.name, err));
    for (int v = 0; v < s->plan.variants; v++) {
        drn_recipe r;
        DRN_TRY(study_recipe(&r, o, &s->plan.variant[v], steps, seed, err));
    }
    for (size_t t = 0; t < o->tests; t++) {
        drn_dataset *d;
        drn_dataset_options only = {.dirs = &o->test[t], .dir_count = 1, .split = STUDY_TEST_SPLIT};
        DRN_TRY(drn_dataset_open(&d, &only, err));
        drn_dataset_free(d);
    }
    s->pictures = count_pictures(o, &s->recipe);
    return drn_calloc_to(&s->run, (size_t)o->seeds * (size_t)s->plan.variants, sizeof *s->run, err);
}

drn_status drn_study(const drn_study_options *options, drn_error *err)
{
    study *s;
    drn_status st = DRN_OK;
    DRN_TRY(drn_calloc_to(&s, 1, sizeof *s, err));
    s->o = options;
    DRN_CHECK(prepare(s, err));
    for (int k = 0; k < options->seeds; k++) {
        for (int v = 0; v < s->plan.variants; v++)
            DRN_CHECK(study_run_make(&s->run[(size_t)k * (size_t)s->plan.variants + (size_t)v],
                                     options, &s->plan.variant[v], s->recipe.steps,
                                     s->recipe.seed + k, err));
        s->seeds_done = k + 1; /* a page after every seed: whoever stops early has one */
        DRN_CHECK(report(s, err));
    }
done:
    drn_free(s->run);
    drn_free(s);
    return st;
}
