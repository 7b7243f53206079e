/* Encoders: which there are, which frames they take, how they are set. */
#include "video/ffmpeg_lib.h"

#include "base/mem.h"

#include <math.h>
#include <string.h>
#include <strings.h>

/* A codec by the name one types; the encoders that make it, best first. */
typedef struct known_codec {
    const char *name, *encoders[3];
    enum AVCodecID id;
    const char *preset_key[3], *preset[3]; /* of each encoder */
    double crf, crf_max;                   /* default, largest; crf_max 0: lossless, has none */
} known_codec;

static const known_codec table[] = {
    {"x264", {"libx264"}, AV_CODEC_ID_H264, {"preset"}, {"medium"}, 17, 51},
    {"x265", {"libx265"}, AV_CODEC_ID_HEVC, {"preset"}, {"medium"}, 19, 51},
    {"av1",
     {"libsvtav1", "libaom-av1"},
     AV_CODEC_ID_AV1,
     {"preset", "cpu-used"},
     {"8", "6"},
     24,
     63},
    {"vp9", {"libvpx-vp9"}, AV_CODEC_ID_VP9, {"cpu-used"}, {"2"}, 24, 63},
    {"ffv1", {"ffv1"}, AV_CODEC_ID_FFV1, {NULL}, {NULL}, 0, 0},
};
enum { CODECS = sizeof table / sizeof *table };

static const AVCodec *encoder_of(const known_codec *k, int *which)
{
    for (int i = 0; i < 3 && k->encoders[i]; i++) {
        const AVCodec *c = avcodec_find_encoder_by_name(k->encoders[i]);
        if (which)
            *which = i;
        if (c)
            return c;
    }
    return NULL;
}

bool drn_video_has_ffmpeg(void)
{
    return drn_av_start(NULL) == DRN_OK;
}

const char *drn_video_codec(size_t i)
{
    if (drn_av_load(NULL) != DRN_OK)
        return NULL;
    for (int k = 0; k < CODECS; k++)
        if (encoder_of(&table[k], NULL) && i-- == 0)
            return table[k].name;
    return NULL;
}

static const char *const presets[] = {"ultrafast", "superfast", "veryfast", "faster",   "fast",
                                      "medium",    "slow",      "slower",   "veryslow", "placebo"};

/* libx264 and libx265 complain on the standard error themselves when asked for another. */
static bool is_preset(const char *name)
{
    for (size_t i = 0; i < sizeof presets / sizeof *presets; i++)
        if (strcmp(name, presets[i]) == 0)
            return true;
    return false;
}

static void list_codecs(char *text, size_t size)
{
    const char *name;
    text[0] = 0;
    for (size_t i = 0; (name = drn_video_codec(i)); i++)
        snprintf(text + strlen(text), size - strlen(text), "%s%s", i ? ", " : "", name);
}

static drn_status find_codec(drn_ffmpeg_choice *c, const char *name, drn_error *err)
{
    char all[128];
    list_codecs(all, sizeof all);
    for (int k = 0; k < CODECS; k++)
        if (strcasecmp(table[k].name, name) == 0) {
            c->known = &table[k];
            c->codec = encoder_of(&table[k], NULL);
            if (c->codec)
                return DRN_OK;
            return drn_fail(err, DRN_ERR_UNSUPPORTED,
                            "no encoder for %s in this build of FFmpeg; there is: %s", name, all);
        }
    return drn_fail(err, DRN_ERR_UNSUPPORTED, "no codec is called '%s'; there is: %s", name, all);
}

static bool fits(const known_codec *k, const AVOutputFormat *format)
{
    return avformat_query_codec(format, k->id, FF_COMPLIANCE_NORMAL) != 0;
}

/* x264 plays everywhere at 8 bits, x265 where there are more; WebM holds neither. */
static drn_status default_codec(drn_ffmpeg_choice *c, const AVOutputFormat *format, int depth,
                                const char *out, drn_error *err)
{
    static const char *const order[2][CODECS] = {{"x264", "x265", "av1", "vp9", "ffv1"},
                                                 {"x265", "av1", "x264", "vp9", "ffv1"}};
    for (int i = 0; i < CODECS; i++)
        if (find_codec(c, order[depth > 8][i], NULL) == DRN_OK && fits(c->known, format))
            return DRN_OK;
    return drn_fail(err, DRN_ERR_UNSUPPORTED,
                    "%s: no encoder here makes what such files hold; .mkv and .mp4 hold most", out);
}

