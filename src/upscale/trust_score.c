/* How well guesses foretell the true error. */
#include "upscale/trust.h"

#include "base/mem.h"
#include "upscale/loop.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- ranks ---- */

typedef struct ranked {
    float value;
    uint32_t at;
} ranked;

static int by_value(const void *a, const void *b)
{
    float x = ((const ranked *)a)->value, y = ((const ranked *)b)->value;
    return (x > y) - (x < y);
}

/* rank[n] of the values, from 0, ties at their mean; list is scratch. */
static void ranks(double *rank, ranked *list, const float *v, size_t n)
{
    for (size_t i = 0; i < n; i++)
        list[i] = (ranked){v[i], (uint32_t)i};
    qsort(list, n, sizeof *list, by_value);
    for (size_t i = 0, end; i < n; i = end) {
        for (end = i; end < n && !(list[end].value > list[i].value); end++)
            ;
        for (size_t k = i; k < end; k++)
            rank[list[k].at] = (double)(i + end - 1) / 2;
    }
}

drn_status drn_rank_correlation(double *out, const float *a, const float *b, size_t n,
                                drn_error *err)
{
    double *ra = NULL, *rb = NULL, mean = ((double)n - 1) / 2, ab = 0, aa = 0, bb = 0;
    ranked *list = NULL;
    drn_status st = DRN_OK;
    if (n > UINT32_MAX)
        return drn_fail(err, DRN_ERR_INVALID, "%zu values are too many to rank", n);
    DRN_CHECK(drn_alloc_to(&ra, n, sizeof *ra, err));
    DRN_CHECK(drn_alloc_to(&rb, n, sizeof *rb, err));
    DRN_CHECK(drn_alloc_to(&list, n, sizeof *list, err));
    ranks(ra, list, a, n);
    ranks(rb, list, b, n);
    for (size_t i = 0; i < n; i++) {
        ab += (ra[i] - mean) * (rb[i] - mean);
        aa += (ra[i] - mean) * (ra[i] - mean);
        bb += (rb[i] - mean) * (rb[i] - mean);
    }
    *out = aa > 0 && bb > 0 ? ab / sqrt(aa * bb) : (double)NAN;
done:
    drn_free(ra);
    drn_free(rb);
    drn_free(list);
    return st;
}

/* ---- guesses ---- */

/* |a - b| of two planes into a. */
static void distance(drn_image *a, const drn_image *b)
{
    float *p = a->data;
    const float *q = b->data;
    for (size_t i = 0; i < (size_t)a->width * (size_t)a->height; i++)
        p[i] = fabsf(p[i] - q[i]);
}

/* |x - D(y)|, enlarged to y's size and smoothed (its logarithm: ranks do not mind). */
static drn_status loop_error(drn_image **out, const drn_image *y, const drn_image *x,
                             drn_error *err)
{
    drn_image *back = NULL, *large = NULL, *smooth = NULL;
    drn_status st;
    DRN_CHECK(drn_imresize_to(&back, y, x->width, x->height, NULL, err));
    distance(back, x);
    DRN_CHECK(drn_imresize_to(&large, back, y->width, y->height, NULL, err));
    for (size_t i = 0; i < (size_t)large->width * (size_t)large->height; i++)
        ((float *)large->data)[i] = fabsf(((float *)large->data)[i]); /* bicubic dips below 0 */
    DRN_CHECK(drn_trust_zeros(&smooth, y, err));
    DRN_CHECK(drn_trust_add(smooth, large, 0.5 * y->width / x->width, 1, err));
    *out = smooth;
    smooth = NULL;
done:
    drn_image_free(back);
    drn_image_free(large);
    drn_image_free(smooth);
    return st;
}

/* A guess against the error, both inside shave. */
static drn_status score(double *out, const drn_image *guess, const drn_image *error, int shave,
                        drn_error *err)
{
    drn_image *a = NULL, *b = NULL;
    drn_status st;
    int32_t w = error->width - 2 * shave, h = error->height - 2 * shave;
    DRN_CHECK(drn_image_crop(&a, guess, shave, shave, w, h, err));
    DRN_CHECK(drn_image_crop(&b, error, shave, shave, w, h, err));
    DRN_CHECK(drn_rank_correlation(out, a->data, b->data, (size_t)w * (size_t)h, err));
done:
    drn_image_free(a);
    drn_image_free(b);
    return st;
}

static drn_status score_gradients(drn_trust_score *s, const drn_image *y, const drn_image *x,
                                  const drn_image *error, int shave, drn_error *err)
{
    drn_image *plain = NULL, *g = NULL, *smooth = NULL;
    drn_status st;
    DRN_CHECK(drn_imresize_to(&plain, x, y->width, y->height, NULL, err));
    DRN_CHECK(drn_trust_gradient(&g, plain, err));
    DRN_CHECK(score(&s->gradient, g, error, shave, err));
    DRN_CHECK(drn_trust_zeros(&smooth, y, err));
    DRN_CHECK(drn_trust_add(smooth, g, 0.5 * y->width / x->width, 1, err));
    DRN_CHECK(score(&s->smooth_gradient, smooth, error, shave, err));
done:
    drn_image_free(plain);
    drn_image_free(g);
    drn_image_free(smooth);
    return st;
}

drn_status drn_upscale_trust_score(drn_trust_score *out, const drn_image *result,
                                   const drn_image *in, const drn_image *truth, int shave,
                                   drn_error *err)
{
    drn_image *y = NULL, *x = NULL, *error = NULL, *map = NULL, *guess = NULL, *loop = NULL;
    drn_trust_score s;
    drn_status st;
    if (truth->width != result->width || truth->height != result->height || shave < 0)
        return drn_fail(err, DRN_ERR_INVALID, "the result has %dx%d pixels, the original %dx%d",
                        result->width, result->height, truth->width, truth->height);
    DRN_CHECK(drn_upscale_trust(&map, &guess, result, in, err));
    DRN_CHECK(drn_trust_luma(&y, result, err));
    DRN_CHECK(drn_trust_luma(&x, in, err));
    DRN_CHECK(drn_trust_luma(&error, truth, err));
    distance(error, y);
    DRN_CHECK(score(&s.trust, guess, error, shave, err));
    DRN_CHECK(score_gradients(&s, y, x, error, shave, err));
    DRN_CHECK(loop_error(&loop, y, x, err));
    DRN_CHECK(score(&s.loop, loop, error, shave, err));
    *out = s;
done:
    drn_image_free(y);
    drn_image_free(x);
    drn_image_free(error);
    drn_image_free(map);
    drn_image_free(guess);
    drn_image_free(loop);
    return st;
}
