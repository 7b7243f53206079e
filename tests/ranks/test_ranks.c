/* Every test runs alone, where nothing happens, and under mpirun, where all ranks run it together. */
#include "base/mem.h"
#include "base/pool.h"
#include "comm/comm.h"
#include "harness.h"
#include "train/trainer.h"

#include <stdlib.h>
#include <unistd.h>

static drn_comm *comm;
static int rank, world = 1;

static void leave(void)
{
    drn_comm_close(comm);
}

__attribute__((constructor(101))) static void meet(void)
{
    drn_error err = {0};
    if (drn_comm_open(&comm, &err) != DRN_OK) {
        fprintf(stderr, "%s\n", err.message);
        exit(1);
    }
    rank = drn_comm_rank(comm);
    world = drn_comm_world(comm);
    atexit(leave);
}

/* What rank r has at i: numbers whose sum depends on its order. */
static float value(size_t i, int r)
{
    uint32_t h = (uint32_t)i * 2654435761u ^ (uint32_t)r * 40503u;
    h ^= h >> 15;
    h *= 2246822519u;
    return ldexpf((float)(int32_t)(h ^ h >> 13) / 2147483648.0f, (int)(h % 40) - 20);
}

TEST(meeting, "ranks are numbered as the launcher numbers them")
{
    int launched, n = drn_comm_launched(&launched);
    CHECK_INT(n, world);
    CHECK_INT(launched, rank);
    CHECK((comm != NULL) == (world > 1));
}

TEST(sums, "a sum has the bits of adding in the order of ranks in double, on every rank")
{
    static const size_t counts[] = {0, 1, 2, 3, 7, 1000, (1 << 22) + 11};
    drn_error err = {0};
    for (size_t k = 0; k < sizeof counts / sizeof *counts; k++) {
        size_t n = counts[k], wrong = 0;
        float *v = drn_alloc((n + 1) * sizeof *v);
        for (size_t i = 0; i <= n; i++)
            v[i] = value(i, rank);
        CHECK_OK(drn_comm_sum(comm, v, n, &err), err);
        for (size_t i = 0; i < n; i += n - i > 5000 && i > 5000 ? 97 : 1) {
            double s = 0;
            for (int r = 0; r < world; r++)
                s += (double)value(i, r);
            wrong += v[i] != (float)s;
        }
        CHECK(v[n] == value(n, rank));
        CHECK_INT(wrong, 0);
        drn_free(v);
    }
    double d[] = {0.1 * (rank + 1), rank};
    CHECK_OK(drn_comm_sum_doubles(comm, d, 2, &err), err);
    CHECK_NEAR(d[0], 0.05 * world * (world + 1), 1e-15 * world);
    CHECK(d[1] == world * (world - 1) / 2);
}

TEST(speed, "the gradient of the built-in model is summed within a second (printed: how fast)")
{
    enum { FLOATS = 261574, TIMES = 40 };
    drn_error err = {0};
    float *v = drn_calloc(FLOATS, sizeof *v);
    double best = 1e9;
    for (int i = 0; i < TIMES; i++) {
        double before = drn_comm_seconds(comm);
        CHECK_OK(drn_comm_sum(comm, v, FLOATS, &err), err);
        best = fmin(best, drn_comm_seconds(comm) - before);
    }
    CHECK(best < 1);
    if (rank == 0)
        printf("%d ranks, %d floats: a sum takes %.2f ms at best\n", world, FLOATS, 1e3 * best);
    drn_free(v);
}

TEST(copies, "a broadcast brings rank 0's bytes, a gather everybody's")
{
    size_t n = (size_t)5 << 20;
    unsigned char *v = drn_alloc(n);
    int all[64], mine = 7 * rank;
    drn_error err = {0};
    memset(v, rank + 1, n);
    CHECK_OK(drn_comm_broadcast(comm, v, n, &err), err);
    for (size_t i = 0; i < n; i += 4093)
        CHECK_INT(v[i], 1);
    CHECK_INT(v[n - 1], 1);
    CHECK_OK(drn_comm_all_gather(comm, all, &mine, sizeof mine, &err), err);
    for (int r = 0; r < world; r++)
        CHECK_INT(all[r], 7 * r);
    CHECK((drn_comm_seconds(comm) > 0) == (world > 1));
    drn_free(v);
}

TEST(agreeing, "the first failure and every vote are known to all, a difference is found")
{
    drn_error err = {0};
    unsigned votes = rank == 0 ? 1 : 4;
    CHECK_OK(drn_comm_agree(comm, DRN_OK, &votes, 5, "things", &err), err);
    CHECK_INT(votes, world > 1 ? 5 : 1);
    if (world == 1)
        return;
    CHECK_INT(drn_comm_agree(comm, DRN_OK, NULL, (uint64_t)(rank == 1), "things", &err), DRN_ERR_INVALID);
    CHECK_STR(err.message, "rank 1 has other things than rank 0");
    drn_status st = rank > 0 ? drn_fail(&err, DRN_ERR_NUMERIC, "trouble %d", rank) : DRN_OK;
    CHECK_INT(drn_comm_agree(comm, st, NULL, 0, "", &err), DRN_ERR_NUMERIC);
    CHECK_STR(err.message, "rank 1: trouble 1");
    st = drn_fail(&err, rank == 0 ? DRN_ERR_IO : DRN_ERR_NOMEM, "all have it");
    CHECK_INT(drn_comm_agree(comm, st, NULL, (uint64_t)rank, "", &err), DRN_ERR_IO);
    CHECK_STR(err.message, "all have it");
}

