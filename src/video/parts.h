/* The folder OUT.part: what an interrupted run leaves for the next.
 *
 *   job          what is made of what, as text; locked while a run is at it
 *   hashes       8 bytes for each finished frame: the hash of the input's frame
 *   video.y4m    finished frames, when the output is y4m
 *   N.seg        encoded frames (segment.h), N.frames: finished frames of the segment begun
 * (journal.h) joined       the output while it is put together
 */
#ifndef DRN_VIDEO_PARTS_H
#define DRN_VIDEO_PARTS_H

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

typedef struct drn_parts {
    char *dir;
    FILE *job, *hashes;
    int64_t known; /* hashes there are */
    int64_t at;    /* frame the next drn_parts_check() is about */
} drn_parts;

/* Open the folder of `out`, or make it.  job: one "key value" a line; when the folder was begun
 * with another text that is DRN_ERR_INVALID and the message shows the line, unless restart. */
drn_status drn_parts_open(drn_parts *p, const char *out, const char *job, bool restart,
                          drn_error *err);
/* Close; the folder stays. */
void drn_parts_close(drn_parts *p);
/* Close and remove the folder with all it holds. */
void drn_parts_remove(drn_parts *p);

/* drn_alloc'ed "OUT.part/NAME"; NULL when memory is refused. */
char *drn_parts_path(const drn_parts *p, const char *name);

/* The input's next frame is one that is finished already: is it the same as then? */
drn_status drn_parts_check(drn_parts *p, uint64_t hash, drn_error *err);
/* One more frame is finished; call it before what is kept of the frame is written. */
drn_status drn_parts_add(drn_parts *p, uint64_t hash, drn_error *err);
/* Only the first n frames are finished. */
drn_status drn_parts_keep(drn_parts *p, int64_t n, drn_error *err);

#endif
