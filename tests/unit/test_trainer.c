/* A trainer alone, fed with made-up batches: accumulation, skipped spikes, phases, borrowed
 * weights. */
#include "base/fileio.h"
#include "base/mem.h"
#include "base/rng.h"
#include "harness.h"
#include "train/trainer.h"

#include <math.h>
#include <stdlib.h>

enum { PATCH = 6, SAMPLES = 4 };

static const drn_trainer_config small = {
    .model = {.scale = 4, .channels = 8, .modules = 1, .progressive = true},
    .loss = {.kind = DRN_LOSS_MAE},
    .schedule = {.kind = DRN_SCHEDULE_CONSTANT, .lr = 1e-3},
    .beta1 = 0.9,
    .beta2 = 0.99,
    .eps = 1e-8,
    .init_scale = 0.1,
    .batch = SAMPLES,
    .patch = PATCH,
    .seed = 3,
    .threads = 1,
};

/* A batch of SAMPLES samples for any scale, smooth so that it can be learned. */
typedef struct batch {
    float *lr, *target[3];
} batch;

static float *ramp(size_t samples, size_t side, double seed)
{
    float *v = drn_alloc(samples * 3 * side * side * sizeof *v), *p = v;
    for (size_t n = 0; n < samples * 3; n++)
        for (size_t y = 0; y < side; y++)
            for (size_t x = 0; x < side; x++)
                *p++ = (float)(0.5 +
                               0.4 * sin(seed + (double)n + 5.0 * (double)(x + y) / (double)side));
    return v;
}

static batch make_batch(double seed)
{
    batch b = {.lr = ramp(SAMPLES, PATCH, seed)};
    for (size_t l = 0; l < 3; l++)
        b.target[l] = ramp(SAMPLES, (size_t)PATCH << (l + 1), seed);
    return b;
}

static void free_batch(batch *b)
{
    drn_free(b->lr);
    for (int l = 0; l < 3; l++)
        drn_free(b->target[l]);
}

static drn_trainer *make(const drn_trainer_config *c)
{
    drn_trainer *t;
    drn_error err = {0};
    CHECK_OK(drn_trainer_new(&t, c, &err), err);
    return t;
}

static drn_step_result step(drn_trainer *t, const batch *b)
{
    drn_step_result r;
    drn_error err = {0};
    CHECK_OK(drn_trainer_step(t, b->lr, (const float *const *)b->target, &r, &err), err);
    return r;
}

/* Largest difference of the values of parameters whose name starts so; a NULL: of all. */
static double distance(const drn_trainer *a, const float *b, const char *prefix)
{
    double most = 0;
    for (size_t i = 0; i < a->params->count; i++) {
        const drn_param *q = &a->params->list[i];
        const float *x = (const float *)a->params->value + q->offset, *y = b + q->offset;
        for (size_t k = 0; k < q->count && strncmp(q->name, prefix, strlen(prefix)) == 0; k++)
            most = fmax(most, fabs((double)x[k] - (double)y[k]));
    }
    return most;
}

static float *copy_weights(const drn_trainer *t)
{
    float *v = drn_alloc(t->params->elements * sizeof *v);
    memcpy(v, t->params->value, t->params->elements * sizeof *v);
    return v;
}

