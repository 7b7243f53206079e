/* Films through FFmpeg's libraries; ffmpeg_*.c, or ffmpeg_none.c, which says that they are missing.
 */
#ifndef DRN_VIDEO_FFMPEG_H
#define DRN_VIDEO_FFMPEG_H

#include "video/film.h"
#include "video/parts.h"

/* Frames of the film's best video stream. */
drn_status drn_ffmpeg_open(drn_source **out, const char *path, const drn_listener *l,
                           drn_error *err);

/* An encoder and a format that go together. */
typedef struct drn_ffmpeg_choice {
    const void *codec; /* const AVCodec * */
    const void *known; /* its row of the table of codecs */
    char name[48];     /* of the encoder and its version */
} drn_ffmpeg_choice;

/* Choose the codec for the file name, and the frames nearest to `film` that it takes: changes
 * film->f. */
drn_status drn_ffmpeg_choose(drn_ffmpeg_choice *c, drn_film *film, const char *out,
                             const drn_listener *l, drn_error *err);

/* What the output is made of; all borrowed. */
typedef struct drn_ffmpeg_job {
    const char *in, *out; /* in: NULL when it is y4m, and there is nothing to copy */
    const drn_film *film; /* of the result */
    const drn_ffmpeg_choice *choice;
    const drn_video_options *o;
    const drn_listener *l;
    drn_parts *parts;
    int part; /* frames in a segment */
} drn_ffmpeg_job;

/* A sink that encodes by segments and joins them. */
drn_status drn_ffmpeg_sink(drn_sink **out, const drn_ffmpeg_job *job, drn_error *err);

#endif
