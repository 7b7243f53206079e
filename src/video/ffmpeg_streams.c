/* The output's streams: the enlarged one, and what is copied. */
#include "video/ffmpeg_join.h"

#include "base/mem.h"

#include <string.h>

static drn_status no_memory(const drn_av_pieces *j, drn_error *err)
{
    return drn_fail(err, DRN_ERR_NOMEM, "%s: out of memory", j->job->out);
}

/* ---- what is copied with a stream ---- */

static bool kept_of_video(enum AVPacketSideDataType type)
{
    return type == AV_PKT_DATA_DISPLAYMATRIX || type == AV_PKT_DATA_STEREO3D ||
           type == AV_PKT_DATA_SPHERICAL || type == AV_PKT_DATA_MASTERING_DISPLAY_METADATA ||
           type == AV_PKT_DATA_CONTENT_LIGHT_LEVEL;
}

/* Rotation and the like. */
static bool copy_side_data(AVStream *to, const AVStream *from, bool video)
{
#if DRN_SIDE_DATA_IN_PARAMETERS
    const AVPacketSideData *list = from->codecpar->coded_side_data;
    int n = from->codecpar->nb_coded_side_data;
#else
    const AVPacketSideData *list = from->side_data;
    int n = from->nb_side_data;
#endif
    for (int i = 0; i < n; i++) {
        if (video && !kept_of_video(list[i].type))
            continue;
#if DRN_SIDE_DATA_IN_PARAMETERS
        if (!video)
            continue; /* has come with the parameters */
        AVPacketSideData *d = av_packet_side_data_new(&to->codecpar->coded_side_data,
                                                      &to->codecpar->nb_coded_side_data,
                                                      list[i].type, list[i].size, 0);
        uint8_t *data = d ? d->data : NULL;
#else
        uint8_t *data = av_stream_new_side_data(to, list[i].type, list[i].size);
#endif
        if (!data)
            return false;
        memcpy(data, list[i].data, list[i].size);
    }
    return true;
}

/* Without what was true of the old file only. */
static int copy_metadata(AVDictionary **to, const AVDictionary *from)
{
    static const char *const stale[] = {"major_brand", "minor_version", "compatible_brands",
                                        "encoder",     "BPS",           "NUMBER_OF_",
                                        "_STATISTICS", "DURATION"};
    const AVDictionaryEntry *e = NULL;
    while ((e = av_dict_get(from, "", e, AV_DICT_IGNORE_SUFFIX))) {
        bool old = false;
        for (size_t i = 0; i < sizeof stale / sizeof *stale; i++)
            old |= strncmp(e->key, stale[i], strlen(stale[i])) == 0;
        int av = old ? 0 : av_dict_set(to, e->key, e->value, 0);
        if (av < 0)
            return av;
    }
    return 0;
}

static drn_status copy_chapters(drn_av_output *o, const drn_av_pieces *j, drn_error *err)
{
    for (unsigned i = 0; i < o->source->nb_chapters; i++) {
        const AVChapter *from = o->source->chapters[i];
        AVChapter *to = av_mallocz(sizeof *to);
        int n = (int)o->format->nb_chapters;
        if (!to)
            return no_memory(j, err);
        int64_t shift = av_rescale_q(o->shift, AV_TIME_BASE_Q, from->time_base);
        to->id = from->id;
        to->time_base = from->time_base;
        to->start = from->start + shift;
        to->end = from->end + shift;
        if (copy_metadata(&to->metadata, from->metadata) < 0 ||
            av_dynarray_add_nofree(&o->format->chapters, &n, to) < 0) {
            av_dict_free(&to->metadata);
            av_free(to);
            return no_memory(j, err);
        }
        o->format->nb_chapters = (unsigned)n;
    }
    return DRN_OK;
}

/* ---- the streams ---- */

static drn_status add_video(drn_av_output *o, const drn_av_pieces *j, const AVStream *from,
                            int64_t depth, drn_error *err)
{
    const drn_film *film = j->job->film;
    AVStream *to = avformat_new_stream(o->format, NULL);
    if (!to || avcodec_parameters_copy(to->codecpar, j->video) < 0)
        return no_memory(j, err);
    to->time_base = (AVRational){film->tick_num, film->tick_den};
    to->codecpar->video_delay = (int)depth;
    to->codecpar->field_order = AV_FIELD_PROGRESSIVE;
    to->sample_aspect_ratio = to->codecpar->sample_aspect_ratio;
    if (film->rate_num > 0)
        to->avg_frame_rate = (AVRational){film->rate_num, film->rate_den};
    const char *name = o->format->oformat->name;
    if (to->codecpar->codec_id == AV_CODEC_ID_HEVC && (strstr(name, "mp4") || strstr(name, "mov")))
        to->codecpar->codec_tag = MKTAG('h', 'v', 'c', '1'); /* what Apple's players want */
    o->video = to->index;
    if (!from)
        return DRN_OK;
    to->disposition = from->disposition;
    to->r_frame_rate = from->r_frame_rate;
    if (copy_metadata(&to->metadata, from->metadata) < 0 || !copy_side_data(to, from, true))
        return no_memory(j, err);
    return DRN_OK;
}

static drn_status add_copy(drn_av_output *o, const drn_av_pieces *j, const AVStream *from,
                           drn_error *err)
{
    AVStream *to = avformat_new_stream(o->format, NULL);
    if (!to || avcodec_parameters_copy(to->codecpar, from->codecpar) < 0)
        return no_memory(j, err);
    to->codecpar->codec_tag = 0; /* the format knows its own */
    to->time_base = from->time_base;
    to->disposition = from->disposition;
    to->avg_frame_rate = from->avg_frame_rate;
    o->map[from->index] = to->index;
    if (copy_metadata(&to->metadata, from->metadata) < 0 || !copy_side_data(to, from, false))
        return no_memory(j, err);
    return DRN_OK;
}

