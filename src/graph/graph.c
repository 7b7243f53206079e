#include "base/mem.h"
#include "graph/internal.h"

#include <string.h>

drn_status drn_graph_new(drn_graph **out, drn_dtype type, drn_error *err)
{
    drn_graph *g;
    DRN_TRY(drn_calloc_to(&g, 1, sizeof *g, err));
    g->type = type;
    g->loss = -1;
    *out = g;
    return DRN_OK;
}

void drn_graph_free(drn_graph *g)
{
    if (!g)
        return;
    if (g->run)
        g->backend->close(g->run);
    drn_free(g->values);
    drn_free(g->nodes);
    drn_free(g->arena);
    drn_free(g->state);
    drn_free(g->scratch);
    drn_free(g);
}

/* ---- building ---- */

/* Room for one more element in a growing array. */
static bool reserve(drn_graph *g, void **list, size_t count, size_t *capacity, size_t size)
{
    if (count < *capacity)
        return true;
    size_t bigger = *capacity ? 2 * *capacity : 64;
    void *p;
    if (count > INT32_MAX / 2 || drn_calloc_to(&p, bigger, size, &g->error) != DRN_OK)
        return false;
    if (count)
        memcpy(p, *list, count * size);
    drn_free(*list);
    *list = p;
    *capacity = bigger;
    return true;
}

static drn_value new_value(drn_graph *g, value v)
{
    void *list = g->values;
    size_t elements;
    if (g->error.code != DRN_OK ||
        (v.kind != VALUE_PARAM && drn_shape_elements(&elements, v.shape, &g->error) != DRN_OK) ||
        !reserve(g, &list, g->value_count, &g->value_capacity, sizeof(value)))
        return -1;
    g->values = list;
    g->values[g->value_count] = v;
    return (drn_value)g->value_count++;
}

drn_value drn_graph_input(drn_graph *g, drn_shape shape, bool wants_grad)
{
    return new_value(g, (value){.kind = VALUE_INPUT, .shape = shape, .producer = -1, .needs_grad = wants_grad});
}

drn_value drn_graph_param(drn_graph *g, drn_params *params, const char *name)
{
    const drn_param *p = drn_params_find(params, name);
    if (!p) {
        if (g->error.code == DRN_OK)
            drn_fail(&g->error, DRN_ERR_INTERNAL, "graph: no parameter named '%s'", name);
        return -1;
    }
    return new_value(g, (value){.kind = VALUE_PARAM,
                                .shape = p->shape,
                                .producer = -1,
                                .needs_grad = true,
                                .params = params,
                                .param = (size_t)(p - params->list)});
}

static drn_status check_apply(const drn_graph *g, const drn_op *op, const drn_value *in, int inputs,
                              drn_error *err)
{
    if (inputs < op->min_inputs || inputs > op->max_inputs)
        return drn_fail(err, DRN_ERR_INTERNAL, "%s: %d inputs, takes %d to %d", op->name, inputs,
                        op->min_inputs, op->max_inputs);
    for (int i = 0; i < inputs; i++)
        if (in[i] < 0 || (size_t)in[i] >= g->value_count)
            return drn_fail(err, DRN_ERR_INTERNAL, "%s: input %d is no value", op->name, i);
    return DRN_OK;
}

drn_value drn_graph_apply(drn_graph *g, const drn_op *op, const drn_attr *attr, const drn_value *in,
                          int inputs)
{
    drn_shape shapes[DRN_MAX_INPUTS], out;
    node n = {.op = op, .attr = attr ? *attr : (drn_attr){0}, .inputs = inputs};
    bool grad = false;
    if (g->error.code != DRN_OK || check_apply(g, op, in, inputs, &g->error) != DRN_OK)
        return -1;
    for (int i = 0; i < inputs; i++) {
        shapes[i] = g->values[in[i]].shape;
        grad |= g->values[in[i]].needs_grad;
        n.in[i] = in[i];
    }
    if (op->shape(&out, shapes, inputs, &n.attr, &g->error) != DRN_OK)
        return -1;
    void *list = g->nodes;
    if (!reserve(g, &list, g->node_count, &g->node_capacity, sizeof(node)))
        return -1;
    g->nodes = list;
    n.out = new_value(g, (value){.kind = VALUE_NODE,
                                 .shape = out,
                                 .producer = (int32_t)g->node_count,
                                 .needs_grad = grad && op->backward});
    if (n.out < 0)
        return -1;
    g->nodes[g->node_count++] = n;
    return n.out;
}

