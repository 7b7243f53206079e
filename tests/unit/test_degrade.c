/* Blur, noise and JPEG on training patches, against a real encoder and against statistics. */
#include "data/loader.h"
#include "image/degrade.h"
#include "image/shrink.h"
#include "pictures.h"

#include <stdlib.h>
#include <time.h>

/* Something like a photograph: shading, edges, colour and a little noise. */
static drn_image *scene(int32_t w, int32_t h, uint64_t seed)
{
    drn_image *im;
    drn_rng rng;
    drn_error err = {0};
    drn_rng_seed(&rng, seed, 7);
    double a = 0.1 + 0.3 * drn_rng_uniform(&rng), b = 0.1 + 0.3 * drn_rng_uniform(&rng);
    CHECK_OK(drn_image_new(&im, w, h, 3, DRN_U8, &err), err);
    uint8_t *p = im->data;
    for (int y = 0; y < h; y++)
        for (int x = 0; x < w; x++)
            for (int k = 0; k < 3; k++) {
                double v = 120 + 60 * sin(a * x + k) + 40 * cos(b * y - 2 * k);
                v += (x * 3 + y * 2) % 41 < 9 ? 50 - 30 * k : 0;
                v += 4 * drn_rng_normal(&rng);
                *p++ = (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
            }
    return im;
}

static drn_image *copy(const drn_image *im)
{
    drn_image *out;
    drn_error err = {0};
    CHECK_OK(drn_image_crop(&out, im, 0, 0, im->width, im->height, &err), err);
    return out;
}

static size_t samples(const drn_image *im)
{
    return (size_t)im->width * (size_t)im->height * 3;
}

/* Mean difference in levels, and the share of samples that differ by more than 2. */
static void difference(double *mean, double *far, const drn_image *a, const drn_image *b)
{
    const uint8_t *p = a->data, *q = b->data;
    *mean = *far = 0;
    CHECK(a->width == b->width && a->height == b->height);
    for (size_t i = 0; i < samples(a); i++) {
        int d = abs(p[i] - q[i]);
        *mean += d / (double)samples(a);
        *far += (d > 2) / (double)samples(a);
    }
}

static bool same(const drn_image *a, const drn_image *b)
{
    return samples(a) == samples(b) && memcmp(a->data, b->data, samples(a)) == 0;
}

/* Returns the mean difference to the real file's pixels. */
static double check_jpeg(const drn_image *photograph, int32_t w, int32_t h, int quality)
{
    drn_image *im, *real;
    drn_error err = {0};
    CHECK_OK(drn_image_crop(&im, photograph, quality, quality / 2, w, h, &err), err);
    void *file;
    size_t size;
    double mean, far, found, changed, ignored;
    drn_image *original = copy(im);
    drn_write_options o = {.quality = quality};
    drn_status st = drn_image_encode(&file, &size, im, ".jpg", &o, &err);
    if (st == DRN_ERR_UNSUPPORTED)
        SKIP("this build writes no JPEG");
    CHECK_OK(st, err);
    CHECK_OK(drn_image_decode(&real, file, size, NULL, &err), err);
    drn_jpeg_trip trip = {.quality = quality, .half = quality < 90}; /* as libvips chooses */
    CHECK_OK(drn_jpeg_round_trip(im, &trip, &err), err);
    difference(&mean, &far, im, real);
    difference(&changed, &ignored, original, real);
    /* the real encoder's whole-number transform rounds a coefficient to the other side now and then
     */
    if (!(mean <= 0.3 && far <= 0.05 && changed > 4 * mean && changed > 0.8))
        test_fail(__FILE__, __LINE__,
                  "%dx%d at quality %d: differs by %g (%g beyond 2); the file by %g", w, h, quality,
                  mean, far, changed);
    found = mean;
    trip.half = !trip.half; /* the other kind of chroma is another picture */
    drn_image *other = copy(original);
    CHECK_OK(drn_jpeg_round_trip(other, &trip, &err), err);
    difference(&mean, &far, other, real);
    if (!(mean > found) && w >= 16)
        test_fail(__FILE__, __LINE__,
                  "%dx%d at quality %d: other chroma differs by %g, not more than %g", w, h,
                  quality, mean, found);
    drn_image_encoded_free(file);
    drn_image_free(real);
    drn_image_free(im);
    drn_image_free(other);
    drn_image_free(original);
    return found;
}

TEST(jpeg, "the round trip has the pixels of libjpeg's file, at any quality and size")
{
    double sum = 0;
    drn_image *picture;
    drn_error err = {0};
    if (drn_image_read(&picture, EXAMPLES_DIR "/photo.png", &err) == DRN_ERR_UNSUPPORTED)
        SKIP("this build reads no PNG");
    for (int quality = 10; quality <= 95; quality += 5)
        sum += check_jpeg(picture, 96, 96, quality);
    CHECK(sum / 18 <= 0.1);
    check_jpeg(picture, 96, 64, 80);
    check_jpeg(picture, 41, 37, 60);
    check_jpeg(picture, 41, 37, 92);
    check_jpeg(picture, 7, 9, 50);
    drn_image_free(picture);
}

TEST(jpeg_grid, "the grid lies where it is told: as if edge pixels stood before the picture")
{
    drn_error err = {0};
    for (int k = 0; k < 8; k++) {
        int x = k * 5 % 16, y = k * 7 % 16, w = 30, h = 27;
        drn_image *im = scene(w, h, 3), *wide, *cut;
        CHECK_OK(drn_image_new(&wide, w + x, h + y, 3, DRN_U8, &err), err);
        for (int r = 0; r < h + y; r++)
            for (int c = 0; c < w + x; c++) {
                int sr = r < y ? 0 : r - y, sc = c < x ? 0 : c - x;
                memcpy((uint8_t *)wide->data + 3 * (r * (w + x) + c),
                       (uint8_t *)im->data + 3 * (sr * w + sc), 3);
            }
        drn_jpeg_trip trip = {.quality = 40, .half = k % 2, .x = x, .y = y};
        CHECK_OK(drn_jpeg_round_trip(im, &trip, &err), err);
        trip.x = trip.y = 0;
        CHECK_OK(drn_jpeg_round_trip(wide, &trip, &err), err);
        CHECK_OK(drn_image_crop(&cut, wide, x, y, w, h, &err), err);
        CHECK(same(cut, im));
        drn_image_free(cut);
        drn_image_free(wide);
        drn_image_free(im);
    }
}

TEST(refusals, "other pictures than 8-bit RGB and senseless settings are errors")
{
    drn_error err = {0};
    drn_image *im = scene(8, 8, 1), *grey = noise(8, 8, 1, DRN_U8, 1);
    drn_jpeg_trip trip = {.quality = 50};
    CHECK_INT(drn_jpeg_round_trip(grey, &trip, &err), DRN_ERR_INVALID);
    CHECK_INT(drn_blur(grey, 1, &err), DRN_ERR_INVALID);
    CHECK_INT(drn_blur(im, 0, &err), DRN_ERR_INVALID);
    CHECK_INT(drn_blur(im, 65, &err), DRN_ERR_INVALID);
    trip.quality = 0;
    CHECK_INT(drn_jpeg_round_trip(im, &trip, &err), DRN_ERR_INVALID);
    trip = (drn_jpeg_trip){.quality = 50, .x = 16};
    CHECK_INT(drn_jpeg_round_trip(im, &trip, &err), DRN_ERR_INVALID);
    drn_image_free(im);
    drn_image_free(grey);
}

/* Deviation of the noise, and whether R, G and B have the same. */
static double noise_of(const drn_degrade_spec *spec, uint64_t seed, bool *grey)
{
    enum { SIDE = 64 };
    drn_image *im;
    drn_error err = {0};
    double sum = 0, squares = 0, n = 3 * SIDE * SIDE;
    CHECK_OK(drn_image_new(&im, SIDE, SIDE, 3, DRN_U8, &err), err);
    uint8_t *p = im->data;
    memset(p, 100, samples(im));
    CHECK_OK(drn_degrade(im, spec, seed, &err), err);
    *grey = true;
    for (size_t i = 0; i < samples(im); i++) {
        sum += p[i] - 100.0;
        squares += (p[i] - 100.0) * (p[i] - 100.0);
        *grey = *grey && p[i] == p[i - i % 3];
    }
    drn_image_free(im);
    CHECK_NEAR(sum / n, 0, 0.5);
    return sqrt(squares / n);
}

TEST(noisy, "noise has its deviation, and is grey as often as told")
{
    drn_degrade_spec spec = {.noise = 1, .noise_min = 6, .noise_max = 6, .noise_grey = 0.25};
    int greys = 0;
    for (uint64_t seed = 0; seed < 200; seed++) {
        bool grey;
        CHECK_NEAR(noise_of(&spec, seed, &grey), 6, 0.3); /* one deviation: 0.07 */
        greys += grey;
    }
    CHECK_NEAR(greys, 50, 20); /* 6 */
    double least = 99, most = 0;
    spec = (drn_degrade_spec){.noise = 0.5, .noise_min = 2, .noise_max = 9};
    int clean = 0;
    for (uint64_t seed = 0; seed < 200; seed++) {
        bool grey;
        double sigma = noise_of(&spec, seed, &grey);
        clean += sigma == 0;
        least = sigma > 0 && sigma < least ? sigma : least;
        most = sigma > most ? sigma : most;
    }
    CHECK_NEAR(clean, 100, 30);
    CHECK(least > 1.7 && least < 2.8 && most < 9.4 && most > 8.2);
}

static const drn_degrade_spec photo = {.blur = 0.3,
                                       .blur_min = 0.2,
                                       .blur_max = 0.8,
                                       .noise = 0.5,
                                       .noise_min = 1,
                                       .noise_max = 5,
                                       .noise_grey = 0.5,
                                       .jpeg = 0.7,
                                       .jpeg_min = 40,
                                       .jpeg_max = 95,
                                       .jpeg_half = 0.5};

TEST(drawn, "a seed gives the same picture every time, another seed another one")
{
    drn_image *im = scene(40, 40, 1), *last = NULL;
    drn_error err = {0};
    int untouched = 0, repeated = 0;
    for (uint64_t seed = 0; seed < 100; seed++) {
        drn_image *a = copy(im), *b = copy(im);
        CHECK_OK(drn_degrade(a, &photo, seed, &err), err);
        CHECK_OK(drn_degrade(b, &photo, seed, &err), err);
        CHECK(same(a, b));
        untouched += same(a, im);
        repeated += last && same(a, last);
        drn_image_free(last);
        drn_image_free(b);
        last = a;
    }
    CHECK_NEAR(untouched, 100 * 0.7 * 0.5 * 0.3, 9);
    CHECK(repeated <= 4);
    drn_image_free(last);
    drn_image_free(im);
}

enum { PATCH = 12, BATCH = 8 };

static const drn_batch *batch(drn_loader **l, drn_dataset *d, const drn_degrade_spec *spec)
{
    const drn_batch *b;
    drn_error err = {0};
    drn_loader_options o = {
        .spec = {.scale = 4, .patch = PATCH, .augment = DRN_AUGMENT_TURNS, .seed = 5, .degrade = *spec},
        .batch = BATCH};
    CHECK_OK(drn_loader_new(l, d, &o, &err), err);
    CHECK_OK(drn_loader_next(&b, *l, &err), err);
    return b;
}

TEST(targets, "only the LR patch changes: places and targets are those of clean training")
{
    const char *dir = fresh_dir();
    drn_dataset *d;
    drn_loader *a, *b;
    drn_error err = {0};
    drn_degrade_spec off = photo;
    size_t n = BATCH * 3 * PATCH * PATCH, changed = 0;
    for (int i = 0; i < 3; i++) {
        drn_image *im = scene(130, 100, (uint64_t)i);
        put_picture(dir, (const char *[]){"a.ppm", "b.ppm", "c.ppm"}[i], im);
        drn_image_free(im);
    }
    off.blur = off.noise = off.jpeg = 0;
    CHECK(drn_degrade_active(&photo) && !drn_degrade_active(&off));
    CHECK_OK(drn_dataset_open(&d, &(drn_dataset_options){.dirs = &dir, .dir_count = 1}, &err), err);
    const drn_batch *clean = batch(&a, d, &off), *dirty = batch(&b, d, &photo);
    CHECK(memcmp(clean->target[0], dirty->target[0], 4 * n * sizeof(float)) == 0);
    CHECK(memcmp(clean->target[1], dirty->target[1], 16 * n * sizeof(float)) == 0);
    for (size_t i = 0; i < n; i++) {
        CHECK_NEAR(clean->lr[i], dirty->lr[i], 0.5);
        changed += memcmp(&clean->lr[i], &dirty->lr[i], sizeof(float)) != 0;
    }
    CHECK(changed > n / 4 && changed < n);
    drn_loader_free(a);
    drn_loader_free(b);
    drn_dataset_free(d);
}

/* Mean of a block by the definition, or one of its pixels. */
static double block(const drn_image *im, int x, int y, int b, int factor, int dx, int dy)
{
    const uint8_t *p = im->data;
    double sum = 0;
    for (int i = 0; i < factor * factor; i++) {
        int c = x * factor + i % factor, r = y * factor + i / factor;
        double v = p[3 * (r * im->width + c) + b];
        if (i == dy * factor + dx)
            return v;
        sum += v;
    }
    return sum / (factor * factor);
}

TEST(kernels, "shrinking by blocks is the mean, or the pixel, of each; what is left over is cut off")
{
    drn_error err = {0};
    drn_image *im = scene(43, 34, 2), *box, *one;
    for (int factor = 1; factor <= 8; factor *= 2) {
        int at = factor / 2;
        CHECK_OK(drn_shrink_box(&box, im, factor, &err), err);
        CHECK_OK(drn_shrink_nearest(&one, im, factor, at, factor - 1, &err), err);
        CHECK(box->width == 43 / factor && box->height == 34 / factor && one->width == box->width);
        const uint8_t *p = box->data, *q = one->data;
        for (int y = 0; y < box->height; y++)
            for (int x = 0; x < box->width; x++)
                for (int b = 0; b < 3; b++, p++, q++) {
                    CHECK_NEAR(*p, block(im, x, y, b, factor, -1, -1), 0.5001);
                    CHECK_INT(*q, (int)block(im, x, y, b, factor, at, factor - 1));
                }
        drn_image_free(box);
        drn_image_free(one);
    }
    CHECK_INT(drn_shrink_box(&box, im, 35, &err), DRN_ERR_INVALID);
    CHECK_INT(drn_shrink_box(&box, im, 0, &err), DRN_ERR_INVALID);
    drn_image_free(im);
}

TEST(shares, "each kernel makes its share of the LR patches; targets have no halos where LR has none")
{
    enum { TIMES = 600 };
    drn_error err = {0};
    drn_degrade_spec some = {.box = 0.5, .nearest = 0.2};
    drn_image *im = scene(24, 24, 3), *bicubic, *box, *pixel[4];
    int times[3] = {0}, targets = 0, pixels[4] = {0};
    CHECK_OK(drn_imresize(&bicubic, im, 0.25, NULL, &err), err);
    CHECK_OK(drn_shrink_box(&box, im, 4, &err), err);
    for (int i = 0; i < 4; i++)
        CHECK_OK(drn_shrink_nearest(&pixel[i], im, 4, 1 + i % 2, 1 + i / 2, &err), err);
    for (uint64_t seed = 0; seed < TIMES; seed++) {
        drn_image *lr, *target;
        CHECK_OK(drn_degrade_shrink(&lr, im, 4, true, &some, seed, &err), err);
        CHECK_OK(drn_degrade_shrink(&target, im, 4, false, &some, seed, &err), err);
        int kind = same(lr, bicubic) ? 0 : same(lr, box) ? 1 : 2;
        times[kind]++;
        for (int i = 0; i < 4 && kind == 2; i++)
            pixels[i] += same(lr, pixel[i]);
        targets += same(target, kind == 0 ? bicubic : box);
        drn_image_free(lr);
        drn_image_free(target);
    }
    CHECK_NEAR(times[0], 0.3 * TIMES, 45); /* four standard deviations */
    CHECK_NEAR(times[1], 0.5 * TIMES, 49);
    CHECK_INT(pixels[0] + pixels[1] + pixels[2] + pixels[3], times[2]);
    for (int i = 0; i < 4; i++)
        CHECK_NEAR(pixels[i], 0.05 * TIMES, 22);
    CHECK_INT(targets, TIMES);
    drn_image_free(im);
    drn_image_free(bicubic);
    drn_image_free(box);
    for (int i = 0; i < 4; i++)
        drn_image_free(pixel[i]);
}

TEST(blocks, "a patch has the blocks of the whole picture, wherever it lies")
{
    drn_error err = {0};
    drn_image *im = scene(90, 70, 4), *box;
    drn_patch_spec spec = {.scale = 4, .patch = 7, .degrade = {.box = 1}};
    static float lr[3 * 49], two[3 * 196], four[3 * 784];
    CHECK_OK(drn_shrink_box(&box, im, 4, &err), err);
    for (int32_t y = 0; y <= 70 / 4 - 7; y += 5)
        for (int32_t x = 0; x <= 90 / 4 - 7; x += 3) {
            drn_patch_place place = {.x = x, .y = y};
            CHECK_OK(drn_patch_cut(lr, (float *[]){two, four}, im, &place, &spec, &err), err);
            for (int i = 0; i < 3 * 49; i++) {
                const uint8_t *p = (const uint8_t *)box->data + 3 * ((y + i % 49 / 7) * 22 + x + i % 7);
                CHECK_NEAR(lr[i], p[i / 49] / 255.0, 1e-6);
            }
        }
    drn_image_free(box);
    drn_image_free(im);
}

TEST(memory, "every refused allocation is an error and loses nothing")
{
    drn_error err = {0};
    drn_image *im = scene(20, 20, 1);
    drn_degrade_spec all = photo;
    drn_status st = DRN_ERR_NOMEM;
    all.blur = all.noise = all.jpeg = 1;
    size_t before = drn_mem_current();
    for (size_t nth = 1; nth < 20 && st != DRN_OK; nth++) {
        drn_mem_fail_nth(nth);
        st = drn_degrade(im, &all, 1, &err);
        drn_mem_fail_nth(0);
        CHECK(st == DRN_ERR_NOMEM || nth > 3);
        CHECK_INT(drn_mem_current(), before);
    }
    CHECK_OK(st, err);
    drn_image_free(im);
}

TEST(quick, "all of it takes a patch of 48 x 48 well under what a training step takes")
{
    enum { TIMES = 200 };
    struct timespec a, b;
    drn_degrade_spec all = photo;
    drn_error err = {0};
    drn_image *im = scene(56, 56, 1);
    all.blur = all.noise = all.jpeg = 1;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &a);
    for (uint64_t i = 0; i < TIMES; i++)
        CHECK_OK(drn_degrade(im, &all, i, &err), err);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &b);
    double ms = ((double)(b.tv_sec - a.tv_sec) * 1e3 + (double)(b.tv_nsec - a.tv_nsec) * 1e-6);
    printf("# %.3f ms a patch\n", ms / TIMES);
    CHECK(ms / TIMES < 20); /* sanitizers and busy machines included */
    drn_image_free(im);
}
