/* Inside joining: the output's streams, and the order of its frames. */
#ifndef DRN_VIDEO_FFMPEG_JOIN_H
#define DRN_VIDEO_FFMPEG_JOIN_H

#include "video/ffmpeg_lib.h"

/* ---- ffmpeg_order.c ---- */

/* Frames are coded in another order than they are shown; segments know when each is shown (pts).
 * When it must be decoded (dts) follows for the film as a whole: the i-th coded frame at the pts of
 * the (i - depth)-th shown one, depth as small as it can be.  So it grows across segments, whatever
 * their encoders said. */
typedef struct drn_av_order {
    int64_t *pts, *sorted;
    size_t count, room;
    int64_t depth, step; /* step: of the times before the first */
} drn_av_order;

drn_status drn_av_order_add(drn_av_order *o, int64_t pts, drn_error *err);
drn_status drn_av_order_make(drn_av_order *o, drn_error *err);
int64_t drn_av_order_dts(const drn_av_order *o, int64_t index);
void drn_av_order_clear(drn_av_order *o);

/* ---- ffmpeg_streams.c ---- */

typedef struct drn_av_output {
    AVFormatContext *format, *source; /* source: NULL when there is nothing to copy */
    int *map;                         /* stream of the source -> of the output, -1: left out */
    int video;                        /* the output's video stream */
    int64_t shift;                    /* added to all times, microseconds */
} drn_av_output;

/* Streams, metadata and chapters, and the header into io, which stays the caller's. */
drn_status drn_av_output_open(drn_av_output *o, const drn_av_pieces *j, AVIOContext *io,
                              int64_t depth, drn_error *err);
void drn_av_output_close(drn_av_output *o);

#endif
