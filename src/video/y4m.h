/* YUV4MPEG2: raw frames behind a line of text. */
#ifndef DRN_VIDEO_Y4M_H
#define DRN_VIDEO_Y4M_H

#include "video/film.h"

#include <stdio.h>

enum { DRN_Y4M_LINE = 512 /* longest line that is read, its end included */ };

typedef struct drn_y4m_header {
    drn_yuv_format f; /* matrix: DRN_MATRIX_UNKNOWN, the format cannot tell */
    int rate_num, rate_den, aspect_num, aspect_den;
    char interlace; /* 'p', 't', 'b', 'm', '?' */
    bool has_range;
} drn_y4m_header;

/* Parse the first line, without its newline. */
drn_status drn_y4m_parse(drn_y4m_header *h, const char *line, size_t size, const char *name,
                         drn_error *err);

/* The line for such a film, newline included. */
void drn_y4m_print(char line[DRN_Y4M_LINE], const drn_film *film);

/* Whether a file begins as y4m does. */
bool drn_y4m_is(const char *path);

/* Frames of a file, or of the standard input for "-". */
drn_status drn_y4m_open(drn_source **out, const char *path, const drn_video_options *o,
                        drn_error *err);

/* A sink into f, which it closes unless it is stdout.  When f holds such frames already, `known` of
 * them at most are kept.  At the end the file `from` is renamed to `to`; both NULL for stdout. */
drn_status drn_y4m_sink(drn_sink **out, FILE *f, int64_t known, const char *from, const char *to,
                        const drn_film *film, drn_error *err);

#endif
