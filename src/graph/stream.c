#include "graph/stream.h"

#include "base/mem.h"
#include "graph/internal.h"

#include <string.h>
#include <time.h>

/* A tensor on its way through the bands. */
typedef struct tensor {
    int32_t ready;       /* rows 0 .. ready - 1 have been made */
    int32_t kept;        /* rows kept .. ready - 1 stand in the band */
    int32_t limit;       /* most new rows in a band */
    int32_t band, store; /* most rows in the band, most kept until the next */
    int32_t first, last; /* first and last time it is used in a band, by node; -1: before the first */
    size_t band_at, store_at; /* bytes in the arena */
    bool live;
} tensor;

typedef struct use {
    int32_t node, input;
} use;

struct drn_stream {
    drn_graph *g;
    drn_value input, output;
    drn_pool *pool;
    tensor *tensors; /* [value_count] */
    use *uses;       /* those of value v: use_at[v] .. use_at[v + 1] - 1 */
    size_t *use_at;  /* [value_count + 2] */
    double *seconds; /* [node_count], NULL: not timed */
    double moving;
    char *arena, *state, *scratch;
    size_t arena_bytes, scratch_bytes;
};

/* ---- what depends on what ---- */

/* Rows [*from, *to) of a node's output become those of its input i, cut to what exists. */
static void needed(int32_t *from, int32_t *to, const drn_graph *g, const node *n, int i)
{
    int32_t h = g->values[n->in[i]].shape.h;
    if (n->op->rows_needed)
        n->op->rows_needed(from, to, &n->call, i);
    *from = *from < 0 ? 0 : *from > h ? h : *from;
    *to = *to < 0 ? 0 : *to > h ? h : *to;
}

static bool is_tensor(const drn_graph *g, drn_value v)
{
    return g->values[v].kind != VALUE_PARAM;
}

/* Rows that a node can have made when its inputs are as far as they are. */
static int32_t reachable(const drn_stream *s, const node *n)
{
    int32_t lo = s->tensors[n->out].ready, hi = s->g->values[n->out].shape.h;
    while (lo < hi) { /* lo rows are possible; more than hi are not */
        int32_t mid = hi - (hi - lo) / 2, most = mid;
        bool possible = true;
        for (int i = 0; i < n->inputs; i++) {
            int32_t from = mid - 1, to = mid;
            if (!is_tensor(s->g, n->in[i]))
                continue;
            needed(&from, &to, s->g, n, i);
            possible &= to <= s->tensors[n->in[i]].ready;
        }
        if (possible)
            lo = most;
        else
            hi = mid - 1;
    }
    return lo;
}

/* New rows of a node's output in this band. */
static int32_t next_rows(const drn_stream *s, const node *n)
{
    const tensor *t = &s->tensors[n->out];
    int32_t rows = reachable(s, n) - t->ready;
    return rows < t->limit ? rows : t->limit;
}

/* First row of v that somebody needs to make further rows. */
static int32_t still_needed(const drn_stream *s, drn_value v)
{
    const drn_graph *g = s->g;
    int32_t first = s->tensors[v].ready;
    for (size_t k = s->use_at[v]; k < s->use_at[v + 1]; k++) {
        const node *n = &g->nodes[s->uses[k].node];
        int32_t from = s->tensors[n->out].ready, to = from + 1;
        if (from >= g->values[n->out].shape.h)
            continue;
        needed(&from, &to, g, n, s->uses[k].input);
        first = from < first ? from : first;
    }
    return first;
}

/* ---- plan ---- */

static void begin(drn_stream *s)
{
    for (size_t v = 0; v < s->g->value_count; v++)
        s->tensors[v].ready = s->tensors[v].kept = 0;
}

static bool finished(const drn_stream *s)
{
    return s->tensors[s->output].ready == s->g->values[s->output].shape.h;
}

