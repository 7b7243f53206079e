/* libdrn.so in another program's process: many threads on one model, progress, cancelling. */
#include "harness.h"

#include "drn/drn.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

static drn_image *picture(int32_t width, int32_t height, int seed)
{
    drn_error err = {0};
    drn_image *image;
    CHECK_OK(drn_image_new(&image, width, height, 3, DRN_U8, &err), err);
    uint8_t *p = image->data;
    for (int32_t y = 0; y < height; y++)
        for (int32_t x = 0; x < 3 * width; x++)
            *p++ = (uint8_t)(128 + 90 * sin(0.2 * x + seed) * cos(0.15 * y) + (x * y) % 11);
    return image;
}

static size_t bytes(const drn_image *image)
{
    return (size_t)image->width * (size_t)image->height * (size_t)image->bands *
           drn_depth_size(image->depth);
}

/* ---- threads ---- */

enum { THREADS = 4, ROUNDS = 3 };

typedef struct user {
    const drn_model *model;
    int index;
    drn_image *in;
    const drn_image *want;
    bool same;
    int calls; /* of progress, on the thread itself */
    pthread_t self;
    bool own_thread;
} user;

static bool count_calls(void *ctx, double done)
{
    user *u = ctx;
    u->calls++;
    u->own_thread = u->own_thread && pthread_equal(u->self, pthread_self());
    return done <= 1;
}

/* Half of the users ask the model what it is meanwhile, and fail on purpose now and then. */
static void *use(void *arg)
{
    user *u = arg;
    u->self = pthread_self();
    u->same = u->own_thread = true;
    for (int i = 0; i < ROUNDS; i++) {
        drn_error err = {0};
        drn_image *out = NULL, *none = NULL;
        drn_upscale_options o = {.scale = u->index % 2 ? 4 : 2,
                                 .threads = 2,
                                 .tile = 24,
                                 .progress = count_calls,
                                 .progress_ctx = u};
        drn_status st = drn_upscale(&out, u->in, u->model, &o, &err);
        u->same = u->same && st == DRN_OK && memcmp(out->data, u->want->data, bytes(out)) == 0;
        drn_image_free(out);
        o.scale = 3;
        o.tile = -1;
        u->same = u->same && drn_upscale(&none, u->in, u->model, &o, &err) == DRN_ERR_INVALID;
        u->same = u->same && drn_model_parameters(u->model, false) > 0 &&
                  drn_model_metadata(u->model, "no such key") == NULL;
    }
    return NULL;
}

