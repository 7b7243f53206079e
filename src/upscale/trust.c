/* Where a result can be trusted.
 *
 * The expected error of a pixel is exp of a weighted sum of logarithms:
 *     0.67 log g1(result) + 0.49 log g2(result) - 0.70 log g3(bicubic)
 * g is the gradient magnitude of the luma, smoothed by a Gaussian of 0.375, 1 and 0.5 input pixels.
 * So errors are large where there is much texture, and larger where the network made edges steeper
 * than the input alone would have them.  The weights are a least-squares fit of the logarithm of
 * the true error over 24 validation pictures (x4).  The error of the closed loop got the weight
 * 0.01 in that fit and was left out: a good network keeps what the input shows, so the loop says
 * little about what it adds. */
#include "upscale/trust.h"

#include "base/mem.h"
#include "upscale/loop.h"
#include "upscale/samples.h"

#include <math.h>
#include <string.h>

#define FLOOR 2e-4f /* added to gradients of 0..1 samples before the logarithm */

static drn_status plane_like(drn_image **out, const drn_image *im, drn_error *err)
{
    return drn_image_new(out, im->width, im->height, 1, DRN_F32, err);
}

drn_status drn_trust_luma(drn_image **out, const drn_image *in, drn_error *err)
{
    drn_image *colour = NULL, *alpha = NULL, *y = NULL;
    drn_status st;
    DRN_CHECK(drn_samples_split(&colour, &alpha, in, 0, 0, in->width, in->height, err));
    if (colour->bands == 1) {
        *out = colour;
        colour = NULL;
        goto done;
    }
    DRN_CHECK(plane_like(&y, colour, err));
    const float *p = colour->data;
    size_t n = (size_t)colour->width * (size_t)colour->height;
    for (size_t i = 0; i < n; i++, p += 3)
        ((float *)y->data)[i] = 0.299f * p[0] + 0.587f * p[1] + 0.114f * p[2];
    *out = y;
done:
    drn_image_free(colour);
    drn_image_free(alpha);
    return st;
}

drn_status drn_trust_gradient(drn_image **out, const drn_image *y, drn_error *err)
{
    drn_image *g;
    DRN_TRY(plane_like(&g, y, err));
    int32_t w = y->width, h = y->height;
    for (int32_t r = 0; r < h; r++) {
        const float *row = (const float *)y->data + (size_t)r * (size_t)w;
        const float *up = r > 0 ? row - w : row, *down = r < h - 1 ? row + w : row;
        float *to = (float *)g->data + (size_t)r * (size_t)w;
        for (int32_t c = 0; c < w; c++) {
            float dx = row[c < w - 1 ? c + 1 : c] - row[c > 0 ? c - 1 : c], dy = down[c] - up[c];
            to[c] = sqrtf(dx * dx + dy * dy);
        }
    }
    *out = g;
    return DRN_OK;
}

enum { MAX_RADIUS = 192 };

/* Half a Gaussian, k[0..radius], normalised as a whole. */
static int gaussian(float k[MAX_RADIUS + 1], double sigma)
{
    int radius = (int)ceil(3 * sigma);
    double sum = 0;
    radius = radius < 1 ? 1 : radius > MAX_RADIUS ? MAX_RADIUS : radius;
    for (int i = 0; i <= radius; i++)
        sum += (i ? 2 : 1) * exp(-i * i / (2 * sigma * sigma));
    for (int i = 0; i <= radius; i++)
        k[i] = (float)(exp(-i * i / (2 * sigma * sigma)) / sum);
    return radius;
}

static int32_t inside(int32_t i, int32_t n)
{
    return i < 0 ? 0 : i >= n ? n - 1 : i;
}

