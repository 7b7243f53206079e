/* drn bound: the paper's generalization bound for models at hand. */
#include "cli.h"
#include "interrupt.h"
#include "live.h"

#include "drn/study.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct options {
    const char *split, *loss, *out;
    text_list data;
    int samples, patch, draws, resamples, seed, threads;
    double lambda, clip, delta;
    bool quiet;
} options;

static const opt table[] = {
    OPT(LIST, data, "data", 0, .arg = "DIR", .required = true,
        .doc = "folder of originals the samples are drawn from; may be given several times"),
    OPT(TEXT, split, "split", 0, .arg = "NAME", .fallback = "val",
        .doc = "of folders with a manifest.csv: pictures the models have not been chosen by; all: "
               "every picture"),
    OPT(TEXT, loss, "loss", 0, .arg = "NAME", .fallback = "gs",
        .doc = "l1 and l2: mse, mae, charbonnier, gradient, gradient_pixel or gs"),
    OPT(NUMBER, lambda, "lambda", 0, .arg = "L", .min = 0, .max = 1e6, .fallback = "2",
        .doc = "of Eq. 3 and 5"),
    OPT(NUMBER, clip, "clip", 0, .arg = "C", .min = 0, .max = 1e6, .fallback = "0",
        .doc =
            "cut l1 and l2 off at C, which makes M = 2C; 0: M is what the loss can reach at most"),
    OPT(NUMBER, delta, "delta", 0, .arg = "D", .min = 1e-12, .max = 0.999999, .fallback = "0.05",
        .doc = "the bounds hold with probability 1 - D"),
    OPT(INT, samples, "samples", 'n', .arg = "M", .min = 1, .max = 1000000, .fallback = "200",
        .doc = "m: patches in the sample Z"),
    OPT(INT, patch, "patch", 0, .arg = "P", .min = 4, .max = 1024, .fallback = "32",
        .doc = "LR pixels a side"),
    OPT(INT, draws, "draws", 0, .arg = "N", .min = 2, .max = 100000000, .fallback = "1000",
        .doc = "of the signs sigma, for every Z"),
    OPT(INT, resamples, "resamples", 0, .arg = "K", .min = 2, .max = 10000, .fallback = "10",
        .doc = "independent Z for the expectation of Eq. 9"),
    OPT(INT, seed, "seed", 0, .arg = "S", .min = 0, .max = 2000000000, .fallback = "1",
        .doc = "which samples and signs"),
    OPT(TEXT, out, "out", 'o', .arg = "DIR",
        .doc = "folder for results.txt, results.md and results.json; created"),
    OPT(INT, threads, "threads", 'j', .arg = "N", .min = 0, .max = 1024, .fallback = "0",
        .doc = "threads; 0: all cores"),
    OPT(FLAG, quiet, "quiet", 'q', .doc = "the tables only"),
    {0},
};

static int run(int argc, char **argv);
const command cmd_bound = {
    "bound",
    "RUN... --data DIR",
    "Compute the paper's generalization bound for a set of models",
    "The finite set H is made of all models in the RUNs: model files, folders of runs, or folders "
    "of "
    "such folders (a study's runs/).  Prints the empirical loss (Eq. 8), the bounds of Theorems 2 "
    "and "
    "3, and Rademacher complexities (Definition 4) with their standard errors.",
    table,
    1,
    -1,
    run,
};

static bool on_sample(void *ctx, int64_t done, int64_t all)
{
    live_line *l = ctx;
    if (live_due(l))
        live_print(l, "sample %lld/%lld", (long long)done, (long long)all);
    return !interrupt_asked();
}

static int run(int argc, char **argv)
{
    options o = {0};
    arg_list args;
    drn_error err = {0};
    char *words = command_line(argc, argv);
    cli_parse(&cmd_bound, &o, &args, argc, argv);
    live_line line = live_start(o.quiet);
    drn_bound_options bound = {
        .runs = (const char *const *)args.items,
        .run_count = (size_t)args.count,
        .data = o.data.items,
        .datas = (size_t)o.data.count,
        .split = strcmp(o.split, "all") == 0 ? NULL : o.split,
        .loss = o.loss,
        .lambda = o.lambda,
        .clip = o.clip,
        .delta = o.delta,
        .samples = o.samples,
        .patch = o.patch,
        .draws = o.draws,
        .resamples = o.resamples,
        .seed = (uint64_t)o.seed,
        .threads = o.threads,
        .out = o.out,
        .command = words,
        .say = live_say,
        .running = on_sample,
        .ctx = &line,
    };
    interrupt_catch();
    drn_status st = drn_bound(&bound, &err);
    live_end(&line);
    free(words);
    free(args.items);
    return st == DRN_OK ? EXIT_OK : cli_fail(&err);
}