TEST(accumulate, "two batches of two, accumulated, are one batch of four")
{
    drn_trainer_config halves = small;
    halves.batch = SAMPLES / 2;
    halves.accumulate = 2;
    for (int sum = 0; sum < 2; sum++) {
        drn_error err = {0};
        drn_trainer_config whole = small;
        whole.loss.sum = halves.loss.sum = sum;
        drn_trainer *a = make(&whole), *b = make(&halves);
        for (int s = 0; s < 3; s++) {
            batch all = make_batch(s);
            drn_step_result ra = step(a, &all), rb;
            for (size_t h = 0; h < 2; h++) {
                const float *lr = all.lr + h * 2 * 3 * PATCH * PATCH, *target[2];
                for (size_t l = 0; l < 2; l++)
                    target[l] =
                        all.target[l] + h * 2 * 3 * ((size_t)(PATCH * PATCH) << (2 * l + 2));
                CHECK_OK(drn_trainer_add(b, lr, target, &err), err);
            }
            CHECK_OK(drn_trainer_update(b, &rb, &err), err);
            CHECK_NEAR(rb.loss, ra.loss, 1e-6 * ra.loss);
            CHECK_NEAR(rb.primal, ra.primal, 1e-6 * ra.primal);
            CHECK_NEAR(rb.grad_norm, ra.grad_norm, 1e-5 * ra.grad_norm);
            free_batch(&all);
        }
        CHECK_INT(drn_trainer_steps(b), 3);
        CHECK(distance(a, b->params->value, "") < 2e-5); /* Adam turns rounding into small steps */
        drn_trainer_free(a);
        drn_trainer_free(b);
    }
}

TEST(spike,
     "a step whose loss is a spike changes nothing and is counted; a loss that stays is let in")
{
    drn_trainer_config c = small;
    c.spike = 3;
    c.ema = 0.9;
    drn_trainer *t = make(&c);
    batch good = make_batch(0), bad = make_batch(0);
    for (size_t i = 0; i < SAMPLES * 3 * PATCH * PATCH * 16; i++)
        bad.target[1][i] += 40;
    for (int i = 0; i < 25; i++)
        CHECK(!step(t, &good).skipped);
    float *before = copy_weights(t);
    CHECK(step(t, &bad).skipped);
    CHECK(distance(t, before, "") == 0);
    CHECK(t->skipped == 1 && t->step == 26 && t->adam.t == 25);
    CHECK(!step(t, &good).skipped && t->skipped == 1);
    CHECK(distance(t, before, "") > 0);
    int skipped = 0;
    while (step(t, &bad).skipped && skipped < 1000)
        skipped++;
    CHECK(skipped > 3 && skipped < 500);
    CHECK_INT(t->skipped, 1 + skipped);
    drn_free(before);
    free_batch(&good);
    free_batch(&bad);
    drn_trainer_free(t);
}

TEST(warm, "in a warm start the first blocks train alone, the rest waits untouched")
{
    drn_trainer_config c = small;
    c.model.scale = 8;
    c.warm_until = 6; /* block 1 before step 3, block 2 joins then, block 3 at 6 */
    drn_trainer *t = make(&c);
    batch b = make_batch(1);
    for (int64_t s = 0; s < 8; s++) {
        float *before = copy_weights(t);
        step(t, &b);
        CHECK(distance(t, before, "block1") > 0 && distance(t, before, "head") > 0);
        CHECK((distance(t, before, "block2") > 0) == (s >= 3));
        CHECK((distance(t, before, "block3") > 0) == (s >= 6));
        drn_free(before);
    }
    free_batch(&b);
    drn_trainer_free(t);
}

TEST(tail, "from its step on the tail's loss is the one that is minimised")
{
    drn_trainer_config c = small;
    c.schedule.lr = 0;
    drn_trainer_config mse = c;
    mse.loss.kind = DRN_LOSS_MSE;
    c.tail_kind = DRN_LOSS_MSE;
    c.tail_start = 2;
    drn_trainer *a = make(&c), *b = make(&mse);
    batch in = make_batch(2);
    double want = step(b, &in).loss, first = step(a, &in).loss;
    CHECK(fabs(first - want) > 0.01 * want);
    CHECK(step(a, &in).loss == first);
    CHECK(step(a, &in).loss == want);
    CHECK(step(a, &in).loss == want);
    free_batch(&in);
    drn_trainer_free(a);
    drn_trainer_free(b);
}