TEST(messages, "messages of a rank come in their order, and none is there before it is sent")
{
    enum { COUNT = 50, LARGE = 300000 };
    drn_error err = {0};
    void *data;
    size_t bytes;
    int from, seen[64] = {0};
    if (world == 1)
        return;
    CHECK_OK(drn_comm_take(comm, &from, &data, &bytes, false, &err), err);
    CHECK(!data);
    CHECK_OK(drn_comm_agree(comm, DRN_OK, NULL, 0, "", &err), err);
    char *text = drn_calloc(LARGE, 1);
    for (int i = 0; rank > 0 && i < COUNT; i++) {
        text[0] = (char)i;
        CHECK_OK(drn_comm_post(comm, 0, text, i % 7 == 3 ? LARGE : (size_t)i + 1, &err), err);
        text[0] = 99; /* the message is a copy */
    }
    for (int i = 0; rank == 0 && i < COUNT * (world - 1); i++) {
        CHECK_OK(drn_comm_take(comm, &from, &data, &bytes, true, &err), err);
        CHECK(from > 0 && from < world);
        CHECK_INT(((char *)data)[0], seen[from]);
        CHECK_INT(bytes, seen[from] % 7 == 3 ? LARGE : seen[from] + 1);
        CHECK_INT(((char *)data)[bytes], 0);
        seen[from]++;
        drn_comm_free_data(data);
    }
    CHECK_OK(drn_comm_agree(comm, DRN_OK, NULL, 0, "", &err), err);
    drn_free(text);
}

TEST(threads, "threads of all ranks together are no more than there are cores, one each at least")
{
    drn_error err = {0};
    double threads = drn_comm_threads(comm, 0);
    CHECK_INT(drn_comm_threads(comm, 5), 5);
    CHECK(world == 1 ? threads == 0 : threads >= 1);
    CHECK_OK(drn_comm_sum_doubles(comm, &threads, 1, &err), err);
    CHECK(world == 1 || threads <= fmax(world, drn_cpu_count()));
}

/* ---- trainers ---- */

enum { PATCH = 6, SAMPLES = 6, STEPS = 30 };

static drn_trainer_config config(bool sum, int accumulate)
{
    return (drn_trainer_config){
        .model = {.scale = 4, .channels = 8, .modules = 1, .progressive = true, .dual = true, .dual_channels = 8},
        .loss = {.kind = DRN_LOSS_GS, .lambda = 2, .sum = sum, .dual_true_lr = true},
        .dual_weight = 0.1,
        .schedule = {.kind = DRN_SCHEDULE_CONSTANT, .lr = 1e-4},
        .beta1 = 0.9,
        .beta2 = 0.99,
        .eps = 1e-8,
        .ema = 0.9,
        .init_scale = 0.1,
        .batch = SAMPLES,
        .patch = PATCH,
        .accumulate = accumulate,
        .seed = 3,
        .threads = 1,
    };
}

/* Samples first .. first + n - 1 of an endless row. */
static float *samples(size_t first, size_t n, size_t side)
{
    float *v = drn_alloc(n * 3 * side * side * sizeof *v), *p = v;
    for (size_t k = 3 * first; k < 3 * (first + n); k++)
        for (size_t y = 0; y < side; y++)
            for (size_t x = 0; x < side; x++)
                *p++ = (float)(0.5 + 0.4 * sin((double)k + 5.0 * (double)(x + 2 * y) / (double)side));
    return v;
}

static void add_shifted(drn_trainer *t, size_t first, size_t n, float shift)
{
    drn_error err = {0};
    float *lr = samples(first, n, PATCH), *target[] = {samples(first, n, 2 * PATCH), samples(first, n, 4 * PATCH)};
    for (size_t i = 0; i < n * 3 * 4 * PATCH * 4 * PATCH; i++)
        target[1][i] += shift;
    CHECK_OK(drn_trainer_add(t, lr, (const float *const *)target, &err), err);
    drn_free(lr);
    drn_free(target[0]);
    drn_free(target[1]);
}

static void add(drn_trainer *t, size_t first, size_t n)
{
    add_shifted(t, first, n, 0);
}

