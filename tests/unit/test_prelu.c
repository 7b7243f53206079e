/* PReLU in a convolution's store: the same picture as with steps of its own, whole and in bands of rows. */
#include "harness.h"
#include "samples.h"

#include "base/cpu.h"
#include "base/mem.h"
#include "base/rng.h"
#include "graph/stream.h"

enum { H = 13, W = 17, OUT = 3 * 4 * H * W };

typedef struct subject {
    drn_dtype type;
    int32_t channels, rows; /* rows: of a band */
    bool no_fusion;
} subject;

static void declare(drn_params *p, const char *name, drn_shape s, double std)
{
    drn_error err = {0};
    CHECK_OK(drn_params_add(p, name, s, std, 0, &err), err);
}

static drn_params *params_of(const subject *t)
{
    drn_error err = {0};
    drn_params *p;
    drn_rng rng;
    int32_t c = t->channels;
    CHECK_OK(drn_params_new(&p, t->type, &err), err);
    declare(p, "head.w", (drn_shape){c, 3, 5, 5}, 0.2);
    declare(p, "head.b", (drn_shape){c, 1, 1, 1}, 0.5);
    declare(p, "head.s", (drn_shape){c, 1, 1, 1}, 0.8);
    declare(p, "body.w", (drn_shape){c, c, 3, 3}, 0.1);
    declare(p, "body.s", (drn_shape){c, 1, 1, 1}, 0.8);
    declare(p, "up.w", (drn_shape){4 * c, c, 3, 3}, 0.1);
    declare(p, "up.b", (drn_shape){4 * c, 1, 1, 1}, 0.5);
    declare(p, "up.s", (drn_shape){4 * c, 1, 1, 1}, 0.8);
    declare(p, "tail.w", (drn_shape){3, c, 3, 3}, 0.1);
    declare(p, "tail.b", (drn_shape){3, 1, 1, 1}, 0.5);
    declare(p, "tail.s", (drn_shape){3, 1, 1, 1}, 0.8);
    CHECK_OK(drn_params_allocate(p, false, &err), err);
    drn_rng_seed(&rng, 11, 0);
    drn_params_init(p, &rng);
    return p;
}

/* prelu(x (*) w [+ b]); negative slopes and slopes above 1 are among them. */
static drn_value layer(drn_graph *g, drn_params *p, drn_value x, const char *const name[3], int32_t pad)
{
    drn_value in[3] = {x, drn_graph_param(g, p, name[0])};
    if (name[1])
        in[2] = drn_graph_param(g, p, name[1]);
    drn_value y = drn_graph_apply(g, &drn_op_conv2d, &(drn_attr){.stride = 1, .pad = pad}, in, name[1] ? 3 : 2);
    return drn_graph_apply(g, &drn_op_prelu, NULL, (drn_value[]){y, drn_graph_param(g, p, name[2])}, 2);
}

static void build(drn_graph *g, drn_params *p, drn_value *in, drn_value *out)
{
    *in = drn_graph_input(g, (drn_shape){1, 3, H, W}, false);
    drn_value h = layer(g, p, *in, (const char *const[]){"head.w", "head.b", "head.s"}, 2);
    drn_value b = layer(g, p, h, (const char *const[]){"body.w", NULL, "body.s"}, 1);
    h = drn_graph_apply(g, &drn_op_add, NULL, (drn_value[]){h, b}, 2);
    h = layer(g, p, h, (const char *const[]){"up.w", "up.b", "up.s"}, 1);
    h = drn_graph_apply(g, &drn_op_pixel_shuffle, &(drn_attr){.factor = 2}, &h, 1);
    *out = layer(g, p, h, (const char *const[]){"tail.w", "tail.b", "tail.s"}, 1);
    drn_graph_output(g, *out);
}

