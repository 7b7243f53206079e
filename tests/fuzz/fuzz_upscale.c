/* A damaged picture of any format, as `drn upscale` would meet it: decoded or refused with one message, and what was
 * decoded is enlarged whole. */
#include "drn/upscale.h"
#include "fuzz.h"

enum { MOST_PIXELS = 400 }; /* larger ones are only decoded: this is about damage, not about speed */

static drn_model *model(void)
{
    static drn_model *m;
    if (!m)
        PROMISE(drn_model_load(&m, NULL, NULL) == DRN_OK);
    return m;
}

static void enlarge(const drn_image *in)
{
    drn_error err = {0};
    drn_image *out = NULL;
    drn_upscale_options o = {.scale = 2, .threads = 1};
    drn_status s = drn_upscale(&out, in, model(), &o, &err);
    PROMISE(s == DRN_OK || (out == NULL && err.code == s && err.message[0]));
    if (s != DRN_OK)
        return;
    PROMISE(out->width == 2 * in->width && out->height == 2 * in->height);
    PROMISE(out->bands == in->bands && out->depth == in->depth);
    drn_image_free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    drn_error err = {0};
    drn_image *image = NULL;
    drn_status s = drn_image_decode(&image, data, size, "fuzz", &err);
    PROMISE(s == DRN_OK || (image == NULL && err.code == s && err.message[0]));
    if (s != DRN_OK)
        return 0;
    PROMISE(image->width >= 1 && image->height >= 1 && image->bands >= 1 && image->bands <= 4);
    if ((int64_t)image->width * image->height <= MOST_PIXELS)
        enlarge(image);
    drn_image_free(image);
    return 0;
}
