#include "image/degrade.h"

#include "base/mem.h"

#include <math.h>
#include <string.h>

enum { MAX_RADIUS = 256 };

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

/* out[i] += tap * in[i] */
static void add(double *restrict out, const double *restrict in, size_t n, double tap)
{
    for (size_t i = 0; i < n; i++)
        out[i] += tap * in[i];
}

/* Rows of w RGB pixels: out = the row blurred along x; wide[3 (w + 2r)] is scratch. */
static void along_x(double *out, double *wide, const uint8_t *in, size_t w, const double *taps,
                    size_t r)
{
    for (size_t i = 0; i < w + 2 * r; i++) {
        size_t at = i < r ? 0 : i - r < w ? i - r : w - 1;
        for (size_t b = 0; b < 3; b++)
            wide[3 * i + b] = in[3 * at + b];
    }
    memset(out, 0, 3 * w * sizeof *out);
    for (size_t k = 0; k <= 2 * r; k++)
        add(out, wide + 3 * k, 3 * w, taps[k]);
}

/* Row y of in[h,3w] blurred along y. */
static void along_y(double *out, const double *in, int32_t y, int32_t h, size_t row,
                    const double *taps, int32_t r)
{
    memset(out, 0, row * sizeof *out);
    for (int32_t k = -r; k <= r; k++) {
        int32_t sy = y + k < 0 ? 0 : y + k >= h ? h - 1 : y + k;
        add(out, in + (size_t)sy * row, row, taps[k + r]);
    }
}

drn_status drn_blur(drn_image *im, double sigma, drn_error *err)
{
    double taps[2 * MAX_RADIUS + 1], *a = NULL, *line = NULL;
    drn_status st = DRN_OK;
    uint8_t *p = im->data;
    size_t w = (size_t)im->width, h = (size_t)im->height, row = 3 * w;
    if (im->depth != DRN_U8 || im->bands != 3)
        return drn_fail(err, DRN_ERR_INVALID, "blur: %d bands, made for 8-bit RGB", (int)im->bands);
    if (!(sigma > 0 && sigma <= MAX_RADIUS / 4.0))
        return drn_fail(err, DRN_ERR_INVALID, "blur: sigma is %g, must be above 0 and at most %g",
                        sigma, MAX_RADIUS / 4.0);
    int32_t r = gaussian(taps, sigma);
    DRN_CHECK(drn_alloc_to(&a, h * row, sizeof *a, err));
    DRN_CHECK(drn_alloc_to(&line, row + 6 * (size_t)r, sizeof *line, err));
    for (size_t y = 0; y < h; y++)
        along_x(a + y * row, line, p + y * row, w, taps, (size_t)r);
    for (size_t y = 0; y < h; y++) {
        along_y(line, a, (int32_t)y, im->height, row, taps, r);
        for (size_t i = 0; i < row; i++) /* weights sum to 1: stays within 0..255 */
            p[y * row + i] = (uint8_t)(line[i] + 0.5);
    }
done:
    drn_free(a);
    drn_free(line);
    return st;
}
