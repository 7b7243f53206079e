/* Memory plan: every value and gradient lives for an interval of the timeline (node i runs forward at
 * time i, backward at time 2n-1-i); buffers whose intervals meet may not overlap in the arena. */
#include "base/mem.h"
#include "graph/internal.h"

#include <stdlib.h>

typedef drn_span span;

/* What backward of a node reads, after fusion. */
static unsigned reads(const node *n)
{
    unsigned r = n->op->reads;
    if (n->op == &drn_op_conv2d && !n->attr.activate)
        r &= ~(unsigned)DRN_READS_OUTPUT;
    return r;
}

static void mark_gradients(drn_graph *g)
{
    if (!g->training)
        return;
    g->values[g->loss].grad_live = true;
    for (size_t i = g->node_count; i-- > 0;) {
        node *n = &g->nodes[i];
        if (n->dead || !g->values[n->out].grad_live || !n->op->backward)
            continue;
        for (int k = 0; k < n->inputs; k++)
            if (g->values[n->in[k]].needs_grad)
                g->values[n->in[k]].grad_live = true;
    }
}

static bool runs_backward(const drn_graph *g, const node *n)
{
    return g->training && n->op->backward && g->values[n->out].grad_live;
}

/* First and last time the data of v is needed. */
static void data_span(const drn_graph *g, drn_value v, span *s)
{
    const value *x = &g->values[v];
    int64_t n = (int64_t)g->node_count, last = 2 * n;
    s->from = x->kind == VALUE_INPUT ? -1 : x->producer;
    s->to = x->kind == VALUE_INPUT || x->output ? last : x->producer;
    if (x->kind == VALUE_NODE && runs_backward(g, &g->nodes[x->producer]) &&
        (reads(&g->nodes[x->producer]) & DRN_READS_OUTPUT) && s->to < last - 1 - x->producer)
        s->to = last - 1 - x->producer;
    for (int64_t i = 0; i < n; i++) {
        const node *u = &g->nodes[i];
        for (int k = 0; !u->dead && k < u->inputs; k++) {
            if (u->in[k] != v)
                continue;
            int64_t until = runs_backward(g, u) && (reads(u) & DRN_READS_INPUTS) ? last - 1 - i : i;
            s->to = until > s->to ? until : s->to;
        }
    }
}

static void grad_span(const drn_graph *g, drn_value v, span *s)
{
    const value *x = &g->values[v];
    int64_t n = (int64_t)g->node_count, last = 2 * n;
    s->from = v == g->loss ? n : last;
    for (int64_t i = n - 1; i >= 0 && v != g->loss; i--) {
        const node *u = &g->nodes[i];
        for (int k = 0; !u->dead && k < u->inputs; k++)
            if (u->in[k] == v && runs_backward(g, u) && last - 1 - i < s->from)
                s->from = last - 1 - i;
    }
    s->to = x->kind == VALUE_INPUT ? last : last - 1 - x->producer;
}

static int larger_first(const void *a, const void *b)
{
    const span *x = a, *y = b;
    if (x->bytes != y->bytes)
        return x->bytes < y->bytes ? 1 : -1;
    return (x->from > y->from) - (x->from < y->from);
}

static int lower_first(const void *a, const void *b)
{
    const span *x = *(span *const *)a, *y = *(span *const *)b;
    return (*x->at > *y->at) - (*x->at < *y->at);
}

/* Lowest gap that fits among the spans placed before and alive at the same time. */
static size_t find_gap(span *spans, size_t placed, const span *s, span **alive)
{
    size_t n = 0, at = 0;
    for (size_t i = 0; i < placed; i++)
        if (spans[i].from <= s->to && s->from <= spans[i].to)
            alive[n++] = &spans[i];
    if (n)
        qsort(alive, n, sizeof *alive, lower_first);
    for (size_t i = 0; i < n; i++) {
        if (*alive[i]->at >= at && *alive[i]->at - at >= s->bytes)
            break;
        size_t end = *alive[i]->at + alive[i]->bytes;
        at = end > at ? end : at;
    }
    return at;
}

static void add_span(span *spans, size_t *n, const span *s, drn_shape shape, drn_dtype type, size_t *out)
{
    spans[*n] = *s;
    spans[*n].bytes = (drn_elements(shape) * drn_dtype_size(type) + 63) / 64 * 64;
    spans[(*n)++].at = out;
}

drn_status drn_spans_place(drn_span *spans, size_t n, size_t *total, drn_error *err)
{
    span **alive;
    drn_status st = DRN_OK;
    *total = 0;
    DRN_TRY(drn_alloc_to(&alive, n + 1, sizeof *alive, err));
    if (n)
        qsort(spans, n, sizeof *spans, larger_first);
    for (size_t i = 0; i < n; i++) {
        size_t end, at = find_gap(spans, i, &spans[i], alive);
        *spans[i].at = at;
        DRN_CHECK(drn_size_add(&end, at, spans[i].bytes, err));
        *total = end > *total ? end : *total;
    }
done:
    drn_free(alive);
    return st;
}

drn_status drn_graph_place(drn_graph *g, drn_error *err)
{
    drn_status st = DRN_OK;
    span *spans = NULL;
    size_t n = 0, most = 2 * g->value_count + 1;
    mark_gradients(g);
    DRN_CHECK(drn_alloc_to(&spans, most, sizeof *spans, err));
    for (size_t v = 0; v < g->value_count; v++) {
        value *x = &g->values[v];
        span s = {0};
        if (x->kind == VALUE_PARAM ||
            (x->kind == VALUE_NODE && (g->nodes[x->producer].dead || g->nodes[x->producer].out != (drn_value)v)))
            continue;
        data_span(g, (drn_value)v, &s);
        add_span(spans, &n, &s, x->shape, g->type, &x->data_at);
        if (!x->grad_live)
            continue;
        grad_span(g, (drn_value)v, &s);
        add_span(spans, &n, &s, x->shape, g->type, &x->grad_at);
    }
    DRN_CHECK(drn_spans_place(spans, n, &g->arena_bytes, err));
done:
    drn_free(spans);
    return st;
}
