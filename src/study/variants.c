#include "study/variants.h"

#include "base/error.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NONE                                                                                       \
    {                                                                                              \
        (double)NAN, (double)NAN                                                                   \
    }

/* Table 4.  Its first two columns are lost in the copy of the paper at hand. */
static const study_variant table4[] = {
    {"plain", "plain", {"model.progressive=false", "model.dual=false"}, 2, NONE},
    {"dual", "dual", {"model.progressive=false", "model.dual=true"}, 2, NONE},
    {"progressive",
     "progressive",
     {"model.progressive=true", "model.dual=false"},
     2,
     {32.17, 28.52}},
    {"dual-progressive",
     "dual + progressive",
     {"model.progressive=true", "model.dual=true"},
     2,
     {32.24, 28.58}},
};

/* Fig. 2 is lost; "GS loss" of Table 1 is the progressive network without dual (its Set5 number is
 * Table 4's). */
static const study_variant losses[] = {
    {"mse", "MSE (1)", {"loss.kind=mse", "model.dual=false"}, 2, NONE},
    {"mae", "MAE (1)", {"loss.kind=mae", "model.dual=false"}, 2, NONE},
    {"gradient", "gradient (2)", {"loss.kind=gradient", "model.dual=false"}, 2, NONE},
    {"gs", "gradient-sensitive (5)", {"loss.kind=gs", "model.dual=false"}, 2, {32.17, 28.51}},
    {"gradient-pixel",
     "gradient + pixel (3)",
     {"loss.kind=gradient_pixel", "model.dual=false"},
     2,
     NONE},
};
enum { PAPER_LOSSES = 4 }; /* the others run when they are asked for */

static const struct {
    double lambda, set5;
} table6[] = {{0.1, 30.44}, {0.5, 31.55}, {1, 31.92}, {1.5, 32.13}, {2, 32.24}, {5, 32.24}};

static drn_status add(study_plan *p, const study_variant *v, drn_error *err)
{
    if (p->variants == STUDY_MAX_VARIANTS)
        return drn_fail(err, DRN_ERR_INVALID, "a study of more than %d variants",
                        STUDY_MAX_VARIANTS);
    for (int i = 0; i < p->variants; i++)
        if (strcmp(p->variant[i].name, v->name) == 0)
            return drn_fail(err, DRN_ERR_INVALID, "the study has '%s' twice", v->name);
    p->variant[p->variants++] = *v;
    return DRN_OK;
}

__attribute__((format(printf, 2, 3))) static void key(study_variant *v, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(v->set[v->sets++], sizeof v->set[0], fmt, ap);
    va_end(ap);
}

/* The next word of "a,b,c"; false at the end. */
static bool next_word(char word[32], const char **list, drn_status *st, drn_error *err)
{
    size_t n = strcspn(*list, ",");
    if (*st != DRN_OK || !**list)
        return false;
    if (n == 0 || n >= 32) {
        *st = drn_fail(err, DRN_ERR_INVALID, "'%.60s' begins with no value; wanted: 0.1,0.5,1",
                       *list);
        return false;
    }
    memcpy(word, *list, n);
    word[n] = 0;
    *list += n + ((*list)[n] == ',');
    return true;
}

static drn_status number(double *v, const char *word, double lo, double hi, drn_error *err)
{
    char *end;
    *v = strtod(word, &end);
    if (end == word || *end || !(*v >= lo && *v <= hi))
        return drn_fail(err, DRN_ERR_INVALID, "'%s' is not a number from %g to %g", word, lo, hi);
    return DRN_OK;
}

static drn_status plan_lambda(study_plan *p, const char *values, drn_error *err)
{
    char word[32];
    drn_status st = DRN_OK;
    values = values ? values : "0.1,0.5,1.0,1.5,2.0,5.0";
    while (next_word(word, &values, &st, err)) {
        study_variant v = {.paper = NONE};
        double lambda;
        DRN_TRY(number(&lambda, word, 0, 1e6, err));
        snprintf(v.name, sizeof v.name, "lambda-%s", word);
        snprintf(v.label, sizeof v.label, "%s", word);
        key(&v, "model.progressive=true");
        key(&v, "model.dual=true");
        key(&v, "loss.kind=gs");
        key(&v, "loss.lambda=%s", word);
        for (size_t i = 0; i < sizeof table6 / sizeof *table6; i++)
            if (fabs(table6[i].lambda - lambda) < 1e-12)
                v.paper.set5 = table6[i].set5;
        DRN_TRY(add(p, &v, err));
    }
    return st;
}

static drn_status plan_ratio(study_plan *p, const char *values, drn_error *err)
{
    char word[32];
    drn_status st = DRN_OK;
    values = values ? values : "0.1,0.25,0.5,1";
    while (next_word(word, &values, &st, err)) {
        study_variant v = {.paper = NONE};
        double ratio;
        DRN_TRY(number(&ratio, word, 1e-9, 1, err));
        snprintf(v.name, sizeof v.name, "ratio-%s", word);
        snprintf(v.label, sizeof v.label, "%g %%", 100 * ratio);
        key(&v, "model.progressive=true");
        key(&v, "model.dual=true");
        key(&v, "data.ratio=%s", word);
        if (fabs(ratio - 1) < 1e-12)
            v.paper = (study_paper){32.24, 28.58};
        DRN_TRY(add(p, &v, err));
    }
    return st;
}

