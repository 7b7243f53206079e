#include "data/dataset.h"

#include "base/fileio.h"
#include "base/mem.h"
#include "data/manifest.h"
#include "image/meta.h"

#include <pthread.h>
#include <string.h>
#include <strings.h>

typedef struct picture {
    char *path;
    drn_image *image; /* kept; NULL: not decoded, or not kept */
    drn_error *error; /* unreadable */
} picture;

struct drn_dataset {
    picture *list;
    size_t count, cached, limit; /* cached, limit: bytes */
    pthread_mutex_t lock;        /* of everything below a picture's path */
};

static bool is_picture(const char *name)
{
    static const char *const suffixes[] = {".png",  ".jpg", ".jpeg", ".webp", ".tif",
                                           ".tiff", ".ppm", ".pgm",  ".pnm",  ".bmp"};
    const char *dot = strrchr(name, '.');
    for (size_t i = 0; dot && i < sizeof suffixes / sizeof *suffixes; i++)
        if (strcasecmp(dot, suffixes[i]) == 0)
            return true;
    return false;
}

static drn_status append(drn_dataset *d, const char *dir, char **names, size_t n, drn_error *err)
{
    picture *list;
    DRN_TRY(drn_calloc_to(&list, d->count + n + 1, sizeof *list, err));
    if (d->count)
        memcpy(list, d->list, d->count * sizeof *list);
    drn_free(d->list);
    d->list = list;
    for (size_t i = 0; i < n; i++) {
        if (!is_picture(names[i]))
            continue;
        list[d->count].path = drn_path_join(dir, names[i]);
        if (!list[d->count].path)
            return drn_fail(err, DRN_ERR_NOMEM, "%s: out of memory", dir);
        d->count++;
    }
    return DRN_OK;
}

static drn_status add_folder(drn_dataset *d, const char *dir, const drn_dataset_options *o,
                             drn_error *err)
{
    char **names = NULL, *manifest = drn_path_join(dir, "manifest.csv");
    const char *split = o->split && strcmp(o->split, "all") != 0 ? o->split : NULL;
    size_t n = 0;
    if (!manifest)
        return drn_fail(err, DRN_ERR_NOMEM, "%s: out of memory", dir);
    drn_status st;
    if (drn_path_exists(manifest))
        st = drn_manifest_read(&names, &n, manifest, split, o->free_only, err);
    else if (o->free_only)
        st = drn_fail(err, DRN_ERR_INVALID,
                      "%s has no manifest.csv that tells which pictures are free", dir);
    else
        st = drn_dir_list(&names, &n, dir, err);
    if (st == DRN_OK)
        st = append(d, dir, names, n, err);
    drn_list_free(names, n);
    drn_free(manifest);
    return st;
}

drn_status drn_dataset_open(drn_dataset **out, const drn_dataset_options *o, drn_error *err)
{
    drn_dataset *d;
    drn_status st = DRN_OK;
    DRN_TRY(drn_calloc_to(&d, 1, sizeof *d, err));
    pthread_mutex_init(&d->lock, NULL);
    d->limit = o->cache_bytes ? o->cache_bytes : (size_t)1 << 30;
    for (size_t i = 0; st == DRN_OK && i < o->dir_count; i++)
        st = add_folder(d, o->dirs[i], o, err);
    if (st == DRN_OK && d->count == 0)
        st = drn_fail(err, DRN_ERR_INVALID, "%s: no pictures%s%s",
                      o->dir_count ? o->dirs[0] : "data", o->split ? " of the split " : "",
                      o->split ? o->split : "");
    if (st != DRN_OK)
        drn_dataset_free(d);
    else
        *out = d;
    return st;
}

void drn_dataset_free(drn_dataset *d)
{
    if (!d)
        return;
    for (size_t i = 0; i < d->count; i++) {
        drn_free(d->list[i].path);
        drn_free(d->list[i].error);
        drn_image_free(d->list[i].image);
    }
    pthread_mutex_destroy(&d->lock);
    drn_free(d->list);
    drn_free(d);
}

