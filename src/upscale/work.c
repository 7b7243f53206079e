#include "upscale/work.h"

#include "upscale/ensemble.h"
#include "upscale/fill.h"
#include "upscale/samples.h"
#include "upscale/shrink.h"

#include <math.h>

void drn_work_clear(drn_work *w)
{
    drn_resize_table_clear(&w->columns);
    drn_resize_table_clear(&w->rows);
}

drn_status drn_work_init(drn_work *w, const drn_image *in, const drn_model *model,
                         const drn_upscale_options *options, drn_error *err)
{
    *w = (drn_work){.model = model, .width = in->width, .height = in->height, .bands = in->bands};
    if (options)
        w->o = *options;
    w->meter = (drn_meter){w->o.progress, w->o.progress_ctx, 0, 0};
    w->alpha = in->bands % 2 == 0;
    DRN_TRY(drn_upscale_find_target(&w->t, in->width, in->height, model, &w->o, err));
    w->times = drn_target_total(&w->t);
    w->radius = drn_target_radius(&w->t, model) + (w->alpha ? DRN_FILL_REACH : 0);
    const drn_upscale_target *t = &w->t;
    if (t->width == t->net_width && t->height == t->net_height)
        return DRN_OK;
    DRN_TRY(drn_resize_table_init(&w->columns, t->net_width, t->width,
                                  (double)t->width / t->net_width, DRN_BORDER_SYMMETRIC, err));
    drn_status st =
        drn_resize_table_init(&w->rows, t->net_height, t->height, (double)t->height / t->net_height,
                              DRN_BORDER_SYMMETRIC, err);
    if (st != DRN_OK)
        drn_work_clear(w);
    return st;
}

bool drn_work_direct(const drn_work *w)
{
    return w->t.passes == 1 && !w->alpha && !w->o.ensemble && !w->rows.out;
}

/* One axis of a window: its samples after the passes, and the input samples it depends on. */
typedef struct axis {
    int32_t net, nets; /* first and number, at the network's size */
    int32_t in, ins;   /* the same of the input, with the radius around */
} axis;

static axis axis_of(const drn_work *w, const drn_resize_table *table, int32_t length, int32_t at,
                    int32_t count)
{
    int32_t lo = at, hi = at + count - 1;
    if (table->out)
        drn_shrink_range(&lo, &hi, table, at, count);
    axis a = {.net = lo, .nets = hi - lo + 1};
    int32_t first = lo / w->times - w->radius, last = hi / w->times + w->radius;
    a.in = first > 0 ? first : 0;
    a.ins = (last < length ? last + 1 : length) - a.in;
    return a;
}

void drn_work_rows(const drn_work *w, int32_t *first, int32_t *n, int32_t y, int32_t count)
{
    axis a = axis_of(w, &w->rows, w->height, y, count);
    *first = a.in;
    *n = a.ins;
}

/* All passes of the network over an f32 image, which is replaced; share of the progress goes to
 * them. */
static drn_status passes(drn_work *w, drn_image **image, double share, drn_error *err)
{
    double total = 0, cost = 1;
    for (int i = 0; i < w->t.passes; i++, cost *= w->t.scale[i - 1] * w->t.scale[i - 1])
        total += cost;
    if (w->t.passes == 0)
        w->meter.done += share;
    cost = 1;
    for (int i = 0; i < w->t.passes; i++) {
        int scale = w->t.scale[i];
        drn_upscale_options o = drn_meter_part(&w->meter, share * cost / total, &w->o);
        drn_image *large;
        if (w->o.ensemble)
            DRN_TRY(drn_ensemble_upscale(&large, NULL, *image, w->model, scale, &o, err));
        else
            DRN_TRY(drn_network_upscale(&large, *image, w->model, scale, &o, err));
        drn_meter_next(&w->meter);
        cost *= scale * scale;
        drn_image_free(*image);
        *image = large;
    }
    return DRN_OK;
}

/* The window of the network's picture that begins at (x, y), shrunk to the wanted size. */
static drn_status fit(drn_work *w, drn_image **image, const axis *ax, const axis *ay, int32_t x,
                      int32_t y, int32_t width, int32_t height, bool light, drn_error *err)
{
    drn_image *part, *small;
    if (!w->rows.out)
        return DRN_OK;
    int32_t px = ax->in * w->times, py = ay->in * w->times;
    DRN_TRY(drn_image_crop(&part, *image, ax->net - px, ay->net - py, ax->nets, ay->nets, err));
    if (light)
        drn_light_linear(part);
    drn_status st = drn_shrink_window(&small, part, ax->net, ay->net, &w->columns, &w->rows, x, y,
                                      width, height, err);
    drn_image_free(part);
    DRN_TRY(st);
    if (light)
        drn_light_srgb(small);
    drn_image_free(*image);
    *image = small;
    return DRN_OK;
}

