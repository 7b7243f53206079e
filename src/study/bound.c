/* drn_bound(): appendix A of the paper as numbers. */
#include "drn/study.h"

#include "base/mem.h"
#include "study/hypotheses.h"
#include "study/patches.h"
#include "study/rademacher.h"
#include "study/report.h"

#include <math.h>

enum { JOINT = 0, PRIMAL = 1, KINDS = 2 }; /* l1 + l2, and l1 alone */

typedef struct numbers {
    double M;
    study_estimate empirical; /* R^_Z of Z_0 */
    study_estimate expected;  /* R_m, over all Z_k */
    double massart;           /* of Z_0 */
} numbers;

typedef struct bound {
    const drn_bound_options *o;
    study_loss loss;
    hypotheses h;
    study_source source;
    size_t m, sets;       /* samples in a Z; number of Z */
    double *table[KINDS]; /* [sets][hypotheses][m]; Z_0 is the sample of the theorems */
    float *x, *target[DRN_DATA_LEVELS];
    double *signs; /* [m] */
    size_t clipped, values;
    numbers of[KINDS];
    study_estimate difference, expected_difference; /* joint minus primal */
} bound;

/* ---- losses ---- */

static drn_status check(const drn_bound_options *o, drn_error *err)
{
    if (o->samples < 1 || o->samples > 1000000 || o->resamples < 2 || o->resamples > 10000)
        return drn_fail(err, DRN_ERR_INVALID,
                        "bound: %d samples and %d resamples must be 1..1000000 and 2..10000",
                        o->samples, o->resamples);
    if (o->draws < 2 || o->patch < 4 || o->patch > 1024)
        return drn_fail(err, DRN_ERR_INVALID,
                        "bound: %d draws must be at least 2, patch %d within 4..1024", o->draws,
                        o->patch);
    if (!(o->delta > 0 && o->delta < 1) || !(o->clip >= 0))
        return drn_fail(err, DRN_ERR_INVALID,
                        "bound: delta %g must lie between 0 and 1, clip %g be at least 0", o->delta,
                        o->clip);
    return DRN_OK;
}

static drn_status open_all(bound *b, drn_error *err)
{
    const drn_bound_options *o = b->o;
    DRN_TRY(check(o, err));
    DRN_TRY(study_loss_parse(&b->loss, o->loss, o->lambda, err));
    DRN_TRY(hypotheses_open(&b->h, o->runs, o->run_count, &b->loss, o->patch, o->threads, err));
    study_source_options s = {.dirs = o->data,
                              .dir_count = o->datas,
                              .split = o->split,
                              .scale = b->h.scale,
                              .patch = o->patch,
                              .how = DRN_DEGRADE_BICUBIC,
                              .seed = o->seed};
    DRN_TRY(study_source_open(&b->source, &s, err));
    b->m = (size_t)o->samples;
    b->sets = (size_t)o->resamples;
    size_t n = 3 * (size_t)o->patch * (size_t)o->patch, all;
    DRN_TRY(drn_size_mul(&all, b->m * b->sets, b->h.count, err));
    for (int k = 0; k < KINDS; k++)
        DRN_TRY(drn_alloc_to(&b->table[k], all, sizeof(double), err));
    DRN_TRY(drn_alloc_to(&b->signs, b->m, sizeof(double), err));
    DRN_TRY(drn_alloc_to(&b->x, n, sizeof(float), err));
    for (int l = 0; 2 << l <= b->h.scale; l++)
        DRN_TRY(drn_alloc_to(&b->target[l], n << (2 * (l + 1)), sizeof(float), err));
    return DRN_OK;
}

static void close_all(bound *b)
{
    for (int k = 0; k < KINDS; k++)
        drn_free(b->table[k]);
    for (int l = 0; l < DRN_DATA_LEVELS; l++)
        drn_free(b->target[l]);
    drn_free(b->signs);
    drn_free(b->x);
    study_source_close(&b->source);
    hypotheses_close(&b->h);
}

static double clip(bound *b, double v)
{
    b->values++;
    if (!(b->o->clip > 0 && v > b->o->clip))
        return v;
    b->clipped++;
    return b->o->clip;
}

static double *row(const bound *b, int kind, size_t set, size_t hypothesis)
{
    return b->table[kind] + (set * b->h.count + hypothesis) * b->m;
}