static void whole(double out[OUT], const subject *t)
{
    drn_error err = {0};
    drn_graph *g;
    drn_value in, y;
    drn_params *p = params_of(t);
    CHECK_OK(drn_graph_new(&g, t->type, &err), err);
    build(g, p, &in, &y);
    CHECK_OK(drn_graph_plan(g, &(drn_plan_options){.loss = -1, .no_fusion = t->no_fusion}, &err), err);
    for (size_t i = 0; i < 3 * H * W; i++)
        sample_put(drn_graph_data(g, in), i, (double)sample(i), t->type);
    drn_graph_forward(g);
    for (size_t i = 0; i < OUT; i++)
        out[i] = sample_get(drn_graph_data(g, y), i, t->type);
    drn_graph_free(g);
    drn_params_free(p);
}

typedef struct picture {
    double *out;
    drn_dtype type;
} picture;

static drn_status read_rows(void *ctx, const drn_band *b, drn_error *err)
{
    const picture *q = ctx;
    (void)err;
    for (size_t c = 0; c < 3; c++)
        for (size_t i = 0; i < (size_t)b->rows * W; i++)
            sample_put(b->data, c * (size_t)b->plane * W + i,
                       (double)sample((c * H + (size_t)b->y) * W + i), q->type);
    return DRN_OK;
}

static drn_status write_rows(void *ctx, const drn_band *b, drn_error *err)
{
    picture *q = ctx;
    (void)err;
    for (size_t c = 0; c < 3; c++)
        for (size_t i = 0; i < (size_t)b->rows * 2 * W; i++)
            q->out[(c * 2 * H + (size_t)b->y) * 2 * W + i] =
                sample_get(b->data, c * (size_t)b->plane * 2 * W + i, q->type);
    return DRN_OK;
}

/* A PReLU of its own has no bands: that there is a stream shows that all are in the convolutions. */
static void streamed(double out[OUT], const subject *t)
{
    drn_error err = {0};
    drn_graph *g;
    drn_stream *s;
    drn_value in, y;
    drn_params *p = params_of(t);
    picture q = {out, t->type};
    CHECK_OK(drn_graph_new(&g, t->type, &err), err);
    build(g, p, &in, &y);
    CHECK_OK(drn_stream_new(&s, g, in, y, NULL, &(drn_stream_options){.rows = t->rows}, &err), err);
    CHECK_OK(drn_stream_run(s, &(drn_stream_io){read_rows, write_rows, &q}, &err), err);
    drn_stream_free(s);
    drn_graph_free(g);
    drn_params_free(p);
}

static void check(void)
{
    /* 8, 64: Winograd with a shuffled store; 12, 5: without; 1: planes */
    static const int32_t channels[] = {8, 64, 12, 5, 1};
    for (size_t k = 0; k < sizeof channels / sizeof *channels; k++) {
        static double exact[OUT], same[OUT], bands[OUT], fast[OUT], fast_bands[OUT];
        double range = 0;
        subject t = {DRN_FLOAT64, channels[k], 4, true};
        whole(exact, &t);
        t.no_fusion = false;
        whole(same, &t);
        streamed(bands, &t);
        t.type = DRN_FLOAT32;
        whole(fast, &t);
        streamed(fast_bands, &t);
        for (size_t i = 0; i < OUT; i++)
            range = fmax(range, fabs(exact[i]));
        CHECK(range > 0.1);
        for (size_t i = 0; i < OUT; i++) {
            CHECK_NEAR(same[i], exact[i], 1e-13 * range);
            CHECK(same[i] == bands[i]);
            CHECK_NEAR(fast[i], exact[i], 2e-5 * range);
            CHECK_NEAR(fast_bands[i], exact[i], 2e-5 * range);
        }
    }
}

TEST(stores, "a network with PReLUs, fused, whole and in bands, gives the unfused double's picture")
{
    check();
}

TEST(portable, "so it does without the kernels of this CPU")
{
    drn_cpu_mask(DRN_ISA_REF);
    check();
    drn_cpu_mask(~0u);
}
