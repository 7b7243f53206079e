/* The closed loop: check, projection, dual models, trust map. */
#include "drn/upscale.h"
#include "random_model.h"
#include "upscale/loop.h"
#include "upscale/trust.h"

#include <math.h>

/* Smooth colours with some edges, so that shrinking and enlarging keep most of it. */
static drn_image *scene(int w, int h, int bands, drn_depth depth)
{
    drn_error err = {0};
    drn_image *im;
    CHECK_OK(drn_image_new(&im, w, h, bands, depth, &err), err);
    for (int i = 0; i < w * h * bands; i++) {
        int b = i % bands, x = i / bands % w, y = i / bands / w;
        double v =
            0.5 + 0.3 * sin(0.31 * x + b) * cos(0.23 * y) + ((x / 9 + y / 7) % 2 ? 0.15 : -0.15);
        if (depth == DRN_U8)
            ((uint8_t *)im->data)[i] = (uint8_t)(255 * v + 0.5);
        else if (depth == DRN_U16)
            ((uint16_t *)im->data)[i] = (uint16_t)(65535 * v + 0.5);
        else
            ((float *)im->data)[i] = (float)v;
    }
    return im;
}

TEST(check, "the check of a bicubic enlargement is that of bicubic; of an exact one it is infinite")
{
    drn_error err = {0};
    drn_loop l;
    drn_image *in = scene(40, 30, 3, DRN_F32), *large, *flat, *flat4;
    CHECK_OK(drn_imresize_to(&large, in, 120, 90, NULL, &err), err);
    CHECK_OK(drn_upscale_check(&l, large, in, NULL, 1, &err), err);
    CHECK(!l.has_dual && isnan(l.dual) && l.shrunk == l.shrunk_bicubic);
    CHECK(l.shrunk > 25 && l.shrunk < 60);
    CHECK_OK(drn_image_new(&flat, 8, 8, 1, DRN_U8, &err), err);
    CHECK_OK(drn_image_new(&flat4, 32, 32, 1, DRN_U8, &err), err);
    memset(flat->data, 51, 64);
    memset(flat4->data, 51, 1024);
    CHECK_OK(drn_upscale_check(&l, flat4, flat, NULL, 1, &err), err);
    CHECK(l.shrunk > 120);
    memset(flat4->data, 52, 1024); /* off by 1/255 everywhere */
    CHECK_OK(drn_upscale_check(&l, flat4, flat, NULL, 1, &err), err);
    CHECK_NEAR(l.shrunk, 20 * log10(255), 1e-3);
    CHECK_INT(drn_upscale_check(&l, flat, flat4, NULL, 1, &err), DRN_ERR_INVALID);
    CHECK_INT(drn_upscale_check(&l, large, flat, NULL, 1, &err), DRN_ERR_INVALID);
    drn_image_free(in);
    drn_image_free(large);
    drn_image_free(flat);
    drn_image_free(flat4);
}

/* Samples of the result, shrunk with one rounding at the end, that differ from the input. */
static int unequal_samples(const drn_image *result, const drn_image *in)
{
    drn_error err = {0};
    drn_image *back;
    int n = 0;
    CHECK_OK(drn_imresize_to(&back, result, in->width, in->height,
                             &(drn_resize_options){.precision = DRN_PRECISION_FLOAT}, &err),
             err);
    for (int i = 0; i < in->width * in->height * in->bands; i++)
        n += in->depth == DRN_U8 ? ((uint8_t *)back->data)[i] != ((uint8_t *)in->data)[i]
                                 : ((uint16_t *)back->data)[i] != ((uint16_t *)in->data)[i];
    drn_image_free(back);
    return n;
}

TEST(project, "a projected result, shrunk again, is the input to the last bit of 8")
{
    drn_error err = {0};
    for (int times = 2; times <= 4; times++) {
        drn_image *in = scene(37, 29, 3, DRN_U8), *large, *out;
        double unequal = 1;
        CHECK_OK(drn_imresize_to(&large, in, 37 * times, 29 * times, NULL, &err), err);
        CHECK(unequal_samples(large, in) > 300);
        CHECK_OK(drn_upscale_project(&out, large, in, 30, &unequal, &err), err);
        CHECK_NEAR(unequal, 0, 0);
        CHECK_INT(unequal_samples(out, in), 0);
        drn_image_free(in);
        drn_image_free(large);
        drn_image_free(out);
    }
}