/* Rows of the input that the next band brings. */
static int32_t input_rows(const drn_stream *s)
{
    const tensor *t = &s->tensors[s->input];
    int32_t left = s->g->values[s->input].shape.h - t->ready;
    return left < t->limit ? left : t->limit;
}

/* v gets more rows: remember the most it ever holds. */
static void grow(drn_stream *s, drn_value v, int32_t rows)
{
    tensor *t = &s->tensors[v];
    t->ready += rows;
    t->band = t->ready - t->kept > t->band ? t->ready - t->kept : t->band;
}

/* Run all bands without doing anything, to see how many rows of everything there are at a time. */
static void rehearse(drn_stream *s)
{
    drn_graph *g = s->g;
    begin(s);
    while (!finished(s)) {
        grow(s, s->input, input_rows(s));
        for (size_t i = 0; i < g->node_count; i++)
            if (!g->nodes[i].dead)
                grow(s, g->nodes[i].out, next_rows(s, &g->nodes[i]));
        for (size_t v = 0; v < g->value_count; v++) {
            tensor *t = &s->tensors[v];
            if (!t->live)
                continue;
            t->kept = still_needed(s, (drn_value)v);
            t->store = t->ready - t->kept > t->store ? t->ready - t->kept : t->store;
        }
    }
}

/* List the uses of every value by live nodes: count, then place. */
static drn_status find_uses(drn_stream *s, drn_error *err)
{
    const drn_graph *g = s->g;
    DRN_TRY(drn_calloc_to(&s->use_at, g->value_count + 2, sizeof *s->use_at, err));
    DRN_TRY(drn_calloc_to(&s->uses, g->node_count * DRN_MAX_INPUTS + 1, sizeof *s->uses, err));
    for (int pass = 0; pass < 2; pass++) {
        for (size_t i = 0; i < g->node_count; i++)
            for (int k = 0; !g->nodes[i].dead && k < g->nodes[i].inputs; k++) {
                drn_value v = g->nodes[i].in[k];
                if (pass == 0)
                    s->use_at[v + 2]++;
                else
                    s->uses[s->use_at[v + 1]++] = (use){(int32_t)i, k};
            }
        for (size_t v = 2; pass == 0 && v < g->value_count + 2; v++)
            s->use_at[v] += s->use_at[v - 1];
    }
    return DRN_OK;
}

/* Rows of a tensor that stand for `rows` of the input; whole groups of a shuffle. */
static int32_t scaled(int64_t rows, int32_t h, int32_t input_h)
{
    int64_t n = (rows * h + input_h - 1) / input_h, group = h > input_h ? h / input_h : 1;
    n = (n + group - 1) / group * group;
    return n > h ? h : n < 1 ? 1 : (int32_t)n;
}

static void find_lives(drn_stream *s, int32_t rows)
{
    drn_graph *g = s->g;
    int32_t h = g->values[s->input].shape.h;
    for (size_t v = 0; v < g->value_count; v++)
        s->tensors[v] = (tensor){.first = -1, .last = -1};
    s->tensors[s->input].live = true;
    for (size_t i = 0; i < g->node_count; i++) {
        const node *n = &g->nodes[i];
        if (n->dead)
            continue;
        s->tensors[n->out].live = true;
        s->tensors[n->out].first = s->tensors[n->out].last = (int32_t)i;
        for (int k = 0; k < n->inputs; k++)
            s->tensors[n->in[k]].last = (int32_t)i;
    }
    for (size_t v = 0; v < g->value_count; v++)
        if (s->tensors[v].live)
            s->tensors[v].limit = scaled(rows, g->values[v].shape.h, h);
}

static size_t rows_bytes(const drn_stream *s, drn_value v, int32_t rows)
{
    drn_shape shape = s->g->values[v].shape;
    shape.h = rows;
    return (drn_elements(shape) * drn_dtype_size(s->g->type) + 63) / 64 * 64;
}

