/* Finished frames that no segment holds yet, as raw samples: what is lost by a kill is what was not
 * finished. */
#ifndef DRN_VIDEO_JOURNAL_H
#define DRN_VIDEO_JOURNAL_H

#include "video/film.h"

#include <stdio.h>

typedef struct drn_journal {
    FILE *f;
    char *path;
    size_t bytes; /* of a frame */
    int64_t count;
} drn_journal;

/* Open, or make; frames there are can be read.  bytes: of a frame. */
drn_status drn_journal_open(drn_journal *j, const char *path, size_t bytes, drn_error *err);
/* The next frame of an earlier run into `frame`; *end behind the last whole one, and then frames
 * can be added. */
drn_status drn_journal_next(drn_frame *frame, drn_journal *j, bool *end, drn_error *err);
/* Throw away all from here on. */
drn_status drn_journal_cut(drn_journal *j, drn_error *err);
drn_status drn_journal_add(drn_journal *j, const drn_frame *frame, drn_error *err);
/* Close; and remove the file. */
void drn_journal_close(drn_journal *j);
void drn_journal_remove(drn_journal *j);

#endif
