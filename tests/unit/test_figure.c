/* Figures: what stands where, and that it is what it says it is. */
#include "base/mem.h"
#include "drn/figure.h"
#include "image/text.h"
#include "pictures.h"
#include "random_model.h"

#include <stdlib.h>

/* A picture with shading, and texture in a part of it. */
static drn_image *scene(int32_t w, int32_t h, const drn_figure_rect *busy)
{
    drn_image *im;
    drn_rng rng;
    drn_error err = {0};
    drn_rng_seed(&rng, 5, 5);
    CHECK_OK(drn_image_new(&im, w, h, 3, DRN_U8, &err), err);
    uint8_t *p = im->data;
    for (int y = 0; y < h; y++)
        for (int x = 0; x < w; x++)
            for (int b = 0; b < 3; b++) {
                bool in = x >= busy->x && x < busy->x + busy->width && y >= busy->y &&
                          y < busy->y + busy->height;
                *p++ = (uint8_t)(60 + x / 2 + y / 3 + 10 * b +
                                 (in ? (int)drn_rng_below(&rng, 90) : 0));
            }
    return im;
}

static drn_image *plain_scene(void)
{
    return scene(80, 60, &(drn_figure_rect){48, 24, 20, 20});
}

static drn_model *model_of(int scale)
{
    return random_model(
        &(drn_config){.scale = scale, .channels = 8, .modules = 1, .progressive = true});
}

static void need_text(void)
{
    drn_image *im;
    drn_error err = {0};
    drn_status st = drn_text(&im, "x", 14, 100, &err);
    if (st == DRN_ERR_UNSUPPORTED) {
        CHECK(strstr(err.message, "text"));
        SKIP("this build draws no text");
    }
    CHECK_OK(st, err);
    drn_image_free(im);
}

static drn_image *figure(drn_figure_info *info, const drn_image *im, const drn_figure_options *o)
{
    drn_image *out;
    drn_error err = {0};
    CHECK_OK(drn_figure(&out, info, im, "name", o, &err), err);
    CHECK(out->depth == DRN_U8 && out->bands == 3);
    return out;
}

static const uint8_t *at(const drn_image *im, int x, int y)
{
    return (const uint8_t *)im->data + im->bands * (y * im->width + x);
}

/* The panel shows the crop of im, or of its enlargement by squares of `block`. */
static void check_panel(const drn_image *sheet, const drn_figure_info *info, int i,
                        const drn_image *im, int block)
{
    const drn_figure_rect *r = &info->panels[i].at, *c = &info->crop;
    CHECK_INT(r->width, c->width * info->zoom);
    CHECK_INT(r->height, c->height * info->zoom);
    for (int y = 0; y < r->height; y++)
        for (int x = 0; x < r->width; x++) {
            int sx = (c->x + x / info->zoom) / block, sy = (c->y + y / info->zoom) / block;
            if (memcmp(at(sheet, r->x + x, r->y + y), at(im, sx, sy), 3) != 0)
                test_fail(__FILE__, __LINE__, "panel %d (%s) differs at %d,%d", i,
                          info->panels[i].label, x, y);
        }
}

static void check_places(const drn_image *sheet, const drn_figure_info *info)
{
    for (int i = 0; i < info->count; i++) {
        const drn_figure_rect *a = &info->panels[i].at;
        CHECK(a->x >= 0 && a->y >= 0 && a->x + a->width <= sheet->width &&
              a->y + a->height + drn_text_height(14) <= sheet->height);
        for (int k = 0; k < i; k++) {
            const drn_figure_rect *b = &info->panels[k].at;
            CHECK(a->x >= b->x + b->width || b->x >= a->x + a->width || a->y >= b->y + b->height ||
                  b->y >= a->y + a->height);
        }
    }
}

static void same_values(const drn_metric_values *a, const drn_metric_values *b)
{
    CHECK(a->psnr == b->psnr && a->ssim == b->ssim && a->gradient_psnr == b->gradient_psnr);
}

