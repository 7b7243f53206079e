#include "upscale/strips.h"

#include "models/model.h"
#include "upscale/samples.h"

/* Bands of a picture that need not be cut into strips should stay in a shared cache; those of strips may
 * take more, bytes. */
#define CACHE_BUDGET ((size_t)60 << 20)
#define MEMORY_BUDGET ((size_t)84 << 20)

/* Rows of a band, best first where they fit the cache: multiples of the tile of Winograd kernels.  More
 * rows mean fewer moves of kept rows and fewer waits for threads. */
static const int32_t band_rows[] = {48, 36, 24, 18, 12, 6};
enum { FEWEST_ROWS = 6, STRIP_ROWS = 12, BANDS = sizeof band_rows / sizeof *band_rows };

typedef struct net {
    drn_graph *graph;
    drn_value lr, sr;
} net;

static drn_status build(net *n, int32_t width, int32_t height, const drn_model *model, int scale, drn_error *err)
{
    drn_net d;
    int last = scale == 8 ? 2 : scale == 4 ? 1 : 0;
    DRN_TRY(drn_graph_new(&n->graph, DRN_FLOAT32, err));
    n->lr = drn_graph_input(n->graph, (drn_shape){1, 3, height, width}, false);
    drn_net_build(&d, n->graph, model->params, &model->config, n->lr, last);
    n->sr = d.image[last];
    drn_graph_output(n->graph, n->sr);
    return DRN_OK;
}

/* ---- the plan ---- */

typedef struct question {
    const drn_model *model;
    int scale;
    int32_t height;
} question;

/* Bytes that bands of so many rows take for each column, and the graph's radius. */
static drn_status column_bytes(double *bytes, int32_t *radius, const question *q, int32_t rows, drn_error *err)
{
    enum { PROBE = 64, TALL = 1024 }; /* taller pictures take no more */
    net n = {0};
    drn_stream *s = NULL;
    drn_status st;
    DRN_CHECK(build(&n, PROBE, q->height < TALL ? q->height : TALL, q->model, q->scale, err));
    DRN_CHECK(drn_stream_new(&s, n.graph, n.lr, n.sr, NULL,
                             &(drn_stream_options){.rows = rows, .plan_only = true}, err));
    DRN_CHECK(drn_graph_radius(radius, n.graph, n.lr, n.sr, err));
    *bytes = (double)drn_stream_bytes(s) / PROBE;
done:
    drn_stream_free(s);
    drn_graph_free(n.graph);
    return st;
}

/* Columns of a strip that take no more than the budget, the overlap included. */
static int32_t columns_within(size_t budget, double a_column, int32_t overlap, int32_t width)
{
    double columns = (double)budget / a_column;
    if (columns >= width)
        return width;
    columns -= 2.0 * overlap;
    return columns < overlap ? overlap : (int32_t)columns;
}

/* The tallest bands with which strips of so many columns stay in the cache; *bytes of a column. */
static drn_status tallest(drn_strip_plan *p, double *bytes, const question *q, int32_t wide, int32_t width,
                          int32_t most, drn_error *err)
{
    for (int i = 0; i < BANDS; i++) {
        p->rows = band_rows[i];
        if (p->rows > most && p->rows > FEWEST_ROWS)
            continue;
        DRN_TRY(column_bytes(bytes, &p->overlap, q, p->rows, err));
        double columns = wide + 2.0 * p->overlap < width ? wide + 2.0 * p->overlap : width;
        if (columns * *bytes <= (double)CACHE_BUDGET)
            break;
    }
    return DRN_OK;
}

drn_status drn_strips_plan(drn_strip_plan *out, int32_t width, int32_t height, const drn_model *model,
                           int scale, int32_t tile, drn_error *err)
{
    question q = {model, scale, height};
    drn_strip_plan p = {0};
    double a_column;
    int32_t wide = tile > 0 ? tile : width;
    DRN_TRY(tallest(&p, &a_column, &q, wide, width, tile > 0 ? tile : INT32_MAX, err));
    if (tile <= 0 && p.rows < STRIP_ROWS) { /* too wide */
        p.rows = STRIP_ROWS;
        DRN_TRY(column_bytes(&a_column, &p.overlap, &q, p.rows, err));
        if (columns_within(MEMORY_BUDGET, a_column, p.overlap, width) < 8 * p.overlap) {
            p.rows = FEWEST_ROWS;
            DRN_TRY(column_bytes(&a_column, &p.overlap, &q, p.rows, err));
        }
        wide = columns_within(MEMORY_BUDGET, a_column, p.overlap, width);
    }
    drn_tiles_plan(&p.columns, width, height, wide, p.overlap);
    p.columns.th = height;
    p.columns.ny = 1;
    p.bytes = (size_t)(a_column * p.columns.tw);
    *out = p;
    return DRN_OK;
}

