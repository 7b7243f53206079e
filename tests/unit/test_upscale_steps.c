/* What surrounds the network: sizes, windows, alpha, self-ensemble.  The model's image heads are
 * zero, so it is exactly bicubic interpolation, which imresize can check. */
#include "drn/upscale.h"
#include "random_model.h"
#include "upscale/work.h"

#include <math.h>
#include <stdlib.h>

/* progressive x4, or x2: the network adds nothing to bicubic. */
static drn_model *bicubic_model(int scale)
{
    drn_error err = {0};
    drn_config c = {scale, 8, 1, true, false, 0, DRN_SKIP_BICUBIC};
    drn_params *p;
    drn_model *m;
    random_params(&p, &c);
    for (size_t i = 0; i < p->count; i++)
        if (strstr(p->list[i].name, ".image."))
            memset((float *)p->value + p->list[i].offset, 0, p->list[i].count * sizeof(float));
    char *path = write_params(p, &c, "bicubic.safetensors", DRN_ST_F32);
    CHECK_OK(drn_model_load(&m, path, &err), err);
    drn_free(path);
    drn_params_free(p);
    return m;
}

static drn_image *made(int w, int h, int bands, drn_depth depth)
{
    drn_error err = {0};
    drn_image *im;
    drn_rng rng;
    drn_rng_seed(&rng, 8, 0);
    CHECK_OK(drn_image_new(&im, w, h, bands, depth, &err), err);
    for (int i = 0; i < w * h * bands; i++) {
        double v = drn_rng_uniform(&rng);
        if (depth == DRN_U8)
            ((uint8_t *)im->data)[i] = (uint8_t)(255 * v);
        else if (depth == DRN_U16)
            ((uint16_t *)im->data)[i] = (uint16_t)(65535 * v);
        else
            ((float *)im->data)[i] = (float)v;
    }
    return im;
}

static double largest_difference(const drn_image *a, const drn_image *b)
{
    double most = 0;
    CHECK(a->width == b->width && a->height == b->height && a->bands == b->bands &&
          a->depth == b->depth);
    for (int i = 0; i < a->width * a->height * a->bands; i++) {
        double d = a->depth == DRN_U8    ? ((uint8_t *)a->data)[i] - ((uint8_t *)b->data)[i]
                   : a->depth == DRN_U16 ? ((uint16_t *)a->data)[i] - ((uint16_t *)b->data)[i]
                                         : (double)(((float *)a->data)[i] - ((float *)b->data)[i]);
        most = fmax(most, fabs(d));
    }
    return most;
}

static void check_target(const drn_model *m, int w, int h, drn_upscale_options o, int width,
                         int height, const char *scales)
{
    drn_error err = {0};
    drn_upscale_target t;
    char text[40] = "";
    CHECK_OK(drn_upscale_find_target(&t, w, h, m, &o, &err), err);
    CHECK_INT(t.width, width);
    CHECK_INT(t.height, height);
    for (int i = 0; i < t.passes; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text), "%d ", t.scale[i]);
    CHECK_STR(text, scales);
    CHECK(t.net_width >= t.width && t.net_height >= t.height);
}

TEST(targets, "factors, sides and boxes become sizes and the fewest passes that reach them")
{
    drn_model *m = bicubic_model(4), *m2 = bicubic_model(2);
    check_target(m, 61, 47, (drn_upscale_options){0}, 244, 188, "4 ");
    check_target(m, 61, 47, (drn_upscale_options){.scale = 2}, 122, 94, "2 ");
    check_target(m, 61, 47, (drn_upscale_options){.factor = 2}, 122, 94, "2 ");
    check_target(m, 61, 47, (drn_upscale_options){.factor = 3}, 183, 141, "4 ");
    check_target(m, 61, 47, (drn_upscale_options){.factor = 2.5}, 153, 118, "4 ");
    check_target(m, 3, 3, (drn_upscale_options){.factor = 1.9}, 6, 6, "2 ");
    check_target(m, 61, 47, (drn_upscale_options){.factor = 8}, 488, 376, "4 2 ");
    check_target(m, 61, 47, (drn_upscale_options){.factor = 16}, 976, 752, "4 4 ");
    check_target(m, 61, 47, (drn_upscale_options){.factor = 64}, 3904, 3008, "4 4 4 ");
    check_target(m2, 61, 47, (drn_upscale_options){.factor = 64}, 3904, 3008, "2 2 2 2 2 2 ");
    check_target(m, 61, 47, (drn_upscale_options){.factor = 1}, 61, 47, "");
    check_target(m, 61, 47, (drn_upscale_options){.factor = 0.5}, 31, 24, "");
    check_target(m, 100, 50, (drn_upscale_options){.width = 250}, 250, 125, "4 ");
    check_target(m, 100, 50, (drn_upscale_options){.height = 100}, 200, 100, "2 ");
    check_target(m, 100, 50, (drn_upscale_options){.width = 300, .height = 300}, 300, 300, "4 2 ");
    check_target(m, 100, 50, (drn_upscale_options){.width = 300, .height = 300, .fit = true}, 300,
                 150, "4 ");
    check_target(m, 100, 50, (drn_upscale_options){.width = 999, .height = 75, .fit = true}, 150,
                 75, "2 ");
    check_target(m, 1000, 1, (drn_upscale_options){.width = 10}, 10, 1, "");
    drn_model_free(m);
    drn_model_free(m2);
}

