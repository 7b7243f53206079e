/* What drn video tells while it works: a live line on a terminal, percents in a pipe, or JSON. */
#ifndef DRN_CLI_VIDEO_EVENTS_H
#define DRN_CLI_VIDEO_EVENTS_H

#include "drn/video.h"

typedef struct video_events {
    const char *in, *out;
    bool json, quiet, verbose, live;
    bool begun, open; /* the first progress was told; a live line stands there */
    double start, shown;
    int64_t done; /* shown last */
    int percent;
} video_events;

video_events video_events_begin(const char *in, const char *out, bool json, bool quiet,
                                bool verbose);
/* A drn_video_progress_fn and a drn_video_note_fn; ctx: the events.  The first is false after
 * Ctrl-C. */
bool video_events_progress(void *ctx, const drn_video_progress *p);
void video_events_note(void *ctx, const char *line);
/* The last line; returns the exit code. */
int video_events_end(video_events *e, drn_status st, const drn_video_result *r,
                     const drn_error *err, bool interrupted);

#endif