/* Matroska would make a second film of a cover picture. */
static bool is_mp4(const AVOutputFormat *f)
{
    return strstr(f->name, "mp4") || strstr(f->name, "mov") || strstr(f->name, "ipod");
}

static bool is_matroska(const AVOutputFormat *f)
{
    return strcmp(f->name, "matroska") == 0;
}

/* Whether the output can and should have it; what is lost for a reason of the format's is
 * DRN_ERR_UNSUPPORTED unless the caller allows it. */
static drn_status wanted(bool *yes, const drn_av_output *o, const drn_av_pieces *j,
                         const AVStream *s, bool tell, drn_error *err)
{
    enum AVMediaType type = s->codecpar->codec_type;
    const AVOutputFormat *f = o->format->oformat;
    bool picture = type == AVMEDIA_TYPE_VIDEO && s->disposition & AV_DISPOSITION_ATTACHED_PIC;
    bool fits = avformat_query_codec(f, s->codecpar->codec_id, FF_COMPLIANCE_NORMAL) != 0;
    const char *what = av_get_media_type_string(type),
               *codec = avcodec_get_name(s->codecpar->codec_id);
    *yes = type == AVMEDIA_TYPE_AUDIO || type == AVMEDIA_TYPE_SUBTITLE ? fits
           : type == AVMEDIA_TYPE_ATTACHMENT                           ? is_matroska(f)
                                             : picture && fits && is_mp4(f);
    bool matters = type == AVMEDIA_TYPE_AUDIO || type == AVMEDIA_TYPE_SUBTITLE;
    if (*yes)
        return DRN_OK;
    if (matters && !j->job->o->drop)
        return drn_fail(err, DRN_ERR_UNSUPPORTED,
                        "%s: such files hold no %s (%s, stream %d); .mkv holds nearly all, or "
                        "leave it out with --drop",
                        j->job->out, codec, what, s->index);
    if (tell)
        drn_listener_note(j->job->l, "%s: stream %d (%s, %s) is left out", j->job->in, s->index,
                          what ? what : "unknown", codec);
    return DRN_OK;
}

static drn_status add_streams(drn_av_output *o, const drn_av_pieces *j, int64_t depth, bool tell,
                              drn_error *err)
{
    if (!o->source)
        return add_video(o, j, NULL, depth, err);
    int n = (int)o->source->nb_streams,
        video = av_find_best_stream(o->source, AVMEDIA_TYPE_VIDEO, -1, -1, NULL, 0);
    DRN_TRY(drn_alloc_to(&o->map, (size_t)n, sizeof *o->map, err));
    for (int i = 0; i < n; i++) {
        const AVStream *s = o->source->streams[i];
        bool yes = true;
        o->map[i] = -1;
        if (i == video) {
            DRN_TRY(add_video(o, j, s, depth, err));
            o->map[i] = o->video;
            continue;
        }
        DRN_TRY(wanted(&yes, o, j, s, tell, err));
        if (yes)
            DRN_TRY(add_copy(o, j, s, err));
        else
            o->source->streams[i]->discard = AVDISCARD_ALL;
    }
    return DRN_OK;
}

static drn_status open_all(drn_av_output *o, const drn_av_pieces *j, AVIOContext *io, int64_t depth,
                           bool tell, drn_error *err)
{
    const drn_ffmpeg_job *job = j->job;
    if (avformat_alloc_output_context2(&o->format, av_guess_format(NULL, job->out, NULL), NULL,
                                       NULL) < 0)
        return no_memory(j, err);
    o->format->pb = io;
    o->format->flags |= AVFMT_FLAG_BITEXACT; /* the same film every time */
    o->format->strict_std_compliance =
        FF_COMPLIANCE_EXPERIMENTAL; /* FLAC in MP4 is no experiment any more */
    if (job->in)
        DRN_TRY(drn_av_input(&o->source, job->in, err));
    /* broadcasts begin at any time; they are moved to zero, others stay as they are */
    if (o->source && o->source->iformat->flags & AVFMT_TS_DISCONT &&
        o->source->start_time != AV_NOPTS_VALUE)
        o->shift = -o->source->start_time;
    DRN_TRY(add_streams(o, j, depth, tell, err));
    if (o->source) {
        if (copy_metadata(&o->format->metadata, o->source->metadata) < 0)
            return no_memory(j, err);
        DRN_TRY(copy_chapters(o, j, err));
    }
    int av = avformat_write_header(o->format, NULL);
    return av < 0 ? drn_av_fail(err, DRN_ERR_UNSUPPORTED, av, job->out, "cannot hold these streams")
                  : DRN_OK;
}

void drn_av_output_close(drn_av_output *o)
{
    avformat_free_context(o->format);
    avformat_close_input(&o->source);
    drn_free(o->map);
    *o = (drn_av_output){0};
}

drn_status drn_av_output_open(drn_av_output *o, const drn_av_pieces *j, AVIOContext *io,
                              int64_t depth, drn_error *err)
{
    *o = (drn_av_output){0};
    drn_status st = open_all(o, j, io, depth, false, err);
    if (st != DRN_OK)
        drn_av_output_close(o);
    return st;
}

drn_status drn_av_join_try(const drn_av_pieces *j, drn_error *err)
{
    drn_av_output o = {0};
    AVIOContext *io = NULL;
    uint8_t *bytes = NULL;
    if (avio_open_dyn_buf(&io) < 0)
        return no_memory(j, err);
    drn_status st = open_all(&o, j, io, 2, true, err);
    drn_av_output_close(&o);
    avio_close_dyn_buf(io, &bytes);
    av_free(bytes);
    return st;
}
