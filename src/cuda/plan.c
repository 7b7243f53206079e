/* From a prepared graph to calls on the device: which epilogues and gradients are fused, in which order
 * gradients are written, where every buffer lies.
 *
 * Beyond the fusion the graph already has, three things save passes over memory:
 *   - conv2d -> pixel_shuffle of factor 2: the convolution stores (and backward reads) the shuffled tensor;
 *   - the mask of an activation's backward is applied by the last call that writes that gradient;
 *   - a residual's gradient is not copied: the next call that writes it adds it. */
#include "base/mem.h"
#include "cuda/run.h"

#include <string.h>

static const value *value_of(const drn_drun *r, drn_value v)
{
    return &r->graph->values[v];
}

static bool is_param(const drn_drun *r, drn_value v)
{
    return value_of(r, v)->kind == VALUE_PARAM;
}

/* Tensor of a shape in memory p: features (8 channels and more) in the precision's type, the rest float32. */
drn_dten drn_drun_tensor(const drn_drun *r, drn_shape s, void *p)
{
    bool feature = s.c >= DRN_BLOCK;
    return (drn_dten){.p = p,
                      .n = s.n,
                      .h = s.h,
                      .w = s.w,
                      .c = s.c,
                      .cs = feature ? drn_padded_channels(s.c) : s.c,
                      .half = feature && r->dev->precision == DRN_NUMBERS_BF16};
}

static size_t tensor_bytes(const drn_drun *r, drn_shape s)
{
    drn_dten t = drn_drun_tensor(r, s, NULL);
    size_t bytes = (size_t)t.n * (size_t)t.h * (size_t)t.w * (size_t)t.cs * (t.half ? 2 : 4);
    return (bytes + 255) / 256 * 256;
}

/* ---- calls ---- */

static drn_status copy_calls(drn_drun *r, drn_error *err)
{
    const drn_graph *g = r->graph;
    DRN_TRY(drn_calloc_to(&r->calls, g->node_count + 1, sizeof *r->calls, err));
    for (size_t i = 0; i < g->node_count; i++) {
        const node *n = &g->nodes[i];
        if (n->dead)
            continue;
        drn_dcall *c = &r->calls[r->count++];
        *c = (drn_dcall){.op = n->op, .dop = drn_dop_find(n->op), .attr = n->attr, .training = g->training,
                         .inputs = n->inputs, .out_value = n->out, .addend = -1};
        if (!c->dop)
            return drn_fail(err, DRN_ERR_UNSUPPORTED, "CUDA: the operation %s is not there", n->op->name);
        memcpy(c->in_value, n->in, sizeof c->in_value);
    }
    return DRN_OK;
}

static size_t uses(const drn_drun *r, drn_value v, drn_dcall **user)
{
    size_t n = 0;
    for (size_t i = 0; i < r->count; i++)
        for (int k = 0; k < r->calls[i].inputs; k++)
            if (r->calls[i].in_value[k] == v) {
                *user = &r->calls[i];
                n++;
            }
    return n;
}

/* Shapes the kernels ask for before memory is there. */
static void fill_shapes(drn_drun *r, drn_dcall *c)
{
    for (int k = 0; k < c->inputs; k++) {
        drn_shape s = value_of(r, c->in_value[k])->shape;
        c->in[k] = is_param(r, c->in_value[k]) ? (drn_dten){.n = s.n, .h = s.h, .w = s.w, .c = s.c, .cs = s.c}
                                               : drn_drun_tensor(r, s, NULL);
    }
    c->out = drn_drun_tensor(r, value_of(r, c->out_value)->shape, NULL);
}

static void remove_call(drn_drun *r, drn_dcall *c)
{
    size_t at = (size_t)(c - r->calls);
    memmove(c, c + 1, (r->count - at - 1) * sizeof *c);
    r->count--;
}

