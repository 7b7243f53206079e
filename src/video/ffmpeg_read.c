/* Frames out of a film. */
#include "video/ffmpeg_lib.h"

#include "base/mem.h"

#include <string.h>

typedef struct av_source {
    drn_source base;
    AVFormatContext *format;
    AVCodecContext *codec;
    AVStream *stream;
    AVPacket *packet;
    AVFrame *frame, *first; /* first: decoded when opening, given first */
    struct SwsContext *sws; /* to planes, or NULL when they are planes */
    enum AVPixelFormat pixels, planar;
    int64_t index, lost;         /* frames given; left out as damaged */
    int64_t last, last_duration; /* of the frame given last */
    const drn_listener *l;
    bool drained;
} av_source;

static void close_source(drn_source *base)
{
    av_source *s = (av_source *)base;
    sws_freeContext(s->sws);
    av_frame_free(&s->frame);
    av_frame_free(&s->first);
    av_packet_free(&s->packet);
    avcodec_free_context(&s->codec);
    avformat_close_input(&s->format);
    drn_free(s);
}

/* ---- decoding ---- */

static drn_status damaged(av_source *s, int av, drn_error *err)
{
    char what[100];
    if (s->base.damaged_ok && av != AVERROR(ENOMEM)) {
        s->lost++;
        drn_av_forget();
        return DRN_OK;
    }
    snprintf(what, sizeof what, "damaged or cut off behind frame %lld (--damaged goes on)",
             (long long)s->index);
    return drn_av_fail(err, DRN_ERR_FORMAT, av, s->base.film.name, what);
}

/* The next packet of the stream to the decoder, or the end. */
static drn_status feed(av_source *s, drn_error *err)
{
    for (;;) {
        int av = av_read_frame(s->format, s->packet);
        if (av == AVERROR_EOF) {
            s->drained = true;
            avcodec_send_packet(s->codec, NULL);
            return DRN_OK;
        }
        if (av < 0) {
            DRN_TRY(damaged(s, av, err));
            s->drained = true;
            avcodec_send_packet(s->codec, NULL);
            return DRN_OK;
        }
        if (s->packet->stream_index != s->stream->index) {
            av_packet_unref(s->packet);
            continue;
        }
        bool corrupt = s->packet->flags & AV_PKT_FLAG_CORRUPT;
        av = avcodec_send_packet(s->codec, s->packet);
        av_packet_unref(s->packet);
        if (av < 0 || corrupt)
            DRN_TRY(damaged(s, av < 0 ? av : AVERROR_INVALIDDATA, err));
        return DRN_OK;
    }
}

static bool is_corrupt(const AVFrame *f)
{
    return f->flags & AV_FRAME_FLAG_CORRUPT || f->decode_error_flags;
}

static drn_status decode(AVFrame *frame, av_source *s, bool *end, drn_error *err)
{
    *end = false;
    for (;;) {
        int av = avcodec_receive_frame(s->codec, frame);
        if (av == AVERROR(EAGAIN)) {
            DRN_TRY(feed(s, err));
            continue;
        }
        if (av == AVERROR_EOF) {
            *end = true;
            return DRN_OK;
        }
        if (av >= 0 && is_corrupt(frame))
            return damaged(s, AVERROR_INVALIDDATA,
                           err); /* with damaged_ok: shown as far as it came */
        if (av >= 0)
            return DRN_OK;
        DRN_TRY(damaged(s, av, err));
    }
}

/* ---- a frame's samples and times ---- */

static void copy_planes(uint8_t *to, const AVFrame *f, const drn_yuv_format *y)
{
    size_t bytes = y->depth > 8 ? 2 : 1;
    for (int i = 0; i < y->planes; i++) {
        int32_t w, h;
        drn_yuv_plane(&w, &h, y, i);
        for (int32_t r = 0; r < h; r++, to += (size_t)w * bytes)
            memcpy(to, f->data[i] + (ptrdiff_t)r * f->linesize[i], (size_t)w * bytes);
    }
}

/* Through swscale, which only sorts the samples into planes: the range is the same on both sides.
 */
