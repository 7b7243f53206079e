/* Whole networks on the device against the CPU: one step's loss and gradients against the double oracle,
 * inference against float, and the choices of convolutions against each other. */
#include "base/mem.h"
#include "device.h"
#include "harness.h"
#include "models/drn_net.h"

#include <stdlib.h>

typedef struct setup {
    drn_params *p;
    drn_graph *g;
    drn_net net;
    drn_value loss, primal;
} setup;

static void fill(drn_graph *g, drn_value v, drn_dtype type, drn_rng *rng)
{
    void *x = drn_graph_data(g, v);
    size_t n = drn_elements(drn_graph_shape(g, v));
    for (size_t i = 0; i < n; i++) {
        float u = (float)drn_rng_uniform(rng);
        if (type == DRN_FLOAT64)
            ((double *)x)[i] = (double)u;
        else
            ((float *)x)[i] = u;
    }
}

/* A training graph with loss, or (loss NULL) an inference graph. */
static setup make(const drn_config *c, const drn_loss_config *o, drn_dtype type, drn_cuda *d, int n, int h, int w)
{
    setup s = {.loss = -1};
    drn_error err = {0};
    drn_rng rng;
    int levels = drn_net_levels(c);
    drn_value target[3] = {-1, -1, -1};
    drn_rng_seed(&rng, 5, 0);
    CHECK_OK(drn_params_new(&s.p, type, &err), err);
    CHECK_OK(drn_net_declare(s.p, c, 0.5, &err), err);
    CHECK_OK(drn_params_allocate(s.p, true, &err), err);
    drn_params_init(s.p, &rng);
    for (size_t i = 0; type == DRN_FLOAT64 && i < s.p->elements; i++)
        ((double *)s.p->value)[i] = (double)(float)((double *)s.p->value)[i];
    CHECK_OK(drn_graph_new(&s.g, type, &err), err);
    drn_value lr = drn_graph_input(s.g, (drn_shape){n, 3, h, w}, false);
    for (int l = 0; o && l < levels; l++)
        target[l] = drn_graph_input(s.g, (drn_shape){n, 3, h << (l + 1), w << (l + 1)}, false);
    drn_net_build(&s.net, s.g, s.p, c, lr, levels - 1);
    if (o)
        s.loss = drn_net_loss(s.g, s.p, c, o, &s.net, target, &s.primal);
    drn_graph_output(s.g, s.net.image[levels - 1]);
    drn_plan_options plan = {.training = o != NULL, .loss = s.loss, .backend = d ? &drn_cuda_backend : NULL, .device = d};
    CHECK_OK(drn_graph_plan(s.g, &plan, &err), err);
    drn_rng_seed(&rng, 6, 0);
    fill(s.g, lr, type, &rng);
    for (int l = 0; o && l < levels; l++)
        fill(s.g, target[l], type, &rng);
    return s;
}

static void drop(setup *s)
{
    drn_graph_free(s->g);
    drn_params_free(s->p);
}

static void run(setup *s, bool training)
{
    drn_error err = {0};
    drn_graph_params_changed(s->g);
    drn_graph_forward(s->g);
    if (training) {
        drn_params_zero_grad(s->p);
        drn_graph_backward(s->g);
    }
    CHECK_OK(drn_graph_status(s->g, &err), err);
}

/* Gradients as one vector. */
static void check_step(const drn_config *c, const drn_loss_config *o, int size)
{
    static const drn_numbers modes[] = {DRN_NUMBERS_FP32, DRN_NUMBERS_BF16};
    static const double loss_bound[] = {1e-5, 1e-2}, grad_bound[] = {1e-4, 0.1};
    setup want = make(c, o, DRN_FLOAT64, NULL, 2, size, size + 3);
    run(&want, true);
    for (int m = 0; m < 2; m++) {
        drn_cuda *d = open_device(modes[m]);
        setup got = make(c, o, DRN_FLOAT32, d, 2, size, size + 3);
        run(&got, true);
        double e = relative_error(drn_graph_data(got.g, got.loss), drn_graph_data(want.g, want.loss), 1);
        double g = relative_error(got.p->grad, want.p->grad, got.p->elements);
        if (!(e <= loss_bound[m] && g <= grad_bound[m]))
            test_fail(__FILE__, __LINE__, "x%d, %d channels, loss %d in %s: loss off by %g, gradient by %g", c->scale,
                      c->channels, (int)o->kind, precision_name(modes[m]), e, g);
        drop(&got);
        drn_cuda_close(d);
    }
    drop(&want);
}

TEST(dual, "a step of progressive dual networks: loss and gradients against double")
{
    drn_config c = {4, 16, 2, true, true, 8, DRN_SKIP_BICUBIC};
    drn_loss_config o = {.kind = DRN_LOSS_GS, .dual_kind = DRN_LOSS_GS, .lambda = 2, .dual_weight = 0.1, .dual_true_lr = true,
                         .dual_detach = true};
    check_step(&c, &o, 9);
    o.dual_true_lr = o.dual_detach = false;
    o.dual_kind = DRN_LOSS_MAE;
    o.dual_weight = 1;
    check_step(&c, &o, 9);
    c = (drn_config){8, 8, 1, true, true, 5, DRN_SKIP_NONE};
    check_step(&c, &o, 5);
}

