/* drn bench: the engine beside this machine's arithmetic peak. */
#include "cli.h"
#include "device.h"

#include "drn/bench.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct options {
    int threads, repeats, device, precision;
    bool json, verbose;
} options;

static const opt table[] = {
    OPT(INT, threads, "threads", 'j', .arg = "N", .min = 0, .max = 1024, .fallback = "0",
        .doc = "threads; 0 = all cores this process may use"),
    OPT(INT, repeats, "repeats", 'r', .arg = "N", .min = 1, .max = 1000, .fallback = "3",
        .doc = "repeats of each workload, each between two measurements of the peak"),
    DEVICE_OPTIONS,
    OPT(FLAG, verbose, "verbose", 'v', .doc = "with a GPU: a line a convolution, what was chosen and what it took"),
    OPT(FLAG, json, "json", 0, .doc = "print JSON on the standard output, and nothing else there"),
    {0},
};

static int run(int argc, char **argv);
const command cmd_bench = {
    "bench",
    "",
    "Measure inference and training beside the machine's peak",
    "W: the x4 DRN (64 channels, 7 modules a block) on a 256x256 picture.  T: one training step of it, "
    "batch 4, LR patch 32.  GFLOP/s count two operations for each multiply-accumulate of the direct "
    "convolutions, so a ratio above 1 means that fewer were needed.  The ratio is the median of the "
    "repeats; compare engines by it, not by times taken at different moments.  On a GPU: training steps of "
    "batch 16 with LR patch 32 and batch 32 with LR patch 48, and a 1024x1024 picture.",
    table,
    0,
    0,
    run,
};

static json_t *workload_json(const drn_bench_workload *w)
{
    return json_pack("{s:f, s:f, s:f, s:f}", "ms", w->ms, "gflops", w->gflops, "ratio_to_peak",
                     w->ratio_to_peak, "rss_mb", w->rss_mb);
}

static int print_json(const drn_bench_result *r)
{
    json_t *root = json_pack("{s:i, s:f, s:o, s:o}", "threads", r->threads, "peak_gflops", r->peak_gflops,
                             "w", workload_json(&r->w), "t", workload_json(&r->t));
    if (!root || json_dumpf(root, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(6)) != 0)
        return cli_error("cannot print the result");
    json_decref(root);
    putchar('\n');
    return EXIT_OK;
}

static void print_row(const char *name, const drn_bench_workload *w)
{
    printf("%-4s %10.1f ms %10.1f GFLOP/s %8.2f x peak %8.0f MiB\n", name, w->ms, w->gflops, w->ratio_to_peak,
           w->rss_mb);
}

/* ---- on a GPU ---- */

static void print_line(void *ctx, const char *text)
{
    (void)ctx;
    fprintf(stderr, "%s\n", text);
}

static int print_gpu_json(const drn_bench_gpu_result *r)
{
    json_t *root = json_pack("{s:s}", "device", r->device);
    for (int i = 0; i < DRN_BENCH_GPU_ROWS; i++)
        json_object_set_new(root, r->row[i].name,
                            json_pack("{s:f, s:f}", "ms", r->row[i].ms, "tflops", r->row[i].tflops));
    if (!root || json_dumpf(root, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(6)) != 0)
        return cli_error("cannot print the result");
    json_decref(root);
    putchar('\n');
    return EXIT_OK;
}

static int run_gpu(const options *o)
{
    drn_bench_gpu_result r;
    drn_error err = {0};
    if (drn_bench_gpu(&r, (drn_numbers)o->precision, o->repeats < 20 ? 20 : o->repeats, o->verbose ? print_line : NULL, NULL,
                      &err) != DRN_OK)
        return cli_fail(&err);
    if (o->json)
        return print_gpu_json(&r);
    printf("%s\n", r.device);
    for (int i = 0; i < DRN_BENCH_GPU_ROWS; i++)
        printf("%-7s %9.3f ms %8.1f TFLOP/s\n", r.row[i].name, r.row[i].ms, r.row[i].tflops);
    return EXIT_OK;
}

static bool on_gpu(const options *o)
{
    return o->device == DRN_DEVICE_CUDA ||
           (o->device == DRN_DEVICE_AUTO && drn_device_check(DRN_DEVICE_CUDA, NULL, 0, NULL) == DRN_OK);
}

static int run(int argc, char **argv)
{
    options o = {0};
    arg_list args;
    drn_bench_result r;
    drn_error err = {0};
    cli_parse(&cmd_bench, &o, &args, argc, argv);
    free(args.items);
    if (on_gpu(&o))
        return run_gpu(&o);
    if (drn_bench(&r, o.threads, o.repeats, &err) != DRN_OK)
        return cli_fail(&err);
    if (o.json)
        return print_json(&r);
    printf("%d thread%s, peak %.1f GFLOP/s (fp32 fused multiply-add)\n", r.threads, r.threads == 1 ? "" : "s",
           r.peak_gflops);
    print_row("W", &r.w);
    print_row("T", &r.t);
    return EXIT_OK;
}
