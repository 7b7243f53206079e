#include "upscale/samples.h"

#include <math.h>
#include <string.h>

static float get(const drn_image *in, size_t i)
{
    switch (in->depth) {
    case DRN_U8:
        return (float)((const uint8_t *)in->data)[i] / 255.0f;
    case DRN_U16:
        return (float)((const uint16_t *)in->data)[i] / 65535.0f;
    default:
        return ((const float *)in->data)[i];
    }
}

static void put(drn_image *out, size_t i, float v)
{
    if (out->depth == DRN_F32) {
        ((float *)out->data)[i] = v;
        return;
    }
    v = v > 0 ? v < 1 ? v : 1 : 0; /* NaN becomes 0 */
    if (out->depth == DRN_U8)
        ((uint8_t *)out->data)[i] = (uint8_t)(v * 255.0f + 0.5f);
    else
        ((uint16_t *)out->data)[i] = (uint16_t)(v * 65535.0f + 0.5f);
}

void drn_samples_load(float *planar, const drn_image *in, int32_t x, int32_t y, int32_t w, int32_t h)
{
    size_t plane = (size_t)w * (size_t)h, bands = (size_t)in->bands;
    for (int32_t r = 0; r < h; r++) {
        size_t i = ((size_t)(y + r) * (size_t)in->width + (size_t)x) * bands, o = (size_t)r * (size_t)w;
        for (int32_t c = 0; c < w; c++, i += bands, o++)
            for (size_t b = 0; b < 3; b++)
                planar[b * plane + o] = get(in, bands < 3 ? i : i + b);
    }
}

void drn_samples_store(drn_image *out, const float *planar, int32_t pw, int32_t ph, int32_t sx, int32_t sy,
                       int32_t x, int32_t y, int32_t w, int32_t h)
{
    size_t plane = (size_t)pw * (size_t)ph, bands = (size_t)out->bands;
    for (int32_t r = 0; r < h; r++) {
        size_t o = ((size_t)(y + r) * (size_t)out->width + (size_t)x) * bands;
        const float *p = planar + (size_t)(sy + r) * (size_t)pw + (size_t)sx;
        for (int32_t c = 0; c < w; c++, p++, o += bands) {
            if (bands < 3)
                put(out, o, 0.299f * p[0] + 0.587f * p[plane] + 0.114f * p[2 * plane]);
            for (size_t b = 0; bands >= 3 && b < 3; b++)
                put(out, o + b, p[b * plane]);
        }
    }
}

/* Copy one band between images of one size and depth. */
static void copy_band(drn_image *to, int32_t tb, const drn_image *from, int32_t fb)
{
    size_t s = drn_depth_size(to->depth), n = (size_t)to->width * (size_t)to->height;
    char *d = (char *)to->data + (size_t)tb * s;
    const char *p = (const char *)from->data + (size_t)fb * s;
    for (size_t i = 0; i < n; i++, d += (size_t)to->bands * s, p += (size_t)from->bands * s)
        memcpy(d, p, s);
}

drn_status drn_samples_alpha(drn_image *out, const drn_image *in, drn_error *err)
{
    drn_status st = DRN_OK;
    drn_image *small = NULL, *large = NULL;
    DRN_CHECK(drn_image_new(&small, in->width, in->height, 1, in->depth, err));
    copy_band(small, 0, in, in->bands - 1);
    DRN_CHECK(drn_imresize_to(&large, small, out->width, out->height, NULL, err));
    copy_band(out, out->bands - 1, large, 0);
done:
    drn_image_free(small);
    drn_image_free(large);
    return st;
}
