/* From a picture to a larger one, both in memory. */
#include "upscale/fill.h"
#include "upscale/loop.h"
#include "upscale/network.h"
#include "upscale/samples.h"
#include "upscale/work.h"

/* Pixels of the network's picture worked on at once beside the result: 72 MB of RGB floats. */
#define WINDOW_PIXELS 6e6

/* The network straight into the result: no second copy of it. */
static drn_status whole(drn_image **image, drn_work *w, const drn_image *in, drn_error *err)
{
    drn_upscale_options o = drn_meter_part(&w->meter, 1, &w->o);
    return drn_network_upscale(image, in, w->model, w->t.scale[0], &o, err);
}

static drn_status windows(drn_image **image, drn_work *w, const drn_image *in, drn_depth depth,
                          drn_error *err)
{
    const drn_upscale_target *t = &w->t;
    drn_rows src = {in, 0};
    DRN_TRY(drn_image_new(image, t->width, t->height, in->bands, depth, err));
    int32_t side = drn_work_side(w, WINDOW_PIXELS);
    int32_t bands = (t->height - 1) / side + 1, step = (t->height - 1) / bands + 1;
    for (int32_t y = 0; y < t->height; y += step) {
        int32_t rows = t->height - y < step ? t->height - y : step;
        DRN_TRY(drn_work_band(w, *image, 0, &src, y, rows, WINDOW_PIXELS, err));
    }
    return DRN_OK;
}

/* The windows in float, projected onto the input, then in the input's depth. */
static drn_status consistent(drn_image **image, drn_work *w, const drn_image *in, drn_error *err)
{
    drn_image *y = NULL, *y_alpha = NULL, *x = NULL, *x_alpha = NULL, *large = NULL;
    double unequal;
    drn_status st;
    DRN_CHECK(windows(&large, w, in, DRN_F32, err));
    DRN_CHECK(drn_samples_split(&y, &y_alpha, large, 0, 0, large->width, large->height, err));
    drn_image_free(large);
    large = NULL;
    DRN_CHECK(drn_samples_split(&x, &x_alpha, in, 0, 0, in->width, in->height, err));
    if (x_alpha)
        DRN_CHECK(drn_fill_hidden(x, x_alpha, err)); /* what the network saw */
    DRN_CHECK(drn_loop_project(y, x, in->depth, w->o.consistent, &unequal, err));
    DRN_CHECK(drn_image_new(image, y->width, y->height, in->bands, in->depth, err));
    drn_samples_merge(*image, 0, 0, y, y_alpha, 0, 0, y->width, y->height);
done:
    drn_image_free(large);
    drn_image_free(y);
    drn_image_free(y_alpha);
    drn_image_free(x);
    drn_image_free(x_alpha);
    return st;
}

drn_status drn_upscale(drn_image **out, const drn_image *in, const drn_model *model,
                       const drn_upscale_options *options, drn_error *err)
{
    drn_work w;
    drn_image *image = NULL;
    drn_status st;
    DRN_TRY(drn_work_init(&w, in, model, options, err));
    if (w.o.consistent > 0 && w.t.width >= in->width && w.t.height >= in->height)
        DRN_CHECK(consistent(&image, &w, in, err));
    else if (drn_work_direct(&w))
        DRN_CHECK(whole(&image, &w, in, err));
    else
        DRN_CHECK(windows(&image, &w, in, in->depth, err));
    DRN_CHECK(drn_image_copy_meta(image, in, err));
    if (w.o.progress)
        w.o.progress(w.o.progress_ctx, 1);
    *out = image;
    image = NULL;
done:
    drn_work_clear(&w);
    drn_image_free(image);
    return st;
}