TEST(targets_refused, "impossible sizes are refused with numbers")
{
    drn_error err = {0};
    drn_upscale_target t;
    drn_model *m = bicubic_model(4);
    static const drn_upscale_options bad[] = {{.factor = 65},
                                              {.factor = -1},
                                              {.factor = (double)NAN},
                                              {.factor = (double)INFINITY},
                                              {.width = 100000},
                                              {.width = -1},
                                              {.scale = 3},
                                              {.scale = 8},
                                              {.width = 5, .height = 500, .scale = 2}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        int st = (int)drn_upscale_find_target(&t, 7, 7, m, &bad[i], &err);
        if (st != DRN_ERR_INVALID)
            test_fail(__FILE__, __LINE__, "case %zu gave %d", i, st);
    }
    CHECK_INT(drn_upscale_find_target(&t, INT32_MAX / 2, 7, m, NULL, &err), DRN_ERR_INVALID);
    drn_model_free(m);
}

TEST(any_size, "x3 is the network's x4, shrunk; x16 is x4 twice")
{
    drn_error err = {0};
    drn_model *m = bicubic_model(4);
    drn_image *in = made(23, 17, 3, DRN_F32), *at = in, *out, *wanted;
    for (int i = 0; i < 4; i++) { /* progressive: x2 twice a pass */
        drn_image *next;
        CHECK_OK(drn_imresize(&next, at, 2, NULL, &err), err);
        if (i == 1) {
            CHECK_OK(drn_imresize_to(&wanted, next, 69, 51, NULL, &err), err);
            CHECK_OK(drn_upscale(&out, in, m, &(drn_upscale_options){.factor = 3}, &err), err);
            CHECK_NEAR(largest_difference(out, wanted), 0, 2e-6);
            drn_image_free(out);
            drn_image_free(wanted);
        }
        if (at != in)
            drn_image_free(at);
        at = next;
    }
    CHECK_OK(drn_upscale(&out, in, m, &(drn_upscale_options){.factor = 16}, &err), err);
    CHECK_NEAR(largest_difference(out, at), 0, 5e-6);
    drn_image_free(out);
    drn_image_free(at);
    drn_image_free(in);
    drn_model_free(m);
}

TEST(depths, "any size keeps bands and depth; integers are within one of the float result")
{
    drn_error err = {0};
    drn_model *m = bicubic_model(4);
    for (int bands = 1; bands <= 4; bands++)
        for (int depth = DRN_U8; depth <= DRN_F32; depth++) {
            drn_image *in = made(9, 7, bands, (drn_depth)depth), *out;
            drn_upscale_options o = {.width = 20, .height = 11, .linear = bands == 3};
            CHECK_OK(drn_upscale(&out, in, m, &o, &err), err);
            CHECK(out->width == 20 && out->height == 11 && out->bands == bands &&
                  (int)out->depth == depth);
            drn_image_free(in);
            drn_image_free(out);
        }
    drn_model_free(m);
}

/* The picture in windows of at most max network pixels. */
static drn_image *in_windows(const drn_image *in, const drn_model *m, const drn_upscale_options *o,
                             int step, double max)
{
    drn_error err = {0};
    drn_work w;
    drn_image *out;
    CHECK_OK(drn_work_init(&w, in, m, o, &err), err);
    CHECK_OK(drn_image_new(&out, w.t.width, w.t.height, in->bands, in->depth, &err), err);
    for (int y = 0; y < w.t.height; y += step) {
        int rows = w.t.height - y < step ? w.t.height - y : step, first, n;
        drn_image *part;
        drn_work_rows(&w, &first, &n, y, rows);
        CHECK_OK(drn_image_crop(&part, in, 0, first, in->width, n, &err),
                 err); /* no more than promised */
        CHECK_OK(drn_work_band(&w, out, 0, &(drn_rows){part, first}, y, rows, max, &err), err);
        drn_image_free(part);
    }
    CHECK_NEAR(w.meter.done, 1, 1e-9);
    drn_work_clear(&w);
    return out;
}

