/* The losses: values against formulas written once more from the paper's equations, gradients
 * against central differences, and what must hold for any loss. */
#include "base/mem.h"
#include "base/pool.h"
#include "graph/graph.h"
#include "harness.h"
#include "loss/loss.h"

#include <stdlib.h>

/* ---- independent formulas: whole pictures, one equation after the other ---- */

enum { MAX_PLANE = 64 * 64 };

typedef struct picture {
    int c, h, w;
    double v[4][MAX_PLANE];
} picture;

/* [1, 0, -1] along an axis as a valid convolution, then a border of zeros one pixel wide. */
static void directional(picture *out, const picture *in, int dy, int dx)
{
    out->c = in->c;
    out->h = in->h;
    out->w = in->w;
    for (int c = 0; c < in->c; c++)
        for (int y = 0; y < in->h; y++)
            for (int x = 0; x < in->w; x++) {
                bool border = y == 0 || x == 0 || y == in->h - 1 || x == in->w - 1;
                int at = y * in->w + x, step = dy * in->w + dx;
                out->v[c][at] = border ? 0 : in->v[c][at - step] - in->v[c][at + step];
            }
}

static void times(picture *out, const picture *a, const picture *m, bool complement)
{
    out->c = a->c;
    out->h = a->h;
    out->w = a->w;
    for (int c = 0; c < a->c; c++)
        for (int i = 0; i < a->h * a->w; i++)
            out->v[c][i] = a->v[c][i] * (complement ? 1 - m->v[c][i] : m->v[c][i]);
}

static double pixel_part(const picture *a, const picture *b, drn_loss_kind kind, double eps)
{
    double sum = 0;
    for (int c = 0; c < a->c; c++)
        for (int i = 0; i < a->h * a->w; i++) {
            double d = b->v[c][i] - a->v[c][i];
            sum += kind == DRN_LOSS_MSE           ? d * d
                   : kind == DRN_LOSS_CHARBONNIER ? sqrt(d * d + eps * eps)
                                                  : fabs(d);
        }
    return sum;
}

/* Eq. 2. */
static double gradient_part(const picture *a, const picture *b)
{
    static picture ga, gb;
    double sum = 0;
    for (int axis = 0; axis < 2; axis++) {
        directional(&ga, a, axis, !axis);
        directional(&gb, b, axis, !axis);
        sum += pixel_part(&ga, &gb, DRN_LOSS_MAE, 0);
    }
    return sum;
}

/* Eq. 4, with the published epsilons 1e-4 and 1e-5 for 0..255 brought to 0..1. */
static void mask_of(picture *m, const picture *t)
{
    static picture gx, gy;
    double lo = HUGE_VAL, hi = -HUGE_VAL;
    directional(&gx, t, 0, 1);
    directional(&gy, t, 1, 0);
    *m = gx;
    for (int c = 0; c < t->c; c++)
        for (int i = 0; i < t->h * t->w; i++) {
            double g = sqrt(pow(gx.v[c][i], 2) + pow(gy.v[c][i], 2) + 1e-4 / 255 / 255);
            m->v[c][i] = g;
            lo = fmin(lo, g);
            hi = fmax(hi, g);
        }
    for (int c = 0; c < t->c; c++)
        for (int i = 0; i < t->h * t->w; i++)
            m->v[c][i] = (m->v[c][i] - lo) / (hi - lo + 1e-5 / 255);
}

static double naive(drn_loss_kind kind, const drn_attr *a, const picture *p, const picture *t)
{
    static picture m, mp, mt, rp, rt;
    switch (kind) {
    case DRN_LOSS_GRADIENT:
        return gradient_part(p, t);
    case DRN_LOSS_GRADIENT_PIXEL: /* Eq. 3 */
        return gradient_part(p, t) + a->alpha * pixel_part(p, t, (drn_loss_kind)a->pixel, a->eps);
    case DRN_LOSS_GS: /* Eq. 5 */
        mask_of(&m, t);
        times(&mp, p, &m, false);
        times(&mt, t, &m, false);
        times(&rp, p, &m, true);
        times(&rt, t, &m, true);
        return gradient_part(&mp, &mt) + a->alpha * pixel_part(&rp, &rt, DRN_LOSS_MAE, 0);
    default:
        return pixel_part(p, t, kind, a->eps);
    }
}

