/* Finished frames into segments of encoded ones. */
#include "video/ffmpeg_lib.h"

#include "base/fileio.h"
#include "base/mem.h"
#include "video/journal.h"
#include "video/segment.h"

#include <string.h>
#include <unistd.h>

typedef struct av_sink {
    drn_sink base;
    drn_ffmpeg_job job;
    AVCodecContext *encoder; /* of the segment begun; the first is opened ahead */
    AVCodecParameters *video;
    AVFrame *frame;
    AVPacket *packet;
    drn_segment_writer writer;
    drn_journal journal;
    int64_t segment;     /* the one begun, or next */
    int frames;          /* in it */
    bool open, ended;    /* its files are open; the last segment of the film is done */
    int64_t (*times)[2]; /* pts and duration of its frames */
    size_t bytes;
} av_sink;

char *drn_av_part(const drn_parts *p, int64_t index, const char *suffix)
{
    char name[40];
    snprintf(name, sizeof name, "%06lld.%s", (long long)index, suffix);
    return drn_parts_path(p, name);
}

static drn_status no_memory(const av_sink *s, drn_error *err)
{
    return drn_fail(err, DRN_ERR_NOMEM, "%s: out of memory", s->job.out);
}

static void close_sink(drn_sink *base)
{
    av_sink *s = (av_sink *)base;
    if (s->open)
        drn_segment_abort(&s->writer);
    drn_journal_close(&s->journal);
    drn_av_encoder_close(&s->encoder, s->frames > 0);
    avcodec_parameters_free(&s->video);
    av_frame_free(&s->frame);
    av_packet_free(&s->packet);
    drn_free(s->times);
    drn_free(s);
}

/* ---- a segment ---- */

/* Files of the segment; frames the journal has are left in it, to be read. */
static drn_status begin(av_sink *s, drn_error *err)
{
    char *seg = drn_av_part(s->job.parts, s->segment, "seg"),
         *frames = drn_av_part(s->job.parts, s->segment, "frames");
    drn_status st = DRN_OK;
    if (!seg || !frames)
        st = no_memory(s, err);
    if (st == DRN_OK && !s->encoder)
        st = drn_av_encoder(&s->encoder, &s->job, err);
    if (st == DRN_OK)
        st = drn_journal_open(&s->journal, frames, s->bytes, err);
    if (st == DRN_OK) {
        st = drn_segment_create(&s->writer, seg, s->encoder->extradata,
                                (size_t)s->encoder->extradata_size, err);
        s->open = st == DRN_OK;
    }
    s->frames = 0;
    drn_free(seg);
    drn_free(frames);
    return st;
}

static int64_t duration_at(const av_sink *s, int64_t pts)
{
    int64_t best = 0;
    for (int i = 0; i < s->frames; i++)
        if (s->times[i][0] == pts)
            best = s->times[i][1];
    return best;
}

/* Packets the encoder has ready. */
static drn_status drain(av_sink *s, drn_error *err)
{
    int av;
    while ((av = avcodec_receive_packet(s->encoder, s->packet)) >= 0) {
        drn_packet p = {.pts = s->packet->pts,
                        .duration = duration_at(s, s->packet->pts),
                        .key = s->packet->flags & AV_PKT_FLAG_KEY,
                        .size = (uint32_t)s->packet->size,
                        .data = s->packet->data};
        drn_segment_put(&s->writer, &p);
        av_packet_unref(s->packet);
    }
    return av == AVERROR(EAGAIN) || av == AVERROR_EOF
               ? DRN_OK
               : drn_av_fail(err, DRN_ERR_INTERNAL, av, s->job.out, "encoding failed");
}

/* Planes to where the encoder wants them. */
static void load(AVFrame *to, const uint8_t *from, const drn_yuv_format *y)
{
    size_t bytes = y->depth > 8 ? 2 : 1;
    for (int i = 0; i < y->planes; i++) {
        int32_t w, h;
        drn_yuv_plane(&w, &h, y, i);
        for (int32_t r = 0; r < h; r++, from += (size_t)w * bytes)
            memcpy(to->data[i] + (ptrdiff_t)r * to->linesize[i], from, (size_t)w * bytes);
    }
}

static drn_status encode(av_sink *s, const drn_frame *frame, drn_error *err)
{
    AVFrame *f = s->frame;
    const AVCodecContext *e = s->encoder;
    av_frame_unref(f);
    f->format = e->pix_fmt;
    f->width = e->width;
    f->height = e->height;
    f->colorspace = e->colorspace;
    f->color_primaries = e->color_primaries;
    f->color_trc = e->color_trc;
    f->color_range = e->color_range;
    f->chroma_location = e->chroma_sample_location;
    f->sample_aspect_ratio = e->sample_aspect_ratio;
    f->pts = frame->pts;
    if (av_frame_get_buffer(f, 0) < 0)
        return no_memory(s, err);
    load(f, frame->data, &s->job.film->f);
    s->times[s->frames][0] = frame->pts;
    s->times[s->frames][1] = frame->duration;
    s->frames++;
    int av = avcodec_send_frame(s->encoder, f);
    return av < 0 ? drn_av_fail(err, DRN_ERR_INTERNAL, av, s->job.out, "encoding failed")
                  : drain(s, err);
}

