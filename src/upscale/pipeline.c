/* From a picture to a larger one: which steps it takes. */
#include "models/model.h"
#include "upscale/network.h"
#include "upscale/samples.h"

drn_status drn_upscale(drn_image **out, const drn_image *in, const drn_model *model,
                       const drn_upscale_options *options, drn_error *err)
{
    drn_upscale_options o = options ? *options : (drn_upscale_options){0};
    drn_image *image = NULL;
    drn_status st;
    DRN_CHECK(drn_network_upscale(&image, in, model, o.scale ? o.scale : model->config.scale, &o, err));
    if (in->bands == 2 || in->bands == 4)
        DRN_CHECK(drn_samples_alpha(image, in, err));
    DRN_CHECK(drn_image_copy_meta(image, in, err));
    *out = image;
    image = NULL;
done:
    drn_image_free(image);
    return st;
}
