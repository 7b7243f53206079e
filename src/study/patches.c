#include "study/patches.h"

#include "base/mem.h"
#include "base/rng.h"
#include "study/degrade.h"

#include <string.h>

enum { MAX_TRIES = 10000 };

drn_status study_source_open(study_source *s, const study_source_options *o, drn_error *err)
{
    drn_dataset_options d = {.dirs = o->dirs, .dir_count = o->dir_count, .split = o->split};
    drn_status st = DRN_OK;
    *s = (study_source){.o = *o};
    DRN_TRY(drn_dataset_open(&s->data, &d, err));
    s->count = drn_dataset_count(s->data);
    DRN_CHECK(
        drn_alloc_to(&s->scratch, 3 * (size_t)o->patch * (size_t)o->patch, sizeof(float), err));
    if (o->how != DRN_DEGRADE_NONE)
        DRN_CHECK(drn_calloc_to(&s->lr, s->count, sizeof *s->lr, err));
done:
    if (st != DRN_OK)
        study_source_close(s);
    return st;
}

void study_source_close(study_source *s)
{
    for (size_t i = 0; s->lr && i < s->count; i++)
        drn_image_free(s->lr[i]);
    drn_free(s->lr);
    drn_free(s->scratch);
    drn_dataset_free(s->data);
    *s = (study_source){0};
}

/* A picture of the data set (to be released) and its LR picture. */
static drn_status open_pair(const drn_image **hr, const drn_image **lr, study_source *s, size_t i,
                            drn_error *err)
{
    DRN_TRY(drn_dataset_get(hr, s->data, i, err));
    *lr = s->lr ? s->lr[i] : *hr;
    if (*lr)
        return DRN_OK;
    drn_status st = study_degrade(&s->lr[i], *hr, s->o.scale, s->o.how, s->o.sigma, err);
    if (st != DRN_OK)
        drn_dataset_release(s->data, i, *hr);
    *lr = s->lr[i];
    return st;
}

static bool place_in(drn_patch_place *p, const drn_image *lr, const study_source *s, drn_rng *rng)
{
    int32_t w = lr->width - s->o.patch, h = lr->height - s->o.patch;
    if (w < 0 || h < 0)
        return false;
    p->x = (int32_t)drn_rng_below(rng, (uint64_t)w + 1);
    p->y = (int32_t)drn_rng_below(rng, (uint64_t)h + 1);
    p->flip = s->o.augment ? (int)drn_rng_below(rng, 8) : 0;
    return true;
}

static drn_status cut(study_source *s, const drn_image *hr, const drn_image *lr,
                      const drn_patch_place *place, float *x, float *const *target, drn_error *err)
{
    /* at scale 1 the patch of "the original" is the patch of the LR picture itself */
    drn_patch_spec one = {.scale = 1, .patch = s->o.patch},
                   all = {.scale = s->o.scale, .patch = s->o.patch};
    if (target)
        DRN_TRY(drn_patch_cut(s->scratch, target, hr, place, &all, err));
    return drn_patch_cut(s->scratch, &x, lr, place, &one, err);
}

drn_status study_source_draw(study_source *s, uint64_t sample, float *x, float *const *target,
                             drn_error *err)
{
    drn_rng rng;
    drn_error last = {0};
    drn_rng_seed(&rng, s->o.seed, sample + 1);
    for (int tries = 0; tries < MAX_TRIES; tries++) {
        const drn_image *hr, *lr;
        drn_patch_place place = {.picture = (size_t)drn_rng_below(&rng, s->count)};
        if (open_pair(&hr, &lr, s, place.picture, &last) != DRN_OK) {
            if (last.code == DRN_ERR_NOMEM)
                break;
            continue;
        }
        bool fits = place_in(&place, lr, s, &rng);
        drn_status st = fits ? cut(s, hr, lr, &place, x, target, err) : DRN_OK;
        drn_dataset_release(s->data, place.picture, hr);
        if (fits)
            return st;
    }
    return drn_fail(err, last.code == DRN_ERR_NOMEM ? last.code : DRN_ERR_INVALID,
                    "no picture is readable with an LR side of at least %d pixels%s%s", s->o.patch,
                    last.code ? "; last: " : "", last.message);
}
