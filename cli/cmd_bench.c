/* drn bench: the engine beside this machine's arithmetic peak. */
#include "cli.h"
#include "device.h"

#include "drn/bench.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct options {
    int threads, repeats, device, precision;
    bool json, layers, verbose;
} options;

static const opt table[] = {
    OPT(INT, threads, "threads", 'j', .arg = "N", .min = 0, .max = 1024, .fallback = "0",
        .doc = "threads; 0 = all cores this process may use"),
    OPT(INT, repeats, "repeats", 'r', .arg = "N", .min = 1, .max = 1000, .fallback = "3",
        .doc = "repeats of each workload, each between two measurements of the peak"),
    OPT(FLAG, layers, "layers", 0,
        .doc = "time the layers of W one by one, with one thread and with all, in place of W and T"),
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
    "batch 16 with LR patch 32 and batch 32 with LR patch 48, at least 20 of each, and a 1024x1024 picture.",
    table,
    0,
    0,
    run,
};

static json_t *workload_json(const drn_bench_workload *w)
{
    return json_pack("{s:f, s:f, s:f, s:f, s:f, s:f}", "ms", w->ms, "gflops", w->gflops, "ratio_to_peak",
                     w->ratio_to_peak, "cpu_ms", w->cpu_ms, "cpu_ratio_to_peak", w->cpu_ratio_to_peak, "rss_mb",
                     w->rss_mb);
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
    printf("%-4s %10.1f ms %10.1f GFLOP/s %8.2f x peak (%.2f by CPU time) %8.0f MiB\n", name, w->ms, w->gflops,
           w->ratio_to_peak, w->cpu_ratio_to_peak, w->rss_mb);
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

static json_t *time_json(const drn_bench_layer_time *t)
{
    return json_pack("{s:f, s:f, s:f}", "ms", t->ms, "gflops", t->gflops, "ratio_to_peak", t->ratio_to_peak);
}

static int print_layers_json(const drn_bench_layers_result *r)
{
    json_t *list = json_array();
    for (size_t i = 0; i < r->count; i++) {
        const drn_bench_layer *l = &r->layer[i];
        json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:i, s:i, s:i, s:i, s:f, s:o, s:o}", "op", l->op,
                                              "name", l->name, "kernel", l->kernel, "in_channels",
                                              (int)l->in_channels, "out_channels", (int)l->out_channels, "height",
                                              (int)l->out_height, "width", (int)l->out_width, "macs", l->macs,
                                              "one", time_json(&l->one), "all", time_json(&l->all)));
    }
    json_t *root = json_pack("{s:i, s:f, s:f, s:o}", "threads", r->threads, "peak_gflops_one", r->peak_one,
                             "peak_gflops_all", r->peak_all, "layers", list);
    if (!root || json_dumpf(root, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(6)) != 0)
        return cli_error("cannot print the result");
    json_decref(root);
    putchar('\n');
    return EXIT_OK;
}

static void print_time(const drn_bench_layer_time *t)
{
    if (t->gflops > 0)
        printf("  %8.2f %8.1f %6.2f", t->ms, t->gflops, t->ratio_to_peak);
    else
        printf("  %8.2f %8s %6s", t->ms, "", "");
}

static void print_layers(const drn_bench_layers_result *r)
{
    double one = 0, all = 0;
    printf("peak %.1f GFLOP/s with one thread, %.1f with %d (fp32 fused multiply-add)\n", r->peak_one,
           r->peak_all, r->threads);
    printf("%-27s %-11s %-12s %-25s  %d thread%s\n", "", "channels", "size", "1 thread", r->threads,
           r->threads == 1 ? "" : "s");
    printf("%-27s %-11s %-12s %8s %8s %6s  %8s %8s %6s  %s\n", "layer", "in  out", "", "ms", "GFLOP/s", "x peak",
           "ms", "GFLOP/s", "x peak", "kernel");
    for (size_t i = 0; i < r->count; i++) {
        const drn_bench_layer *l = &r->layer[i];
        printf("%-27s %3d  %-4d  %5dx%-5d", l->name[0] ? l->name : l->op, l->in_channels, l->out_channels,
               l->out_width, l->out_height);
        print_time(&l->one);
        print_time(&l->all);
        printf("  %s\n", l->kernel);
        one += l->one.ms;
        all += l->all.ms;
    }
    printf("%-52s  %8.2f %26.2f\n", "sum", one, all);
}

static int run_layers(const options *o)
{
    drn_bench_layers_result r;
    drn_error err = {0};
    if (drn_bench_layers(&r, o->threads, o->repeats, &err) != DRN_OK)
        return cli_fail(&err);
    if (o->json)
        return print_layers_json(&r);
    print_layers(&r);
    return EXIT_OK;
}

static int run(int argc, char **argv)
{
    options o = {0};
    arg_list args;
    drn_bench_result r;
    drn_error err = {0};
    cli_parse(&cmd_bench, &o, &args, argc, argv);
    free(args.items);
    if (o.layers && o.device == DRN_DEVICE_CUDA)
        cli_usage(&cmd_bench, "--layers times the CPU's layers; with --device cuda, -v lists the convolutions");
    if (o.layers)
        return run_layers(&o);
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
