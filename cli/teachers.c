#include "teachers.h"

#include "device.h"
#include "drn/metrics.h"
#include "models.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void teachers_free(teachers *t)
{
    for (int i = 0; i < t->count; i++)
        drn_model_free(t->model[i]);
    *t = (teachers){0};
}

/* Where "drn-x4:0.7" has its colon; a text without a share is a name as a whole. */
static size_t split(const char *text, double *share)
{
    const char *colon = strrchr(text, ':');
    char *end = NULL;
    double v = colon && colon != text ? strtod(colon + 1, &end) : 0;
    if (!end || end == colon + 1 || *end) {
        *share = 1;
        return strlen(text);
    }
    if (!(v > 0 && v <= 1000))
        cli_usage(&cmd_pack, "--teacher '%s': a share is above 0 and at most 1000", text);
    *share = v;
    return (size_t)(colon - text);
}

static bool load_all(teachers *t, const text_list *names)
{
    double sum = 0;
    for (int i = 0; i < names->count; i++, t->count++) {
        char *name = cli_format("%.*s", (int)split(names->items[i], &t->share[i]), names->items[i]);
        bool ok = load_model(&t->model[i], name, 0);
        free(name);
        if (!ok)
            return false;
        sum += t->share[i];
    }
    for (int i = 0; i < t->count; i++)
        t->share[i] /= sum;
    return true;
}

int teachers_load(teachers *out, const text_list *names, const teachers_options *options)
{
    static const char *const numbers[] = {" bf16", " tf32", " fp32"};
    drn_device device = (drn_device)options->device;
    drn_error err = {0};
    *out = (teachers){.numbers = "", .device = PTHREAD_MUTEX_INITIALIZER};
    announce_device(options->device, options->quiet);
    if (device != DRN_DEVICE_CPU && drn_device_check(DRN_DEVICE_CUDA, NULL, 0, &err) == DRN_OK)
        out->numbers = numbers[options->precision];
    else if (device == DRN_DEVICE_CUDA)
        return cli_fail(&err);
    bool ok = load_all(out, names);
    if (ok) {
        out->scale = options->scale ? options->scale : drn_model_config(out->model[0])->scale;
        ok = out->scale > 1;
        if (!ok)
            cli_error("a teacher enlarges at least 2 times: -s %d", out->scale);
    }
    if (!ok) {
        teachers_free(out);
        return EXIT_FAILED;
    }
    out->how = (drn_upscale_options){.threads = 1,
                                     .ensemble = options->ensemble,
                                     .device = *out->numbers ? DRN_DEVICE_CUDA : DRN_DEVICE_CPU,
                                     .numbers = (drn_numbers)options->precision};
    return EXIT_OK;
}

/* Of a long path the end, for the eye; of several teachers a number for all their weights and shares. */
char *teachers_name(const teachers *t)
{
    enum { MOST = 24 };
    const char *name = drn_model_name(t->model[0]);
    size_t n = strlen(name);
    uint64_t all = 0xcbf29ce484222325u;
    char sum[65], text[80];
    drn_model_sha256(t->model[0], sum);
    if (t->count == 1)
        return cli_format("scale=%d ensemble=%d teacher=%s %.12s%s", t->scale, t->how.ensemble,
                          n > MOST ? name + n - MOST : name, sum, t->numbers);
    for (int i = 0; i < t->count; i++) {
        drn_model_sha256(t->model[i], sum);
        snprintf(text, sizeof text, "%s %.6g", sum, t->share[i]);
        for (const char *p = text; *p; p++)
            all = (all ^ (unsigned char)*p) * 0x100000001b3u;
    }
    return cli_format("scale=%d ensemble=%d teachers=%d %016llx%s", t->scale, t->how.ensemble, t->count,
                      (unsigned long long)all, t->numbers);
}

/* One teacher's result, in the LR picture's kind of samples. */
static drn_status one(drn_image **sr, teachers *t, int i, const drn_image *lr, drn_error *err)
{
    /* Pixels the last pass begins with; fewer need little memory, and keep no GPU busy alone. */
    enum { LARGE = 128 * 128 };
    drn_upscale_target target;
    drn_upscale_options how = t->how;
    if (drn_model_has_scale(t->model[i], t->scale))
        how.scale = t->scale;
    else
        how.factor = t->scale;
    drn_status st = drn_upscale_find_target(&target, lr->width, lr->height, t->model[i], &how, err);
    if (st != DRN_OK)
        return st;
    int last = target.scale[target.passes - 1];
    bool alone = *t->numbers && (int64_t)(target.net_width / last) * (target.net_height / last) > LARGE;
    if (alone)
        pthread_mutex_lock(&t->device);
    st = drn_upscale(sr, lr, t->model[i], &how, err);
    if (alone)
        pthread_mutex_unlock(&t->device);
    return st;
}

/* The mean of 8 bit results by shares, rounded once: they are made in floats of an LR picture in floats. */
static drn_status mean(drn_image **out, teachers *t, const drn_image *lr, drn_error *err)
{
    drn_image *in = NULL, *sum = NULL;
    int64_t count = (int64_t)lr->width * lr->height * lr->bands;
    drn_status st = drn_image_new(&in, lr->width, lr->height, lr->bands, DRN_F32, err);
    if (st == DRN_OK)
        for (int64_t k = 0; k < count; k++)
            ((float *)in->data)[k] = (float)((const uint8_t *)lr->data)[k] / 255;
    count *= (int64_t)t->scale * t->scale;
    for (int i = 0; i < t->count && st == DRN_OK; i++) {
        drn_image *sr = NULL;
        st = one(&sr, t, i, in, err);
        if (st != DRN_OK)
            break;
        float *s = sr->data, *all = sum ? sum->data : s;
        for (int64_t k = 0; k < count; k++)
            all[k] = (i ? all[k] : 0) + (float)t->share[i] * s[k];
        if (sum)
            drn_image_free(sr);
        else
            sum = sr;
    }
    if (st == DRN_OK)
        st = drn_image_new(out, sum->width, sum->height, sum->bands, DRN_U8, err);
    if (st == DRN_OK)
        for (int64_t k = 0; k < count; k++) {
            float v = ((const float *)sum->data)[k];
            ((uint8_t *)(*out)->data)[k] = (uint8_t)lrintf(255 * (v > 1 ? 1 : v > 0 ? v : 0));
        }
    drn_image_free(in);
    drn_image_free(sum);
    return st;
}

drn_status teachers_redraw(teachers *t, drn_image **picture, drn_error *err)
{
    drn_image *lr, *sr = NULL;
    drn_status st = drn_protocol_lr(&lr, *picture, t->scale, NULL, err);
    if (st != DRN_OK)
        return st;
    st = t->count == 1 ? one(&sr, t, 0, lr, err) : mean(&sr, t, lr, err);
    drn_image_free(lr);
    if (st != DRN_OK)
        return st;
    drn_image_free(*picture);
    *picture = sr;
    return DRN_OK;
}