TEST(spike, "a spike in the part of one rank is skipped by all")
{
    drn_error err = {0};
    drn_trainer_config c = config(false, 1);
    drn_trainer *t;
    drn_step_result r;
    size_t ours = (size_t)(SAMPLES / world);
    c.spike = 3;
    c.comm = comm;
    CHECK_OK(drn_trainer_new(&t, &c, &err), err);
    for (int s = 0; s < 25; s++) {
        add(t, (size_t)rank * ours, ours);
        CHECK_OK(drn_trainer_update(t, &r, &err), err);
        CHECK(!r.skipped);
    }
    float before = *(float *)t->params->value;
    add_shifted(t, (size_t)rank * ours, ours, rank == world - 1 ? 90 : 0);
    CHECK_OK(drn_trainer_update(t, &r, &err), err);
    CHECK(r.skipped && t->skipped == 1 && t->adam.t == 25);
    CHECK(before == *(float *)t->params->value);
    CHECK_OK(drn_comm_agree(comm, DRN_OK, NULL, drn_trainer_fingerprint(t), "weights", &err), err);
    drn_trainer_free(t);
}

TEST(curve, "ranks that share a batch follow the curve of one trainer, with weights equal to the bit")
{
    drn_error err = {0};
    for (int how = 0; how < 4; how++) {
        drn_trainer_config c = config(how & 1, how & 2 ? 2 : 1);
        size_t batches = how & 2 ? 2 : 1, ours = (size_t)(SAMPLES / world);
        drn_trainer *together, *alone;
        CHECK_OK(drn_trainer_new(&alone, &c, &err), err);
        c.comm = comm;
        CHECK_OK(drn_trainer_new(&together, &c, &err), err);
        for (size_t s = 0; s < STEPS; s++) {
            drn_step_result a, b;
            for (size_t k = 0; k < batches; k++) {
                size_t first = (s * batches + k) * SAMPLES;
                add(alone, first, SAMPLES);
                add(together, first + (size_t)rank * ours, ours);
            }
            CHECK_OK(drn_trainer_update(alone, &a, &err), err);
            CHECK_OK(drn_trainer_update(together, &b, &err), err);
            CHECK_NEAR(b.loss, a.loss, 2e-5 * a.loss);
            CHECK_NEAR(b.primal, a.primal, 2e-5 * a.primal);
            CHECK_NEAR(b.grad_norm, a.grad_norm, 1e-3 * a.grad_norm);
        }
        CHECK_OK(drn_comm_agree(comm, DRN_OK, NULL, drn_trainer_fingerprint(together), "weights", &err), err);
        if (world == 1)
            CHECK(drn_trainer_fingerprint(together) == drn_trainer_fingerprint(alone));
        drn_trainer_free(alone);
        drn_trainer_free(together);
    }
}

TEST(spreading, "every rank takes over rank 0's state, down to Adam's moments")
{
    drn_error err = {0};
    drn_trainer_config c = config(false, 1);
    drn_trainer *t;
    c.seed = 10 + (uint64_t)rank;
    CHECK_OK(drn_trainer_new(&t, &c, &err), err);
    for (int s = 0; s <= rank; s++) {
        drn_step_result r;
        add(t, (size_t)(40 * rank + s), SAMPLES);
        CHECK_OK(drn_trainer_update(t, &r, &err), err);
    }
    if (world > 1)
        CHECK_INT(drn_comm_agree(comm, DRN_OK, NULL, drn_trainer_fingerprint(t), "weights", &err), DRN_ERR_INVALID);
    t->config.comm = comm; /* for what follows; its graph is for whole batches */
    CHECK_OK(drn_trainer_spread(t, &err), err);
    uint64_t all = drn_trainer_fingerprint(t);
    size_t bytes = t->params->elements * sizeof(float);
    all = drn_comm_fingerprint(all, t->adam.m, bytes);
    all = drn_comm_fingerprint(all, t->adam.v, bytes);
    all = drn_comm_fingerprint(all, t->adam.average, bytes);
    all = drn_comm_fingerprint(all, &t->mean, sizeof t->mean);
    CHECK_OK(drn_comm_agree(comm, DRN_OK, NULL, all ^ (uint64_t)(t->adam.t + 100 * t->means), "states", &err), err);
    CHECK_INT(t->step, 1);
    CHECK_INT(t->adam.t, 1);
    drn_trainer_free(t);
}

TEST(parts, "a batch that cannot be split evenly is named, whenever it comes")
{
    drn_error err = {0};
    drn_trainer_config c = config(false, 1);
    CHECK_OK(drn_phase_check_ranks(&c, 1, &err), err);
    CHECK_OK(drn_phase_check_ranks(&c, 3, &err), err);
    CHECK_INT(drn_phase_check_ranks(&c, 4, &err), DRN_ERR_INVALID);
    CHECK_STR(err.message, "data.batch: 6 samples cannot be split evenly over 4 ranks");
    CHECK_OK(drn_batch_sizes_parse(&c.sizes, "10:8x12 20:8x8", &err), err);
    CHECK_OK(drn_phase_check_ranks(&c, 2, &err), err);
    CHECK_INT(drn_phase_check_ranks(&c, 3, &err), DRN_ERR_INVALID);
    CHECK_STR(err.message, "data.sizes: 8 samples from step 20 on cannot be split evenly over 3 ranks");
}
