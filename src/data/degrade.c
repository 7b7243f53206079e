#include "data/degrade.h"

#include "base/rng.h"
#include "image/degrade.h"
#include "image/shrink.h"

#include <math.h>

bool drn_degrade_active(const drn_degrade_spec *s)
{
    return s->box > 0 || s->nearest > 0 || s->blur > 0 || s->noise > 0 || s->jpeg > 0;
}

static double between(drn_rng *rng, double lo, double hi)
{
    return lo + (hi - lo) * drn_rng_uniform(rng);
}

/* Two independent values of mean 0 and variance 1 (Marsaglia's polar method). */
static void normal_pair(double *out, drn_rng *rng)
{
    double u, v, s;
    do {
        u = 2 * drn_rng_uniform(rng) - 1;
        v = 2 * drn_rng_uniform(rng) - 1;
        s = u * u + v * v;
    } while (s >= 1 || s == 0);
    double f = sqrt(-2 * log(s) / s);
    out[0] = f * u;
    out[1] = f * v;
}

static uint8_t level(double v)
{
    return (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v + 0.5);
}

static void add_noise(drn_image *im, double sigma, bool grey, drn_rng *rng)
{
    size_t n = (size_t)im->width * (size_t)im->height * 3, bands = grey ? 3 : 1;
    uint8_t *p = im->data;
    double pair[2];
    for (size_t i = 0, k = 0; i < n; i += bands, k++) {
        if (k % 2 == 0)
            normal_pair(pair, rng);
        for (size_t b = 0; b < bands; b++)
            p[i + b] = level(p[i + b] + sigma * pair[k % 2]);
    }
}

drn_status drn_degrade_shrink(drn_image **out, const drn_image *hr, int factor, bool lr,
                              const drn_degrade_spec *s, uint64_t seed, drn_error *err)
{
    drn_rng rng;
    drn_rng_seed(&rng, seed, 1); /* a stream of its own: drn_degrade() draws what it drew before */
    double kernel = drn_rng_uniform(&rng);
    int x = (factor - (int)drn_rng_below(&rng, 2)) / 2, y = (factor - (int)drn_rng_below(&rng, 2)) / 2;
    if (kernel >= s->box + s->nearest)
        return drn_imresize(out, hr, 1.0 / factor, NULL, err);
    if (lr && kernel >= s->box)
        return drn_shrink_nearest(out, hr, factor, x, y, err);
    return drn_shrink_box(out, hr, factor, err);
}

drn_status drn_degrade(drn_image *im, const drn_degrade_spec *s, uint64_t seed, drn_error *err)
{
    drn_rng rng;
    drn_rng_seed(&rng, seed, 0);
    /* Everything is drawn whether it happens or not: one probability moves nothing else. */
    bool blur = drn_rng_uniform(&rng) < s->blur, noise = drn_rng_uniform(&rng) < s->noise;
    bool jpeg = drn_rng_uniform(&rng) < s->jpeg;
    double blur_sigma = between(&rng, s->blur_min, s->blur_max);
    double noise_sigma = between(&rng, s->noise_min, s->noise_max);
    bool grey = drn_rng_uniform(&rng) < s->noise_grey;
    drn_jpeg_trip trip = {.half = drn_rng_uniform(&rng) < s->jpeg_half,
                          .x = (int)drn_rng_below(&rng, 16),
                          .y = (int)drn_rng_below(&rng, 16)};
    trip.quality = (int)between(&rng, s->jpeg_min, s->jpeg_max + 1.0);
    if (blur && blur_sigma > 0)
        DRN_TRY(drn_blur(im, blur_sigma, err));
    if (noise)
        add_noise(im, noise_sigma, grey, &rng);
    return jpeg ? drn_jpeg_round_trip(im, &trip, err) : DRN_OK;
}
