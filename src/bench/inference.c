#include "bench/inference.h"

#include "base/mem.h"
#include "base/rng.h"
#include "models/model.h"
#include "upscale/strips.h"

#include <string.h>

enum { EDGE = DRN_BENCH_EDGE };

const drn_config drn_bench_network = {4, 64, 7, true, false, 64, DRN_SKIP_BICUBIC};

static drn_status make_params(drn_inference *w, drn_error *err)
{
    drn_rng rng;
    drn_rng_seed(&rng, 1, 0);
    DRN_TRY(drn_params_new(&w->params, DRN_FLOAT32, err));
    DRN_TRY(drn_net_declare(w->params, &drn_bench_network, 0.1, err));
    DRN_TRY(drn_params_allocate(w->params, false, err));
    drn_params_init(w->params, &rng);
    DRN_TRY(drn_alloc_to(&w->picture, (size_t)3 * EDGE * EDGE, sizeof *w->picture, err));
    drn_rng_seed(&rng, 2, 0);
    for (size_t i = 0; i < (size_t)3 * EDGE * EDGE; i++)
        w->picture[i] = (float)drn_rng_uniform(&rng);
    return DRN_OK;
}

drn_status drn_inference_init(drn_inference *w, drn_pool *pool, bool timed, drn_error *err)
{
    drn_strip_plan plan;
    drn_net net;
    drn_model model = {.config = drn_bench_network};
    drn_status st;
    *w = (drn_inference){0};
    DRN_CHECK(make_params(w, err));
    model.params = w->params;
    DRN_CHECK(drn_strips_plan(&plan, EDGE, EDGE, &model, 4, 0, err));
    DRN_CHECK(drn_graph_new(&w->graph, DRN_FLOAT32, err));
    drn_value lr = drn_graph_input(w->graph, (drn_shape){1, 3, EDGE, EDGE}, false);
    drn_net_build(&net, w->graph, w->params, &drn_bench_network, lr, 1);
    drn_graph_output(w->graph, net.image[1]);
    DRN_CHECK(drn_stream_new(&w->stream, w->graph, lr, net.image[1], pool,
                             &(drn_stream_options){.rows = plan.rows, .timed = timed}, err));
    w->macs = drn_graph_macs(w->graph);
    return DRN_OK;
done:
    drn_inference_clear(w);
    return st;
}

void drn_inference_clear(drn_inference *w)
{
    drn_stream_free(w->stream);
    drn_graph_free(w->graph);
    drn_params_free(w->params);
    drn_free(w->picture);
    *w = (drn_inference){0};
}

static drn_status read_rows(void *ctx, const drn_band *band, drn_error *err)
{
    const drn_inference *w = ctx;
    (void)err;
    for (size_t c = 0; c < 3; c++)
        memcpy((float *)band->data + c * (size_t)band->plane * EDGE,
               w->picture + (c * EDGE + (size_t)band->y) * EDGE,
               (size_t)band->rows * EDGE * sizeof *w->picture);
    return DRN_OK;
}

static drn_status write_rows(void *ctx, const drn_band *band, drn_error *err)
{
    (void)ctx;
    (void)band;
    (void)err;
    return DRN_OK;
}

void drn_inference_run(drn_inference *w)
{
    (void)drn_stream_run(w->stream, &(drn_stream_io){read_rows, write_rows, w}, NULL);
}

double drn_inference_bytes(const drn_inference *w)
{
    return (double)(drn_stream_bytes(w->stream) + drn_stream_state_bytes(w->stream));
}
