/* Every op of the graph on the device against the CPU's double oracle: outputs and all gradients, alone and in
 * the neighbourhoods that the device's planner fuses.  Bounds are on ||device - oracle|| / ||oracle||. */
#include "base/mem.h"
#include "device.h"
#include "harness.h"
#include "loss/loss.h"

typedef struct net {
    drn_dtype type;
    drn_params *p;
    drn_graph *g;
    drn_value input[16], loss;
    int inputs, params;
    bool declare; /* first round: only parameters are made known */
    bool kinks;   /* has an activation */
} net;

typedef drn_value (*build_fn)(net *t, const int *arg);

/* bfloat16 moves values across an activation's kink, so networks with one are further off. */
static const double bound[] = {[DRN_NUMBERS_BF16] = 2e-2, [DRN_NUMBERS_TF32] = 2e-3, [DRN_NUMBERS_FP32] = 2e-5};
enum { KINKS = 5 };

/* ---- building: run twice, first to declare parameters ---- */

static drn_value input(net *t, drn_shape s)
{
    return t->input[t->inputs++] = drn_graph_input(t->g, s, true);
}

static drn_value param(net *t, drn_shape s, double std, double value)
{
    char name[24];
    drn_error err = {0};
    snprintf(name, sizeof name, "p%d", t->params++);
    if (t->declare) {
        CHECK_OK(drn_params_add(t->p, name, s, std, value, &err), err);
        return -1;
    }
    return drn_graph_param(t->g, t->p, name);
}

static drn_value apply(net *t, const drn_op *op, drn_attr a, int n, const drn_value *in)
{
    return t->declare ? -1 : drn_graph_apply(t->g, op, &a, in, n);
}

#define APPLY(t, op, attr, ...)                                                                    \
    apply(t, op, attr, (int)(sizeof((drn_value[]){__VA_ARGS__}) / sizeof(drn_value)), (drn_value[]){__VA_ARGS__})

static drn_value conv(net *t, drn_value x, int k, int c, int r, int s, int stride, int pad)
{
    drn_value w = param(t, (drn_shape){k, c, r, s}, 1 / sqrt((double)c * r * s), 0);
    drn_value b = param(t, (drn_shape){k, 1, 1, 1}, 0.3, 0);
    return APPLY(t, &drn_op_conv2d, ((drn_attr){.stride = stride, .pad = pad}), x, w, b);
}

static drn_value conv3(net *t, drn_value x, int k, int c)
{
    return conv(t, x, k, c, 3, 3, 1, 1);
}

static drn_value relu(net *t, drn_value x)
{
    t->kinks = true;
    return APPLY(t, &drn_op_leaky_relu, ((drn_attr){.slope = 0.125}), x);
}

static drn_value add(net *t, drn_value a, drn_value b)
{
    return APPLY(t, &drn_op_add, ((drn_attr){0}), a, b);
}

/* A scalar that depends on every element of y: a 1x1 convolution to an image, then its mean square. */
static drn_value observe(net *t, drn_value y, drn_shape s)
{
    drn_value w = param(t, (drn_shape){3, s.c, 1, 1}, 1 / sqrt((double)s.c), 0), zero;
    y = APPLY(t, &drn_op_conv2d, ((drn_attr){.stride = 1}), y, w);
    zero = input(t, (drn_shape){s.n, 3, s.h, s.w});
    return APPLY(t, drn_loss_op(DRN_LOSS_MSE), ((drn_attr){0}), y, zero);
}

static void make(net *t, build_fn build, const int *arg, drn_dtype type)
{
    drn_error err = {0};
    drn_rng rng;
    *t = (net){.type = type, .declare = true};
    CHECK_OK(drn_graph_new(&t->g, type, &err), err);
    CHECK_OK(drn_params_new(&t->p, type, &err), err);
    build(t, arg);
    drn_graph_free(t->g);
    t->inputs = t->params = 0;
    t->declare = false;
    CHECK_OK(drn_graph_new(&t->g, type, &err), err);
    CHECK_OK(drn_params_allocate(t->p, true, &err), err);
    drn_rng_seed(&rng, 11, 0);
    drn_params_init(t->p, &rng);
    for (size_t i = 0; type == DRN_FLOAT64 && i < t->p->elements; i++)
        ((double *)t->p->value)[i] = (double)(float)((double *)t->p->value)[i];
    t->loss = build(t, arg);
}

