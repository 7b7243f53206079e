#include "study/degrade.h"

#include "base/mem.h"
#include "drn/metrics.h"

#include <math.h>

enum { MAX_RADIUS = 256 };

const char *study_degrade_name(drn_degrade_kind kind)
{
    return kind == DRN_DEGRADE_BLUR ? "blur" : kind == DRN_DEGRADE_NEAREST ? "nearest" : "bicubic";
}

static int32_t inside(int32_t v, int32_t n)
{
    return v < 0 ? 0 : v >= n ? n - 1 : v;
}

/* taps[2r+1] of a Gaussian cut off at 4 sigma, sum 1; returns r. */
static int32_t gaussian(double *taps, double sigma)
{
    int32_t r = (int32_t)ceil(4 * sigma);
    double sum = 0;
    r = r > MAX_RADIUS ? MAX_RADIUS : r;
    for (int32_t k = -r; k <= r; k++)
        sum += taps[k + r] = exp(-(double)k * (double)k / (2 * sigma * sigma));
    for (int32_t k = 0; k <= 2 * r; k++)
        taps[k] /= sum;
    return r;
}

/* out(x, y) = sum_k taps[k] in(x + k dx, y + k dy), on doubles [h,w,3]. */
static void pass(double *out, const double *in, int32_t w, int32_t h, const double *taps, int32_t r,
                 int32_t dx, int32_t dy)
{
    for (int32_t y = 0; y < h; y++)
        for (int32_t x = 0; x < w; x++)
            for (size_t b = 0; b < 3; b++) {
                double sum = 0;
                for (int32_t k = -r; k <= r; k++) {
                    int32_t sx = inside(x + k * dx, w), sy = inside(y + k * dy, h);
                    sum += taps[k + r] * in[3 * ((size_t)sy * (size_t)w + (size_t)sx) + b];
                }
                out[3 * ((size_t)y * (size_t)w + (size_t)x) + b] = sum;
            }
}

static drn_status blur(drn_image *im, double sigma, drn_error *err)
{
    double taps[2 * MAX_RADIUS + 1], *a = NULL, *b = NULL;
    drn_status st = DRN_OK;
    uint8_t *p = im->data;
    size_t n = (size_t)im->width * (size_t)im->height * 3;
    if (!(sigma > 0 && sigma <= MAX_RADIUS / 4.0))
        return drn_fail(err, DRN_ERR_INVALID, "blur: sigma is %g, must be above 0 and at most %g",
                        sigma, MAX_RADIUS / 4.0);
    DRN_CHECK(drn_alloc_to(&a, n, sizeof *a, err));
    DRN_CHECK(drn_alloc_to(&b, n, sizeof *b, err));
    for (size_t i = 0; i < n; i++)
        a[i] = p[i];
    int32_t r = gaussian(taps, sigma);
    pass(b, a, im->width, im->height, taps, r, 1, 0);
    pass(a, b, im->width, im->height, taps, r, 0, 1);
    for (size_t i = 0; i < n; i++)
        p[i] = (uint8_t)floor(a[i] + 0.5); /* weights sum to 1: stays within 0..255 */
done:
    drn_free(a);
    drn_free(b);
    return st;
}

static drn_status nearest(drn_image **out, const drn_image *hr, int scale, drn_error *err)
{
    drn_image *lr;
    DRN_TRY(drn_image_new(&lr, hr->width / scale, hr->height / scale, 3, DRN_U8, err));
    uint8_t *p = lr->data;
    for (int32_t y = 0; y < lr->height; y++)
        for (int32_t x = 0; x < lr->width; x++, p += 3) {
            size_t at = (size_t)(y * scale + scale / 2) * (size_t)hr->width +
                        (size_t)(x * scale + scale / 2);
            const uint8_t *q = (const uint8_t *)hr->data + 3 * at;
            p[0] = q[0], p[1] = q[1], p[2] = q[2];
        }
    *out = lr;
    return DRN_OK;
}

drn_status study_degrade(drn_image **out, const drn_image *hr, int scale, drn_degrade_kind kind,
                         double sigma, drn_error *err)
{
    drn_image *cut = NULL;
    drn_status st = DRN_OK;
    if (hr->depth != DRN_U8 || hr->bands != 3)
        return drn_fail(err, DRN_ERR_INVALID, "degrade: %d bands, made for 8-bit RGB",
                        (int)hr->bands);
    DRN_TRY(drn_protocol_hr(&cut, hr, scale, err));
    if (kind == DRN_DEGRADE_NEAREST) {
        st = nearest(out, cut, scale, err);
    } else {
        if (kind == DRN_DEGRADE_BLUR)
            DRN_CHECK(blur(cut, sigma, err));
        st = drn_protocol_lr(out, cut, scale, NULL, err);
    }
done:
    drn_image_free(cut);
    return st;
}
