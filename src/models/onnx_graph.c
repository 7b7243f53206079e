/* Every operation of a graph as ONNX operators that give the same numbers for every size of input. */
#include "models/onnx_graph.h"

#include "base/mem.h"
#include "graph/internal.h"
#include "kernels/bicubic.h"

#include <stdio.h>
#include <string.h>

enum { NAME = 96 };

typedef struct translation {
    drn_onnx *w;
    const drn_graph *g;
    drn_value input, output;
    bool borders; /* the constants of mirrored borders are there */
} translation;

#define INPUTS(...) ((const char *const[]){__VA_ARGS__, NULL})
#define ATTRS(...) ((const drn_onnx_attr[]){__VA_ARGS__, {0}})

static drn_onnx_attr attr_int(const char *name, int64_t i)
{
    return (drn_onnx_attr){.name = name, .type = DRN_ONNX_INT, .i = i};
}

static drn_onnx_attr attr_float(const char *name, double f)
{
    return (drn_onnx_attr){.name = name, .type = DRN_ONNX_FLOAT, .f = (float)f};
}

static drn_onnx_attr attr_square(const char *name, int64_t count, int64_t a, int64_t b)
{
    return (drn_onnx_attr){.name = name, .type = DRN_ONNX_INTS, .i = count, .ints = {a, b, a, b}};
}

/* ---- names ---- */

static const char *value_name(char out[NAME], const translation *t, drn_value v)
{
    const value *x = &t->g->values[v];
    if (v == t->input)
        snprintf(out, NAME, "lr");
    else if (v == t->output)
        snprintf(out, NAME, "sr");
    else if (x->kind == VALUE_PARAM)
        snprintf(out, NAME, "%s", x->params->list[x->param].name);
    else if (x->kind == VALUE_NODE)
        snprintf(out, NAME, "%s_%d", t->g->nodes[x->producer].op->name, x->producer);
    else
        snprintf(out, NAME, "input_%d", v);
    return out;
}

/* The layer's name in the model for nodes with parameters, else that of the value. */
static const char *node_name(char out[NAME], const translation *t, const node *n)
{
    const value *p = n->inputs > 1 ? &t->g->values[n->in[1]] : NULL;
    if (!p || p->kind != VALUE_PARAM)
        return value_name(out, t, n->out);
    snprintf(out, NAME, "%s", p->params->list[p->param].name);
    char *dot = strrchr(out, '.');
    if (dot)
        *dot = 0;
    return out;
}

/* A tensor of this node's own. */
static const char *part_name(char out[NAME], const translation *t, const node *n, const char *part)
{
    snprintf(out, NAME, "%s_%d.%s", n->op->name, (int)(n - t->g->nodes), part);
    return out;
}

/* One ONNX operator for one node: its inputs, its output. */
static void direct(translation *t, const node *n, const char *op, const drn_onnx_attr *attrs)
{
    char names[DRN_MAX_INPUTS][NAME], out[NAME], name[NAME];
    const char *inputs[DRN_MAX_INPUTS + 1] = {0};
    for (int i = 0; i < n->inputs; i++)
        inputs[i] = value_name(names[i], t, n->in[i]);
    drn_onnx_node(t->w, op, node_name(name, t, n), value_name(out, t, n->out), inputs, attrs);
}

/* ---- one function an operation ---- */

static void to_conv(translation *t, const node *n, const char *op)
{
    drn_shape k = t->g->values[n->in[1]].shape;
    int32_t s = n->attr.stride, p = n->attr.pad;
    direct(t, n, op,
           ATTRS(attr_square("kernel_shape", 2, k.h, k.w), attr_square("strides", 2, s, s),
                 attr_square("pads", 4, p, p)));
}

static void conv2d(translation *t, const node *n)
{
    to_conv(t, n, "Conv");
}

static void conv_transpose2d(translation *t, const node *n)
{
    to_conv(t, n, "ConvTranspose");
}

static void leaky_relu(translation *t, const node *n)
{
    if (n->attr.slope == 0)
        direct(t, n, "Relu", NULL);
    else
        direct(t, n, "LeakyRelu", ATTRS(attr_float("alpha", n->attr.slope)));
}

