#include "train/validate.h"

#include "base/mem.h"
#include "drn/metrics.h"
#include "drn/upscale.h"

#include <math.h>
#include <stdio.h>

static drn_status add_picture(drn_validator *v, const drn_image *im, const char *path, size_t number,
                              int crop, drn_error *err)
{
    drn_image *cut = NULL, *hr = NULL, *lr = NULL;
    drn_status st = DRN_OK;
    int32_t w = crop > 0 && crop < im->width ? crop : im->width,
            h = crop > 0 && crop < im->height ? crop : im->height;
    DRN_CHECK(drn_image_crop(&cut, im, (im->width - w) / 2, (im->height - h) / 2, w, h, err));
    DRN_CHECK(drn_protocol_hr(&hr, cut, v->scale, err));
    if (hr->width <= 2 * v->scale || hr->height <= 2 * v->scale) {
        st = drn_fail(err, DRN_ERR_INVALID, "%s: %dx%d pixels are too few to measure", path, im->width, im->height);
        goto done;
    }
    DRN_CHECK(drn_protocol_lr(&lr, hr, v->scale, NULL, err));
    v->number[v->count] = number;
    v->bicubic[v->count] = (double)NAN;
    v->hr[v->count] = hr;
    v->lr[v->count++] = lr;
    hr = NULL;
done:
    drn_image_free(hr);
    drn_image_free(cut);
    return st;
}

/* Whether this rank validates on picture number n. */
static bool is_ours(const drn_validator *v, size_t n)
{
    return n % (size_t)drn_comm_world(v->comm) == (size_t)drn_comm_rank(v->comm);
}

static drn_status fill(drn_validator *v, drn_dataset *d, size_t max, int crop, drn_error *err)
{
    size_t n = drn_dataset_count(d), some = max && max < n ? max : n;
    drn_error last = {0};
    DRN_TRY(drn_calloc_to(&v->hr, some, sizeof *v->hr, err));
    DRN_TRY(drn_calloc_to(&v->lr, some, sizeof *v->lr, err));
    DRN_TRY(drn_calloc_to(&v->number, some, sizeof *v->number, err));
    DRN_TRY(drn_calloc_to(&v->bicubic, some, sizeof *v->bicubic, err));
    v->chosen = some;
    for (size_t k = 0; k < some; k++) {
        size_t i = k * n / some;
        const drn_image *im;
        if (drn_comm_rank(v->comm) > 0 && !is_ours(v, k))
            continue;
        drn_status st = drn_dataset_get(&im, d, i, &last);
        if (st == DRN_OK) {
            st = add_picture(v, im, drn_dataset_path(d, i), k, crop, &last);
            drn_dataset_release(d, i, im);
        }
        if (st == DRN_ERR_NOMEM)
            return drn_fail(err, st, "%s", last.message);
        if (st != DRN_OK)
            snprintf(v->last, sizeof v->last, "%.255s", last.message);
    }
    return DRN_OK;
}

drn_status drn_validator_new(drn_validator **out, drn_dataset *d, int scale, size_t max, int crop,
                             int threads, drn_comm *comm, drn_error *err)
{
    drn_validator *v;
    DRN_TRY(drn_calloc_to(&v, 1, sizeof *v, err));
    v->scale = scale;
    v->threads = threads;
    v->comm = comm;
    drn_status st = fill(v, d, max, crop, err);
    if (st != DRN_OK)
        drn_validator_free(v);
    else
        *out = v;
    return st;
}

void drn_validator_free(drn_validator *v)
{
    if (!v)
        return;
    for (size_t i = 0; i < v->count; i++) {
        drn_image_free(v->hr[i]);
        drn_image_free(v->lr[i]);
    }
    drn_free(v->hr);
    drn_free(v->lr);
    drn_free(v->number);
    drn_free(v->bicubic);
    drn_free(v);
}

drn_status drn_validator_enlarge(drn_image **sr, const drn_validator *v, const drn_image *lr,
                                 const drn_config *config, const drn_params *params,
                                 const float *values, drn_error *err)
{
    drn_params view = *params;
    drn_model model = {
        .name = (char *)(uintptr_t) "validation", .config = *config, .params = &view};
    drn_upscale_options o = {.threads = v->threads, .tile = v->device == DRN_DEVICE_CPU ? 1 << 20 : 0,
                             .device = v->device, .numbers = v->numbers};
    view.value = (void *)(uintptr_t)values;
    return drn_upscale(sr, lr, &model, &o, err);
}

/* What is summed over the pictures of all ranks, at a picture's number; the others are 0. */
typedef struct score {
    double psnr, gain, known;
} score;

static drn_status score_bicubic(double *psnr, const drn_validator *v, size_t i, drn_error *err)
{
    drn_image *sr;
    drn_metric_values q;
    DRN_TRY(drn_protocol_bicubic(&sr, v->lr[i], v->scale, NULL, err));
    drn_status st = drn_protocol_score(&q, sr, v->hr[i], v->scale, NULL, err);
    drn_image_free(sr);
    DRN_TRY(st);
    *psnr = q.psnr;
    return DRN_OK;
}

static drn_status score_ours(score *each, drn_validator *v, const drn_config *config,
                             const drn_params *params, const float *values, drn_error *err)
{
    for (size_t i = 0; i < v->count; i++) {
        drn_image *sr;
        drn_metric_values q;
        if (!is_ours(v, v->number[i]))
            continue;
        if (isnan(v->bicubic[i]))
            DRN_TRY(score_bicubic(&v->bicubic[i], v, i, err));
        DRN_TRY(drn_validator_enlarge(&sr, v, v->lr[i], config, params, values, err));
        drn_status st = drn_protocol_score(&q, sr, v->hr[i], v->scale, NULL, err);
        drn_image_free(sr);
        DRN_TRY(st);
        if (isfinite(q.psnr) && isfinite(v->bicubic[i]))
            each[v->number[i]] = (score){.psnr = q.psnr, .gain = q.psnr - v->bicubic[i], .known = 1};
    }
    return DRN_OK;
}

drn_status drn_validate(double *psnr, double *gain, drn_validator *v, const drn_config *config,
                        const drn_params *params, const float *values, drn_error *err)
{
    score *each, all = {0};
    const size_t numbers = sizeof *each / sizeof(double);
    drn_status st = drn_calloc_to(&each, v->chosen, sizeof *each, err);
    if (st == DRN_OK)
        st = score_ours(each, v, config, params, values, err);
    DRN_CHECK(drn_comm_agree(v->comm, st, NULL, 0, "", err));
    DRN_CHECK(drn_comm_sum_doubles(v->comm, (double *)each, numbers * v->chosen, err));
    for (size_t n = 0; n < v->chosen; n++) {
        all.psnr += each[n].psnr;
        all.gain += each[n].gain;
        all.known += each[n].known;
    }
    *psnr = all.psnr / all.known; /* 0 / 0 is NAN */
    *gain = all.gain / all.known;
done:
    drn_free(each);
    return st;
}
