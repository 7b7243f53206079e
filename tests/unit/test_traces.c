/* Traces of JPEG files and of noise in pixels. */
#include "base/mem.h"
#include "base/rng.h"
#include "drn/traces.h"
#include "harness.h"
#include "image/convert.h"
#include "image/degrade.h"

#include <math.h>

/* Waves of many lengths in all directions, the shorter the weaker, and hard edges; three colours.
 */
static drn_image *scene(int32_t width, int32_t height, uint64_t seed)
{
    enum { WAVES = 60 };
    drn_rng rng;
    drn_image *im;
    drn_error err = {0};
    double fx[WAVES], fy[WAVES], phase[WAVES], strength[WAVES];
    drn_rng_seed(&rng, seed, 0);
    for (int i = 0; i < WAVES; i++) {
        double turn = 6.2831853 * drn_rng_uniform(&rng), length = 3 * pow(1.08, i);
        fx[i] = cos(turn) * 6.2831853 / length;
        fy[i] = sin(turn) * 6.2831853 / length;
        phase[i] = 6.2831853 * drn_rng_uniform(&rng);
        strength[i] = 0.25 * sqrt(length);
    }
    CHECK_OK(drn_image_new(&im, width, height, 3, DRN_U8, &err), err);
    uint8_t *p = im->data;
    for (int32_t y = 0; y < height; y++)
        for (int32_t x = 0; x < width; x++, p += 3) {
            double v = (x * 5 + y * 3) / 97 % 2 ? 150 : 110;
            for (int i = 0; i < WAVES; i++)
                v += strength[i] * sin(fx[i] * x + fy[i] * y + phase[i]);
            for (int b = 0; b < 3; b++) {
                double c = 0.8 * v + 20 + 12 * sin(0.01 * (b + 1) * x + 0.013 * y);
                p[b] = (uint8_t)(c < 0 ? 0 : c > 255 ? 255 : c + 0.5);
            }
        }
    return im;
}

static void add_noise(drn_image *im, double sigma)
{
    drn_rng rng;
    uint8_t *p = im->data;
    drn_rng_seed(&rng, 5, 0);
    for (size_t i = 0; i < (size_t)im->width * (size_t)im->height * (size_t)im->bands; i++) {
        double v = p[i] - 6 * sigma;
        for (int k = 0; k < 12; k++)
            v += sigma * drn_rng_uniform(&rng);
        p[i] = (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v + 0.5);
    }
}

static drn_traces look(const drn_image *im)
{
    drn_error err = {0};
    drn_traces t = {0};
    CHECK_OK(drn_image_traces(&t, im, &err), err);
    return t;
}

TEST(jpeg, "a JPEG file's blocks are found at every quality and place, and none without one")
{
    drn_error err = {0};
    for (int seed = 0; seed < 4; seed++) {
        drn_image *clean = scene(170, 130, (uint64_t)seed);
        drn_traces t = look(clean);
        CHECK(!t.jpeg && t.blocks < 0.15 && t.noise < 2 && drn_traces_kind(&t, false) == DRN_PICTURE_CLEAN);
        drn_image_free(clean);
        for (int quality = 30; quality <= 95; quality += 13) {
            drn_image *im = scene(170, 130, (uint64_t)seed);
            drn_jpeg_trip trip = {
                .quality = quality, .half = seed % 2, .x = 5 * seed % 16, .y = quality % 16};
            CHECK_OK(drn_jpeg_round_trip(im, &trip, &err), err);
            t = look(im);
            CHECK(t.jpeg && t.blocks >= 0.5 && drn_traces_kind(&t, false) != DRN_PICTURE_CLEAN);
            drn_image_free(im);
        }
    }
}

TEST(noise, "noise is measured within a tenth, in grey pictures within a fifth")
{
    drn_error err = {0};
    static const double sigmas[] = {3, 5, 8, 15};
    for (int i = 0; i < 4; i++) {
        drn_image *im = scene(300, 200, 9);
        add_noise(im, sigmas[i]);
        drn_traces t = look(im);
        CHECK_NEAR(t.noise, sigmas[i], 0.1 * sigmas[i]);
        CHECK(!t.jpeg && (drn_traces_kind(&t, false) == DRN_PICTURE_DAMAGED) == (sigmas[i] > 3.5));
        drn_image *grey;
        CHECK_OK(drn_image_new(&grey, 300, 200, 1, DRN_U8, &err), err);
        for (size_t k = 0; k < (size_t)300 * 200; k++)
            ((uint8_t *)grey->data)[k] = ((uint8_t *)im->data)[3 * k];
        t = look(grey);
        CHECK(!t.jpeg);
        CHECK_NEAR(t.noise, sigmas[i], 0.2 * sigmas[i]);
        drn_image_free(grey);
        drn_image_free(im);
    }
}

