#include "figure/maps.h"

#include "base/mem.h"
#include "image/colour.h"
#include "image/convert.h"
#include "loss/loss.h"
#include "metrics/planes.h"

#include <math.h>
#include <string.h>

static size_t pixels_of(const drn_image *im)
{
    return (size_t)im->width * (size_t)im->height;
}

static drn_status same_size(drn_image **out, const drn_image *im, drn_error *err)
{
    return drn_image_new(out, im->width, im->height, 3, DRN_U8, err);
}

static uint8_t level(double v)
{
    return (uint8_t)(v > 0 ? v < 255 ? v + 0.5 : 255 : 0);
}

drn_status figure_rgb(drn_image **out, const drn_image *in, drn_error *err)
{
    drn_image *flat, *rgb;
    DRN_TRY(drn_image_convert(&flat, in, DRN_U8, true, err));
    if (flat->bands == 3) {
        *out = flat;
        return DRN_OK;
    }
    drn_status st = same_size(&rgb, flat, err);
    for (size_t i = 0; st == DRN_OK && i < pixels_of(flat); i++)
        memset((uint8_t *)rgb->data + 3 * i, ((const uint8_t *)flat->data)[i], 3);
    drn_image_free(flat);
    if (st == DRN_OK)
        *out = rgb;
    return st;
}

drn_status figure_blocks(drn_image **out, const drn_image *in, int scale, drn_error *err)
{
    if (in->width > INT32_MAX / scale || in->height > INT32_MAX / scale)
        return drn_fail(err, DRN_ERR_INVALID, "%d x %d pixels are too many for scale %d", in->width,
                        in->height, scale);
    DRN_TRY(drn_image_new(out, in->width * scale, in->height * scale, 3, DRN_U8, err));
    uint8_t *to = (*out)->data;
    size_t s = (size_t)scale, w = (size_t)in->width;
    for (size_t y = 0; y < (size_t)(*out)->height; y++)
        for (size_t x = 0; x < w * s; x++, to += 3)
            memcpy(to, (const uint8_t *)in->data + 3 * (y / s * w + x / s), 3);
    return DRN_OK;
}

/* Y[h,w], 16..235, not rounded. */
static drn_status luma(double **out, const drn_image *in, drn_error *err)
{
    DRN_TRY(drn_alloc_to(out, pixels_of(in), sizeof **out, err));
    drn_luma_row(*out, in->data, pixels_of(in), 3);
    return DRN_OK;
}

/* ---- gradients ---- */

/* In place: the magnitudes, 0 on the border; returns the largest. */
static double magnitudes(double *g, const double *y, size_t w, size_t h)
{
    double peak = 0;
    memset(g, 0, w * h * sizeof *g);
    for (size_t r = 1; r + 1 < h; r++)
        for (size_t c = 1; c + 1 < w; c++) {
            double v = drn_gradient_magnitude(y + r * w + c, (ptrdiff_t)w);
            g[r * w + c] = v;
            peak = v > peak ? v : peak;
        }
    return peak;
}

static drn_status gradient(double **out, double *peak, const drn_image *in, drn_error *err)
{
    double *y;
    DRN_TRY(luma(&y, in, err));
    drn_status st = drn_alloc_to(out, pixels_of(in), sizeof **out, err);
    if (st == DRN_OK)
        *peak = magnitudes(*out, y, (size_t)in->width, (size_t)in->height);
    drn_free(y);
    return st;
}

drn_status figure_gradient_peak(double *peak, const drn_image *in, drn_error *err)
{
    double *g;
    DRN_TRY(gradient(&g, peak, in, err));
    drn_free(g);
    return DRN_OK;
}

/* Numbers as a grey picture. */
static drn_status as_picture(drn_image **out, const double *v, double gain, const drn_image *like,
                             drn_error *err)
{
    DRN_TRY(same_size(out, like, err));
    for (size_t i = 0; i < pixels_of(like); i++)
        memset((uint8_t *)(*out)->data + 3 * i, level(v[i] * gain), 3);
    return DRN_OK;
}

