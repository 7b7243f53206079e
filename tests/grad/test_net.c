/* The whole network: gradients of the joint loss against central differences, in double. */
#include "base/cpu.h"
#include "base/mem.h"
#include "harness.h"
#include "models/drn_net.h"

#include <stdlib.h>

typedef struct setup {
    drn_params *p;
    drn_graph *g;
    drn_value loss;
} setup;

static void fill(drn_graph *g, drn_value v, drn_rng *rng)
{
    double *x = drn_graph_data(g, v);
    size_t n = drn_elements(drn_graph_shape(g, v));
    for (size_t i = 0; i < n; i++)
        x[i] = drn_rng_uniform(rng);
}

static setup make(const drn_config *c, const drn_loss_config *o, int size, bool no_fusion)
{
    drn_error err = {0};
    setup s;
    drn_rng rng;
    drn_rng_seed(&rng, 5, 0);
    CHECK_OK(drn_params_new(&s.p, DRN_FLOAT64, &err), err);
    CHECK_OK(drn_net_declare(s.p, c, 1, &err), err);
    CHECK_OK(drn_params_allocate(s.p, true, &err), err);
    drn_params_init(s.p, &rng);
    CHECK_OK(drn_graph_new(&s.g, DRN_FLOAT64, &err), err);
    drn_net net;
    drn_value target[3] = {-1, -1, -1}, lr = drn_graph_input(s.g, (drn_shape){2, 3, size, size}, false);
    int levels = drn_net_levels(c);
    for (int l = 0; l < levels; l++)
        target[l] = drn_graph_input(s.g, (drn_shape){2, 3, size << (l + 1), size << (l + 1)}, false);
    drn_net_build(&net, s.g, s.p, c, lr, levels - 1);
    s.loss = drn_net_loss(s.g, s.p, c, o, &net, target, NULL);
    drn_plan_options plan = {.training = true, .loss = s.loss, .no_fusion = no_fusion};
    CHECK_OK(drn_graph_plan(s.g, &plan, &err), err);
    fill(s.g, lr, &rng);
    for (int l = 0; l < levels; l++)
        fill(s.g, target[l], &rng);
    return s;
}

static double loss_at(setup *s)
{
    drn_graph_params_changed(s->g);
    drn_graph_forward(s->g);
    return *(double *)drn_graph_data(s->g, s->loss);
}

static void check_gradients(const drn_config *c, const drn_loss_config *o)
{
    setup s = make(c, o, 5, false);
    loss_at(&s);
    drn_params_zero_grad(s.p);
    drn_graph_backward(s.g);
    for (size_t i = 0; i < s.p->count; i++) {
        const drn_param *q = &s.p->list[i];
        double *w = drn_params_value(s.p, q), *d = drn_params_grad(s.p, q), h = 1e-7;
        for (size_t j = 0; j < q->count; j += 1 + q->count / 3) {
            double keep = w[j];
            w[j] = keep + h;
            double up = loss_at(&s);
            w[j] = keep - h;
            double num = (up - loss_at(&s)) / (2 * h);
            w[j] = keep;
            if (fabs(num - d[j]) > 1e-5 * (1 + fabs(num)))
                test_fail(__FILE__, __LINE__, "%s[%zu]: %.10g, central difference %.10g", q->name, j, d[j],
                          num);
        }
    }
    drn_graph_free(s.g);
    drn_params_free(s.p);
}

TEST(progressive_gs, "x4 progressive dual network with the gradient-sensitive loss has right gradients")
{
    drn_config c = {4, 9, 1, true, true, 5, DRN_SKIP_BICUBIC};
    /* the mask carries no gradient, so a predicted target is checked with a loss without one */
    drn_loss_config o = {.kind = DRN_LOSS_GS, .dual_kind = DRN_LOSS_GRADIENT_PIXEL, .lambda = 2,
                         .dual_weight = 1, .pixel = DRN_LOSS_MAE};
    check_gradients(&c, &o);
    o.dual_kind = DRN_LOSS_GS;
    o.dual_true_lr = true;
    o.dual_detach = true;
    check_gradients(&c, &o);
}

TEST(plain_losses, "plain x2 network has right gradients with every loss")
{
    drn_config c = {2, 8, 1, false, true, 8, DRN_SKIP_NONE};
    for (int kind = 0; kind <= DRN_LOSS_GS; kind++) {
        drn_loss_config o = {.kind = (drn_loss_kind)kind, .dual_kind = DRN_LOSS_MSE, .lambda = 0.5,
                             .charbonnier = 1e-3, .dual_weight = 0.1, .pixel = DRN_LOSS_MSE, .sum = kind % 2};
        check_gradients(&c, &o);
    }
}