TEST(clipped, "noise is measured beside white areas that cut it off")
{
    drn_image *im = scene(300, 200, 9);
    uint8_t *p = im->data;
    for (size_t i = 0; i < (size_t)300 * 200 * 3; i++)
        p[i] = (uint8_t)(p[i] > 165 ? 255 : p[i] + 90);
    add_noise(im, 8);
    drn_traces t = look(im);
    CHECK_NEAR(t.noise, 8, 1);
    drn_image_free(im);
}

TEST(depths, "16 bits, floating point and alpha change nothing; NaN is no trap")
{
    drn_error err = {0};
    drn_image *im = scene(100, 90, 3), *wide, *real, *alpha;
    CHECK_OK(drn_jpeg_round_trip(im, &(drn_jpeg_trip){.quality = 70}, &err), err);
    drn_traces t = look(im);
    CHECK_OK(drn_image_convert(&wide, im, DRN_U16, false, &err), err);
    CHECK_OK(drn_image_convert(&real, im, DRN_F32, false, &err), err);
    CHECK_OK(drn_image_new(&alpha, 100, 90, 4, DRN_U8, &err), err);
    for (size_t i = 0; i < (size_t)100 * 90 * 4; i++)
        ((uint8_t *)alpha->data)[i] =
            i % 4 == 3 ? (uint8_t)i : ((uint8_t *)im->data)[i / 4 * 3 + i % 4];
    const drn_image *same[] = {wide, real, alpha};
    for (int i = 0; i < 3; i++) {
        drn_traces o = look(same[i]);
        CHECK(o.jpeg);
        CHECK_NEAR(o.blocks, t.blocks, 0.01);
        CHECK_NEAR(o.noise, t.noise, 0.01);
        CHECK_NEAR(o.edges, t.edges, 1e-9);
    }
    for (size_t i = 0; i < (size_t)100 * 90 * 3; i += 7)
        ((float *)real->data)[i] = i % 2 ? NAN : INFINITY;
    t = look(real);
    CHECK(isfinite(t.noise) && t.blocks >= 0 && t.blocks <= 1 && t.edges >= 0 && t.edges <= 1);
    drn_image_free(im);
    drn_image_free(wide);
    drn_image_free(real);
    drn_image_free(alpha);
}

TEST(grid, "even squares and lines on a grid of 8 pixels were in no JPEG file")
{
    drn_error err = {0};
    drn_image *im;
    CHECK_OK(drn_image_new(&im, 256, 256, 3, DRN_U8, &err), err);
    uint8_t *p = im->data;
    for (int kind = 0; kind < 4; kind++) {
        for (int y = 0; y < 256; y++)
            for (int x = 0; x < 256; x++)
                for (int b = 0; b < 3; b++) {
                    int tile = (x / 8 * 7 + y / 8 * 13) * 37 % 256,
                        v = kind == 0   ? 77
                            : kind == 1 ? tile
                            : kind == 2 ? (x % 8 < 2 ? 20 : 230)
                                        : (x % 8 == y % 8 ? 0 : 255);
                    p[((size_t)y * 256 + (size_t)x) * 3 + (size_t)b] = (uint8_t)v;
                }
        drn_traces t = look(im);
        CHECK(!t.jpeg);
        CHECK(kind == 3 || t.noise == 0); /* kind 3: as white as noise */
    }
    drn_image_free(im);
}

/* Discs of one colour each on a ground of one, their edges antialiased, some with an outline. */
static drn_image *drawing(int32_t width, int32_t height, uint64_t seed)
{
    enum { DISCS = 12 };
    drn_rng rng;
    drn_image *im;
    drn_error err = {0};
    double x[DISCS], y[DISCS], r[DISCS], colour[DISCS][3];
    drn_rng_seed(&rng, seed, 1);
    for (int i = 0; i < DISCS; i++) {
        x[i] = width * drn_rng_uniform(&rng), y[i] = height * drn_rng_uniform(&rng);
        r[i] = 4 + 25 * drn_rng_uniform(&rng);
        for (int b = 0; b < 3; b++)
            colour[i][b] = 255 * drn_rng_uniform(&rng);
    }
    CHECK_OK(drn_image_new(&im, width, height, 3, DRN_U8, &err), err);
    uint8_t *p = im->data;
    for (int32_t k = 0; k < width * height; k++)
        for (int b = 0; b < 3; b++) {
            double v = 240;
            for (int i = 0; i < DISCS; i++) {
                double in = r[i] + 0.5 - hypot(k % width - x[i], k / width - y[i]);
                v += (colour[i][b] - v) * fmin(fmax(in, 0), 1);
            }
            *p++ = (uint8_t)(v + 0.5);
        }
    return im;
}