TEST(plain, "a step of networks without intermediate images, with every loss")
{
    drn_config c = {2, 24, 1, false, true, 16, DRN_SKIP_BICUBIC};
    for (int kind = 0; kind <= DRN_LOSS_GS; kind++) {
        drn_loss_config o = {.kind = (drn_loss_kind)kind, .dual_kind = DRN_LOSS_MSE, .lambda = 0.5, .charbonnier = 1e-3,
                             .dual_weight = 0.1, .pixel = DRN_LOSS_MSE, .sum = kind % 2};
        check_step(&c, &o, 8);
    }
    c = (drn_config){4, 12, 1, false, true, 8, DRN_SKIP_NONE};
    check_step(&c, &(drn_loss_config){.kind = DRN_LOSS_MAE, .dual_kind = DRN_LOSS_MAE, .dual_weight = 0.1}, 6);
}

TEST(full, "a step of the network's real width: 64 channels")
{
    drn_config c = {4, 64, 1, true, false, 64, DRN_SKIP_BICUBIC};
    check_step(&c, &(drn_loss_config){.kind = DRN_LOSS_MAE}, 10);
}

/* The picture: fp32 within 1/255 (and far closer), bf16 within 0.01 dB, that is an error of at most 4.8 % of the
 * network's own against the truth; here against 1/255 rms. */
TEST(inference, "inference gives the CPU's picture")
{
    static const drn_config nets[] = {{4, 64, 2, true, false, 64, DRN_SKIP_BICUBIC}, {8, 24, 1, true, false, 8, DRN_SKIP_BICUBIC},
                                      {2, 20, 1, false, false, 8, DRN_SKIP_NONE}, {4, 9, 1, true, false, 8, DRN_SKIP_BICUBIC}};
    static const drn_numbers modes[] = {DRN_NUMBERS_FP32, DRN_NUMBERS_BF16};
    for (int i = 0; i < 4; i++)
        for (int m = 0; m < 2; m++) {
            drn_cuda *d = open_device(modes[m]);
            setup want = make(&nets[i], NULL, DRN_FLOAT32, NULL, 1, 19, 22), got = make(&nets[i], NULL, DRN_FLOAT32, d, 1, 19, 22);
            int last = drn_net_levels(&nets[i]) - 1;
            run(&want, false);
            run(&got, false);
            const float *a = drn_graph_data(got.g, got.net.image[last]), *b = drn_graph_data(want.g, want.net.image[last]);
            size_t n = drn_elements(drn_graph_shape(got.g, got.net.image[last]));
            double sum = 0, most = 0;
            for (size_t k = 0; k < n; k++) {
                double e = (double)a[k] - (double)b[k];
                sum += e * e;
                most = fmax(most, fabs(e));
            }
            double rms = sqrt(sum / (double)n);
            if (!(m == 0 ? most < 1e-4 : rms < 0.05 && most < 0.5))
                test_fail(__FILE__, __LINE__, "net %d in %s: rms error %g, largest %g", i, precision_name(modes[m]), rms, most);
            drop(&want);
            drop(&got);
            drn_cuda_close(d);
        }
}

TEST(choices, "simple and tensor-core convolutions agree in bf16 up to the order of sums")
{
    drn_config c = {4, 32, 1, true, true, 8, DRN_SKIP_BICUBIC};
    drn_loss_config o = {.kind = DRN_LOSS_CHARBONNIER, .charbonnier = 0.1, .dual_kind = DRN_LOSS_MSE, .dual_weight = 1};
    setenv("DRN_CUDA_CONV", "simple", 1);
    drn_cuda *d = open_device(DRN_NUMBERS_BF16);
    setup simple = make(&c, &o, DRN_FLOAT32, d, 1, 12, 17);
    run(&simple, true);
    setenv("DRN_CUDA_CONV", "mma", 1);
    drn_cuda *e = open_device(DRN_NUMBERS_BF16);
    setup mma = make(&c, &o, DRN_FLOAT32, e, 1, 12, 17);
    run(&mma, true);
    unsetenv("DRN_CUDA_CONV");
    double *want = drn_alloc(simple.p->elements * sizeof *want);
    CHECK(want);
    for (size_t i = 0; i < simple.p->elements; i++)
        want[i] = (double)((float *)simple.p->grad)[i];
    double g = relative_error(mma.p->grad, want, simple.p->elements);
    drn_free(want);
    if (!(g < 0.02))
        test_fail(__FILE__, __LINE__, "gradients differ by %g", g);
    drop(&simple);
    drop(&mma);
    drn_cuda_close(d);
    drn_cuda_close(e);
}

TEST(tuning, "timing alternatives changes nothing but the choice")
{
    drn_config c = {2, 16, 1, true, false, 8, DRN_SKIP_BICUBIC};
    drn_loss_config o = {.kind = DRN_LOSS_MAE};
    setup want = make(&c, &o, DRN_FLOAT64, NULL, 1, 6, 9);
    run(&want, true);
    setenv("DRN_CUDA_TUNE", "1", 1);
    drn_cuda *d = open_device(DRN_NUMBERS_BF16);
    setup got = make(&c, &o, DRN_FLOAT32, d, 1, 6, 9);
    setenv("DRN_CUDA_TUNE", "0", 1);
    run(&got, true);
    double g = relative_error(got.p->grad, want.p->grad, got.p->elements);
    if (!(g < 0.1))
        test_fail(__FILE__, __LINE__, "gradients differ by %g", g);
    drop(&want);
    drop(&got);
    drn_cuda_close(d);
}
