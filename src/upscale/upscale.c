#include "upscale/network.h"

#include "base/mem.h"
#include "base/pool.h"
#include "cuda/cuda.h"
#include "models/model.h"
#include "upscale/samples.h"
#include "upscale/strips.h"

#include <math.h>

typedef struct job {
    const drn_model *model;
    const drn_image *in;
    drn_image *out;
    int scale;
    drn_cuda *device;
    drn_graph *graph;
    drn_value lr, sr;
    drn_tiles tiles;
} job;

/* A graph for one tile; only planned when allocate is false. */
static drn_status make_graph(job *j, int32_t width, int32_t height, drn_pool *pool, bool allocate,
                             drn_error *err)
{
    drn_net net;
    int last = j->scale == 8 ? 2 : j->scale == 4 ? 1 : 0;
    DRN_TRY(drn_graph_new(&j->graph, DRN_FLOAT32, err));
    j->lr = drn_graph_input(j->graph, (drn_shape){1, 3, height, width}, false);
    drn_net_build(&net, j->graph, j->model->params, &j->model->config, j->lr, last);
    j->sr = net.image[last];
    drn_graph_output(j->graph, j->sr);
    drn_plan_options o = {.loss = -1, .pool = pool, .backend = &drn_cuda_backend, .device = j->device};
    return allocate ? drn_graph_plan(j->graph, &o, err) : drn_graph_prepare(j->graph, &o, err);
}

/* Side of the largest square tile within the budget. */
static drn_status budget_tile(int32_t *tile, job *j, int32_t overlap, drn_error *err)
{
    enum { PROBE = 64 };
    drn_status st = make_graph(j, PROBE, PROBE, NULL, false, err);
    double a_pixel = st == DRN_OK ? (double)drn_graph_arena_bytes(j->graph) / (PROBE * PROBE) : 1;
    drn_graph_free(j->graph);
    j->graph = NULL;
    DRN_TRY(st);
    double side = sqrt((double)drn_cuda_arena_budget(j->device) / a_pixel) - 2 * overlap;
    *tile = side < 16 ? 16 : (int32_t)side;
    return DRN_OK;
}

static drn_status run_tile(job *j, int32_t index, drn_error *err)
{
    drn_tile t = drn_tiles_at(&j->tiles, index);
    int32_t w = j->tiles.tw, h = j->tiles.th;
    size_t plane = (size_t)w * (size_t)h, large = plane * (size_t)(j->scale * j->scale);
    drn_samples_load(drn_graph_data(j->graph, j->lr), plane, j->in, t.x, t.y, w, h);
    drn_graph_forward(j->graph);
    DRN_TRY(drn_graph_status(j->graph, err));
    const float *kept = (const float *)drn_graph_data(j->graph, j->sr) +
                        (size_t)((t.ky - t.y) * j->scale) * (size_t)(w * j->scale) +
                        (size_t)((t.kx - t.x) * j->scale);
    drn_samples_store(j->out, kept, large, w * j->scale, t.kx * j->scale, t.ky * j->scale, t.kw * j->scale,
                      t.kh * j->scale);
    return DRN_OK;
}

static drn_status run_tiles(job *j, const drn_upscale_options *o, drn_error *err)
{
    int32_t n = j->tiles.nx * j->tiles.ny;
    for (int32_t i = 0; i < n; i++) {
        if (o->progress && !o->progress(o->progress_ctx, (double)i / n))
            return drn_fail(err, DRN_ERR_CANCELLED, "cancelled");
        DRN_TRY(run_tile(j, i, err));
    }
    if (o->progress)
        o->progress(o->progress_ctx, 1);
    return DRN_OK;
}

drn_status drn_network_check(int32_t width, int32_t height, const drn_model *m, int scale, drn_error *err)
{
    if (!drn_model_has_scale(m, scale))
        return drn_fail(err, DRN_ERR_INVALID, "model %s enlarges by %d%s, not by %d", drn_model_name(m),
                        m->config.scale, m->config.progressive && m->config.scale > 2 ? " and smaller powers of 2" : "",
                        scale);
    if (width > INT32_MAX / scale || height > INT32_MAX / scale)
        return drn_fail(err, DRN_ERR_INVALID, "%dx%d times %d is too large", width, height, scale);
    return DRN_OK;
}

/* Square tiles, each a whole graph on the device. */
static drn_status device_upscale(job *j, const drn_upscale_options *o, drn_pool *pool, drn_error *err)
{
    int32_t overlap = drn_net_receptive_radius(&j->model->config), tile = o->tile;
    drn_status st = DRN_OK;
    if (tile <= 0)
        DRN_TRY(budget_tile(&tile, j, overlap, err));
    drn_tiles_plan(&j->tiles, j->in->width, j->in->height, tile, overlap);
    DRN_CHECK(make_graph(j, j->tiles.tw, j->tiles.th, pool, true, err));
    DRN_CHECK(run_tiles(j, o, err));
done:
    drn_graph_free(j->graph);
    return st;
}

drn_status drn_network_upscale(drn_image **out, const drn_image *in, const drn_model *model, int scale,
                               const drn_upscale_options *options, drn_error *err)
{
    job j = {.model = model, .in = in, .scale = scale};
    drn_status st = DRN_OK;
    drn_pool *pool = NULL;
    DRN_TRY(drn_network_check(in->width, in->height, model, scale, err));
    DRN_CHECK(drn_cuda_choose(&j.device, options->device, options->numbers, err));
    DRN_CHECK(drn_pool_new(&pool, options->threads, err));
    DRN_CHECK(drn_image_new(&j.out, in->width * j.scale, in->height * j.scale, in->bands, in->depth, err));
    if (j.device)
        DRN_CHECK(device_upscale(&j, options, pool, err));
    else
        DRN_CHECK(drn_strips_run(j.out, in, model, scale, options, pool, err));
    *out = j.out;
    j.out = NULL;
done:
    drn_cuda_close(j.device);
    drn_image_free(j.out);
    drn_pool_free(pool);
    return st;
}
