#include "upscale/loop.h"

#include "base/mem.h"
#include "base/pool.h"
#include "models/model.h"
#include "upscale/samples.h"
#include "upscale/tiles.h"

#include <math.h>

static size_t samples_of(const drn_image *im)
{
    return (size_t)im->width * (size_t)im->height * (size_t)im->bands;
}

drn_status drn_loop_pair(const drn_image *result, const drn_image *in, drn_error *err)
{
    if (result->bands != in->bands || result->width < in->width || result->height < in->height)
        return drn_fail(err, DRN_ERR_INVALID,
                        "%dx%d, %d bands is no enlargement of %dx%d, %d bands", result->width,
                        result->height, result->bands, in->width, in->height, in->bands);
    return DRN_OK;
}

/* ---- the dual model ---- */

bool drn_loop_has_dual(const drn_model *model, int times)
{
    return model && model->config.dual && drn_model_has_scale(model, times);
}

enum {
    DUAL_TILE = 160,  /* input pixels a side */
    DUAL_OVERLAP = 6, /* what the convolutions of three dual models can see, in input pixels */
};

typedef struct dual_job {
    drn_graph *graph;
    drn_value y, x;
} dual_job;

/* D of the highest level in use, then of those below. */
static drn_status dual_graph(dual_job *j, const drn_model *model, int times, int32_t width,
                             int32_t height, drn_pool *pool, drn_error *err)
{
    const drn_config *c = &model->config;
    int level = times == 8 ? 2 : times == 4 ? 1 : 0;
    DRN_TRY(drn_graph_new(&j->graph, DRN_FLOAT32, err));
    j->y = drn_graph_input(j->graph, (drn_shape){1, 3, height * times, width * times}, false);
    j->x = j->y;
    for (; level >= 0; level--) {
        j->x = drn_net_dual(j->graph, model->params, c, level, j->x);
        if (!c->progressive)
            break;
    }
    drn_graph_output(j->graph, j->x);
    return drn_graph_plan(j->graph, &(drn_plan_options){.loss = -1, .pool = pool}, err);
}

drn_status drn_loop_dual(drn_image **out, const drn_image *y, const drn_model *model, int times,
                         int threads, drn_error *err)
{
    dual_job j = {0};
    drn_pool *pool = NULL;
    drn_image *x = NULL;
    drn_tiles t;
    drn_status st;
    if (!drn_loop_has_dual(model, times))
        return drn_fail(err, DRN_ERR_UNSUPPORTED, "the model has no dual model for %d times",
                        times);
    drn_tiles_plan(&t, y->width / times, y->height / times, DUAL_TILE, DUAL_OVERLAP);
    DRN_CHECK(drn_pool_new(&pool, threads, err));
    DRN_CHECK(drn_image_new(&x, t.width, t.height, y->bands, DRN_F32, err));
    DRN_CHECK(dual_graph(&j, model, times, t.tw, t.th, pool, err));
    for (int32_t i = 0; i < t.nx * t.ny; i++) {
        drn_tile p = drn_tiles_at(&t, i);
        size_t plane = (size_t)t.tw * (size_t)t.th, large = plane * (size_t)(times * times);
        drn_samples_load(drn_graph_data(j.graph, j.y), large, y, p.x * times, p.y * times, t.tw * times,
                         t.th * times);
        drn_graph_forward(j.graph);
        const float *kept = (const float *)drn_graph_data(j.graph, j.x) +
                            (size_t)(p.ky - p.y) * (size_t)t.tw + (size_t)(p.kx - p.x);
        drn_samples_store(x, kept, plane, t.tw, p.kx, p.ky, p.kw, p.kh);
    }
    *out = x;
    x = NULL;
done:
    drn_graph_free(j.graph);
    drn_image_free(x);
    drn_pool_free(pool);
    return st;
}

/* ---- check ---- */

/* PSNR of two f32 colour pictures, where alpha (may be NULL) is not 0. */
static double psnr(const drn_image *a, const drn_image *b, const drn_image *alpha)
{
    const float *p = a->data, *q = b->data, *m = alpha ? alpha->data : NULL;
    size_t bands = (size_t)a->bands, n = samples_of(a) / bands, counted = 0;
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < bands && (!m || m[i] > 0); k++, counted++) {
            double d = (double)p[i * bands + k] - (double)q[i * bands + k];
            sum += d * d;
        }
    return sum > 0 ? -10 * log10(sum / (double)counted) : (double)INFINITY;
}

/* PSNR of y shrunk by bicubic interpolation against x. */
static drn_status shrunk(double *value, const drn_image *y, const drn_image *x,
                         const drn_image *alpha, drn_error *err)
{
    drn_image *back;
    DRN_TRY(drn_imresize_to(&back, y, x->width, x->height, NULL, err));
    *value = psnr(back, x, alpha);
    drn_image_free(back);
    return DRN_OK;
}

static drn_status dual(double *value, const drn_image *y, const drn_image *x,
                       const drn_image *alpha, const drn_model *model, int threads, drn_error *err)
{
    drn_image *back;
    DRN_TRY(drn_loop_dual(&back, y, model, y->width / x->width, threads, err));
    *value = psnr(back, x, alpha);
    drn_image_free(back);
    return DRN_OK;
}

/* How many times larger, when that is a whole number and the same for both sides; else 0. */
static int times_larger(const drn_image *y, const drn_image *x)
{
    int times = y->width / x->width;
    return times * x->width == y->width && times * x->height == y->height ? times : 0;
}