static void fuse_shuffles(drn_drun *r)
{
    for (size_t i = 0; i < r->count; i++) {
        drn_dcall *c = &r->calls[i], *user;
        if (c->op != &drn_op_conv2d || value_of(r, c->out_value)->output || c->out_value == r->graph->loss ||
            uses(r, c->out_value, &user) != 1 || user->op != &drn_op_pixel_shuffle || user->attr.factor != 2 ||
            !drn_dconv_can_shuffle(r, c, value_of(r, user->out_value)->shape))
            continue;
        c->out_value = user->out_value;
        c->conv.sub = 4;
        c->attr.factor = 2;
        remove_call(r, user);
    }
}

/* ---- gradients ---- */

static bool flows(const drn_drun *r, const drn_dcall *c)
{
    return r->graph->training && c->op->backward && value_of(r, c->out_value)->grad_live;
}

static bool wants(const drn_drun *r, const drn_dcall *c, int k)
{
    return flows(r, c) && value_of(r, c->in_value[k])->grad_live && c->in_value[k] != c->out_value &&
           (is_param(r, c->in_value[k]) || value_of(r, c->in_value[k])->needs_grad);
}

static bool is_residual(const drn_dcall *c, int k)
{
    return c->op == &drn_op_conv2d && c->attr.residual && k == c->inputs - 1;
}

/* The call before call `at` in the graph, after it in backward, that writes v's gradient next. */
static drn_dcall *next_writer(drn_drun *r, size_t at, drn_value v, int *input)
{
    for (size_t i = at; i-- > 0;)
        for (int k = 0; k < r->calls[i].inputs; k++)
            if (r->calls[i].in_value[k] == v && wants(r, &r->calls[i], k)) {
                *input = k;
                return &r->calls[i];
            }
    return NULL;
}

static void order_gradients(drn_drun *r, bool *written)
{
    for (size_t i = r->count; i-- > 0;) {
        drn_dcall *c = &r->calls[i], *next;
        for (int k = 0; k < c->inputs; k++) {
            drn_value v = c->in_value[k];
            int input = 0;
            if (!wants(r, c, k))
                continue;
            if (is_residual(c, k) && !written[v] && (next = next_writer(r, i, v, &input)) &&
                next->op == &drn_op_conv2d && input == 0 && next->addend < 0) {
                c->residual_passed = true;
                next->addend = c->out_value;
                continue;
            }
            c->accumulate[k] = is_param(r, v) || written[v];
            written[v] = true;
        }
    }
}

/* An activation fused into convolution c: can the last writer of its gradient apply the mask? */
static void fuse_mask(drn_drun *r, size_t at)
{
    drn_dcall *c = &r->calls[at], *last = NULL;
    int input = 0;
    if (c->op != &drn_op_conv2d || !c->attr.activate || !flows(r, c) || c->out_value == r->graph->loss)
        return;
    for (size_t i = at + 1; i < r->count && !last; i++)
        for (int k = r->calls[i].inputs; k-- > 0 && !last;)
            if (r->calls[i].in_value[k] == c->out_value && wants(r, &r->calls[i], k)) {
                last = &r->calls[i];
                input = k;
            }
    if (!last || last->op != &drn_op_conv2d || input != 0 || last->mask_input)
        return;
    last->mask_input = true;
    last->mask_slope = (float)c->attr.slope;
    c->dout_masked = true;
}

/* ---- places ---- */

static unsigned reads(const drn_dcall *c)
{
    unsigned n = c->op->reads;
    if (c->op == &drn_op_conv2d && (!c->attr.activate || c->dout_masked))
        n &= ~(unsigned)DRN_READS_OUTPUT;
    return n;
}

static void widen(drn_span *s, int64_t t)
{
    s->from = t < s->from ? t : s->from;
    s->to = t > s->to ? t : s->to;
}

