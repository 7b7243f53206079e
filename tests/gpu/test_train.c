/* Training on the device against the CPU's trainer: the same samples bit for bit, the same steps up to rounding,
 * the same curve over a hundred of them. */
#include "../unit/pictures.h"
#include "base/mem.h"
#include "data/loader.h"
#include "device.h"
#include "drn/train.h"
#include "harness.h"
#include "train/trainer.h"

#include <stdlib.h>

static drn_dataset *pictures(void)
{
    static char dir[256];
    drn_dataset *d;
    drn_error err = {0};
    if (!dir[0]) {
        strcpy(dir, fresh_dir());
        for (int i = 0; i < 4; i++) {
            char name[16];
            snprintf(name, sizeof name, "%d.ppm", i);
            put_noise(dir, name, 75 + 7 * i, 90 - 5 * i, (uint64_t)i);
        }
        put_text(dir, "broken.png", "x");
        put_noise(dir, "small.ppm", 20, 30, 9);
    }
    CHECK_OK(drn_dataset_open(&d, &(drn_dataset_options){.dirs = (const char *[]){dir}, .dir_count = 1}, &err), err);
    return d;
}

static drn_trainer_config config(int scale, int channels, drn_cuda *device)
{
    return (drn_trainer_config){
        .model = {scale, channels, 1, true, false, 8, DRN_SKIP_BICUBIC},
        .loss = {.kind = DRN_LOSS_MAE, .dual_kind = DRN_LOSS_MAE, .lambda = 2, .charbonnier = 1e-3, .dual_true_lr = true},
        .schedule = {.kind = DRN_SCHEDULE_COSINE, .lr = 2e-3, .steps = 200, .warmup = 4},
        .beta1 = 0.9,
        .beta2 = 0.99,
        .eps = 1e-8,
        .clip = 0.5,
        .ema = 0.9,
        .init_scale = 0.1,
        .batch = 2,
        .patch = 6,
        .seed = 3,
        .threads = 1,
        .device = device,
    };
}

static drn_trainer *trainer(const drn_trainer_config *c)
{
    drn_trainer *t;
    drn_error err = {0};
    CHECK_OK(drn_trainer_new(&t, c, &err), err);
    return t;
}

static void load(drn_trainer *t, drn_dataset *d)
{
    drn_error err = {0};
    bool loaded;
    CHECK_OK(drn_trainer_load_pictures(t, d, &loaded, &err), err);
    CHECK(loaded);
}

/* ---- data ---- */

static void check_samples(int scale, int patch, unsigned augment)
{
    drn_cuda *device = open_device(DRN_NUMBERS_FP32);
    drn_dataset *data = pictures();
    drn_trainer_config c = config(scale, 8, device);
    drn_error err = {0};
    drn_loader *loader;
    c.patch = patch;
    c.batch = 5;
    c.seed = 11;
    drn_trainer *t = trainer(&c);
    load(t, data);
    drn_loader_options o = {.spec = {.scale = scale, .patch = patch, .augment = augment, .seed = c.seed}, .batch = c.batch};
    CHECK_OK(drn_loader_new(&loader, data, &o, &err), err);
    for (uint64_t step = 0; step < 3; step++) {
        const drn_batch *want;
        drn_step_result r;
        float *got[4] = {NULL};
        size_t n = 3 * (size_t)c.batch * (size_t)patch * (size_t)patch;
        CHECK_OK(drn_loader_next(&want, loader, &err), err);
        CHECK_OK(drn_trainer_add_at(t, step * (uint64_t)c.batch, augment, &err), err);
        CHECK_OK(drn_trainer_update(t, &r, &err), err);
        for (int i = 0; i <= drn_net_levels(&c.model); i++)
            CHECK(got[i] = drn_alloc(sizeof(float) * (n << (2 * i))));
        CHECK_OK(drn_cuda_train_last_batch(t->cuda, got[0], got + 1, &err), err);
        for (int i = 0; i <= drn_net_levels(&c.model); i++) {
            const float *w = i == 0 ? want->lr : want->target[i - 1];
            for (size_t k = 0; k < n << (2 * i); k++)
                if (memcmp(&got[i][k], &w[k], sizeof(float)) != 0)
                    test_fail(__FILE__, __LINE__, "x%d, step %d, image %d: sample %zu is %.9g, on the CPU %.9g", scale,
                              (int)step, i, k, (double)got[i][k], (double)w[k]);
            drn_free(got[i]);
        }
    }
    drn_loader_free(loader);
    drn_trainer_free(t);
    drn_dataset_free(data);
    drn_cuda_close(device);
}

