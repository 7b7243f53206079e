/* Every op: forward against a naive formula, gradients against central differences (op_case.h), and
 * shape errors.  Channel counts stand on both sides of the blocks of 8. */
#include "base/mem.h"
#include "base/pool.h"
#include "harness.h"
#include "loss/loss.h"
#include "op_case.h"

#define OP(id) &drn_op_##id, naive_##id
#define SHAPES(...)                                                                                \
    (const drn_shape[])                                                                            \
    {                                                                                              \
        __VA_ARGS__                                                                                \
    }

/* The op on inputs of these shapes; bits of params, same and fixed as in op_case.h. */
static void check_marked(const drn_op *op, naive_fn naive, drn_attr attr, int inputs,
                         const drn_shape *in, unsigned params, unsigned same, unsigned fixed)
{
    char name[160];
    op_case t = {name, op, attr, naive, inputs, {{0}}, params, same, fixed};
    memcpy(t.in, in, (size_t)inputs * sizeof *in);
    snprintf(name, sizeof name,
             "%s of %d inputs, the first %dx%dx%dx%d, stride %d, pad %d, factor %d", op->name,
             inputs, in[0].n, in[0].c, in[0].h, in[0].w, attr.stride, attr.pad, attr.factor);
    op_case_check(&t);
}

static void check(const drn_op *op, naive_fn naive, drn_attr attr, int inputs, const drn_shape *in)
{
    check_marked(op, naive, attr, inputs, in, 0, 0, 0);
}

/* Inputs of n x c x h x w, k filters of r x s. */
typedef struct conv_row {
    int n, c, h, w, k, r, s, stride, pad;
} conv_row;