static void plan(net *t, drn_cuda *device, bool training)
{
    drn_error err = {0};
    drn_plan_options o = {.training = training,
                          .loss = t->loss,
                          .backend = device ? &drn_cuda_backend : NULL,
                          .device = device};
    drn_graph_output(t->g, t->loss);
    CHECK_OK(drn_graph_plan(t->g, &o, &err), err);
    for (int k = 0; k < t->inputs; k++) {
        drn_rng rng;
        drn_shape s = drn_graph_shape(t->g, t->input[k]);
        drn_rng_seed(&rng, 12, (uint64_t)k);
        for (int32_t n = 0; n < s.n; n++)
            for (int32_t c = 0; c < s.c; c++)
                for (int32_t y = 0; y < s.h; y++)
                    for (int32_t x = 0; x < s.w; x++) {
                        float v = (float)drn_rng_normal(&rng);
                        size_t at = drn_at(s, n, c, y, x);
                        if (t->type == DRN_FLOAT64)
                            ((double *)drn_graph_data(t->g, t->input[k]))[at] = (double)v;
                        else
                            ((float *)drn_graph_data(t->g, t->input[k]))[at] = v;
                    }
    }
}

static void drop(net *t)
{
    drn_graph_free(t->g);
    drn_params_free(t->p);
}

static void run(net *t, bool training)
{
    drn_error err = {0};
    drn_graph_params_changed(t->g);
    drn_graph_forward(t->g);
    drn_params_zero_grad(t->p);
    if (training)
        drn_graph_backward(t->g);
    CHECK_OK(drn_graph_status(t->g, &err), err);
}

static void near(const char *name, drn_numbers p, const char *what, const void *got, const void *want, size_t n,
                 bool kinks)
{
    double e = relative_error(got, want, n), most = bound[p] * (kinks && p == DRN_NUMBERS_BF16 ? KINKS : 1);
    if (!(e <= most))
        test_fail(__FILE__, __LINE__, "%s in %s: %s is off by %g (bound %g)", name, precision_name(p), what, e, most);
}

static void compare(const char *name, drn_numbers p, net *got, net *want, bool training)
{
    char what[64];
    near(name, p, "loss", drn_graph_data(got->g, got->loss), drn_graph_data(want->g, want->loss), 1, got->kinks);
    for (int k = 0; training && k < got->inputs; k++) {
        snprintf(what, sizeof what, "gradient of input %d", k);
        near(name, p, what, drn_graph_grad(got->g, got->input[k]), drn_graph_grad(want->g, want->input[k]),
             drn_elements(drn_graph_shape(got->g, got->input[k])), got->kinks);
    }
    for (size_t i = 0; training && i < got->p->count; i++) {
        snprintf(what, sizeof what, "gradient of %.40s", got->p->list[i].name);
        near(name, p, what, drn_params_grad(got->p, &got->p->list[i]), drn_params_grad(want->p, &want->p->list[i]),
             got->p->list[i].count, got->kinks);
    }
}

/* Training and inference, in bf16 and fp32. */
static void check(const char *name, build_fn build, const int *arg)
{
    static const drn_numbers modes[] = {DRN_NUMBERS_FP32, DRN_NUMBERS_BF16};
    for (int training = 1; training >= 0; training--) {
        net want;
        make(&want, build, arg, DRN_FLOAT64);
        plan(&want, NULL, training);
        run(&want, training);
        for (int m = 0; m < 2; m++) {
            net got;
            drn_cuda *d = open_device(modes[m]);
            make(&got, build, arg, DRN_FLOAT32);
            plan(&got, d, training);
            run(&got, training);
            compare(name, modes[m], &got, &want, training);
            drop(&got);
            drn_cuda_close(d);
        }
        drop(&want);
    }
}

/* ---- convolutions ---- */

/* arg: n c h w k r s stride pad */
static drn_value build_conv(net *t, const int *a)
{
    drn_value y = conv(t, input(t, (drn_shape){a[0], a[1], a[2], a[3]}), a[4], a[1], a[5], a[6], a[7], a[8]);
    drn_shape s = {a[0], a[4], (a[2] + 2 * a[8] - a[5]) / a[7] + 1, (a[3] + 2 * a[8] - a[6]) / a[7] + 1};
    return observe(t, y, s);
}

