#include "events.h"

#include "cli.h"
#include "interrupt.h"
#include "say.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* ---- JSON, an object a line ---- */

static json_t *real(double v)
{
    return isfinite(v) ? json_real(v) : json_null();
}

static json_t *event(const events *e, const char *kind)
{
    json_t *o = json_object();
    json_object_set_new(o, "event", json_string(kind));
    if (e->in) {
        json_object_set_new(o, "input", say_text(e->in));
        json_object_set_new(o, "output", say_text(e->out));
        json_object_set_new(o, "index", json_integer((json_int_t)e->index));
        json_object_set_new(o, "count", json_integer((json_int_t)e->count));
        if (e->model)
            json_object_set_new(o, "model", say_text(e->model));
    }
    return o;
}

static void set_size(json_t *o, const char *key, int width, int height)
{
    json_object_set_new(o, key, json_pack("[i, i]", width, height));
}

static json_t *loop_json(const drn_loop *l)
{
    json_t *o = json_object();
    json_object_set_new(o, "psnr", real(l->shrunk));
    json_object_set_new(o, "psnr_of_bicubic", real(l->shrunk_bicubic));
    if (l->has_dual) {
        json_object_set_new(o, "dual_psnr", real(l->dual));
        json_object_set_new(o, "dual_psnr_of_bicubic", real(l->dual_bicubic));
    }
    return o;
}

/* ---- lines ---- */

static void clear_live(events *e)
{
    if (e->open)
        fputs("\r\033[K", e->err);
    e->open = false;
}

static void live_line(events *e, double done, double speed, double left)
{
    char turn[40] = "";
    if (e->count > 1)
        snprintf(turn, sizeof turn, "[%zu/%zu] ", e->index, e->count);
    fputs("\r\033[K", e->err);
    cli_say(e->err, "%s%s  %3d%%  %.2f Mpx/s  ETA %d:%02d", turn, say_brief(e->in),
            (int)(100 * done), speed / 1e6, (int)(left / 60), (int)left % 60);
    e->open = true;
}

static void print_loop(FILE *f, const events *e, const drn_loop *l)
{
    cli_say(f, "%s: shrunk again, %.2f dB from the input (the bicubic enlargement: %.2f dB)\n",
            e->out, l->shrunk, l->shrunk_bicubic);
    if (l->has_dual)
        cli_say(
            f, "%s: by the dual model, %.2f dB from the input (the bicubic enlargement: %.2f dB)\n",
            e->out, l->dual, l->dual_bicubic);
}

/* ---- what happens ---- */

events events_begin(size_t count, bool json, bool quiet, bool verbose)
{
    return (events){.to = stdout,
                    .err = stderr,
                    .json = json,
                    .quiet = quiet,
                    .verbose = verbose,
                    .live = isatty(STDERR_FILENO) == 1,
                    .count = count,
                    .began = say_seconds()};
}

void events_next(events *e, const char *in, const char *out)
{
    e->in = in;
    e->out = out;
    e->model = NULL;
    e->index++;
    e->start = e->shown = say_seconds();
    e->percent = 0;
    e->pixels = 0;
}

static void print_plan(const events *e, int width, int height, const drn_upscale_target *t,
                       const char *why)
{
    cli_say(e->err, "%s: %dx%d to %dx%d, ", e->in, width, height, t->width, t->height);
    for (int i = 0; i < t->passes; i++)
        cli_say(e->err, "%snetwork x%d", i ? ", " : "", t->scale[i]);
    if (t->net_width != t->width || t->net_height != t->height)
        cli_say(e->err, "%sshrunk from %dx%d", t->passes ? ", " : "", t->net_width, t->net_height);
    if (why && t->passes)
        cli_say(e->err, ", %s (%s)", e->model, why);
    fputc('\n', e->err);
}

void events_start(events *e, int width, int height, const drn_upscale_target *t, const char *model,
                  const char *why)
{
    e->model = model;
    e->pixels = (double)t->width * t->height;
    if (e->json) {
        json_t *o = event(e, "start");
        set_size(o, "input_size", width, height);
        set_size(o, "output_size", t->width, t->height);
        if (why)
            json_object_set_new(o, "why", json_string(why));
        say_json_to(e->to, o);
    } else if (e->verbose) {
        print_plan(e, width, height, t, why);
    }
}

