/* imresize against published LR files, against weights worked out by hand, and its options. */
#include "base/mem.h"
#include "drn/image.h"
#include "harness.h"
#include "image/imresize.h"
#include "image/io.h"

#include <stdlib.h>

static const char *const set5[] = {"baby", "bird", "butterfly", "head", "woman"};

static drn_image *read_picture(const char *folder, const char *name)
{
    char path[1024];
    drn_image *image = NULL;
    drn_error err = {0};
    snprintf(path, sizeof path, "%s/%s/%s.png", test_data_dir(), folder, name);
    CHECK_OK(drn_image_read(&image, path, &err), err);
    return image;
}

static size_t count_differences(const drn_image *a, const drn_image *b)
{
    CHECK_INT(a->width, b->width);
    CHECK_INT(a->height, b->height);
    CHECK_INT(a->bands, b->bands);
    size_t n = (size_t)a->width * (size_t)a->height * (size_t)a->bands, differ = 0;
    const uint8_t *p = a->data, *q = b->data;
    for (size_t i = 0; i < n; i++)
        differ += p[i] != q[i];
    return differ;
}

/* Differing samples of all Set5 pictures against a folder of published LR files. */
static size_t published_differences(const char *family, int scale, drn_resize_options options)
{
    drn_error err = {0};
    size_t differ = 0;
    char folder[64];
    snprintf(folder, sizeof folder, "golden/%s/x%d", family, scale);
    for (int i = 0; i < 5; i++) {
        drn_image *hr = read_picture("bench/Set5", set5[i]), *cut, *lr;
        drn_image *published = read_picture(folder, set5[i]);
        CHECK_OK(drn_image_crop(&cut, hr, 0, 0, hr->width / scale * scale,
                                hr->height / scale * scale, &err),
                 err);
        CHECK_OK(drn_imresize(&lr, cut, 1.0 / scale, &options, &err), err);
        differ += count_differences(lr, published);
        drn_image_free(hr);
        drn_image_free(cut);
        drn_image_free(lr);
        drn_image_free(published);
    }
    return differ;
}

static void need_data(void)
{
    char path[1024];
    FILE *f = NULL;
    if (!drn_codec_available())
        SKIP("built without libvips");
    if (test_data_dir()) {
        snprintf(path, sizeof path, "%s/golden/edsr-lr/x2/baby.png", test_data_dir());
        f = fopen(path, "rb");
    }
    if (!f)
        SKIP("no folder with published pictures (DRN_TEST_DATA)");
    fclose(f);
}

TEST(edsr_files, "symmetric border and u8 passes give the EDSR benchmark's LR files to the bit")
{
    need_data();
    drn_resize_options o = {DRN_BORDER_SYMMETRIC, DRN_PRECISION_U8};
    for (int scale = 2; scale <= 4; scale++)
        CHECK_INT(published_differences("edsr-lr", scale, o), 0);
    o.precision = DRN_PRECISION_FLOAT;
    CHECK_INT(published_differences("edsr-lr", 8, o), 0);
}

TEST(rcan_files, "clamped border and u8 passes give RCAN's LR files to the bit")
{
    need_data();
    drn_resize_options o = {DRN_BORDER_CLAMP, DRN_PRECISION_U8};
    for (int scale = 2; scale <= 4; scale++)
        CHECK_INT(published_differences("rcan-lr", scale, o), 0);
}

TEST(families_differ, "the wrong border or precision does not give the published files")
{
    need_data();
    drn_resize_options clamp = {DRN_BORDER_CLAMP, DRN_PRECISION_U8};
    drn_resize_options exact = {DRN_BORDER_SYMMETRIC, DRN_PRECISION_FLOAT};
    CHECK(published_differences("edsr-lr", 2, clamp) > 0);
    CHECK(published_differences("edsr-lr", 2, exact) > 0);
}

static drn_image *new_image(int32_t w, int32_t h, int32_t bands, drn_depth depth)
{
    drn_image *image = NULL;
    drn_error err = {0};
    CHECK_OK(drn_image_new(&image, w, h, bands, depth, &err), err);
    return image;
}