/* Every combination of target, weight and start, behind the network without dual terms. */
static drn_status add_dual(study_plan *p, const char *target, const char *weight, const char *start,
                           int64_t steps, drn_error *err)
{
    study_variant v = {.paper = NONE};
    double w, s;
    DRN_TRY(number(&w, weight, 0, 1e6, err));
    DRN_TRY(number(&s, start, 0, 1, err));
    if (strcmp(target, "lr") != 0 && strcmp(target, "predicted") != 0)
        return drn_fail(err, DRN_ERR_INVALID, "'%s' is no target; lr or predicted", target);
    snprintf(v.name, sizeof v.name, "%.9s-w%.12s-s%.12s", target, weight, start);
    snprintf(v.label, sizeof v.label, "%.9s, weight %.4g, from %.3g %%", target, w, 100 * s);
    key(&v, "model.dual=true");
    key(&v, "loss.dual_target=%.9s", target);
    key(&v, "loss.dual_weight=%.17g", w);
    key(&v, "loss.dual_start=%lld", (long long)floor(s * (double)steps));
    return add(p, &v, err);
}

static drn_status plan_dual(study_plan *p, const drn_study_options *o, int64_t steps,
                            drn_error *err)
{
    static const study_variant none = {"none", "no dual", {"model.dual=false"}, 1, NONE};
    const char *targets = o->targets ? o->targets : "lr,predicted";
    char t[32], w[32], s[32];
    drn_status st = DRN_OK;
    DRN_TRY(add(p, &none, err));
    while (next_word(t, &targets, &st, err)) {
        const char *weights = o->weights ? o->weights : "0.01,0.1,1";
        while (next_word(w, &weights, &st, err)) {
            const char *starts = o->starts ? o->starts : "0,0.5";
            while (next_word(s, &starts, &st, err))
                DRN_TRY(add_dual(p, t, w, s, steps, err));
        }
    }
    return st;
}

static drn_status plan_list(study_plan *p, const study_variant *list, size_t n, drn_error *err)
{
    for (size_t i = 0; i < n; i++)
        DRN_TRY(add(p, &list[i], err));
    return DRN_OK;
}

/* Keep the variants named, in the study's order. */
static drn_status keep_only(study_plan *p, const char *const *only, size_t onlys, drn_error *err)
{
    int kept = 0;
    for (size_t k = 0; k < onlys; k++) {
        char known[300] = "";
        bool found = false;
        for (int i = 0; i < p->variants; i++) {
            size_t n = strlen(known);
            found |= strcmp(p->variant[i].name, only[k]) == 0;
            snprintf(known + n, sizeof known - n, "%s%s", i ? ", " : "", p->variant[i].name);
        }
        if (!found)
            return drn_fail(err, DRN_ERR_INVALID, "study %s has no variant '%.60s'; it has %s",
                            p->name, only[k], known);
    }
    for (int i = 0; i < p->variants; i++)
        for (size_t k = 0; k < onlys; k++)
            if (strcmp(p->variant[i].name, only[k]) == 0) {
                p->variant[kept++] = p->variant[i];
                break;
            }
    p->variants = kept;
    return DRN_OK;
}

static const study_plan heads[] = {
    [DRN_STUDY_TABLE4] = {.name = "table4",
                          .title = "Table 4: dual reconstruction and progressive structure",
                          .head = "network",
                          .paper_note =
                              "Paper: Table 4, of networks with 7 modules a block trained for 1e6 "
                              "steps on 350k pictures; its columns \"plain\" and \"dual\" are not "
                              "legible in the copy we have."},
    [DRN_STUDY_LOSS] = {.name = "loss",
                        .title = "Figure 2: the loss function",
                        .head = "loss (equation)",
                        .paper_note =
                            "Paper: Fig. 2 is not legible in the copy we have; the number for the "
                            "gradient-sensitive loss is Table 1's row \"GS loss\", the network "
                            "without dual models. Here, too, no run has dual models."},
    [DRN_STUDY_LAMBDA] = {.name = "lambda",
                          .title = "Table 6: lambda of Eq. 5",
                          .head = "lambda",
                          .paper_note = "Paper: Table 6 (Set5, by its number for lambda 2)."},
    [DRN_STUDY_DATA_RATIO] = {.name = "data-ratio",
                              .title = "Figure 5: share of the training data",
                              .head = "pictures",
                              .paper_note =
                                  "Paper: Fig. 5 is not legible in the copy we have; the number "
                                  "for all pictures (350k there) is Table 4's. Its other curve, "
                                  "DBPN, is not repeated here."},
    [DRN_STUDY_DUAL] = {.name = "dual",
                        .title = "When the dual terms pay: weight, target and first step",
                        .head = "dual terms",
                        .paper_note =
                            "Paper: weight 1, predicted target, from the first step (Eq. 7); it "
                            "has no such table."},
};

drn_status study_plan_make(study_plan *p, const drn_study_options *o, int64_t steps, drn_error *err)
{
    *p = heads[o->kind];
    switch (o->kind) {
    case DRN_STUDY_TABLE4:
        DRN_TRY(plan_list(p, table4, sizeof table4 / sizeof *table4, err));
        break;
    case DRN_STUDY_LOSS:
        DRN_TRY(
            plan_list(p, losses, o->onlys ? sizeof losses / sizeof *losses : PAPER_LOSSES, err));
        break;
    case DRN_STUDY_LAMBDA:
        DRN_TRY(plan_lambda(p, o->values, err));
        break;
    case DRN_STUDY_DATA_RATIO:
        DRN_TRY(plan_ratio(p, o->values, err));
        break;
    case DRN_STUDY_DUAL:
        DRN_TRY(plan_dual(p, o, steps, err));
        break;
    }
    return o->onlys ? keep_only(p, o->only, o->onlys, err) : DRN_OK;
}