TEST(drawings, "drawings are told from photographs by their edges, in a JPEG file, too")
{
    drn_error err = {0};
    for (int seed = 0; seed < 6; seed++) {
        drn_image *drawn = drawing(400, 300, (uint64_t)seed), *taken = scene(400, 300, (uint64_t)seed);
        add_noise(taken, 2.5); /* as a camera's */
        drn_traces a = look(drawn), b = look(taken);
        CHECK(a.edges > 0.8 && drn_traces_kind(&a, false) == DRN_PICTURE_DRAWN);
        CHECK(b.edges < 0.2 && drn_traces_kind(&b, false) == DRN_PICTURE_CLEAN);
        CHECK_INT(drn_traces_kind(&a, true), DRN_PICTURE_DRAWN);
        CHECK_INT(drn_traces_kind(&b, true), DRN_PICTURE_DAMAGED);
        CHECK_OK(drn_jpeg_round_trip(drawn, &(drn_jpeg_trip){.quality = 98}, &err), err);
        CHECK_OK(drn_jpeg_round_trip(taken, &(drn_jpeg_trip){.quality = 98}, &err), err);
        a = look(drawn), b = look(taken);
        CHECK(a.near > 0.4 && drn_traces_kind(&a, true) == DRN_PICTURE_DRAWN);
        CHECK(b.near < 0.2 && drn_traces_kind(&b, true) == DRN_PICTURE_DAMAGED);
        drn_image_free(drawn);
        drn_image_free(taken);
    }
    drn_image *tiny = drawing(15, 120, 1); /* one column of blocks */
    drn_traces t = look(tiny);
    CHECK(t.edges == 0 || t.edges > 0.8);
    drn_image_free(tiny);
    tiny = drawing(16, 8, 1); /* two blocks say nothing */
    t = look(tiny);
    CHECK(t.edges == 0);
    drn_image_free(tiny);
}

TEST(sizes, "any size, and the same from a file as from memory")
{
    drn_error err = {0};
    static const int32_t sizes[][2] = {{1, 1},    {7, 300},  {15, 15},   {16, 16},
                                       {129, 24}, {513, 40}, {60, 1400}, {700, 530}};
    for (int i = 0; i < 8; i++) {
        drn_image *im = scene(sizes[i][0], sizes[i][1], 1);
        char path[600];
        snprintf(path, sizeof path, "%s/%d.ppm", test_tmp_dir(), i);
        CHECK_OK(drn_jpeg_round_trip(im, &(drn_jpeg_trip){.quality = 60}, &err), err);
        CHECK_OK(drn_image_write(im, path, NULL, &err), err);
        drn_traces t = look(im), f = {0};
        CHECK(t.jpeg == (sizes[i][0] >= 24 && sizes[i][1] >= 24));
        drn_status st = drn_image_file_traces(&f, path, &err);
        if (st != DRN_ERR_UNSUPPORTED) {
            CHECK_OK(st, err);
            CHECK(f.jpeg == t.jpeg && f.blocks == t.blocks && f.noise == t.noise && f.edges == t.edges);
        }
        drn_image_free(im);
    }
    drn_traces t = {.noise = 7};
    CHECK(drn_image_file_traces(&t, "/no/such.png", &err) != DRN_OK && t.noise == 7);
}

TEST(memory, "refused memory is an error, and nothing is lost")
{
    drn_image *im = scene(40, 40, 1);
    drn_status st = DRN_ERR_NOMEM;
    for (size_t n = 1; st != DRN_OK; n++) {
        drn_error err = {0};
        drn_traces t = {.noise = 7};
        size_t before = drn_mem_current();
        drn_mem_fail_nth(n);
        st = drn_image_traces(&t, im, &err);
        drn_mem_fail_nth(0);
        CHECK(st == DRN_OK || (st == DRN_ERR_NOMEM && t.noise == 7));
        CHECK_INT(drn_mem_current(), before);
    }
    drn_image_free(im);
}
