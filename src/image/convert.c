#include "image/convert.h"

#include "base/mem.h"

/* n samples of any depth as 0..1. */
static void load_row(double *row, const drn_image *in, int32_t y, size_t n)
{
    size_t at = (size_t)y * n;
    if (in->depth == DRN_U8) {
        const uint8_t *p = (const uint8_t *)in->data + at;
        for (size_t i = 0; i < n; i++)
            row[i] = p[i] / 255.0;
    } else if (in->depth == DRN_U16) {
        const uint16_t *p = (const uint16_t *)in->data + at;
        for (size_t i = 0; i < n; i++)
            row[i] = p[i] / 65535.0;
    } else {
        const float *p = (const float *)in->data + at;
        for (size_t i = 0; i < n; i++)
            row[i] = (double)p[i];
    }
}

/* Round 0..1 to 0..max. */
static unsigned quantise(double v, double max)
{
    if (!(v > 0)) /* also NaN */
        return 0;
    return (unsigned)((v < 1 ? v : 1) * max + 0.5);
}

static void store_row(drn_image *out, int32_t y, const double *row, size_t n)
{
    size_t at = (size_t)y * n;
    if (out->depth == DRN_U8) {
        uint8_t *p = (uint8_t *)out->data + at;
        for (size_t i = 0; i < n; i++)
            p[i] = (uint8_t)quantise(row[i], 255);
    } else if (out->depth == DRN_U16) {
        uint16_t *p = (uint16_t *)out->data + at;
        for (size_t i = 0; i < n; i++)
            p[i] = (uint16_t)quantise(row[i], 65535);
    } else {
        float *p = (float *)out->data + at;
        for (size_t i = 0; i < n; i++)
            p[i] = (float)row[i];
    }
}

/* Compose `bands` bands, the last of them alpha, over white, in place. */
static void flatten_row(double *row, size_t width, size_t bands)
{
    size_t keep = bands - 1;
    for (size_t x = 0; x < width; x++) {
        double alpha = row[x * bands + keep];
        alpha = alpha > 0 ? alpha < 1 ? alpha : 1 : 0;
        for (size_t b = 0; b < keep; b++)
            row[x * keep + b] = row[x * bands + b] * alpha + (1 - alpha);
    }
}

drn_status drn_image_convert(drn_image **out, const drn_image *in, drn_depth depth, bool flatten,
                             drn_error *err)
{
    size_t width = (size_t)in->width, bands = (size_t)in->bands;
    flatten = flatten && in->bands % 2 == 0;
    drn_image *image = NULL;
    double *row = NULL;
    drn_status st;
    DRN_CHECK(drn_alloc_to(&row, width * bands, sizeof *row, err));
    DRN_CHECK(drn_image_new(&image, in->width, in->height, in->bands - flatten, depth, err));
    for (int32_t y = 0; y < in->height; y++) {
        load_row(row, in, y, width * bands);
        if (flatten)
            flatten_row(row, width, bands);
        store_row(image, y, row, width * (size_t)image->bands);
    }
    *out = image;
    image = NULL;
done:
    drn_image_free(image);
    drn_free(row);
    return st;
}