TEST(impulse_up, "an impulse enlarged twice shows the cubic at quarter steps")
{
    /* Keys' cubic with a = -0.5 at 1.75 1.25 .75 .25 from the impulse. */
    static const double cubic[8] = {-0.0234375, -0.0703125, 0.2265625,  0.8671875,
                                    0.8671875,  0.2265625,  -0.0703125, -0.0234375};
    drn_image *in = new_image(9, 7, 1, DRN_F32), *out = NULL;
    float *x = in->data;
    drn_error err = {0};
    for (int i = 0; i < 63; i++)
        x[i] = i == 3 * 9 + 4;
    CHECK_OK(drn_imresize(&out, in, 2, NULL, &err), err);
    CHECK_INT(out->width, 18);
    CHECK_INT(out->height, 14);
    const float *y = out->data;
    for (int r = 0; r < 14; r++)
        for (int c = 0; c < 18; c++) {
            int i = r - 3, j = c - 5;
            double wanted = i >= 0 && i < 8 && j >= 0 && j < 8 ? cubic[i] * cubic[j] : 0;
            CHECK_NEAR(y[r * 18 + c], wanted, 1e-8);
        }
    drn_image_free(in);
    drn_image_free(out);
}

TEST(impulse_down, "halving an impulse shows the cubic stretched twice and halved")
{
    /* Output o covers input centre 2o + 0.5: distances d/2 of .25 .75 1.25 1.75, each weight / 2.
     */
    drn_image *in = new_image(16, 1, 1, DRN_F32), *out = NULL;
    float *x = in->data;
    drn_error err = {0};
    for (int i = 0; i < 16; i++)
        x[i] = i == 8;
    CHECK_OK(drn_imresize_to(&out, in, 8, 1, NULL, &err), err);
    static const double wanted[8] = {0, 0, 0, 0.11328125, 0.43359375, -0.03515625, 0, 0};
    const float *y = out->data;
    CHECK_NEAR(y[2], -0.01171875, 1e-8);
    for (int o = 3; o < 8; o++)
        CHECK_NEAR(y[o], wanted[o], 1e-8);
    drn_image_free(in);
    drn_image_free(out);
}

TEST(borders, "beyond the edge the picture is mirrored or its edge repeated")
{
    drn_resize_table t;
    drn_error err = {0};
    CHECK_OK(drn_resize_table_init(&t, 3, 6, 2, DRN_BORDER_SYMMETRIC, &err), err);
    /* Output 0 sits at -0.25: samples -2 -1 0 1 are 1 0 0 1 mirrored. */
    CHECK_INT(t.taps, 4); /* the two columns of zeros are gone */
    CHECK_INT(t.index[0], 1);
    CHECK_INT(t.index[1], 0);
    CHECK_INT(t.index[2], 0);
    CHECK_INT(t.index[3], 1);
    drn_resize_table_clear(&t);
    CHECK_OK(drn_resize_table_init(&t, 3, 6, 2, DRN_BORDER_CLAMP, &err), err);
    CHECK_INT(t.index[0], 0);
    CHECK_INT(t.index[3], 1);
    drn_resize_table_clear(&t);
}

TEST(table_sums, "weights sum to 1 and indices stay inside, at any factor")
{
    static const double scales[] = {0.01, 0.125, 0.3, 1 / 3.0, 0.5, 0.999, 1, 1.7, 2, 3, 8, 40};
    drn_error err = {0};
    for (size_t i = 0; i < sizeof scales / sizeof scales[0]; i++)
        for (int32_t in = 1; in <= 40; in += 13)
            for (int border = 0; border < 2; border++) {
                drn_resize_table t;
                int32_t out = 0;
                CHECK_OK(drn_resize_size(&out, in, scales[i], &err), err);
                CHECK_OK(drn_resize_table_init(&t, in, out, scales[i], (drn_border)border, &err),
                         err);
                for (int32_t o = 0; o < out; o++) {
                    double sum = 0;
                    for (int32_t k = 0; k < t.taps; k++) {
                        sum += t.weight[o * t.taps + k];
                        CHECK(t.index[o * t.taps + k] >= 0 && t.index[o * t.taps + k] < in);
                    }
                    CHECK_NEAR(sum, 1, 1e-13);
                }
                drn_resize_table_clear(&t);
            }
}

