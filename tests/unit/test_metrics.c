/* Measures against published scores and values worked out by hand. */
#include "base/fileio.h"
#include "base/mem.h"
#include "drn/metrics.h"
#include "harness.h"
#include "image/io.h"

#include <stdlib.h>

static drn_image *read_picture(const char *folder, const char *name)
{
    char path[2048];
    drn_image *image = NULL;
    drn_error err = {0};
    snprintf(path, sizeof path, "%s/%s/%s", test_data_dir(), folder, name);
    CHECK_OK(drn_image_read(&image, path, &err), err);
    return image;
}

static void need(const char *folder)
{
    char path[2048];
    if (!drn_codec_available())
        SKIP("built without libvips");
    if (!test_data_dir())
        SKIP("no folder with benchmark pictures (DRN_TEST_DATA)");
    snprintf(path, sizeof path, "%s/%s", test_data_dir(), folder);
    if (!drn_path_is_dir(path))
        SKIP("the folder with benchmark pictures lacks this set");
}

/* Means over a benchmark set, every step-th picture; sr: folder of results, NULL: bicubic. */
static drn_metric_values mean(const char *set, const char *sr, int scale, drn_protocol protocol,
                              size_t step)
{
    char path[1024], **names = NULL;
    size_t n = 0, used = 0;
    drn_error err = {0};
    drn_metric_values sum = {0};
    snprintf(path, sizeof path, "%s/bench/%s", test_data_dir(), set);
    CHECK_OK(drn_dir_list(&names, &n, path, &err), err);
    snprintf(path, sizeof path, "bench/%s", set);
    for (size_t i = 0; i < n; i += step, used++) {
        drn_metric_values v;
        drn_image *hr = read_picture(path, names[i]);
        drn_image *result = sr ? read_picture(sr, names[i]) : NULL;
        if (sr)
            CHECK_OK(drn_protocol_score(&v, result, hr, scale, &protocol, &err), err);
        else
            CHECK_OK(drn_protocol_score_bicubic(&v, hr, scale, &protocol, &err), err);
        sum.psnr += v.psnr;
        sum.ssim += v.ssim;
        sum.gradient_psnr += v.gradient_psnr;
        drn_image_free(hr);
        drn_image_free(result);
    }
    drn_list_free(names, n);
    CHECK(used > 0);
    sum.psnr /= (double)used;
    sum.ssim /= (double)used;
    sum.gradient_psnr /= (double)used;
    return sum;
}

TEST(rcan_scores, "RCAN's published Set5 results score what its paper says")
{
    static const struct {
        int scale;
        double psnr, ssim;
    } rows[] = {{2, 38.2742, .9614}, {3, 34.7422, .9299}, {4, 32.6336, .9002}, {8, 27.3080, .7878}};
    need("golden/rcan-sr");
    for (int i = 0; i < 4; i++) {
        char folder[64];
        snprintf(folder, sizeof folder, "golden/rcan-sr/x%d", rows[i].scale);
        drn_metric_values v = mean("Set5", folder, rows[i].scale, (drn_protocol){0}, 1);
        CHECK_NEAR(v.psnr, rows[i].psnr, 6e-5);
        CHECK_NEAR(v.ssim, rows[i].ssim, 6e-5);
    }
}

TEST(standard_bicubic, "bicubic under the standard protocol has the known PSNR")
{
    static const struct {
        const char *set;
        int scale;
        double psnr;
    } rows[] = {{"Set5", 2, 33.67},  {"Set5", 4, 28.43},  {"Set5", 8, 24.40},
                {"Set14", 2, 30.33}, {"Set14", 4, 26.09}, {"Set14", 8, 23.18}};
    need("bench/Set14");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) /* known to two digits */
        CHECK_NEAR(mean(rows[i].set, NULL, rows[i].scale, (drn_protocol){0}, 1).psnr, rows[i].psnr,
                   0.006);
}

TEST(paper_bicubic, "bicubic under the paper's protocol has the paper's PSNR and SSIM")
{
    static const struct {
        const char *set;
        int scale;
        double psnr, ssim;
    } rows[] = {{"Set5", 4, 28.42, .8104},
                {"Set5", 8, 24.39, .6572},
                {"Set14", 4, 26.10, .7037},
                {"Set14", 8, 23.19, .5676}};
    drn_protocol paper = {.kind = DRN_PROTOCOL_PAPER};
    need("bench/Set14");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        drn_metric_values v = mean(rows[i].set, NULL, rows[i].scale, paper, 1);
        CHECK_NEAR(v.psnr, rows[i].psnr, 0.006);
        CHECK_NEAR(v.ssim, rows[i].ssim, 6e-5);
    }
}

static drn_image *grey(int32_t w, int32_t h, const uint8_t *values)
{
    drn_image *image = NULL;
    drn_error err = {0};
    CHECK_OK(drn_image_new(&image, w, h, 1, DRN_U8, &err), err);
    memcpy(image->data, values, (size_t)w * (size_t)h);
    return image;
}