void drn_graph_output(drn_graph *g, drn_value v)
{
    if (v >= 0 && (size_t)v < g->value_count)
        g->values[v].output = true;
}

drn_shape drn_graph_shape(const drn_graph *g, drn_value v)
{
    return v >= 0 && (size_t)v < g->value_count ? g->values[v].shape : (drn_shape){0};
}

/* ---- planning ---- */

static void fill_shapes(drn_graph *g, node *n, drn_pool *pool)
{
    drn_call *c = &n->call;
    *c = (drn_call){.attr = &n->attr,
                    .type = g->type,
                    .k = drn_kernels_get(g->type),
                    .pool = pool,
                    .training = g->training,
                    .inputs = n->inputs,
                    .out_shape = g->values[n->out].shape};
    for (int i = 0; i < n->inputs; i++)
        c->in_shape[i] = g->values[n->in[i]].shape;
    if (n->op->plan)
        n->op->plan(c);
}

static drn_status plan_node(drn_graph *g, node *n, drn_pool *pool, drn_error *err)
{
    fill_shapes(g, n, pool);
    size_t state = n->op->state_bytes ? n->op->state_bytes(&n->call) : 0;
    size_t scratch = n->op->scratch_bytes ? n->op->scratch_bytes(&n->call) : 0;
    n->state_at = g->state_bytes;
    DRN_TRY(drn_size_add(&g->state_bytes, g->state_bytes, (state + 63) / 64 * 64, err));
    g->scratch_bytes = scratch > g->scratch_bytes ? scratch : g->scratch_bytes;
    return DRN_OK;
}

static void resolve_value(drn_graph *g, value *v)
{
    if (v->kind == VALUE_PARAM) {
        const drn_param *p = &v->params->list[v->param];
        v->data = drn_params_value(v->params, p);
        v->grad = v->grad_live ? drn_params_grad(v->params, p) : NULL;
        return;
    }
    v->data = g->arena + v->data_at;
    v->grad = v->grad_live ? g->arena + v->grad_at : NULL;
}

/* Pointers of every call; in backward order, so that the first writer of a gradient overwrites it. */
static drn_status resolve_calls(drn_graph *g, drn_error *err)
{
    bool *written = NULL;
    DRN_TRY(drn_calloc_to(&written, g->value_count + 1, sizeof *written, err));
    for (size_t i = g->node_count; i-- > 0;) {
        node *n = &g->nodes[i];
        if (n->dead)
            continue;
        drn_call *c = &n->call;
        c->out = g->values[n->out].data;
        c->dout = g->values[n->out].grad;
        c->state = g->state + n->state_at;
        c->scratch = g->scratch;
        for (int k = 0; k < n->inputs; k++) {
            value *v = &g->values[n->in[k]];
            c->in[k] = v->data;
            c->din[k] = c->dout && n->op->backward ? v->grad : NULL;
            c->accumulate[k] = v->kind == VALUE_PARAM || written[n->in[k]];
            written[n->in[k]] |= c->din[k] != NULL;
        }
    }
    drn_free(written);
    return DRN_OK;
}

drn_status drn_graph_prepare(drn_graph *g, const drn_plan_options *o, drn_error *err)
{
    if (g->error.code != DRN_OK) {
        if (err)
            *err = g->error;
        return g->error.code;
    }
    if (g->planned)
        return drn_fail(err, DRN_ERR_INTERNAL, "graph: planned twice");
    g->planned = g->dirty = true;
    g->training = o->training;
    if (o->training) {
        if (o->loss < 0 || (size_t)o->loss >= g->value_count || drn_elements(g->values[o->loss].shape) != 1)
            return drn_fail(err, DRN_ERR_INTERNAL, "graph: the loss is not a scalar");
        g->loss = o->loss;
        g->values[g->loss].output = true;
    }
    g->merge = !o->training && !o->backend && g->type == DRN_FLOAT32;
    if (!o->no_fusion)
        drn_graph_fuse(g);
    for (size_t i = 0; i < g->node_count; i++)
        if (!g->nodes[i].dead)
            DRN_TRY(plan_node(g, &g->nodes[i], o->pool, err));
    return drn_graph_place(g, err);
}

drn_status drn_graph_plan(drn_graph *g, const drn_plan_options *o, drn_error *err)
{
    DRN_TRY(drn_graph_prepare(g, o, err));
    g->backend = o->backend;
    if (g->backend)
        return g->backend->open(&g->run, g, o->device, err);
    DRN_TRY(drn_alloc_to(&g->arena, g->arena_bytes + 64, 1, err));
    DRN_TRY(drn_alloc_to(&g->state, g->state_bytes + 64, 1, err));
    DRN_TRY(drn_alloc_to(&g->scratch, g->scratch_bytes + 64, 1, err));
    for (size_t v = 0; v < g->value_count; v++) {
        resolve_value(g, &g->values[v]);
        if (g->values[v].kind == VALUE_INPUT)
            memset(g->values[v].data, 0, drn_elements(g->values[v].shape) * drn_dtype_size(g->type));
    }
    return resolve_calls(g, err);
}