TEST(windows, "windows of rows give the same picture as the whole, for all kinds of work")
{
    drn_error err = {0};
    drn_model *m = random_model(&(drn_config){4, 8, 1, true, false, 0, DRN_SKIP_BICUBIC});
    static const drn_upscale_options kinds[] = {{0},
                                                {.scale = 2},
                                                {.factor = 3},
                                                {.factor = 2.7, .linear = true},
                                                {.factor = 5},
                                                {.factor = 0.4},
                                                {.factor = 3, .ensemble = true},
                                                {.factor = 1},
                                                {.width = 300, .height = 200}};
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++)
        for (int bands = 3; bands <= 4; bands++) {
            drn_image *in = made(110, 91, bands, DRN_F32), *whole;
            if (bands == 4) /* hidden, soft and opaque regions */
                for (int i = 0; i < 110 * 91; i++) {
                    int d = abs(i % 110 - 40) + abs(i / 110 - 45);
                    ((float *)in->data)[4 * i + 3] = d < 20 ? 1 : d > 30 ? 0 : (float)(30 - d) / 10;
                }
            CHECK_OK(drn_upscale(&whole, in, m, &kinds[k], &err), err);
            drn_image *parts = in_windows(in, m, &kinds[k], 37, 20000);
            double d = largest_difference(whole, parts);
            if (!(d <= 2e-4))
                test_fail(__FILE__, __LINE__, "kind %zu, %d bands: windows differ by %g", k, bands,
                          d);
            drn_image_free(whole);
            drn_image_free(parts);
            drn_image_free(in);
        }
    drn_model_free(m);
}

/* ---- alpha ---- */

enum { SIDE = 24, TIMES = 4, LARGE = SIDE * TIMES };

/* Coverage of a disc, soft pixels wide at its edge, at (x, y) of a square of the side. */
static double disc(double x, double y, double side, double soft)
{
    double r = hypot(x - side / 2, y - side / 2), edge = side * 0.3;
    double v = 0.5 + (edge - r) / soft;
    return v < 0 ? 0 : v > 1 ? 1 : v;
}

static double shade(int b, double x, double y)
{
    return 0.55 + 0.3 * sin(0.25 * x + 1.3 * b) * cos(0.2 * y + b);
}

/* The large ideal (straight alpha), and its small picture, made where alpha is premultiplied. */
static void disc_pictures(drn_image **ideal, drn_image **small, double soft, float hidden)
{
    drn_error err = {0};
    CHECK_OK(drn_image_new(ideal, LARGE, LARGE, 4, DRN_F32, &err), err);
    CHECK_OK(drn_image_new(small, SIDE, SIDE, 4, DRN_F32, &err), err);
    float *p = (*ideal)->data, *s = (*small)->data;
    for (int y = 0; y < LARGE; y++)
        for (int x = 0; x < LARGE; x++, p += 4) {
            p[3] = (float)disc(x + 0.5, y + 0.5, LARGE, soft);
            for (int b = 0; b < 3; b++)
                p[b] = (float)shade(b, (x + 0.5) / TIMES, (y + 0.5) / TIMES);
        }
    p = (*ideal)->data;
    for (int y = 0; y < SIDE; y++)
        for (int x = 0; x < SIDE; x++, s += 4) {
            double sum[4] = {0};
            for (int i = 0; i < TIMES * TIMES; i++) {
                const float *q = p + 4 * ((y * TIMES + i / TIMES) * LARGE + x * TIMES + i % TIMES);
                for (int b = 0; b < 3; b++)
                    sum[b] += (double)(q[b] * q[3]);
                sum[3] += (double)q[3];
            }
            s[3] = (float)(sum[3] / (TIMES * TIMES));
            for (int b = 0; b < 3; b++)
                s[b] = sum[3] > 0 ? (float)(sum[b] / sum[3]) : hidden;
        }
}