/* Alpha to the network's size. */
static drn_status enlarge_alpha(drn_work *w, drn_image **alpha, double share, drn_error *err)
{
    drn_image *small = *alpha, *large = NULL;
    drn_status st;
    bool flat = drn_alpha_constant(small);
    if (w->times == 1) {
        w->meter.done += share;
        return DRN_OK;
    }
    if (!flat && w->o.alpha == DRN_ALPHA_NETWORK) {
        DRN_CHECK(drn_image_crop(&large, small, 0, 0, small->width, small->height, err));
        DRN_CHECK(passes(w, &large, share, err));
    } else { /* of equal samples bicubic makes equal samples, up to rounding, which hold() removes
              */
        DRN_CHECK(drn_imresize_to(&large, small, small->width * w->times, small->height * w->times,
                                  NULL, err));
        w->meter.done += share;
    }
    drn_alpha_hold(large, small, w->times);
    drn_image_free(small);
    *alpha = large;
    return DRN_OK;
done:
    drn_image_free(large);
    return st;
}

/* Network and integers only: the window's part of the enlarged crop is the result. */
static drn_status direct_window(drn_work *w, drn_image *dst, int32_t dst_y, const drn_rows *src,
                                const axis *ax, const axis *ay, double share, drn_error *err)
{
    drn_image *crop = NULL, *large = NULL;
    drn_status st;
    DRN_CHECK(drn_image_crop(&crop, src->image, ax->in, ay->in - src->y, ax->ins, ay->ins, err));
    drn_upscale_options o = drn_meter_part(&w->meter, share, &w->o);
    DRN_CHECK(drn_network_upscale(&large, crop, w->model, w->t.scale[0], &o, err));
    drn_meter_next(&w->meter);
    drn_samples_copy(dst, ax->net, ay->net - dst_y, large, ax->net - ax->in * w->times,
                     ay->net - ay->in * w->times, ax->nets, ay->nets);
done:
    drn_image_free(crop);
    drn_image_free(large);
    return st;
}

drn_status drn_work_window(drn_work *w, drn_image *dst, int32_t dst_y, const drn_rows *src,
                           int32_t x, int32_t y, int32_t width, int32_t height, double share,
                           drn_error *err)
{
    axis ax = axis_of(w, &w->columns, w->width, x, width),
         ay = axis_of(w, &w->rows, w->height, y, height);
    drn_image *colour = NULL, *alpha = NULL;
    drn_status st;
    if (drn_work_direct(w) && dst->depth == src->image->depth)
        return direct_window(w, dst, dst_y, src, &ax, &ay, share, err);
    DRN_CHECK(
        drn_samples_split(&colour, &alpha, src->image, ax.in, ay.in - src->y, ax.ins, ay.ins, err));
    if (alpha)
        DRN_CHECK(drn_fill_hidden(colour, alpha, err));
    double half = alpha ? share / 2 : share;
    DRN_CHECK(passes(w, &colour, half, err));
    DRN_CHECK(fit(w, &colour, &ax, &ay, x, y, width, height, w->o.linear, err));
    if (alpha) {
        DRN_CHECK(enlarge_alpha(w, &alpha, share - half, err));
        DRN_CHECK(fit(w, &alpha, &ax, &ay, x, y, width, height, false, err));
    }
    /* without a resize the pictures still have the radius around them */
    int32_t sx = w->rows.out ? 0 : x - ax.in * w->times,
            sy = w->rows.out ? 0 : y - ay.in * w->times;
    drn_samples_merge(dst, x, y - dst_y, colour, alpha, sx, sy, width, height);
done:
    drn_image_free(colour);
    drn_image_free(alpha);
    return st;
}

int32_t drn_work_side(const drn_work *w, double max_pixels)
{
    const drn_upscale_target *t = &w->t;
    double net = (double)t->net_width * t->net_height, side = sqrt(max_pixels);
    int32_t longest = t->width > t->height ? t->width : t->height;
    if (net <= max_pixels || w->times < 1)
        return longest;
    double ratio =
        sqrt((double)t->width * t->height / net); /* result pixels a network pixel, one axis */
    double least = 4.0 * w->radius * w->times;    /* else most of the work is overlap */
    side = (side > least ? side : least) * ratio;
    return side >= longest ? longest : side < 16 ? 16 : (int32_t)side;
}

drn_status drn_work_band(drn_work *w, drn_image *dst, int32_t dst_y, const drn_rows *src, int32_t y,
                         int32_t count, double max_pixels, drn_error *err)
{
    const drn_upscale_target *t = &w->t;
    double net_rows = (double)count * t->net_height / t->height; /* without the radius */
    double columns = max_pixels / (net_rows + 1) * t->width / t->net_width;
    int32_t least = 2 * w->radius * w->times;
    int32_t step = columns >= t->width ? t->width : columns < least ? least : (int32_t)columns;
    step = step > t->width || step < 1 ? t->width : step;
    int32_t parts = (t->width + step - 1) / step; /* as equal as they can be */
    step = (t->width + parts - 1) / parts;
    for (int32_t x = 0; x < t->width; x += step) {
        int32_t width = t->width - x < step ? t->width - x : step;
        double share = (double)width * count / ((double)t->width * t->height);
        DRN_TRY(drn_work_window(w, dst, dst_y, src, x, y, width, count, share, err));
    }
    return DRN_OK;
}