TEST(by_hand, "PSNR, shave and gradient PSNR of a small picture are those worked out by hand")
{
    uint8_t a[36], b[36];
    for (int i = 0; i < 36; i++)
        a[i] = b[i] = (uint8_t)(10 * (i % 6)); /* a ramp: gradient 20 everywhere */
    a[0] = 255;                                /* outside a shave of 1 */
    a[2 * 6 + 3] = (uint8_t)(a[2 * 6 + 3] + 8);
    drn_image *sr = grey(6, 6, a), *hr = grey(6, 6, b);
    drn_metric_options o = {.shave = 1, .rgb = true};
    drn_metric_values v;
    drn_error err = {0};
    CHECK_OK(drn_metrics(&v, sr, hr, &o, &err), err);
    CHECK_NEAR(v.psnr, 10 * log10(65025.0 * 16 / 64), 1e-9);
    CHECK(isnan(v.ssim)); /* 4 x 4 is smaller than the window */
    /* Inside the 4 x 4: 4 pixels have all neighbours.  (1,1) (1,2) (2,1) (2,2) of it are pixels
     * (2..3, 2..3); pixel (2,3) is raised: (2,2) sees gx 28, (3,3) sees gy -8, (2,3) sees nothing.
     */
    double e1 = 8, e2 = sqrt(20 * 20 + 8 * 8) - 20;
    CHECK_NEAR(v.gradient_psnr, 10 * log10(20 * 20 * 4 / (e1 * e1 + e2 * e2)), 1e-9);
    o.rgb = false;
    CHECK_OK(drn_metrics(&v, sr, hr, &o, &err), err);
    CHECK_NEAR(v.psnr, 10 * log10(65025.0 * 16 / 64) + 20 * log10(255.0 / 219), 1e-9);
    drn_image_free(sr);
    drn_image_free(hr);
}

TEST(equal, "equal pictures have infinite PSNR and SSIM 1, in both SSIM variants")
{
    uint8_t a[20 * 20];
    for (int i = 0; i < 400; i++)
        a[i] = (uint8_t)(i * i);
    drn_image *x = grey(20, 20, a);
    drn_metric_values v;
    drn_error err = {0};
    for (int replicate = 0; replicate < 2; replicate++) {
        drn_metric_options o = {.ssim_replicate = replicate};
        CHECK_OK(drn_metrics(&v, x, x, &o, &err), err);
        CHECK(isinf(v.psnr) && isinf(v.gradient_psnr));
        CHECK_NEAR(v.ssim, 1, 1e-12);
    }
    drn_image_free(x);
}

TEST(flat_ssim, "SSIM of two flat pictures is the luminance term alone")
{
    uint8_t a[15 * 15], b[15 * 15];
    memset(a, 100, sizeof a);
    memset(b, 120, sizeof b);
    drn_image *x = grey(15, 15, a), *y = grey(15, 15, b);
    drn_metric_values v;
    drn_error err = {0};
    double c1 = 2.55 * 2.55, wanted = (2 * 100 * 120 + c1) / (100 * 100 + 120 * 120 + c1);
    for (int replicate = 0; replicate < 2; replicate++) {
        drn_metric_options o = {.rgb = true, .ssim_replicate = replicate};
        CHECK_OK(drn_metrics(&v, x, y, &o, &err), err);
        CHECK_NEAR(v.ssim, wanted, 1e-9);
    }
    drn_image_free(x);
    drn_image_free(y);
}

/* SSIM by its definition, one window after the other. */
static double slow_ssim(const uint8_t *a, const uint8_t *b, int w, int h, int pad)
{
    double sum = 0, total = 0;
    for (int y = 5 - pad; y < h - 5 + pad; y++)
        for (int x = 5 - pad; x < w - 5 + pad; x++, total++) {
            double s = 0, ma = 0, mb = 0, va = 0, vb = 0, vab = 0;
            for (int pass = 0; pass < 2; pass++)
                for (int i = -5; i <= 5; i++)
                    for (int j = -5; j <= 5; j++) {
                        int r = y + i < 0 ? 0 : y + i >= h ? h - 1 : y + i;
                        int c = x + j < 0 ? 0 : x + j >= w ? w - 1 : x + j;
                        double g = exp(-(i * i + j * j) / 4.5), p = a[r * w + c], q = b[r * w + c];
                        if (pass == 0) {
                            s += g;
                            ma += g * p;
                            mb += g * q;
                        } else {
                            va += g / s * (p - ma / s) * (p - ma / s);
                            vb += g / s * (q - mb / s) * (q - mb / s);
                            vab += g / s * (p - ma / s) * (q - mb / s);
                        }
                    }
            ma /= s;
            mb /= s;
            sum += (2 * ma * mb + 6.5025) * (2 * vab + 58.5225) /
                   ((ma * ma + mb * mb + 6.5025) * (va + vb + 58.5225));
        }
    return sum / total;
}

