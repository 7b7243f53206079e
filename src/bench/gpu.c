/* The x4 DRN on an NVIDIA GPU: training steps as `drn train` runs them, and inference. */
#include "drn/bench.h"

#include "base/fileio.h"
#include "base/mem.h"
#include "train/trainer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { PICTURES = 32, SIDE = 256, WARM_UP = 8 };

static const drn_config network = {4, 64, 7, true, false, 64, DRN_SKIP_BICUBIC};

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* ---- random pictures in a folder of their own ---- */

static drn_status write_picture(const char *dir, int number, drn_error *err)
{
    unsigned char *ppm;
    char path[300];
    enum { HEAD = 15 };
    size_t n = 3 * SIDE * SIDE;
    drn_rng rng;
    drn_rng_seed(&rng, 5, (uint64_t)number);
    DRN_TRY(drn_alloc_to(&ppm, HEAD + n, 1, err));
    memcpy(ppm, "P6\n256 256\n255\n", HEAD);
    for (size_t i = 0; i < n; i++)
        ppm[HEAD + i] = (unsigned char)drn_rng_u64(&rng);
    snprintf(path, sizeof path, "%s/%d.ppm", dir, number);
    drn_status st = drn_file_write(path, ppm, HEAD + n, err);
    drn_free(ppm);
    return st;
}

static void remove_pictures(const char *dir)
{
    char path[300];
    for (int i = 0; i < PICTURES; i++) {
        snprintf(path, sizeof path, "%s/%d.ppm", dir, i);
        (void)unlink(path);
    }
    (void)rmdir(dir);
}

/* ---- training ---- */

static drn_status time_steps(double *list, drn_trainer *t, int repeats, drn_error *err)
{
    for (int i = 0; i < WARM_UP + repeats; i++) {
        drn_step_result r;
        double start = now();
        DRN_TRY(drn_trainer_add_at(t, (uint64_t)(i * t->config.batch), true, err));
        DRN_TRY(drn_trainer_update(t, &r, err));
        if (i >= WARM_UP)
            list[i - WARM_UP] = 1e3 * (now() - start);
    }
    return DRN_OK;
}

static drn_status bench_steps(drn_bench_gpu_row *row, drn_cuda *device, drn_dataset *data, int batch, int patch,
                              int repeats, drn_cuda_line_fn line, void *ctx, drn_error *err)
{
    drn_status st = DRN_OK;
    drn_trainer *t = NULL;
    double *list = NULL;
    bool loaded = false;
    drn_trainer_config c = {
        .model = network,
        .loss = {.kind = DRN_LOSS_MAE},
        .schedule = {.kind = DRN_SCHEDULE_CONSTANT, .lr = 1e-4},
        .beta1 = 0.9, .beta2 = 0.99, .eps = 1e-8, .clip = 1, .ema = 0.999,
        .init_scale = 0.1, .batch = batch, .patch = patch, .seed = 1, .device = device,
    };
    DRN_CHECK(drn_alloc_to(&list, (size_t)repeats, sizeof *list, err));
    DRN_CHECK(drn_trainer_new(&t, &c, err));
    DRN_CHECK(drn_trainer_load_pictures(t, data, &loaded, err));
    if (!loaded) {
        st = drn_fail(err, DRN_ERR_NOMEM, "bench: the pictures do not fit the GPU");
        goto done;
    }
    DRN_CHECK(time_steps(list, t, repeats, err));
    qsort(list, (size_t)repeats, sizeof *list, by_value);
    row->ms = list[repeats / 2];
    /* forward and both backward passes of every convolution, less backward to the picture */
    double macs = 3 * drn_graph_macs(t->graph) - (double)batch * patch * patch * 27.0 * network.channels;
    row->tflops = 2e-9 * macs / row->ms;
    if (line)
        drn_cuda_train_describe(t->cuda, line, ctx);
done:
    drn_trainer_free(t);
    drn_free(list);
    return st;
}

/* ---- inference ---- */

static drn_status bench_picture(drn_bench_gpu_row *row, drn_cuda *device, int side, int repeats, drn_error *err)
{
    drn_status st = DRN_OK;
    drn_params *p = NULL;
    drn_graph *g = NULL;
    drn_net net;
    DRN_CHECK(drn_params_new(&p, DRN_FLOAT32, err));
    DRN_CHECK(drn_net_declare(p, &network, 0.1, err));
    DRN_CHECK(drn_params_allocate(p, false, err));
    DRN_CHECK(drn_graph_new(&g, DRN_FLOAT32, err));
    drn_value lr = drn_graph_input(g, (drn_shape){1, 3, side, side}, false);
    drn_net_build(&net, g, p, &network, lr, 1);
    drn_graph_output(g, net.image[1]);
    DRN_CHECK(drn_graph_prepare(g, &(drn_plan_options){.loss = -1}, err));
    DRN_CHECK(drn_cuda_time_forward(&row->ms, g, device, repeats, err));
    row->tflops = 2e-9 * drn_graph_macs(g) / row->ms;
done:
    drn_graph_free(g);
    drn_params_free(p);
    return st;
}

static drn_status bench_rows(drn_bench_gpu_result *r, drn_cuda *device, const char *dir, int repeats,
                             drn_cuda_line_fn line, void *ctx, drn_error *err)
{
    drn_status st = DRN_OK;
    drn_dataset *data = NULL;
    for (int i = 0; i < PICTURES; i++)
        DRN_TRY(write_picture(dir, i, err));
    DRN_TRY(drn_dataset_open(&data, &(drn_dataset_options){.dirs = &dir, .dir_count = 1}, err));
    r->row[0].name = "T16x32";
    DRN_CHECK(bench_steps(&r->row[0], device, data, 16, 32, repeats, line, ctx, err));
    r->row[1].name = "T32x48";
    DRN_CHECK(bench_steps(&r->row[1], device, data, 32, 48, repeats, line, ctx, err));
    r->row[2].name = "W1024";
    DRN_CHECK(bench_picture(&r->row[2], device, 1024, repeats < 10 ? repeats : 10, err));
done:
    drn_dataset_free(data);
    return st;
}

drn_status drn_bench_gpu(drn_bench_gpu_result *out, drn_numbers numbers, int repeats,
                         void (*line)(void *ctx, const char *text), void *ctx, drn_error *err)
{
    const char *tmp = getenv("TMPDIR");
    drn_bench_gpu_result r = {.device = ""};
    drn_cuda *device;
    char dir[256];
    if (repeats < 1 || repeats > 10000)
        return drn_fail(err, DRN_ERR_INVALID, "bench: %d repeats, must be 1..10000", repeats);
    snprintf(dir, sizeof dir, "%.200s/drn-bench-XXXXXX", tmp && *tmp ? tmp : "/tmp");
    DRN_TRY(drn_device_check(DRN_DEVICE_CUDA, r.device, sizeof r.device, err));
    DRN_TRY(drn_cuda_open(&device, numbers, err));
    if (!mkdtemp(dir)) {
        drn_cuda_close(device);
        return drn_fail(err, DRN_ERR_IO, "%s: cannot create a folder", dir);
    }
    drn_status st = bench_rows(&r, device, dir, repeats, line, ctx, err);
    remove_pictures(dir);
    drn_cuda_close(device);
    if (st == DRN_OK)
        *out = r;
    return st;
}
