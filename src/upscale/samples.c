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

static inline void put_as(void *data, drn_depth depth, size_t i, float v)
{
    if (depth == DRN_F32) {
        ((float *)data)[i] = v;
        return;
    }
    v = v > 0 ? v < 1 ? v : 1 : 0; /* NaN becomes 0 */
    if (depth == DRN_U8)
        ((uint8_t *)data)[i] = (uint8_t)(v * 255.0f + 0.5f);
    else
        ((uint16_t *)data)[i] = (uint16_t)(v * 65535.0f + 0.5f);
}

static void put(drn_image *out, size_t i, float v)
{
    put_as(out->data, out->depth, i, v);
}

void drn_samples_load(float *planar, size_t plane, const drn_image *in, int32_t x, int32_t y,
                      int32_t w, int32_t h)
{
    size_t bands = (size_t)in->bands;
    for (int32_t r = 0; r < h; r++) {
        size_t i = ((size_t)(y + r) * (size_t)in->width + (size_t)x) * bands,
               o = (size_t)r * (size_t)w;
        for (int32_t c = 0; c < w; c++, i += bands, o++)
            for (size_t b = 0; b < 3; b++)
                planar[b * plane + o] = get(in, bands < 3 ? i : i + b);
    }
}

/* n pixels from sample o on; compiled for every depth. */
__attribute__((always_inline)) static inline void store_row(void *data, const drn_depth depth,
                                                            size_t bands, size_t o, const float *p,
                                                            size_t plane, int32_t n)
{
    for (int32_t c = 0; c < n; c++, p++, o += bands) {
        if (bands < 3) {
            put_as(data, depth, o, 0.299f * p[0] + 0.587f * p[plane] + 0.114f * p[2 * plane]);
            continue;
        }
        put_as(data, depth, o, p[0]);
        put_as(data, depth, o + 1, p[plane]);
        put_as(data, depth, o + 2, p[2 * plane]);
    }
}

void drn_samples_store(drn_image *out, const float *planar, size_t plane, int32_t pw, int32_t x,
                       int32_t y, int32_t w, int32_t h)
{
    size_t bands = (size_t)out->bands;
    for (int32_t r = 0; r < h; r++) {
        size_t o = ((size_t)(y + r) * (size_t)out->width + (size_t)x) * bands;
        const float *p = planar + (size_t)r * (size_t)pw;
        if (out->depth == DRN_U8)
            store_row(out->data, DRN_U8, bands, o, p, plane, w);
        else if (out->depth == DRN_U16)
            store_row(out->data, DRN_U16, bands, o, p, plane, w);
        else
            store_row(out->data, DRN_F32, bands, o, p, plane, w);
    }
}

drn_status drn_samples_split(drn_image **colour, drn_image **alpha, const drn_image *in, int32_t x,
                             int32_t y, int32_t w, int32_t h, drn_error *err)
{
    size_t bands = (size_t)in->bands, colours = bands < 3 ? 1 : 3, n = 0;
    drn_image *c = NULL, *a = NULL;
    drn_status st;
    DRN_CHECK(drn_image_new(&c, w, h, (int32_t)colours, DRN_F32, err));
    if (bands > colours)
        DRN_CHECK(drn_image_new(&a, w, h, 1, DRN_F32, err));
    float *to = c->data, *ta = a ? a->data : NULL;
    for (int32_t r = 0; r < h; r++) {
        size_t i = ((size_t)(y + r) * (size_t)in->width + (size_t)x) * bands;
        for (int32_t k = 0; k < w; k++, i += bands, n++) {
            for (size_t b = 0; b < colours; b++)
                to[n * colours + b] = get(in, i + b);
            if (ta)
                ta[n] = get(in, i + colours);
        }
    }
    *colour = c;
    *alpha = a;
    return DRN_OK;
done:
    drn_image_free(c);
    return st;
}

void drn_samples_merge(drn_image *out, int32_t x, int32_t y, const drn_image *colour,
                       const drn_image *alpha, int32_t sx, int32_t sy, int32_t w, int32_t h)
{
    size_t bands = (size_t)out->bands, colours = (size_t)colour->bands;
    for (int32_t r = 0; r < h; r++) {
        size_t o = ((size_t)(y + r) * (size_t)out->width + (size_t)x) * bands;
        size_t i = (size_t)(sy + r) * (size_t)colour->width + (size_t)sx;
        for (int32_t k = 0; k < w; k++, i++, o += bands) {
            for (size_t b = 0; b < colours; b++)
                put(out, o + b, ((const float *)colour->data)[i * colours + b]);
            if (alpha)
                put(out, o + colours, ((const float *)alpha->data)[i]);
        }
    }
}

void drn_samples_copy(drn_image *out, int32_t x, int32_t y, const drn_image *in, int32_t sx,
                      int32_t sy, int32_t w, int32_t h)
{
    size_t pixel = (size_t)in->bands * drn_depth_size(in->depth);
    char *to = (char *)out->data + ((size_t)y * (size_t)out->width + (size_t)x) * pixel;
    const char *from =
        (const char *)in->data + ((size_t)sy * (size_t)in->width + (size_t)sx) * pixel;
    for (int32_t r = 0; r < h; r++) {
        memcpy(to, from, (size_t)w * pixel);
        to += (size_t)out->width * pixel;
        from += (size_t)in->width * pixel;
    }
}