/* ---- one loss with its data ---- */

typedef struct variant {
    const char *name;
    drn_loss_kind kind;
    drn_attr attr;
} variant;

static const variant variants[] = {
    {"mse", DRN_LOSS_MSE, {0}},
    {"mae", DRN_LOSS_MAE, {0}},
    {"charbonnier", DRN_LOSS_CHARBONNIER, {.eps = 1e-3}},
    {"charbonnier, eps 0", DRN_LOSS_CHARBONNIER, {0}},
    {"gradient", DRN_LOSS_GRADIENT, {0}},
    {"gradient + mae", DRN_LOSS_GRADIENT_PIXEL, {.alpha = 0.5, .pixel = DRN_LOSS_MAE}},
    {"gradient + mse", DRN_LOSS_GRADIENT_PIXEL, {.alpha = 3, .pixel = DRN_LOSS_MSE}},
    {"gradient + charbonnier",
     DRN_LOSS_GRADIENT_PIXEL,
     {.alpha = 1.5, .eps = 0.02, .pixel = DRN_LOSS_CHARBONNIER}},
    {"gs", DRN_LOSS_GS, {.alpha = 2}},
    {"gs, lambda 0", DRN_LOSS_GS, {.alpha = 0}},
};
enum { GS = 8, VARIANTS = sizeof variants / sizeof *variants };

typedef struct setup {
    const char *name;
    drn_graph *g;
    drn_value p, t, loss;
    drn_shape s;
    drn_dtype type;
} setup;

static setup make(const variant *v, drn_shape s, drn_dtype type, bool sum, drn_pool *pool)
{
    setup u = {.name = v->name, .s = s, .type = type};
    drn_error err = {0};
    drn_attr a = v->attr;
    a.sum = sum;
    CHECK_OK(drn_graph_new(&u.g, type, &err), err);
    u.p = drn_graph_input(u.g, s, true);
    u.t = drn_graph_input(u.g, s, true);
    u.loss = drn_graph_apply(u.g, drn_loss_op(v->kind), &a, (drn_value[]){u.p, u.t}, 2);
    drn_plan_options plan = {.training = true, .loss = u.loss, .pool = pool};
    CHECK_OK(drn_graph_plan(u.g, &plan, &err), err);
    return u;
}

static double get(const setup *u, const void *data, size_t i)
{
    return u->type == DRN_FLOAT64 ? ((const double *)data)[i] : (double)((const float *)data)[i];
}

static void put(const setup *u, drn_value v, size_t i, double x)
{
    void *data = drn_graph_data(u->g, v);
    if (u->type == DRN_FLOAT64)
        ((double *)data)[i] = x;
    else
        ((float *)data)[i] = (float)x;
}

/* Random pictures in [0, 1], exact in float; the second sample has a tenth of the contrast. */
static void fill(const setup *u, uint64_t seed)
{
    drn_rng rng;
    drn_rng_seed(&rng, seed, 0);
    size_t n = drn_elements(u->s), sample = n / (size_t)u->s.n;
    for (size_t i = 0; i < n; i++) {
        double contrast = i / sample == 1 ? 0.1 : 1;
        double t = contrast * drn_rng_uniform(&rng),
               p = t + 0.2 * contrast * (drn_rng_uniform(&rng) - 0.5);
        put(u, u->t, i, (double)(float)t);
        put(u, u->p, i, (double)(float)p);
    }
}

static void fill_flat(const setup *u, double target)
{
    for (size_t i = 0; i < drn_elements(u->s); i++) {
        put(u, u->t, i, target);
        put(u, u->p, i, target + 0.01 * (double)(i % 7));
    }
}

static double value(const setup *u)
{
    drn_graph_forward(u->g);
    return get(u, drn_graph_data(u->g, u->loss), 0);
}