/* Times: call i runs forward at i, backward at 2 * count - 1 - i. */
static void call_spans(const drn_drun *r, size_t i, drn_span *data, drn_span *grad)
{
    const drn_dcall *c = &r->calls[i];
    int64_t forward = (int64_t)i, backward = 2 * (int64_t)r->count - 1 - forward;
    widen(&data[c->out_value], forward);
    for (int k = 0; k < c->inputs; k++)
        widen(&data[c->in_value[k]], forward);
    if (!flows(r, c))
        return;
    widen(&grad[c->out_value], backward);
    if (c->addend >= 0)
        widen(&grad[c->addend], backward);
    if (reads(c) & DRN_READS_OUTPUT)
        widen(&data[c->out_value], backward);
    for (int k = 0; k < c->inputs; k++) {
        if ((reads(c) & DRN_READS_INPUTS) && !is_residual(c, k))
            widen(&data[c->in_value[k]], backward);
        if (wants(r, c, k) && !(is_residual(c, k) && c->residual_passed))
            widen(&grad[c->in_value[k]], backward);
    }
}

static drn_status place(drn_drun *r, drn_span *spans, drn_error *err)
{
    const drn_graph *g = r->graph;
    size_t n = g->value_count, used = 0;
    int64_t end = 2 * (int64_t)r->count;
    drn_span *data = spans, *grad = spans + n;
    for (size_t v = 0; v < n; v++) {
        data[v] = grad[v] = (drn_span){.from = INT64_MAX, .to = -1};
        data[v].at = &r->data_at[v];
        grad[v].at = &r->grad_at[v];
        data[v].bytes = grad[v].bytes = tensor_bytes(r, g->values[v].shape);
        r->data_at[v] = r->grad_at[v] = SIZE_MAX;
    }
    for (size_t i = 0; i < r->count; i++)
        call_spans(r, i, data, grad);
    for (size_t v = 0; v < n; v++) {
        const value *x = &g->values[v];
        if (x->kind == VALUE_INPUT || (x->output && data[v].to >= 0)) {
            widen(&data[v], x->kind == VALUE_INPUT ? -1 : data[v].from);
            widen(&data[v], end);
        }
        if (x->kind == VALUE_INPUT && grad[v].to >= 0)
            widen(&grad[v], end);
        if ((drn_value)v == g->loss)
            widen(&grad[v], (int64_t)r->count);
    }
    for (size_t i = 0; i < 2 * n; i++)
        if (spans[i].to >= 0 && g->values[i % n].kind != VALUE_PARAM)
            spans[used++] = spans[i];
    return drn_spans_place(spans, used, &r->arena_bytes, err);
}

drn_status drn_drun_plan(drn_drun *r, drn_error *err)
{
    drn_status st = DRN_OK;
    size_t n = r->graph->value_count + 1;
    bool *written = NULL;
    drn_span *spans = NULL;
    DRN_TRY(copy_calls(r, err));
    for (size_t i = 0; i < r->count; i++)
        fill_shapes(r, &r->calls[i]);
    fuse_shuffles(r);
    for (size_t i = 0; i < r->count; i++) {
        fill_shapes(r, &r->calls[i]);
        if (r->calls[i].op == &drn_op_conv2d || r->calls[i].op == &drn_op_conv_transpose2d)
            drn_dconv_plan(r, &r->calls[i]);
    }
    DRN_CHECK(drn_calloc_to(&written, n, sizeof *written, err));
    DRN_CHECK(drn_calloc_to(&spans, 2 * n, sizeof *spans, err));
    DRN_CHECK(drn_alloc_to(&r->data_at, n, sizeof *r->data_at, err));
    DRN_CHECK(drn_alloc_to(&r->grad_at, n, sizeof *r->grad_at, err));
    order_gradients(r, written);
    for (size_t i = 0; i < r->count; i++)
        fuse_mask(r, i);
    DRN_CHECK(place(r, spans, err));
done:
    drn_free(written);
    drn_free(spans);
    return st;
}