/* ONNX lines shapes up at their last dimension: slope[C] becomes [C,1,1]. */
static void prelu(translation *t, const node *n)
{
    char x[NAME], slope[NAME], shape[NAME], column[NAME], out[NAME], name[NAME];
    drn_onnx_ints(t->w, part_name(shape, t, n, "shape"), 3, (const int64_t[]){-1, 1, 1});
    drn_onnx_node(t->w, "Reshape", column, part_name(column, t, n, "slope"),
                  INPUTS(value_name(slope, t, n->in[1]), shape), NULL);
    drn_onnx_node(t->w, "PRelu", node_name(name, t, n), value_name(out, t, n->out),
                  INPUTS(value_name(x, t, n->in[0]), column), NULL);
}

static void add(translation *t, const node *n)
{
    direct(t, n, "Add", NULL);
}

static void scale(translation *t, const node *n)
{
    char x[NAME], alpha[NAME], out[NAME];
    float factor = (float)n->attr.alpha;
    drn_onnx_floats(t->w, part_name(alpha, t, n, "alpha"), 1, (const int64_t[]){1}, &factor);
    value_name(out, t, n->out);
    drn_onnx_node(t->w, "Mul", out, out, INPUTS(value_name(x, t, n->in[0]), alpha), NULL);
}

/* A number a channel as a constant [C,1,1]; true when one of them is not `neutral`. */
static bool channel_constant(translation *t, const char *name, const double *v, int32_t c, double neutral)
{
    float f[4];
    bool needed = false;
    for (int i = 0; i < c; i++) {
        f[i] = (float)v[i];
        needed |= v[i] < neutral || v[i] > neutral;
    }
    if (needed)
        drn_onnx_floats(t->w, name, 3, (const int64_t[]){c, 1, 1}, f);
    return needed;
}

static void affine(translation *t, const node *n)
{
    char x[NAME], mul[NAME], shift[NAME], scaled[NAME], out[NAME];
    int32_t c = t->g->values[n->in[0]].shape.c;
    value_name(x, t, n->in[0]);
    value_name(out, t, n->out);
    if (channel_constant(t, part_name(mul, t, n, "mul"), n->attr.mul, c, 1)) {
        drn_onnx_node(t->w, "Mul", scaled, part_name(scaled, t, n, "scaled"), INPUTS(x, mul), NULL);
        memcpy(x, scaled, sizeof x);
    }
    if (channel_constant(t, part_name(shift, t, n, "shift"), n->attr.shift, c, 0))
        drn_onnx_node(t->w, "Add", out, out, INPUTS(x, shift), NULL);
    else
        drn_onnx_node(t->w, "Identity", out, out, INPUTS(x), NULL);
}

static void concat(translation *t, const node *n)
{
    direct(t, n, "Concat", ATTRS(attr_int("axis", 1)));
}

static void batch_norm(translation *t, const node *n)
{
    direct(t, n, "BatchNormalization", ATTRS(attr_float("epsilon", n->attr.eps)));
}

static drn_onnx_attr channels_first(void)
{
    return (drn_onnx_attr){.name = "mode", .type = DRN_ONNX_TEXT, .text = "CRD"};
}

static void pixel_shuffle(translation *t, const node *n)
{
    direct(t, n, "DepthToSpace", ATTRS(attr_int("blocksize", n->attr.factor), channels_first()));
}

/* ---- resize: enlargement as border, convolution, shuffle ----
 *
 * Of f*f output pixels around one input pixel each is a fixed sum over 5x5 inputs: a grouped convolution to
 * f*f channels and a shuffle, after a border of 2 mirrored pixels.  ONNX's own Resize has another border. */

enum { REACH = 2, TAPS = 2 * REACH + 1, MAX_ENLARGEMENT = 8 };

