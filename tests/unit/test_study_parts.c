/* What studies are made of: degradations, samples, losses on samples, lists of variants. */
#include "base/mem.h"
#include "data/dataset.h"
#include "drn/metrics.h"
#include "drn/upscale.h"
#include "pictures.h"
#include "random_model.h"
#include "study/degrade.h"
#include "study/eval.h"
#include "study/patches.h"
#include "study/variants.h"
#include "train/recipe.h"

#include <stdlib.h>

/* ---- degradations ---- */

static uint8_t at(const drn_image *im, int x, int y, int b)
{
    return ((const uint8_t *)im->data)[3 * (y * im->width + x) + b];
}

TEST(nearest, "nearest takes the pixel at scale/2 of every block")
{
    drn_error err = {0};
    drn_image *hr = noise(43, 38, 3, DRN_U8, 1), *lr;
    CHECK_OK(study_degrade(&lr, hr, 4, DRN_DEGRADE_NEAREST, 0, &err), err);
    CHECK_INT(lr->width, 10);
    CHECK_INT(lr->height, 9);
    for (int y = 0; y < 9; y++)
        for (int x = 0; x < 10; x++)
            for (int b = 0; b < 3; b++)
                CHECK_INT(at(lr, x, y, b), at(hr, 4 * x + 2, 4 * y + 2, b));
    drn_image_free(lr);
    drn_image_free(hr);
}

static int within(int v, int n)
{
    return v < 0 ? 0 : v >= n ? n - 1 : v;
}

/* The definition: a two-dimensional Gaussian around every pixel, edges repeated. */
static drn_image *naive_blur(const drn_image *in, double sigma)
{
    drn_error err = {0};
    drn_image *out;
    CHECK_OK(drn_image_new(&out, in->width, in->height, 3, DRN_U8, &err), err);
    int r = (int)ceil(4 * sigma);
    for (int y = 0; y < in->height; y++)
        for (int x = 0; x < in->width; x++)
            for (int b = 0; b < 3; b++) {
                double sum = 0, weight = 0;
                for (int v = -r; v <= r; v++)
                    for (int u = -r; u <= r; u++) {
                        double w = exp(-(u * u + v * v) / (2 * sigma * sigma));
                        weight += w;
                        sum += w * at(in, within(x + u, in->width), within(y + v, in->height), b);
                    }
                ((uint8_t *)out->data)[3 * (y * in->width + x) + b] =
                    (uint8_t)floor(sum / weight + 0.5);
            }
    return out;
}

TEST(blur, "blur is the Gaussian of the definition, then the protocol's shrinking")
{
    drn_error err = {0};
    drn_image *hr = noise(24, 20, 3, DRN_U8, 2), *lr, *expected;
    CHECK_OK(study_degrade(&lr, hr, 2, DRN_DEGRADE_BLUR, 1.3, &err), err);
    drn_image *soft = naive_blur(hr, 1.3);
    CHECK_OK(drn_protocol_lr(&expected, soft, 2, NULL, &err), err);
    CHECK_INT(lr->width, 12);
    for (int i = 0; i < 12 * 10 * 3; i++) /* a rounding of the blur may fall on the other side */
        CHECK_NEAR(((uint8_t *)lr->data)[i], ((uint8_t *)expected->data)[i], 1);
    drn_image_free(lr);
    CHECK_OK(study_degrade(&lr, hr, 2, DRN_DEGRADE_BLUR, 0.05, &err), err); /* next to none */
    drn_image_free(expected);
    CHECK_OK(drn_protocol_lr(&expected, hr, 2, NULL, &err), err);
    CHECK(memcmp(lr->data, expected->data, 12 * 10 * 3) == 0);
    CHECK_INT(study_degrade(&lr, hr, 2, DRN_DEGRADE_BLUR, 0, &err), DRN_ERR_INVALID);
    drn_image_free(lr);
    drn_image_free(expected);
    drn_image_free(soft);
    drn_image_free(hr);
}

/* ---- samples ---- */

enum { P = 8 };

static float lr_buffer[3 * P * P], hr_buffer[3 * 4 * P * 4 * P], half_buffer[3 * 2 * P * 2 * P];
static float *const targets[] = {half_buffer, hr_buffer, NULL};

static study_source open_source(const char *dir, drn_degrade_kind how, bool augment)
{
    study_source s;
    drn_error err = {0};
    const char *dirs[] = {dir};
    study_source_options o = {.dirs = dirs,
                              .dir_count = 1,
                              .scale = 4,
                              .patch = P,
                              .how = how,
                              .augment = augment,
                              .seed = 5};
    CHECK_OK(study_source_open(&s, &o, &err), err);
    s.o.dirs = NULL; /* not needed any more */
    return s;
}