TEST(compare, "the panels are LR, bicubic, the model's result and the original, with their numbers")
{
    need_text();
    drn_error err = {0};
    drn_image *im = plain_scene(), *lr, *cubic, *sr;
    drn_model *model = model_of(4);
    drn_figure_info info;
    drn_metric_values v;
    drn_figure_options o = {.scale = 4,
                            .models = {model},
                            .labels = {"<ours> & co"},
                            .model_count = 1,
                            .crop = {37, 21, 22, 15},
                            .zoom = 3,
                            .threads = 1};
    drn_image *sheet = figure(&info, im, &o);
    CHECK_INT(info.count, 4);
    CHECK_INT(info.zoom, 3);
    check_places(sheet, &info);
    CHECK_OK(drn_protocol_lr(&lr, im, 4, NULL, &err), err);
    CHECK_OK(drn_protocol_bicubic(&cubic, lr, 4, NULL, &err), err);
    CHECK_OK(drn_upscale(&sr, lr, model, &(drn_upscale_options){.scale = 4, .threads = 1}, &err),
             err);
    check_panel(sheet, &info, 0, lr, 4);
    check_panel(sheet, &info, 1, cubic, 1);
    check_panel(sheet, &info, 2, sr, 1);
    check_panel(sheet, &info, 3, im, 1);
    CHECK_STR(info.panels[1].label, "bicubic");
    CHECK_STR(info.panels[2].label, "<ours> & co");
    CHECK(!info.panels[0].scored && info.panels[1].scored && info.panels[2].scored);
    CHECK_OK(drn_protocol_score_bicubic(&v, im, 4, NULL, &err), err);
    same_values(&info.panels[1].values, &v);
    CHECK_OK(drn_protocol_score(&v, sr, im, 4, NULL, &err), err);
    same_values(&info.panels[2].values, &v);
    /* two columns beside the picture; a column for all without asking for the picture's place */
    CHECK(info.panels[1].at.x > info.panels[0].at.x && info.panels[2].at.x == info.panels[0].at.x);
    drn_image_free(sheet);
    o.columns = 9;
    sheet = figure(&info, im, &o);
    CHECK(info.panels[3].at.y == info.panels[0].at.y);
    check_places(sheet, &info);
    drn_image_free(sheet);
    drn_image_free(sr);
    drn_image_free(cubic);
    drn_image_free(lr);
    drn_image_free(im);
    drn_model_free(model);
}

/* Rows y to end of the picture of width x height at the left upper corner. */
static bool shows(const drn_image *sheet, const drn_image *im, int width, int height, int y, int end)
{
    drn_image *small;
    drn_error err = {0};
    CHECK_OK(drn_imresize_to(&small, im, width, height, NULL, &err), err);
    bool same = true;
    for (; y < end; y++)
        same = same && memcmp(at(sheet, 0, y), at(small, 0, y), 3 * (size_t)width) == 0;
    drn_image_free(small);
    return same;
}

TEST(no_hole, "an odd number of panels has the whole picture in their grid, which is full then")
{
    need_text();
    drn_image *im = plain_scene();
    drn_model *model = model_of(4);
    drn_figure_info info;
    drn_figure_options o = {.scale = 4,
                            .models = {model, model},
                            .crop = {37, 21, 24, 12},
                            .zoom = 4,
                            .threads = 1};
    for (o.model_count = 0; o.model_count <= 2; o.model_count += 2) {
        drn_image *sheet = figure(&info, im, &o);
        int columns = (info.count + 1) / 2, wide = 24 * 4 + 8, high = 12 * 4 + 2 * drn_text_height(14) + 8;
        CHECK_INT(info.count, 3 + o.model_count);
        CHECK_INT(sheet->width, columns * wide - 8);
        CHECK_INT(sheet->height, 2 * high - 8);
        for (int i = 0; i < info.count; i++) {
            CHECK_INT(info.panels[i].at.x, (i + 1) % columns * wide);
            CHECK_INT(info.panels[i].at.y, (i + 1) / columns * high);
        }
        CHECK(shows(sheet, im, 64, 48, 0, 14)); /* 80 x 60 in 96 x 48; the frame begins in row 14 */
        CHECK(!shows(sheet, im, 64, 48, 14, 15));
        drn_image_free(sheet);
    }
    drn_image_free(im);
    drn_model_free(model);
}

