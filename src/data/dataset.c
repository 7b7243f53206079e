#include "data/dataset.h"

#include "base/fileio.h"
#include "base/mem.h"
#include "data/decode.h"
#include "data/listing.h"
#include "data/names.h"
#include "data/pack.h"
#include "image/io.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

typedef struct picture {
    size_t path;      /* in names */
    uint32_t number;  /* in its pack */
    uint32_t source;  /* in sources */
    drn_image *image; /* kept; NULL: not decoded, or not kept */
    drn_error *error; /* unreadable */
} picture;

/* A folder or a pack; its pictures stand together. */
typedef struct source {
    drn_pack *pack; /* NULL: a folder */
    size_t first, count;
    double share; /* of all samples; used when any source has a weight */
} source;

struct drn_dataset {
    picture *list;
    size_t count, capacity, cached, limit; /* cached, limit: bytes */
    drn_names names;
    source *sources;
    size_t source_count;
    bool weighted;
    pthread_mutex_t lock; /* of everything below a picture's path */
};

/* ---- opening ---- */

typedef struct adding {
    drn_dataset *d;
    const char *dir;
    uint32_t number;
} adding;

static drn_status add_picture(adding *a, const char *name, drn_error *err)
{
    drn_dataset *d = a->d;
    DRN_TRY(drn_array_reserve(&d->list, d->count, &d->capacity, sizeof *d->list, err));
    picture *p = &d->list[d->count];
    *p = (picture){.number = a->number, .source = (uint32_t)d->source_count};
    DRN_TRY(drn_names_add(&p->path, &d->names, a->dir, name, err));
    d->count++;
    return DRN_OK;
}

static drn_status add_file(void *ctx, const char *name, const char *split, const char *free,
                           drn_error *err)
{
    (void)split, (void)free; /* the filter has looked at them */
    return add_picture(ctx, name, err);
}

static drn_status add_entry(void *ctx, const drn_pack_entry *e, drn_error *err)
{
    adding *a = ctx;
    a->number = e->number;
    return add_picture(a, e->name, err);
}

/* Keep a share of the pictures of the newest source: those of the smallest keys of a seeded draw,
 * so that the share of 0.3 is part of that of 0.5. */
static drn_status thin_out(drn_dataset *d, size_t first, double ratio, uint64_t seed,
                           drn_error *err)
{
    size_t n = d->count - first, keep = (size_t)(ratio * (double)n + 0.5), kept = first;
    size_t *order;
    bool *chosen;
    drn_rng rng;
    keep = keep < 1 ? 1 : keep;
    if (keep >= n)
        return DRN_OK;
    DRN_TRY(drn_alloc_to(&order, n, sizeof *order, err));
    drn_status st = drn_calloc_to(&chosen, n, sizeof *chosen, err);
    if (st == DRN_OK) {
        for (size_t i = 0; i < n; i++)
            order[i] = i;
        drn_rng_seed(&rng, seed, 0x5eed);
        for (size_t i = 0; i < keep; i++) { /* the front of a shuffle */
            size_t j = i + (size_t)drn_rng_below(&rng, n - i), swap = order[i];
            order[i] = order[j];
            order[j] = swap;
            chosen[order[i]] = true;
        }
        for (size_t i = 0; i < n; i++)
            if (chosen[i])
                d->list[kept++] = d->list[first + i];
        d->count = kept;
    }
    drn_free(order);
    drn_free(chosen);
    return st;
}

static drn_status add_source(drn_dataset *d, char *path, const drn_dataset_options *o,
                             drn_error *err)
{
    source *s = &d->sources[d->source_count];
    adding a = {.d = d, .dir = path};
    const char *split = o->split && strcmp(o->split, "all") != 0 ? o->split : NULL;
    drn_listing_filter filter = {split, o->free_only, o->need_split};
    double weight = drn_listing_weight(path);
    *s = (source){.first = d->count, .share = weight > 0 ? weight : 1};
    d->weighted |= weight > 0;
    if (drn_path_is_dir(path)) {
        DRN_TRY(drn_listing(path, &filter, add_file, &a, err));
    } else {
        if (!drn_path_exists(path))
            return drn_fail(err, DRN_ERR_IO, "%s: no such folder or pack", path);
        DRN_TRY(drn_pack_open(&s->pack, path, err));
        DRN_TRY(drn_pack_each(s->pack, &filter, add_entry, &a, err));
    }
    if (d->count > s->first && o->ratio > 0 && o->ratio < 1)
        DRN_TRY(thin_out(d, s->first, o->ratio, o->ratio_seed, err));
    s->count = d->count - s->first;
    return DRN_OK;
}

/* Shares of the sources that have pictures, which add up to 1. */
static void share_out(drn_dataset *d)
{
    double sum = 0;
    for (size_t i = 0; i < d->source_count; i++) {
        d->sources[i].share = d->sources[i].count ? d->sources[i].share : 0;
        sum += d->sources[i].share;
    }
    for (size_t i = 0; i < d->source_count; i++)
        d->sources[i].share /= sum;
}

