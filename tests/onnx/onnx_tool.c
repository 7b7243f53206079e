/* What ONNX Runtime's results are compared with: the engine's own.
 *   onnx_tool models DIR                 model files of every architecture; prints "FILE SCALE..." lines
 *   onnx_tool run MODEL SCALE N H W BASE BASE.in and BASE.out, little-endian floats in NCHW
 *   onnx_tool ops BASE                   a graph with every operation there is a form for: BASE.onnx, .in, .out
 * run and ops print the shapes: N C H W of the input, then of the output. */
#include "base/fileio.h"
#include "base/mem.h"
#include "models/model.h"
#include "models/onnx_graph.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void need(drn_status st, const drn_error *err)
{
    if (st != DRN_OK) {
        fprintf(stderr, "onnx_tool: %s\n", err->message);
        exit(1);
    }
}

static void *need_alloc(size_t bytes)
{
    void *p = drn_alloc(bytes);
    if (!p)
        exit(1);
    return p;
}

static char *joined(const char *a, const char *b)
{
    size_t n = strlen(a) + strlen(b) + 1;
    char *s = need_alloc(n);
    snprintf(s, n, "%s%s", a, b);
    return s;
}

/* ---- models ---- */

static void write_model(const char *dir, const char *name, const drn_config *c)
{
    drn_error err = {0};
    drn_params *p;
    drn_st_writer *w;
    drn_rng rng;
    char *path = drn_path_join(dir, name);
    drn_rng_seed(&rng, 7, 0);
    need(drn_params_new(&p, DRN_FLOAT32, &err), &err);
    need(drn_net_declare(p, c, 0.3, &err), &err);
    need(drn_params_allocate(p, false, &err), &err);
    drn_params_init(p, &rng);
    for (size_t i = 0; i < p->count; i++) /* biases that matter */
        for (size_t k = 0; p->list[i].init_std == 0 && k < p->list[i].count; k++)
            ((float *)p->value)[p->list[i].offset + k] = (float)(0.05 * drn_rng_normal(&rng));
    need(drn_st_writer_new(&w, &err), &err);
    need(drn_config_write(w, c, &err), &err);
    need(drn_st_writer_meta(w, "drn.licence", "free", &err), &err);
    need(drn_params_write(w, p, p->value, "", DRN_ST_F32, &err), &err);
    need(drn_st_writer_write(w, path, &err), &err);
    drn_st_writer_free(w);
    drn_params_free(p);
    drn_free(path);
}

static int models(const char *dir)
{
    static const struct {
        const char *name, *scales;
        drn_config config;
    } list[] = {
        {"x8.safetensors", "8 4 2", {8, 16, 2, true, true, 8, DRN_SKIP_BICUBIC}},
        {"x2.safetensors", "2", {2, 10, 1, true, false, 0, DRN_SKIP_BICUBIC}},
        {"final4.safetensors", "4", {4, 8, 1, false, false, 0, DRN_SKIP_BICUBIC}},
        {"final8.safetensors", "8", {8, 8, 0, false, true, 4, DRN_SKIP_BICUBIC}},
        {"noskip.safetensors", "4 2", {4, 8, 1, true, false, 0, DRN_SKIP_NONE}},
        {"thin.safetensors", "4", {4, 1, 1, true, false, 0, DRN_SKIP_BICUBIC}},
    };
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        write_model(dir, list[i].name, &list[i].config);
        printf("%s %s\n", list[i].name, list[i].scales);
    }
    return 0;
}

/* ---- results ---- */

static void fill(float *x, drn_shape s)
{
    drn_rng rng;
    drn_rng_seed(&rng, 3, 0);
    for (int32_t n = 0; n < s.n * s.c; n++)
        for (int32_t y = 0; y < s.h; y++)
            for (int32_t v = 0; v < s.w; v++)
                *x++ = (float)(0.5 + 0.3 * sin(0.3 * v + n) * cos(0.2 * y) + 0.2 * (drn_rng_uniform(&rng) - 0.5));
}

static void save(const char *base, const char *suffix, const float *data, drn_shape s)
{
    drn_error err = {0};
    char *path = joined(base, suffix);
    size_t n = (size_t)s.n * (size_t)s.c * (size_t)s.h * (size_t)s.w;
    need(drn_file_write(path, data, n * sizeof *data, &err), &err);
    drn_free(path);
    printf("%d %d %d %d%c", s.n, s.c, s.h, s.w, suffix[1] == 'i' ? ' ' : '\n');
}

/* Plan, run, write both tensors. */
static void run_graph(drn_graph *g, drn_value in, drn_value out, const char *base)
{
    drn_error err = {0};
    drn_shape s = drn_graph_shape(g, in), t = drn_graph_shape(g, out);
    float *x = need_alloc(drn_elements(s) * sizeof *x), *y = need_alloc(drn_elements(t) * sizeof *y);
    drn_graph_output(g, out);
    need(drn_graph_plan(g, &(drn_plan_options){.loss = -1}, &err), &err);
    fill(x, s);
    drn_from_nchw(drn_graph_data(g, in), x, s, DRN_FLOAT32);
    drn_graph_forward(g);
    drn_to_nchw(y, drn_graph_data(g, out), t, DRN_FLOAT32);
    save(base, ".in", x, s);
    save(base, ".out", y, t);
    drn_free(x);
    drn_free(y);
}