/* A copy, as the next forward pass uses the gradient's memory. */
static double *gradient(const setup *u, drn_value v)
{
    size_t n = drn_elements(u->s);
    double *d = drn_alloc(n * sizeof *d);
    CHECK(d);
    drn_graph_forward(u->g);
    drn_graph_backward(u->g);
    for (size_t i = 0; i < n; i++)
        d[i] = get(u, drn_graph_grad(u->g, v), i);
    return d;
}

/* Sum over the samples of the naive formula. */
static double naive_total(const variant *v, const setup *u)
{
    static picture p, t;
    double sum = 0;
    size_t plane = (size_t)u->s.h * (size_t)u->s.w, at = 0;
    CHECK(u->s.c <= 4 && plane <= MAX_PLANE);
    p = t = (picture){.c = u->s.c, .h = u->s.h, .w = u->s.w};
    for (int n = 0; n < u->s.n; n++) {
        for (int c = 0; c < u->s.c; c++, at += plane)
            for (size_t i = 0; i < plane; i++) {
                p.v[c][i] = get(u, drn_graph_data(u->g, u->p), at + i);
                t.v[c][i] = get(u, drn_graph_data(u->g, u->t), at + i);
            }
        sum += naive(v->kind, &v->attr, &p, &t);
    }
    return sum;
}

static const drn_shape shapes[] = {
    {1, 3, 8, 9}, {2, 3, 7, 5}, {1, 1, 6, 6}, {3, 4, 3, 3}, {1, 3, 3, 12}, {1, 3, 40, 64},
    {1, 3, 1, 1}, {2, 3, 2, 2}, {1, 3, 1, 9}, {1, 3, 9, 1}, {1, 3, 2, 9},  {1, 3, 9, 2},
};
enum { SHAPES = sizeof shapes / sizeof *shapes };

TEST(values, "every loss has the value of its equation, as mean and as sum")
{
    for (int k = 0; k < VARIANTS; k++)
        for (int i = 0; i < SHAPES; i++)
            for (int sum = 0; sum < 2; sum++) {
                setup u = make(&variants[k], shapes[i], DRN_FLOAT64, sum, NULL);
                fill(&u, (uint64_t)(100 + i));
                double want = naive_total(&variants[k], &u), got = value(&u);
                want /= sum ? 1 : (double)drn_elements(shapes[i]);
                if (!(fabs(got - want) <= 1e-13 * (1 + fabs(want))))
                    test_fail(__FILE__, __LINE__, "%s, shape %d, sum %d: %.17g, expected %.17g",
                              u.name, i, sum, got, want);
                drn_graph_free(u.g);
            }
}

TEST(gradients,
     "gradients of every loss equal central differences; the target's is minus the prediction's")
{
    for (int k = 0; k < VARIANTS; k++)
        for (int i = 0; i < SHAPES; i++) {
            size_t n = drn_elements(shapes[i]);
            setup u = make(&variants[k], shapes[i], DRN_FLOAT64, true, NULL);
            fill(&u, (uint64_t)(200 + i));
            double *d = gradient(&u, u.p), *dt = gradient(&u, u.t), *p = drn_graph_data(u.g, u.p),
                   h = 1e-7;
            for (size_t j = 0; j < n; j++)
                CHECK(dt[j] == -d[j]);
            for (size_t j = 0; j < n; j += 1 + n / 200) {
                double keep = p[j], up;
                p[j] = keep + h;
                up = value(&u);
                p[j] = keep - h;
                double want = (up - value(&u)) / (2 * h);
                p[j] = keep;
                if (!(fabs(d[j] - want) <= 2e-6 * (1 + fabs(want))))
                    test_fail(__FILE__, __LINE__,
                              "%s, shape %d, element %zu: %.12g, expected %.12g", u.name, i, j,
                              d[j], want);
            }
            drn_free(d);
            drn_free(dt);
            drn_graph_free(u.g);
        }
}

/* Where the mask is 1 in Eq. 5, a target's own mask does not move the loss's gradient: only the
 * difference does.  Moving a target pixel moves the mask too, so the true derivative differs. */