/* ---- running ---- */

typedef struct job {
    const drn_image *in;
    drn_image *out;
    int32_t scale;
    const drn_upscale_options *o;
    drn_pool *pool;
    drn_tiles columns;
    int32_t strip; /* now */
    drn_tile at;
} job;

enum { CHUNK_ROWS = 8 }; /* rows of samples that a thread converts at a time */

typedef struct conversion {
    const job *j;
    const drn_band *band;
} conversion;

static void run_rows(const job *j, const drn_band *band, drn_pool_fn fn)
{
    conversion c = {j, band};
    drn_pool_run(j->pool, ((size_t)band->rows + CHUNK_ROWS - 1) / CHUNK_ROWS, fn, &c);
}

static int32_t chunk_rows(const drn_band *b, size_t chunk)
{
    int32_t left = b->rows - (int32_t)chunk * CHUNK_ROWS;
    return left < CHUNK_ROWS ? left : CHUNK_ROWS;
}

static void load_chunk(void *ctx, size_t chunk, int thread)
{
    const conversion *c = ctx;
    const job *j = c->j;
    size_t row = (size_t)j->columns.tw, y = chunk * CHUNK_ROWS;
    (void)thread;
    drn_samples_load((float *)c->band->data + y * row, (size_t)c->band->plane * row, j->in, j->at.x,
                     c->band->y + (int32_t)y, j->columns.tw, chunk_rows(c->band, chunk));
}

static void store_chunk(void *ctx, size_t chunk, int thread)
{
    const conversion *c = ctx;
    const job *j = c->j;
    size_t row = (size_t)j->columns.tw * (size_t)j->scale, y = chunk * CHUNK_ROWS;
    (void)thread;
    drn_samples_store(j->out, (float *)c->band->data + y * row + (size_t)((j->at.kx - j->at.x) * j->scale),
                      (size_t)c->band->plane * row, (int32_t)row, j->at.kx * j->scale,
                      c->band->y + (int32_t)y, j->at.kw * j->scale, chunk_rows(c->band, chunk));
}

static drn_status read_rows(void *ctx, const drn_band *band, drn_error *err)
{
    const job *j = ctx;
    double done = ((double)j->strip + (double)band->y / j->in->height) / j->columns.nx;
    if (j->o->progress && !j->o->progress(j->o->progress_ctx, done))
        return drn_fail(err, DRN_ERR_CANCELLED, "cancelled");
    run_rows(j, band, load_chunk);
    return DRN_OK;
}

static drn_status write_rows(void *ctx, const drn_band *band, drn_error *err)
{
    (void)err;
    run_rows(ctx, band, store_chunk);
    return DRN_OK;
}

drn_status drn_strips_run(drn_image *out, const drn_image *in, const drn_model *model, int scale,
                          const drn_upscale_options *options, drn_pool *pool, drn_error *err)
{
    job j = {.in = in, .out = out, .scale = scale, .o = options, .pool = pool};
    drn_strip_plan plan;
    drn_stream *s = NULL;
    net n = {0};
    drn_status st;
    DRN_CHECK(drn_strips_plan(&plan, in->width, in->height, model, scale, options->tile, err));
    j.columns = plan.columns;
    DRN_CHECK(build(&n, j.columns.tw, in->height, model, scale, err));
    DRN_CHECK(drn_stream_new(&s, n.graph, n.lr, n.sr, pool, &(drn_stream_options){.rows = plan.rows}, err));
    for (j.strip = 0; j.strip < j.columns.nx; j.strip++) {
        j.at = drn_tiles_at(&j.columns, j.strip);
        DRN_CHECK(drn_stream_run(s, &(drn_stream_io){read_rows, write_rows, &j}, err));
    }
    if (options->progress)
        options->progress(options->progress_ctx, 1);
done:
    drn_stream_free(s);
    drn_graph_free(n.graph);
    return st;
}
