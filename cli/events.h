/* What drn upscale tells while it works: a live line on a terminal, plain lines in a pipe, or JSON.
 */
#ifndef DRN_CLI_EVENTS_H
#define DRN_CLI_EVENTS_H

#include "drn/upscale.h"

#include <stddef.h>
#include <stdio.h>

typedef struct events {
    FILE *to, *err; /* standard output and error, or in place of them */
    bool json, quiet, verbose;
    bool live; /* standard error is a terminal */
    size_t count;
    /* the picture at work */
    size_t index; /* from 1 */
    const char *in, *out, *model;
    double start, shown; /* seconds */
    int percent;         /* shown last */
    double pixels;       /* of the result */
    bool open;           /* a live line stands there */
    /* all pictures */
    double began;
    size_t done, failed, skipped;
} events;

/* What is known of a finished picture. */
typedef struct event_result {
    int width, height;
    const drn_loop *loop; /* NULL: not checked */
    const char *trust;    /* file of the map, or NULL */
    bool streamed;
} event_result;

/* count: pictures in all. */
events events_begin(size_t count, bool json, bool quiet, bool verbose);
/* The next picture, before its size is known. */
void events_next(events *e, const char *in, const char *out);
/* Its work begins; model: the name, borrowed until the picture is done; why it was picked, or NULL. */
void events_start(events *e, int width, int height, const drn_upscale_target *t, const char *model,
                  const char *why);
/* A drn_progress_fn; ctx: the events.  False after Ctrl-C. */
bool events_progress(void *ctx, double done);
void events_done(events *e, const event_result *r);
void events_skip(events *e);
void events_error(events *e, const drn_error *err);
/* The last line; returns the exit code. */
int events_end(events *e, bool interrupted);

#endif