/* Number of the four ways to sample a block (flips turn 2 into 1) that give all of the patch. */
static int agreements(void)
{
    int found = 0;
    for (int oy = 1; oy <= 2; oy++)
        for (int ox = 1; ox <= 2; ox++) {
            bool same = true;
            for (int c = 0; c < 3; c++)
                for (int y = 0; y < P; y++)
                    for (int x = 0; x < P; x++)
                        same &= lr_buffer[(c * P + y) * P + x] ==
                                hr_buffer[(c * 4 * P + 4 * y + oy) * 4 * P + 4 * x + ox];
            found += same;
        }
    return found;
}

TEST(aligned, "an LR patch and its original lie at the same place, flipped alike")
{
    drn_error err = {0};
    char dir[256];
    snprintf(dir, sizeof dir, "%s", fresh_dir());
    put_noise(dir, "a.png", 61, 70, 1);
    put_noise(dir, "b.png", 44, 50, 2);
    put_noise(dir, "tiny.png", 30, 90, 3); /* passed over: 7 LR pixels wide */
    for (int augment = 0; augment < 2; augment++) {
        study_source s = open_source(dir, DRN_DEGRADE_NEAREST, augment);
        for (uint64_t j = 0; j < 40; j++) {
            CHECK_OK(study_source_draw(&s, j, lr_buffer, targets, &err), err);
            CHECK_INT(agreements(), 1);
        }
        study_source_close(&s);
    }
}

TEST(repeatable, "sample j depends on the seed and j alone")
{
    drn_error err = {0};
    float first[3 * P * P];
    char dir[256];
    snprintf(dir, sizeof dir, "%s", fresh_dir());
    put_noise(dir, "a.png", 40, 40, 1);
    study_source s = open_source(dir, DRN_DEGRADE_NONE, true), t;
    CHECK_OK(study_source_draw(&s, 7, first, NULL, &err), err);
    CHECK_OK(study_source_draw(&s, 8, lr_buffer, NULL, &err), err);
    CHECK(memcmp(first, lr_buffer, sizeof first) != 0);
    t = open_source(dir, DRN_DEGRADE_NONE, true);
    CHECK_OK(study_source_draw(&t, 7, lr_buffer, NULL, &err), err);
    CHECK(memcmp(first, lr_buffer, sizeof first) == 0);
    study_source_close(&s);
    study_source_close(&t);
}

TEST(too_small, "a folder without a picture large enough is an error, not a loop")
{
    drn_error err = {0};
    char dir[256];
    snprintf(dir, sizeof dir, "%s", fresh_dir());
    put_noise(dir, "a.png", 31, 200, 1);
    study_source s = open_source(dir, DRN_DEGRADE_BICUBIC, false);
    CHECK_INT(study_source_draw(&s, 0, lr_buffer, targets, &err), DRN_ERR_INVALID);
    CHECK(strstr(err.message, "at least 8 pixels"));
    study_source_close(&s);
}

/* ---- losses of a model ---- */

/* y[ko][h/stride][w/stride] = conv of x[ki][h][w] with odd R x R, padding R/2, plus bias. */
static double *naive_conv(const drn_params *p, const char *name, const double *x, int h, int w,
                          int stride, bool relu)
{
    char full[64];
    snprintf(full, sizeof full, "%s.weight", name);
    const drn_param *q = drn_params_find(p, full);
    const float *k = drn_params_value(p, q);
    snprintf(full, sizeof full, "%s.bias", name);
    const float *bias = drn_params_value(p, drn_params_find(p, full));
    int K = q->shape.n, C = q->shape.c, R = q->shape.h, ho = h / stride, wo = w / stride;
    double *y = malloc((size_t)(K * ho * wo) * sizeof *y);
    for (int o = 0; o < K; o++)
        for (int i = 0; i < ho * wo; i++) {
            double sum = (double)bias[o];
            for (int t = 0; t < C * R * R; t++) {
                int c = t / (R * R), sy = i / wo * stride + t / R % R - R / 2,
                    sx = i % wo * stride + t % R - R / 2;
                if (sy >= 0 && sy < h && sx >= 0 && sx < w)
                    sum += (double)k[o * C * R * R + t] * x[(c * h + sy) * w + sx];
            }
            y[o * ho * wo + i] = relu && sum < 0 ? 0 : sum;
        }
    return y;
}

static double unit(double v)
{
    return v < 0 ? 0 : v > 1 ? 1 : v;
}

/* P(x) by the public enlarger (f32 pictures are neither rounded nor clamped). */
static double *enlarged(const drn_model *m, const float *x)
{
    drn_error err = {0};
    drn_image *in, *out;
    int n = 4 * P;
    double *y = malloc((size_t)(3 * n * n) * sizeof *y);
    CHECK_OK(drn_image_new(&in, P, P, 3, DRN_F32, &err), err);
    for (int i = 0; i < 3 * P * P; i++)
        ((float *)in->data)[i % (P * P) * 3 + i / (P * P)] = x[i];
    CHECK_OK(drn_upscale(&out, in, m, &(drn_upscale_options){.scale = 4}, &err), err);
    for (int i = 0; i < 3 * n * n; i++)
        y[i] = unit((double)((float *)out->data)[i % (n * n) * 3 + i / (n * n)]);
    drn_image_free(in);
    drn_image_free(out);
    return y;
}

