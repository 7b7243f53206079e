/* The panels of each kind of figure. */
#include "figure/panels.h"

#include "figure/maps.h"

#include <stdio.h>
#include <string.h>

enum { MOST_ZOOM = 64 };

void figure_panels_free(figure_panels *p)
{
    for (int i = 0; i < p->count; i++)
        drn_image_free(p->list[i].image);
    p->count = 0;
}

/* The next panel, filled by the caller at once. */
static figure_panel *add(figure_panels *p, drn_image *image, const char *label)
{
    figure_panel *q = &p->list[p->count++];
    *q = (figure_panel){.image = image};
    snprintf(q->label, sizeof q->label, "%s", label);
    return q;
}

static void score(figure_panel *q, const drn_metric_values *v)
{
    q->scored = true;
    q->values = *v;
    snprintf(q->numbers, sizeof q->numbers, "%.2f dB / %.4f", v->psnr, v->ssim);
}

static const char *model_label(const drn_figure_options *o, int i)
{
    return o->labels[i] ? o->labels[i] : drn_model_name(o->models[i]);
}

static drn_status enlarge(drn_image **out, const drn_image *lr, const drn_figure_options *o, int i,
                          drn_error *err)
{
    drn_upscale_options how = {.scale = o->scale,
                               .threads = o->threads,
                               .ensemble = o->ensemble,
                               .device = o->device,
                               .numbers = o->numbers};
    return drn_upscale(out, lr, o->models[i], &how, err);
}

/* ---- with an original ---- */

/* An original and what is made from it. */
typedef struct source {
    drn_image *hr, *lr; /* as the protocol has them */
} source;

static drn_status source_make(source *s, const drn_image *picture, int scale, drn_error *err)
{
    DRN_TRY(drn_protocol_hr(&s->hr, picture, scale, err));
    return drn_protocol_lr(&s->lr, s->hr, scale, NULL, err);
}

static void source_free(source *s)
{
    drn_image_free(s->hr);
    drn_image_free(s->lr);
}

static drn_status add_original(figure_panels *p, const source *s, drn_error *err)
{
    drn_image *rgb;
    DRN_TRY(figure_rgb(&rgb, s->hr, err));
    add(p, rgb, "original");
    return DRN_OK;
}

static drn_status add_input(figure_panels *p, const source *s, int scale, drn_error *err)
{
    drn_image *rgb, *blocks;
    char label[64];
    DRN_TRY(figure_rgb(&rgb, s->lr, err));
    drn_status st = figure_blocks(&blocks, rgb, scale, err);
    drn_image_free(rgb);
    DRN_TRY(st);
    snprintf(label, sizeof label, "LR, 1/%d", scale);
    add(p, blocks, label);
    return DRN_OK;
}

/* Takes sr. */
static drn_status add_scored(figure_panels *p, const source *s, drn_image *sr, const char *label,
                             int scale, drn_error *err)
{
    drn_metric_values v;
    drn_image *rgb = NULL;
    drn_status st = drn_protocol_score(&v, sr, s->hr, scale, NULL, err);
    if (st == DRN_OK)
        st = figure_rgb(&rgb, sr, err);
    drn_image_free(sr);
    if (st == DRN_OK)
        score(add(p, rgb, label), &v);
    return st;
}

static drn_status add_results(figure_panels *p, const source *s, const drn_figure_options *o,
                              drn_error *err)
{
    drn_image *sr;
    DRN_TRY(drn_protocol_bicubic(&sr, s->lr, o->scale, NULL, err));
    DRN_TRY(add_scored(p, s, sr, "bicubic", o->scale, err));
    for (int i = 0; i < o->model_count; i++) {
        DRN_TRY(enlarge(&sr, s->lr, o, i, err));
        DRN_TRY(add_scored(p, s, sr, model_label(o, i), o->scale, err));
    }
    return DRN_OK;
}

static drn_status compare(figure_panels *p, const source *s, const drn_figure_options *o,
                          drn_error *err)
{
    DRN_TRY(add_input(p, s, o->scale, err));
    DRN_TRY(add_results(p, s, o, err));
    DRN_TRY(add_original(p, s, err));
    p->worse = p->list[1].image;
    p->better = p->picture = p->list[p->count - 1].image;
    p->columns = (p->count + 1) / 2;
    return DRN_OK;
}

static drn_status gradient(figure_panels *p, const source *s, const drn_figure_options *o,
                           drn_error *err)
{
    figure_panels pictures = {0};
    double peak;
    drn_status st = DRN_OK;
    DRN_CHECK(add_original(&pictures, s, err));
    DRN_CHECK(add_results(&pictures, s, o, err));
    DRN_CHECK(figure_gradient_peak(&peak, pictures.list[0].image, err));
    for (int i = 0; i < pictures.count; i++) {
        const figure_panel *q = &pictures.list[i];
        drn_image *map;
        DRN_CHECK(figure_gradient(&map, q->image, peak, err));
        figure_panel *top = add(p, map, q->label);
        if (q->scored)
            snprintf(top->numbers, sizeof top->numbers, "gradient %.2f dB",
                     q->values.gradient_psnr);
    }
    p->columns = pictures.count;
    for (int i = 0; i < p->columns; i++)
        p->list[p->count++] = pictures.list[i];
    pictures.count = 0;
    p->worse = p->list[p->columns + 1].image;
    p->better = p->picture = p->list[p->columns].image;
done:
    figure_panels_free(&pictures);
    return st;
}

