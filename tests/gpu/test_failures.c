/* What goes wrong on a GPU, on the emulated one: no driver, out of memory, a device that is lost. */
#include "cuda_runtime_api.h"
#include "base/mem.h"
#include "device.h"
#include "harness.h"
#include "train/trainer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static drn_trainer_config small(drn_cuda *device)
{
    return (drn_trainer_config){.model = {2, 8, 1, true, false, 8, DRN_SKIP_BICUBIC},
                                .loss = {.kind = DRN_LOSS_MAE},
                                .schedule = {.kind = DRN_SCHEDULE_CONSTANT, .lr = 1e-3},
                                .beta1 = 0.9,
                                .beta2 = 0.99,
                                .eps = 1e-8,
                                .batch = 1,
                                .patch = 6,
                                .threads = 1,
                                .device = device};
}

TEST(no_driver, "without a driver the message says so and what to do")
{
    drn_cuda *d;
    drn_error err = {0};
    drn_emu_no_device(1);
    CHECK_INT(drn_cuda_open(&d, DRN_NUMBERS_BF16, &err), DRN_ERR_DEVICE);
    drn_emu_no_device(0);
    CHECK(strstr(err.message, "driver is not installed") && strstr(err.message, "--device cpu"));
}

TEST(environment, "wrong settings in the environment are errors")
{
    drn_cuda *d;
    drn_error err = {0};
    setenv("DRN_CUDA_DEVICE", "7", 1);
    CHECK_INT(drn_cuda_open(&d, DRN_NUMBERS_BF16, &err), DRN_ERR_DEVICE);
    CHECK(strstr(err.message, "DRN_CUDA_DEVICE"));
    unsetenv("DRN_CUDA_DEVICE");
    setenv("DRN_CUDA_CONV", "fast", 1);
    CHECK_INT(drn_cuda_open(&d, DRN_NUMBERS_BF16, &err), DRN_ERR_INVALID);
    CHECK(strstr(err.message, "'fast'"));
    unsetenv("DRN_CUDA_CONV");
}

TEST(memory, "memory refused at any point: an error with the amounts, nothing leaks, the next try works")
{
    drn_cuda *d = open_device(DRN_NUMBERS_FP32);
    drn_error err = {0};
    drn_trainer *t;
    drn_trainer_config c = small(d);
    size_t host = drn_mem_current();
    int refused = 0;
    for (size_t bytes = 0; bytes < (size_t)1 << 20; bytes += bytes / 2 + 512) {
        drn_emu_memory(bytes);
        drn_status st = drn_trainer_new(&t, &c, &err);
        if (st == DRN_OK) {
            drn_trainer_free(t);
        } else {
            refused++;
            CHECK_INT(st, DRN_ERR_NOMEM);
            CHECK(strstr(err.message, "MiB"));
        }
        CHECK_INT(drn_mem_current(), host);
    }
    CHECK(refused > 3);
    drn_emu_memory((size_t)1 << 40);
    CHECK_OK(drn_trainer_new(&t, &c, &err), err);
    drn_trainer_free(t);
    drn_cuda_close(d);
}

TEST(host_memory, "host memory refused at any point: an error, nothing leaks")
{
    drn_cuda *d = open_device(DRN_NUMBERS_FP32);
    drn_error err = {0};
    drn_trainer_config c = small(d);
    size_t host = drn_mem_current();
    drn_trainer *t = NULL;
    size_t n = 0;
    drn_status st = DRN_ERR_NOMEM;
    while (st != DRN_OK) {
        drn_mem_fail_nth(++n);
        st = drn_trainer_new(&t, &c, &err);
        drn_mem_fail_nth(0);
        if (st != DRN_OK)
            CHECK_INT(st, DRN_ERR_NOMEM);
        if (st == DRN_OK)
            drn_trainer_free(t);
        CHECK_INT(drn_mem_current(), host);
        CHECK(n < 10000);
    }
    CHECK(n > 10);
    drn_cuda_close(d);
}

static drn_step_result first_step(int batch, bool tune)
{
    enum { PATCH = 10, MOST = 2 };
    static float lr[MOST * 3 * PATCH * PATCH], target[MOST * 3 * 4 * PATCH * PATCH];
    drn_error err = {0};
    drn_rng rng;
    drn_rng_seed(&rng, 4, 0);
    for (size_t i = 0; i < sizeof lr / sizeof *lr; i++)
        lr[i] = (float)drn_rng_uniform(&rng);
    for (size_t i = 0; i < sizeof target / sizeof *target; i++)
        target[i] = (float)drn_rng_uniform(&rng);
    setenv("DRN_CUDA_TUNE", tune ? "1" : "0", 1);
    drn_cuda *d = open_device(DRN_NUMBERS_BF16);
    setenv("DRN_CUDA_TUNE", "0", 1);
    drn_trainer_config c = small(d);
    drn_trainer *t;
    drn_step_result r = {0};
    c.model = (drn_config){2, 64, 1, true, false, 64, DRN_SKIP_BICUBIC};
    c.batch = batch;
    c.patch = PATCH;
    c.init_scale = 1;
    CHECK_OK(drn_trainer_new(&t, &c, &err), err);
    CHECK_OK(drn_trainer_add(t, lr, (const float *const[]){target}, &err), err);
    CHECK_OK(drn_trainer_update(t, &r, &err), err);
    drn_trainer_free(t);
    drn_cuda_close(d);
    return r;
}

TEST(small_card, "a card with 99 KiB of shared memory a block takes other kernels, to the same numbers")
{
    for (int tune = 0; tune < 2; tune++) {
        int batch = 2 - tune;
        drn_step_result want = first_step(batch, false);
        drn_emu_card(8, 6, 99 << 10); /* a launch that wants more ends the test */
        drn_step_result got = first_step(batch, tune);
        drn_emu_card(9, 0, 227 << 10);
        CHECK(want.grad_norm > 0);
        CHECK(fabs((double)got.loss - (double)want.loss) <= 1e-3 * fabs((double)want.loss));
        CHECK(fabs((double)got.grad_norm - (double)want.grad_norm) <= 0.02 * (double)want.grad_norm);
    }
}

/* Every call of the runtime in turn is the first to fail. */
TEST(lost, "a device lost at any point is an error, never a wrong result")
{
    drn_error err = {0};
    float lr[3 * 36] = {0}, target[3 * 144] = {0};
    int failures = 0;
    for (long n = 1; n < 100000; n += 1 + n / 16) {
        drn_cuda *d = NULL;
        drn_trainer *t = NULL;
        drn_step_result r;
        drn_emu_fail_after(n);
        drn_status st = drn_cuda_open(&d, DRN_NUMBERS_FP32, &err);
        drn_trainer_config c = small(d);
        if (st == DRN_OK)
            st = drn_trainer_new(&t, &c, &err);
        for (int i = 0; st == DRN_OK && i < 3; i++) {
            st = drn_trainer_add(t, lr, (const float *const[]){target}, &err);
            if (st == DRN_OK)
                st = drn_trainer_update(t, &r, &err);
        }
        if (st == DRN_OK)
            st = drn_trainer_pull(t, &err);
        drn_trainer_free(t);
        drn_cuda_close(d);
        drn_emu_fail_after(0);
        if (st == DRN_OK)
            break;
        failures++;
        CHECK_INT(st, DRN_ERR_DEVICE);
        CHECK(strncmp(err.message, "GPU: ", 5) == 0 || strncmp(err.message, "no GPU", 6) == 0);
    }
    CHECK(failures > 20);
}