static drn_status sort_planes(uint8_t *to, av_source *s, const AVFrame *f, drn_error *err)
{
    uint8_t *data[4] = {0};
    int line[4] = {0}, full = s->base.film.f.full || s->base.film.f.matrix == DRN_MATRIX_RGB;
    const drn_yuv_format *y = &s->base.film.f;
    s->sws = sws_getCachedContext(
        s->sws, f->width, f->height, f->format, f->width, f->height, s->planar,
        SWS_BILINEAR | SWS_ACCURATE_RND | SWS_FULL_CHR_H_INP | SWS_FULL_CHR_H_INT, NULL, NULL,
        NULL);
    if (!s->sws)
        return drn_fail(err, DRN_ERR_UNSUPPORTED, "%s: pixel format %s is not supported",
                        s->base.film.name, av_get_pix_fmt_name(f->format));
    const int *table = sws_getCoefficients(SWS_CS_DEFAULT);
    (void)sws_setColorspaceDetails(s->sws, table, full, table, full, 0, 1 << 16, 1 << 16);
    for (int i = 0; i < y->planes; i++) {
        int32_t w, h;
        drn_yuv_plane(&w, &h, y, i);
        data[i] = to;
        line[i] = w * (y->depth > 8 ? 2 : 1);
        to += (size_t)line[i] * (size_t)h;
    }
    int rows =
        sws_scale(s->sws, (const uint8_t *const *)f->data, f->linesize, 0, f->height, data, line);
    return rows == f->height ? DRN_OK
                             : drn_fail(err, DRN_ERR_FORMAT, "%s: cannot convert frame %lld",
                                        s->base.film.name, (long long)s->index + 1);
}

static int64_t duration_of(const AVFrame *f)
{
#if LIBAVUTIL_VERSION_INT >= AV_VERSION_INT(57, 30, 100)
    return f->duration;
#else
    return f->pkt_duration;
#endif
}

/* Time stamps grow; where the film has none, or none that grow, they go on from the last. */
static void set_times(drn_frame *out, av_source *s, const AVFrame *f)
{
    int64_t pts = f->best_effort_timestamp, d = duration_of(f);
    AVRational rate = {s->base.film.rate_num, s->base.film.rate_den}, tick = s->stream->time_base;
    int64_t usual = rate.num > 0 ? av_rescale_q(1, av_inv_q(rate), tick) : 0;
    if (d <= 0)
        d = usual;
    if (pts == AV_NOPTS_VALUE)
        pts = s->index == 0 ? 0 : s->last + (usual > 0 ? usual : 1);
    if (s->index > 0 && pts <= s->last)
        pts = s->last + 1;
    out->pts = s->last = pts;
    out->duration = s->last_duration = d;
}

static drn_status give(drn_frame *out, av_source *s, const AVFrame *f, drn_error *err)
{
    const drn_film *film = &s->base.film;
    if (f->width != film->f.width || f->height != film->f.height || f->format != s->pixels)
        return drn_fail(err, DRN_ERR_UNSUPPORTED,
                        "%s: frames change from %dx%d %s to %dx%d %s at frame %lld", film->name,
                        film->f.width, film->f.height, av_get_pix_fmt_name(s->pixels), f->width,
                        f->height, av_get_pix_fmt_name(f->format), (long long)s->index + 1);
    if (s->planar == s->pixels)
        copy_planes(out->data, f, &film->f);
    else
        DRN_TRY(sort_planes(out->data, s, f, err));
    set_times(out, s, f);
    s->index++;
    return DRN_OK;
}

/* Whether the container promises much more than there was: a second and a tenth of the whole. */
static bool too_short(const av_source *s)
{
    const AVStream *t = s->stream;
    int64_t start = t->start_time == AV_NOPTS_VALUE ? 0 : t->start_time;
    double tick = av_q2d(t->time_base), whole = (double)t->duration * tick;
    if (t->duration <= 0 || s->format->duration_estimation_method == AVFMT_DURATION_FROM_BITRATE)
        return false;
    return (double)(start + t->duration - s->last - s->last_duration) * tick > 1 + 0.1 * whole;
}