/* Bands live from the node that makes them to the last that reads them; kept rows always. */
static drn_status place(drn_stream *s, drn_error *err)
{
    drn_span *spans;
    size_t n = 0;
    int64_t end = (int64_t)s->g->node_count;
    DRN_TRY(drn_alloc_to(&spans, 2 * s->g->value_count + 1, sizeof *spans, err));
    for (size_t v = 0; v < s->g->value_count; v++) {
        tensor *t = &s->tensors[v];
        if (!t->live)
            continue;
        spans[n++] = (drn_span){t->first, t->last, rows_bytes(s, (drn_value)v, t->band), &t->band_at};
        if (t->store)
            spans[n++] = (drn_span){-1, end, rows_bytes(s, (drn_value)v, t->store), &t->store_at};
    }
    drn_status st = drn_spans_place(spans, n, &s->arena_bytes, err);
    drn_free(spans);
    return st;
}

static void find_scratch(drn_stream *s)
{
    for (size_t i = 0; i < s->g->node_count; i++) {
        const node *n = &s->g->nodes[i];
        if (n->dead || !n->op->rows_scratch)
            continue;
        size_t bytes = n->op->rows_scratch(&n->call, s->tensors[n->out].limit);
        s->scratch_bytes = bytes > s->scratch_bytes ? bytes : s->scratch_bytes;
    }
}

static drn_status check(const drn_graph *g, drn_value input, drn_error *err)
{
    if (g->values[input].shape.n != 1)
        return drn_fail(err, DRN_ERR_UNSUPPORTED, "stream: %d images, runs one", g->values[input].shape.n);
    for (size_t i = 0; i < g->node_count; i++)
        if (!g->nodes[i].dead && !g->nodes[i].op->forward_rows)
            return drn_fail(err, DRN_ERR_UNSUPPORTED, "stream: %s needs whole tensors", g->nodes[i].op->name);
    return DRN_OK;
}

/* ---- buffers and weights ---- */

static void prepare_node(void *ctx, size_t i, int thread)
{
    const node *n = &((const drn_graph *)ctx)->nodes[i];
    (void)thread;
    if (!n->dead && n->op->prepare)
        n->op->prepare(&n->call);
}

/* Pointers to parameters, to the state and the scratch; kernels pack their weights. */
static void resolve(drn_stream *s)
{
    drn_graph *g = s->g;
    for (size_t i = 0; i < g->node_count; i++) {
        node *n = &g->nodes[i];
        if (n->dead)
            continue;
        n->call.state = s->state + n->state_at;
        n->call.scratch = s->scratch;
        for (int k = 0; k < n->inputs; k++) {
            const value *v = &g->values[n->in[k]];
            n->call.in[k] = v->kind == VALUE_PARAM ? drn_params_value(v->params, &v->params->list[v->param]) : NULL;
        }
    }
    drn_pool_run(s->pool, g->node_count, prepare_node, g);
}

static drn_status allocate(drn_stream *s, bool timed, drn_error *err)
{
    if (timed)
        DRN_TRY(drn_calloc_to(&s->seconds, s->g->node_count + 1, sizeof *s->seconds, err));
    DRN_TRY(drn_alloc_to(&s->arena, s->arena_bytes + 64, 1, err));
    DRN_TRY(drn_alloc_to(&s->state, s->g->state_bytes + 64, 1, err));
    DRN_TRY(drn_alloc_to(&s->scratch, s->scratch_bytes + 64, 1, err));
    resolve(s);
    return DRN_OK;
}

