/* drn study: the paper's ablations. */
#include "cli.h"
#include "device.h"
#include "interrupt.h"
#include "live.h"

#include "drn/study.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct options {
    const char *recipe, *out, *values, *weights, *targets, *starts;
    text_list data, val, test, set, only;
    int seeds, steps, device, precision;
    bool resume, quiet;
} options;

static const opt table[] = {
    OPT(TEXT, recipe, "recipe", 0, .arg = "FILE", .fallback = "study-x4",
        .doc = "what all runs share: a file, or the name of a built-in recipe"),
    OPT(LIST, data, "data", 0, .arg = "DIR", .required = true,
        .doc = "folder of high-resolution pictures; may be given several times"),
    OPT(LIST, test, "test", 0, .arg = "DIR", .required = true,
        .doc =
            "folder of originals the models are measured on (Set5, Set14; with a manifest.csv: its "
            "split val); may be given several times"),
    OPT(LIST, val, "val", 0, .arg = "DIR",
        .doc = "folder of pictures to validate on; see 'drn train --help'"),
    OPT(TEXT, out, "out", 'o', .arg = "DIR", .required = true,
        .doc = "folder of the study: runs/, results.txt, results.md, results.json; created"),
    OPT(INT, seeds, "seeds", 0, .arg = "N", .min = 1, .max = 100, .fallback = "1",
        .doc = "runs of every variant, with the recipe's seed and the following"),
    OPT(INT, steps, "steps", 0, .arg = "N", .min = 0, .max = 2000000000, .fallback = "0",
        .doc = "of every run; 0: the recipe's"),
    OPT(LIST, only, "only", 0, .arg = "NAME",
        .doc = "run this variant; may be given several times"),
    OPT(TEXT, values, "values", 0, .arg = "A,B,..",
        .doc = "lambda: values of lambda; data-ratio: shares of the pictures"),
    OPT(TEXT, weights, "weights", 0, .arg = "A,B,..",
        .doc = "dual: weights of the dual terms (without: 0.01,0.1,1)"),
    OPT(TEXT, targets, "targets", 0, .arg = "A,B",
        .doc = "dual: what D(P(x)) is compared with, lr or predicted (without: both)"),
    OPT(TEXT, starts, "starts", 0, .arg = "A,B,..",
        .doc = "dual: first step with dual terms, as a share of all steps (without: 0,0.5)"),
    OPT(LIST, set, "set", 0, .arg = "KEY=VALUE",
        .doc = "change a key of the recipe in all runs, for example loss.dual_weight=0.05"),
    OPT(FLAG, resume, "resume", 0, .doc = "skip finished runs and go on with begun ones"),
    DEVICE_OPTIONS,
    OPT(FLAG, quiet, "quiet", 'q', .doc = "the table only"),
    {0},
};

static int run(int argc, char **argv);
const command cmd_study = {
    "study",
    "KIND --data DIR --test DIR --out DIR",
    "Repeat an ablation of the paper",
    "KIND: table4 (plain, dual, progressive, dual-progressive), loss (mse, mae, gradient, gs; Fig. "
    "2), "
    "lambda (Table 6), data-ratio (Fig. 5), dual (weight, target and start of the dual terms).  "
    "Every "
    "variant is trained with the same seeds and the same number of steps; runs are ordinary ones "
    "of "
    "'drn train' in DIR/runs.  Ctrl-C saves a checkpoint and ends; run again with --resume to go "
    "on.",
    table,
    1,
    1,
    run,
};

static const char *const kinds[] = {"table4", "loss", "lambda", "data-ratio", "dual"};

static int kind_of(const char *name)
{
    for (int i = 0; i < (int)(sizeof kinds / sizeof *kinds); i++)
        if (strcmp(kinds[i], name) == 0)
            return i;
    cli_usage(&cmd_study, "KIND is table4, loss, lambda, data-ratio or dual, not '%s'", name);
}

static bool on_step(void *ctx, const drn_train_progress *p)
{
    live_line *l = ctx;
    if (live_due(l))
        live_print(l, "step %lld/%lld  %.2f it/s  loss %.5f  PSNR %.3f", (long long)p->step,
                   (long long)p->steps, p->steps_per_second, p->loss, p->val_psnr);
    return !interrupt_asked();
}

static void check_lists(const options *o, int kind)
{
    bool dual = o->weights || o->targets || o->starts;
    if (dual && kind != DRN_STUDY_DUAL)
        cli_usage(&cmd_study, "--weights, --targets and --starts belong to the study dual");
    if (o->values && kind != DRN_STUDY_LAMBDA && kind != DRN_STUDY_DATA_RATIO)
        cli_usage(&cmd_study, "--values belongs to the studies lambda and data-ratio");
}

static int run(int argc, char **argv)
{
    options o = {0};
    arg_list args;
    drn_error err = {0};
    char *words = command_line(argc, argv);
    cli_parse(&cmd_study, &o, &args, argc, argv);
    int kind = kind_of(args.items[0]);
    check_lists(&o, kind);
    announce_device(o.device, o.quiet);
    live_line line = live_start(o.quiet);
    drn_study_options study = {
        .kind = (drn_study_kind)kind,
        .recipe = o.recipe,
        .set = o.set.items,
        .sets = (size_t)o.set.count,
        .data = o.data.items,
        .datas = (size_t)o.data.count,
        .val = o.val.items,
        .vals = (size_t)o.val.count,
        .test = o.test.items,
        .tests = (size_t)o.test.count,
        .only = o.only.items,
        .onlys = (size_t)o.only.count,
        .values = o.values,
        .weights = o.weights,
        .targets = o.targets,
        .starts = o.starts,
        .out = o.out,
        .seeds = o.seeds,
        .steps = o.steps,
        .resume = o.resume,
        .device = (drn_device)o.device,
        .numbers = (drn_numbers)o.precision,
        .command = words,
        .say = live_say,
        .progress = on_step,
        .ctx = &line,
    };
    interrupt_catch();
    drn_status st = drn_study(&study, &err);
    live_end(&line);
    free(words);
    free(args.items);
    if (st == DRN_ERR_CANCELLED)
        return cli_error("stopped; checkpoint saved, go on with --resume");
    return st == DRN_OK ? EXIT_OK : cli_fail(&err);
}
