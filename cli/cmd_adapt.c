/* drn adapt: fine-tune a model on LR pictures without originals. */
#include "cli.h"
#include "interrupt.h"
#include "live.h"
#include "models.h"
#include "pictures.h"

#include "drn/study.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct options {
    const char *model, *out, *loss;
    text_list data, paired, test;
    int degrade, paired_degrade, dual, pretrain, steps, batch, patch, seed, threads;
    double sigma, lambda, weight, lr, dual_lr;
    bool quiet;
} options;

static const opt table[] = {
    OPT(TEXT, model, "model", 'm', .arg = "MODEL", .fallback = DEFAULT_MODEL,
        .doc = "what is adapted: a built-in model, or a .safetensors file"),
    OPT(LIST, data, "data", 0, .arg = "DIR", .required = true,
        .doc = "folder of LR pictures without originals; may be given several times"),
    OPT(LIST, paired, "paired", 0, .arg = "DIR",
        .doc = "folder of originals; their pairs keep the model what it is, and teach the dual "
               "models"),
    OPT(TEXT, out, "out", 'o', .arg = "DIR", .required = true,
        .doc = "folder for model.safetensors, log.jsonl and the results; created"),
    OPT(INT, steps, "steps", 0, .arg = "N", .min = 0, .max = 1000000000, .fallback = "500",
        .doc = "of the adaptation"),
    OPT(NUMBER, lr, "lr", 0, .arg = "RATE", .min = 0, .max = 1, .fallback = "1e-4",
        .doc = "first learning rate; falls to 0 by a cosine"),
    OPT(CHOICE, dual, "dual", 0, .arg = "HOW", .choices = "frozen|joint", .fallback = "frozen",
        .doc = "dual models during the adaptation: as they are, or learning too"),
    OPT(INT, pretrain, "pretrain", 0, .arg = "N", .min = -1, .max = 1000000000, .fallback = "-1",
        .doc = "steps of the dual models alone on the pairs, before; -1: 500 where the model has "
               "none, else 0"),
    OPT(NUMBER, dual_lr, "dual-lr", 0, .arg = "RATE", .min = 0, .max = 1, .fallback = "1e-3",
        .doc = "first learning rate of that"),
    OPT(NUMBER, weight, "dual-weight", 0, .arg = "W", .min = 1e-9, .max = 1e6, .fallback = "1",
        .doc = "weight of the dual terms (Eq. 6: 1)"),
    OPT(TEXT, loss, "loss", 0, .arg = "NAME", .fallback = "mae",
        .doc = "of primal and dual terms: mse, mae, charbonnier, gradient, gradient_pixel or gs"),
    OPT(NUMBER, lambda, "lambda", 0, .arg = "L", .min = 0, .max = 1e6, .fallback = "2",
        .doc = "of Eq. 3 and 5"),
    OPT(INT, batch, "batch", 0, .arg = "N", .min = 1, .max = 4096, .fallback = "8",
        .doc = "patches a step of each kind"),
    OPT(INT, patch, "patch", 0, .arg = "P", .min = 4, .max = 1024, .fallback = "32",
        .doc = "LR pixels a side"),
    OPT(INT, seed, "seed", 0, .arg = "S", .min = 0, .max = 2000000000, .fallback = "1",
        .doc = "which patches, and what new dual models begin with"),
    OPT(LIST, test, "test", 0, .arg = "DIR",
        .doc = "folder of originals to measure on before and after; may be given several times"),
    OPT(CHOICE, degrade, "degrade", 0, .arg = "HOW", .choices = "none|bicubic|blur|nearest",
        .fallback = "none",
        .doc = "for experiments: --data holds originals, whose LR pictures are made so; --test is "
               "measured on such ones too"),
    OPT(CHOICE, paired_degrade, "paired-degrade", 0, .arg = "HOW",
        .choices = "bicubic|blur|nearest", .fallback = "bicubic",
        .doc = "how the LR pictures of the pairs are made"),
    OPT(NUMBER, sigma, "blur-sigma", 0, .arg = "S", .min = 0.01, .max = 64, .fallback = "1.6",
        .doc = "of blur: the Gaussian's, in HR pixels"),
    OPT(INT, threads, "threads", 'j', .arg = "N", .min = 0, .max = 1024, .fallback = "0",
        .doc = "threads; 0: all cores"),
    OPT(FLAG, quiet, "quiet", 'q', .doc = "the table only"),
    {0},
};

static int run(int argc, char **argv);
const command cmd_adapt = {
    "adapt",
    "-m MODEL --data DIR [--paired DIR] -o DIR",
    "Fine-tune a model on pictures without originals",
    "The dual model shrinks the enlargement; where it does not come back to the input, the model "
    "learns (Eq. 6 without its first term).  With --paired, a batch of pairs stands beside every "
    "such batch.",
    table,
    0,
    0,
    run,
};

static bool on_step(void *ctx, int64_t step, int64_t steps, double loss)
{
    live_line *l = ctx;
    if (live_due(l))
        live_print(l, "step %lld/%lld  loss %.5f", (long long)step, (long long)steps, loss);
    return !interrupt_asked();
}

/* The model that is adapted stays. */
static bool check_out(const options *o)
{
    char *path = cli_format("%s/model.safetensors", o->out);
    bool ok = !same_file(path, o->model);
    if (!ok)
        cli_error("%s: is the model to adapt; choose another --out", path);
    free(path);
    return ok;
}

static int run(int argc, char **argv)
{
    options o = {0};
    arg_list args;
    drn_error err = {0};
    char *words = command_line(argc, argv);
    cli_parse(&cmd_adapt, &o, &args, argc, argv);
    if (!check_out(&o)) {
        free(words);
        free(args.items);
        return EXIT_FAILED;
    }
    live_line line = live_start(o.quiet);
    drn_adapt_options adapt = {
        .model = strcmp(o.model, DEFAULT_MODEL) == 0 ? NULL : o.model,
        .data = o.data.items,
        .datas = (size_t)o.data.count,
        .paired = o.paired.items,
        .paireds = (size_t)o.paired.count,
        .test = o.test.items,
        .tests = (size_t)o.test.count,
        .degrade = (drn_degrade_kind)o.degrade,
        .paired_degrade = (drn_degrade_kind)(o.paired_degrade + 1),
        .blur_sigma = o.sigma,
        .loss = o.loss,
        .lambda = o.lambda,
        .dual_weight = o.weight,
        .joint = o.dual == 1,
        .pretrain = o.pretrain,
        .steps = o.steps,
        .lr = o.lr,
        .dual_lr = o.dual_lr,
        .batch = o.batch,
        .patch = o.patch,
        .seed = (uint64_t)o.seed,
        .threads = o.threads,
        .out = o.out,
        .command = words,
        .say = live_say,
        .running = on_step,
        .ctx = &line,
    };
    interrupt_catch();
    drn_status st = drn_adapt(&adapt, &err);
    live_end(&line);
    free(words);
    free(args.items);
    return st == DRN_OK ? EXIT_OK : cli_fail(&err);
}