drn_status drn_upscale_check(drn_loop *out, const drn_image *result, const drn_image *in,
                             const drn_model *model, int threads, drn_error *err)
{
    drn_image *y = NULL, *x = NULL, *y_alpha = NULL, *alpha = NULL, *plain = NULL;
    drn_loop l = {.dual = (double)NAN, .dual_bicubic = (double)NAN};
    drn_status st;
    DRN_TRY(drn_loop_pair(result, in, err));
    DRN_CHECK(drn_samples_split(&y, &y_alpha, result, 0, 0, result->width, result->height, err));
    DRN_CHECK(drn_samples_split(&x, &alpha, in, 0, 0, in->width, in->height, err));
    DRN_CHECK(drn_imresize_to(&plain, x, y->width, y->height, NULL, err));
    DRN_CHECK(shrunk(&l.shrunk, y, x, alpha, err));
    DRN_CHECK(shrunk(&l.shrunk_bicubic, plain, x, alpha, err));
    l.has_dual = drn_loop_has_dual(model, times_larger(y, x));
    if (l.has_dual) {
        DRN_CHECK(dual(&l.dual, y, x, alpha, model, threads, err));
        DRN_CHECK(dual(&l.dual_bicubic, plain, x, alpha, model, threads, err));
    }
    *out = l;
done:
    drn_image_free(y);
    drn_image_free(x);
    drn_image_free(y_alpha);
    drn_image_free(alpha);
    drn_image_free(plain);
    return st;
}

/* ---- back-projection ---- */

/* A value as a sample of the depth holds it. */
static float held(float v, drn_depth depth)
{
    float max = depth == DRN_U8 ? 255.0f : 65535.0f;
    if (depth == DRN_F32)
        return v;
    v = v > 0 ? v < 1 ? v : 1 : 0;
    return floorf(v * max + 0.5f) / max;
}

/* Rounds that correct every sample; those after them only samples that are still off: correcting
 * the rest further would only stir up the rounding of the large picture.  Those few get more than
 * they lack, as rounding swallows part of it. */
enum { FULL_ROUNDS = 6 };

/* *d = x - D(y as the depth holds it), 0 where only_off and the sample is met once rounded;
 * *unequal: the share of samples that are not. */
static drn_status difference(drn_image **d, double *unequal, const drn_image *y, const drn_image *x,
                             drn_depth depth, bool only_off, drn_error *err)
{
    drn_image *kept, *back;
    DRN_TRY(drn_image_new(&kept, y->width, y->height, y->bands, DRN_F32, err));
    for (size_t i = 0; i < samples_of(y); i++)
        ((float *)kept->data)[i] = held(((const float *)y->data)[i], depth);
    drn_status st = drn_imresize_to(&back, kept, x->width, x->height, NULL, err);
    drn_image_free(kept);
    DRN_TRY(st);
    float *p = back->data;
    const float *q = x->data;
    size_t off = 0, n = samples_of(x);
    drn_depth as =
        depth == DRN_F32 ? DRN_U16 : depth; /* floats are met when they agree to 16 bits */
    for (size_t i = 0; i < n; i++) {
        bool met = held(p[i], as) == held(q[i], as);
        off += !met;
        p[i] = !only_off ? q[i] - p[i] : met ? 0 : 1.6f * (q[i] - p[i]);
    }
    *unequal = (double)off / (double)n;
    *d = back;
    return DRN_OK;
}

/* y += d enlarged, within what the depth can hold. */
static drn_status correct(drn_image *y, const drn_image *d, drn_depth depth, drn_error *err)
{
    drn_image *large;
    DRN_TRY(drn_imresize_to(&large, d, y->width, y->height, NULL, err));
    float *p = y->data;
    for (size_t i = 0; i < samples_of(y); i++) {
        p[i] += ((const float *)large->data)[i];
        if (depth != DRN_F32)
            p[i] = p[i] > 0 ? p[i] < 1 ? p[i] : 1 : 0;
    }
    drn_image_free(large);
    return DRN_OK;
}

drn_status drn_loop_project(drn_image *y, const drn_image *x, drn_depth depth, int rounds,
                            double *unequal, drn_error *err)
{
    for (int r = 0;; r++) {
        drn_image *d;
        DRN_TRY(difference(&d, unequal, y, x, depth, r >= FULL_ROUNDS, err));
        drn_status st = *unequal > 0 && r < rounds ? correct(y, d, depth, err) : DRN_OK;
        drn_image_free(d);
        DRN_TRY(st);
        if (*unequal == 0 || r == rounds)
            return DRN_OK;
    }
}

drn_status drn_upscale_project(drn_image **out, const drn_image *result, const drn_image *in,
                               int rounds, double *unequal, drn_error *err)
{
    drn_image *y = NULL, *x = NULL, *y_alpha = NULL, *x_alpha = NULL, *image = NULL;
    double off;
    drn_status st;
    DRN_TRY(drn_loop_pair(result, in, err));
    DRN_CHECK(drn_samples_split(&y, &y_alpha, result, 0, 0, result->width, result->height, err));
    DRN_CHECK(drn_samples_split(&x, &x_alpha, in, 0, 0, in->width, in->height, err));
    DRN_CHECK(drn_loop_project(y, x, result->depth, rounds, &off, err));
    DRN_CHECK(
        drn_image_new(&image, result->width, result->height, result->bands, result->depth, err));
    drn_samples_merge(image, 0, 0, y, y_alpha, 0, 0, image->width, image->height);
    DRN_CHECK(drn_image_copy_meta(image, result, err));
    if (unequal)
        *unequal = off;
    *out = image;
    image = NULL;
done:
    drn_image_free(y);
    drn_image_free(x);
    drn_image_free(y_alpha);
    drn_image_free(x_alpha);
    drn_image_free(image);
    return st;
}