static double *shrunk(const drn_model *m, const double *y)
{
    bool chain = m->config.progressive;
    double *v = malloc(sizeof(double) * 3 * 16 * P * P), *h;
    memcpy(v, y, sizeof(double) * 3 * 16 * P * P);
    for (int side = 4 * P, level = 2; side > P; level--) {
        int stride = chain ? 2 : 4;
        char name[32];
        snprintf(name, sizeof name, "dual%d.conv1", level);
        h = naive_conv(m->params, name, v, side, side, stride, true);
        free(v);
        side /= stride;
        snprintf(name, sizeof name, "dual%d.conv2", level);
        v = naive_conv(m->params, name, h, side, side, 1, false);
        free(h);
    }
    return v;
}

static double mae(const double *a, const float *b, int n)
{
    double sum = 0;
    for (int i = 0; i < n; i++)
        sum += fabs(unit(a[i]) - (double)b[i]);
    return sum / n;
}

TEST(losses, "l1 and l2 of a sample are those of the enlarger and of convolutions by definition")
{
    drn_error err = {0};
    drn_rng rng;
    drn_rng_seed(&rng, 4, 0);
    for (int i = 0; i < 3 * P * P; i++)
        lr_buffer[i] = (float)drn_rng_uniform(&rng);
    for (int i = 0; i < 3 * 16 * P * P; i++)
        hr_buffer[i] = (float)drn_rng_uniform(&rng);
    for (int progressive = 0; progressive < 2; progressive++) {
        drn_config c = {.scale = 4,
                        .channels = 9,
                        .modules = 1,
                        .progressive = progressive,
                        .dual = true,
                        .dual_channels = 5};
        drn_model *m = random_model(&c);
        study_loss loss = {.kind = DRN_LOSS_MAE};
        study_eval *e;
        double l1, l2;
        CHECK_OK(study_eval_new(&e, m->params, &c, &loss, P, NULL, &err), err);
        study_eval_run(&l1, &l2, e, lr_buffer, hr_buffer);
        double *y = enlarged(m, lr_buffer), *x = shrunk(m, y);
        CHECK_NEAR(l1, mae(y, hr_buffer, 3 * 16 * P * P), 1e-5);
        CHECK_NEAR(l2, mae(x, lr_buffer, 3 * P * P), 1e-5);
        study_eval_free(e);
        free(y);
        free(x);
        drn_model_free(m);
    }
}

/* A loss of two pictures, by the very op. */
static double loss_of(const study_loss *l, const float *a, const float *b, int side)
{
    drn_error err = {0};
    drn_graph *g;
    drn_shape s = {1, 3, side, side};
    size_t bytes = sizeof(float) * 3 * (size_t)(side * side);
    CHECK_OK(drn_graph_new(&g, DRN_FLOAT32, &err), err);
    drn_value in[] = {drn_graph_input(g, s, false), drn_graph_input(g, s, false)};
    drn_attr attr = {.alpha = l->lambda, .eps = l->charbonnier, .pixel = (int32_t)l->pixel};
    drn_value out = drn_graph_apply(g, drn_loss_op(l->kind), &attr, in, 2);
    drn_graph_output(g, out);
    CHECK_OK(drn_graph_plan(g, &(drn_plan_options){.loss = -1}, &err), err);
    memcpy(drn_graph_data(g, in[0]), a, bytes);
    memcpy(drn_graph_data(g, in[1]), b, bytes);
    drn_graph_forward(g);
    double v = (double)*(float *)drn_graph_data(g, out);
    drn_graph_free(g);
    return v;
}