/* Sample `set * m + i` for every hypothesis. */
static drn_status fill_sample(bound *b, size_t set, size_t i, drn_error *err)
{
    int last = drn_net_levels(&b->h.model[0]->config) - 1;
    DRN_TRY(study_source_draw(&b->source, set * b->m + i, b->x, b->target, err));
    for (size_t h = 0; h < b->h.count; h++) {
        double l1, l2;
        study_eval_run(&l1, &l2, b->h.eval[h], b->x, b->target[last]);
        l1 = clip(b, l1);
        row(b, PRIMAL, set, h)[i] = l1;
        row(b, JOINT, set, h)[i] = b->h.dual ? l1 + clip(b, l2) : l1;
    }
    return DRN_OK;
}

static drn_status fill(bound *b, drn_error *err)
{
    int64_t all = (int64_t)(b->sets * b->m), done = 0;
    for (size_t set = 0; set < b->sets; set++)
        for (size_t i = 0; i < b->m; i++) {
            DRN_TRY(fill_sample(b, set, i, err));
            if (b->o->running && !b->o->running(b->o->ctx, ++done, all))
                return drn_fail(err, DRN_ERR_CANCELLED, "stopped at sample %lld of %lld",
                                (long long)done, (long long)all);
        }
    return DRN_OK;
}

/* ---- numbers ---- */

static void complexities(bound *b)
{
    study_moments expected[KINDS] = {{0}}, difference = {0};
    double each = b->o->clip > 0 ? b->o->clip : study_loss_bound(&b->loss);
    for (size_t set = 0; set < b->sets; set++) {
        const double *tables[KINDS] = {row(b, JOINT, set, 0), row(b, PRIMAL, set, 0)};
        study_estimate e[KINDS], d;
        study_rademacher(e, &d, tables, KINDS, b->h.count, b->m, (size_t)b->o->draws, STUDY_PAIRS,
                         b->o->seed + set, b->signs);
        for (int k = 0; k < KINDS; k++) {
            study_moments_add(&expected[k], e[k].mean);
            if (set == 0)
                b->of[k].empirical = e[k];
        }
        study_moments_add(&difference, d.mean);
        if (set == 0)
            b->difference = d;
    }
    for (int k = 0; k < KINDS; k++) {
        b->of[k].M = k == JOINT ? 2 * each : each;
        b->of[k].expected = study_moments_estimate(&expected[k]);
        b->of[k].massart = study_massart(row(b, k, 0, 0), b->h.count, b->m);
    }
    b->expected_difference = study_moments_estimate(&difference);
}

static double term2(const bound *b, int kind)
{
    return study_hoeffding(b->of[kind].M, b->h.count, b->m, b->o->delta);
}

static double term9(const bound *b, int kind)
{
    return study_bound9(b->of[kind].expected.mean, b->of[kind].M, b->m, b->o->delta);
}

static double term10(const bound *b, int kind)
{
    return study_bound10(b->of[kind].empirical.mean, b->of[kind].M, b->m, b->o->delta);
}

/* The loss on the samples outside Z_0, an estimate of E(P, D). */
static study_estimate elsewhere(const bound *b, int kind, size_t h)
{
    study_moments s = {0};
    for (size_t set = 1; set < b->sets; set++)
        for (size_t i = 0; i < b->m; i++)
            study_moments_add(&s, row(b, kind, set, h)[i]);
    return study_moments_estimate(&s);
}

/* ---- the page ---- */

static json_t *estimate_json(study_estimate e)
{
    return json_pack("{s:o, s:o}", "mean", study_real(e.mean), "error", study_real(e.error));
}

static json_t *complexity_json(const bound *b, int k)
{
    const numbers *n = &b->of[k];
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "M", study_real(n->M), "empirical",
                     estimate_json(n->empirical), "expected", estimate_json(n->expected), "massart",
                     study_real(n->massart), "theorem2_term", study_real(term2(b, k)),
                     "theorem3_9_term", study_real(term9(b, k)), "theorem3_10_term",
                     study_real(term10(b, k)));
}

static drn_status complexity_row(study_table *t, const bound *b, int k, drn_error *err)
{
    char buf[7][STUDY_CELL];
    const numbers *n = &b->of[k];
    const char *cell[] = {k == JOINT ? "primal + dual" : "primal alone",
                          study_number(buf[0], n->M, 4),
                          study_spread(buf[1], n->empirical.mean, n->empirical.error, 6),
                          study_spread(buf[2], n->expected.mean, n->expected.error, 6),
                          study_number(buf[3], n->massart, 6),
                          study_number(buf[4], term2(b, k), 4),
                          study_number(buf[5], term9(b, k), 4),
                          study_number(buf[6], term10(b, k), 4)};
    return study_table_row(t, cell, err);
}

