/* Row by row through libvips.  Its savers pull pixels; the writer here lets the caller push them:
 * the saver runs in a thread, and the function it pulls from waits for the strips. */
#include "image/io_vips.h"
#include "image/stream.h"

#include "base/fileio.h"
#include "base/mem.h"
#include "image/convert.h"

#include <pthread.h>
#include <string.h>

/* The pixel at (x, y) of the picture, which is in the region. */
static VipsPel *region_at(const VipsRegion *r, int x, int y)
{
    size_t pixel = (size_t)r->im->Bands * (r->im->BandFmt == VIPS_FORMAT_UCHAR    ? 1
                                           : r->im->BandFmt == VIPS_FORMAT_USHORT ? 2
                                                                                  : 4);
    return r->data + (size_t)(y - r->valid.top) * (size_t)r->bpl + (size_t)(x - r->valid.left) * pixel;
}

/* ---- reading ---- */

struct drn_row_reader {
    char *path;
    drn_input in;
    drn_vips_source source;
    VipsRegion *region;
    int32_t y;
    size_t row; /* bytes */
};

void drn_row_info_clear(drn_image *info)
{
    drn_meta_free(info->meta);
    info->meta = NULL;
}

void drn_row_reader_free(drn_row_reader *r)
{
    if (!r)
        return;
    if (r->region)
        g_object_unref(r->region);
    drn_vips_close(&r->source);
    drn_free(r->path);
    drn_free(r);
}

/* Turning needs the rows in another order: through a file that vanishes when it is closed. */
static drn_status turn(drn_row_reader *r)
{
    drn_vips_source *s = &r->source;
    if (s->orientation == 1)
        return DRN_OK;
    VipsImage *disc = vips_image_new_temp_file("%s.v"), *turned = NULL;
    if (!disc || vips_image_write(s->im, disc) || vips_autorot(disc, &turned, NULL)) {
        if (disc)
            g_object_unref(disc);
        return drn_vips_broken(s);
    }
    g_object_unref(disc);
    g_object_unref(s->im);
    s->im = turned;
    return DRN_OK;
}

static drn_status open_reader(drn_row_reader *r, drn_image *info, const char *path, drn_error *err)
{
    r->path = drn_strdup(path);
    if (!r->path)
        return drn_fail(err, DRN_ERR_NOMEM, "%s: out of memory", path);
    DRN_TRY(drn_input_open(&r->in, r->path, err));
    DRN_TRY(drn_vips_open(&r->source, &r->in, err));
    drn_image found = drn_vips_info(&r->source);
    drn_status st =
        drn_vips_meta(&found, &r->source); /* while the orientation is still to be done */
    if (st == DRN_OK)
        st = turn(r);
    if (st != DRN_OK) {
        drn_row_info_clear(&found);
        return st;
    }
    drn_image_meta *meta = found.meta;
    found = drn_vips_info(&r->source);
    found.meta = meta;
    r->region = vips_region_new(r->source.im);
    r->row = (size_t)found.width * (size_t)found.bands * drn_depth_size(found.depth);
    *info = found;
    return DRN_OK;
}

drn_status drn_row_reader_open(drn_row_reader **out, drn_image *info, const char *path,
                               drn_error *err)
{
    drn_row_reader *r;
    DRN_TRY(drn_calloc_to(&r, 1, sizeof *r, err));
    drn_status st = open_reader(r, info, path, err);
    if (st != DRN_OK) {
        drn_row_reader_free(r);
        return st;
    }
    *out = r;
    return DRN_OK;
}

drn_status drn_row_reader_read(drn_row_reader *r, void *rows, int32_t count, drn_error *err)
{
    char *to = rows;
    r->source.err = err;
    for (int32_t end = r->y + count; r->y < end;) {
        int32_t n = end - r->y < 64 ? end - r->y : 64;
        VipsRect strip = {0, r->y, r->source.im->Xsize, n};
        if (vips_region_prepare(r->region, &strip))
            return drn_vips_broken(&r->source);
        for (int32_t i = 0; i < n; i++, to += r->row)
            memcpy(to, region_at(r->region, 0, r->y + i), r->row);
        r->y += n;
    }
    return DRN_OK;
}

/* ---- writing ---- */

/* Rows y .. y + image->height - 1 of the result. */
typedef struct strip {
    struct strip *next;
    drn_image *image;
    int32_t y;
} strip;