size_t drn_dataset_count(const drn_dataset *d)
{
    return d->count;
}

const char *drn_dataset_path(const drn_dataset *d, size_t i)
{
    return d->list[i].path;
}

static uint8_t sample_u8(const drn_image *im, size_t i)
{
    if (im->depth == DRN_U8)
        return ((const uint8_t *)im->data)[i];
    if (im->depth == DRN_U16)
        return (uint8_t)((((const uint16_t *)im->data)[i] * 255u + 32767u) / 65535u);
    float v = ((const float *)im->data)[i];
    return (uint8_t)(v > 0 ? v < 1 ? v * 255.0f + 0.5f : 255 : 0);
}

static drn_status decode_rgb(drn_image **out, const char *path, drn_error *err)
{
    drn_image *in, *rgb;
    DRN_TRY(drn_image_read(&in, path, err));
    drn_meta_free(in->meta); /* profiles and EXIF would stay in memory with every picture */
    in->meta = NULL;
    if (in->bands == 3 && in->depth == DRN_U8) {
        *out = in;
        return DRN_OK;
    }
    drn_status st = drn_image_new(&rgb, in->width, in->height, 3, DRN_U8, err);
    size_t n = (size_t)in->width * (size_t)in->height, bands = (size_t)in->bands;
    for (size_t i = 0; st == DRN_OK && i < n; i++)
        for (size_t b = 0; b < 3; b++)
            ((uint8_t *)rgb->data)[3 * i + b] = sample_u8(in, i * bands + (bands < 3 ? 0 : b));
    drn_image_free(in);
    if (st == DRN_OK)
        *out = rgb;
    return st;
}

static void remember_error(drn_dataset *d, size_t i, const drn_error *e)
{
    pthread_mutex_lock(&d->lock);
    if (!d->list[i].error && e->code != DRN_ERR_NOMEM && (d->list[i].error = drn_alloc(sizeof *e)))
        *d->list[i].error = *e;
    pthread_mutex_unlock(&d->lock);
}

/* Keep a decoded picture when there is room; another thread may have been faster. */
static drn_image *keep(drn_dataset *d, size_t i, drn_image *im)
{
    picture *p = &d->list[i];
    size_t bytes = (size_t)im->width * (size_t)im->height * 3;
    pthread_mutex_lock(&d->lock);
    if (p->image) {
        drn_image_free(im);
        im = p->image;
    } else if (d->cached + bytes <= d->limit) {
        d->cached += bytes;
        p->image = im;
    }
    pthread_mutex_unlock(&d->lock);
    return im;
}

drn_status drn_dataset_get(const drn_image **out, drn_dataset *d, size_t i, drn_error *err)
{
    drn_error local = {0};
    drn_image *im;
    pthread_mutex_lock(&d->lock);
    im = d->list[i].image;
    if (d->list[i].error)
        local = *d->list[i].error;
    pthread_mutex_unlock(&d->lock);
    if (!im && !local.code && decode_rgb(&im, d->list[i].path, &local) == DRN_OK)
        im = keep(d, i, im);
    else if (local.code)
        remember_error(d, i, &local);
    if (!im) {
        if (err)
            *err = local;
        return local.code;
    }
    *out = im;
    return DRN_OK;
}

void drn_dataset_release(drn_dataset *d, size_t i, const drn_image *image)
{
    pthread_mutex_lock(&d->lock);
    bool kept = d->list[i].image == image;
    pthread_mutex_unlock(&d->lock);
    if (!kept)
        drn_image_free((drn_image *)(uintptr_t)image);
}

size_t drn_dataset_broken(drn_dataset *d, const char **first)
{
    size_t n = 0;
    pthread_mutex_lock(&d->lock);
    for (size_t i = d->count; i-- > 0;)
        if (d->list[i].error) {
            n++;
            if (first)
                *first = d->list[i].path;
        }
    pthread_mutex_unlock(&d->lock);
    return n;
}