static void border_constants(translation *t)
{
    static const struct {
        const char *name;
        int64_t value;
    } ints[] = {{"border.2", 2}, {"border.3", 3}, {"border.-2", -2}, {"border.-3", -3}};
    if (t->borders)
        return;
    t->borders = true;
    drn_onnx_ints(t->w, "border.pads", 8, (const int64_t[]){0, 0, 1, 1, 0, 0, 1, 1});
    for (size_t i = 0; i < sizeof ints / sizeof *ints; i++)
        drn_onnx_ints(t->w, ints[i].name, 1, &ints[i].value);
}

/* x has its edge repeated once (x0 x0 x1 ... y1 y0 y0); the mirrored border wants x1 and y1 outside of that,
 * which are the third from each end, in an axis of one pixel too.  axis: "2" or "3". */
static void mirror(translation *t, const node *n, char x[NAME], const char *axis)
{
    char first[NAME], last[NAME], out[NAME], part[16], axes[16];
    snprintf(axes, sizeof axes, "border.%s", axis);
    snprintf(part, sizeof part, "first%s", axis);
    drn_onnx_node(t->w, "Slice", first, part_name(first, t, n, part),
                  INPUTS(x, "border.2", "border.3", axes), NULL);
    snprintf(part, sizeof part, "last%s", axis);
    drn_onnx_node(t->w, "Slice", last, part_name(last, t, n, part),
                  INPUTS(x, "border.-3", "border.-2", axes), NULL);
    snprintf(part, sizeof part, "border%s", axis);
    drn_onnx_node(t->w, "Concat", out, part_name(out, t, n, part), INPUTS(first, x, last),
                  ATTRS(attr_int("axis", axis[0] - '0')));
    memcpy(x, out, sizeof out);
}

/* taps[f][5]: weights of the f outputs around an input pixel, of the very table the engine uses. */
static void phase_weights(double taps[][TAPS], int32_t f)
{
    enum { AXIS = 8, CENTRE = 4, MOST = AXIS * MAX_ENLARGEMENT * 8 };
    int32_t index[MOST], n = drn_bicubic_taps(f);
    double weight[MOST];
    drn_bicubic_table(index, weight, AXIS, AXIS * f, f, false);
    for (int32_t p = 0; p < f; p++) {
        memset(taps[p], 0, sizeof taps[p]);
        for (int32_t k = 0; k < n; k++) {
            int32_t row = (CENTRE * f + p) * n + k, at = index[row] - CENTRE + REACH;
            if (at >= 0 && at < TAPS)
                taps[p][at] += weight[row];
        }
    }
}

/* w[c*f*f,1,5,5], one group a channel */
static drn_status resize_weights(float **out, int32_t c, int32_t f, drn_error *err)
{
    double taps[MAX_ENLARGEMENT][TAPS];
    size_t one = (size_t)f * (size_t)f * TAPS * TAPS;
    float *w;
    DRN_TRY(drn_alloc_to(&w, one * (size_t)c, sizeof *w, err));
    *out = w;
    phase_weights(taps, f);
    for (int32_t py = 0; py < f; py++)
        for (int32_t px = 0; px < f; px++)
            for (int y = 0; y < TAPS; y++)
                for (int x = 0; x < TAPS; x++)
                    *w++ = (float)(taps[py][y] * taps[px][x]);
    for (int32_t i = 1; i < c; i++)
        memcpy(*out + (size_t)i * one, *out, one * sizeof *w);
    return DRN_OK;
}

static void unsupported(translation *t, const node *n)
{
    drn_error err;
    drn_fail(&err, DRN_ERR_UNSUPPORTED, "ONNX: no form for the operation '%s' (factor %d)", n->op->name,
             n->attr.factor);
    drn_onnx_fail(t->w, &err);
}