bool events_progress(void *ctx, double done)
{
    events *e = ctx;
    double now = say_seconds(), spent = now - e->start;
    int percent = (int)(100 * done);
    double speed = spent > 0 ? e->pixels * done / spent : 0,
           left = done > 0 ? spent * (1 - done) / done : 0;
    if (e->json) {
        if (percent > e->percent && (percent == 100 || now - e->shown >= 0.1)) {
            json_t *o = event(e, "progress");
            json_object_set_new(o, "percent", json_integer(percent));
            json_object_set_new(o, "pixels_per_second", json_real(speed));
            json_object_set_new(o, "eta_seconds", json_real(left));
            say_json_to(e->to, o);
            e->percent = percent;
            e->shown = now;
        }
    } else if (!e->quiet && e->live) {
        if (now - e->shown >= 0.1) {
            live_line(e, done, speed, left);
            e->shown = now;
        }
    } else if (!e->quiet && percent / 25 > e->percent / 25) {
        cli_say(e->err, "%s %d%%\n", e->in, percent);
        e->percent = percent;
    }
    return !interrupt_asked();
}

void events_done(events *e, const event_result *r)
{
    double spent = say_seconds() - e->start;
    e->done++;
    clear_live(e);
    if (e->json) {
        json_t *o = event(e, "done");
        set_size(o, "output_size", r->width, r->height);
        json_object_set_new(o, "seconds", json_real(spent));
        json_object_set_new(o, "pixels_per_second", json_real(e->pixels / spent));
        json_object_set_new(o, "streamed", json_boolean(r->streamed));
        if (r->loop)
            json_object_set_new(o, "check", loop_json(r->loop));
        if (r->trust)
            json_object_set_new(o, "trust_map", say_text(r->trust));
        say_json_to(e->to, o);
        return;
    }
    if (!e->quiet)
        cli_say(e->err, "%s: %dx%d, %.2f s%s\n", e->out, r->width, r->height, spent,
                r->streamed ? ", in strips" : "");
    if (r->loop)
        print_loop(strcmp(e->out, "-") == 0 ? e->err : e->to, e, r->loop);
}

void events_skip(events *e)
{
    e->skipped++;
    if (e->json)
        say_json_to(e->to, event(e, "skipped"));
    else if (e->verbose)
        cli_say(e->err, "%s: exists, skipped\n", e->out);
}

void events_error(events *e, const drn_error *err)
{
    e->failed++;
    clear_live(e);
    fflush(e->to);
    cli_say(e->err, "drn: %s\n", err->message[0] ? err->message : drn_status_name(err->code));
    if (!e->json)
        return;
    json_t *o = event(e, "error");
    json_object_set_new(o, "code", json_string(drn_status_name(err->code)));
    json_object_set_new(o, "message", say_text(err->message));
    say_json_to(e->to, o);
}

int events_end(events *e, bool interrupted)
{
    double spent = say_seconds() - e->began;
    clear_live(e);
    e->in = NULL;
    if (e->json) {
        json_t *o = event(e, "summary");
        json_object_set_new(o, "count", json_integer((json_int_t)e->count));
        json_object_set_new(o, "done", json_integer((json_int_t)e->done));
        json_object_set_new(o, "skipped", json_integer((json_int_t)e->skipped));
        json_object_set_new(o, "failed", json_integer((json_int_t)e->failed));
        json_object_set_new(o, "interrupted", json_boolean(interrupted));
        json_object_set_new(o, "seconds", json_real(spent));
        say_json_to(e->to, o);
    } else if (e->count > 1 && (!e->quiet || e->failed > 0)) {
        cli_say(e->err, "%zu pictures: %zu enlarged", e->count, e->done);
        if (e->skipped > 0)
            cli_say(e->err, ", %zu skipped", e->skipped);
        if (e->failed > 0)
            cli_say(e->err, ", %zu failed", e->failed);
        cli_say(e->err, ", %.2f s\n", spent);
    }
    if (interrupted)
        return cli_error("interrupted; pictures already written are complete");
    return e->failed > 0 ? EXIT_FAILED : EXIT_OK;
}