/* Largest and mean error of a over a background against the ideal over it. */
static void over(double *most, double *mean, const drn_image *a, const drn_image *ideal,
                 double ground)
{
    const float *p = a->data, *q = ideal->data;
    *most = *mean = 0;
    for (int i = 0; i < LARGE * LARGE; i++, p += 4, q += 4)
        for (int b = 0; b < 3; b++) {
            double x = (double)(p[b] * p[3]) + ground * (1 - (double)p[3]);
            double y = (double)(q[b] * q[3]) + ground * (1 - (double)q[3]);
            *most = fmax(*most, fabs(x - y));
            *mean += fabs(x - y) / (LARGE * LARGE * 3);
        }
}

/* The same without any care: all four bands interpolated as they are. */
static drn_image *careless(const drn_image *small)
{
    drn_error err = {0};
    drn_image *a, *b;
    CHECK_OK(drn_imresize(&a, small, 2, NULL, &err), err);
    CHECK_OK(drn_imresize(&b, a, 2, NULL, &err), err);
    drn_image_free(a);
    return b;
}

/* What the unavoidable error is: the colours known everywhere, alpha interpolated. */
static drn_image *best(const drn_image *small, const drn_image *ideal)
{
    drn_image *b = careless(small);
    for (int i = 0; i < LARGE * LARGE; i++)
        memcpy((float *)b->data + 4 * i, (float *)ideal->data + 4 * i, 3 * sizeof(float));
    return b;
}

TEST(no_fringes,
     "edges over black and over white are as good as with the true colours, hard or soft")
{
    drn_error err = {0};
    drn_model *m = bicubic_model(4);
    for (int kind = 0; kind < 4;
         kind++) { /* hard and soft edges, black or white under the clear part */
        double soft = kind & 1 ? 24 : 1;
        drn_image *ideal, *small, *out;
        disc_pictures(&ideal, &small, soft, kind & 2 ? 1.0f : 0.0f);
        CHECK_OK(drn_upscale(&out, small, m, NULL, &err), err);
        drn_image *bad = careless(small), *good = best(small, ideal);
        for (int ground = 0; ground <= 1; ground++) {
            double most, mean, most_good, mean_good, most_bad, mean_bad;
            over(&most, &mean, out, ideal, ground);
            over(&most_good, &mean_good, good, ideal, ground);
            over(&most_bad, &mean_bad, bad, ideal, ground);
            printf("# edge %2g, hidden %d, over %d: largest %.4f mean %.5f; true colours %.4f "
                   "%.5f; careless %.4f %.5f\n",
                   soft, kind >> 1, ground, most, mean, most_good, mean_good, most_bad, mean_bad);
            CHECK(most <= most_good + 0.02 && mean <= mean_good * 1.15 + 1e-4);
            /* a fringe is what the careless way shows over the ground that the hidden colour is not
             */
            if (ground != kind >> 1 && soft == 1)
                CHECK(most_bad > 2 * most || mean_bad > 1.3 * mean);
        }
        drn_image_free(ideal);
        drn_image_free(small);
        drn_image_free(out);
        drn_image_free(bad);
        drn_image_free(good);
    }
    drn_model_free(m);
}

TEST(alpha_exact, "opaque stays opaque, clear stays clear, and hidden colours change nothing")
{
    drn_error err = {0};
    drn_model *m = random_model(&(drn_config){4, 8, 1, true, false, 0, DRN_SKIP_BICUBIC});
    drn_image *in = made(40, 30, 4, DRN_U8), *opaque, *rgb, *plain, *out[2];
    uint8_t *p = in->data;
    for (int i = 0; i < 40 * 30; i++)
        p[4 * i + 3] = 255;
    CHECK_OK(drn_upscale(&opaque, in, m, NULL, &err), err);
    CHECK_OK(drn_image_new(&rgb, 40, 30, 3, DRN_U8, &err), err);
    for (int i = 0; i < 40 * 30; i++)
        memcpy((uint8_t *)rgb->data + 3 * i, p + 4 * i, 3);
    CHECK_OK(drn_upscale(&plain, rgb, m, NULL, &err), err);
    for (int i = 0; i < 160 * 120; i++) {
        CHECK_INT(((uint8_t *)opaque->data)[4 * i + 3], 255);
        for (int b = 0; b < 3; b++)
            CHECK_NEAR(((uint8_t *)opaque->data)[4 * i + b], ((uint8_t *)plain->data)[3 * i + b],
                       1);
    }
    for (int t = 0; t < 2; t++) { /* the right half is clear, with different colours under it */
        for (int i = 0; i < 40 * 30; i++)
            if (i % 40 >= 20) {
                memset(p + 4 * i, t ? 255 : i % 251, 3);
                p[4 * i + 3] = 0;
            }
        CHECK_OK(drn_upscale(&out[t], in, m, &(drn_upscale_options){.alpha = (drn_alpha)t}, &err),
                 err);
    }
    for (int i = 0; i < 160 * 120; i++) {
        const uint8_t *a = (uint8_t *)out[0]->data + 4 * i, *b = (uint8_t *)out[1]->data + 4 * i;
        CHECK(memcmp(a, b, 3) == 0);
        if (i % 160 < 76 || i % 160 >= 84)
            CHECK(a[3] == (i % 160 < 76 ? 255 : 0) && a[3] == b[3]);
    }
    drn_image_free(in);
    drn_image_free(opaque);
    drn_image_free(rgb);
    drn_image_free(plain);
    drn_image_free(out[0]);
    drn_image_free(out[1]);
    drn_model_free(m);
}