TEST(one_model, "threads share one model and each gets the bits it would get alone")
{
    drn_error err = {0};
    drn_model *model;
    drn_image *in[THREADS], *want[THREADS];
    user users[THREADS];
    pthread_t id[THREADS];
    if (!drn_model_builtin(0))
        SKIP("no built-in model");
    CHECK_OK(drn_model_load(&model, NULL, &err), err);
    for (int i = 0; i < THREADS; i++) {
        drn_upscale_options o = {.scale = i % 2 ? 4 : 2, .tile = 24};
        in[i] = picture(40 + i, 33, i);
        CHECK_OK(drn_upscale(&want[i], in[i], model, &o, &err), err);
        users[i] = (user){.model = model, .index = i, .in = in[i], .want = want[i]};
    }
    for (int i = 0; i < THREADS; i++)
        CHECK_INT(pthread_create(&id[i], NULL, use, &users[i]), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(id[i], NULL);
    for (int i = 0; i < THREADS; i++) {
        CHECK(users[i].same);
        CHECK(users[i].own_thread);
        CHECK(users[i].calls >= 2 * ROUNDS);
        drn_image_free(in[i]);
        drn_image_free(want[i]);
    }
    drn_model_free(model);
}

static void *load(void *arg)
{
    const char *path = arg;
    drn_error err = {0};
    drn_model *model = NULL;
    drn_image *image = NULL;
    bool ok = drn_model_load(&model, NULL, &err) == DRN_OK &&
              drn_image_read(&image, path, &err) == DRN_OK && image->width == 50;
    drn_image_free(image);
    drn_model_free(model);
    return ok ? arg : NULL;
}

TEST(loading, "threads load models and read pictures at the same time, from the first call on")
{
    drn_error err = {0};
    char path[128];
    pthread_t id[THREADS];
    drn_image *image = picture(50, 20, 1);
    snprintf(path, sizeof path, "%s/p.ppm", test_tmp_dir());
    CHECK_OK(drn_image_write(image, path, NULL, &err), err);
    drn_image_free(image);
    for (int i = 0; i < THREADS; i++)
        CHECK_INT(pthread_create(&id[i], NULL, load, path), 0);
    for (int i = 0; i < THREADS; i++) {
        void *ok;
        pthread_join(id[i], &ok);
        CHECK(ok || !drn_model_builtin(0));
    }
}

/* ---- progress and cancelling ---- */

typedef struct watch {
    int calls, stop_after;
    double last;
    bool falls;
} watch;

static bool look(void *ctx, double done)
{
    watch *w = ctx;
    w->falls = w->falls || done < w->last;
    w->last = done;
    return ++w->calls != w->stop_after;
}

static drn_status enlarge(watch *w, const drn_model *model, drn_upscale_options o, drn_error *err)
{
    drn_image *in = picture(60, 50, 3), *out = NULL;
    o.progress = look;
    o.progress_ctx = w;
    drn_status st = drn_upscale(&out, in, model, &o, err);
    CHECK((st == DRN_OK) == (out != NULL));
    drn_image_free(out);
    drn_image_free(in);
    return st;
}

TEST(progress, "progress grows to 1, whatever is asked for; saying no at any call cancels")
{
    static const drn_upscale_options ways[] = {{.tile = 24},
                                               {.tile = 24, .factor = 2.5},
                                               {.tile = 32, .ensemble = true},
                                               {.width = 30},
                                               {.scale = 2, .consistent = 3}};
    drn_error err = {0};
    drn_model *model;
    if (!drn_model_builtin(0))
        SKIP("no built-in model");
    CHECK_OK(drn_model_load(&model, NULL, &err), err);
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        watch w = {0};
        CHECK_OK(enlarge(&w, model, ways[i], &err), err);
        CHECK(!w.falls && w.calls >= 1);
        CHECK_NEAR(w.last, 1, 1e-9);
        int all = w.calls;
        for (int stop = 1; stop < all; stop += 1 + all / 4) {
            w = (watch){.stop_after = stop};
            err = (drn_error){0};
            CHECK_INT(enlarge(&w, model, ways[i], &err), DRN_ERR_CANCELLED);
            CHECK_INT(err.code, DRN_ERR_CANCELLED);
            CHECK(err.message[0]);
            CHECK_INT(w.calls, stop);
        }
    }
    drn_model_free(model);
}

static bool stop_at_3(void *ctx, const drn_train_progress *p)
{
    *(long long *)ctx = p->step;
    return p->step < 3;
}

TEST(training, "a run stopped by its callback leaves a checkpoint and goes on from it")
{
    static const char *const set[] = {"train.steps=6",    "train.warmup=0",  "train.val_every=0",
                                      "model.channels=8", "model.modules=1", "data.patch=8",
                                      "data.batch=1"};
    drn_error err = {0};
    char data[128], path[160], out[160];
    const char *dirs[] = {data};
    long long step = 0;
    snprintf(data, sizeof data, "%s", test_tmp_dir());
    snprintf(path, sizeof path, "%s/a.ppm", data);
    snprintf(out, sizeof out, "%s/run", data);
    drn_image *image = picture(48, 48, 2);
    CHECK_OK(drn_image_write(image, path, NULL, &err), err);
    drn_image_free(image);
    drn_train_options o = {.recipe = "tiny-x2",
                           .set = set,
                           .sets = sizeof set / sizeof *set,
                           .data = dirs,
                           .datas = 1,
                           .out = out,
                           .progress = stop_at_3,
                           .progress_ctx = &step};
    CHECK_INT(drn_train(&o, &err), DRN_ERR_CANCELLED);
    CHECK_INT(step, 3);
    o.resume = true;
    o.progress = NULL;
    CHECK_OK(drn_train(&o, &err), err);
}
