/* Encoded frames of a part of a film, in a file of their own: packets in the order of their coding.
 * A file is whole or is not there; its end says its hash, so that what a power cut has torn is
 * seen. */
#ifndef DRN_VIDEO_SEGMENT_H
#define DRN_VIDEO_SEGMENT_H

#include "base/error.h"
#include "base/fileio.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

typedef struct drn_packet {
    int64_t pts, duration;
    bool key;
    uint32_t size;
    uint8_t *data; /* [size] */
} drn_packet;

/* ---- writing ---- */

typedef struct drn_segment_writer {
    drn_atomic_file file;
    uint64_t hash;
    int64_t packets;
} drn_segment_writer;

/* extra: what the decoder needs first. */
drn_status drn_segment_create(drn_segment_writer *w, const char *path, const uint8_t *extra,
                              size_t extras, drn_error *err);
/* What a failed write has done shows at the commit. */
void drn_segment_put(drn_segment_writer *w, const drn_packet *p);
drn_status drn_segment_commit(drn_segment_writer *w, drn_error *err);
void drn_segment_abort(drn_segment_writer *w);

/* ---- reading ---- */

typedef struct drn_segment_reader {
    FILE *f;
    const char *name;    /* borrowed */
    uint64_t hash, left; /* of what was read; bytes behind it */
    uint8_t *data;       /* room for a packet */
    size_t room;
    bool skip; /* packets' data is not read, nor the hash checked */
} drn_segment_reader;

/* f is the reader's from now on.  extra (may be NULL) receives what was given to
 * drn_segment_create(), of drn_alloc(). */
drn_status drn_segment_open(drn_segment_reader *r, FILE *f, const char *name, uint8_t **extra,
                            size_t *extras, drn_error *err);
/* The next packet, valid until the next call; *end behind the last. */
drn_status drn_segment_next(drn_packet *p, drn_segment_reader *r, bool *end, drn_error *err);
void drn_segment_close(drn_segment_reader *r);

/* Whether the file is there and whole, and how many packets it has. */
bool drn_segment_check(int64_t *packets, const char *path);

#endif