TEST(samples, "patches cut on the device have the CPU's bits, at the border too")
{
    check_samples(2, 10, DRN_AUGMENT_TURNS);
    check_samples(4, 7, DRN_AUGMENT_TURNS | DRN_AUGMENT_CHANNELS);
    check_samples(8, 4, DRN_AUGMENT_TURNS | DRN_AUGMENT_CHANNELS);
    check_samples(4, 18, 0); /* 72 of 75 pixels: always at the border */
}

/* ---- steps ---- */

static double distance(const float *a, const float *b, size_t n)
{
    double *want = drn_alloc(n * sizeof *want), e;
    CHECK(want);
    for (size_t i = 0; i < n; i++)
        want[i] = (double)b[i];
    e = relative_error(a, want, n);
    drn_free(want);
    return e;
}

/* Batches from host memory for both, steps of them; loss, norm and vectors have to agree. */
static void check_steps(const char *name, drn_trainer_config c, int steps)
{
    drn_cuda *device = open_device(DRN_NUMBERS_FP32);
    drn_dataset *data = pictures();
    drn_error err = {0};
    drn_loader *loader = NULL;
    drn_trainer *cpu = trainer(&c);
    c.device = device;
    drn_trainer *gpu = trainer(&c);
    int each = c.accumulate > 1 ? c.accumulate : 1, batch = 0;
    for (int i = 0; i < steps; i++) {
        drn_step_result want, got;
        drn_phase p = drn_phase_at(&c, i);
        if (p.batch != batch) {
            drn_loader_free(loader);
            drn_loader_options o = {.spec = {.scale = c.model.scale, .patch = p.patch, .augment = DRN_AUGMENT_TURNS, .seed = c.seed}, .batch = p.batch, .first_step = i * each};
            CHECK_OK(drn_loader_new(&loader, data, &o, &err), err);
            batch = p.batch;
        }
        for (int k = 0; k < each; k++) {
            const drn_batch *b;
            CHECK_OK(drn_loader_next(&b, loader, &err), err);
            CHECK_OK(drn_trainer_add(cpu, b->lr, (const float *const *)b->target, &err), err);
            CHECK_OK(drn_trainer_add(gpu, b->lr, (const float *const *)b->target, &err), err);
        }
        CHECK_OK(drn_trainer_update(cpu, &want, &err), err);
        CHECK_OK(drn_trainer_update(gpu, &got, &err), err);
        double most = 1e-4 * (1 + i); /* Adam's division lets differences grow */
        if (!(fabs(got.loss - want.loss) <= most * want.loss && fabs(got.primal - want.primal) <= most * want.primal) ||
            got.skipped != want.skipped || (!want.skipped && !(fabs(got.grad_norm - want.grad_norm) <= 10 * most * want.grad_norm)))
            test_fail(__FILE__, __LINE__, "%s, step %d: loss %.9g, norm %.9g, skipped %d; on the CPU %.9g, %.9g, %d", name, i,
                      got.loss, got.grad_norm, got.skipped, want.loss, want.grad_norm, want.skipped);
    }
    CHECK_OK(drn_trainer_pull(gpu, &err), err);
    size_t n = cpu->params->elements;
    double w = distance(gpu->params->value, cpu->params->value, n), m = distance(gpu->adam.m, cpu->adam.m, n),
           a = cpu->adam.average ? distance(gpu->adam.average, cpu->adam.average, n) : 0;
    if (!(w < 2e-3 && m < 2e-2 && a < 2e-3))
        test_fail(__FILE__, __LINE__, "%s: weights off by %g, moments by %g, average by %g", name, w, m, a);
    CHECK_INT(gpu->adam.t, cpu->adam.t);
    drn_loader_free(loader);
    drn_trainer_free(cpu);
    drn_trainer_free(gpu);
    drn_dataset_free(data);
    drn_cuda_close(device);
}