TEST(largest,
     "no two pictures in [0,1] are further apart than the loss's bound, and stripes come near")
{
    static const char *const names[] = {"mse", "mae", "charbonnier", "gradient", "gradient_pixel",
                                        "gs"};
    enum { SIDE = 32 };
    static float a[3 * SIDE * SIDE], b[3 * SIDE * SIDE];
    drn_error err = {0};
    drn_rng rng;
    drn_rng_seed(&rng, 6, 0);
    for (int n = 0; n < 6; n++)
        for (int lambda = 0; lambda < 3; lambda++) {
            study_loss l;
            double most = 0;
            CHECK_OK(study_loss_parse(&l, names[n], 3.0 * lambda, &err), err);
            for (int t = 0; t < 60; t++) {
                int period = 2 + t % 3, kind = t % 5;
                for (int i = 0; i < 3 * SIDE * SIDE; i++) {
                    int x = i % SIDE / period, y = i / SIDE % SIDE / period;
                    a[i] = kind == 0   ? (float)(x % 2)
                           : kind == 1 ? (float)((x + y) % 2)
                           : kind == 2 ? 1
                                       : (float)drn_rng_below(&rng, 2);
                    b[i] = kind == 4 ? (float)drn_rng_below(&rng, 2) : kind == 2 ? 0 : 1 - a[i];
                }
                most = fmax(most, loss_of(&l, a, b, SIDE));
            }
            CHECK(most <= study_loss_bound(&l) * (1 + 1e-6));
            CHECK(most >= 0.25 * study_loss_bound(&l));
        }
    study_loss l;
    CHECK_INT(study_loss_parse(&l, "l3", 2, &err), DRN_ERR_INVALID);
    CHECK(strstr(err.message, "gradient_pixel"));
}

/* ---- variants ---- */

TEST(accepted, "every variant of every study is a valid recipe, and names are unique")
{
    drn_error err = {0};
    static const int expected[] = {4, 4, 6, 4, 13};
    for (int kind = DRN_STUDY_TABLE4; kind <= DRN_STUDY_DUAL; kind++) {
        study_plan *p = malloc(sizeof *p);
        drn_study_options o = {.kind = (drn_study_kind)kind};
        CHECK_OK(study_plan_make(p, &o, 1000, &err), err);
        CHECK_INT(p->variants, expected[kind]);
        for (int v = 0; v < p->variants; v++) {
            drn_recipe r;
            CHECK_OK(drn_recipe_load(&r, "study-x4", &err), err);
            for (int i = 0; i < p->variant[v].sets; i++)
                CHECK_OK(drn_recipe_set(&r, p->variant[v].set[i], &err), err);
            CHECK_OK(drn_recipe_check(&r, &err), err);
            for (int w = 0; w < v; w++)
                CHECK(strcmp(p->variant[v].name, p->variant[w].name) != 0);
        }
        free(p);
    }
}

TEST(table4, "Table 4's rows differ in dual and progressive alone, with the paper's numbers where "
             "it has any")
{
    drn_error err = {0};
    study_plan *p = malloc(sizeof *p);
    drn_study_options o = {.kind = DRN_STUDY_TABLE4};
    CHECK_OK(study_plan_make(p, &o, 10, &err), err);
    for (int v = 0; v < 4; v++) {
        drn_recipe r;
        drn_recipe_defaults(&r);
        for (int i = 0; i < p->variant[v].sets; i++)
            CHECK_OK(drn_recipe_set(&r, p->variant[v].set[i], &err), err);
        CHECK_INT(r.dual, v % 2);
        CHECK_INT(r.progressive, v / 2);
    }
    CHECK(isnan(p->variant[0].paper.set5));
    CHECK_NEAR(p->variant[2].paper.set5, 32.17, 0);
    CHECK_NEAR(p->variant[3].paper.set14, 28.58, 0);
    free(p);
}

TEST(sweeps, "lists of values make the variants they name; bad ones are refused with the word")
{
    drn_error err = {0};
    study_plan *p = malloc(sizeof *p);
    drn_study_options o = {
        .kind = DRN_STUDY_DUAL, .weights = "0.5", .targets = "lr", .starts = "0,.25"};
    CHECK_OK(study_plan_make(p, &o, 1000, &err), err);
    CHECK_INT(p->variants, 3);
    CHECK_STR(p->variant[2].set[3], "loss.dual_start=250");
    o.targets = "lr,hr";
    CHECK_INT(study_plan_make(p, &o, 1000, &err), DRN_ERR_INVALID);
    CHECK(strstr(err.message, "'hr'"));
    o = (drn_study_options){.kind = DRN_STUDY_LAMBDA, .values = "2,5"};
    CHECK_OK(study_plan_make(p, &o, 1000, &err), err);
    CHECK_INT(p->variants, 2);
    CHECK_NEAR(p->variant[1].paper.set5, 32.24, 0);
    static const char *const bad[] = {"2,,5", "x", "-1", "2,2", ",", "nan"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        o.values = bad[i];
        CHECK_INT(study_plan_make(p, &o, 1000, &err), DRN_ERR_INVALID);
    }
    const char *only[] = {"gs", "gradient-pixel"};
    o = (drn_study_options){.kind = DRN_STUDY_LOSS, .only = only, .onlys = 2};
    CHECK_OK(study_plan_make(p, &o, 1000, &err), err);
    CHECK_INT(p->variants, 2);
    only[0] = "l1";
    CHECK_INT(study_plan_make(p, &o, 1000, &err), DRN_ERR_INVALID);
    CHECK(strstr(err.message, "mse, mae, gradient, gs"));
    free(p);
}