struct drn_row_writer {
    drn_atomic_file file;
    drn_write_plan plan;
    drn_image like; /* size, bands and depth as the file has them */
    VipsImage *im;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    /* under the lock */
    strip *first, *last;
    int32_t have;  /* rows handed over so far */
    bool starving; /* the saver waits for rows beyond these */
    bool stopped;  /* the caller gives up */
    bool ended;    /* the saver came back */
    bool failed;
    drn_error error;
};

static void free_strip(strip *s)
{
    drn_image_free(s->image);
    drn_free(s);
}

/* The saver goes from top to bottom and is done with all rows above those it asks for. */
static void drop_above(drn_row_writer *w, int32_t y)
{
    while (w->first && w->first->y + w->first->image->height <= y) {
        strip *s = w->first;
        w->first = s->next;
        if (!w->first)
            w->last = NULL;
        free_strip(s);
        pthread_cond_broadcast(&w->changed);
    }
}

/* Wait until rows up to end are there; false: they will not come. */
static bool wait_for(drn_row_writer *w, int32_t end)
{
    while (w->have < end && !w->stopped) {
        w->starving = true;
        pthread_cond_broadcast(&w->changed);
        pthread_cond_wait(&w->changed, &w->lock);
    }
    w->starving = false;
    return !w->stopped;
}

static void copy_rows(VipsRegion *to, const strip *s, int32_t top, int32_t bottom)
{
    const drn_image *im = s->image;
    size_t pixel = (size_t)im->bands * drn_depth_size(im->depth), row = pixel * (size_t)im->width;
    for (int32_t y = top; y < bottom; y++)
        memcpy(region_at(to, to->valid.left, y),
               (const char *)im->data + (size_t)(y - s->y) * row + (size_t)to->valid.left * pixel,
               (size_t)to->valid.width * pixel);
}

/* libvips asks for the pixels of a region. */
static int generate(VipsRegion *to, void *seq, void *a, void *b, gboolean *stop)
{
    drn_row_writer *w = a;
    int32_t top = to->valid.top, bottom = top + to->valid.height;
    (void)seq;
    (void)b;
    pthread_mutex_lock(&w->lock);
    drop_above(w, top);
    bool ok = wait_for(w, bottom);
    for (const strip *s = w->first; ok && s; s = s->next) {
        int32_t end = s->y + s->image->height;
        copy_rows(to, s, top > s->y ? top : s->y, bottom < end ? bottom : end);
    }
    pthread_mutex_unlock(&w->lock);
    *stop = !ok;
    return ok ? 0 : -1;
}

static void *save(void *ctx)
{
    drn_row_writer *w = ctx;
    bool saved = drn_vips_save(w->im, w->file.tmp, w->plan.format, w->plan.quality, true) == 0;
    pthread_mutex_lock(&w->lock);
    w->ended = true;
    w->failed = !saved;
    if (!saved) /* the complaint is this thread's */
        (void)drn_vips_failure(&w->error, DRN_ERR_IO, w->file.path, "cannot write");
    pthread_cond_broadcast(&w->changed);
    pthread_mutex_unlock(&w->lock);
    vips_thread_shutdown();
    return NULL;
}

static void free_writer(drn_row_writer *w)
{
    while (w->first) {
        strip *s = w->first;
        w->first = s->next;
        free_strip(s);
    }
    if (w->im)
        g_object_unref(w->im);
    pthread_mutex_destroy(&w->lock);
    pthread_cond_destroy(&w->changed);
    drn_free(w);
}

/* A libvips image whose pixels come from generate(). */
static VipsImage *pulled(drn_row_writer *w, const drn_image *meta)
{
    VipsImage *im = vips_image_new();
    const drn_image *l = &w->like;
    vips_image_init_fields(im, l->width, l->height, l->bands,
                           l->depth == DRN_U16 ? VIPS_FORMAT_USHORT : VIPS_FORMAT_UCHAR,
                           VIPS_CODING_NONE, VIPS_INTERPRETATION_MULTIBAND, 1, 1);
    drn_image dress = *l;
    dress.meta = meta->meta;
    if (vips_image_pipelinev(im, VIPS_DEMAND_STYLE_THINSTRIP, NULL) ||
        vips_image_generate(im, NULL, generate, NULL, w, NULL)) {
        g_object_unref(im);
        return NULL;
    }
    return drn_vips_dress(im, &dress);
}

