/* What ffmpeg_*.c share: the libraries' headers, their messages, their pixel formats. */
#ifndef DRN_VIDEO_FFMPEG_LIB_H
#define DRN_VIDEO_FFMPEG_LIB_H

#include "video/ffmpeg.h"
#include "video/ffmpeg_load.h"

/* Load the libraries and take their messages off the standard error; call before anything else. */
drn_status drn_av_start(drn_error *err);

/* Write "name: what: reason" with the library's last message where it has one. */
drn_status drn_av_fail(drn_error *err, drn_status code, int av, const char *name, const char *what);
/* Forget the messages so far. */
void drn_av_forget(void);
/* Whether one of them was that a file ends too early. */
bool drn_av_heard_cut(void);

/* A planar format without alpha whose planes are as those of drn_yuv_format; false: it is none. */
bool drn_av_to_yuv(drn_yuv_format *f, enum AVPixelFormat pixels);
/* The nearest such format that holds all of `pixels` but alpha; AV_PIX_FMT_NONE: there is none. */
enum AVPixelFormat drn_av_nearest(enum AVPixelFormat pixels);

/* "file:PATH", so that no name is taken for a protocol; av_free() it. */
char *drn_av_url(const char *path);
/* Open a film from the local file system only. */
drn_status drn_av_input(AVFormatContext **out, const char *path, drn_error *err);

/* ---- encoding ---- */

drn_status drn_av_encoder(AVCodecContext **out, const drn_ffmpeg_job *job, drn_error *err);
/* Free it; used: it has seen frames. */
void drn_av_encoder_close(AVCodecContext **encoder, bool used);

/* ---- joining ---- */

/* What is known of the segments before they are joined. */
typedef struct drn_av_pieces {
    const drn_ffmpeg_job *job;
    const AVCodecParameters *video; /* the same for every segment */
    int64_t segments;
} drn_av_pieces;

/* Whether the output's format takes all that belongs in it; nothing is written. */
drn_status drn_av_join_try(const drn_av_pieces *j, drn_error *err);
/* Put the film together as OUT.part/joined and rename it to OUT. */
drn_status drn_av_join(const drn_av_pieces *j, drn_listener *l, drn_error *err);

/* drn_alloc'ed "OUT.part/000012.seg". */
char *drn_av_part(const drn_parts *p, int64_t index, const char *suffix);

#endif
