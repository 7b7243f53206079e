/* Whether the models in the box are whole, and whether the kernels of this machine compute what the
 * definition says. */
#include "drn/system.h"

#include "base/mem.h"
#include "base/pool.h"
#include "base/sha256.h"
#include "models/model.h"

#include <math.h>
#include <string.h>

enum { WIDTH = 23, HEIGHT = 19 }; /* odd, and enough for whole tiles of every kernel */
#define TOLERANCE_FLOAT32 1e-4
#define TOLERANCE_BFLOAT16 0.05 /* also tf32 */

drn_status drn_model_builtin_check(const char *name, char sha256[65], drn_error *err)
{
    char hex[65];
    size_t size;
    const void *data = drn_zoo_data(name, &size);
    const char *wanted = drn_zoo_sha256(name);
    if (!data)
        return drn_fail(err, DRN_ERR_INVALID, "no built-in model is called '%s'", name);
    drn_sha256(hex, data, size);
    if (sha256)
        memcpy(sha256, hex, sizeof hex);
    if (!wanted)
        return drn_fail(err, DRN_ERR_UNSUPPORTED, "no checksum was built in for %s", name);
    if (strcmp(hex, wanted) != 0)
        return drn_fail(err, DRN_ERR_FORMAT,
                        "%s is damaged: its SHA-256 is %s, it was built with %s; install anew",
                        name, hex, wanted);
    return DRN_OK;
}

/* ---- the definition, in double ---- */

static drn_status double_params(drn_params **out, const drn_model *model, drn_error *err)
{
    const drn_params *from = model->params;
    drn_params *p;
    DRN_TRY(drn_params_new(&p, DRN_FLOAT64, err));
    drn_status st = drn_net_declare(p, &model->config, 1, err);
    if (st == DRN_OK)
        st = drn_params_allocate(p, false, err);
    for (size_t i = 0; st == DRN_OK && i < p->count; i++) {
        const drn_param *to = &p->list[i], *source = drn_params_find(from, to->name);
        double *v = drn_params_value(p, to);
        if (!source || source->count != to->count) {
            st = drn_fail(err, DRN_ERR_INTERNAL, "self-test: parameter %s is missing", to->name);
            break;
        }
        const float *w = drn_params_value(from, source);
        for (size_t j = 0; j < to->count; j++)
            v[j] = (double)w[j];
    }
    if (st == DRN_OK)
        *out = p;
    else
        drn_params_free(p);
    return st;
}

/* Compares result (interleaved RGB) with the network in double for the same picture. */
static drn_status compare(double *difference, const drn_image *result, const drn_image *in,
                          const drn_model *model, drn_error *err)
{
    drn_status st = DRN_OK;
    drn_params *p = NULL;
    drn_graph *g = NULL;
    drn_pool *pool = NULL;
    drn_net net;
    int last = drn_net_levels(&model->config) - 1;
    size_t pixels = (size_t)in->width * (size_t)in->height;
    size_t results = (size_t)result->width * (size_t)result->height;
    DRN_CHECK(drn_pool_new(&pool, 0, err));
    DRN_CHECK(double_params(&p, model, err));
    DRN_CHECK(drn_graph_new(&g, DRN_FLOAT64, err));
    drn_value lr = drn_graph_input(g, (drn_shape){1, 3, in->height, in->width}, false);
    drn_net_build(&net, g, p, &model->config, lr, last);
    drn_graph_output(g, net.image[last]);
    DRN_CHECK(drn_graph_plan(g, &(drn_plan_options){.loss = -1, .pool = pool}, err));
    double *x = drn_graph_data(g, lr);
    for (size_t i = 0; i < 3 * pixels; i++)
        x[i % 3 * pixels + i / 3] = (double)((const float *)in->data)[i];
    drn_graph_forward(g);
    DRN_CHECK(drn_graph_status(g, err));
    const double *y = drn_graph_data(g, net.image[last]);
    *difference = 0;
    for (size_t i = 0; i < 3 * results; i++) {
        double d = fabs((double)((const float *)result->data)[i] - y[i % 3 * results + i / 3]);
        if (!(d <= *difference)) /* NaN counts */
            *difference = d;
    }
done:
    drn_graph_free(g);
    drn_params_free(p);
    drn_pool_free(pool);
    return st;
}

/* Edges, a fine pattern, smooth colours. */
static void draw(float *rgb)
{
    for (int y = 0; y < HEIGHT; y++)
        for (int x = 0; x < WIDTH; x++)
            for (int b = 0; b < 3; b++) {
                double v = 0.5 + 0.3 * sin(0.4 * x + b) * cos(0.3 * y);
                v += x > 12 ? ((x + y) % 2 ? 0.15 : -0.15) : y > 9 ? 0.2 : 0;
                *rgb++ = (float)v;
            }
}

drn_status drn_model_selftest(double *difference, const drn_model *model,
                              const drn_upscale_options *options, drn_error *err)
{
    drn_status st = DRN_OK;
    drn_image *in = NULL, *out = NULL;
    drn_upscale_options o = {0};
    double d = INFINITY;
    if (options) {
        o.device = options->device;
        o.numbers = options->numbers;
    }
    bool exact = o.device == DRN_DEVICE_CPU || o.numbers == DRN_NUMBERS_FP32;
    double tolerance = exact ? TOLERANCE_FLOAT32 : TOLERANCE_BFLOAT16;
    DRN_CHECK(drn_image_new(&in, WIDTH, HEIGHT, 3, DRN_F32, err));
    draw(in->data);
    DRN_CHECK(drn_upscale(&out, in, model, &o, err));
    DRN_CHECK(compare(&d, out, in, model, err));
    if (difference)
        *difference = d;
    if (!(d <= tolerance))
        st = drn_fail(err, DRN_ERR_NUMERIC,
                      "%s: a test picture differs by %.3g from double precision, %.3g is allowed",
                      drn_model_name(model), d, tolerance);
done:
    drn_image_free(in);
    drn_image_free(out);
    return st;
}