/* A file may be cut off in a way the demuxer does not mind. */
static drn_status check_end(av_source *s, drn_error *err)
{
    if (s->lost)
        drn_listener_note(s->l, "%s: damaged in %lld places", s->base.film.name,
                          (long long)s->lost);
    if (s->lost || s->base.damaged_ok)
        return DRN_OK;
    if (drn_av_heard_cut() || too_short(s))
        return drn_fail(err, DRN_ERR_FORMAT,
                        "%s: cut off behind frame %lld; --damaged takes what there is",
                        s->base.film.name, (long long)s->index);
    return DRN_OK;
}

static drn_status next(drn_source *base, drn_frame *frame, bool *end, drn_error *err)
{
    av_source *s = (av_source *)base;
    *end = false;
    if (s->first) {
        drn_status st = give(frame, s, s->first, err);
        av_frame_free(&s->first);
        return st;
    }
    DRN_TRY(decode(s->frame, s, end, err));
    if (*end)
        return check_end(s, err);
    drn_status st = give(frame, s, s->frame, err);
    av_frame_unref(s->frame);
    return st;
}

/* ---- opening ---- */

static drn_status open_decoder(av_source *s, const char *path, drn_error *err)
{
    const AVCodec *codec = NULL;
    int index = av_find_best_stream(s->format, AVMEDIA_TYPE_VIDEO, -1, -1, &codec, 0);
    if (index == AVERROR_DECODER_NOT_FOUND)
        return drn_fail(err, DRN_ERR_UNSUPPORTED,
                        "%s: no decoder for its video in this build of FFmpeg", path);
    if (index < 0 || s->format->streams[index]->disposition & AV_DISPOSITION_ATTACHED_PIC)
        return drn_fail(err, DRN_ERR_FORMAT, "%s: no video in it", path);
    s->stream = s->format->streams[index];
    for (unsigned i = 0; i < s->format->nb_streams; i++)
        if (i != (unsigned)index)
            s->format->streams[i]->discard = AVDISCARD_ALL;
    s->codec = avcodec_alloc_context3(codec);
    s->packet = av_packet_alloc();
    s->frame = av_frame_alloc();
    s->first = av_frame_alloc();
    if (!s->codec || !s->packet || !s->frame || !s->first)
        return drn_fail(err, DRN_ERR_NOMEM, "%s: out of memory", path);
    int av = avcodec_parameters_to_context(s->codec, s->stream->codecpar);
    s->codec->pkt_timebase = s->stream->time_base;
    s->codec->thread_count = 0;
    if (av >= 0)
        av = avcodec_open2(s->codec, codec, NULL);
    return av < 0 ? drn_av_fail(err, DRN_ERR_UNSUPPORTED, av, path, "cannot decode its video")
                  : DRN_OK;
}

static bool is_interlaced(const AVFrame *f)
{
#if LIBAVUTIL_VERSION_INT >= AV_VERSION_INT(58, 7, 100)
    return f->flags & AV_FRAME_FLAG_INTERLACED;
#else
    return f->interlaced_frame;
#endif
}

static int64_t count_frames(const av_source *s)
{
    const AVStream *t = s->stream;
    if (t->nb_frames > 0)
        return t->nb_frames;
    double seconds = t->duration > 0           ? (double)t->duration * av_q2d(t->time_base)
                     : s->format->duration > 0 ? (double)s->format->duration / AV_TIME_BASE
                                               : 0;
    return (int64_t)(seconds * (t->avg_frame_rate.den ? av_q2d(t->avg_frame_rate) : 0) + 0.5);
}

static void describe_times(drn_film *film, av_source *s)
{
    AVRational rate = av_guess_frame_rate(s->format, s->stream, NULL),
               mean = s->stream->avg_frame_rate;
    AVRational aspect = av_guess_sample_aspect_ratio(s->format, s->stream, s->first);
    if (mean.num <= 0 || mean.den <= 0)
        mean = rate;
    film->rate_num = mean.num > 0 && mean.den > 0 ? mean.num : 0;
    film->rate_den = film->rate_num ? mean.den : 1;
    film->tick_num = s->stream->time_base.num;
    film->tick_den = s->stream->time_base.den;
    film->aspect_num = aspect.num > 0 && aspect.den > 0 ? aspect.num : 0;
    film->aspect_den = film->aspect_num ? aspect.den : 1;
    film->uneven = s->stream->r_frame_rate.num > 0 && mean.num > 0 &&
                   av_cmp_q(s->stream->r_frame_rate, mean) != 0 &&
                   av_q2d(s->stream->r_frame_rate) > 1.01 * av_q2d(mean);
    film->frames = count_frames(s);
}

