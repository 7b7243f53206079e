/* Builds without libwebp. */
#include "data/webp.h"

bool drn_webp_available(void)
{
    return false;
}

bool drn_webp_is(const void *data, size_t size)
{
    (void)data, (void)size;
    return false;
}

drn_status drn_webp_decode(drn_image **out, const void *data, size_t size, const char *name,
                           drn_error *err)
{
    (void)out, (void)data, (void)size;
    return drn_fail(err, DRN_ERR_UNSUPPORTED, "%s: this build has no libwebp", name);
}

drn_status drn_webp_encode(void **out, size_t *size, const drn_image *image, drn_error *err)
{
    (void)out, (void)size, (void)image;
    return drn_fail(err, DRN_ERR_UNSUPPORTED, "this build has no libwebp");
}
