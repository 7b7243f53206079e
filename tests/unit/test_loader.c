/* Batches: the same whoever makes them, in order, with errors and memory in order too. */
#include "data/loader.h"
#include "pictures.h"

#include <stdlib.h>
#include <unistd.h>

enum { STEPS = 12, BATCH = 3, PATCH = 6, SCALE = 4 };

static drn_dataset *pictures(size_t cache_bytes)
{
    static char dir[256];
    drn_dataset *d;
    drn_error err = {0};
    if (!dir[0]) {
        strcpy(dir, fresh_dir());
        for (int i = 0; i < 5; i++) {
            char name[16];
            snprintf(name, sizeof name, "%d.ppm", i);
            put_noise(dir, name, 60 + 7 * i, 50 + 3 * i, (uint64_t)i);
        }
        put_text(dir, "broken.png", "x");
        put_noise(dir, "small.ppm", 20, 30, 9);
    }
    CHECK_OK(drn_dataset_open(&d,
                              &(drn_dataset_options){.dirs = (const char *[]){dir},
                                                     .dir_count = 1,
                                                     .cache_bytes = cache_bytes},
                              &err),
             err);
    return d;
}

static drn_loader_options options(int threads, int64_t first, uint64_t seed)
{
    return (drn_loader_options){
        .spec = {.scale = SCALE,
                 .patch = PATCH,
                 .augment = DRN_AUGMENT_TURNS,
                 .seed = seed,
                 .degrade = {.noise = 0.5,
                             .noise_max = 9,
                             .blur = 0.5,
                             .blur_max = 1,
                             .jpeg = 0.5,
                             .jpeg_min = 30,
                             .jpeg_max = 90}},
        .batch = BATCH,
        .threads = threads,
        .first_step = first};
}

static uint64_t hash(uint64_t h, const float *v, size_t n)
{
    const unsigned char *b = (const unsigned char *)v;
    for (size_t i = 0; i < n * sizeof *v; i++)
        h = (h ^ b[i]) * 0x100000001b3u;
    return h;
}

static uint64_t hash_batch(const drn_batch *b)
{
    size_t n = BATCH * 3 * PATCH * PATCH;
    uint64_t h = hash(0xcbf29ce484222325u, b->lr, n);
    h = hash(h, b->target[0], 4 * n);
    return hash(h, b->target[1], 16 * n);
}

/* Hashes of the batches first .. first+n-1. */
static void run(uint64_t *h, size_t n, int threads, int64_t first, uint64_t seed, size_t cache)
{
    drn_dataset *d = pictures(cache);
    drn_loader *l;
    drn_error err = {0};
    drn_loader_options o = options(threads, first, seed);
    CHECK_OK(drn_loader_new(&l, d, &o, &err), err);
    for (size_t i = 0; i < n; i++) {
        const drn_batch *b;
        CHECK_OK(drn_loader_next(&b, l, &err), err);
        CHECK_INT(b->step, first + (int64_t)i);
        CHECK(!b->target[2]);
        h[i] = hash_batch(b);
        if (i % 5 == 2) {
            usleep(2000); /* let the threads fill the ring */
            CHECK(hash_batch(b) == h[i]);
        }
    }
    CHECK(drn_loader_wait(l) > 0);
    drn_loader_free(l);
    drn_dataset_free(d);
}

TEST(threads, "0, 1, 2, 3 and 7 threads give the same bits, twice, with or without a cache")
{
    uint64_t want[STEPS], got[STEPS];
    run(want, STEPS, 0, 0, 1, 0);
    for (int i = 0; i < 10; i++) {
        run(got, STEPS, (int[]){0, 1, 2, 3, 7}[i / 2], 0, 1, i % 2 ? 1 : 0);
        CHECK(memcmp(got, want, sizeof want) == 0);
    }
    for (int i = 0; i < STEPS; i++)
        for (int k = 0; k < i; k++)
            CHECK(want[i] != want[k]);
}

TEST(resume, "a loader that starts at step k goes on with the batches of an uninterrupted one")
{
    uint64_t want[STEPS], got[STEPS];
    run(want, STEPS, 0, 0, 1, 0);
    for (int k = 1; k < STEPS; k += 3) {
        run(got, (size_t)(STEPS - k), k % 4, k, 1, 0);
        CHECK(memcmp(got, want + k, (size_t)(STEPS - k) * sizeof *got) == 0);
    }
}

TEST(parts, "loaders of several ranks make the parts of one batch")
{
    enum { PARTS = BATCH, PART = BATCH / PARTS };
    const size_t n = 3 * PATCH * PATCH;
    drn_error err = {0};
    drn_dataset *d = pictures(0);
    drn_loader_options whole = options(0, 3, 1);
    drn_loader *all, *part[PARTS];
    whole.sample_shift = 17;
    CHECK_INT(BATCH % PARTS, 0);
    CHECK_OK(drn_loader_new(&all, d, &whole, &err), err);
    for (int r = 0; r < PARTS; r++) {
        drn_loader_options o = whole;
        o.batch = PART;
        o.stride = BATCH;
        o.sample_shift += (uint64_t)(r * PART);
        CHECK_OK(drn_loader_new(&part[r], d, &o, &err), err);
    }
    for (int s = 0; s < STEPS; s++) {
        const drn_batch *a, *b;
        CHECK_OK(drn_loader_next(&a, all, &err), err);
        for (size_t r = 0; r < PARTS; r++) {
            CHECK_OK(drn_loader_next(&b, part[r], &err), err);
            CHECK_INT(b->step, a->step);
            CHECK(memcmp(b->lr, a->lr + r * PART * n, PART * n * sizeof(float)) == 0);
            CHECK(memcmp(b->target[1], a->target[1] + r * PART * 16 * n, PART * 16 * n * sizeof(float)) == 0);
        }
    }
    drn_loader_free(all);
    for (int r = 0; r < PARTS; r++)
        drn_loader_free(part[r]);
    drn_dataset_free(d);
}