TEST(choice, "without a crop the place where bicubic is worst is shown")
{
    need_text();
    drn_figure_rect busy = {200, 120, 40, 30};
    drn_image *im = scene(320, 240, &busy);
    drn_figure_info info;
    drn_image *sheet = figure(&info, im, &(drn_figure_options){.scale = 2, .threads = 1});
    CHECK_INT(info.count, 3);
    CHECK(info.crop.width == 96 && info.crop.height == 72 && info.zoom == 3);
    CHECK(info.crop.x <= busy.x && info.crop.x + 96 >= busy.x + busy.width);
    CHECK(info.crop.y <= busy.y && info.crop.y + 72 >= busy.y + busy.height);
    drn_image_free(sheet);
    drn_image_free(im);
}

/* Eq. 4 by its definition: the mask of channel b, of values 0..1. */
static void mask_by_definition(double *m, const drn_image *im)
{
    int w = im->width, h = im->height;
    double lo = 1e9, hi = -1e9;
    for (int y = 0; y < h; y++)
        for (int x = 0; x < w; x++)
            for (int b = 0; b < 3; b++) {
                double gx = 0, gy = 0, *g = &m[3 * (y * w + x) + b];
                if (x > 0 && x < w - 1 && y > 0 && y < h - 1) {
                    gx = (at(im, x + 1, y)[b] - at(im, x - 1, y)[b]) / 255.0;
                    gy = (at(im, x, y + 1)[b] - at(im, x, y - 1)[b]) / 255.0;
                }
                *g = sqrt(gx * gx + gy * gy + 1e-4 / (255.0 * 255.0));
                lo = *g < lo ? *g : lo;
                hi = *g > hi ? *g : hi;
            }
    for (int i = 0; i < 3 * w * h; i++)
        m[i] = (m[i] - lo) / (hi - lo + 1e-5 / 255);
}

TEST(mask, "the mask is that of Eq. 4, and M I and (1 - M) I add up to the picture")
{
    need_text();
    drn_image *im = plain_scene();
    drn_figure_info info;
    drn_image *sheet = figure(&info, im, &(drn_figure_options){.kind = DRN_FIGURE_MASK, .zoom = 1});
    double *m = malloc(sizeof *m * 3 * 80 * 60);
    CHECK(m);
    CHECK_INT(info.count, 6);
    CHECK(info.crop.width == 80 && info.crop.height == 60);
    check_places(sheet, &info);
    check_panel(sheet, &info, 0, im, 1);
    mask_by_definition(m, im);
    for (int y = 0; y < 60; y++)
        for (int x = 0; x < 80; x++)
            for (int b = 0; b < 3; b++) {
                double v = m[3 * (y * 80 + x) + b], p = at(im, x, y)[b];
                const drn_figure_panel *q = info.panels;
                CHECK_NEAR(at(sheet, q[2].at.x + x, q[2].at.y + y)[b], 255 * v, 0.51);
                CHECK_NEAR(at(sheet, q[3].at.x + x, q[3].at.y + y)[b], v * p, 0.51);
                CHECK_NEAR(at(sheet, q[4].at.x + x, q[4].at.y + y)[b], (1 - v) * p, 0.51);
            }
    free(m);
    drn_image_free(sheet);
    drn_image_free(im);
}

