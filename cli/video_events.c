#include "video_events.h"

#include "cli.h"
#include "interrupt.h"
#include "say.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Frames an earlier run has made cost no time and count in no speed. */
static double speed(const video_events *e, const drn_video_progress *p)
{
    double spent = say_seconds() - e->start;
    return spent > 0 ? (double)(p->done - p->resumed) / spent : 0;
}

static double left(const drn_video_progress *p, double fps)
{
    return p->total > p->done && fps > 0 ? (double)(p->total - p->done) / fps : 0;
}

static int percent_of(const drn_video_progress *p)
{
    return p->total > 0 ? (int)(100 * (p->done < p->total ? p->done : p->total) / p->total) : 0;
}

/* ---- JSON ---- */

static json_t *event(const video_events *e, const char *kind)
{
    json_t *o = json_object();
    json_object_set_new(o, "event", json_string(kind));
    json_object_set_new(o, "input", say_text(e->in));
    json_object_set_new(o, "output", say_text(e->out));
    return o;
}

static void put_progress(video_events *e, const drn_video_progress *p, const char *kind)
{
    json_t *o = event(e, kind);
    json_object_set_new(o, "frames", json_integer((json_int_t)p->done));
    json_object_set_new(o, "total",
                        p->total > 0 ? json_integer((json_int_t)p->total) : json_null());
    json_object_set_new(o, "resumed", json_integer((json_int_t)p->resumed));
    if (strcmp(kind, "progress") == 0) {
        double fps = speed(e, p);
        json_object_set_new(o, "percent", p->total > 0 ? json_integer(percent_of(p)) : json_null());
        json_object_set_new(o, "frames_per_second", json_real(fps));
        json_object_set_new(o, "eta_seconds", p->total > 0 ? json_real(left(p, fps)) : json_null());
        json_object_set_new(o, "joining", json_boolean(p->joining));
    }
    say_json(o);
}

/* ---- lines ---- */

static void clear_live(video_events *e)
{
    if (e->open)
        fputs("\r\033[K", stderr);
    e->open = false;
}

static void live_line(video_events *e, const drn_video_progress *p)
{
    double fps = speed(e, p), s = left(p, fps);
    fputs("\r\033[K", stderr);
    cli_say(stderr, "%s", say_brief(e->in));
    if (p->total > 0)
        fprintf(stderr, "  %3d%%  %lld/%lld frames", percent_of(p), (long long)p->done,
                (long long)p->total);
    else
        fprintf(stderr, "  %lld frames", (long long)p->done);
    if (p->joining)
        fprintf(stderr, "  writing");
    else if (p->done > p->resumed)
        fprintf(stderr, "  %.2f fps", fps);
    if (p->total > 0 && fps > 0 && !p->joining)
        fprintf(stderr, "  ETA %d:%02d:%02d", (int)(s / 3600), (int)(s / 60) % 60, (int)s % 60);
    e->open = true;
}

/* In a pipe: every tenth of the film; every 100 frames where its length is unknown. */
static void plain_line(video_events *e, const drn_video_progress *p)
{
    int percent = percent_of(p);
    if (p->total > 0 && percent / 10 > e->percent / 10)
        cli_say(stderr, "%s %d%% (%lld of %lld frames, %.2f fps)\n", e->in, percent,
                (long long)p->done, (long long)p->total, speed(e, p));
    else if (p->total == 0 && p->done / 100 > e->done / 100)
        cli_say(stderr, "%s %lld frames (%.2f fps)\n", e->in, (long long)p->done, speed(e, p));
    e->percent = percent;
}

static void begin(video_events *e, const drn_video_progress *p)
{
    e->begun = true;
    e->start = e->shown = say_seconds();
    e->done = p->done;
    e->percent = percent_of(p);
    if (e->json)
        put_progress(e, p, "start");
    else if (p->resumed > 0 && !e->quiet)
        cli_say(stderr, "%s: going on behind frame %lld\n", e->in, (long long)p->resumed);
}

/* ---- what happens ---- */

video_events video_events_begin(const char *in, const char *out, bool json, bool quiet,
                                bool verbose)
{
    return (video_events){.in = in,
                          .out = out,
                          .json = json,
                          .quiet = quiet,
                          .verbose = verbose,
                          .live = isatty(STDERR_FILENO) == 1,
                          .start = say_seconds()};
}

bool video_events_progress(void *ctx, const drn_video_progress *p)
{
    video_events *e = ctx;
    double now = say_seconds();
    if (!e->begun)
        begin(e, p);
    if (e->json) {
        if (p->done > e->done && (now - e->shown >= 0.25 || p->joining)) {
            put_progress(e, p, "progress");
            e->done = p->done;
            e->shown = now;
        }
    } else if (!e->quiet && e->live) {
        if (now - e->shown >= 0.1) {
            live_line(e, p);
            e->shown = now;
        }
    } else if (!e->quiet) {
        plain_line(e, p);
        e->done = p->done;
    }
    return !interrupt_asked();
}

void video_events_note(void *ctx, const char *line)
{
    video_events *e = ctx;
    clear_live(e);
    if (e->json) {
        json_t *o = event(e, "note");
        json_object_set_new(o, "message", say_text(line));
        say_json(o);
    } else if (!e->quiet) {
        cli_say(stderr, "drn: %s\n", line);
    }
}

static int failed(video_events *e, const drn_error *err, bool interrupted)
{
    if (e->json) {
        json_t *o = event(e, interrupted ? "interrupted" : "error");
        if (!interrupted) {
            json_object_set_new(o, "code", json_string(drn_status_name(err->code)));
            json_object_set_new(o, "message", say_text(err->message));
        }
        say_json(o);
    }
    if (!interrupted)
        return cli_fail(err);
    if (strcmp(e->out, "-") == 0)
        return cli_error("interrupted");
    return cli_error("interrupted; the same command goes on from here (%s.part)", e->out);
}

int video_events_end(video_events *e, drn_status st, const drn_video_result *r,
                     const drn_error *err, bool interrupted)
{
    double spent = say_seconds() - e->start;
    clear_live(e);
    if (st != DRN_OK)
        return failed(e, err, interrupted && st == DRN_ERR_CANCELLED);
    if (e->json) {
        json_t *o = event(e, "done");
        json_object_set_new(o, "output_size", json_pack("[i, i]", r->width, r->height));
        json_object_set_new(o, "frames", json_integer((json_int_t)r->frames));
        json_object_set_new(o, "resumed", json_integer((json_int_t)r->resumed));
        json_object_set_new(o, "seconds", json_real(spent));
        say_json(o);
    } else if (!e->quiet) {
        cli_say(stderr, "%s: %dx%d, %lld frames, %.2f s\n", e->out, r->width, r->height,
                (long long)r->frames, spent);
    }
    return EXIT_OK;
}