TEST(phases, "sizes parse, and samples are counted as adding step by step counts them")
{
    drn_trainer_config c = small;
    drn_error err = {0};
    CHECK_OK(drn_batch_sizes_parse(&c.sizes, " 5:48x2, 9:8x64 ", &err), err);
    c.accumulate = 3;
    uint64_t samples = 0;
    for (int64_t s = 0; s < 14; s++) {
        CHECK(drn_phase_samples(&c, s) == samples);
        drn_phase p = drn_phase_at(&c, s);
        CHECK_INT(p.patch, s < 5 ? PATCH : s < 9 ? 48 : 8);
        CHECK_INT(p.batch, s < 5 ? SAMPLES : s < 9 ? 2 : 64);
        CHECK(drn_phase_next_size(&c, s) == (s < 5 ? 5 : s < 9 ? 9 : INT64_MAX));
        samples += (uint64_t)p.batch * 3;
    }
    static const char *const bad[] = {"5:48",        "5:48x",       "x",      "0:8x8",    "5:0x8",
                                      "5:8x8 5:8x8", "9:8x8,5:8x8", "5:8x8x", "5:2000x1", "-1:8x8"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        CHECK_INT(drn_batch_sizes_parse(&c.sizes, bad[i], &err), DRN_ERR_INVALID);
    CHECK_OK(drn_batch_sizes_parse(&c.sizes, "", &err), err);
    CHECK_INT(c.sizes.count, 0);
}

static drn_safetensors *saved(const drn_trainer *t)
{
    drn_safetensors *st;
    drn_st_writer *w;
    drn_error err = {0};
    char *path = drn_path_join(test_tmp_dir(), "saved.safetensors");
    CHECK_OK(drn_st_writer_new(&w, &err), err);
    CHECK_OK(drn_trainer_save(t, w, &err), err);
    CHECK_OK(drn_st_writer_write(w, path, &err), err);
    CHECK_OK(drn_safetensors_open(&st, path, &err), err);
    drn_st_writer_free(w);
    drn_free(path);
    return st;
}

static const float *weights(const drn_trainer *t, const char *name)
{
    const drn_param *q = drn_params_find(t->params, name);
    CHECK(q);
    return (const float *)t->params->value + q->offset;
}

TEST(init_from, "a x4 starts from a x2's blocks; its new block is random or a copy of the last")
{
    drn_trainer_config c = small;
    drn_error err = {0};
    char what[160];
    c.model.scale = 2;
    c.ema = 0.5;
    c.seed = 77;
    drn_trainer *x2 = make(&c);
    batch b = make_batch(0);
    for (int i = 0; i < 3; i++)
        step(x2, &b);
    drn_safetensors *st = saved(x2);
    size_t n = 8 * 8 * 9 * sizeof(float);
    for (int copy = 0; copy < 2; copy++) {
        drn_trainer *x4 = make(&small);
        CHECK_OK(drn_trainer_init_from(x4, st, copy, what, &err), err);
        /* the averaged weights are the better ones */
        const drn_param *q = drn_params_find(x2->params, "block1.module1.conv1.weight");
        CHECK(memcmp(weights(x4, "block1.module1.conv1.weight"), x2->adam.average + q->offset, n) ==
              0);
        CHECK((memcmp(weights(x4, "block2.module1.conv1.weight"),
                      weights(x4, "block1.module1.conv1.weight"), n) == 0) == copy);
        CHECK(strstr(what, copy ? "10 tensors kept, 8 copied from its last block, 0 new"
                                : "10 tensors kept, 0 copied from its last block, 8 new"));
        drn_trainer_free(x4);
    }
    drn_trainer_config wide = small;
    wide.model.channels = 16;
    drn_trainer *x4 = make(&wide);
    CHECK_INT(drn_trainer_init_from(x4, st, true, what, &err), DRN_ERR_FORMAT);
    CHECK(strstr(err.message, "8 channels") && strstr(err.message, "16 channels"));
    drn_trainer_free(x4);
    drn_safetensors_free(st);
    drn_trainer_free(x2);
    free_batch(&b);
}