TEST(steps, "steps agree: clipping, averages, accumulation, phases, duals, spikes")
{
    drn_trainer_config c = config(4, 8, NULL);
    check_steps("plain", c, 5);
    c.accumulate = 3;
    check_steps("three batches a step", c, 3);
    c.accumulate = 0;
    c.clip = c.ema = 0;
    c.model.dual = true;
    c.dual_weight = 0.1;
    c.dual_start = 2;
    c.loss.kind = c.loss.dual_kind = DRN_LOSS_GS;
    check_steps("dual from step 2 on", c, 4);
    c = config(4, 8, NULL);
    c.warm_until = 2;
    c.tail_start = 3;
    c.tail_kind = DRN_LOSS_MSE;
    c.sizes = (drn_batch_sizes){.count = 1, .list = {{4, 8, 3}}};
    check_steps("blocks one after the other, another loss, larger patches", c, 6);
    c = config(2, 8, NULL);
    c.loss.sum = true;
    c.spike = 1.02; /* young until step 20 */
    check_steps("spikes", c, 26);
}

TEST(curve, "a hundred steps in bf16 follow the CPU's curve")
{
    drn_cuda *device = open_device(DRN_NUMBERS_BF16);
    drn_dataset *data = pictures();
    drn_trainer_config c = config(2, 8, NULL);
    drn_error err = {0};
    drn_loader *loader;
    double sum_want = 0, sum_got = 0, first = 0, worst = 0;
    c.patch = 8;
    c.model.modules = 1;
    c.schedule.warmup = 0;
    drn_trainer *cpu = trainer(&c);
    c.device = device;
    drn_trainer *gpu = trainer(&c);
    load(gpu, data);
    drn_loader_options o = {.spec = {.scale = 2, .patch = c.patch, .augment = DRN_AUGMENT_TURNS, .seed = c.seed}, .batch = c.batch};
    CHECK_OK(drn_loader_new(&loader, data, &o, &err), err);
    for (int i = 0; i < 100; i++) {
        const drn_batch *b;
        drn_step_result want, got;
        CHECK_OK(drn_loader_next(&b, loader, &err), err);
        CHECK_OK(drn_trainer_step(cpu, b->lr, (const float *const *)b->target, &want, &err), err);
        CHECK_OK(drn_trainer_add_at(gpu, (uint64_t)(i * c.batch), DRN_AUGMENT_TURNS, &err), err);
        CHECK_OK(drn_trainer_update(gpu, &got, &err), err);
        first = i == 0 ? want.loss : first;
        worst = fmax(worst, fabs(got.loss - want.loss) / want.loss);
        if (i >= 50) {
            sum_want += want.loss;
            sum_got += got.loss;
        }
    }
    if (!(worst < 0.02 && fabs(sum_got - sum_want) < 0.005 * sum_want))
        test_fail(__FILE__, __LINE__, "mean loss of the last 50 steps %.6g, on the CPU %.6g; worst step off by %g",
                  sum_got / 50, sum_want / 50, worst);
    CHECK(sum_want / 50 < first); /* and there was something to follow */
    drn_loader_free(loader);
    drn_trainer_free(cpu);
    drn_trainer_free(gpu);
    drn_dataset_free(data);
    drn_cuda_close(device);
}

/* ---- resume ---- */

static void steps_at(drn_trainer *t, int from, int to, double *last)
{
    drn_error err = {0};
    for (int i = from; i < to; i++) {
        drn_step_result r;
        CHECK_OK(drn_trainer_add_at(t, (uint64_t)(i * t->config.batch), DRN_AUGMENT_TURNS, &err), err);
        CHECK_OK(drn_trainer_update(t, &r, &err), err);
        *last = r.loss;
    }
}

