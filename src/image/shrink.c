#include "image/shrink.h"

static drn_status start(drn_image **out, const drn_image *in, int factor, drn_error *err)
{
    if (in->depth != DRN_U8 || in->bands != 3)
        return drn_fail(err, DRN_ERR_INVALID, "shrink: %d bands, made for 8-bit RGB",
                        (int)in->bands);
    if (factor < 1 || in->width < factor || in->height < factor)
        return drn_fail(err, DRN_ERR_INVALID, "shrink: %dx%d pixels have no block of %d x %d",
                        (int)in->width, (int)in->height, factor, factor);
    return drn_image_new(out, in->width / factor, in->height / factor, 3, DRN_U8, err);
}

/* Sample b of pixel (x, y). */
static unsigned sample(const drn_image *im, int32_t x, int32_t y, int b)
{
    return ((const uint8_t *)im->data)[3 * ((size_t)y * (size_t)im->width + (size_t)x) + (size_t)b];
}

drn_status drn_shrink_box(drn_image **out, const drn_image *in, int factor, drn_error *err)
{
    drn_image *small;
    DRN_TRY(start(&small, in, factor, err));
    uint8_t *p = small->data;
    const unsigned n = (unsigned)factor * (unsigned)factor;
    for (int32_t y = 0; y < small->height; y++)
        for (int32_t x = 0; x < small->width; x++)
            for (int b = 0; b < 3; b++) {
                unsigned sum = 0;
                for (int i = 0; i < factor; i++)
                    for (int k = 0; k < factor; k++)
                        sum += sample(in, x * factor + k, y * factor + i, b);
                *p++ = (uint8_t)((sum + n / 2) / n);
            }
    *out = small;
    return DRN_OK;
}

drn_status drn_shrink_nearest(drn_image **out, const drn_image *in, int factor, int x, int y,
                              drn_error *err)
{
    drn_image *small;
    DRN_TRY(start(&small, in, factor, err));
    uint8_t *p = small->data;
    for (int32_t r = 0; r < small->height; r++)
        for (int32_t c = 0; c < small->width; c++)
            for (int b = 0; b < 3; b++)
                *p++ = (uint8_t)sample(in, c * factor + x, r * factor + y, b);
    *out = small;
    return DRN_OK;
}