TEST(constant_mask, "no gradient flows through the mask")
{
    setup u = make(&variants[GS], (drn_shape){1, 1, 5, 5}, DRN_FLOAT64, true, NULL);
    fill(&u, 3);
    double *dt = gradient(&u, u.t), *t = drn_graph_data(u.g, u.t), keep = t[12], h = 1e-7;
    t[12] = keep + h;
    double up = value(&u);
    t[12] = keep - h;
    double full = (up - value(&u)) / (2 * h);
    CHECK(fabs(full - dt[12]) > 1e-3);
    drn_free(dt);
    drn_graph_free(u.g);
}

TEST(same, "the sum and its gradient are the mean's times the number of positions")
{
    for (int k = 0; k < VARIANTS; k++) {
        drn_shape s = {2, 3, 9, 10};
        double n = (double)drn_elements(s);
        setup a = make(&variants[k], s, DRN_FLOAT64, false, NULL);
        setup b = make(&variants[k], s, DRN_FLOAT64, true, NULL);
        fill(&a, 9);
        fill(&b, 9);
        CHECK_NEAR(value(&a) * n, value(&b), 1e-12 * value(&b));
        double *da = gradient(&a, a.p), *db = gradient(&b, b.p);
        for (size_t i = 0; i < drn_elements(s); i++)
            CHECK_NEAR(da[i] * n, db[i], 1e-13);
        drn_free(da);
        drn_free(db);
        drn_graph_free(a.g);
        drn_graph_free(b.g);
    }
}

static void check_finite(const setup *u, const char *what)
{
    double v = value(u), *dp = gradient(u, u->p), *dt = gradient(u, u->t);
    bool ok = isfinite(v) && v >= 0;
    for (size_t i = 0; i < drn_elements(u->s); i++)
        ok = ok && isfinite(dp[i]) && isfinite(dt[i]);
    if (!ok)
        test_fail(__FILE__, __LINE__, "%s, %s: value %g or a gradient is not finite", u->name, what,
                  v);
    drn_free(dp);
    drn_free(dt);
}

TEST(always_finite,
     "flat, equal and tiny pictures give finite losses and gradients in float and double")
{
    for (int k = 0; k < VARIANTS; k++)
        for (int i = 0; i < SHAPES; i++)
            for (int type = DRN_FLOAT32; type <= DRN_FLOAT64; type++) {
                setup u = make(&variants[k], shapes[i], (drn_dtype)type, false, NULL);
                fill_flat(&u, 0.3);
                check_finite(&u, "flat");
                fill_flat(&u, 0);
                check_finite(&u, "black");
                for (size_t j = 0; j < drn_elements(u.s); j++)
                    put(&u, u.p, j, 0);
                check_finite(&u, "equal");
                fill(&u, 1);
                check_finite(&u, "random");
                drn_graph_free(u.g);
            }
}

TEST(charbonnier_zero, "Charbonnier with epsilon 0 is MAE, also where the difference is 0")
{
    variant c = {"charbonnier, eps 0", DRN_LOSS_CHARBONNIER, {0}};
    setup u = make(&c, (drn_shape){1, 1, 1, 3}, DRN_FLOAT64, true, NULL);
    put(&u, u.p, 0, 0.5);
    put(&u, u.t, 1, 0.25);
    double *d = gradient(&u, u.p);
    CHECK_NEAR(value(&u), 0.75, 0);
    CHECK_NEAR(d[0], 1, 0);
    CHECK_NEAR(d[1], -1, 0);
    CHECK_NEAR(d[2], 0, 0);
    drn_free(d);
    drn_graph_free(u.g);
}