TEST(ssim_definition, "the separable SSIM is the one of the definition, valid and replicated")
{
    uint8_t a[23 * 17], b[23 * 17];
    unsigned seed = 9;
    for (int i = 0; i < 23 * 17; i++) {
        seed = seed * 1103515245 + 12345;
        a[i] = (uint8_t)(seed >> 16);
        b[i] = (uint8_t)(a[i] / 2 + (seed >> 25));
    }
    drn_image *x = grey(23, 17, a), *y = grey(23, 17, b);
    drn_metric_values v;
    drn_error err = {0};
    for (int replicate = 0; replicate < 2; replicate++) {
        drn_metric_options o = {.rgb = true, .ssim_replicate = replicate};
        CHECK_OK(drn_metrics(&v, x, y, &o, &err), err);
        CHECK_NEAR(v.ssim, slow_ssim(a, b, 23, 17, replicate ? 5 : 0), 1e-9);
    }
    drn_image_free(x);
    drn_image_free(y);
}

TEST(refused, "different sizes, depths and a shave that eats the picture are refused")
{
    uint8_t a[64] = {0};
    drn_image *x = grey(8, 8, a), *y = grey(8, 7, a), *wide = NULL;
    drn_metric_values v;
    drn_metric_options o = {.shave = 4};
    drn_error err = {0};
    CHECK_OK(drn_image_new(&wide, 8, 8, 1, DRN_U16, &err), err);
    CHECK_INT(drn_metrics(&v, x, y, NULL, &err), DRN_ERR_INVALID);
    CHECK_INT(drn_metrics(&v, x, wide, NULL, &err), DRN_ERR_INVALID);
    CHECK_INT(drn_metrics(&v, x, x, &o, &err), DRN_ERR_INVALID);
    o.shave = 3;
    CHECK_OK(drn_metrics(&v, x, x, &o, &err), err);
    CHECK_INT(drn_protocol_score(&v, x, y, 2, NULL, &err), DRN_ERR_INVALID);
    CHECK_INT(drn_protocol_score_bicubic(&v, x, 9, NULL, &err), DRN_ERR_INVALID);
    CHECK_INT(drn_protocol_score_bicubic(&v, x, 0, NULL, &err), DRN_ERR_INVALID);
    drn_image_free(x);
    drn_image_free(y);
    drn_image_free(wide);
}

TEST(kinds, "a result of any depth with alpha is scored like its 8-bit flattening")
{
    drn_error err = {0};
    drn_image *hr = NULL, *sr = NULL;
    CHECK_OK(drn_image_new(&hr, 33, 30, 3, DRN_U8, &err), err);
    CHECK_OK(drn_image_new(&sr, 32, 30, 4, DRN_U16, &err), err);
    for (int i = 0; i < 33 * 30 * 3; i++)
        ((uint8_t *)hr->data)[i] = (uint8_t)(i * 7);
    for (int y = 0; y < 30; y++)
        for (int x = 0; x < 32; x++)
            for (int b = 0; b < 4; b++)
                ((uint16_t *)sr->data)[(y * 32 + x) * 4 + b] =
                    b == 3 ? 65535 : (uint16_t)(257 * ((uint8_t *)hr->data)[(y * 33 + x) * 3 + b]);
    drn_metric_values v;
    CHECK_OK(drn_protocol_score(&v, sr, hr, 2, NULL, &err), err);
    CHECK(isinf(v.psnr));
    drn_image_free(hr);
    drn_image_free(sr);
}

TEST(names, "protocols have names")
{
    drn_protocol_kind kind = DRN_PROTOCOL_STANDARD;
    drn_error err = {0};
    CHECK_OK(drn_protocol_parse(&kind, "paper", &err), err);
    CHECK_INT(kind, DRN_PROTOCOL_PAPER);
    CHECK_STR(drn_protocol_name(kind), "paper");
    CHECK_INT(drn_protocol_parse(&kind, "mine", &err), DRN_ERR_INVALID);
}

TEST(every_allocation, "every refused allocation comes back as an error without a leak")
{
    drn_error err = {0};
    drn_image *hr = NULL;
    drn_metric_values v;
    drn_protocol paper = {.kind = DRN_PROTOCOL_PAPER};
    CHECK_OK(drn_image_new(&hr, 40, 40, 3, DRN_U8, &err), err);
    memset(hr->data, 9, 4800);
    size_t before = drn_mem_current();
    for (int scale = 2; scale <= 8; scale += 6)
        for (size_t n = 1;; n++) {
            drn_mem_fail_nth(n);
            drn_status st = drn_protocol_score_bicubic(&v, hr, scale, &paper, &err);
            drn_mem_fail_nth(0);
            CHECK_INT(drn_mem_current(), before);
            if (st == DRN_OK)
                break;
            CHECK_INT(st, DRN_ERR_NOMEM);
        }
    drn_image_free(hr);
}
