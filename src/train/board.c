#include "train/board.h"

#include "base/fileio.h"
#include "base/mem.h"
#include "drn/metrics.h"

#include <stdio.h>
#include <math.h>
#include <string.h>

enum { SIDE = 256, POINTS = 5000 /* of a curve, at most */ };

/* ---- pictures ---- */

/* The middle of validation picture i: at most SIDE pixels a side. */
static drn_status middle(drn_image **lr, drn_image **hr, const drn_validator *v, size_t i,
                         drn_error *err)
{
    const drn_image *from = v->lr[i];
    int32_t most = SIDE / v->scale, w = from->width < most ? from->width : most,
            h = from->height < most ? from->height : most, x = (from->width - w) / 2,
            y = (from->height - h) / 2, s = v->scale;
    DRN_TRY(drn_image_crop(lr, from, x, y, w, h, err));
    return drn_image_crop(hr, v->hr[i], x * s, y * s, w * s, h * s, err);
}

/* Picture i of the run as a file, and in the event file unless events is NULL. */
static drn_status show(drn_board *b, drn_events *events, size_t i, const char *kind,
                       const drn_image *im, drn_error *err)
{
    char name[40], tag[40];
    void *png;
    size_t size;
    DRN_TRY(drn_image_encode(&png, &size, im, ".png", NULL, err));
    snprintf(name, sizeof name, "%02zu-%s.png", i, kind);
    snprintf(tag, sizeof tag, "validation_%zu/%s", i, kind);
    if (events)
        drn_events_image(events, tag, png, size, im->width, im->height);
    char *path = drn_path_join(b->pictures, name);
    drn_status st = path ? drn_file_write(path, png, size, err)
                         : drn_fail(err, DRN_ERR_NOMEM, "%s: out of memory", name);
    drn_free(path);
    drn_image_encoded_free(png);
    return st;
}

/* The original and what plain bicubic makes of it. */
static drn_status show_given(drn_board *b, const drn_validator *v, drn_error *err)
{
    drn_status st = DRN_OK;
    for (size_t i = 0; st == DRN_OK && i < b->shown; i++) {
        drn_image *lr = NULL, *hr = NULL, *bicubic = NULL;
        st = middle(&lr, &hr, v, i * v->count / b->shown, err);
        if (st == DRN_OK)
            st = drn_protocol_bicubic(&bicubic, lr, v->scale, NULL, err);
        if (st == DRN_OK)
            st = show(b, b->events, i, "original", hr, err);
        if (st == DRN_OK)
            st = show(b, b->events, i, "bicubic", bicubic, err);
        drn_image_free(lr);
        drn_image_free(hr);
        drn_image_free(bicubic);
    }
    return st;
}

static drn_status show_result(drn_board *b, size_t i, const drn_image *sr, bool in_events,
                              bool first, drn_error *err)
{
    if (first)
        DRN_TRY(show(b, NULL, i, "first", sr, err));
    return show(b, in_events ? b->events : NULL, i, "result", sr, err);
}

drn_status drn_board_pictures(drn_board *b, const drn_train_progress *p, const drn_validator *v,
                              const drn_config *config, const drn_params *params,
                              const float *values, bool first, drn_error *err)
{
    bool in_events = p->step >= b->next_picture || p->step == p->steps;
    for (size_t i = 0; i < b->shown; i++) {
        drn_image *lr = NULL, *hr = NULL, *sr = NULL;
        drn_status st = middle(&lr, &hr, v, i * v->count / b->shown, err);
        if (st == DRN_OK)
            st = drn_validator_enlarge(&sr, v, lr, config, params, values, err);
        if (st == DRN_OK)
            st = show_result(b, i, sr, in_events, first, err);
        drn_image_free(lr);
        drn_image_free(hr);
        drn_image_free(sr);
        DRN_TRY(st);
    }
    if (!in_events || b->shown == 0)
        return DRN_OK;
    b->next_picture = p->step + p->step / 4; /* ever less often: a few dozen in any run */
    return drn_events_write(b->events, p->step, err);
}

/* ---- curves ---- */

drn_status drn_board_step(drn_board *b, const drn_train_progress *p, drn_error *err)
{
    if (p->step % b->every != 0 && !p->validated && p->step != p->steps)
        return DRN_OK;
    drn_events_scalar(b->events, "train/loss", p->loss);
    drn_events_scalar(b->events, "train/primal", p->primal);
    drn_events_scalar(b->events, "train/lr", p->lr);
    drn_events_scalar(b->events, "train/grad_norm", p->grad_norm);
    drn_events_scalar(b->events, "train/skipped", (double)p->skipped);
    drn_events_scalar(b->events, "speed/steps_per_second", p->steps_per_second);
    drn_events_scalar(b->events, "speed/busy", 1 - p->wait_share);
    if (p->validated) {
        drn_events_scalar(b->events, "validation/psnr_y", p->val_psnr);
        drn_events_scalar(b->events, "validation/best_psnr_y", p->best_psnr);
        drn_events_scalar(b->events, "over_bicubic/validation", p->val_gain);
        if (isfinite(p->seen_gain))
            drn_events_scalar(b->events, "over_bicubic/trained_on", p->seen_gain);
    }
    DRN_TRY(drn_events_write(b->events, p->step, err));
    return p->validated ? drn_events_flush(b->events, err) : DRN_OK;
}

/* ---- opening ---- */

drn_status drn_board_open(drn_board *b, const char *out, int64_t step, int64_t steps,
                          const drn_validator *v, size_t pictures, drn_error *err)
{
    drn_error why = {0};
    *b = (drn_board){.every = steps / POINTS + 1};
    DRN_TRY(drn_events_open(&b->events, out, step, err));
    b->pictures = drn_path_join(out, "pictures");
    if (!b->pictures)
        return drn_fail(err, DRN_ERR_NOMEM, "%s: out of memory", out);
    b->shown = v ? pictures < v->count ? pictures : v->count : 0;
    if (b->shown == 0)
        return DRN_OK;
    DRN_TRY(drn_make_dirs(b->pictures, err));
    drn_status st = show_given(b, v, &why);
    if (st == DRN_ERR_UNSUPPORTED) { /* a build that writes no PNG trains without pictures */
        b->shown = 0;
        return DRN_OK;
    }
    if (st != DRN_OK)
        return drn_fail(err, st, "%s", why.message);
    return drn_events_write(b->events, step, err);
}

void drn_board_close(drn_board *b)
{
    drn_events_close(b->events);
    drn_free(b->pictures);
    *b = (drn_board){0};
}
