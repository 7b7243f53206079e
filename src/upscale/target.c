#include "upscale/target.h"

#include "image/imresize.h"
#include "models/model.h"
#include "upscale/network.h"

#include <math.h>

/* Largest factor that is forgiven its last bits: 4.0000001 is 4. */
#define SLACK 1e-9

int drn_target_total(const drn_upscale_target *t)
{
    int total = 1;
    for (int i = 0; i < t->passes; i++)
        total *= t->scale[i];
    return total;
}

int32_t drn_target_radius(const drn_upscale_target *t, const drn_model *model)
{
    int32_t own = drn_net_receptive_radius(&model->config), radius = 0, pixel = 1;
    for (int i = 0; i < t->passes; i++) {
        radius += (own + pixel - 1) / pixel;
        pixel *= t->scale[i];
    }
    return radius;
}

/* The smallest scale of the model that reaches wanted, or its largest. */
static int next_scale(const drn_model *model, double wanted)
{
    for (int s = 2; s < model->config.scale; s++)
        if (drn_model_has_scale(model, s) && s >= wanted * (1 - SLACK))
            return s;
    return model->config.scale;
}

static drn_status add_passes(drn_upscale_target *t, int32_t width, int32_t height,
                             const drn_model *model, double factor, drn_error *err)
{
    double total = 1;
    if (factor > DRN_UPSCALE_MAX * (1 + SLACK))
        return drn_fail(err, DRN_ERR_INVALID,
                        "%dx%d to %dx%d is %.4g times larger; the limit is %d", width, height,
                        t->width, t->height, factor, DRN_UPSCALE_MAX);
    while (total < factor * (1 - SLACK)) { /* at most log2(64) passes */
        int s = t->scale[t->passes++] = next_scale(model, factor / total);
        total *= s;
    }
    if (width * total > INT32_MAX || height * total > INT32_MAX)
        return drn_fail(err, DRN_ERR_INVALID, "%dx%d times %g is too large", width, height, total);
    t->net_width = width * (int32_t)total;
    t->net_height = height * (int32_t)total;
    return DRN_OK;
}

/* Nearest whole number of samples, at least 1. */
static drn_status side(int32_t *out, double exact, drn_error *err)
{
    double v = floor(exact + 0.5);
    if (!(v <= INT32_MAX))
        return drn_fail(err, DRN_ERR_INVALID, "a side of %g pixels is too large", exact);
    *out = v < 1 ? 1 : (int32_t)v;
    return DRN_OK;
}

static drn_status box(drn_upscale_target *t, int32_t w, int32_t h, const drn_upscale_options *o,
                      drn_error *err)
{
    double fx = (double)o->width / w, fy = (double)o->height / h;
    if (o->width < 0 || o->height < 0)
        return drn_fail(err, DRN_ERR_INVALID, "%dx%d is no size of a picture", o->width, o->height);
    if (o->width > 0 && o->height > 0 && !o->fit) {
        t->width = o->width;
        t->height = o->height;
        return DRN_OK;
    }
    double f = o->height == 0 ? fx : o->width == 0 ? fy : fmin(fx, fy);
    DRN_TRY(side(&t->width, w * f, err));
    return side(&t->height, h * f, err);
}

static drn_status one_pass(drn_upscale_target *t, int32_t w, int32_t h, const drn_model *model,
                           int scale, drn_error *err)
{
    DRN_TRY(drn_network_check(w, h, model, scale, err));
    *t = (drn_upscale_target){w * scale, h * scale, 1, {scale}, w * scale, h * scale};
    return DRN_OK;
}

drn_status drn_upscale_find_target(drn_upscale_target *out, int32_t width, int32_t height,
                                   const drn_model *model, const drn_upscale_options *options,
                                   drn_error *err)
{
    drn_upscale_options o = options ? *options : (drn_upscale_options){0};
    drn_upscale_target t = {.net_width = width, .net_height = height};
    if (o.factor == 0 && o.width == 0 && o.height == 0) {
        DRN_TRY(one_pass(&t, width, height, model, o.scale ? o.scale : model->config.scale, err));
        *out = t;
        return DRN_OK;
    }
    if (o.factor < 0 || !isfinite(o.factor))
        return drn_fail(err, DRN_ERR_INVALID, "cannot enlarge %g times", o.factor);
    if (o.width == 0 && o.height == 0) {
        DRN_TRY(drn_resize_size(&t.width, width, o.factor, err));
        DRN_TRY(drn_resize_size(&t.height, height, o.factor, err));
    } else {
        DRN_TRY(box(&t, width, height, &o, err));
    }
    double factor = fmax((double)t.width / width, (double)t.height / height);
    DRN_TRY(add_passes(&t, width, height, model, factor, err));
    *out = t;
    return DRN_OK;
}
