#include "server/view.h"

#include "drn/upscale.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A picture read last: panning asks for many parts of one. */
typedef struct cached {
    char path[600];
    drn_image *image;
    double used;
} cached;

enum {
    CACHED = 2,       /* the picture and its result */
    BICUBIC_REACH = 4 /* input pixels around a part that its bicubic enlargement can depend on: 2,
                         and 2 to spare */
};

/* Seconds after which unused pixels are let go. */
#define CACHE_KEEP 30.0

struct web_views {
    web_jobs *jobs;
    pthread_mutex_t mutex;
    cached cache[CACHED];
};

int web_views_new(web_views **out, web_jobs *jobs, web_error *err)
{
    web_views *views = calloc(1, sizeof *views);
    if (!views)
        return web_no_memory(err);
    views->jobs = jobs;
    pthread_mutex_init(&views->mutex, NULL);
    *out = views;
    return 0;
}

static void forget(cached *c)
{
    drn_image_free(c->image);
    *c = (cached){0};
}

void web_views_free(web_views *views)
{
    if (!views)
        return;
    for (int i = 0; i < CACHED; i++)
        forget(&views->cache[i]);
    pthread_mutex_destroy(&views->mutex);
    free(views);
}

void web_views_expire(web_views *views, double now)
{
    if (pthread_mutex_trylock(&views->mutex) != 0)
        return; /* in use, so not idle */
    for (int i = 0; i < CACHED; i++)
        if (views->cache[i].image && now - views->cache[i].used > CACHE_KEEP)
            forget(&views->cache[i]);
    pthread_mutex_unlock(&views->mutex);
}

static int library_error(const web_job *job, const drn_error *e, web_error *err)
{
    char text[600];
    if (e->code == DRN_ERR_NOMEM)
        return web_no_memory(err);
    web_job_message(text, sizeof text, job, e->message);
    bool format = e->code == DRN_ERR_UNSUPPORTED || e->code == DRN_ERR_INVALID;
    return web_fail(err, format ? 422 : 500, format ? "unsupported" : "io", "%s", text);
}

/* Borrowed until the lock is released. */
static int load(const drn_image **out, web_views *views, const web_job *job, const char *path,
                web_error *err)
{
    cached *at = &views->cache[0];
    drn_error e = {0};
    for (int i = 0; i < CACHED; i++) {
        cached *c = &views->cache[i];
        if (c->image && strcmp(c->path, path) == 0) {
            c->used = web_now();
            *out = c->image;
            return 0;
        }
        if (c->used < at->used)
            at = c;
    }
    forget(at);
    if (drn_image_read(&at->image, path, &e) != DRN_OK)
        return library_error(job, &e, err);
    snprintf(at->path, sizeof at->path, "%s", path);
    at->used = web_now();
    *out = at->image;
    return 0;
}

/* A rectangle in 32 bits, and the size it is shown at. */
typedef struct placed {
    int32_t x, y, w, h, out_w, out_h;
} placed;

static int32_t shrunk(int32_t side, int32_t longer, int max)
{
    int64_t n = ((int64_t)side * max + longer / 2) / longer;
    return longer <= max ? side : n < 1 ? 1 : (int32_t)n;
}

static int place(placed *out, const job_info *info, const view_region *r, web_error *err)
{
    int64_t width = (int64_t)info->width * info->scale,
            height = (int64_t)info->height * info->scale;
    int64_t w = r->w ? r->w : width - r->x, h = r->h ? r->h : height - r->y;
    bool inside = r->x >= 0 && r->y >= 0 && w > 0 && h > 0 && r->x <= width && r->y <= height &&
                  w <= width - r->x && h <= height - r->y;
    if (!inside)
        return web_fail(
            err, 400, "bad_parameter",
            "the part %lld x %lld at %lld, %lld is not inside the result of %lld x %lld",
            (long long)w, (long long)h, (long long)r->x, (long long)r->y, (long long)width,
            (long long)height);
    int64_t s = info->scale;
    if (r->x % s != 0 || r->y % s != 0 || w % s != 0 || h % s != 0)
        return web_fail(err, 400, "bad_parameter", "x, y, w and h have to be multiples of %d",
                        info->scale);
    int32_t longer = (int32_t)(w > h ? w : h);
    *out = (placed){(int32_t)r->x, (int32_t)r->y, (int32_t)w, (int32_t)h, 0, 0};
    out->out_w = shrunk(out->w, longer, r->max);
    out->out_h = shrunk(out->h, longer, r->max);
    return 0;
}

/* The part of an image, at its size or smaller. */
static drn_status cut(drn_image **out, const drn_image *in, const placed *p, drn_error *err)
{
    drn_image *part = NULL;
    drn_status st = drn_image_crop(&part, in, p->x, p->y, p->w, p->h, err);
    if (st != DRN_OK || (p->out_w == p->w && p->out_h == p->h)) {
        *out = part;
        return st;
    }
    st = drn_imresize_to(out, part, p->out_w, p->out_h, NULL, err);
    drn_image_free(part);
    return st;
}

static int32_t clamp(int64_t v, int32_t max)
{
    return v < 0 ? 0 : v > max ? max : (int32_t)v;
}

/* The bits that enlarging the whole picture would give there: cut with a margin that the kernel
 * cannot look beyond, enlarge, cut again. */