TEST(linear, "stripes of black and white shrink to half the light, or to half the value")
{
    drn_error err = {0};
    drn_model *m = bicubic_model(2);
    drn_image *in, *out;
    CHECK_OK(drn_image_new(&in, 64, 64, 3, DRN_F32, &err), err);
    for (int i = 0; i < 64 * 64 * 3; i++)
        ((float *)in->data)[i] = (float)(i / 3 % 2);
    for (int linear = 0; linear <= 1; linear++) {
        CHECK_OK(drn_upscale(&out, in, m, &(drn_upscale_options){.factor = 0.25, .linear = linear},
                             &err),
                 err);
        /* half the light is 1.055 * 0.5^(1/2.4) - 0.055 in sRGB */
        for (int i = 3 * 16 * 8 + 12; i < 3 * 16 * 8 + 36; i++)
            CHECK_NEAR(((float *)out->data)[i], linear ? 0.735357 : 0.5, 0.01);
        drn_image_free(out);
    }
    drn_image_free(in);
    drn_model_free(m);
}

/* ---- self-ensemble ---- */

static drn_image *mirrored(const drn_image *in)
{
    drn_error err = {0};
    drn_image *out;
    CHECK_OK(drn_image_new(&out, in->width, in->height, in->bands, DRN_F32, &err), err);
    for (int y = 0; y < in->height; y++)
        for (int x = 0; x < in->width; x++)
            memcpy((float *)out->data + 3 * (y * in->width + in->width - 1 - x),
                   (float *)in->data + 3 * (y * in->width + x), 3 * sizeof(float));
    return out;
}

TEST(ensemble,
     "the self-ensemble of a mirrored picture is the mirrored ensemble, the network's is not")
{
    drn_error err = {0};
    drn_model *m = random_model(&(drn_config){4, 8, 1, true, false, 0, DRN_SKIP_BICUBIC});
    drn_image *in = made(21, 13, 3, DRN_F32), *turned = mirrored(in);
    for (int ensemble = 0; ensemble <= 1; ensemble++) {
        drn_image *a, *b;
        drn_upscale_options o = {.ensemble = ensemble};
        CHECK_OK(drn_upscale(&a, in, m, &o, &err), err);
        CHECK_OK(drn_upscale(&b, turned, m, &o, &err), err);
        drn_image *c = mirrored(b);
        double d = largest_difference(a, c);
        CHECK(ensemble ? d < 1e-4 : d > 1e-2);
        drn_image_free(a);
        drn_image_free(b);
        drn_image_free(c);
    }
    drn_image_free(in);
    drn_image_free(turned);
    drn_model_free(m);
}

typedef struct watch {
    double last;
    int calls;
    bool ordered;
} watch;

static bool watching(void *ctx, double done)
{
    watch *w = ctx;
    w->ordered = w->ordered && done >= w->last && done <= 1;
    w->last = done;
    w->calls++;
    return w->calls < 1000000;
}

TEST(progress, "progress never goes back and ends at 1, through passes, ensemble and alpha")
{
    drn_error err = {0};
    drn_model *m = bicubic_model(2);
    drn_image *in = made(31, 29, 4, DRN_U8), *out;
    watch w = {0, 0, true};
    drn_upscale_options o = {
        .factor = 6, .ensemble = true, .tile = 16, .progress = watching, .progress_ctx = &w};
    CHECK_OK(drn_upscale(&out, in, m, &o, &err), err);
    CHECK(w.ordered && w.last == 1 && w.calls > 100);
    drn_image_free(in);
    drn_image_free(out);
    drn_model_free(m);
}
