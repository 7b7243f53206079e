#include "video/ffmpeg_lib.h"

#include "base/mem.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <string.h>

/* ---- messages ---- */

/* Of the whole process, as the libraries' logging is. */
static struct {
    pthread_mutex_t lock;
    char last[256];
    bool cut; /* Matroska's demuxer says so, and then reports an ordinary end */
} heard = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void hear(void *ctx, int level, const char *fmt, va_list ap)
{
    (void)ctx;
    if (level > AV_LOG_ERROR)
        return;
    pthread_mutex_lock(&heard.lock);
    heard.cut |= strstr(fmt, "ended prematurely") != NULL;
    if (!heard.last[0]) { /* the first is the cause, the others follow from it */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        vsnprintf(heard.last, sizeof heard.last, fmt, ap);
#pragma GCC diagnostic pop
        heard.last[strcspn(heard.last, "\r\n")] = 0;
    }
    pthread_mutex_unlock(&heard.lock);
}

static void quiet(void)
{
    av_log_set_callback(hear);
}

drn_status drn_av_start(drn_error *err)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    DRN_TRY(drn_av_load(err));
    pthread_once(&once, quiet);
    drn_av_forget();
    return DRN_OK;
}

void drn_av_forget(void)
{
    pthread_mutex_lock(&heard.lock);
    heard.last[0] = 0;
    heard.cut = false;
    pthread_mutex_unlock(&heard.lock);
}

bool drn_av_heard_cut(void)
{
    pthread_mutex_lock(&heard.lock);
    bool cut = heard.cut;
    pthread_mutex_unlock(&heard.lock);
    return cut;
}

drn_status drn_av_fail(drn_error *err, drn_status code, int av, const char *name, const char *what)
{
    char reason[AV_ERROR_MAX_STRING_SIZE] = "", last[256];
    pthread_mutex_lock(&heard.lock);
    memcpy(last, heard.last, sizeof last);
    heard.last[0] = 0;
    pthread_mutex_unlock(&heard.lock);
    if (av == AVERROR(ENOMEM))
        code = DRN_ERR_NOMEM;
    if (av == AVERROR(EFBIG))
        snprintf(reason, sizeof reason, "%s", drn_write_reason(EFBIG));
    else
        av_strerror(av, reason, sizeof reason);
    return drn_fail(err, code, "%s: %s: %s%s%s%s", name, what, reason, last[0] ? " (" : "", last,
                    last[0] ? ")" : "");
}

/* ---- pixel formats ---- */

bool drn_av_to_yuv(drn_yuv_format *f, enum AVPixelFormat pixels)
{
    const AVPixFmtDescriptor *d = av_pix_fmt_desc_get(pixels);
    const uint64_t other = AV_PIX_FMT_FLAG_BE | AV_PIX_FMT_FLAG_PAL | AV_PIX_FMT_FLAG_BITSTREAM |
                           AV_PIX_FMT_FLAG_HWACCEL | AV_PIX_FMT_FLAG_ALPHA | AV_PIX_FMT_FLAG_FLOAT |
                           AV_PIX_FMT_FLAG_BAYER;
    if (!d || d->flags & other || (d->nb_components != 1 && d->nb_components != 3))
        return false;
    int depth = d->comp[0].depth, step = depth > 8 ? 2 : 1;
    bool rgb = d->flags & AV_PIX_FMT_FLAG_RGB;
    if (depth < 8 || depth > 16 || d->log2_chroma_w > 2 || d->log2_chroma_h > 2)
        return false;
    for (int i = 0; i < d->nb_components; i++) {
        /* GBR planes are listed as R, G, B: the component of plane 0 is G */
        const AVComponentDescriptor *c = &d->comp[i];
        int plane = rgb ? (i + 2) % 3 : i;
        if (c->plane != plane || c->depth != depth || c->step != step || c->offset || c->shift)
            return false;
    }
    if (rgb && d->nb_components != 3)
        return false;
    f->depth = depth;
    f->planes = d->nb_components;
    f->sx = f->planes == 3 ? d->log2_chroma_w : 0;
    f->sy = f->planes == 3 ? d->log2_chroma_h : 0;
    if (rgb)
        f->matrix = DRN_MATRIX_RGB;
    return true;
}

enum AVPixelFormat drn_av_nearest(enum AVPixelFormat pixels)
{
    const AVPixFmtDescriptor *d = av_pix_fmt_desc_get(pixels), *e;
    enum AVPixelFormat best = AV_PIX_FMT_NONE;
    int least = 100;
    if (!d ||
        d->flags & (AV_PIX_FMT_FLAG_HWACCEL | AV_PIX_FMT_FLAG_BAYER | AV_PIX_FMT_FLAG_FLOAT) ||
        pixels == AV_PIX_FMT_XYZ12LE || pixels == AV_PIX_FMT_XYZ12BE)
        return AV_PIX_FMT_NONE;
    bool rgb = d->flags & (AV_PIX_FMT_FLAG_RGB | AV_PIX_FMT_FLAG_PAL),
         grey = !rgb && d->nb_components < 3;
    for (e = av_pix_fmt_desc_next(NULL); e; e = av_pix_fmt_desc_next(e)) {
        enum AVPixelFormat id = av_pix_fmt_desc_get_id(e);
        drn_yuv_format f = {.matrix = DRN_MATRIX_UNKNOWN};
        if (!drn_av_to_yuv(&f, id) || !sws_isSupportedOutput(id) ||
            strncmp(e->name, "yuvj", 4) == 0)
            continue;
        if (rgb != (f.matrix == DRN_MATRIX_RGB) || grey != (f.planes == 1))
            continue;
        bool same = rgb || grey || (f.sx == d->log2_chroma_w && f.sy == d->log2_chroma_h);
        if (same && f.depth >= d->comp[0].depth && f.depth < least) {
            least = f.depth;
            best = id;
        }
    }
    return best;
}

/* ---- files ---- */

char *drn_av_url(const char *path)
{
    return av_asprintf("file:%s", path);
}

drn_status drn_av_input(AVFormatContext **out, const char *path, drn_error *err)
{
    AVDictionary *o = NULL;
    char *url = drn_av_url(path);
    *out = NULL;
    av_dict_set(&o, "protocol_whitelist", "file", 0); /* no playlist leads elsewhere */
    int av = url ? avformat_open_input(out, url, NULL, &o) : AVERROR(ENOMEM);
    av_dict_free(&o);
    av_free(url);
    if (av >= 0)
        av = avformat_find_stream_info(*out, NULL);
    if (av >= 0)
        return DRN_OK;
    avformat_close_input(out);
    bool io = av == AVERROR(ENOENT) || av == AVERROR(EACCES) || av == AVERROR(EIO);
    return drn_av_fail(err, io ? DRN_ERR_IO : DRN_ERR_FORMAT, av, path, "no film that can be read");
}
