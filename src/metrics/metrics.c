#include "drn/metrics.h"

#include "base/mem.h"
#include "image/colour.h"
#include "metrics/planes.h"

#include <math.h>

/* The part of a picture inside the shave. */
typedef struct view {
    const uint8_t *data;
    size_t stride; /* samples a row */
    int32_t width, height, bands;
} view;

static drn_status check(const drn_image *sr, const drn_image *hr, int shave, drn_error *err)
{
    if (sr->depth != DRN_U8 || hr->depth != DRN_U8)
        return drn_fail(err, DRN_ERR_INVALID, "pictures to compare must have 8 bits a sample");
    if ((sr->bands != 1 && sr->bands != 3) || (hr->bands != 1 && hr->bands != 3))
        return drn_fail(err, DRN_ERR_INVALID,
                        "pictures to compare have %d and %d bands, not 1 or 3", sr->bands,
                        hr->bands);
    if (sr->width != hr->width || sr->height != hr->height)
        return drn_fail(err, DRN_ERR_INVALID, "pictures to compare are %d x %d and %d x %d",
                        sr->width, sr->height, hr->width, hr->height);
    int32_t side = hr->width < hr->height ? hr->width : hr->height;
    if (shave < 0 || shave > (side - 1) / 2)
        return drn_fail(err, DRN_ERR_INVALID, "a shave of %d leaves nothing of %d x %d", shave,
                        hr->width, hr->height);
    return DRN_OK;
}

static view inside(const drn_image *image, int shave)
{
    size_t stride = (size_t)image->width * (size_t)image->bands, s = (size_t)shave;
    const uint8_t *data = image->data;
    return (view){data + s * stride + s * (size_t)image->bands, stride, image->width - 2 * shave,
                  image->height - 2 * shave, image->bands};
}

static void luma_plane(double *y, const view *v, bool round_y)
{
    size_t n = (size_t)v->width;
    for (size_t r = 0; r < (size_t)v->height; r++, y += n) {
        drn_luma_row(y, v->data + r * v->stride, n, v->bands);
        for (size_t i = 0; round_y && i < n; i++)
            y[i] = drn_round(y[i]);
    }
}

static void band_plane(double *p, const view *v, int band)
{
    size_t n = (size_t)v->width, bands = (size_t)v->bands;
    size_t b = v->bands == 1 ? 0 : (size_t)band;
    for (size_t r = 0; r < (size_t)v->height; r++, p += n)
        for (size_t i = 0; i < n; i++)
            p[i] = v->data[r * v->stride + i * bands + b];
}

static double squared_error(const double *a, const double *b, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += (a[i] - b[i]) * (a[i] - b[i]);
    return sum;
}

/* 10 log10(peak^2 / mean squared error). */
static double decibel(double peak, double sse, double count)
{
    if (count < 1)
        return (double)NAN;
    return sse > 0 ? 10 * log10(peak * peak * count / sse) : (double)INFINITY;
}

typedef struct sums {
    double sse, count, ssim;
    drn_gradient_sums gradient;
} sums;

static drn_status add_plane(sums *s, const double *a, const double *b, const view *v,
                            bool replicate, drn_error *err)
{
    double ssim;
    size_t n = (size_t)v->width * (size_t)v->height;
    DRN_TRY(drn_ssim_plane(&ssim, a, b, v->width, v->height, replicate, err));
    s->ssim += ssim;
    s->sse += squared_error(a, b, n);
    s->count += (double)n;
    drn_gradient_add(&s->gradient, a, b, v->width, v->height);
    return DRN_OK;
}

drn_status drn_metrics(drn_metric_values *out, const drn_image *sr, const drn_image *hr,
                       const drn_metric_options *options, drn_error *err)
{
    drn_metric_options o = options ? *options : (drn_metric_options){0};
    DRN_TRY(check(sr, hr, o.shave, err));
    view vs = inside(sr, o.shave), vh = inside(hr, o.shave);
    size_t n = (size_t)vs.width * (size_t)vs.height;
    double *a = NULL, *b = NULL;
    sums s = {0};
    int planes = o.rgb && sr->bands + hr->bands > 2 ? 3 : 1; /* grey: three equal ones */
    drn_status st;
    DRN_CHECK(drn_alloc_to(&a, n, sizeof *a, err));
    DRN_CHECK(drn_alloc_to(&b, n, sizeof *b, err));
    for (int p = 0; p < planes; p++) {
        if (o.rgb) {
            band_plane(a, &vs, p);
            band_plane(b, &vh, p);
        } else {
            luma_plane(a, &vs, o.round_y);
            luma_plane(b, &vh, o.round_y);
        }
        DRN_CHECK(add_plane(&s, a, b, &vs, o.ssim_replicate, err));
    }
    out->psnr = decibel(255, s.sse, s.count);
    out->ssim = s.ssim / planes;
    out->gradient_psnr = decibel(s.gradient.peak, s.gradient.sse, s.gradient.count);
done:
    drn_free(a);
    drn_free(b);
    return st;
}
