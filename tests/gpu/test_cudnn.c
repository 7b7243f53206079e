/* Convolutions by cuDNN on the emulated device, with a stand-in for the library: layouts, accumulation, what is
 * left for a second pass, and algorithms that are refused. */
#include "base/mem.h"
#include "device.h"
#include "harness.h"
#include "loss/loss.h"

#include <stdlib.h>

typedef struct setup {
    drn_params *p;
    drn_graph *g;
    drn_value x, y, loss;
} setup;

static drn_value conv(setup *s, drn_value x, const char *w, const char *b, int stride)
{
    return drn_graph_apply(s->g, &drn_op_conv2d, &(drn_attr){.stride = stride, .pad = 1},
                           (drn_value[]){x, drn_graph_param(s->g, s->p, w), drn_graph_param(s->g, s->p, b)}, 3);
}

/* y = D(relu(A x) ... + x) with a stride at the end: residuals, masks and accumulation. */
static setup make(drn_dtype type, drn_cuda *d)
{
    setup s = {0};
    drn_error err = {0};
    drn_rng rng;
    drn_rng_seed(&rng, 3, 0);
    CHECK_OK(drn_params_new(&s.p, type, &err), err);
    static const char *const names[] = {"a", "b", "c"};
    for (int i = 0; i < 3; i++) {
        char bias[4];
        snprintf(bias, sizeof bias, "%s0", names[i]);
        CHECK_OK(drn_params_add(s.p, names[i], (drn_shape){i == 2 ? 9 : 12, 12, 3, 3}, 0.1, 0, &err), err);
        CHECK_OK(drn_params_add(s.p, bias, (drn_shape){i == 2 ? 9 : 12, 1, 1, 1}, 0.3, 0, &err), err);
    }
    CHECK_OK(drn_params_add(s.p, "probe", (drn_shape){3, 9, 1, 1}, 0.5, 0, &err), err);
    CHECK_OK(drn_params_allocate(s.p, true, &err), err);
    drn_params_init(s.p, &rng);
    CHECK_OK(drn_graph_new(&s.g, type, &err), err);
    s.x = drn_graph_input(s.g, (drn_shape){2, 12, 9, 10}, true);
    drn_value h = drn_graph_apply(s.g, &drn_op_leaky_relu, &(drn_attr){.slope = 0.1}, (drn_value[]){conv(&s, s.x, "a", "a0", 1)}, 1);
    drn_value r = drn_graph_apply(s.g, &drn_op_add, NULL, (drn_value[]){conv(&s, h, "b", "b0", 1), s.x}, 2);
    s.y = conv(&s, r, "c", "c0", 2);
    drn_value image = drn_graph_apply(s.g, &drn_op_conv2d, &(drn_attr){.stride = 1},
                                      (drn_value[]){s.y, drn_graph_param(s.g, s.p, "probe")}, 2);
    drn_value zero = drn_graph_input(s.g, (drn_shape){2, 3, 5, 5}, false);
    s.loss = drn_graph_apply(s.g, drn_loss_op(DRN_LOSS_MSE), &(drn_attr){0}, (drn_value[]){image, zero}, 2);
    drn_plan_options o = {.training = true, .loss = s.loss, .backend = d ? &drn_cuda_backend : NULL, .device = d};
    CHECK_OK(drn_graph_plan(s.g, &o, &err), err);
    for (size_t i = 0, n = drn_elements((drn_shape){2, 12, 9, 10}); i < n; i++) {
        bool lane = i / 8 / 90 % 2 == 1 && i % 8 >= 4;
        float v = lane ? 0 : (float)drn_rng_normal(&rng);
        if (type == DRN_FLOAT64)
            ((double *)drn_graph_data(s.g, s.x))[i] = (double)v;
        else
            ((float *)drn_graph_data(s.g, s.x))[i] = v;
    }
    drn_graph_params_changed(s.g);
    drn_graph_forward(s.g);
    drn_params_zero_grad(s.p);
    drn_graph_backward(s.g);
    CHECK_OK(drn_graph_status(s.g, &err), err);
    return s;
}

static void check(drn_numbers numbers, const char *conv_kind, const char *tune, double bound)
{
    setenv("DRN_CUDNN", FAKE_CUDNN, 1);
    setenv("DRN_CUDA_CONV", conv_kind, 1);
    setenv("DRN_CUDA_TUNE", tune, 1);
    drn_cuda *d = open_device(numbers);
    drn_cuda_info info;
    drn_error err = {0};
    CHECK_OK(drn_cuda_get_info(&info, d, &err), err);
    CHECK_INT(info.cudnn, 91900);
    setup want = make(DRN_FLOAT64, NULL), got = make(DRN_FLOAT32, d);
    double g = relative_error(got.p->grad, want.p->grad, got.p->elements),
           x = relative_error(drn_graph_grad(got.g, got.x), drn_graph_grad(want.g, want.x), drn_elements((drn_shape){2, 12, 9, 10}));
    if (!(g <= bound && x <= bound))
        test_fail(__FILE__, __LINE__, "%s, tune %s: gradients of weights off by %g, of the input by %g", precision_name(numbers),
                  tune, g, x);
    drn_graph_free(want.g);
    drn_params_free(want.p);
    drn_graph_free(got.g);
    drn_params_free(got.p);
    drn_cuda_close(d);
    unsetenv("DRN_CUDNN");
    unsetenv("DRN_CUDA_CONV");
    setenv("DRN_CUDA_TUNE", "0", 1);
}

TEST(float32, "float32 convolutions by cuDNN are right")
{
    check(DRN_NUMBERS_FP32, "cudnn", "0", 1e-5);
    check(DRN_NUMBERS_TF32, "cudnn", "0", 1e-5);
    check(DRN_NUMBERS_FP32, "cudnn", "1", 1e-5);
}

TEST(bfloat16, "bfloat16 convolutions by cuDNN are right")
{
    check(DRN_NUMBERS_BF16, "cudnn", "0", 0.1);
    check(DRN_NUMBERS_BF16, "cudnn", "1", 0.1);
}

TEST(chosen, "cuDNN chosen by the clock among others finds its weights packed")
{
    check(DRN_NUMBERS_BF16, "auto", "1", 0.1); /* the stand-in is faster than any emulated kernel */
}