static drn_status start_writer(drn_row_writer *w, const char *path, const drn_image *like,
                               drn_error *err)
{
    DRN_TRY(drn_vips_start(path, err));
    static const drn_format pnm = {".ppm", "ppmsave", NULL, false, false, true, 0};
    if (!w->plan.format->saver)
        w->plan.format = &pnm;
    if (!drn_vips_has(w->plan.format->saver))
        return drn_fail(err, DRN_ERR_UNSUPPORTED, "%s: this libvips cannot write %s", path,
                        w->plan.format->suffix);
    w->like = (drn_image){like->width,   like->height, like->bands - w->plan.flatten,
                          w->plan.depth, NULL,         NULL};
    w->im = pulled(w, like);
    if (!w->im)
        return drn_vips_failure(err, DRN_ERR_NOMEM, path, "cannot write");
    DRN_TRY(drn_atomic_open(&w->file, path, err));
    w->file.keep = w->plan.keep;
    if (pthread_create(&w->thread, NULL, save, w) != 0) {
        drn_atomic_abort(&w->file);
        return drn_fail(err, DRN_ERR_NOMEM, "%s: no thread to write with", path);
    }
    return DRN_OK;
}

drn_status drn_row_writer_open(drn_row_writer **out, const char *path, const drn_image *like,
                               const drn_write_options *options, drn_error *err)
{
    drn_row_writer *w;
    drn_write_plan plan;
    DRN_TRY(drn_write_plan_make(&plan, like, path, options, err));
    DRN_TRY(drn_calloc_to(&w, 1, sizeof *w, err));
    w->plan = plan;
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->changed, NULL);
    drn_status st = start_writer(w, path, like, err);
    if (st != DRN_OK) {
        free_writer(w);
        return st;
    }
    *out = w;
    return DRN_OK;
}

/* The strip as the file holds it. */
static drn_status fitted(drn_image **out, drn_image *image, const drn_write_plan *plan,
                         drn_error *err)
{
    *out = image;
    if (image->depth == plan->depth && !plan->flatten)
        return DRN_OK;
    drn_status st = drn_image_convert(out, image, plan->depth, plan->flatten, err);
    drn_image_free(image);
    return st;
}

drn_status drn_row_writer_write(drn_row_writer *w, drn_image *image, drn_error *err)
{
    strip *s;
    DRN_TRY(fitted(&image, image, &w->plan, err));
    drn_status st = drn_calloc_to(&s, 1, sizeof *s, err);
    if (st != DRN_OK) {
        drn_image_free(image);
        return st;
    }
    s->image = image;
    pthread_mutex_lock(&w->lock);
    s->y = w->have;
    w->have += image->height;
    if (w->last)
        w->last->next = s;
    else
        w->first = s;
    w->last = s;
    pthread_cond_broadcast(&w->changed);
    /* one strip may wait, unless the saver needs more to go on */
    while (!w->ended && !w->starving && w->first && w->first->next)
        pthread_cond_wait(&w->changed, &w->lock);
    bool failed = w->ended && w->failed;
    pthread_mutex_unlock(&w->lock);
    if (failed)
        return drn_fail(err, w->error.code, "%s", w->error.message);
    return DRN_OK;
}

static void finish(drn_row_writer *w, bool stop)
{
    pthread_mutex_lock(&w->lock);
    w->stopped = stop;
    pthread_cond_broadcast(&w->changed);
    pthread_mutex_unlock(&w->lock);
    pthread_join(w->thread, NULL);
}

drn_status drn_row_writer_close(drn_row_writer *w, drn_error *err)
{
    finish(w, w->have < w->like.height); /* rows are missing: a bug of the caller, not a hang */
    drn_status st = w->failed ? drn_fail(err, w->error.code, "%s", w->error.message) : DRN_OK;
    if (st == DRN_OK)
        st = drn_atomic_commit(&w->file, err);
    else
        drn_atomic_abort(&w->file);
    free_writer(w);
    return st;
}

void drn_row_writer_abort(drn_row_writer *w)
{
    if (!w)
        return;
    finish(w, true);
    drn_atomic_abort(&w->file);
    free_writer(w);
}