TEST(mask, "the mask is 0 on the border and on flat targets, and reaches almost 1 in every sample")
{
    drn_shape s = {2, 3, 6, 7};
    size_t plane = 42, n = 6 * plane;
    for (int type = DRN_FLOAT32; type <= DRN_FLOAT64; type++) {
        setup u = make(&variants[GS], s, (drn_dtype)type, false, NULL);
        void *m = drn_alloc(n * 8);
        double partial[18], most[2] = {0, 0};
        CHECK(m);
        fill(&u, 4);
        drn_loss_mask(m, drn_graph_data(u.g, u.t), partial, s, u.type, NULL);
        for (size_t i = 0; i < n; i++) {
            size_t y = i % plane / 7, x = i % 7;
            double v = get(&u, m, i);
            CHECK(v >= 0 && v <= 1);
            if (y == 0 || y == 5 || x == 0 || x == 6)
                CHECK(v == 0);
            most[i / (n / 2)] = fmax(most[i / (n / 2)], v);
        }
        CHECK(most[0] > 0.999 && most[1] > 0.999);
        fill_flat(&u, 0.3);
        drn_loss_mask(m, drn_graph_data(u.g, u.t), partial, s, u.type, NULL);
        for (size_t i = 0; i < n; i++)
            CHECK(get(&u, m, i) == 0);
        drn_free(m);
        drn_graph_free(u.g);
    }
}

/* Signs of differences near 0 may turn between float and double: the data keeps them apart. */
TEST(precision, "float agrees with double: values to 1e-5, gradients to 1e-5 of the largest")
{
    for (int k = 0; k < VARIANTS; k++) {
        drn_shape s = {2, 3, 24, 31};
        setup a = make(&variants[k], s, DRN_FLOAT32, false, NULL);
        setup b = make(&variants[k], s, DRN_FLOAT64, false, NULL);
        fill(&a, 5);
        fill(&b, 5);
        CHECK_NEAR(value(&a), value(&b), 1e-5 * value(&b));
        double *da = gradient(&a, a.p), *db = gradient(&b, b.p), most = 0;
        for (size_t i = 0; i < drn_elements(s); i++)
            most = fmax(most, fabs(db[i]));
        for (size_t i = 0; i < drn_elements(s); i++)
            CHECK_NEAR(da[i], db[i], 1e-5 * most);
        drn_free(da);
        drn_free(db);
        drn_graph_free(a.g);
        drn_graph_free(b.g);
    }
}

TEST(threads, "1, 2 and 7 threads give the same bits")
{
    static const int threads[] = {2, 7};
    for (int k = 0; k < VARIANTS; k++)
        for (int type = DRN_FLOAT32; type <= DRN_FLOAT64; type++)
            for (int i = 0; i < 2; i++) {
                drn_error err = {0};
                drn_pool *pool;
                drn_shape s = {3, 3, 17, 23};
                CHECK_OK(drn_pool_new(&pool, threads[i], &err), err);
                setup a = make(&variants[k], s, (drn_dtype)type, false, NULL);
                setup b = make(&variants[k], s, (drn_dtype)type, false, pool);
                fill(&a, 6);
                fill(&b, 6);
                CHECK(value(&a) == value(&b));
                double *da = gradient(&a, a.p), *db = gradient(&b, b.p);
                CHECK(memcmp(da, db, drn_elements(s) * sizeof *da) == 0);
                drn_free(da);
                drn_free(db);
                drn_graph_free(a.g);
                drn_graph_free(b.g);
                drn_pool_free(pool);
            }
}

TEST(errors, "pictures of different shapes and of 8 channels are refused with the numbers")
{
    static const struct {
        drn_shape p, t;
        const char *numbers;
    } bad[] = {{{1, 3, 4, 5}, {1, 3, 5, 4}, "1x3x4x5 and 1x3x5x4"},
               {{1, 8, 4, 5}, {1, 8, 4, 5}, "8 channels"}};
    for (int k = 0; k < VARIANTS; k++)
        for (int i = 0; i < 2; i++) {
            drn_error err = {0};
            drn_graph *g;
            CHECK_OK(drn_graph_new(&g, DRN_FLOAT32, &err), err);
            drn_value in[] = {drn_graph_input(g, bad[i].p, true),
                              drn_graph_input(g, bad[i].t, false)};
            drn_value l =
                drn_graph_apply(g, drn_loss_op(variants[k].kind), &variants[k].attr, in, 2);
            drn_plan_options plan = {.training = true, .loss = l};
            CHECK_INT(drn_graph_plan(g, &plan, &err), DRN_ERR_INVALID);
            CHECK(strstr(err.message, bad[i].numbers));
            drn_graph_free(g);
        }
}