drn_status drn_trust_add(drn_image *out, const drn_image *g, double sigma, float weight,
                         drn_error *err)
{
    float k[MAX_RADIUS + 1], *line = NULL;
    int radius = gaussian(k, sigma);
    int32_t w = g->width, h = g->height;
    drn_image *rows = NULL;
    drn_status st;
    DRN_CHECK(drn_alloc_to(&line, (size_t)w, sizeof *line, err));
    DRN_CHECK(plane_like(&rows, g, err));
    for (int32_t y = 0; y < h; y++) {
        const float *p = (const float *)g->data + (size_t)y * (size_t)w;
        float *to = (float *)rows->data + (size_t)y * (size_t)w;
        for (int32_t x = 0; x < w; x++) {
            float v = k[0] * p[x];
            for (int i = 1; i <= radius; i++)
                v += k[i] * (p[inside(x - i, w)] + p[inside(x + i, w)]);
            to[x] = v;
        }
    }
    for (int32_t y = 0; y < h; y++) {
        memset(line, 0, (size_t)w * sizeof *line);
        for (int i = -radius; i <= radius; i++) {
            const float *p = (const float *)rows->data + (size_t)inside(y + i, h) * (size_t)w;
            float f = k[i < 0 ? -i : i];
            for (int32_t x = 0; x < w; x++)
                line[x] += f * p[x];
        }
        float *to = (float *)out->data + (size_t)y * (size_t)w;
        for (int32_t x = 0; x < w; x++)
            to[x] += weight * logf(FLOOR + line[x]);
    }
done:
    drn_free(line);
    drn_image_free(rows);
    return st;
}

drn_status drn_trust_zeros(drn_image **out, const drn_image *im, drn_error *err)
{
    DRN_TRY(plane_like(out, im, err));
    memset((*out)->data, 0, (size_t)im->width * (size_t)im->height * sizeof(float));
    return DRN_OK;
}

/* The logarithm of the expected error, up to a constant. */
static drn_status expect(drn_image **out, const drn_image *y, const drn_image *x, drn_error *err)
{
    double times = sqrt((double)y->width / x->width * ((double)y->height / x->height));
    drn_image *e = NULL, *plain = NULL, *g = NULL;
    drn_status st;
    DRN_CHECK(drn_trust_zeros(&e, y, err));
    DRN_CHECK(drn_trust_gradient(&g, y, err));
    DRN_CHECK(drn_trust_add(e, g, 0.375 * times, 0.67f, err));
    DRN_CHECK(drn_trust_add(e, g, times, 0.49f, err));
    drn_image_free(g);
    g = NULL;
    DRN_CHECK(drn_imresize_to(&plain, x, y->width, y->height, NULL, err));
    DRN_CHECK(drn_trust_gradient(&g, plain, err));
    DRN_CHECK(drn_trust_add(e, g, 0.5 * times, -0.70f, err));
    *out = e;
    e = NULL;
done:
    drn_image_free(e);
    drn_image_free(plain);
    drn_image_free(g);
    return st;
}

enum { BINS = 1 << 16 };

/* map = 255 * share of the pixels that are expected to be worse. */
static drn_status rank(drn_image *map, const drn_image *e, drn_error *err)
{
    size_t n = (size_t)e->width * (size_t)e->height, worse = 0, *count;
    const float *p = e->data;
    float lo = p[0], hi = p[0];
    DRN_TRY(drn_calloc_to(&count, BINS, sizeof *count, err));
    for (size_t i = 0; i < n; i++) {
        lo = p[i] < lo ? p[i] : lo;
        hi = p[i] > hi ? p[i] : hi;
    }
    float scale = hi > lo ? (float)(BINS - 1) / (hi - lo) : 0;
    for (size_t i = 0; i < n; i++)
        count[(size_t)((p[i] - lo) * scale)]++;
    for (size_t b = BINS; b-- > 0;) { /* now: the share that is worse, ties at their middle */
        size_t own = count[b];
        count[b] = worse + own / 2;
        worse += own;
    }
    for (size_t i = 0; i < n; i++)
        ((uint8_t *)map->data)[i] =
            (uint8_t)(255.0 * (double)count[(size_t)((p[i] - lo) * scale)] / (double)n + 0.5);
    drn_free(count);
    return DRN_OK;
}

drn_status drn_upscale_trust(drn_image **map, drn_image **expected, const drn_image *result,
                             const drn_image *in, drn_error *err)
{
    drn_image *y = NULL, *x = NULL, *e = NULL, *ranks = NULL;
    drn_status st;
    DRN_TRY(drn_loop_pair(result, in, err));
    DRN_CHECK(drn_trust_luma(&y, result, err));
    DRN_CHECK(drn_trust_luma(&x, in, err));
    DRN_CHECK(expect(&e, y, x, err));
    DRN_CHECK(drn_image_new(&ranks, e->width, e->height, 1, DRN_U8, err));
    DRN_CHECK(rank(ranks, e, err));
    *map = ranks;
    ranks = NULL;
    if (expected) {
        *expected = e;
        e = NULL;
    }
done:
    drn_image_free(y);
    drn_image_free(x);
    drn_image_free(e);
    drn_image_free(ranks);
    return st;
}
