/* Segments, sound, subtitles and everything else into one film. */
#include "video/ffmpeg_join.h"

#include "base/mem.h"
#include "video/segment.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

typedef struct joiner {
    const drn_av_pieces *j;
    drn_av_output o;
    drn_av_order order;
    drn_segment_reader reader;
    char *segment;  /* the file it reads */
    uint8_t *extra; /* of the first segment */
    size_t extras;
    int64_t next, index; /* segment, frame */
    AVPacket *video, *other;
    bool video_end, other_end;
    int64_t *last; /* time stamp written last, for each stream */
} joiner;

static drn_status av_trouble(const joiner *w, int av, drn_error *err)
{
    return drn_av_fail(err, DRN_ERR_IO, av, w->j->job->out, "cannot write");
}

/* Segment number i; *path is the caller's, also when it fails. */
static drn_status open_file(FILE **f, char **path, const joiner *w, int64_t i, drn_error *err)
{
    *path = drn_av_part(w->j->job->parts, i, "seg");
    *f = *path ? fopen(*path, "rbe") : NULL;
    if (!*path)
        return drn_fail(err, DRN_ERR_NOMEM, "%s: out of memory", w->j->job->out);
    return *f ? DRN_OK : drn_fail(err, DRN_ERR_IO, "%s: %s", *path, strerror(errno));
}

/* ---- the next packet of either kind ---- */

static drn_status open_segment(joiner *w, drn_error *err)
{
    uint8_t *extra = NULL;
    size_t extras = 0;
    FILE *f;
    drn_free(w->segment);
    DRN_TRY(open_file(&f, &w->segment, w, w->next, err));
    DRN_TRY(drn_segment_open(&w->reader, f, w->segment, &extra, &extras, err));
    w->next++;
    if (!w->extra) {
        w->extra = extra;
        w->extras = extras;
        return DRN_OK;
    }
    bool same = extras == w->extras && memcmp(extra, w->extra, extras) == 0;
    drn_free(extra);
    return same ? DRN_OK
                : drn_fail(err, DRN_ERR_INVALID,
                           "%s: encoded in another way than those before; --restart begins anew",
                           w->segment);
}

static drn_status fill_video(joiner *w, const drn_packet *p, drn_error *err)
{
    AVPacket *v = w->video;
    const drn_film *film = w->j->job->film;
    if (av_new_packet(v, (int)p->size) < 0)
        return drn_fail(err, DRN_ERR_NOMEM, "%s: out of memory", w->j->job->out);
    memcpy(v->data, p->data, p->size);
    v->pts = p->pts;
    v->dts = drn_av_order_dts(&w->order, w->index++);
    v->duration = p->duration;
    v->flags = p->key ? AV_PKT_FLAG_KEY : 0;
    v->stream_index = w->o.video;
    AVRational tick = {film->tick_num, film->tick_den};
    int64_t shift = av_rescale_q(w->o.shift, AV_TIME_BASE_Q, tick);
    v->pts += shift;
    v->dts += shift;
    av_packet_rescale_ts(v, tick, w->o.format->streams[w->o.video]->time_base);
    return DRN_OK;
}

static drn_status next_video(joiner *w, drn_error *err)
{
    drn_packet p;
    bool end = true;
    for (;;) {
        if (w->reader.f) {
            DRN_TRY(drn_segment_next(&p, &w->reader, &end, err));
            if (!end)
                return fill_video(w, &p, err);
            drn_segment_close(&w->reader);
        }
        if (w->next == w->j->segments) {
            w->video_end = true;
            return DRN_OK;
        }
        DRN_TRY(open_segment(w, err));
    }
}

/* Formats want times that grow; films need not have them. */
static void mend_times(joiner *w, AVPacket *p)
{
    int64_t *last = &w->last[p->stream_index];
    if (p->dts == AV_NOPTS_VALUE)
        p->dts = p->pts != AV_NOPTS_VALUE ? p->pts : *last == AV_NOPTS_VALUE ? 0 : *last + 1;
    if (*last != AV_NOPTS_VALUE && p->dts < *last)
        p->dts = *last;
    if (p->pts != AV_NOPTS_VALUE && p->pts < p->dts)
        p->pts = p->dts;
    *last = p->dts;
}

static drn_status next_other(joiner *w, drn_error *err)
{
    AVPacket *p = w->other;
    while (w->o.source) {
        int av = av_read_frame(w->o.source, p);
        if (av == AVERROR_EOF || (av < 0 && w->j->job->o->damaged))
            break;
        if (av < 0)
            return drn_av_fail(err, DRN_ERR_FORMAT, av, w->j->job->in, "damaged");
        int to = w->o.map[p->stream_index];
        if (to < 0 || to == w->o.video) {
            av_packet_unref(p);
            continue;
        }
        AVRational tick = w->o.source->streams[p->stream_index]->time_base;
        int64_t shift = av_rescale_q(w->o.shift, AV_TIME_BASE_Q, tick);
        p->pts += p->pts == AV_NOPTS_VALUE ? 0 : shift;
        p->dts += p->dts == AV_NOPTS_VALUE ? 0 : shift;
        p->stream_index = to;
        p->pos = -1;
        av_packet_rescale_ts(p, tick, w->o.format->streams[to]->time_base);
        mend_times(w, p);
        return DRN_OK;
    }
    w->other_end = true;
    return DRN_OK;
}