static drn_status open_sources(drn_dataset *d, const drn_dataset_options *o, drn_error *err)
{
    DRN_TRY(drn_calloc_to(&d->sources, o->dir_count + 1, sizeof *d->sources, err));
    for (size_t i = 0; i < o->dir_count; i++) {
        char *path = drn_strdup(o->dirs[i]);
        if (!path)
            return drn_fail(err, DRN_ERR_NOMEM, "%s: out of memory", o->dirs[i]);
        drn_status st = add_source(d, path, o, err);
        drn_free(path);
        d->source_count++; /* with a pack to close even when it failed */
        DRN_TRY(st);
    }
    if (d->count == 0)
        return drn_fail(err, DRN_ERR_INVALID, "%s: no pictures%s%s",
                        o->dir_count ? o->dirs[0] : "data", o->split ? " of the split " : "",
                        o->split ? o->split : "");
    share_out(d);
    return DRN_OK;
}

drn_status drn_dataset_open(drn_dataset **out, const drn_dataset_options *o, drn_error *err)
{
    drn_dataset *d;
    DRN_TRY(drn_calloc_to(&d, 1, sizeof *d, err));
    pthread_mutex_init(&d->lock, NULL);
    d->limit = o->cache_bytes ? o->cache_bytes : (size_t)1 << 30;
    drn_status st = open_sources(d, o, err);
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
        drn_free(d->list[i].error);
        drn_image_free(d->list[i].image);
    }
    for (size_t i = 0; d->sources && i < d->source_count; i++)
        drn_pack_close(d->sources[i].pack);
    pthread_mutex_destroy(&d->lock);
    drn_names_clear(&d->names);
    drn_free(d->sources);
    drn_free(d->list);
    drn_free(d);
}

size_t drn_dataset_count(const drn_dataset *d)
{
    return d->count;
}

const char *drn_dataset_path(const drn_dataset *d, size_t i)
{
    return d->names.text + d->list[i].path;
}

size_t drn_dataset_draw(const drn_dataset *d, drn_rng *rng)
{
    if (!d->weighted)
        return (size_t)drn_rng_below(rng, d->count);
    double u = drn_rng_uniform(rng);
    size_t last = 0;
    for (size_t i = 0; i < d->source_count; i++) {
        if (d->sources[i].count == 0)
            continue;
        last = i;
        if (u < d->sources[i].share)
            break;
        u -= d->sources[i].share;
    }
    return d->sources[last].first + (size_t)drn_rng_below(rng, d->sources[last].count);
}

static const char *file_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

uint64_t drn_dataset_fingerprint(const drn_dataset *d)
{
    uint64_t h = d->count;
    for (size_t i = 0; i < d->count; i++) {
        h = (h ^ drn_text_hash(file_name(drn_dataset_path(d, i)))) * 0x9e3779b97f4a7c15u;
        h ^= h >> 32;
    }
    return h;
}

static int by_file_name(const void *a, const void *b)
{
    return strcmp(file_name(*(const char *const *)a), file_name(*(const char *const *)b));
}

static bool same_file(const char *a, const char *b)
{
    struct stat x, y;
    if (strcmp(a, b) == 0)
        return true;
    return stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

drn_status drn_dataset_shared(size_t *count, const char **first, const drn_dataset *a,
                              const drn_dataset *b, drn_error *err)
{
    const char **names;
    *count = 0;
    DRN_TRY(drn_calloc_to(&names, b->count, sizeof *names, err));
    for (size_t i = 0; i < b->count; i++)
        names[i] = drn_dataset_path(b, i);
    qsort(names, b->count, sizeof *names, by_file_name);
    for (size_t i = 0; i < a->count; i++) {
        const char *path = drn_dataset_path(a, i);
        const char **at = bsearch(&path, names, b->count, sizeof *names, by_file_name);
        while (at && at > names && by_file_name(at - 1, &path) == 0)
            at--;
        for (; at && at < names + b->count && by_file_name(at, &path) == 0; at++)
            if (same_file(path, *at)) {
                if (first && *count == 0)
                    *first = path;
                ++*count;
                break;
            }
    }
    drn_free(names);
    return DRN_OK;
}

/* ---- pictures ---- */

static drn_status read_picture(drn_image **out, const char *path, drn_error *err)
{
    drn_image *in;
    void *data;
    size_t size;
    if (drn_codec_available()) {
        DRN_TRY(drn_image_read(&in, path, err));
    } else {
        DRN_TRY(drn_file_read(&data, &size, path, (size_t)1 << 30, err));
        drn_status st = drn_decode(&in, data, size, path, err);
        drn_free(data);
        DRN_TRY(st);
    }
    return drn_to_rgb(out, in, err);
}

static drn_status decode_rgb(drn_image **out, const drn_dataset *d, size_t i, drn_error *err)
{
    const picture *p = &d->list[i];
    drn_pack *pack = d->sources[p->source].pack;
    return pack ? drn_pack_image(out, pack, p->number, drn_dataset_path(d, i), err)
                : read_picture(out, drn_dataset_path(d, i), err);
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
    if (!im && !local.code && decode_rgb(&im, d, i, &local) == DRN_OK)
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
                *first = drn_dataset_path(d, i);
        }
    pthread_mutex_unlock(&d->lock);
    return n;
}