static drn_status add_trust(figure_panels *p, const source *s, const drn_image *sr,
                            const drn_figure_options *o, drn_error *err)
{
    drn_image *map, *rgb;
    drn_trust_score score;
    DRN_TRY(drn_upscale_trust_score(&score, sr, s->lr, s->hr, o->scale, err));
    DRN_TRY(drn_upscale_trust(&map, NULL, sr, s->lr, err));
    drn_status st = figure_rgb(&rgb, map, err);
    drn_image_free(map);
    DRN_TRY(st);
    figure_panel *q = add(p, rgb, "trust: dark where least");
    snprintf(q->numbers, sizeof q->numbers, "rank correlation %.3f", score.trust);
    return DRN_OK;
}

static drn_status trust(figure_panels *p, const source *s, const drn_figure_options *o,
                        drn_error *err)
{
    drn_image *sr, *error;
    DRN_TRY(add_original(p, s, err));
    DRN_TRY(enlarge(&sr, s->lr, o, 0, err));
    drn_status st = add_trust(p, s, sr, o, err);
    if (st != DRN_OK)
        drn_image_free(sr);
    DRN_TRY(st);
    DRN_TRY(add_scored(p, s, sr, model_label(o, 0), o->scale, err));
    DRN_TRY(figure_error(&error, p->list[2].image, p->list[0].image, 8, err));
    add(p, error, "error of the luma, 8 times");
    figure_panel swap = p->list[1]; /* the result before the map */
    p->list[1] = p->list[2];
    p->list[2] = swap;
    p->columns = 2;
    return DRN_OK;
}

/* ---- without ---- */

static drn_status mask(figure_panels *p, const drn_image *picture, drn_error *err)
{
    drn_image *m, *masked, *rest, *g;
    double peak;
    const drn_image *im;
    source s = {0};
    DRN_TRY(drn_protocol_hr(&s.hr, picture, 1, err));
    drn_status st = add_original(p, &s, err);
    source_free(&s);
    DRN_TRY(st);
    im = p->list[0].image;
    DRN_TRY(figure_gradient_peak(&peak, im, err));
    DRN_TRY(figure_gradient(&g, im, peak, err));
    strcpy(p->list[0].label, "I");
    add(p, g, "|grad I|");
    DRN_TRY(figure_mask(&m, &masked, &rest, im, err));
    add(p, m, "M");
    add(p, masked, "M I");
    add(p, rest, "(1 - M) I");
    DRN_TRY(figure_gradient(&g, p->list[3].image, peak, err));
    add(p, g, "|grad (M I)|");
    p->columns = 3;
    return DRN_OK;
}

static drn_status enlarge_only(figure_panels *p, const drn_image *picture,
                               const drn_figure_options *o, drn_error *err)
{
    drn_image *big, *rgb;
    source s = {0};
    drn_status st = DRN_OK;
    DRN_CHECK(figure_rgb(&s.lr, picture, err));
    DRN_CHECK(add_input(p, &s, o->scale, err));
    strcpy(p->list[0].label, "input");
    DRN_CHECK(drn_imresize(&big, s.lr, o->scale, NULL, err));
    add(p, big, "bicubic");
    for (int i = 0; i < o->model_count; i++) {
        DRN_CHECK(enlarge(&big, picture, o, i, err));
        st = figure_rgb(&rgb, big, err);
        drn_image_free(big);
        DRN_CHECK(st);
        add(p, rgb, model_label(o, i));
    }
    p->worse = p->list[1].image;
    p->better = p->list[2].image;
    p->picture = p->list[0].image;
    p->columns = p->count;
done:
    source_free(&s);
    return st;
}

static drn_status check(const drn_figure_options *o, drn_error *err)
{
    bool needs_model = o->kind == DRN_FIGURE_ENLARGE || o->kind == DRN_FIGURE_TRUST;
    if (o->model_count < needs_model || o->model_count > DRN_FIGURE_MODELS)
        return drn_fail(err, DRN_ERR_INVALID, "%d models, this figure takes %d to %d",
                        o->model_count, (int)needs_model, DRN_FIGURE_MODELS);
    if (o->zoom < 0 || o->zoom > MOST_ZOOM || o->columns < 0)
        return drn_fail(err, DRN_ERR_INVALID, "zoom %d, columns %d; zoom is at most %d", o->zoom,
                        o->columns, MOST_ZOOM);
    if (o->kind != DRN_FIGURE_MASK && (o->scale < 2 || o->scale > DRN_UPSCALE_MAX))
        return drn_fail(err, DRN_ERR_INVALID, "scale %d is not in 2 .. %d", o->scale,
                        DRN_UPSCALE_MAX);
    return DRN_OK;
}

drn_status figure_panels_make(figure_panels *p, const drn_image *picture,
                              const drn_figure_options *o, drn_error *err)
{
    source s = {0};
    DRN_TRY(check(o, err));
    p->overview = o->kind != DRN_FIGURE_MASK && o->kind != DRN_FIGURE_TRUST;
    if (o->kind == DRN_FIGURE_MASK)
        return mask(p, picture, err);
    if (o->kind == DRN_FIGURE_ENLARGE)
        return enlarge_only(p, picture, o, err);
    drn_status st = source_make(&s, picture, o->scale, err);
    if (st == DRN_OK)
        st = o->kind == DRN_FIGURE_GRADIENT ? gradient(p, &s, o, err)
             : o->kind == DRN_FIGURE_TRUST  ? trust(p, &s, o, err)
                                            : compare(p, &s, o, err);
    source_free(&s);
    return st;
}
