#include "drn/upscale.h"
#include "random_model.h"
#include "upscale/strips.h"
#include "upscale/tiles.h"

#include <math.h>

static drn_image *noise(int w, int h, int bands, drn_depth depth)
{
    drn_error err = {0};
    drn_image *im;
    drn_rng rng;
    drn_rng_seed(&rng, 3, 0);
    CHECK_OK(drn_image_new(&im, w, h, bands, depth, &err), err);
    for (int i = 0; i < w * h * bands; i++) {
        uint64_t v = drn_rng_u64(&rng);
        if (depth == DRN_U8)
            ((uint8_t *)im->data)[i] = (uint8_t)v;
        else if (depth == DRN_U16)
            ((uint16_t *)im->data)[i] = (uint16_t)v;
        else
            ((float *)im->data)[i] = (float)drn_rng_uniform(&rng);
    }
    return im;
}

TEST(tiling, "every pixel is kept by one tile, a radius away from edges that are not the image's")
{
    for (int w = 1; w < 90; w += 7)
        for (int tile = 1; tile < 40; tile += 5) {
            drn_tiles t;
            int seen[90][40] = {{0}};
            drn_tiles_plan(&t, w, 33, tile, 4);
            for (int i = 0; i < t.nx * t.ny; i++) {
                drn_tile p = drn_tiles_at(&t, i);
                CHECK(p.x >= 0 && p.y >= 0 && p.x + t.tw <= w && p.y + t.th <= 33);
                CHECK(p.x == 0 || p.kx - p.x >= 4);
                CHECK(p.x + t.tw == w || p.x + t.tw - p.kx - p.kw >= 4);
                CHECK(p.y == 0 || p.ky - p.y >= 4);
                CHECK(p.y + t.th == 33 || p.y + t.th - p.ky - p.kh >= 4);
                for (int x = p.kx; x < p.kx + p.kw; x++)
                    for (int y = p.ky; y < p.ky + p.kh; y++)
                        seen[x][y]++;
            }
            for (int x = 0; x < w; x++)
                for (int y = 0; y < 33; y++)
                    CHECK_INT(seen[x][y], 1);
        }
}

TEST(strips, "strips and bands keep to their budgets of memory for any size of picture")
{
    static const int32_t sizes[][2] = {{1, 1}, {64, 64}, {256, 256}, {2048, 2048}, {3000, 50000}, {100000, 40}};
    const drn_config nets[] = {{4, 64, 7, true, false, 0, DRN_SKIP_BICUBIC}, {8, 64, 2, true, false, 0, DRN_SKIP_NONE}};
    for (int n = 0; n < 2; n++) {
        drn_error err = {0};
        drn_model *m = random_model(&nets[n]);
        for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
            drn_strip_plan p, own;
            int32_t w = sizes[i][0], h = sizes[i][1];
            CHECK_OK(drn_strips_plan(&p, w, h, m, nets[n].scale, 0, &err), err);
            CHECK(p.bytes <= (size_t)90 << 20);
            CHECK(p.columns.th == h && p.columns.ny == 1 && p.rows >= 6);
            CHECK(p.columns.nx == 1 || p.columns.overlap == p.overlap);
            CHECK(p.columns.tw <= w && (int64_t)p.columns.tw * p.columns.nx >= w);
            /* what is computed more than once, of the whole */
            CHECK((double)p.columns.tw * p.columns.nx <= 1.2 * w);
            CHECK_OK(drn_strips_plan(&own, w, h, m, nets[n].scale, 100, &err), err);
            CHECK(own.columns.tw <= 100 + 2 * own.overlap && own.rows <= 100);
        }
        drn_model_free(m);
    }
}

