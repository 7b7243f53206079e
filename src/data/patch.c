#include "data/patch.h"

#include "base/rng.h"

/* LR pixels cut around a patch so that its resize sees what the whole picture's would: the kernel
 * reaches two LR pixels, plus what rounding of its left end may add. */
enum { MARGIN = 4, MAX_TRIES = 10000 };

static int levels_of(int scale)
{
    return scale == 8 ? 3 : scale == 4 ? 2 : 1;
}

/* Copy the side x side window at (x, y) of a u8 RGB image to planar floats, flipped, its channels reordered. */
static void to_floats(float *out, const drn_image *im, int32_t x, int32_t y, int32_t side,
                      const drn_patch_place *place)
{
    const int flip = place->flip;
    size_t plane = (size_t)side * (size_t)side;
    for (int32_t r = 0; r < side; r++)
        for (int32_t c = 0; c < side; c++) {
            int32_t sr = flip & 4 ? c : r, sc = flip & 4 ? r : c;
            sr = flip & 2 ? side - 1 - sr : sr;
            sc = flip & 1 ? side - 1 - sc : sc;
            const uint8_t *p = (const uint8_t *)im->data +
                               3 * ((size_t)(y + sr) * (size_t)im->width + (size_t)(x + sc));
            float *o = out + (size_t)r * (size_t)side + (size_t)c;
            for (int b = 0; b < 3; b++)
                o[(size_t)b * plane] = (float)p[drn_patch_channel(b, place->channels)] / 255.0f;
        }
}

static int32_t clip(int32_t v, int32_t lo, int32_t hi)
{
    return v < lo ? lo : v > hi ? hi : v;
}

drn_status drn_patch_cut(float *lr, float *const *target, const drn_image *hr,
                         const drn_patch_place *place, const drn_patch_spec *spec, drn_error *err)
{
    drn_status st = DRN_OK;
    drn_image *piece = NULL, *small = NULL;
    int s = spec->scale, p = spec->patch, levels = levels_of(s);
    int32_t w = hr->width / s, h = hr->height / s;
    int32_t x0 = clip(place->x - MARGIN, 0, w), x1 = clip(place->x + p + MARGIN, 0, w);
    int32_t y0 = clip(place->y - MARGIN, 0, h), y1 = clip(place->y + p + MARGIN, 0, h);
    DRN_CHECK(drn_image_crop(&piece, hr, x0 * s, y0 * s, (x1 - x0) * s, (y1 - y0) * s, err));
    for (int l = -1; l < levels - 1; l++) {
        int up = 1 << (l + 1); /* scale of this level over the LR picture */
        DRN_CHECK(drn_degrade_shrink(&small, piece, s / up, l < 0, &spec->degrade, place->degrade, err));
        if (l < 0 && drn_degrade_active(&spec->degrade)) /* with the margin: blocks go on */
            DRN_CHECK(drn_degrade(small, &spec->degrade, place->degrade, err));
        to_floats(l < 0 ? lr : target[l], small, (place->x - x0) * up, (place->y - y0) * up, p * up,
                  place);
        drn_image_free(small);
        small = NULL;
    }
    to_floats(target[levels - 1], hr, place->x * s, place->y * s, p * s, place);
done:
    drn_image_free(small);
    drn_image_free(piece);
    return st;
}

/* A place in picture i of width x height; false when it is too small. */
static bool draw_in(drn_patch_place *place, size_t i, int32_t width, int32_t height,
                    const drn_patch_spec *spec, drn_rng *rng)
{
    int32_t w = width / spec->scale - spec->patch, h = height / spec->scale - spec->patch;
    if (w < 0 || h < 0)
        return false;
    place->picture = i;
    place->x = (int32_t)drn_rng_below(rng, (uint64_t)w + 1);
    place->y = (int32_t)drn_rng_below(rng, (uint64_t)h + 1);
    place->flip = spec->augment & DRN_AUGMENT_TURNS ? (int)drn_rng_below(rng, 8) : 0;
    place->channels = spec->augment & DRN_AUGMENT_CHANNELS ? (int)drn_rng_below(rng, 6) : 0;
    place->degrade = drn_degrade_active(&spec->degrade) ? drn_rng_u64(rng) : 0;
    return true;
}

static drn_status none_fits(const drn_patch_spec *spec, const drn_error *last, drn_error *err)
{
    return drn_fail(err, DRN_ERR_INVALID, "no picture is readable and at least %dx%d pixels%s%s",
                    spec->patch * spec->scale, spec->patch * spec->scale,
                    last->code ? "; last: " : "", last->message);
}

drn_status drn_patch_draw_sized(drn_patch_place *place, const drn_picture_size *sizes,
                                const drn_dataset *d, const drn_patch_spec *spec, uint64_t sample,
                                drn_error *err)
{
    drn_rng rng;
    drn_rng_seed(&rng, spec->seed, sample + 1);
    for (int tries = 0; tries < MAX_TRIES; tries++) {
        size_t i = drn_dataset_draw(d, &rng);
        if (sizes[i].width > 0 && draw_in(place, i, sizes[i].width, sizes[i].height, spec, &rng))
            return DRN_OK;
    }
    return none_fits(spec, &(drn_error){0}, err);
}

drn_status drn_patch_draw(drn_patch_place *place, const drn_image **image, drn_dataset *d,
                          const drn_patch_spec *spec, uint64_t sample, drn_error *err)
{
    drn_rng rng;
    drn_rng_seed(&rng, spec->seed, sample + 1);
    drn_error last = {0};
    for (int tries = 0; tries < MAX_TRIES; tries++) {
        size_t i = drn_dataset_draw(d, &rng);
        if (drn_dataset_get(image, d, i, &last) != DRN_OK) {
            if (last.code == DRN_ERR_NOMEM)
                break;
            continue;
        }
        if (draw_in(place, i, (*image)->width, (*image)->height, spec, &rng))
            return DRN_OK;
        drn_dataset_release(d, i, *image);
    }
    if (last.code == DRN_ERR_NOMEM)
        return drn_fail(err, last.code, "%s", last.message);
    return none_fits(spec, &last, err);
}