TEST(seeds, "another seed gives other batches")
{
    uint64_t a[STEPS], b[STEPS];
    run(a, STEPS, 1, 0, 1, 0);
    run(b, STEPS, 1, 0, 2, 0);
    for (int i = 0; i < STEPS; i++)
        for (int k = 0; k < STEPS; k++)
            CHECK(a[i] != b[k]);
}

TEST(samples, "no two samples of the first steps are the same")
{
    drn_dataset *d = pictures(0);
    drn_loader *l;
    const drn_batch *b;
    drn_error err = {0};
    uint64_t h[STEPS * BATCH];
    size_t n = 0, size = 3 * PATCH * PATCH * 16;
    drn_loader_options o = options(0, 0, 1);
    CHECK_OK(drn_loader_new(&l, d, &o, &err), err);
    for (int t = 0; t < STEPS; t++) {
        CHECK_OK(drn_loader_next(&b, l, &err), err);
        for (size_t i = 0; i < BATCH; i++, n++) {
            h[n] = hash(0, b->target[1] + i * size, size);
            for (size_t k = 0; k < n; k++)
                CHECK(h[k] != h[n]);
        }
    }
    drn_loader_free(l);
    drn_dataset_free(d);
}

TEST(range, "values are multiples of 1/255 in 0..1, and the batch is not constant")
{
    drn_dataset *d = pictures(0);
    drn_loader *l;
    const drn_batch *b;
    drn_error err = {0};
    drn_loader_options o = options(0, 0, 3);
    CHECK_OK(drn_loader_new(&l, d, &o, &err), err);
    CHECK_OK(drn_loader_next(&b, l, &err), err);
    int seen[256] = {0}, kinds = 0;
    for (size_t i = 0; i < BATCH * 3 * PATCH * PATCH * 16; i++) {
        float v = b->target[1][i] * 255.0f;
        CHECK(v >= 0 && v <= 255);
        CHECK_NEAR(v, rint((double)v), 1e-4);
        kinds += seen[(int)(v + 0.5f)]++ == 0;
    }
    CHECK(kinds > 200);
    drn_loader_free(l);
    drn_dataset_free(d);
}

TEST(quick_end, "a loader may be freed at any moment")
{
    drn_dataset *d = pictures(0);
    drn_error err = {0};
    for (int i = 0; i < 30; i++) {
        drn_loader *l;
        const drn_batch *b;
        drn_loader_options o = options(1 + i % 4, i, 1);
        CHECK_OK(drn_loader_new(&l, d, &o, &err), err);
        for (int k = 0; k < i % 5; k++)
            CHECK_OK(drn_loader_next(&b, l, &err), err);
        drn_loader_free(l);
    }
    drn_loader_free(NULL);
    drn_dataset_free(d);
}

TEST(errors, "an error of a thread reaches the caller, with its message")
{
    const char *dir = fresh_dir();
    drn_error err = {0};
    put_noise(dir, "a.ppm", 10, 10, 1);
    for (int threads = 0; threads < 3; threads++) {
        drn_dataset *d;
        drn_loader *l;
        const drn_batch *b = NULL;
        drn_loader_options o = options(threads, 0, 1);
        CHECK_OK(drn_dataset_open(&d, &(drn_dataset_options){.dirs = &dir, .dir_count = 1}, &err),
                 err);
        CHECK_OK(drn_loader_new(&l, d, &o, &err), err);
        err = (drn_error){0};
        CHECK_INT(drn_loader_next(&b, l, &err), DRN_ERR_INVALID);
        CHECK(strstr(err.message, "24x24") && !b);
        CHECK_INT(drn_loader_next(&b, l, &err), DRN_ERR_INVALID);
        drn_loader_free(l);
        drn_dataset_free(d);
    }
}

TEST(bad_options, "options that make no sense are refused")
{
    drn_dataset *d = pictures(0);
    drn_loader *l;
    drn_error err = {0};
    for (int i = 0; i < 6; i++) {
        drn_loader_options o = options(1, 0, 1);
        if (i < 2)
            o.spec.scale = i ? 3 : 0;
        o.spec.patch = i == 2 ? 0 : PATCH;
        o.batch = i == 3 ? 0 : BATCH;
        o.threads = i == 4 ? -1 : 1;
        o.first_step = i == 5 ? -1 : 0;
        CHECK_INT(drn_loader_new(&l, d, &o, &err), DRN_ERR_INVALID);
    }
    drn_dataset_free(d);
}

TEST(memory, "every refused allocation is an error and loses nothing")
{
    size_t before = drn_mem_current();
    drn_status st = DRN_ERR_NOMEM;
    drn_error err = {0};
    for (size_t nth = 1; nth < 1000 && st != DRN_OK; nth++) {
        drn_dataset *d = pictures(0);
        drn_loader *l = NULL;
        const drn_batch *b;
        drn_loader_options o = options(0, 0, 1);
        drn_mem_fail_nth(nth);
        st = drn_loader_new(&l, d, &o, &err);
        if (st == DRN_OK)
            st = drn_loader_next(&b, l, &err);
        drn_mem_fail_nth(0);
        CHECK(st == DRN_OK || st == DRN_ERR_NOMEM);
        CHECK(nth > 1 || st != DRN_OK);
        drn_loader_free(l);
        drn_dataset_free(d);
        CHECK_INT(drn_mem_current(), before);
    }
    CHECK_OK(st, err);
}