static drn_status bicubic_part(drn_image **out, const drn_image *in, const placed *p, int scale,
                               drn_error *err)
{
    int32_t x0 = clamp((int64_t)p->x / scale - BICUBIC_REACH, in->width);
    int32_t y0 = clamp((int64_t)p->y / scale - BICUBIC_REACH, in->height);
    int32_t x1 = clamp(((int64_t)p->x + p->w) / scale + BICUBIC_REACH, in->width);
    int32_t y1 = clamp(((int64_t)p->y + p->h) / scale + BICUBIC_REACH, in->height);
    drn_image *small = NULL, *large = NULL;
    drn_status st = drn_image_crop(&small, in, x0, y0, x1 - x0, y1 - y0, err);
    if (st == DRN_OK)
        st = drn_imresize(&large, small, scale, NULL, err);
    if (st == DRN_OK)
        st = drn_image_crop(out, large, p->x - x0 * scale, p->y - y0 * scale, p->w, p->h, err);
    drn_image_free(small);
    drn_image_free(large);
    return st;
}

/* An overview is made from the picture straight: enlarging all of it to shrink it again would take
 * the memory of the result and show the same. */
static drn_status bicubic(drn_image **out, const drn_image *in, const placed *p, int scale,
                          drn_error *err)
{
    if (p->out_w == p->w && p->out_h == p->h)
        return bicubic_part(out, in, p, scale, err);
    placed small = {p->x / scale, p->y / scale, p->w / scale, p->h / scale, p->out_w, p->out_h};
    return cut(out, in, &small, err);
}

/* The map of trust is made when it is first asked for: it takes the time of two enlargements by
 * bicubic interpolation and the memory of the result in 32 bits. */
static int need_trust(web_views *views, const web_job *job, web_error *err)
{
    const drn_image *result = NULL, *in = NULL;
    drn_image *map = NULL;
    drn_error e = {0};
    if (access(web_job_trust_path(job), R_OK) == 0)
        return 0;
    int st = load(&result, views, job, web_job_result_path(job), err);
    if (st == 0)
        st = load(&in, views, job, web_job_input_path(job), err);
    if (st == 0 && (drn_upscale_trust(&map, NULL, result, in, &e) != DRN_OK ||
                    drn_image_write(map, web_job_trust_path(job), NULL, &e) != DRN_OK))
        st = library_error(job, &e, err);
    drn_image_free(map);
    return st;
}

static int render_locked(drn_image **out, web_views *views, web_job *job, const view_region *r,
                         const placed *p, int scale, web_error *err)
{
    const drn_image *in = NULL;
    drn_image *part = NULL;
    drn_error e = {0};
    const char *path = r->image == VIEW_BICUBIC ? web_job_input_path(job)
                       : r->image == VIEW_TRUST ? web_job_trust_path(job)
                                                : web_job_result_path(job);
    int code = r->image == VIEW_TRUST ? need_trust(views, job, err) : 0;
    if (code == 0)
        code = load(&in, views, job, path, err);
    if (code != 0)
        return code;
    drn_status st =
        r->image == VIEW_BICUBIC ? bicubic(&part, in, p, scale, &e) : cut(&part, in, p, &e);
    if (st == DRN_OK)
        st = drn_image_copy_meta(part, in, &e); /* its colour profile */
    if (st != DRN_OK) {
        drn_image_free(part);
        return library_error(job, &e, err);
    }
    *out = part;
    return 0;
}

int web_views_render(drn_image **out, web_views *views, web_job *job, const view_region *region,
                     web_error *err)
{
    job_info info;
    placed p = {0};
    web_job_info(&info, job);
    if (info.state != JOB_DONE)
        return web_fail(err, 409, "not_done", "the picture is not enlarged yet");
    int st = place(&p, &info, region, err);
    if (st != 0)
        return st;
    pthread_mutex_lock(&views->mutex);
    st = render_locked(out, views, job, region, &p, info.scale, err);
    pthread_mutex_unlock(&views->mutex);
    return st;
}

/* Open a file made for one answer; its name goes at once. */
static int open_file(web_file *out, const char *path, bool remove, web_error *err)
{
    struct stat sb;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 || fstat(fd, &sb) != 0) {
        int e = errno;
        if (fd >= 0)
            close(fd);
        return web_fail(err, 500, "io", "the result cannot be read: %s", strerror(e));
    }
    if (remove)
        unlink(path);
    *out = (web_file){fd, (int64_t)sb.st_size};
    return 0;
}

static int write_file(web_file *out, web_views *views, const web_job *job, const drn_image *image,
                      const char *suffix, int quality, web_error *err)
{
    char path[640];
    drn_error e = {0};
    drn_write_options how = {.quality = quality};
    web_jobs_temp_path(path, sizeof path, views->jobs, suffix);
    if (drn_image_write(image, path, &how, &e) != DRN_OK) {
        int st = library_error(job, &e, err);
        unlink(path);
        return st;
    }
    return open_file(out, path, true, err);
}

int web_views_file(web_file *out, web_views *views, web_job *job, const view_region *region,
                   web_error *err)
{
    drn_image *image = NULL;
    int st = web_views_render(&image, views, job, region, err);
    if (st == 0)
        st = write_file(out, views, job, image, ".png", 0, err);
    drn_image_free(image);
    return st;
}

int web_views_result(web_file *out, web_views *views, web_job *job, const char *suffix, int quality,
                     web_error *err)
{
    const drn_image *image = NULL;
    job_info info;
    web_job_info(&info, job);
    if (info.state != JOB_DONE)
        return web_fail(err, 409, "not_done", "the picture is not enlarged yet");
    if (strcmp(suffix, ".png") == 0)
        return open_file(out, web_job_result_path(job), false, err);
    pthread_mutex_lock(&views->mutex);
    int st = load(&image, views, job, web_job_result_path(job), err);
    if (st == 0)
        st = write_file(out, views, job, image, suffix, quality, err);
    pthread_mutex_unlock(&views->mutex);
    return st;
}
