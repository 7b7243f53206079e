/* drn train: a recipe, folders of pictures, a run. */
#include "cli.h"
#include "device.h"
#include "interrupt.h"
#include "ranks.h"

#include "drn/train.h"

#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct options {
    const char *recipe, *out, *max_time;
    text_list data, val, set;
    int device, precision;
    bool resume, quiet;
} options;

static const opt table[] = {
    OPT(TEXT, recipe, "recipe", 0, .arg = "FILE", .required = true,
        .doc =
            "what to train and how: a file, or a built-in recipe: paper-x4, paper-x8, best-x4, photo-x4, graphics-x4, "
            "compact-x4, compact-gs-x4, fast-x4, study-x4, tiny-x2 or tiny-x4"),
    OPT(LIST, data, "data", 0, .arg = "PATH[:WEIGHT]",
        .doc = "folder or pack of high-resolution pictures, or several, with their shares of the "
               "samples; without it data.sources of the recipe"),
    OPT(LIST, val, "val", 0, .arg = "PATH",
        .doc = "folder or pack of pictures to validate on; without it the rows of DIR's manifest.csv whose "
               "split is val"),
    OPT(TEXT, out, "out", 'o', .arg = "DIR", .required = true,
        .doc = "folder of the run: model, checkpoint, log; created"),
    OPT(LIST, set, "set", 0, .arg = "KEY=VALUE",
        .doc = "change a key of the recipe, for example train.lr=5e-4"),
    OPT(TEXT, max_time, "max-time", 0, .arg = "TIME",
        .doc = "stop after so long with a checkpoint, for example 90 (seconds), 45m, 7h30m or 2d"),
    OPT(FLAG, resume, "resume", 0,
        .doc = "go on from the checkpoint in the run's folder, to the same bits"),
    DEVICE_OPTIONS,
    OPT(FLAG, quiet, "quiet", 'q', .doc = "no progress line"),
    {0},
};

static int run(int argc, char **argv);
const command cmd_train = {
    "train",
    "--recipe FILE --data DIR --out DIR",
    "Train a model on a folder of pictures",
    "Ctrl-C (or the signal USR1) saves a checkpoint and ends; run again with --resume to go on.  "
    "mpirun -n N drn train ... trains with N processes, which share each batch.  Each step is one JSON "
    "line in "
    "DIR/log.jsonl.  DIR/model.safetensors is the model of the last checkpoint, best.safetensors "
    "that of the "
    "best validation.",
    table,
    0,
    0,
    run,
};

static volatile sig_atomic_t interrupted;

static void on_signal(int number)
{
    interrupted = 1;
    if (number == SIGUSR1) /* that one comes early: no hurry */
        return;
    drn_comm_interrupt();
    interrupt_second(number);
}

static void catch_signals(void)
{
    struct sigaction a = {.sa_handler = on_signal};
    sigaction(SIGINT, &a, NULL);
    sigaction(SIGTERM, &a, NULL);
    sigaction(SIGUSR1, &a, NULL);
}

typedef struct view {
    bool live, quiet;
    double shown; /* seconds at the last line */
    size_t broken;
    bool told; /* of the pictures that are trained on and validated with */
    drn_train_progress last;
} view;

static void print_progress(const drn_train_progress *p, const char *end)
{
    double rest = p->steps_per_second > 0 ? (double)(p->steps - p->step) / p->steps_per_second : 0;
    long left = (long)fmin(rest, 1e15);
    char skipped[40] = "", ranks_text[60] = "", gains[80] = "";
    if (p->validated)
        snprintf(gains, sizeof gains, ", %+.3f over bicubic", p->val_gain);
    size_t used = strlen(gains);
    if (used && isfinite(p->seen_gain))
        snprintf(gains + used, sizeof gains - used, ", %+.3f where trained on", p->seen_gain);
    if (p->ranks > 1)
        snprintf(ranks_text, sizeof ranks_text, "  %d ranks %.1f %%", p->ranks, 100 * p->ranks_share);
    if (p->skipped)
        snprintf(skipped, sizeof skipped, "  skipped %lld", (long long)p->skipped);
    fprintf(stderr,
            "step %lld/%lld  %.2f it/s  ETA %ld:%02ld:%02ld  loss %.5f  lr %.2g  PSNR %.3f (best "
            "%.3f)%s  busy %.1f %%  %.0f MiB%s%s%s",
            (long long)p->step, (long long)p->steps, p->steps_per_second, left / 3600,
            left / 60 % 60, left % 60, p->loss, p->lr, p->val_psnr, p->best_psnr, gains,
            100 * (1 - p->wait_share), p->memory_mb, skipped, ranks_text, end);
}