/* ---- running ---- */

void *drn_graph_data(const drn_graph *g, drn_value v)
{
    if (g->run)
        return g->backend->data(g->run, v);
    return v >= 0 && (size_t)v < g->value_count ? g->values[v].data : NULL;
}

void *drn_graph_grad(const drn_graph *g, drn_value v)
{
    if (g->run)
        return g->backend->grad(g->run, v);
    return v >= 0 && (size_t)v < g->value_count ? g->values[v].grad : NULL;
}

void drn_graph_params_changed(drn_graph *g)
{
    g->dirty = true;
    if (g->run)
        g->backend->params_changed(g->run);
}

drn_status drn_graph_status(const drn_graph *g, drn_error *err)
{
    if (err && g->error.code != DRN_OK)
        *err = g->error;
    return g->error.code;
}

void drn_graph_forward(drn_graph *g)
{
    if (g->run) {
        if (g->error.code == DRN_OK)
            g->backend->forward(g->run, &g->error);
        return;
    }
    for (size_t i = 0; g->dirty && i < g->node_count; i++)
        if (!g->nodes[i].dead && g->nodes[i].op->prepare)
            g->nodes[i].op->prepare(&g->nodes[i].call);
    g->dirty = false;
    for (size_t i = 0; i < g->node_count; i++)
        if (!g->nodes[i].dead)
            g->nodes[i].op->forward(&g->nodes[i].call);
}

void drn_graph_backward(drn_graph *g)
{
    if (g->run) {
        if (g->error.code == DRN_OK)
            g->backend->backward(g->run, &g->error);
        return;
    }
    void *seed = g->values[g->loss].grad;
    if (g->type == DRN_FLOAT64)
        *(double *)seed = 1;
    else
        *(float *)seed = 1;
    for (size_t i = g->node_count; i-- > 0;) {
        node *n = &g->nodes[i];
        if (!n->dead && n->call.dout && n->op->backward)
            n->op->backward(&n->call);
    }
}

/* ---- what it costs ---- */

size_t drn_graph_arena_bytes(const drn_graph *g)
{
    return g->arena_bytes;
}

size_t drn_graph_state_bytes(const drn_graph *g)
{
    return g->state_bytes + g->scratch_bytes;
}

static double node_macs(const drn_graph *g, const node *n)
{
    if (!n->dead && n->op == &drn_op_up_image) { /* of the two convolutions that it stands for */
        drn_shape a = g->values[n->in[1]].shape, b = g->values[n->in[3]].shape, y = g->values[n->out].shape;
        return (double)y.n * y.h * y.w * 9 * ((double)a.n * a.c / 4 + (double)b.n * b.c);
    }
    if (n->dead || (n->op != &drn_op_conv2d && n->op != &drn_op_conv_transpose2d))
        return 0;
    bool t = n->op == &drn_op_conv_transpose2d;
    drn_shape w = g->values[n->in[1]].shape, at = g->values[t ? n->in[0] : n->out].shape;
    double f = n->attr.factor > 1 ? n->attr.factor : 1; /* fused shuffle: at is larger by that */
    return (double)w.n * w.c * w.h * w.w * at.n * at.h * at.w / (f * f);
}

double drn_graph_macs(const drn_graph *g)
{
    double macs = 0;
    for (size_t i = 0; i < g->node_count; i++)
        macs += node_macs(g, &g->nodes[i]);
    return macs;
}

size_t drn_graph_nodes(const drn_graph *g)
{
    return g->node_count;
}

void drn_graph_node_info(const drn_graph *g, size_t i, drn_node_info *info)
{
    const node *n = &g->nodes[i];
    *info = (drn_node_info){.op = n->dead ? NULL : n->op->name,
                            .param = "",
                            .in = g->values[n->in[0]].shape,
                            .out = g->values[n->out].shape,
                            .macs = node_macs(g, n),
                            .kernel = n->call.conv[0] ? n->call.conv[0]->name : ""};
    for (int k = n->inputs; k-- > 0;) {
        const value *v = &g->values[n->in[k]];
        if (v->kind == VALUE_PARAM)
            info->param = v->params->list[v->param].name;
    }
}