static void check_tiles(const drn_config *c, int scale)
{
    drn_error err = {0};
    drn_model *m = random_model(c);
    drn_image *in = noise(83, 71, 3, DRN_F32), *a, *b;
    drn_upscale_options whole = {.tile = 4096, .scale = scale}, tiled = {.tile = 24, .scale = scale};
    CHECK_OK(drn_upscale(&a, in, m, &whole, &err), err);
    CHECK_OK(drn_upscale(&b, in, m, &tiled, &err), err);
    CHECK_INT(a->width, 83 * scale);
    float most = 0, range = 0;
    for (int i = 0; i < a->width * a->height * 3; i++) {
        most = fmaxf(most, fabsf(((float *)a->data)[i] - ((float *)b->data)[i]));
        range = fmaxf(range, fabsf(((float *)a->data)[i]));
    }
    if (!(most <= 1e-5f * fmaxf(1, range)))
        test_fail(__FILE__, __LINE__, "tiles differ by %g (range %g)", (double)most, (double)range);
    drn_image_free(a);
    drn_image_free(b);
    drn_image_free(in);
    drn_model_free(m);
}

TEST(tiles_equal, "tiles give the same picture as the whole, x2, x4 and x8")
{
    check_tiles(&(drn_config){4, 8, 2, true, false, 0, DRN_SKIP_BICUBIC}, 4);
    check_tiles(&(drn_config){4, 8, 2, true, false, 0, DRN_SKIP_BICUBIC}, 2);
    check_tiles(&(drn_config){8, 8, 1, true, false, 0, DRN_SKIP_BICUBIC}, 8);
    check_tiles(&(drn_config){4, 8, 1, false, false, 0, DRN_SKIP_NONE}, 4);
    check_tiles(&(drn_config){2, 9, 0, false, false, 0, DRN_SKIP_BICUBIC}, 2);
}

TEST(threads_equal, "1, 2 and 7 threads give the same bits")
{
    drn_error err = {0};
    drn_model *m = random_model(&(drn_config){4, 16, 2, true, false, 0, DRN_SKIP_BICUBIC});
    drn_image *in = noise(45, 37, 3, DRN_F32), *first = NULL, *out;
    for (int t = 1; t <= 7; t += t == 1 ? 1 : 5) {
        CHECK_OK(drn_upscale(&out, in, m, &(drn_upscale_options){.threads = t, .tile = 4096}, &err), err);
        if (first) {
            CHECK(memcmp(first->data, out->data, (size_t)out->width * (size_t)out->height * 12) == 0);
            drn_image_free(out);
        } else {
            first = out;
        }
    }
    drn_image_free(first);
    drn_image_free(in);
    drn_model_free(m);
}

TEST(kinds, "size, bands and depth of every kind of image are kept, down to 1x1")
{
    drn_error err = {0};
    drn_model *m = random_model(&(drn_config){4, 8, 1, true, false, 0, DRN_SKIP_BICUBIC});
    for (int size = 1; size <= 9; size += 4)
        for (int bands = 1; bands <= 4; bands++)
            for (int depth = DRN_U8; depth <= DRN_F32; depth++) {
                drn_image *in = noise(size, 2 * size - 1, bands, (drn_depth)depth), *out;
                CHECK_OK(drn_upscale(&out, in, m, NULL, &err), err);
                CHECK(out->width == 4 * in->width && out->height == 4 * in->height && out->bands == bands &&
                      (int)out->depth == depth);
                drn_image_free(in);
                drn_image_free(out);
            }
    drn_model_free(m);
}

static bool stop(void *ctx, double done)
{
    *(double *)ctx = done;
    return done < 0.5;
}

TEST(refused, "a scale that is not in the model, and a cancelled run, leave no image")
{
    drn_error err = {0};
    drn_model *m = random_model(&(drn_config){4, 8, 0, true, false, 0, DRN_SKIP_BICUBIC});
    drn_image *in = noise(90, 9, 3, DRN_U8), *out = NULL;
    double done = 0;
    CHECK_INT(drn_upscale(&out, in, m, &(drn_upscale_options){.scale = 3}, &err), DRN_ERR_INVALID);
    CHECK(strstr(err.message, "by 4") && strstr(err.message, "not by 3"));
    drn_upscale_options o = {.tile = 8, .progress = stop, .progress_ctx = &done};
    CHECK_INT(drn_upscale(&out, in, m, &o, &err), DRN_ERR_CANCELLED);
    CHECK(!out && done >= 0.5);
    drn_image_free(in);
    drn_model_free(m);
}