TEST(gradient, "gradient maps of all methods have one scale, white at half of the original's peak")
{
    need_text();
    drn_error err = {0};
    drn_image *im = plain_scene(), *small;
    drn_figure_info info;
    drn_model *model = model_of(2);
    drn_figure_options o = {.kind = DRN_FIGURE_GRADIENT,
                            .scale = 2,
                            .models = {model},
                            .model_count = 1,
                            .crop = {0, 0, 80, 60},
                            .zoom = 1,
                            .threads = 1};
    drn_image *sheet = figure(&info, im, &o);
    CHECK_INT(info.count, 6);
    check_panel(sheet, &info, 3, im, 1);
    CHECK(info.panels[4].scored && !info.panels[1].scored);
    double y[60][80], peak = 0;
    for (int r = 0; r < 60; r++)
        for (int c = 0; c < 80; c++) {
            const uint8_t *p = at(im, c, r);
            y[r][c] = 16 + (65.481 * p[0] + 128.553 * p[1] + 24.966 * p[2]) / 255;
        }
    for (int r = 1; r < 59; r++)
        for (int c = 1; c < 79; c++)
            peak = fmax(peak, hypot(y[r][c + 1] - y[r][c - 1], y[r + 1][c] - y[r - 1][c]));
    for (int r = 1; r < 59; r++)
        for (int c = 1; c < 79; c++) {
            double g = hypot(y[r][c + 1] - y[r][c - 1], y[r + 1][c] - y[r - 1][c]);
            const drn_figure_rect *a = &info.panels[0].at;
            CHECK_NEAR(at(sheet, a->x + c, a->y + r)[1], fmin(255, 2 * 255 * g / peak), 0.51);
        }
    drn_image_free(sheet);
    CHECK_OK(drn_image_crop(&small, im, 0, 0, 31, 23, &err),
             err); /* maps of trust, of an odd size */
    o.kind = DRN_FIGURE_TRUST;
    o.crop.width = 0;
    sheet = figure(&info, small, &o);
    CHECK_INT(info.count, 4);
    CHECK(info.crop.width == 30 && info.crop.height == 22);
    check_places(sheet, &info);
    drn_image_free(sheet);
    drn_image_free(small);
    drn_image_free(im);
    drn_model_free(model);
}

TEST(enlarge,
     "pictures without an original: the crop is in their own pixels, alpha lies over white")
{
    need_text();
    drn_image *im = noise(20, 16, 4, DRN_U16, 3), *im1 = noise(1, 1, 1, DRN_U8, 1);
    drn_figure_info info;
    drn_model *model = model_of(2);
    drn_figure_options o = {.kind = DRN_FIGURE_ENLARGE,
                            .scale = 2,
                            .models = {model, model},
                            .model_count = 2,
                            .crop = {3, 4, 10, 8},
                            .threads = 1};
    drn_image *sheet = figure(&info, im, &o);
    CHECK_INT(info.count, 4);
    CHECK(info.crop.x == 6 && info.crop.y == 8 && info.crop.width == 20 && info.crop.height == 16);
    CHECK_INT(info.zoom, 14); /* 288 / 20 */
    check_places(sheet, &info);
    drn_image_free(sheet);
    o.crop.width = 0;
    sheet = figure(&info, im1, &o);
    CHECK(info.crop.width == 2 && info.zoom == 144);
    drn_image_free(sheet);
    drn_image_free(im);
    drn_image_free(im1);
    drn_model_free(model);
}

static void refused(const drn_image *im, drn_figure_options o, const char *part)
{
    drn_image *out = NULL;
    drn_error err = {0};
    size_t before = drn_mem_current();
    CHECK_INT(drn_figure(&out, NULL, im, "", &o, &err), DRN_ERR_INVALID);
    CHECK(!out);
    if (!strstr(err.message, part))
        test_fail(__FILE__, __LINE__, "\"%s\" lacks \"%s\"", err.message, part);
    CHECK_INT(drn_mem_current(), before);
}