/* ---- all of them ---- */

static bool video_first(const joiner *w)
{
    if (w->video_end || w->other_end)
        return w->other_end;
    AVStream **s = w->o.format->streams;
    return av_compare_ts(w->video->dts, s[w->o.video]->time_base, w->other->dts,
                         s[w->other->stream_index]->time_base) <= 0;
}

static drn_status write_packets(joiner *w, drn_listener *l, drn_error *err)
{
    DRN_TRY(next_video(w, err));
    DRN_TRY(next_other(w, err));
    for (int64_t n = 0; !w->video_end || !w->other_end; n++) {
        bool video = video_first(w);
        int av = av_interleaved_write_frame(w->o.format, video ? w->video : w->other);
        if (av >= 0 && w->o.format->pb->error < 0)
            av = w->o.format->pb->error;
        if (av < 0)
            return av_trouble(w, av, err);
        DRN_TRY(video ? next_video(w, err) : next_other(w, err));
        if (n % 64 == 0)
            DRN_TRY(drn_listener_tell(l, err));
    }
    int av = av_write_trailer(w->o.format);
    if (av >= 0 && w->o.format->pb->error < 0)
        av = w->o.format->pb->error;
    return av < 0 ? av_trouble(w, av, err) : DRN_OK;
}

/* Time stamps of all frames, in the order of coding. */
static drn_status read_order(joiner *w, drn_error *err)
{
    w->order.step = 1;
    for (int64_t i = 0; i < w->j->segments; i++) {
        drn_segment_reader r;
        drn_packet p;
        bool end = false;
        char *path;
        FILE *f;
        drn_status st = open_file(&f, &path, w, i, err);
        if (st == DRN_OK)
            st = drn_segment_open(&r, f, path, NULL, NULL, err);
        if (st == DRN_OK) {
            r.skip = true;
            while ((st = drn_segment_next(&p, &r, &end, err)) == DRN_OK && !end)
                if ((st = drn_av_order_add(&w->order, p.pts, err)) != DRN_OK)
                    break;
            drn_segment_close(&r);
        }
        drn_free(path);
        DRN_TRY(st);
    }
    return drn_av_order_make(&w->order, err);
}

static drn_status sync_file(const char *path, drn_error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    bool ok = fd >= 0 && fsync(fd) == 0;
    int e = errno;
    if (fd >= 0)
        close(fd);
    return ok ? DRN_OK : drn_fail(err, DRN_ERR_IO, "%s: cannot write: %s", path, strerror(e));
}

static drn_status join_to(joiner *w, const char *path, drn_listener *l, drn_error *err)
{
    char *url = drn_av_url(path);
    AVIOContext *io = NULL;
    int av = url ? avio_open(&io, url, AVIO_FLAG_WRITE) : AVERROR(ENOMEM);
    av_free(url);
    if (av < 0)
        return av_trouble(w, av, err);
    drn_status st = drn_av_output_open(&w->o, w->j, io, w->order.depth, err);
    if (st == DRN_OK) {
        size_t n = w->o.format->nb_streams;
        st = drn_alloc_to(&w->last, n, sizeof *w->last, err);
        for (size_t i = 0; st == DRN_OK && i < n; i++)
            w->last[i] = AV_NOPTS_VALUE;
    }
    if (st == DRN_OK)
        st = write_packets(w, l, err);
    drn_av_output_close(&w->o);
    av = avio_closep(&io);
    if (st == DRN_OK && av < 0)
        st = av_trouble(w, av, err);
    return st == DRN_OK ? sync_file(path, err) : st;
}

drn_status drn_av_join(const drn_av_pieces *j, drn_listener *l, drn_error *err)
{
    joiner w = {.j = j, .video = av_packet_alloc(), .other = av_packet_alloc()};
    char *path = drn_parts_path(j->job->parts, "joined");
    drn_status st = DRN_OK;
    if (!w.video || !w.other || !path)
        st = drn_fail(err, DRN_ERR_NOMEM, "%s: out of memory", j->job->out);
    drn_av_forget();
    if (st == DRN_OK)
        st = read_order(&w, err);
    if (st == DRN_OK)
        st = join_to(&w, path, l, err);
    if (st == DRN_OK && rename(path, j->job->out) != 0)
        st = drn_fail(err, DRN_ERR_IO, "%s: cannot write: %s", j->job->out, strerror(errno));
    if (st != DRN_OK && path)
        (void)unlink(path);
    drn_segment_close(&w.reader);
    drn_av_order_clear(&w.order);
    drn_free(w.extra);
    drn_free(w.segment);
    drn_free(w.last);
    drn_free(path);
    av_packet_free(&w.video);
    av_packet_free(&w.other);
    return st;
}
