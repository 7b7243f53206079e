#include "upscale/shrink.h"

#include "base/mem.h"

#include <math.h>
#include <string.h>

void drn_shrink_range(int32_t *lo, int32_t *hi, const drn_resize_table *table, int32_t first,
                      int32_t count)
{
    size_t taps = (size_t)table->taps;
    const int32_t *index = table->index + (size_t)first * taps;
    *lo = *hi = index[0];
    for (size_t i = 0; i < (size_t)count * taps; i++) {
        *lo = index[i] < *lo ? index[i] : *lo;
        *hi = index[i] > *hi ? index[i] : *hi;
    }
}

/* Row of w pixels from one row of the input; index 0 is sample x0. */
static void shrink_row(float *out, const float *in, const drn_resize_table *t, int32_t x0,
                       int32_t x, int32_t w, size_t bands)
{
    size_t taps = (size_t)t->taps;
    const int32_t *index = t->index + (size_t)x * taps;
    const double *weight = t->weight + (size_t)x * taps;
    for (int32_t c = 0; c < w; c++, index += taps, weight += taps, out += bands) {
        double acc[3] = {0, 0, 0};
        for (size_t k = 0; k < taps; k++)
            for (size_t b = 0; b < bands; b++)
                acc[b] += weight[k] * (double)in[(size_t)(index[k] - x0) * bands + b];
        for (size_t b = 0; b < bands; b++)
            out[b] = (float)acc[b];
    }
}

/* out[n] = the weighted rows of in[.., n]; index 0 is row y0. */
static void mix_rows(float *out, const float *in, const drn_resize_table *t, int32_t y0, int32_t y,
                     size_t n)
{
    size_t taps = (size_t)t->taps;
    const int32_t *index = t->index + (size_t)y * taps;
    const double *weight = t->weight + (size_t)y * taps;
    memset(out, 0, n * sizeof *out);
    for (size_t k = 0; k < taps; k++) {
        const float *row = in + (size_t)(index[k] - y0) * n;
        float v = (float)weight[k];
        for (size_t i = 0; i < n && v != 0; i++)
            out[i] += v * row[i];
    }
}

drn_status drn_shrink_window(drn_image **out, const drn_image *in, int32_t ix, int32_t iy,
                             const drn_resize_table *columns, const drn_resize_table *rows,
                             int32_t x, int32_t y, int32_t w, int32_t h, drn_error *err)
{
    size_t bands = (size_t)in->bands, n = (size_t)w * bands;
    drn_image *narrow = NULL, *image = NULL;
    drn_status st;
    DRN_CHECK(drn_image_new(&narrow, w, in->height, in->bands, DRN_F32, err));
    DRN_CHECK(drn_image_new(&image, w, h, in->bands, DRN_F32, err));
    for (int32_t r = 0; r < in->height; r++)
        shrink_row((float *)narrow->data + (size_t)r * n,
                   (const float *)in->data + (size_t)r * (size_t)in->width * bands, columns, ix, x,
                   w, bands);
    for (int32_t r = 0; r < h; r++)
        mix_rows((float *)image->data + (size_t)r * n, narrow->data, rows, iy, y + r, n);
    *out = image;
    image = NULL;
done:
    drn_image_free(narrow);
    drn_image_free(image);
    return st;
}

/* ---- IEC 61966-2-1 ---- */

static float to_linear(float v)
{
    float a = fabsf(v);
    return copysignf(a <= 0.04045f ? a / 12.92f : powf((a + 0.055f) / 1.055f, 2.4f), v);
}

static float to_srgb(float v)
{
    float a = fabsf(v);
    return copysignf(a <= 0.0031308f ? a * 12.92f : 1.055f * powf(a, 1 / 2.4f) - 0.055f, v);
}

static void map(drn_image *image, float (*fn)(float))
{
    float *p = image->data;
    size_t n = (size_t)image->width * (size_t)image->height * (size_t)image->bands;
    for (size_t i = 0; i < n; i++)
        p[i] = fn(p[i]);
}

void drn_light_linear(drn_image *image)
{
    map(image, to_linear);
}

void drn_light_srgb(drn_image *image)
{
    map(image, to_srgb);
}
