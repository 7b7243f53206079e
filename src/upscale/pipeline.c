/* From a picture to a larger one, both in memory. */
#include "upscale/network.h"
#include "upscale/work.h"

/* Pixels of the network's picture worked on at once beside the result: 72 MB of RGB floats. */
#define WINDOW_PIXELS 6e6

/* The network straight into the result: no second copy of it. */
static drn_status whole(drn_image **image, drn_work *w, const drn_image *in, drn_error *err)
{
    drn_upscale_options o = drn_meter_part(&w->meter, 1, &w->o);
    return drn_network_upscale(image, in, w->model, w->t.scale[0], &o, err);
}

static drn_status windows(drn_image **image, drn_work *w, const drn_image *in, drn_error *err)
{
    const drn_upscale_target *t = &w->t;
    drn_rows src = {in, 0};
    DRN_TRY(drn_image_new(image, t->width, t->height, in->bands, in->depth, err));
    int32_t side = drn_work_side(w, WINDOW_PIXELS);
    int32_t bands = (t->height - 1) / side + 1, step = (t->height - 1) / bands + 1;
    for (int32_t y = 0; y < t->height; y += step) {
        int32_t rows = t->height - y < step ? t->height - y : step;
        DRN_TRY(drn_work_band(w, *image, 0, &src, y, rows, WINDOW_PIXELS, err));
    }
    return DRN_OK;
}

drn_status drn_upscale(drn_image **out, const drn_image *in, const drn_model *model,
                       const drn_upscale_options *options, drn_error *err)
{
    drn_work w;
    drn_image *image = NULL;
    drn_status st;
    DRN_TRY(drn_work_init(&w, in, model, options, err));
    if (drn_work_direct(&w))
        DRN_CHECK(whole(&image, &w, in, err));
    else
        DRN_CHECK(windows(&image, &w, in, err));
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