TEST(fusion, "fusion changes nothing but rounding")
{
    drn_config c = {4, 16, 2, true, true, 8, DRN_SKIP_BICUBIC};
    drn_loss_config o = {.kind = DRN_LOSS_GS, .dual_kind = DRN_LOSS_GS, .lambda = 2, .dual_weight = 1};
    setup a = make(&c, &o, 6, false), b = make(&c, &o, 6, true);
    CHECK_NEAR(loss_at(&a), loss_at(&b), 1e-13);
    drn_graph_backward(a.g);
    drn_graph_backward(b.g);
    for (size_t i = 0; i < a.p->elements; i++)
        CHECK_NEAR(((double *)a.p->grad)[i], ((double *)b.p->grad)[i], 1e-12);
    /* placing is greedy, so a smaller need is not always a smaller arena */
    CHECK((double)drn_graph_arena_bytes(a.g) <= 1.1 * (double)drn_graph_arena_bytes(b.g));
    drn_graph_free(a.g);
    drn_graph_free(b.g);
    drn_params_free(a.p);
    drn_params_free(b.p);
}

TEST(parameters, "the default configuration has the published number of parameters")
{
    drn_config c = {4, 64, 7, true, false, 64, DRN_SKIP_BICUBIC};
    drn_error err = {0};
    drn_params *p;
    for (int scale = 4; scale <= 8; scale *= 2) {
        c.scale = scale;
        CHECK_OK(drn_params_new(&p, DRN_FLOAT32, &err), err);
        CHECK_OK(drn_net_declare(p, &c, 1, &err), err);
        CHECK_INT(drn_params_learned(p), scale == 4 ? 1334662 : 2001097);
        drn_params_free(p);
    }
}

/* An inference graph of the network, in either number type, fused or not; returns the image, plain NCHW. */
static double *image_of(const drn_config *c, drn_dtype type, bool no_fusion, int h, int w)
{
    drn_error err = {0};
    drn_params *p;
    drn_graph *g;
    drn_net net;
    drn_rng rng;
    drn_rng_seed(&rng, 6, 0);
    CHECK_OK(drn_params_new(&p, type, &err), err);
    CHECK_OK(drn_net_declare(p, c, 0.5, &err), err);
    CHECK_OK(drn_params_allocate(p, false, &err), err);
    drn_params_init(p, &rng);
    CHECK_OK(drn_graph_new(&g, type, &err), err);
    drn_value lr = drn_graph_input(g, (drn_shape){1, 3, h, w}, false);
    drn_net_build(&net, g, p, c, lr, drn_net_levels(c) - 1);
    drn_value y = net.image[net.levels - 1];
    drn_graph_output(g, y);
    CHECK_OK(drn_graph_plan(g, &(drn_plan_options){.loss = -1, .no_fusion = no_fusion}, &err), err);
    void *x = drn_graph_data(g, lr);
    for (int i = 0; i < 3 * h * w; i++) {
        double v = drn_rng_uniform(&rng);
        if (type == DRN_FLOAT64)
            ((double *)x)[i] = v;
        else
            ((float *)x)[i] = (float)v;
    }
    drn_graph_forward(g);
    size_t n = drn_elements(drn_graph_shape(g, y));
    double *out = malloc(n * sizeof *out);
    for (size_t i = 0; out && i < n; i++)
        out[i] = type == DRN_FLOAT64 ? ((double *)drn_graph_data(g, y))[i]
                                     : (double)((float *)drn_graph_data(g, y))[i];
    CHECK(out);
    drn_graph_free(g);
    drn_params_free(p);
    return out;
}

static void check_fusion(void)
{
    /* 8 and 64 channels: 32 and 256 filters go through the shuffled store; 1 and 12: 4 and 48 do not */
    static const struct {
        int channels, h, w;
    } cases[] = {{8, 6, 6}, {8, 1, 1}, {8, 7, 13}, {12, 9, 5}, {64, 19, 23}, {16, 40, 3}, {1, 5, 7}, {3, 4, 4}};
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        drn_config c = {4, cases[k].channels, 1, true, false, 8, DRN_SKIP_BICUBIC};
        int h = cases[k].h, w = cases[k].w;
        double *oracle = image_of(&c, DRN_FLOAT64, true, h, w), *same = image_of(&c, DRN_FLOAT64, false, h, w);
        double *fast = image_of(&c, DRN_FLOAT32, false, h, w), *plain = image_of(&c, DRN_FLOAT32, true, h, w);
        double range = 0;
        for (int i = 0; i < 3 * 16 * h * w; i++)
            range = fmax(range, fabs(oracle[i]));
        for (int i = 0; i < 3 * 16 * h * w; i++) {
            CHECK_NEAR(same[i], oracle[i], 1e-13 * range);
            CHECK_NEAR(fast[i], oracle[i], 2e-5 * range);
            CHECK_NEAR(plain[i], oracle[i], 2e-5 * range);
        }
        free(oracle);
        free(same);
        free(fast);
        free(plain);
    }
}

TEST(inference_fusion, "fused inference, sub-pixel stores included, gives the oracle's image")
{
    check_fusion();
}

TEST(inference_fusion_portable, "so it does without the kernels of this CPU")
{
    drn_cpu_mask(DRN_ISA_REF);
    check_fusion();
    drn_cpu_mask(~0u);
}