TEST(conv2d, "conv2d is right for strides, pads, kernels, with and without bias")
{
    static const conv_row rows[] = {
        {2, 3, 6, 7, 9, 3, 3, 1, 1},  {1, 9, 5, 6, 3, 3, 3, 1, 1},    {1, 8, 7, 5, 8, 3, 3, 1, 0},
        {1, 3, 8, 9, 5, 3, 3, 2, 1},  {2, 10, 7, 6, 9, 3, 3, 2, 1},   {1, 3, 9, 8, 8, 5, 5, 4, 2},
        {1, 4, 6, 5, 11, 1, 1, 1, 0}, {1, 9, 6, 6, 10, 1, 1, 3, 0},   {1, 5, 6, 7, 2, 5, 5, 1, 2},
        {1, 1, 9, 10, 1, 9, 9, 1, 4}, {1, 8, 6, 7, 9, 1, 3, 1, 1},    {1, 2, 5, 6, 3, 3, 2, 2, 3},
        {1, 9, 1, 1, 9, 3, 3, 1, 1},  {1, 16, 7, 13, 16, 3, 3, 1, 1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (int bias = 0; bias < 2; bias++) {
            conv_row g = rows[i];
            drn_shape in[] = {{g.n, g.c, g.h, g.w}, {g.k, g.c, g.r, g.s}, {g.k, 1, 1, 1}};
            drn_attr a = {.stride = g.stride, .pad = g.pad};
            check_marked(OP(conv2d), a, 2 + bias, in, 6, 0, 0);
        }
}

TEST(conv_transpose2d,
     "conv_transpose2d is right for strides, pads, kernels, with and without bias")
{
    static const conv_row rows[] = {
        {1, 3, 4, 5, 9, 3, 3, 1, 1}, {2, 9, 4, 3, 3, 4, 4, 2, 1},   {1, 8, 3, 4, 8, 3, 3, 2, 1},
        {1, 5, 3, 3, 4, 9, 9, 3, 4}, {1, 10, 4, 4, 11, 1, 1, 1, 0}, {1, 4, 5, 3, 2, 2, 3, 3, 0},
        {1, 9, 1, 1, 1, 5, 5, 4, 2}, {1, 8, 5, 6, 16, 3, 3, 1, 1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (int bias = 0; bias < 2; bias++) {
            conv_row g = rows[i];
            drn_shape in[] = {{g.n, g.c, g.h, g.w}, {g.c, g.k, g.r, g.s}, {g.k, 1, 1, 1}};
            drn_attr a = {.stride = g.stride, .pad = g.pad};
            check_marked(OP(conv_transpose2d), a, 2 + bias, in, 6, 0, 0);
        }
}

TEST(activations, "leaky_relu and prelu are right")
{
    check(OP(leaky_relu), (drn_attr){.slope = 0}, 1, SHAPES({2, 3, 4, 5}));
    check(OP(leaky_relu), (drn_attr){.slope = 0}, 1, SHAPES({1, 9, 4, 5}));
    check(OP(leaky_relu), (drn_attr){.slope = 0.1}, 1, SHAPES({2, 10, 3, 5}));
    check_marked(OP(prelu), (drn_attr){0}, 2, SHAPES({2, 5, 4, 3}, {5, 1, 1, 1}), 2, 0, 0);
    check_marked(OP(prelu), (drn_attr){0}, 2, SHAPES({2, 17, 3, 3}, {17, 1, 1, 1}), 2, 0, 0);
    check_marked(OP(prelu), (drn_attr){0}, 2, SHAPES({1, 8, 1, 1}, {8, 1, 1, 1}), 2, 0, 0);
}

TEST(sums, "add, scale and affine are right, also add(x, x)")
{
    check(OP(add), (drn_attr){0}, 2, SHAPES({2, 9, 3, 4}, {2, 9, 3, 4}));
    check(OP(add), (drn_attr){0}, 2, SHAPES({1, 3, 5, 4}, {1, 3, 5, 4}));
    check_marked(OP(add), (drn_attr){0}, 2, SHAPES({1, 12, 3, 4}, {1, 12, 3, 4}), 0, 2, 0);
    /* a learned summand, laid out like a picture */
    check_marked(OP(add), (drn_attr){0}, 2, SHAPES({1, 3, 5, 4}, {1, 3, 5, 4}), 2, 0, 0);
    check(OP(scale), (drn_attr){.alpha = -1.75}, 1, SHAPES({2, 11, 3, 4}));
    check(OP(scale), (drn_attr){.alpha = 0}, 1, SHAPES({1, 3, 2, 2}));
    drn_attr a = {.mul = {2, -0.5, 1, 4}, .shift = {-0.5, 0.25, 3, 1}};
    check(OP(affine), a, 1, SHAPES({2, 3, 4, 5}));
    check(OP(affine), a, 1, SHAPES({1, 4, 2, 3}));
    check(OP(affine), a, 1, SHAPES({2, 1, 1, 7}));
}

TEST(concat, "concat is right where channels cross the blocks of 8")
{
    drn_attr a = {0};
    check(OP(concat), a, 2, SHAPES({2, 3, 3, 4}, {2, 5, 3, 4}));
    check(OP(concat), a, 2, SHAPES({2, 8, 3, 4}, {2, 9, 3, 4}));
    check(OP(concat), a, 2, SHAPES({1, 3, 2, 5}, {1, 3, 2, 5}));
    check(OP(concat), a, 3, SHAPES({1, 9, 3, 3}, {1, 3, 3, 3}, {1, 12, 3, 3}));
    check(OP(concat), a, 4, SHAPES({1, 1, 2, 3}, {1, 2, 2, 3}, {1, 1, 2, 3}, {1, 5, 2, 3}));
    check(OP(concat), a, 1, SHAPES({1, 10, 2, 3}));
    check_marked(OP(concat), a, 2, SHAPES({1, 5, 2, 3}, {1, 5, 2, 3}), 0, 2, 0);
}

TEST(batch_norm, "batch_norm is right by batch statistics and by running ones")
{
    static const drn_shape x[] = {{2, 3, 4, 5}, {3, 9, 3, 4}, {1, 16, 2, 3}};
    for (int i = 0; i < 3; i++) {
        drn_shape v = {x[i].c, 1, 1, 1};
        drn_attr a = {.eps = i == 1 ? 1e-3 : 1e-5, .momentum = 0.1};
        check_marked(OP(batch_norm), a, 5, SHAPES(x[i], v, v, v, v), 0x1e, 0, 0x18);
    }
}

TEST(shuffle, "pixel_shuffle is right into less and more than 8 channels")
{
    static const struct {
        drn_shape s;
        int factor;
    } rows[] = {
        {{2, 12, 3, 4}, 2}, {{1, 4, 2, 3}, 2},  {{2, 36, 2, 3}, 2}, {{1, 32, 3, 2}, 2},
        {{1, 27, 2, 2}, 3}, {{1, 90, 1, 2}, 3}, {{1, 5, 2, 2}, 1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        check(OP(pixel_shuffle), (drn_attr){.factor = rows[i].factor}, 1, &rows[i].s);
}

TEST(resize, "resize is MATLAB's bicubic with a symmetric border")
{
    static const struct {
        drn_shape s;
        int factor;
    } rows[] = {
        {{2, 3, 5, 4}, 2}, {{1, 9, 4, 5}, 2},  {{1, 3, 1, 1}, 2},   {{1, 3, 3, 4}, 4},
        {{1, 1, 2, 3}, 8}, {{2, 3, 8, 6}, -2}, {{1, 10, 7, 9}, -2}, {{1, 3, 9, 13}, -4},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        check(OP(resize), (drn_attr){.factor = rows[i].factor}, 1, &rows[i].s);
}

TEST(window, "window pads, crops, and does both")
{
    check(OP(window), (drn_attr){.y = 1, .x = 2, .h = 7, .w = 9}, 1, SHAPES({2, 3, 4, 5}));
    check(OP(window), (drn_attr){.y = -1, .x = -2, .h = 3, .w = 2}, 1, SHAPES({2, 9, 5, 6}));
    check(OP(window), (drn_attr){.y = 2, .x = -1, .h = 8, .w = 3}, 1, SHAPES({1, 10, 4, 5}));
    check(OP(window), (drn_attr){.y = -2, .x = 1, .h = 4, .w = 5}, 1, SHAPES({1, 4, 4, 5}));
    /* beside the picture: all zero */
    check(OP(window), (drn_attr){.y = -9, .x = 0, .h = 4, .w = 5}, 1, SHAPES({1, 4, 4, 5}));
    check(OP(window), (drn_attr){.y = 0, .x = 9, .h = 4, .w = 5}, 1, SHAPES({1, 9, 4, 5}));
}

/* ---- what the cases do not reach ---- */

TEST(running, "batch_norm moves its running statistics as PyTorch does")
{
    drn_error err = {0};
    drn_params *p;
    drn_graph *g;
    CHECK_OK(drn_params_new(&p, DRN_FLOAT64, &err), err);
    const char *const names[] = {"gamma", "beta", "mean", "var"};
    for (int i = 0; i < 4; i++)
        CHECK_OK(drn_params_add(p, names[i], (drn_shape){2, 1, 1, 1}, 0, 0.5 + i, &err), err);
    CHECK_OK(drn_params_allocate(p, true, &err), err);
    drn_rng rng;
    drn_rng_seed(&rng, 1, 0);
    drn_params_init(p, &rng);
    CHECK_OK(drn_graph_new(&g, DRN_FLOAT64, &err), err);
    drn_value x = drn_graph_input(g, (drn_shape){2, 2, 1, 2}, true), in[5] = {x}, t;
    for (int i = 0; i < 4; i++)
        in[i + 1] = drn_graph_param(g, p, names[i]);
    drn_value y =
        drn_graph_apply(g, &drn_op_batch_norm, &(drn_attr){.eps = 1e-5, .momentum = 0.25}, in, 5);
    t = drn_graph_input(g, (drn_shape){2, 2, 1, 2}, false);
    drn_value l = drn_graph_apply(g, drn_loss_op(DRN_LOSS_MSE), NULL, (drn_value[]){y, t}, 2);
    CHECK_OK(drn_graph_plan(g, &(drn_plan_options){.training = true, .loss = l}, &err), err);
    /* channel 0 of both images: 1 2 3 6; channel 1: 0 0 4 4 */
    memcpy(drn_graph_data(g, x), (double[]){1, 2, 0, 0, 3, 6, 4, 4}, 8 * sizeof(double));
    drn_graph_forward(g);
    const double *mean = drn_params_value(p, drn_params_find(p, "mean"));
    const double *var = drn_params_value(p, drn_params_find(p, "var"));
    CHECK_NEAR(mean[0], 0.75 * 2.5 + 0.25 * 3, 1e-14);
    CHECK_NEAR(mean[1], 0.75 * 2.5 + 0.25 * 2, 1e-14);
    CHECK_NEAR(var[0], 0.75 * 3.5 + 0.25 * 14 / 3, 1e-14); /* unbiased: over 3 */
    CHECK_NEAR(var[1], 0.75 * 3.5 + 0.25 * 16 / 3, 1e-14);
    drn_graph_free(g);
    drn_params_free(p);
}

/* loss = |f(x) - t|^2 for a graph made by `build`; gradient of x against central differences. */
static void check_graph(const char *what, drn_shape s,
                        drn_value (*build)(drn_graph *g, drn_params *p, drn_value x))
{
    for (int no_fusion = 0; no_fusion < 2; no_fusion++) {
        drn_error err = {0};
        drn_params *p;
        drn_graph *g;
        drn_rng rng;
        drn_rng_seed(&rng, 6, 0);
        CHECK_OK(drn_params_new(&p, DRN_FLOAT64, &err), err);
        CHECK_OK(drn_params_add(p, "w", (drn_shape){s.c, s.c, 3, 3}, 0.3, 0, &err), err);
        CHECK_OK(drn_params_add(p, "b", (drn_shape){s.c, 1, 1, 1}, 0.3, 0, &err), err);
        CHECK_OK(drn_params_allocate(p, true, &err), err);
        drn_params_init(p, &rng);
        CHECK_OK(drn_graph_new(&g, DRN_FLOAT64, &err), err);
        drn_value x = drn_graph_input(g, s, true), y = build(g, p, x),
                  t = drn_graph_input(g, s, false);
        drn_attr sum = {.sum = true};
        drn_value l = drn_graph_apply(g, drn_loss_op(DRN_LOSS_MSE), &sum, (drn_value[]){y, t}, 2);
        drn_plan_options plan = {.training = true, .loss = l, .no_fusion = no_fusion};
        CHECK_OK(drn_graph_plan(g, &plan, &err), err);
        double *v = drn_graph_data(g, x), *loss = drn_graph_data(g, l), h = 1e-6;
        for (size_t i = 0; i < plain_count(s); i++)
            v[i] = drn_rng_normal(&rng);
        drn_graph_forward(g);
        drn_graph_backward(g);
        double d[64]; /* the next forward pass uses the gradient's memory */
        CHECK(plain_count(s) <= 64);
        memcpy(d, drn_graph_grad(g, x), plain_count(s) * sizeof *d);
        for (size_t i = 0; i < plain_count(s); i++) {
            double keep = v[i], want;
            v[i] = keep + h;
            drn_graph_forward(g);
            want = *loss;
            v[i] = keep - h;
            drn_graph_forward(g);
            want = (want - *loss) / (2 * h);
            v[i] = keep;
            if (!(fabs(d[i] - want) <= 1e-6 * (1 + fabs(want))))
                test_fail(__FILE__, __LINE__,
                          "%s, fusion %d: gradient %zu is %.12g, expected %.12g", what, !no_fusion,
                          i, d[i], want);
        }
        drn_graph_free(g);
        drn_params_free(p);
    }
}

static drn_value conv(drn_graph *g, drn_params *p, drn_value x)
{
    drn_value in[] = {x, drn_graph_param(g, p, "w"), drn_graph_param(g, p, "b")};
    return drn_graph_apply(g, &drn_op_conv2d, &(drn_attr){.stride = 1, .pad = 1}, in, 3);
}

static drn_value add2(drn_graph *g, drn_value a, drn_value b)
{
    return drn_graph_apply(g, &drn_op_add, NULL, (drn_value[]){a, b}, 2);
}

static drn_value leaky(drn_graph *g, drn_value x, double slope)
{
    return drn_graph_apply(g, &drn_op_leaky_relu, &(drn_attr){.slope = slope}, &x, 1);
}

static drn_value own_residual(drn_graph *g, drn_params *p, drn_value x)
{
    return add2(g, conv(g, p, x), x);
}

static drn_value residual_first(drn_graph *g, drn_params *p, drn_value x)
{
    return add2(g, x, conv(g, p, x));
}

static drn_value activated(drn_graph *g, drn_params *p, drn_value x)
{
    return add2(g, leaky(g, conv(g, p, x), 0.1), x);
}

static drn_value after_sum(drn_graph *g, drn_params *p, drn_value x)
{
    return leaky(g, add2(g, conv(g, p, leaky(g, conv(g, p, x), 0)), x), 0.2);
}

static drn_value both_sides(drn_graph *g, drn_params *p, drn_value x)
{
    return add2(g, conv(g, p, x), conv(g, p, x));
}

static drn_value doubled(drn_graph *g, drn_params *p, drn_value x)
{
    drn_value y = conv(g, p, x);
    return add2(g, y, y);
}

static drn_value shared(drn_graph *g, drn_params *p, drn_value x)
{
    drn_value h = leaky(g, conv(g, p, x), 0);
    return add2(g, add2(g, conv(g, p, h), h), add2(g, conv(g, p, h), x));
}

TEST(fused, "convolutions with absorbed activations and residuals have right gradients")
{
    drn_shape s = {1, 3, 4, 5};
    check_graph("conv(x) + x", s, own_residual);
    check_graph("x + conv(x)", s, residual_first);
    check_graph("leaky(conv(x)) + x", s, activated);
    check_graph("leaky(conv(relu(conv(x))) + x)", s, after_sum);
    check_graph("conv(x) + conv(x)", s, both_sides);
    check_graph("y + y, y = conv(x)", s, doubled);
    check_graph("shared hidden value", s, shared);
}

TEST(detach, "detach passes values and no gradient")
{
    drn_error err = {0};
    drn_graph *g;
    for (int direct = 0; direct < 2; direct++) {
        CHECK_OK(drn_graph_new(&g, DRN_FLOAT64, &err), err);
        drn_shape s = {1, 2, 1, 2};
        drn_value x = drn_graph_input(g, s, true), z = drn_graph_input(g, s, true);
        drn_value y = drn_graph_apply(g, &drn_op_detach, NULL, &x, 1);
        drn_graph_output(g, y);
        if (direct)
            y = add2(g, y, drn_graph_apply(g, &drn_op_scale, &(drn_attr){.alpha = 3}, &x, 1));
        drn_attr sum = {.sum = true};
        drn_value l = drn_graph_apply(g, drn_loss_op(DRN_LOSS_MSE), &sum, (drn_value[]){y, z}, 2);
        CHECK_OK(drn_graph_plan(g, &(drn_plan_options){.training = true, .loss = l}, &err), err);
        double *v = drn_graph_data(g, x), *u = drn_graph_data(g, z);
        for (int i = 0; i < 4; i++) {
            v[i] = i + 1;
            u[i] = -i;
        }
        drn_graph_forward(g);
        drn_graph_backward(g);
        const double *dx = drn_graph_grad(g, x), *dz = drn_graph_grad(g, z);
        for (int i = 0; i < 4; i++) {
            double distance = (direct ? 4 : 1) * v[i] - u[i];
            CHECK_NEAR(dz[i], -2 * distance, 1e-14);
            CHECK_NEAR(dx ? dx[i] : 0, direct ? 2 * 3 * distance : 0, 1e-14);
        }
        drn_graph_free(g);
    }
}

/* ---- shape errors ---- */

typedef struct bad_case {
    const drn_op *op;
    drn_attr attr;
    int inputs;
    drn_shape in[DRN_MAX_INPUTS];
    const char *numbers[2]; /* stand in the message */
} bad_case;

static const bad_case bad[] = {
    {&drn_op_conv2d, {.stride = 0, .pad = -3}, 2, {{1, 3, 8, 8}, {4, 3, 3, 3}}, {"0", "-3"}},
    {&drn_op_conv2d, {.stride = 1, .pad = -3}, 2, {{1, 3, 8, 8}, {4, 3, 3, 3}}, {"1", "-3"}},
    {&drn_op_conv2d, {.stride = 1}, 2, {{1, 3, 8, 8}, {4, 5, 3, 3}}, {"5", "3"}},
    {&drn_op_conv2d, {.stride = 1}, 3, {{1, 3, 8, 8}, {4, 3, 3, 3}, {6, 1, 1, 1}}, {"6", "4"}},
    {&drn_op_conv2d, {.stride = 1, .pad = 1}, 2, {{1, 3, 2, 9}, {4, 3, 5, 5}}, {"5x5", "2x9"}},
    {&drn_op_conv2d,
     {.stride = 1, .pad = INT32_MAX},
     2,
     {{1, 3, 8, 8}, {4, 3, 3, 3}},
     {"8x8", "2147483647"}},
    {&drn_op_conv_transpose2d,
     {.stride = 0, .pad = -4},
     2,
     {{1, 3, 8, 8}, {3, 4, 3, 3}},
     {"0", "-4"}},
    {&drn_op_conv_transpose2d, {.stride = 1}, 2, {{1, 3, 8, 8}, {5, 3, 3, 3}}, {"5", "3"}},
    {&drn_op_conv_transpose2d,
     {.stride = 1},
     3,
     {{1, 3, 8, 8}, {3, 4, 3, 3}, {6, 1, 1, 1}},
     {"6", "4"}},
    {&drn_op_conv_transpose2d,
     {.stride = 1, .pad = 7},
     2,
     {{1, 3, 2, 2}, {3, 4, 3, 3}},
     {"2x2", "7"}},
    {&drn_op_conv_transpose2d,
     {.stride = INT32_MAX},
     2,
     {{1, 3, 9, 7}, {3, 4, 3, 3}},
     {"9x7", "3x3"}},
    {&drn_op_leaky_relu, {.slope = -0.25}, 1, {{1, 3, 2, 2}}, {"-0.25", "["}},
    {&drn_op_leaky_relu, {.slope = (double)NAN}, 1, {{1, 3, 2, 2}}, {"nan", "["}},
    {&drn_op_prelu, {0}, 2, {{1, 3, 2, 2}, {7, 1, 1, 1}}, {"7", "3"}},
    {&drn_op_add, {0}, 2, {{1, 3, 2, 2}, {1, 3, 2, 5}}, {"1x3x2x2", "1x3x2x5"}},
    {&drn_op_affine, {0}, 1, {{1, 6, 2, 2}}, {"6", "4"}},
    {&drn_op_concat, {0}, 2, {{1, 3, 2, 2}, {1, 3, 4, 2}}, {"1x2x2", "1x4x2"}},
    {&drn_op_batch_norm,
     {.eps = 0},
     5,
     {{1, 3, 2, 2}, {3, 1, 1, 1}, {3, 1, 1, 1}, {3, 1, 1, 1}, {3, 1, 1, 1}},
     {"eps 0", ""}},
    {&drn_op_batch_norm,
     {.eps = 1},
     5,
     {{1, 3, 2, 2}, {3, 1, 1, 1}, {3, 1, 1, 1}, {3, 1, 1, 1}, {9, 1, 1, 1}},
     {"9", "3"}},
    {&drn_op_pixel_shuffle, {.factor = 2}, 1, {{1, 6, 2, 2}}, {"6", "2"}},
    {&drn_op_pixel_shuffle, {.factor = 0}, 1, {{1, 6, 2, 2}}, {"6", "0"}},
    {&drn_op_pixel_shuffle, {.factor = -2}, 1, {{1, 4, 2, 2}}, {"4", "-2"}},
    {&drn_op_resize, {.factor = 0}, 1, {{1, 3, 5, 4}}, {"5x4", "0"}},
    {&drn_op_resize, {.factor = 65}, 1, {{1, 3, 5, 4}}, {"5x4", "65"}},
    {&drn_op_resize, {.factor = INT32_MIN}, 1, {{1, 3, 5, 4}}, {"5x4", "-2147483648"}},
    {&drn_op_window, {.h = 0, .w = 4}, 1, {{1, 3, 5, 4}}, {"0x4", "0, 0"}},
    {&drn_op_window, {.h = 1, .w = 4, .y = INT32_MIN}, 1, {{1, 3, 5, 4}}, {"1x4", "-2147483648"}},
};

TEST(shape_errors, "wrong shapes and settings are DRN_ERR_INVALID with the numbers in the message")
{
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        const bad_case *b = &bad[i];
        drn_error err = {0};
        drn_graph *g;
        drn_value in[DRN_MAX_INPUTS];
        CHECK_OK(drn_graph_new(&g, DRN_FLOAT32, &err), err);
        for (int k = 0; k < b->inputs; k++)
            in[k] = drn_graph_input(g, b->in[k], false);
        drn_value y = drn_graph_apply(g, b->op, &b->attr, in, b->inputs);
        if (y != -1)
            test_fail(__FILE__, __LINE__, "%s, case %zu: accepted", b->op->name, i);
        drn_status st = drn_graph_plan(g, &(drn_plan_options){0}, &err);
        if (st != DRN_ERR_INVALID || err.code != DRN_ERR_INVALID ||
            !strstr(err.message, b->numbers[0]) || !strstr(err.message, b->numbers[1]))
            test_fail(__FILE__, __LINE__, "%s, case %zu: %s \"%s\"", b->op->name, i,
                      drn_status_name(st), err.message);
        drn_graph_free(g);
    }
}