static int run_model(const char *file, int scale, int n, int h, int w, const char *base)
{
    drn_error err = {0};
    drn_model *m;
    drn_graph *g;
    drn_net net;
    need(drn_model_load(&m, file, &err), &err);
    need(drn_graph_new(&g, DRN_FLOAT32, &err), &err);
    drn_value lr = drn_graph_input(g, (drn_shape){n, 3, h, w}, false);
    drn_net_build(&net, g, m->params, &m->config, lr, scale == 8 ? 2 : scale / 2 - 1);
    run_graph(g, lr, net.image[net.levels - 1], base);
    drn_graph_free(g);
    drn_model_free(m);
    return 0;
}

/* ---- every operation ---- */

static const struct {
    const char *name;
    drn_shape shape;
    double std, value;
} op_params[] = {
    {"conv.weight", {16, 3, 3, 5}, 0.15, 0}, {"conv.bias", {16, 1, 1, 1}, 0.1, 0},
    {"slope", {16, 1, 1, 1}, 0.2, 0},        {"gamma", {16, 1, 1, 1}, 0.3, 0},
    {"beta", {16, 1, 1, 1}, 0.1, 0},         {"mean", {16, 1, 1, 1}, 0.1, 0},
    {"variance", {16, 1, 1, 1}, 0, 0.7},     {"up.weight", {16, 4, 4, 4}, 0.1, 0},
    {"up.bias", {4, 1, 1, 1}, 0.1, 0},       {"one.weight", {4, 20, 1, 1}, 0.2, 0},
};

static drn_params *make_params(void)
{
    drn_error err = {0};
    drn_params *p;
    drn_rng rng;
    drn_rng_seed(&rng, 5, 0);
    need(drn_params_new(&p, DRN_FLOAT32, &err), &err);
    for (size_t i = 0; i < sizeof op_params / sizeof *op_params; i++)
        need(drn_params_add(p, op_params[i].name, op_params[i].shape, op_params[i].std, op_params[i].value, &err),
             &err);
    need(drn_params_allocate(p, false, &err), &err);
    drn_params_init(p, &rng);
    return p;
}

static drn_value build_ops(drn_graph *g, drn_params *p, drn_value lr)
{
#define APPLY(op, attr, ...)                                                                                           \
    drn_graph_apply(g, &drn_op_##op, &(drn_attr)attr, (drn_value[]){__VA_ARGS__},                                      \
                    (int)(sizeof((drn_value[]){__VA_ARGS__}) / sizeof(drn_value)))
#define PARAM(name) drn_graph_param(g, p, name)
#define A(...) {__VA_ARGS__}
    drn_value x = APPLY(affine, A(.mul = {2, 0.5, 1}, .shift = {-1, 0, 0.25}), lr);
    x = APPLY(affine, A(.mul = {1, 1, 1}), x);
    drn_value c = APPLY(conv2d, A(.stride = 2, .pad = 2), x, PARAM("conv.weight"), PARAM("conv.bias"));
    drn_value q = APPLY(prelu, A(0), c, PARAM("slope"));
    drn_value b = APPLY(batch_norm, A(.eps = 1e-3), q, PARAM("gamma"), PARAM("beta"), PARAM("mean"), PARAM("variance"));
    drn_value r = APPLY(add, A(0), APPLY(leaky_relu, A(.slope = 0.2), b), APPLY(scale, A(.alpha = -0.5), c));
    drn_value u = APPLY(conv_transpose2d, A(.stride = 2, .pad = 1), r, PARAM("up.weight"), PARAM("up.bias"));
    drn_value s = APPLY(pixel_shuffle, A(.factor = 2), r);
    drn_value e = APPLY(resize, A(.factor = 2), APPLY(leaky_relu, A(0), r));
    drn_value all = APPLY(concat, A(0), u, e);
    drn_value o = APPLY(add, A(0), APPLY(conv2d, A(.stride = 1), all, PARAM("one.weight")), s);
    return APPLY(resize, A(.factor = 3), o);
}

static int ops(const char *base)
{
    drn_error err = {0};
    drn_params *p = make_params();
    drn_graph *g;
    drn_onnx *w;
    char *path = joined(base, ".onnx");
    need(drn_graph_new(&g, DRN_FLOAT32, &err), &err);
    drn_value lr = drn_graph_input(g, (drn_shape){2, 3, 13, 18}, false), out = build_ops(g, p, lr);
    need(drn_onnx_new(&w, &err), &err);
    drn_onnx_describe(w, "ops", "every operation");
    drn_graph_to_onnx(w, g, lr, out);
    need(drn_onnx_write(w, path, &err), &err);
    run_graph(g, lr, out, base);
    drn_onnx_free(w);
    drn_graph_free(g);
    drn_params_free(p);
    drn_free(path);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "models") == 0)
        return models(argv[2]);
    if (argc == 8 && strcmp(argv[1], "run") == 0)
        return run_model(argv[2], atoi(argv[3]), atoi(argv[4]), atoi(argv[5]), atoi(argv[6]), argv[7]);
    if (argc == 3 && strcmp(argv[1], "ops") == 0)
        return ops(argv[2]);
    fprintf(stderr, "usage: onnx_tool models DIR | run MODEL SCALE N H W BASE | ops BASE\n");
    return 2;
}