drn_status figure_gradient(drn_image **out, const drn_image *in, double peak, drn_error *err)
{
    double *g, own;
    DRN_TRY(gradient(&g, &own, in, err));
    drn_status st = as_picture(out, g, peak > 0 ? 2 * 255 / peak : 0, in, err);
    drn_free(g);
    return st;
}

/* ---- the mask ---- */

/* m[3,h,w] of the picture in 0..1: the loss's own. */
static drn_status mask_of(float **m, const drn_image *in, drn_error *err)
{
    size_t n = pixels_of(in);
    double partial[9];
    float *target;
    drn_shape s = {1, 3, in->height, in->width};
    DRN_TRY(drn_alloc_to(&target, 3 * n, sizeof *target, err));
    drn_status st = drn_alloc_to(m, 3 * n, sizeof **m, err);
    if (st == DRN_OK) {
        for (size_t i = 0; i < 3 * n; i++)
            target[i % 3 * n + i / 3] = (float)((const uint8_t *)in->data)[i] / 255.0f;
        drn_loss_mask(*m, target, partial, s, DRN_FLOAT32, NULL);
    }
    drn_free(target);
    return st;
}

drn_status figure_mask(drn_image **m, drn_image **masked, drn_image **rest, const drn_image *in,
                       drn_error *err)
{
    drn_image *out[3] = {NULL};
    float *mask = NULL;
    size_t n = pixels_of(in);
    drn_status st = DRN_OK;
    DRN_CHECK(mask_of(&mask, in, err));
    for (int k = 0; k < 3; k++)
        DRN_CHECK(same_size(&out[k], in, err));
    for (size_t i = 0; i < 3 * n; i++) {
        double v = (double)mask[i % 3 * n + i / 3], p = ((const uint8_t *)in->data)[i];
        ((uint8_t *)out[0]->data)[i] = level(255 * v);
        ((uint8_t *)out[1]->data)[i] = level(v * p);
        ((uint8_t *)out[2]->data)[i] = level((1 - v) * p);
    }
    *m = out[0];
    *masked = out[1];
    *rest = out[2];
done:
    for (int k = 0; st != DRN_OK && k < 3; k++)
        drn_image_free(out[k]);
    drn_free(mask);
    return st;
}

/* ---- differences ---- */

/* d[h,w] = luma of a - luma of b */
static drn_status difference(double **d, const drn_image *a, const drn_image *b, drn_error *err)
{
    double *y;
    if (a->width != b->width || a->height != b->height)
        return drn_fail(err, DRN_ERR_INVALID,
                        "pictures of %d x %d and %d x %d pixels do not compare", a->width,
                        a->height, b->width, b->height);
    DRN_TRY(luma(&y, b, err));
    drn_status st = luma(d, a, err);
    for (size_t i = 0; st == DRN_OK && i < pixels_of(a); i++)
        (*d)[i] -= y[i];
    drn_free(y);
    return st;
}

drn_status figure_error(drn_image **out, const drn_image *a, const drn_image *b, double gain,
                        drn_error *err)
{
    double *d;
    DRN_TRY(difference(&d, a, b, err));
    for (size_t i = 0; i < pixels_of(a); i++)
        d[i] = fabs(d[i]);
    drn_status st = as_picture(out, d, gain, a, err);
    drn_free(d);
    return st;
}

drn_status figure_difference_sums(double **sums, const drn_image *a, const drn_image *b,
                                  drn_error *err)
{
    double *d;
    size_t w = (size_t)a->width, h = (size_t)a->height;
    DRN_TRY(difference(&d, a, b, err));
    drn_status st = drn_calloc_to(sums, (w + 1) * (h + 1), sizeof **sums, err);
    for (size_t y = 0; st == DRN_OK && y < h; y++) {
        double row = 0, *above = *sums + y * (w + 1), *here = above + w + 1;
        for (size_t x = 0; x < w; x++) {
            row += d[y * w + x] * d[y * w + x];
            here[x + 1] = above[x + 1] + row;
        }
    }
    drn_free(d);
    return st;
}