drn_status drn_stream_new(drn_stream **out, drn_graph *g, drn_value input, drn_value output, drn_pool *pool,
                          const drn_stream_options *options, drn_error *err)
{
    drn_stream *s = NULL;
    drn_status st;
    DRN_TRY(drn_graph_prepare(g, &(drn_plan_options){.loss = -1, .pool = pool}, err));
    DRN_TRY(check(g, input, err));
    DRN_CHECK(drn_calloc_to(&s, 1, sizeof *s, err));
    *s = (drn_stream){.g = g, .input = input, .output = output, .pool = pool};
    DRN_CHECK(drn_calloc_to(&s->tensors, g->value_count + 1, sizeof *s->tensors, err));
    DRN_CHECK(find_uses(s, err));
    int32_t h = g->values[input].shape.h, rows = options->rows;
    find_lives(s, rows > 0 && rows < h ? rows : h);
    rehearse(s);
    find_scratch(s);
    DRN_CHECK(place(s, err));
    if (!options->plan_only)
        DRN_CHECK(allocate(s, options->timed, err));
    *out = s;
    s = NULL;
done:
    drn_stream_free(s);
    return st;
}

void drn_stream_free(drn_stream *s)
{
    if (!s)
        return;
    drn_free(s->tensors);
    drn_free(s->uses);
    drn_free(s->use_at);
    drn_free(s->seconds);
    drn_free(s->arena);
    drn_free(s->state);
    drn_free(s->scratch);
    drn_free(s);
}

/* ---- running ---- */

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static drn_band band_of(const drn_stream *s, drn_value v)
{
    const tensor *t = &s->tensors[v];
    return (drn_band){s->arena + t->band_at, t->kept, t->ready - t->kept, t->band};
}

typedef struct move_job {
    char *to;
    const char *from;
    size_t to_plane, from_plane, bytes;
} move_job;

static void move_chunk(void *ctx, size_t plane, int thread)
{
    const move_job *j = ctx;
    (void)thread;
    memcpy(j->to + plane * j->to_plane, j->from + plane * j->from_plane, j->bytes);
}

/* Rows kept .. ready - 1 from the store to the beginning of the band, or back. */
static void move(drn_stream *s, drn_value v, int32_t rows, bool to_store)
{
    enum { WORTH_THREADS = 1 << 18 };
    tensor *t = &s->tensors[v];
    drn_shape shape = s->g->values[v].shape;
    size_t row = (size_t)shape.w * (size_t)drn_block_for(shape.c) * drn_dtype_size(s->g->type);
    size_t planes = (size_t)drn_channel_blocks(shape.c, drn_block_for(shape.c));
    size_t store = (size_t)t->store * row, band = (size_t)t->band * row, bytes = (size_t)rows * row;
    double start = s->seconds ? now() : 0;
    if (rows == 0)
        return;
    move_job j = {s->arena + t->band_at, s->arena + t->store_at, band, store, bytes};
    if (to_store)
        j = (move_job){s->arena + t->store_at, s->arena + t->band_at + (size_t)(t->ready - t->kept - rows) * row,
                       store, band, bytes};
    drn_pool_run(bytes * planes > WORTH_THREADS ? s->pool : NULL, planes, move_chunk, &j);
    if (s->seconds)
        s->moving += now() - start;
}

/* Put back what is kept of v, before new rows are added. */
static void open_band(drn_stream *s, drn_value v)
{
    move(s, v, s->tensors[v].ready - s->tensors[v].kept, false);
}

/* Keep the rows of v that are still needed. */
static void close_band(drn_stream *s, drn_value v)
{
    tensor *t = &s->tensors[v];
    int32_t first = still_needed(s, v);
    move(s, v, t->ready - first, true);
    t->kept = first;
}

static void run_node(drn_stream *s, size_t i)
{
    const node *n = &s->g->nodes[i];
    tensor *t = &s->tensors[n->out];
    drn_band in[DRN_MAX_INPUTS];
    open_band(s, n->out);
    int32_t y = t->ready, rows = next_rows(s, n);
    if (rows == 0)
        return;
    double start = s->seconds ? now() : 0;
    for (int k = 0; k < n->inputs; k++)
        in[k] = is_tensor(s->g, n->in[k]) ? band_of(s, n->in[k]) : (drn_band){0};
    t->ready += rows;
    drn_band out = band_of(s, n->out);
    n->op->forward_rows(&n->call, in, &out, y, rows);
    if (s->seconds)
        s->seconds[i] += now() - start;
}

