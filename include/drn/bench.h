/* Measure the engine against the machine it runs on. */
#ifndef DRN_BENCH_H
#define DRN_BENCH_H

#include "drn/device.h"
#include "drn/model.h"

#ifdef __cplusplus
extern "C" {
#endif

/** One workload: W = inference of the x4 DRN (64 channels, 7 modules a block) on 3x256x256; T = one
 *  training step of it (forward, backward, Adam, MAE), batch 4, LR patch 32. */
typedef struct drn_bench_workload {
    double ms;            /* fastest repeat */
    double gflops;        /* 2 * multiply-accumulates of direct convolutions / time */
    double ratio_to_peak; /* gflops over the FMA peak of the same number of threads, median of pairs */
    double cpu_ms;        /* CPU time of all threads, least of the repeats */
    double cpu_ratio_to_peak; /* rate of that time over the peak of one thread: what to look at when other
                                 programs want the cores, too; says nothing of waiting for threads */
    double rss_mb;        /* memory the workload's buffers take, MiB */
} drn_bench_workload;

typedef struct drn_bench_result {
    int threads;
    double peak_gflops; /* fp32 fused multiply-add peak with that many threads, fastest repeat */
    drn_bench_workload w, t;
} drn_bench_result;

/** Run W and T, alternating with the peak.  What else the process does meanwhile falsifies the times.
 *  @param threads  0 = all cores.  @param repeats  1 to 10000.
 *  @return DRN_OK | DRN_ERR_INVALID | DRN_ERR_NOMEM; out is untouched on failure. */
drn_status drn_bench(drn_bench_result *out, int threads, int repeats, drn_error *err);

/** One workload on a GPU, random pictures, pictures and weights already there. */
typedef struct drn_bench_gpu_row {
    const char *name; /* "T16x32": a training step of batch 16, LR patch 32; "W1024": a 1024x1024 picture x4 */
    double ms;        /* median: a whole step (samples cut, forward, backward, clipping, Adam, averaging), or a forward */
    double tflops;    /* 2 * multiply-accumulates of direct convolutions / time */
} drn_bench_gpu_row;

enum { DRN_BENCH_GPU_ROWS = 3 };
typedef struct drn_bench_gpu_result {
    char device[128];
    drn_bench_gpu_row row[DRN_BENCH_GPU_ROWS];
} drn_bench_gpu_result;

/** The x4 DRN (64 channels, 7 modules a block) on an NVIDIA GPU.
 *  @param numbers  arithmetic; the convolutions are chosen by the clock for the picture, too, as DRN_CUDA_TUNE=1
 *                  would have them when enlarging.
 *  @param repeats  1 to 10000 of each training step, at most 10 of the picture.
 *  @param line  NULL, or called with a line of text for each convolution of the training steps: what was chosen
 *               and how many milliseconds the alternatives took.
 *  @return DRN_OK | DRN_ERR_INVALID | DRN_ERR_NOMEM | DRN_ERR_UNSUPPORTED | DRN_ERR_DEVICE | DRN_ERR_IO (a folder of
 *  random pictures in TMPDIR); out is untouched on failure. */
drn_status drn_bench_gpu(drn_bench_gpu_result *out, drn_numbers numbers, int repeats,
                         void (*line)(void *ctx, const char *text), void *ctx, drn_error *err);

/** Time of one layer of W. */
typedef struct drn_bench_layer_time {
    double ms;            /* least of the repeats */
    double gflops;        /* as above; 0 where nothing is multiplied */
    double ratio_to_peak; /* over the highest peak of the same number of threads */
} drn_bench_layer_time;

typedef struct drn_bench_layer {
    char op[24];     /* of the graph after fusion; "kept rows": what the stream moves from band to band */
    char name[48];   /* of its first parameter, or "" */
    char kernel[24]; /* convolution implementation, or "" */
    int32_t in_channels, out_channels, out_height, out_width;
    double macs;
    drn_bench_layer_time one, all; /* one thread, and as many as asked for */
} drn_bench_layer;

enum { DRN_BENCH_LAYERS = 64 };

typedef struct drn_bench_layers_result {
    int threads;
    double peak_one, peak_all; /* fp32 fused multiply-add peak, GFLOP/s */
    size_t count;
    drn_bench_layer layer[DRN_BENCH_LAYERS];
} drn_bench_layers_result;

/** The layers of W one by one, with one thread and with all.
 *  @param threads  0 = all cores.  @param repeats  >= 1.
 *  @return DRN_OK | DRN_ERR_INVALID | DRN_ERR_NOMEM. */
drn_status drn_bench_layers(drn_bench_layers_result *out, int threads, int repeats, drn_error *err);

#ifdef __cplusplus
}
#endif
#endif