static void resize(translation *t, const node *n)
{
    char x[NAME], weights[NAME], phases[NAME], out[NAME];
    int32_t f = n->attr.factor, c = t->g->values[n->in[0]].shape.c;
    drn_error err;
    float *w = NULL;
    if (f < 1 || f > MAX_ENLARGEMENT) {
        unsupported(t, n);
        return;
    }
    if (resize_weights(&w, c, f, &err) != DRN_OK) {
        drn_onnx_fail(t->w, &err);
        return;
    }
    drn_onnx_floats(t->w, part_name(weights, t, n, "weight"), 4,
                    (const int64_t[]){(int64_t)c * f * f, 1, TAPS, TAPS}, w);
    drn_free(w);
    border_constants(t);
    value_name(out, t, n->in[0]);
    drn_onnx_node(t->w, "Pad", x, part_name(x, t, n, "edge"), INPUTS(out, "border.pads"),
                  ATTRS({.name = "mode", .type = DRN_ONNX_TEXT, .text = "edge"}));
    mirror(t, n, x, "2");
    mirror(t, n, x, "3");
    drn_onnx_node(t->w, "Conv", phases, part_name(phases, t, n, "phases"), INPUTS(x, weights),
                  ATTRS(attr_int("group", c), attr_square("kernel_shape", 2, TAPS, TAPS)));
    value_name(out, t, n->out);
    drn_onnx_node(t->w, "DepthToSpace", out, out, INPUTS(phases),
                  ATTRS(attr_int("blocksize", f), channels_first()));
}

/* ---- the graph ---- */

static const struct {
    const drn_op *op;
    void (*translate)(translation *t, const node *n);
} table[] = {
    {&drn_op_conv2d, conv2d},
    {&drn_op_conv_transpose2d, conv_transpose2d},
    {&drn_op_leaky_relu, leaky_relu},
    {&drn_op_prelu, prelu},
    {&drn_op_add, add},
    {&drn_op_scale, scale},
    {&drn_op_affine, affine},
    {&drn_op_concat, concat},
    {&drn_op_batch_norm, batch_norm},
    {&drn_op_pixel_shuffle, pixel_shuffle},
    {&drn_op_resize, resize},
};

static void translate(translation *t, const node *n)
{
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (table[i].op == n->op) {
            table[i].translate(t, n);
            return;
        }
    unsupported(t, n);
}

static bool is_kernel(const drn_graph *g, size_t v)
{
    for (size_t i = 0; i < g->node_count; i++) {
        const node *n = &g->nodes[i];
        if ((n->op == &drn_op_conv2d || n->op == &drn_op_conv_transpose2d) && n->in[1] == (drn_value)v)
            return true;
    }
    return false;
}

/* Each parameter once, whatever number of values stands for it. */
static void add_param(const translation *t, size_t v)
{
    const value *x = &t->g->values[v];
    const drn_param *p = &x->params->list[x->param];
    for (size_t i = 0; i < v; i++)
        if (t->g->values[i].kind == VALUE_PARAM && t->g->values[i].params == x->params &&
            t->g->values[i].param == x->param)
            return;
    drn_onnx_weights(t->w, p->name, is_kernel(t->g, v) ? 4 : 1,
                     (const int64_t[]){p->shape.n, p->shape.c, p->shape.h, p->shape.w},
                     drn_params_value(x->params, p));
}

void drn_graph_to_onnx(drn_onnx *w, const drn_graph *g, drn_value input, drn_value output)
{
    translation t = {w, g, input, output, false};
    drn_error err = g->error;
    if (err.code == DRN_OK && (g->planned || g->type != DRN_FLOAT32 || input < 0 || output < 0))
        drn_fail(&err, DRN_ERR_INTERNAL, "ONNX: only float graphs before planning can be written");
    if (err.code != DRN_OK) {
        drn_onnx_fail(w, &err);
        return;
    }
    int64_t c = g->values[input].shape.c, k = g->values[output].shape.c;
    drn_onnx_input(w, "lr", 4, (const drn_onnx_dim[]){{0, "batch"}, {c, NULL}, {0, "height"}, {0, "width"}});
    drn_onnx_output(w, "sr", 4,
                    (const drn_onnx_dim[]){{0, "batch"}, {k, NULL}, {0, "sr_height"}, {0, "sr_width"}});
    for (size_t i = 0; i < g->node_count; i++)
        translate(&t, &g->nodes[i]);
    for (size_t v = 0; v < g->value_count; v++)
        if (g->values[v].kind == VALUE_PARAM)
            add_param(&t, v);
}