static drn_status complexity_table(study_report *r, const bound *b, drn_error *err)
{
    static const char *const head[] = {"loss",    "M",         "R^_Z",   "R_m",
                                       "Massart", "Theorem 2", "3, (9)", "3, (10)"};
    study_table t;
    DRN_TRY(study_table_new(&t, 8, err));
    drn_status st = study_table_row(&t, head, err);
    if (b->h.dual && st == DRN_OK)
        st = complexity_row(&t, b, JOINT, err);
    if (st == DRN_OK)
        st = complexity_row(&t, b, PRIMAL, err);
    if (st == DRN_OK)
        study_report_table(r, &t);
    study_table_free(&t);
    return st;
}

static drn_status hypothesis_row(study_table *t, study_report *r, const bound *b, size_t h,
                                 drn_error *err)
{
    char buf[7][STUDY_CELL];
    int k = b->h.dual ? JOINT : PRIMAL;
    double primal = study_mean(row(b, PRIMAL, 0, h), b->m),
           loss = study_mean(row(b, k, 0, h), b->m);
    double b2 = loss + term2(b, k), b9 = loss + term9(b, k), b10 = loss + term10(b, k);
    study_estimate outside = elsewhere(b, k, h);
    const char *cell[] = {b->h.name[h],
                          study_number(buf[0], primal, 5),
                          b->h.dual ? study_number(buf[1], loss - primal, 5) : "-",
                          study_number(buf[2], loss, 5),
                          study_spread(buf[3], outside.mean, outside.error, 5),
                          study_number(buf[4], b2, 4),
                          study_number(buf[5], b9, 4),
                          study_number(buf[6], b10, 4)};
    json_t *o = json_pack("{s:s, s:o, s:o, s:o, s:o, s:o, s:o}", "model", b->h.name[h], "primal",
                          study_real(primal), "empirical_loss", study_real(loss), "elsewhere",
                          estimate_json(outside), "theorem2", study_real(b2), "theorem3_9",
                          study_real(b9), "theorem3_10", study_real(b10));
    json_array_append_new(json_object_get(r->json, "hypotheses"), o);
    return study_table_row(t, cell, err);
}

static drn_status hypothesis_table(study_report *r, const bound *b, drn_error *err)
{
    static const char *const head[] = {"hypothesis", "primal",    "dual",   "E^ (8)",
                                       "elsewhere",  "Theorem 2", "3, (9)", "3, (10)"};
    study_table t;
    json_object_set_new(r->json, "hypotheses", json_array());
    DRN_TRY(study_table_new(&t, 8, err));
    drn_status st = study_table_row(&t, head, err);
    for (size_t h = 0; h < b->h.count && st == DRN_OK; h++)
        st = hypothesis_row(&t, r, b, h, err);
    if (st == DRN_OK)
        study_report_table(r, &t);
    study_table_free(&t);
    return st;
}

static void setup_words(study_report *r, const bound *b)
{
    const drn_bound_options *o = b->o;
    study_report_line(
        r,
        "H: %zu models. Z: m = %zu patches of %dx%d LR pixels of x%d pairs (LR by the standard "
        "protocol's bicubic), drawn from %zu pictures (split %s, where a "
        "manifest has one); %zu such Z, independent. %d pairs sigma, -sigma drawn for each. delta "
        "= %g, seed %llu. drn %s.",
        b->h.count, b->m, o->patch, o->patch, b->h.scale, b->source.count,
        o->split ? o->split : "all", b->sets, o->draws, o->delta, (unsigned long long)o->seed,
        drn_version());
    study_report_line(r,
                      "l1 and l2 are %s (lambda %g), the mean over a patch, of values in [0,1]; "
                      "P(x) and D(P(x)) are "
                      "clamped to that range as any stored picture is, and D is the chain of the "
                      "dual models from "
                      "the largest image down to the input.",
                      study_loss_name(b->loss.kind), b->loss.lambda);
    if (o->clip > 0)
        study_report_line(
            r,
            "Each is cut off at %g, so their sum lies in [0, %g] and M = %g: the numbers "
            "are of the losses so cut (%.3g %% of the values were).",
            o->clip, 2 * o->clip, 2 * o->clip,
            100 * (double)b->clipped / (double)(b->values ? b->values : 1));
    else
        study_report_line(
            r,
            "No pictures in [0,1] can be further apart than %g in this loss, so M = %g "
            "for the sum, and %g for l1 alone.",
            study_loss_bound(&b->loss), b->of[JOINT].M, b->of[PRIMAL].M);
}