/* How much a frame loses (or gains for nothing) in the encoder's format. */
static int cost(const drn_yuv_format *want, const drn_yuv_format *have)
{
    bool rgb = want->planes == 3 && want->matrix == DRN_MATRIX_RGB,
         rgb_too = have->matrix == DRN_MATRIX_RGB;
    int sx = have->sx - want->sx, sy = have->sy - want->sy, deeper = have->depth - want->depth,
        sum = 0;
    if (want->planes == 3 && have->planes == 1)
        return 100000;
    if (want->planes == 1 && have->planes == 3)
        return 5 + have->depth - want->depth + (deeper < 0 ? 1000 : 0) + (rgb_too ? 50 : 0) +
               2 * (2 - have->sx - have->sy);
    sum += sx > 0 ? 200 * sx : -4 * sx;
    sum += sy > 0 ? 200 * sy : -4 * sy;
    sum += deeper < 0 ? -100 * deeper : deeper;
    return sum + (rgb && !rgb_too ? 3 : !rgb && rgb_too ? 5000 : 0);
}

static enum AVPixelFormat best_format(drn_yuv_format *f, const AVCodec *codec)
{
    enum AVPixelFormat best = AV_PIX_FMT_NONE;
    drn_yuv_format want = *f;
    int least = INT32_MAX;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
    const enum AVPixelFormat *p = codec->pix_fmts;
#pragma GCC diagnostic pop
    for (; p && *p != AV_PIX_FMT_NONE; p++) {
        drn_yuv_format have = {.matrix = DRN_MATRIX_UNKNOWN};
        if (strncmp(av_get_pix_fmt_name(*p), "yuvj", 4) == 0 || !drn_av_to_yuv(&have, *p) ||
            cost(&want, &have) >= least)
            continue;
        least = cost(&want, &have);
        best = *p;
        f->depth = have.depth;
        f->planes = have.planes;
        f->sx = have.sx;
        f->sy = have.sy;
        bool rgb = have.planes == 3 && have.matrix == DRN_MATRIX_RGB;
        f->matrix = rgb                                                 ? DRN_MATRIX_RGB
                    : want.planes == 3 && want.matrix == DRN_MATRIX_RGB ? DRN_MATRIX_709
                                                                        : want.matrix;
        f->full = want.matrix == DRN_MATRIX_RGB && want.planes == 3 && !rgb ? false : want.full;
    }
    return best;
}

static drn_status choose_frames(const drn_ffmpeg_choice *c, drn_film *film, const char *out,
                                const drn_listener *l, drn_error *err)
{
    char before[64], after[64];
    drn_yuv_format was = film->f;
    if (l->o->depth)
        film->f.depth = l->o->depth;
    if (best_format(&film->f, c->codec) == AV_PIX_FMT_NONE)
        return drn_fail(err, DRN_ERR_UNSUPPORTED, "%s: %s takes no frames like these", out,
                        c->name);
    if (film->f.matrix != was.matrix)
        film->matrix = film->f.matrix;
    drn_yuv_describe(before, &was);
    drn_yuv_describe(after, &film->f);
    if (strcmp(before, after) != 0 &&
        !(l->o->depth == film->f.depth && was.sx == film->f.sx && was.sy == film->f.sy))
        drn_listener_note(l, "%s: frames of %s become %s, the nearest that %s takes", out, before,
                          after, ((const known_codec *)c->known)->name);
    return DRN_OK;
}

drn_status drn_ffmpeg_choose(drn_ffmpeg_choice *c, drn_film *film, const char *out,
                             const drn_listener *l, drn_error *err)
{
    const drn_video_options *o = l->o;
    DRN_TRY(drn_av_start(err));
    const AVOutputFormat *format = av_guess_format(NULL, out, NULL);
    if (!format || format->flags & AVFMT_NOFILE || format->video_codec == AV_CODEC_ID_NONE)
        return drn_fail(err, DRN_ERR_UNSUPPORTED,
                        "%s: its suffix names no film format; .mkv, .mp4, .mov and .webm do", out);
    if (o->codec)
        DRN_TRY(find_codec(c, o->codec, err));
    else
        DRN_TRY(default_codec(c, format, o->depth ? o->depth : film->f.depth, out, err));
    const known_codec *k = c->known;
    if (!fits(k, format))
        return drn_fail(err, DRN_ERR_UNSUPPORTED, "%s: such files hold no %s; .mkv holds it", out,
                        k->name);
    if (o->has_crf && (k->crf_max == 0 || !(o->crf >= 0 && o->crf <= k->crf_max)))
        return k->crf_max == 0
                   ? drn_fail(err, DRN_ERR_INVALID, "%s is lossless, it has no crf", k->name)
                   : drn_fail(err, DRN_ERR_INVALID, "crf %g for %s; 0 to %g are possible", o->crf,
                              k->name, k->crf_max);
    if (o->preset && !k->preset_key[0])
        return drn_fail(err, DRN_ERR_INVALID, "%s has no presets", k->name);
    if (o->preset && (k->id == AV_CODEC_ID_H264 || k->id == AV_CODEC_ID_HEVC) &&
        !is_preset(o->preset))
        return drn_fail(err, DRN_ERR_INVALID,
                        "no preset of %s is called '%s'; from ultrafast over medium to veryslow",
                        k->name, o->preset);
    snprintf(c->name, sizeof c->name, "%s of libavcodec %u.%u.%u",
             ((const AVCodec *)c->codec)->name, avcodec_version() >> 16,
             avcodec_version() >> 8 & 255, avcodec_version() & 255);
    return choose_frames(c, film, out, l, err);
}

