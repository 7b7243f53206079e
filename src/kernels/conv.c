#include "kernels/conv.h"

#include "kernels/simd.h"

extern const drn_conv_impl drn_conv_ref_f32, drn_conv_ref_f64;

/* Best first; the reference closes each list. */
static const drn_conv_impl *const f64_impls[] = {&drn_conv_ref_f64};
static const drn_conv_impl *const ref_impls[] = {&drn_conv_ref_f32};

#define LIST(list) (*count = sizeof(list) / sizeof *(list), (list))

const drn_conv_impl *const *drn_conv_all(drn_dtype type, size_t *count)
{
    if (type == DRN_FLOAT64)
        return LIST(f64_impls);
    const drn_simd *simd = drn_simd_get();
    if (!simd)
        return LIST(ref_impls);
    *count = simd->conv_count;
    return simd->convs;
}

const drn_conv_impl *drn_conv_choose(const drn_conv_geom *g, drn_conv_pass pass, drn_dtype type)
{
    size_t count;
    const drn_conv_impl *const *all = drn_conv_all(type, &count);
    size_t i = 0;
    while (i + 1 < count && !all[i]->supports(g, pass))
        i++;
    return all[i];
}

const drn_conv_impl *drn_conv_choose_inference(const drn_conv_geom *g)
{
    const drn_conv_impl *best = drn_conv_choose(g, DRN_CONV_FORWARD, DRN_FLOAT32);
    const drn_simd *simd = drn_simd_get();
    double tiles4 = (double)((g->h + 3) / 4) * ((g->w + 3) / 4);
    double tiles6 = (double)((g->h + 5) / 6) * ((g->w + 5) / 6);
    if (simd && best == simd->winograd4 && tiles6 * 64 < tiles4 * 36) /* products a tile */
        return simd->winograd6;
    return best;
}

const drn_conv_impl *drn_conv_choose_shuffled(const drn_conv_geom *g)
{
    drn_conv_geom plain = *g;
    plain.shuffle = 0;
    const drn_conv_impl *best = drn_conv_choose_inference(&plain);
    return best->supports(g, DRN_CONV_FORWARD) ? best : NULL;
}

double drn_conv_macs(const drn_conv_geom *g)
{
    return (double)g->n * g->oh * g->ow * g->k * g->c * g->r * g->s;
}