/* The rest of the segment's packets; its journal is of no use then. */
static drn_status end(av_sink *s, drn_error *err)
{
    int av = avcodec_send_frame(s->encoder, NULL);
    if (av < 0)
        return drn_av_fail(err, DRN_ERR_INTERNAL, av, s->job.out, "encoding failed");
    DRN_TRY(drain(s, err));
    if (s->writer.packets != s->frames)
        return drn_fail(err, DRN_ERR_INTERNAL, "%s: the encoder made %lld packets of %d frames",
                        s->job.out, (long long)s->writer.packets, s->frames);
    s->open = false;
    DRN_TRY(drn_segment_commit(&s->writer, err));
    drn_journal_remove(&s->journal);
    drn_av_encoder_close(&s->encoder, true);
    s->frames = 0;
    s->segment++;
    return DRN_OK;
}

static drn_status write_frame(drn_sink *base, const drn_frame *frame, drn_error *err)
{
    av_sink *s = (av_sink *)base;
    if (s->ended)
        return drn_fail(err, DRN_ERR_INVALID,
                        "%s has all frames of an input that was shorter; --restart begins anew",
                        s->job.parts->dir);
    if (!s->open)
        DRN_TRY(begin(s, err));
    DRN_TRY(drn_journal_add(&s->journal, frame, err));
    base->done++;
    DRN_TRY(encode(s, frame, err));
    return s->frames == s->job.part ? end(s, err) : DRN_OK;
}

static drn_status finish(drn_sink *base, drn_listener *l, drn_error *err)
{
    av_sink *s = (av_sink *)base;
    if (s->open)
        DRN_TRY(end(s, err));
    drn_av_pieces j = {.job = &s->job, .video = s->video, .segments = s->segment};
    return drn_av_join(&j, l, err);
}

/* ---- what an earlier run has left ---- */

/* Whole segments, as long as the frames in them are known. */
static drn_status count_segments(av_sink *s, drn_error *err)
{
    for (;;) {
        int64_t packets;
        char *path = drn_av_part(s->job.parts, s->segment, "seg");
        if (!path)
            return no_memory(s, err);
        bool whole = drn_segment_check(&packets, path) && packets <= s->job.part && packets > 0 &&
                     s->base.done + packets <= s->job.parts->known;
        if (!whole || s->ended)
            (void)unlink(path);
        drn_free(path);
        if (!whole || s->ended)
            return DRN_OK;
        s->base.done += packets;
        s->ended = packets < s->job.part;
        s->segment++;
    }
}

/* Frames of the segment that was begun; the encoder has to see them again, the network not. */
static drn_status replay(av_sink *s, drn_error *err)
{
    drn_frame frame = {0};
    bool last = false;
    drn_status st = DRN_OK;
    char *path = drn_av_part(s->job.parts, s->segment, "frames");
    bool there = path && drn_path_exists(path);
    drn_free(path);
    if (!there || s->ended)
        return DRN_OK;
    DRN_TRY(begin(s, err));
    DRN_TRY(drn_alloc_to(&frame.data, s->bytes, 1, err));
    while (s->base.done < s->job.parts->known && s->frames < s->job.part) {
        DRN_CHECK(drn_journal_next(&frame, &s->journal, &last, err));
        if (last)
            break;
        s->base.done++;
        DRN_CHECK(encode(s, &frame, err));
    }
    DRN_CHECK(drn_journal_cut(&s->journal, err));
    if (s->frames == s->job.part)
        DRN_CHECK(end(s, err));
done:
    drn_free(frame.data);
    return st;
}

drn_status drn_ffmpeg_sink(drn_sink **out, const drn_ffmpeg_job *job, drn_error *err)
{
    av_sink *s;
    drn_status st;
    DRN_TRY(drn_calloc_to(&s, 1, sizeof *s, err));
    s->base = (drn_sink){.write = write_frame, .finish = finish, .close = close_sink};
    s->job = *job;
    s->frame = av_frame_alloc();
    s->packet = av_packet_alloc();
    s->video = avcodec_parameters_alloc();
    if (!s->frame || !s->packet || !s->video) {
        st = no_memory(s, err);
        goto done;
    }
    DRN_CHECK(drn_yuv_size(&s->bytes, &job->film->f, err));
    DRN_CHECK(drn_alloc_to(&s->times, (size_t)job->part, sizeof *s->times, err));
    DRN_CHECK(drn_av_encoder(&s->encoder, &s->job, err));
    if (avcodec_parameters_from_context(s->video, s->encoder) < 0) {
        st = no_memory(s, err);
        goto done;
    }
    drn_av_pieces j = {.job = &s->job, .video = s->video};
    DRN_CHECK(drn_av_join_try(&j, err));
    DRN_CHECK(count_segments(s, err));
    DRN_CHECK(replay(s, err));
    *out = &s->base;
    return DRN_OK;
done:
    close_sink(&s->base);
    return st;
}