static void describe_colours(drn_film *film, const AVFrame *f, drn_video_matrix wish)
{
    const AVPixFmtDescriptor *d = av_pix_fmt_desc_get(f->format);
    film->matrix = (int)f->colorspace;
    film->primaries = (int)f->color_primaries;
    film->transfer = (int)f->color_trc;
    film->f.site = (int)f->chroma_location;
    film->has_range = f->color_range != AVCOL_RANGE_UNSPECIFIED;
    film->f.full = f->color_range == AVCOL_RANGE_JPEG || strncmp(d->name, "yuvj", 4) == 0;
    if (film->f.matrix == DRN_MATRIX_RGB) {
        film->f.full = f->color_range != AVCOL_RANGE_MPEG;
        film->matrix = DRN_MATRIX_RGB;
    } else if (film->matrix == DRN_MATRIX_UNKNOWN || film->matrix == DRN_MATRIX_RGB) {
        film->matrix = DRN_MATRIX_UNKNOWN;
        film->f.matrix = drn_film_guess_matrix(f->height, wish);
    } else {
        film->f.matrix = film->matrix;
    }
}

static drn_status describe(av_source *s, const char *path, drn_error *err)
{
    drn_film *film = &s->base.film;
    const AVFrame *f = s->first;
    const AVPixFmtDescriptor *d = av_pix_fmt_desc_get(f->format);
    film->f =
        (drn_yuv_format){.width = f->width, .height = f->height, .matrix = DRN_MATRIX_UNKNOWN};
    s->pixels = s->planar = f->format;
    if (!drn_av_to_yuv(&film->f, s->pixels)) {
        s->planar = drn_av_nearest(s->pixels);
        if (s->planar == AV_PIX_FMT_NONE || !drn_av_to_yuv(&film->f, s->planar))
            return drn_fail(err, DRN_ERR_UNSUPPORTED, "%s: pixel format %s is not supported", path,
                            d ? d->name : "?");
        if (d->flags & AV_PIX_FMT_FLAG_ALPHA)
            drn_listener_note(s->l, "%s: transparency is left out", path);
    }
    describe_times(film, s);
    describe_colours(film, f, s->l->o->matrix);
    film->interlaced =
        is_interlaced(f) || (s->stream->codecpar->field_order != AV_FIELD_UNKNOWN &&
                             s->stream->codecpar->field_order != AV_FIELD_PROGRESSIVE);
    snprintf(film->codec, sizeof film->codec, "%s", avcodec_get_name(s->codec->codec_id));
    size_t bytes;
    return drn_yuv_size(&bytes, &film->f, err);
}

drn_status drn_ffmpeg_open(drn_source **out, const char *path, const drn_listener *l,
                           drn_error *err)
{
    av_source *s;
    drn_status st;
    bool end;
    DRN_TRY(drn_av_start(err));
    DRN_TRY(drn_calloc_to(&s, 1, sizeof *s, err));
    s->base = (drn_source){
        .film = {.name = path}, .next = next, .close = close_source, .damaged_ok = l->o->damaged};
    s->l = l;
    DRN_CHECK(drn_av_input(&s->format, path, err));
    DRN_CHECK(open_decoder(s, path, err));
    drn_av_forget(); /* what the probing has said */
    DRN_CHECK(decode(s->first, s, &end, err));
    if (end) {
        st = drn_fail(err, DRN_ERR_FORMAT, "%s: no frames in it", path);
        goto done;
    }
    DRN_CHECK(describe(s, path, err));
    *out = &s->base;
    return DRN_OK;
done:
    close_source(&s->base);
    return st;
}
