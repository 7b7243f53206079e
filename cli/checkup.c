#include "checkup.h"
#include "models.h"

#include "drn/image.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char *const suffixes[CHECKUP_FORMATS] = {".png",  ".jpg", ".webp", ".tif", ".avif",
                                                      ".heic", ".jxl", ".jp2",  ".gif", ".ppm"};

const char *checkup_suffix(size_t format)
{
    return suffixes[format];
}

static void check_model(checkup_model *m, bool gpu)
{
    drn_model *model = NULL;
    drn_upscale_options cuda = {.device = DRN_DEVICE_CUDA};
    double there = 0;
    drn_status st = drn_model_builtin_check(m->name, m->sha256, &m->why);
    if (st != DRN_ERR_FORMAT) { /* without a sum to compare, or a file */
        m->why = (drn_error){0};
        st = drn_model_load(&model, m->name, &m->why);
    }
    if (st == DRN_OK)
        st = drn_model_selftest(&m->difference, model, NULL, &m->why);
    if (st == DRN_OK && gpu)
        m->on_gpu = drn_model_selftest(&there, model, &cuda, &m->why) == DRN_OK;
    drn_model_free(model);
}

/* Mean distance of samples in levels; INFINITY when the pictures are not of one size. */
static double distance(const drn_image *a, const drn_image *b)
{
    double sum = 0;
    if (a->width != b->width || a->height != b->height || b->depth != DRN_U8 || b->bands < 3)
        return INFINITY;
    size_t n = (size_t)a->width * (size_t)a->height;
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < 3; k++)
            sum += abs(((uint8_t *)a->data)[3 * i + k] -
                       ((uint8_t *)b->data)[(size_t)b->bands * i + k]);
    return sum / (double)(3 * n);
}

/* Into memory and back; lossy formats and palettes may stray a little. */
static drn_status check_format(const drn_image *picture, const char *suffix)
{
    void *data;
    size_t size;
    drn_image *back;
    drn_error err;
    drn_status st = drn_image_encode(&data, &size, picture, suffix, NULL, &err);
    if (st != DRN_OK)
        return st;
    st = drn_image_decode(&back, data, size, suffix, &err);
    drn_image_encoded_free(data);
    if (st != DRN_OK)
        return st;
    double stray = distance(picture, back);
    drn_image_free(back);
    return stray <= 12 ? DRN_OK : DRN_ERR_NUMERIC;
}

static void check_formats(checkup *c)
{
    enum { SIDE = 64 };
    drn_image *picture;
    drn_error err;
    drn_status st = drn_image_new(&picture, SIDE, SIDE, 3, DRN_U8, &err);
    for (size_t i = 0; st != DRN_OK && i < CHECKUP_FORMATS; i++)
        c->format[i] = st;
    if (st != DRN_OK)
        return;
    uint8_t *p = picture->data;
    for (int i = 0; i < SIDE * SIDE; i++, p += 3) {
        p[0] = (uint8_t)(40 + 2 * (i % SIDE));
        p[1] = (uint8_t)(200 - 2 * (i / SIDE));
        p[2] = (uint8_t)(90 + i / SIDE);
    }
    for (size_t i = 0; i < CHECKUP_FORMATS; i++)
        c->format[i] = check_format(picture, suffixes[i]);
    drn_image_free(picture);
}

/* The model that is called so; "default" is a built-in one's other name. */
static const char *name_of(const char *name)
{
    for (size_t i = 0; strcmp(name, DEFAULT_MODEL) == 0 && drn_model_builtin(i); i++)
        if (drn_model_builtin(i)->is_default)
            return drn_model_builtin(i)->name;
    return name;
}

void checkup_run(checkup *c, bool peak, const char *const *names, size_t count)
{
    drn_error err;
    drn_machine_get(&c->machine);
    if (peak && drn_machine_peak(&c->peak, 0, &err) != DRN_OK)
        c->peak = 0;
    c->gpu_found = drn_device_get_info(&c->gpu, &c->gpu_why) == DRN_OK;
    for (size_t i = 0; i < CHECKUP_MODELS; i++) {
        if (count ? i == count : !drn_model_builtin(i))
            break;
        c->model[i].name = count ? name_of(names[i]) : drn_model_builtin(i)->name;
        check_model(&c->model[i], c->gpu_found);
        c->models++;
    }
    check_formats(c);
}

bool checkup_ok(const checkup *c)
{
    bool ok = true;
    for (size_t i = 0; i < c->models; i++)
        ok = ok && c->model[i].why.code == DRN_OK;
    for (size_t i = 0; i < CHECKUP_FORMATS; i++)
        ok = ok && (c->format[i] == DRN_OK || c->format[i] == DRN_ERR_UNSUPPORTED);
    return ok;
}