TEST(resume, "a run resumed from a checkpoint goes on to the same bits")
{
    drn_cuda *device = open_device(DRN_NUMBERS_BF16);
    drn_dataset *data = pictures();
    drn_trainer_config c = config(2, 16, device);
    drn_error err = {0};
    drn_st_writer *w;
    drn_safetensors *st;
    double straight, resumed;
    char path[300];
    snprintf(path, sizeof path, "%s/checkpoint.safetensors", test_tmp_dir());
    drn_trainer *a = trainer(&c), *b = trainer(&c);
    load(a, data);
    load(b, data);
    steps_at(a, 0, 4, &straight);
    CHECK_OK(drn_trainer_pull(a, &err), err);
    CHECK_OK(drn_st_writer_new(&w, &err), err);
    CHECK_OK(drn_trainer_save(a, w, &err), err);
    CHECK_OK(drn_st_writer_write(w, path, &err), err);
    drn_st_writer_free(w);
    steps_at(a, 4, 8, &straight);
    CHECK_OK(drn_safetensors_open(&st, path, &err), err);
    CHECK_OK(drn_trainer_load(b, st, &err), err);
    drn_safetensors_free(st);
    steps_at(b, 4, 8, &resumed);
    CHECK(straight == resumed);
    CHECK_OK(drn_trainer_pull(a, &err), err);
    CHECK_OK(drn_trainer_pull(b, &err), err);
    CHECK(memcmp(a->params->value, b->params->value, a->params->elements * sizeof(float)) == 0);
    CHECK(memcmp(a->adam.average, b->adam.average, a->params->elements * sizeof(float)) == 0);
    drn_trainer_free(a);
    drn_trainer_free(b);
    drn_dataset_free(data);
    drn_cuda_close(device);
}

/* The loss of the only step of a run, from its log. */
static double first_loss(drn_device device, const char *set)
{
    drn_error err = {0};
    const char *sets[] = {"model.channels=8", "model.modules=1",   "data.patch=6", "data.batch=4", "train.steps=1",
                          "train.val_every=0", "train.threads=1", set},
               *data[] = {fresh_dir()};
    char *out = drn_path_join(data[0], "run"), *log = drn_path_join(out, "log.jsonl");
    void *text;
    size_t n;
    drn_image *im = noise(90, 80, 3, DRN_U8, 4);
    put_picture(data[0], "a.ppm", im);
    drn_image_free(im);
    CHECK_OK(drn_train(&(drn_train_options){.recipe = "tiny-x2", .set = sets, .sets = 8, .data = data, .datas = 1,
                                            .out = out, .device = device, .numbers = DRN_NUMBERS_FP32}, &err), err);
    CHECK_OK(drn_file_read(&text, &n, log, 1 << 20, &err), err);
    const char *at = memmem(text, n, "\"loss\":", 7);
    CHECK(at);
    double loss = strtod(at + 7, NULL);
    drn_free(text);
    drn_free(out);
    drn_free(log);
    return loss;
}

TEST(degraded, "a run with degraded patches trains on them on the device too")
{
    drn_cuda_close(open_device(DRN_NUMBERS_FP32));
    double clean = first_loss(DRN_DEVICE_CPU, "degrade.jpeg=0"), want = first_loss(DRN_DEVICE_CPU, "degrade.jpeg=1");
    CHECK(fabs(clean - want) > 1e-3 * want);
    CHECK_NEAR(first_loss(DRN_DEVICE_CUDA, "degrade.jpeg=0"), clean, 1e-5 * clean);
    CHECK_NEAR(first_loss(DRN_DEVICE_CUDA, "degrade.jpeg=1"), want, 1e-5 * want);
}

TEST(not_finite, "a loss that is not finite changes nothing and is an error")
{
    drn_cuda *device = open_device(DRN_NUMBERS_FP32);
    drn_trainer_config c = config(2, 8, device);
    drn_error err = {0};
    drn_step_result r;
    drn_trainer *t = trainer(&c);
    size_t n = 2 * 3 * 6 * 6;
    float *lr = drn_calloc(n, sizeof *lr), *target = drn_calloc(4 * n, sizeof *target);
    float *before = drn_alloc(t->params->elements * sizeof *before);
    CHECK(lr && target && before);
    memcpy(before, t->params->value, t->params->elements * sizeof *before);
    target[5] = NAN;
    CHECK_OK(drn_trainer_add(t, lr, (const float *const[]){target}, &err), err);
    CHECK_INT(drn_trainer_update(t, &r, &err), DRN_ERR_NUMERIC);
    CHECK_OK(drn_trainer_pull(t, &err), err);
    CHECK(memcmp(before, t->params->value, t->params->elements * sizeof *before) == 0);
    CHECK_INT(t->adam.t, 0);
    target[5] = 0;
    CHECK_OK(drn_trainer_add(t, lr, (const float *const[]){target}, &err), err);
    CHECK_OK(drn_trainer_update(t, &r, &err), err);
    CHECK(isfinite(r.loss));
    drn_free(before);
    drn_free(lr);
    drn_free(target);
    drn_trainer_free(t);
    drn_cuda_close(device);
}