TEST(constant, "a constant picture stays constant in every depth and number of bands")
{
    drn_error err = {0};
    for (int bands = 1; bands <= 4; bands++)
        for (int depth = 0; depth < 3; depth++) {
            drn_image *in = new_image(11, 6, bands, (drn_depth)depth), *out = NULL;
            for (int i = 0; i < 66 * bands; i++)
                if (depth == 0)
                    ((uint8_t *)in->data)[i] = (uint8_t)(40 + i % bands);
                else if (depth == 1)
                    ((uint16_t *)in->data)[i] = (uint16_t)(40000 + i % bands);
                else
                    ((float *)in->data)[i] = -2.0f + (float)(i % bands);
            CHECK_OK(drn_imresize_to(&out, in, 29, 4, NULL, &err), err);
            for (int i = 0; i < 29 * 4 * bands; i++)
                if (depth == 0)
                    CHECK_INT(((uint8_t *)out->data)[i], 40 + i % bands);
                else if (depth == 1)
                    CHECK_INT(((uint16_t *)out->data)[i], 40000 + i % bands);
                else
                    CHECK_NEAR(((float *)out->data)[i], -2 + i % bands, 1e-6);
            drn_image_free(in);
            drn_image_free(out);
        }
}

TEST(overshoot, "the cubic's overshoot is clamped in integers and kept in float")
{
    drn_error err = {0};
    drn_image *a = new_image(8, 8, 1, DRN_U8), *b = new_image(8, 8, 1, DRN_F32);
    drn_image *ua = NULL, *ub = NULL;
    float low = 0, high = 0;
    for (int i = 0; i < 64; i++) {
        ((uint8_t *)a->data)[i] = i % 8 < 4 ? 0 : 255;
        ((float *)b->data)[i] = i % 8 < 4 ? 0 : 1;
    }
    CHECK_OK(drn_imresize(&ua, a, 3, NULL, &err), err);
    CHECK_OK(drn_imresize(&ub, b, 3, NULL, &err), err);
    for (int i = 0; i < 24 * 24; i++) {
        float v = ((float *)ub->data)[i];
        double c = v < 0 ? 0 : v > 1 ? 255 : floor((double)v * 255 + 0.5);
        low = v < low ? v : low;
        high = v > high ? v : high;
        CHECK_NEAR(((uint8_t *)ua->data)[i], c, 1); /* u8 is rounded after each pass */
    }
    CHECK(low < -0.05f && high > 1.05f);
    drn_image_free(a);
    drn_image_free(b);
    drn_image_free(ua);
    drn_image_free(ub);
}

TEST(sizes, "the size is ceil(scale x size) and thirds do not round up")
{
    int32_t n = 0;
    drn_error err = {0};
    CHECK_OK(drn_resize_size(&n, 300, 1 / 3.0, &err), err);
    CHECK_INT(n, 100);
    CHECK_OK(drn_resize_size(&n, 301, 1 / 3.0, &err), err);
    CHECK_INT(n, 101);
    CHECK_OK(drn_resize_size(&n, 1, 0.01, &err), err);
    CHECK_INT(n, 1);
    CHECK_INT(drn_resize_size(&n, 5, 0, &err), DRN_ERR_INVALID);
    CHECK_INT(drn_resize_size(&n, 5, (double)NAN, &err), DRN_ERR_INVALID);
    CHECK_INT(drn_resize_size(&n, 5, 1e12, &err), DRN_ERR_INVALID);
}

TEST(bad_sizes, "impossible sizes and factors are refused")
{
    drn_error err = {0};
    drn_image *in = new_image(4, 4, 3, DRN_U8), *out = NULL;
    CHECK_INT(drn_imresize_to(&out, in, 0, 3, NULL, &err), DRN_ERR_INVALID);
    CHECK_INT(drn_imresize_to(&out, in, 3, -1, NULL, &err), DRN_ERR_INVALID);
    CHECK_INT(drn_imresize(&out, in, -2, NULL, &err), DRN_ERR_INVALID);
    CHECK(out == NULL);
    drn_image_free(in);
}

TEST(every_allocation, "every refused allocation comes back as an error without a leak")
{
    drn_error err = {0};
    drn_image *in = new_image(20, 10, 3, DRN_U8), *out = NULL;
    memset(in->data, 7, 600);
    size_t before = drn_mem_current();
    int refused = 0;
    for (size_t n = 1;; n++) {
        drn_mem_fail_nth(n);
        drn_status st = drn_imresize(&out, in, 0.5, NULL, &err);
        drn_mem_fail_nth(0);
        if (st == DRN_OK)
            break;
        CHECK_INT(st, DRN_ERR_NOMEM);
        CHECK_INT(drn_mem_current(), before);
        refused++;
    }
    CHECK(refused >= 6);
    drn_image_free(out);
    drn_image_free(in);
}