static bool on_progress(void *ctx, const drn_train_progress *p)
{
    view *v = ctx;
    v->last = *p;
    if (p->rank > 0)
        return !interrupted;
    if (p->broken > v->broken) {
        fputs(v->live ? "\r\033[K" : "", stderr);
        cli_say(stderr, "drn: %zu pictures cannot be read and are passed over, among them %s\n",
                p->broken, p->broken_first);
        v->broken = p->broken;
    }
    if (p->shared && !v->told && !v->quiet) {
        fputs(v->live ? "\r\033[K" : "", stderr);
        cli_say(stderr,
                "drn: %zu pictures of --val are also trained on, so its PSNR says too much; one is %s\n",
                p->shared, p->shared_first);
    }
    v->told = true;
    if (interrupted)
        return false;
    double pause = v->live ? 0.25 : 30;
    if (!v->quiet && (p->validated || p->step == p->steps || p->seconds - v->shown >= pause)) {
        v->shown = p->seconds;
        if (v->live)
            fputs("\r\033[K", stderr);
        print_progress(p, v->live && !p->validated ? "" : "\n");
    }
    return true;
}

/* "7h30m" or "90" in seconds; ends the program when it is neither. */
static double parse_time(const char *text)
{
    double all = 0, unit = 0;
    for (const char *p = text; *p;) {
        char *end;
        double v = strtod(p, &end);
        unit = *end == 'd' ? 86400 : *end == 'h' ? 3600 : *end == 'm' ? 60 : 1;
        if (end == p || !(v >= 0) || (*end && !strchr("dhms", *end)))
            cli_usage(&cmd_train, "--max-time wants a time like 90, 45m, 7h30m or 2d, not '%s'",
                      text);
        all += v * unit;
        p = end + (*end != 0);
    }
    if (!(all > 0 && all < 1e12))
        cli_usage(&cmd_train, "--max-time wants a time above 0, not '%s'", text);
    return all;
}

static int report(const view *v, drn_status st, const drn_error *err)
{
    if (v->live && !v->quiet)
        fputc('\n', stderr);
    if (st == DRN_ERR_CANCELLED && interrupted)
        return cli_error("stopped; checkpoint saved, go on with --resume");
    if (st == DRN_OK && v->last.out_of_time && !v->quiet && v->last.rank == 0)
        fprintf(stderr, "drn: time is up at step %lld of %lld; go on with --resume\n",
                (long long)v->last.step, (long long)v->last.steps);
    if (st == DRN_OK && v->last.step == 0 && !v->quiet)
        fputs("drn: no step was left to make; --set train.steps=N makes more\n", stderr);
    return st == DRN_OK ? EXIT_OK : cli_fail(err);
}

static int run(int argc, char **argv)
{
    options o = {0};
    arg_list args;
    drn_error err = {0};
    cli_parse(&cmd_train, &o, &args, argc, argv);
    free(args.items);
    double most = o.max_time ? parse_time(o.max_time) : 0;
    /* processes with a GPU each meet by themselves, through NCCL */
    if (o.device == DRN_DEVICE_CPU ||
        (o.device == DRN_DEVICE_AUTO && drn_device_check(DRN_DEVICE_CUDA, NULL, 0, NULL) != DRN_OK))
        ranks_open();
    else
        ranks_apart();
    view v = {.live = isatty(STDERR_FILENO), .quiet = o.quiet || ranks_silent()};
    drn_train_options train = {
        .recipe = o.recipe,
        .set = o.set.items,
        .sets = (size_t)o.set.count,
        .data = o.data.items,
        .datas = (size_t)o.data.count,
        .val = o.val.items,
        .vals = (size_t)o.val.count,
        .out = o.out,
        .max_seconds = most,
        .resume = o.resume,
        .progress = on_progress,
        .progress_ctx = &v,
        .device = (drn_device)o.device,
        .numbers = (drn_numbers)o.precision,
        .comm = ranks(),
    };
    announce_device(o.device, v.quiet);
    catch_signals();
    drn_status st = drn_train(&train, &err);
    return ranks_end(report(&v, st, &err));
}