TEST(project_more,
     "projection works at any size, for grey and alpha, and says what is left when it cannot")
{
    drn_error err = {0};
    for (int bands = 1; bands <= 4; bands++) {
        drn_image *in = scene(20, 21, bands, DRN_U8), *large, *out;
        double unequal;
        CHECK_OK(drn_imresize_to(&large, in, 55, 47, NULL, &err), err);
        CHECK_OK(drn_upscale_project(&out, large, in, 40, &unequal, &err), err);
        CHECK_NEAR(unequal, 0, 0);
        CHECK(out->bands == bands);
        for (int i = 0; bands % 2 == 0 && i < 55 * 47; i++) /* alpha is left alone */
            CHECK(((uint8_t *)out->data)[bands * i + bands - 1] ==
                  ((uint8_t *)large->data)[bands * i + bands - 1]);
        drn_image_free(in);
        drn_image_free(large);
        drn_image_free(out);
    }
    /* one round is not enough */
    drn_image *in = scene(20, 21, 3, DRN_U8), *large, *out;
    double unequal;
    CHECK_OK(drn_image_new(&large, 40, 42, 3, DRN_U8, &err), err);
    memset(large->data, 0, 40 * 42 * 3);
    CHECK_OK(drn_upscale_project(&out, large, in, 1, &unequal, &err), err);
    CHECK_NEAR(unequal, unequal_samples(out, in) / (20.0 * 21 * 3), 1e-12);
    CHECK(unequal > 0.01);
    drn_image_free(in);
    drn_image_free(large);
    drn_image_free(out);
}

TEST(consistent,
     "an enlargement with consistent set meets its input, at the model's scale and at others")
{
    drn_error err = {0};
    drn_model *m = random_model(&(drn_config){4, 8, 1, true, false, 0, DRN_SKIP_BICUBIC});
    drn_image *in = scene(30, 26, 3, DRN_U8), *out;
    static const drn_upscale_options kinds[] = {
        {.consistent = 60}, {.consistent = 60, .scale = 2}, {.consistent = 60, .factor = 3}};
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        CHECK_OK(drn_upscale(&out, in, m, &kinds[k], &err), err);
        CHECK_INT(unequal_samples(out, in), 0);
        drn_image_free(out);
    }
    drn_image_free(in);
    drn_model_free(m);
}

/* ---- dual models ---- */

static const float *param(const drn_model *m, const char *name)
{
    for (size_t i = 0; i < m->params->count; i++)
        if (strcmp(m->params->list[i].name, name) == 0)
            return (const float *)m->params->value + m->params->list[i].offset;
    test_fail(__FILE__, __LINE__, "no parameter %s", name);
}

/* y[K,h,w] = 3x3 convolution of x[C,H,W] with a stride and a zero border of 1. */
static void naive_conv(double *y, const double *x, const float *w, const float *b, int channels,
                       int kernels, int height, int width, int stride, bool relu)
{
    int oh = (height - 1) / stride + 1, ow = (width - 1) / stride + 1;
    for (int k = 0; k < kernels; k++)
        for (int r = 0; r < oh; r++)
            for (int c = 0; c < ow; c++) {
                double v = (double)b[k];
                for (int i = 0; i < channels * 9; i++) {
                    int yy = r * stride - 1 + i % 9 / 3, xx = c * stride - 1 + i % 3;
                    if (yy >= 0 && xx >= 0 && yy < height && xx < width)
                        v +=
                            (double)w[k * channels * 9 + i] * x[(i / 9 * height + yy) * width + xx];
                }
                y[(k * oh + r) * ow + c] = relu && v < 0 ? 0 : v;
            }
}

TEST(dual, "the dual models of a check are the paper's: stride 2, ReLU, one after the other, "
           "whatever the tiles")
{
    enum { W = 180, H = 12, D = 4 }; /* wider than one tile */
    drn_error err = {0};
    drn_model *m = random_model(&(drn_config){4, 8, 0, true, true, D, DRN_SKIP_BICUBIC});
    drn_image *y = scene(4 * W, 4 * H, 3, DRN_F32), *x;
    double *a = drn_alloc(sizeof(double) * 3 * 16 * W * H),
           *b = drn_alloc(sizeof(double) * D * 4 * W * H);
    CHECK(a && b);
    for (int i = 0; i < 16 * W * H; i++)
        for (int k = 0; k < 3; k++)
            a[k * 16 * W * H + i] = (double)((float *)y->data)[3 * i + k];
    naive_conv(b, a, param(m, "dual2.conv1.weight"), param(m, "dual2.conv1.bias"), 3, D, 4 * H,
               4 * W, 2, true);
    naive_conv(a, b, param(m, "dual2.conv2.weight"), param(m, "dual2.conv2.bias"), D, 3, 2 * H,
               2 * W, 1, false);
    naive_conv(b, a, param(m, "dual1.conv1.weight"), param(m, "dual1.conv1.bias"), 3, D, 2 * H,
               2 * W, 2, true);
    naive_conv(a, b, param(m, "dual1.conv2.weight"), param(m, "dual1.conv2.bias"), D, 3, H, W, 1,
               false);
    CHECK_OK(drn_loop_dual(&x, y, m, 4, 2, &err), err);
    for (int i = 0; i < W * H; i++)
        for (int k = 0; k < 3; k++)
            CHECK_NEAR(((float *)x->data)[3 * i + k], a[k * W * H + i], 1e-4);
    drn_loop l;
    CHECK_OK(drn_upscale_check(&l, y, x, m, 1, &err), err);
    CHECK(l.has_dual && l.dual > 80 && isfinite(l.dual_bicubic)); /* x is D(y) itself */
    CHECK_INT(drn_loop_dual(&x, y, m, 8, 2, &err), DRN_ERR_UNSUPPORTED);
    drn_free(a);
    drn_free(b);
    drn_image_free(x);
    drn_image_free(y);
    drn_model_free(m);
}