/* ---- opening ---- */

static void set_colours(AVCodecContext *e, const drn_film *film)
{
    e->colorspace = (enum AVColorSpace)film->matrix;
    e->color_primaries = (enum AVColorPrimaries)film->primaries;
    e->color_trc = (enum AVColorTransferCharacteristic)film->transfer;
    e->color_range = film->f.full      ? AVCOL_RANGE_JPEG
                     : film->has_range ? AVCOL_RANGE_MPEG
                                       : AVCOL_RANGE_UNSPECIFIED;
    if (film->f.planes == 3 && film->f.sx)
        e->chroma_sample_location = (enum AVChromaLocation)film->f.site;
}

static void set_times(AVCodecContext *e, const drn_film *film)
{
    e->time_base = (AVRational){film->tick_num, film->tick_den};
    if (film->rate_num > 0)
        e->framerate = (AVRational){film->rate_num, film->rate_den};
    if (film->aspect_num > 0)
        e->sample_aspect_ratio = (AVRational){film->aspect_num, film->aspect_den};
}

static void set_quality(AVDictionary **d, const drn_ffmpeg_job *job, AVCodecContext *e)
{
    const known_codec *k = job->choice->known;
    const drn_video_options *o = job->o;
    char number[32];
    int which = 0;
    (void)encoder_of(k, &which);
    if (k->preset_key[which])
        av_dict_set(d, k->preset_key[which], o->preset ? o->preset : k->preset[which], 0);
    if (k->crf_max > 0) {
        snprintf(number, sizeof number, "%g", o->has_crf ? o->crf : k->crf);
        av_dict_set(d, "crf", number, 0);
    }
    if (k->id == AV_CODEC_ID_HEVC)
        av_dict_set(d, "x265-params", "log-level=none", 0);
    if (k->id == AV_CODEC_ID_VP9)
        av_dict_set(d, "row-mt", "1", 0);
    if (k->id == AV_CODEC_ID_FFV1) {
        av_dict_set(d, "level", "3", 0);
        av_dict_set(d, "slicecrc", "1", 0);
    }
    if (k->id == AV_CODEC_ID_VP9 || k->id == AV_CODEC_ID_AV1)
        e->bit_rate = 0; /* crf alone decides */
}

drn_status drn_av_encoder(AVCodecContext **out, const drn_ffmpeg_job *job, drn_error *err)
{
    const AVCodec *codec = job->choice->codec;
    AVDictionary *d = NULL;
    drn_yuv_format f = job->film->f;
    AVCodecContext *e = avcodec_alloc_context3(codec);
    const AVOutputFormat *format = av_guess_format(NULL, job->out, NULL);
    if (!e)
        return drn_fail(err, DRN_ERR_NOMEM, "%s: out of memory", job->out);
    e->width = f.width;
    e->height = f.height;
    e->pix_fmt = best_format(&f, codec);
    e->gop_size = job->part;
    e->thread_count = 0;
    set_colours(e, job->film);
    set_times(e, job->film);
    if (format->flags & AVFMT_GLOBALHEADER)
        e->flags |= AV_CODEC_FLAG_GLOBAL_HEADER;
    set_quality(&d, job, e);
    int av = avcodec_open2(e, codec, &d);
    const AVDictionaryEntry *left = av_dict_get(d, "", NULL, AV_DICT_IGNORE_SUFFIX);
    drn_status st = DRN_OK;
    if (av < 0)
        st = drn_av_fail(err, DRN_ERR_INVALID, av, job->out, "the encoder refuses its settings");
    else if (left)
        st = drn_fail(err, DRN_ERR_INVALID, "%s: %s knows no %s", job->out, codec->name, left->key);
    av_dict_free(&d);
    if (st != DRN_OK) {
        avcodec_free_context(&e);
        return st;
    }
    *out = e;
    return DRN_OK;
}

/* SVT-AV1 waits for ever when it is closed before it has seen a frame and the end. */
static void run_out(AVCodecContext *e, bool used)
{
    AVPacket *p = av_packet_alloc();
    AVFrame *f = av_frame_alloc();
    bool ended = false;
    if (f && !used) {
        f->format = e->pix_fmt;
        f->width = e->width;
        f->height = e->height;
        f->pts = 0;
        if (av_frame_get_buffer(f, 0) >= 0)
            (void)avcodec_send_frame(e, f);
    }
    ended = p && avcodec_send_frame(e, NULL) >= 0;
    while (ended && avcodec_receive_packet(e, p) >= 0)
        av_packet_unref(p);
    av_frame_free(&f);
    av_packet_free(&p);
}

void drn_av_encoder_close(AVCodecContext **encoder, bool used)
{
    if (*encoder && strcmp((*encoder)->codec->name, "libsvtav1") == 0)
        run_out(*encoder, used);
    avcodec_free_context(encoder);
}