TEST(refusals, "crops outside the picture, figures too large and other nonsense are errors")
{
    need_text();
    drn_image *im = plain_scene(), *out, *tiny = noise(3, 3, 3, DRN_U8, 1);
    drn_error err = {0};
    drn_figure_options o = {.scale = 4, .threads = 1, .crop = {70, 0, 11, 10}};
    refused(im, o, "the crop 70,0,11,10 does not lie within the 80 x 60");
    o.crop = (drn_figure_rect){0, 0, INT32_MAX, 1};
    refused(im, o, "within the 80 x 60");
    o.crop = (drn_figure_rect){-1, 0, 4, 4};
    refused(im, o, "within");
    o.crop = (drn_figure_rect){0, 0, 80, 60};
    o.zoom = 65;
    refused(im, o, "zoom 65");
    o.zoom = 0;
    o.scale = 1;
    refused(im, o, "scale 1");
    o.scale = 4;
    refused(tiny, o, "too few for scale 4");
    o.kind = DRN_FIGURE_TRUST;
    refused(im, o, "0 models, this figure takes 1 to 8");
    drn_model *model = model_of(2);
    o.models[0] = model;
    o.model_count = 1;
    refused(im, o, "4");
    drn_model_free(model);
    CHECK_INT(drn_figure_stack(&out, NULL, 0, &err), DRN_ERR_INVALID);
    drn_image *wide;
    CHECK_OK(drn_image_new(&wide, 59000, 1, 3, DRN_U8, &err), err);
    memset(wide->data, 7, 3 * 59000);
    o = (drn_figure_options){.kind = DRN_FIGURE_MASK, .columns = 2};
    refused(wide, o, "the figure would have 118008 x ");
    drn_image_free(wide);
    drn_image_free(tiny);
    drn_image_free(im);
}

TEST(stack, "figures stand below each other")
{
    drn_image *a = noise(30, 20, 3, DRN_U8, 1), *b = noise(50, 10, 3, DRN_U8, 2), *out;
    drn_error err = {0};
    CHECK_OK(drn_figure_stack(&out, (const drn_image *const[]){a, b}, 2, &err), err);
    CHECK(out->width == 66 && out->height == 62);
    for (int y = 0; y < 20; y++)
        CHECK(memcmp(at(out, 8, 8 + y), at(a, 0, y), 90) == 0);
    for (int y = 0; y < 10; y++)
        CHECK(memcmp(at(out, 8, 44 + y), at(b, 0, y), 150) == 0);
    CHECK(at(out, 39, 10)[0] == 255 && at(out, 0, 0)[2] == 255);
    drn_image_free(a);
    drn_image_free(b);
    drn_image_free(out);
}

TEST(letters, "any bytes are a text; it is cut off at the width, and blank is blank")
{
    need_text();
    static const char *const texts[] = {"",           "  ",
                                        "<b>",        "a & b </span>",
                                        "\xff\xfe x", "\xc3\xa9t\xc3\xa9",
                                        "a\nb",       "WWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWW"};
    drn_error err = {0};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        drn_image *im;
        int ink = 0;
        CHECK_OK(drn_text(&im, texts[i], 14, 60, &err), err);
        CHECK(im->width >= 1 && im->width <= 60 && im->height == 21 && im->bands == 1);
        for (int k = 0; k < im->width * im->height; k++)
            ink += ((const uint8_t *)im->data)[k] > 0;
        CHECK((ink > 0) == (i >= 2));
        drn_image_free(im);
    }
}

TEST(memory, "every refused allocation is an error and loses nothing")
{
    need_text();
    drn_image *im = plain_scene();
    drn_model *model = model_of(2);
    size_t before = drn_mem_current();
    for (int kind = 0; kind <= DRN_FIGURE_TRUST; kind++) {
        drn_figure_options o = {.kind = (drn_figure_kind)kind,
                                .scale = 2,
                                .models = {model},
                                .model_count = kind != DRN_FIGURE_MASK,
                                .threads = 1};
        drn_status st = DRN_ERR_NOMEM;
        drn_error err = {0};
        for (size_t nth = 1; nth < 2000 && st != DRN_OK; nth++) {
            drn_image *out = NULL;
            drn_mem_fail_nth(nth);
            st = drn_figure(&out, NULL, im, "x", &o, &err);
            drn_mem_fail_nth(0);
            CHECK(st == DRN_OK || (st == DRN_ERR_NOMEM && !out));
            drn_image_free(out);
            CHECK_INT(drn_mem_current(), before);
        }
        CHECK_OK(st, err);
    }
    drn_image_free(im);
    drn_model_free(model);
}