/* The new rows of v, of which `rows` are new. */
static drn_band new_rows(const drn_stream *s, drn_value v, int32_t rows)
{
    drn_band b = band_of(s, v);
    b.data = drn_band_row(&b, s->g->values[v].shape, s->g->type, 0, b.y + b.rows - rows);
    b.y += b.rows - rows;
    b.rows = rows;
    return b;
}

static drn_status run_band(drn_stream *s, const drn_stream_io *io, drn_error *err)
{
    drn_graph *g = s->g;
    int32_t rows = input_rows(s);
    open_band(s, s->input);
    s->tensors[s->input].ready += rows;
    drn_band fresh = new_rows(s, s->input, rows);
    if (rows)
        DRN_TRY(io->read(io->ctx, &fresh, err));
    for (size_t i = 0; i < g->node_count; i++) {
        if (g->nodes[i].dead)
            continue;
        int32_t before = s->tensors[s->output].ready;
        run_node(s, i);
        rows = s->tensors[s->output].ready - before;
        fresh = new_rows(s, s->output, rows);
        if (rows)
            DRN_TRY(io->write(io->ctx, &fresh, err));
        for (size_t v = 0; v < g->value_count; v++)
            if (s->tensors[v].live && s->tensors[v].last == (int32_t)i)
                close_band(s, (drn_value)v);
    }
    return DRN_OK;
}

drn_status drn_stream_run(drn_stream *s, const drn_stream_io *io, drn_error *err)
{
    begin(s);
    while (!finished(s))
        DRN_TRY(run_band(s, io, err));
    return DRN_OK;
}

/* ---- questions ---- */

size_t drn_stream_bytes(const drn_stream *s)
{
    return s->arena_bytes;
}

size_t drn_stream_state_bytes(const drn_stream *s)
{
    return s->g->state_bytes + s->scratch_bytes;
}

double drn_stream_seconds(const drn_stream *s, size_t i)
{
    return s->seconds ? s->seconds[i] : 0;
}

double drn_stream_moving_seconds(const drn_stream *s)
{
    return s->moving;
}

/* Rows of every value that the output's rows [from, to) depend on, as if pictures had no border. */
typedef struct reach {
    int32_t from, to;
} reach;

static void reach_back(reach *r, const drn_graph *g)
{
    for (size_t i = g->node_count; i-- > 0;) {
        const node *n = &g->nodes[i];
        if (n->dead || r[n->out].from >= r[n->out].to)
            continue;
        for (int k = 0; k < n->inputs; k++) {
            int32_t from = r[n->out].from, to = r[n->out].to;
            reach *in = &r[n->in[k]];
            if (n->op->rows_needed)
                n->op->rows_needed(&from, &to, &n->call, k);
            if (in->from >= in->to)
                *in = (reach){from, to};
            in->from = from < in->from ? from : in->from;
            in->to = to > in->to ? to : in->to;
        }
    }
}

drn_status drn_graph_radius(int32_t *radius, const drn_graph *g, drn_value input, drn_value output,
                            drn_error *err)
{
    enum { FAR = 1 << 16 }; /* from any border: rows below 0 would be divided towards 0 */
    int32_t h = g->values[input].shape.h, oh = g->values[output].shape.h, times = oh > h ? oh / h : 1;
    reach *r;
    DRN_TRY(drn_calloc_to(&r, g->value_count + 1, sizeof *r, err));
    r[output] = (reach){FAR * times, (FAR + 1) * times}; /* what one pixel of the input becomes */
    reach_back(r, g);
    int32_t before = FAR - r[input].from, after = r[input].to - (FAR + 1);
    drn_free(r);
    *radius = before > after ? before : after;
    return DRN_OK;
}
