#include "data/decode.h"

#include "data/webp.h"
#include "image/io.h"
#include "image/meta.h"

drn_status drn_decode(drn_image **out, const void *data, size_t size, const char *name,
                      drn_error *err)
{
    if (!drn_codec_available() && drn_webp_is(data, size))
        return drn_webp_decode(out, data, size, name, err);
    return drn_image_decode(out, data, size, name, err);
}

static uint8_t sample_u8(const drn_image *im, size_t i)
{
    if (im->depth == DRN_U8)
        return ((const uint8_t *)im->data)[i];
    if (im->depth == DRN_U16)
        return (uint8_t)((((const uint16_t *)im->data)[i] * 255u + 32767u) / 65535u);
    float v = ((const float *)im->data)[i];
    return (uint8_t)(v > 0 ? v < 1 ? v * 255.0f + 0.5f : 255 : 0);
}

drn_status drn_to_rgb(drn_image **out, drn_image *in, drn_error *err)
{
    drn_image *rgb;
    drn_meta_free(in->meta); /* profiles and EXIF would stay in memory with every picture */
    in->meta = NULL;
    if (in->bands == 3 && in->depth == DRN_U8) {
        *out = in;
        return DRN_OK;
    }
    drn_status st = drn_image_new(&rgb, in->width, in->height, 3, DRN_U8, err);
    size_t n = (size_t)in->width * (size_t)in->height, bands = (size_t)in->bands;
    for (size_t i = 0; st == DRN_OK && i < n; i++)
        for (size_t b = 0; b < 3; b++)
            ((uint8_t *)rgb->data)[3 * i + b] = sample_u8(in, i * bands + (bands < 3 ? 0 : b));
    drn_image_free(in);
    if (st == DRN_OK)
        *out = rgb;
    return st;
}
