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
    double rss_mb;        /* memory the workload's buffers take, MiB */
} drn_bench_workload;

typedef struct drn_bench_result {
    int threads;
    double peak_gflops; /* fp32 fused multiply-add peak with that many threads, fastest repeat */
    drn_bench_workload w, t;
} drn_bench_result;

/** Run W and T, alternating with the peak.
 *  @param threads  0 = all cores.  @param repeats  >= 1.
 *  @return DRN_OK | DRN_ERR_INVALID | DRN_ERR_NOMEM. */
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
 *  @param line  NULL, or called with a line of text for each convolution of the training steps: what was chosen
 *               and how many milliseconds the alternatives took.
 *  @return DRN_OK | DRN_ERR_INVALID | DRN_ERR_NOMEM | DRN_ERR_UNSUPPORTED | DRN_ERR_DEVICE. */
drn_status drn_bench_gpu(drn_bench_gpu_result *out, drn_numbers numbers, int repeats,
                         void (*line)(void *ctx, const char *text), void *ctx, drn_error *err);

#ifdef __cplusplus
}
#endif
#endif