TEST(conv2d, "conv2d of any geometry: strides, pads, kernels, images and features")
{
    static const int cases[][9] = {
        {2, 3, 9, 7, 16, 3, 3, 1, 1},   {1, 16, 9, 18, 3, 3, 3, 1, 1}, {1, 8, 5, 5, 8, 3, 3, 1, 1},
        {1, 24, 17, 19, 40, 3, 3, 1, 1}, {1, 3, 12, 10, 9, 3, 3, 2, 1}, {1, 3, 12, 13, 11, 5, 5, 4, 2},
        {1, 12, 6, 7, 20, 1, 1, 1, 0},  {1, 9, 8, 8, 5, 5, 3, 1, 2},    {2, 5, 6, 6, 7, 3, 3, 1, 1},
        {1, 10, 1, 1, 10, 3, 3, 1, 1},  {1, 16, 8, 8, 16, 3, 3, 1, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char name[80];
        const int *a = cases[i];
        snprintf(name, sizeof name, "conv2d %dx%dx%dx%d -> %d, %dx%d, stride %d, pad %d", a[0], a[1], a[2], a[3], a[4],
                 a[5], a[6], a[7], a[8]);
        check(name, build_conv, a);
    }
}

TEST(conv2d_tensor_cores, "3x3 convolutions of every tile of the tensor-core kernels")
{
    static const int channels[] = {3, 8, 13, 16, 32, 48, 64, 72};
    for (int i = 0; i < 8; i++)
        for (int k = 0; k < 8; k++) {
            int a[9] = {1, channels[i], 18, 17, channels[k], 3, 3, 1, 1};
            char name[80];
            if ((i * 3 + k) % 4 && channels[i] != 64 && channels[k] != 64)
                continue; /* a sample of the rest */
            snprintf(name, sizeof name, "3x3 conv %d -> %d channels", a[1], a[4]);
            check(name, build_conv, a);
        }
    static const int large[9] = {1, 64, 33, 40, 64, 3, 3, 1, 1}; /* more tiles than blocks */
    check("3x3 conv 64 -> 64 of many tiles", build_conv, large);
}

static drn_value build_transpose(net *t, const int *a)
{
    drn_value x = input(t, (drn_shape){a[0], a[1], a[2], a[3]});
    drn_value w = param(t, (drn_shape){a[1], a[4], a[5], a[5]}, 0.2, 0), b = param(t, (drn_shape){a[4], 1, 1, 1}, 0.3, 0);
    drn_value y = APPLY(t, &drn_op_conv_transpose2d, ((drn_attr){.stride = a[6], .pad = a[7]}), x, w, b);
    drn_shape s = {a[0], a[4], (a[2] - 1) * a[6] - 2 * a[7] + a[5], (a[3] - 1) * a[6] - 2 * a[7] + a[5]};
    return observe(t, y, s);
}

TEST(conv_transpose2d, "conv_transpose2d")
{
    static const int cases[][8] = {{2, 9, 4, 3, 3, 4, 2, 1}, {1, 8, 3, 4, 16, 3, 2, 1}, {1, 3, 5, 5, 12, 9, 3, 4}};
    for (size_t i = 0; i < 3; i++)
        check("conv_transpose2d", build_transpose, cases[i]);
}

/* ---- what the planner fuses ---- */

/* A residual module as in the network: conv, ReLU, conv, + x; twice, so that gradients are passed on. */
static drn_value build_modules(net *t, const int *a)
{
    int c = a[0];
    drn_value x = conv3(t, input(t, (drn_shape){1, 3, 10, 18}), c, 3);
    for (int m = 0; m < 2; m++)
        x = add(t, conv3(t, relu(t, conv3(t, x, c, c)), c, c), x);
    return observe(t, x, (drn_shape){1, c, 10, 18});
}

TEST(modules, "residual modules: passed gradients and masks")
{
    static const int channels[] = {8, 16, 24, 64};
    for (int i = 0; i < 4; i++)
        check("residual modules", build_modules, &channels[i]);
}

/* The activation's output is used twice: the mask may be applied only once both gradients are there. */
static drn_value build_fork(net *t, const int *a)
{
    int c = a[0];
    drn_value h = relu(t, conv3(t, input(t, (drn_shape){1, c, 9, 9}), c, c));
    drn_value u = conv3(t, h, c, c), v = conv(t, h, c, c, 1, 1, 1, 0);
    drn_value y = a[1] ? add(t, conv3(t, h, c, c), h) : add(t, u, v);
    return observe(t, a[2] ? add(t, y, relu(t, y)) : y, (drn_shape){1, c, 9, 9});
}

TEST(forks, "values used several times around fused activations and residuals")
{
    for (int i = 0; i < 8; i++) {
        int a[3] = {16, i & 1, i >> 1 & 1};
        a[0] = i & 4 ? 24 : 16;
        check("fork", build_fork, a);
    }
}

static drn_value build_up(net *t, const int *a)
{
    int c = a[0], f = a[1], side = 9;
    drn_value x = input(t, (drn_shape){2, c, side, side + 9});
    drn_value y = conv3(t, x, f * f * c, c);
    if (a[2])
        y = relu(t, y);
    y = APPLY(t, &drn_op_pixel_shuffle, ((drn_attr){.factor = f}), y);
    drn_value z = conv3(t, y, c, c);
    return observe(t, z, (drn_shape){2, c, f * side, f * (side + 9)});
}

TEST(up, "convolution and pixel shuffle: fused by factor 2, and not by others")
{
    static const int cases[][3] = {{8, 2, 0}, {16, 2, 0}, {24, 2, 0}, {64, 2, 0}, {12, 2, 0}, {3, 2, 0}, {8, 3, 0}, {16, 2, 1}, {4, 3, 1}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check("up", build_up, cases[i]);
}

/* ---- the other ops ---- */

static drn_value build_small(net *t, const int *a)
{
    int c = a[1];
    drn_shape s = {2, c, 6, 7};
    drn_value x = input(t, s), y = -1;
    switch (a[0]) {
    case 0:
        y = relu(t, x);
        break;
    case 1:
        y = APPLY(t, &drn_op_prelu, ((drn_attr){0}), x, param(t, (drn_shape){c, 1, 1, 1}, 0.3, 0));
        break;
    case 2:
        y = add(t, x, APPLY(t, &drn_op_scale, ((drn_attr){.alpha = -1.5}), x));
        break;
    case 3:
        y = APPLY(t, &drn_op_affine, ((drn_attr){.mul = {2, -1, 0.5, 3}, .shift = {0.5, 1, -2, 0.25}}), x);
        break;
    case 4:
        y = APPLY(t, &drn_op_batch_norm, ((drn_attr){.eps = 1e-3, .momentum = 0.1}), x, param(t, (drn_shape){c, 1, 1, 1}, 0, 1.5),
                  param(t, (drn_shape){c, 1, 1, 1}, 0.5, 0), param(t, (drn_shape){c, 1, 1, 1}, 0, 0.1),
                  param(t, (drn_shape){c, 1, 1, 1}, 0, 2));
        break;
    case 5:
        y = APPLY(t, &drn_op_concat, ((drn_attr){0}), x, input(t, (drn_shape){2, 5, 6, 7}), x);
        s.c = 2 * c + 5;
        break;
    case 6:
        y = APPLY(t, &drn_op_window, ((drn_attr){.y = -1, .x = 2, .h = 8, .w = 5}), x);
        s.h = 8;
        s.w = 5;
        break;
    case 7:
    case 8:
        y = APPLY(t, &drn_op_resize, ((drn_attr){.factor = a[0] == 7 ? 2 : -2}), x);
        s.h = a[0] == 7 ? 12 : 3;
        s.w = a[0] == 7 ? 14 : 4;
        break;
    default:
        y = add(t, x, APPLY(t, &drn_op_detach, ((drn_attr){0}), x));
    }
    return observe(t, y, s);
}

TEST(small, "activations, sums, affine, batch norm, concat, window, resize, detach")
{
    static const char *const names[] = {"leaky_relu", "prelu",  "add and scale", "affine",      "batch_norm",
                                        "concat",     "window", "resize by 2",   "resize by 1/2", "detach"};
    static const int channels[] = {3, 8, 11, 64};
    for (int op = 0; op < 10; op++)
        for (int i = 0; i < (op == 3 ? 1 : 4); i++)
            check(names[op], build_small, (int[]){op, channels[i]});
}

/* Straight losses of two images; in float32 in every mode. */
static drn_value build_loss(net *t, const int *a)
{
    drn_shape s = {3, 3, a[1], a[2]};
    drn_attr attr = {.alpha = 2, .eps = 1e-3, .pixel = a[3], .sum = a[0] % 2};
    return APPLY(t, drn_loss_op((drn_loss_kind)a[0]), attr, input(t, s), input(t, s));
}

TEST(losses, "every loss and its gradients by prediction and target")
{
    static const int sizes[][2] = {{9, 12}, {2, 5}, {1, 1}, {40, 33}};
    for (int kind = 0; kind <= DRN_LOSS_GS; kind++)
        for (int i = 0; i < 4; i++)
            check("loss", build_loss, (int[]){kind, sizes[i][0], sizes[i][1], kind % 3});
}