/* ---- trust ---- */

TEST(trust, "the trust map has equal shares of all greys; flat is trusted, texture is not")
{
    drn_error err = {0};
    drn_image *in = scene(50, 40, 3, DRN_U8), *large, *map, *expected;
    for (int i = 0; i < 50 * 40 * 3; i++)
        if (i / 3 % 50 < 25) /* the left half is a gentle slope */
            ((uint8_t *)in->data)[i] = (uint8_t)(100 + i / 150);
    CHECK_OK(drn_imresize_to(&large, in, 200, 160, NULL, &err), err);
    CHECK_OK(drn_upscale_trust(&map, &expected, large, in, &err), err);
    CHECK(map->width == 200 && map->height == 160 && map->bands == 1 && map->depth == DRN_U8);
    int below = 0;
    double left = 0, right = 0;
    for (int i = 0; i < 200 * 160; i++) {
        int v = ((uint8_t *)map->data)[i];
        below += v < 64;
        if (i % 200 < 90)
            left += v / (90.0 * 160);
        else if (i % 200 >= 110)
            right += v / (90.0 * 160);
    }
    CHECK_NEAR(below / (200.0 * 160), 0.25, 0.05);
    CHECK(left > 150 && right < 105);
    CHECK(expected->depth == DRN_F32 && expected->bands == 1);
    drn_image_free(in);
    drn_image_free(large);
    drn_image_free(map);
    drn_image_free(expected);
}

TEST(ranks, "rank correlation: 1 for any growing map, -1 reversed, ties at their mean, Spearman by hand")
{
    drn_error err = {0};
    double r;
    static const float a[] = {1, 2, 3, 4, 5}, b[] = {1, 10, 11, 900, 1e6f}, c[] = {5, 4, 3, 2, 1};
    static const float d[] = {2, 1, 4, 3, 5}, tied[] = {1, 1, 2, 2, 3}, flat[] = {7, 7, 7, 7, 7};
    CHECK_OK(drn_rank_correlation(&r, a, b, 5, &err), err);
    CHECK_NEAR(r, 1, 1e-12);
    CHECK_OK(drn_rank_correlation(&r, b, c, 5, &err), err);
    CHECK_NEAR(r, -1, 1e-12);
    CHECK_OK(drn_rank_correlation(&r, a, d, 5, &err), err);
    CHECK_NEAR(r, 1 - 6.0 * 4 / (5 * 24), 1e-12); /* 1 - 6 sum d^2 / (n (n^2 - 1)) */
    CHECK_OK(drn_rank_correlation(&r, a, tied, 5, &err), err);
    CHECK_NEAR(r, 9 / sqrt(10.0 * 9), 1e-12);
    CHECK_OK(drn_rank_correlation(&r, a, flat, 5, &err), err);
    CHECK(isnan(r));
}

TEST(trust_score, "a score sees errors where they are put, and refuses another size")
{
    drn_error err = {0};
    drn_trust_score s;
    drn_image *in = scene(50, 40, 3, DRN_U8), *large, *truth, *map, *expected;
    CHECK_OK(drn_imresize_to(&large, in, 200, 160, NULL, &err), err);
    CHECK_OK(drn_image_crop(&truth, large, 0, 0, 200, 160, &err), err);
    CHECK_OK(drn_upscale_trust(&map, &expected, large, in, &err), err);
    for (int i = 0; i < 200 * 160; i++) /* off where the map is dark */
        for (int b = 0; b < 3; b++)
            ((uint8_t *)truth->data)[3 * i + b] =
                (uint8_t)fmin(255, ((uint8_t *)large->data)[3 * i + b] + (255 - ((uint8_t *)map->data)[i]) / 16);
    CHECK_OK(drn_upscale_trust_score(&s, large, in, truth, 4, &err), err);
    CHECK(s.trust > 0.95 && s.trust > s.gradient && s.trust > s.smooth_gradient);
    CHECK_INT(drn_upscale_trust_score(&s, large, in, in, 4, &err), DRN_ERR_INVALID);
    drn_image_free(in);
    drn_image_free(large);
    drn_image_free(truth);
    drn_image_free(map);
    drn_image_free(expected);
}