static void explain_words(study_report *r)
{
    study_report_line(
        r,
        "R^_Z: empirical Rademacher complexity of the first Z (Definition 4) \u00b1 its "
        "Monte-Carlo "
        "standard error; R_m: the mean over all Z (Eq. 9's) \u00b1 the standard error of that "
        "mean; "
        "Massart: max |l|_2 sqrt(2 ln |H|)/m, which R^_Z cannot exceed. The last three columns of "
        "the "
        "first table are what each theorem adds to the empirical loss; those of the second are the "
        "bounds, each true for all of H with probability 1 - delta when H was chosen without Z. "
        "\"Elsewhere\" is the loss on the other Z, an estimate of what is bounded.");
}

static void remark_words(study_report *r, const bound *b)
{
    study_estimate d = b->difference, e = b->expected_difference;
    const char *verdict = e.mean - 2 * e.error > 0   ? "It is positive here."
                          : e.mean + 2 * e.error < 0 ? "It is negative here, as the remark has it."
                                                     : "It is not told from 0 here.";
    if (b->h.dual)
        study_report_line(
            r,
            "Remark 1 says that the complexity with dual learning is not above that without. "
            "Difference (same sigma): %.6f \u00b1 %.6f for the first Z, %.6f \u00b1 %.6f over all "
            "Z. %s",
            d.mean, d.error, e.mean, e.error, verdict);
    else
        study_report_line(r,
                          "Not all of these models have dual models, so there is only the primal "
                          "loss.");
    if (b->o->command)
        study_report_line(r, "Command: `%s`", b->o->command);
}

static void fill_json(study_report *r, const bound *b)
{
    const drn_bound_options *o = b->o;
    json_t *j = r->json;
    json_object_set_new(j, "version", json_string(drn_version()));
    json_object_set_new(j, "command", json_string(o->command ? o->command : ""));
    json_object_set_new(j, "loss", json_string(o->loss));
    json_object_set_new(j, "lambda", study_real(o->lambda));
    json_object_set_new(j, "clip", study_real(o->clip));
    json_object_set_new(j, "delta", study_real(o->delta));
    json_object_set_new(j, "m", json_integer((json_int_t)b->m));
    json_object_set_new(j, "hypothesis_count", json_integer((json_int_t)b->h.count));
    json_object_set_new(j, "resamples", json_integer((json_int_t)b->sets));
    json_object_set_new(j, "primal", complexity_json(b, PRIMAL));
    if (!b->h.dual)
        return;
    json_object_set_new(j, "joint", complexity_json(b, JOINT));
    json_object_set_new(j, "difference", estimate_json(b->difference));
    json_object_set_new(j, "expected_difference", estimate_json(b->expected_difference));
}

static drn_status report(const bound *b, drn_error *err)
{
    study_report r;
    drn_status st = DRN_OK;
    DRN_TRY(study_report_open(&r, err));
    study_report_title(&r, "The generalization bound of a finite set of models");
    DRN_CHECK(complexity_table(&r, b, err));
    DRN_CHECK(hypothesis_table(&r, b, err));
    setup_words(&r, b);
    explain_words(&r);
    remark_words(&r, b);
    fill_json(&r, b);
    DRN_CHECK(study_report_write(&r, b->o->out, err));
    if (b->o->say)
        b->o->say(b->o->ctx, r.text_data);
done:
    study_report_close(&r);
    return st;
}

drn_status drn_bound(const drn_bound_options *options, drn_error *err)
{
    bound *b;
    drn_status st = DRN_OK;
    DRN_TRY(drn_calloc_to(&b, 1, sizeof *b, err));
    b->o = options;
    DRN_CHECK(study_report_check(options->out, "hypotheses", NULL, err));
    DRN_CHECK(open_all(b, err));
    DRN_CHECK(fill(b, err));
    complexities(b);
    DRN_CHECK(report(b, err));
done:
    close_all(b);
    drn_free(b);
    return st;
}
