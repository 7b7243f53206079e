#include "events.h"

#include "cli.h"
#include "interrupt.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* ---- JSON, an object a line ---- */

/* File names need not be UTF-8, JSON must be: other bytes become "?". */
static json_t *text(const char *s)
{
    json_t *j = json_string(s);
    if (j)
        return j;
    char *copy = cli_format("%s", s);
    for (char *p = copy; *p; p++)
        if ((unsigned char)*p >= 128)
            *p = '?';
    j = json_string(copy);
    free(copy);
    return j;
}

static json_t *real(double v)
{
    return isfinite(v) ? json_real(v) : json_null();
}

static json_t *event(const events *e, const char *kind)
{
    json_t *o = json_object();
    json_object_set_new(o, "event", json_string(kind));
    if (e->in) {
        json_object_set_new(o, "input", text(e->in));
        json_object_set_new(o, "output", text(e->out));
        json_object_set_new(o, "index", json_integer((json_int_t)e->index));
        json_object_set_new(o, "count", json_integer((json_int_t)e->count));
    }
    return o;
}

static void put(json_t *o)
{
    json_dumpf(o, stdout, JSON_COMPACT | JSON_REAL_PRECISION(6));
    putchar('\n');
    fflush(stdout);
    json_decref(o);
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
        fputs("\r\033[K", stderr);
    e->open = false;
}

/* The end of a long name. */
static const char *brief(const char *name)
{
    size_t n = strlen(name);
    return n > 40 ? name + n - 40 : name;
}

static void live_line(events *e, double done, double speed, double left)
{
    char turn[40] = "";
    if (e->count > 1)
        snprintf(turn, sizeof turn, "[%zu/%zu] ", e->index, e->count);
    fprintf(stderr, "\r\033[K%s%s  %3d%%  %.2f Mpx/s  ETA %d:%02d", turn, brief(e->in),
            (int)(100 * done), speed / 1e6, (int)(left / 60), (int)left % 60);
    e->open = true;
}

static void print_loop(FILE *f, const events *e, const drn_loop *l)
{
    fprintf(f, "%s: shrunk again, %.2f dB from the input (the bicubic enlargement: %.2f dB)\n",
            e->out, l->shrunk, l->shrunk_bicubic);
    if (l->has_dual)
        fprintf(
            f, "%s: by the dual model, %.2f dB from the input (the bicubic enlargement: %.2f dB)\n",
            e->out, l->dual, l->dual_bicubic);
}

/* ---- what happens ---- */

events events_begin(size_t count, bool json, bool quiet, bool verbose)
{
    return (events){.json = json,
                    .quiet = quiet,
                    .verbose = verbose,
                    .live = isatty(STDERR_FILENO) == 1,
                    .count = count,
                    .began = seconds()};
}

void events_next(events *e, const char *in, const char *out)
{
    e->in = in;
    e->out = out;
    e->index++;
    e->start = e->shown = seconds();
    e->percent = 0;
    e->pixels = 0;
}

static void print_plan(const events *e, int width, int height, const drn_upscale_target *t)
{
    fprintf(stderr, "%s: %dx%d to %dx%d, ", e->in, width, height, t->width, t->height);
    for (int i = 0; i < t->passes; i++)
        fprintf(stderr, "%snetwork x%d", i ? ", " : "", t->scale[i]);
    if (t->net_width != t->width || t->net_height != t->height)
        fprintf(stderr, "%sshrunk from %dx%d", t->passes ? ", " : "", t->net_width, t->net_height);
    fputc('\n', stderr);
}

void events_start(events *e, int width, int height, const drn_upscale_target *t)
{
    e->pixels = (double)t->width * t->height;
    if (e->json) {
        json_t *o = event(e, "start");
        set_size(o, "input_size", width, height);
        set_size(o, "output_size", t->width, t->height);
        put(o);
    } else if (e->verbose) {
        print_plan(e, width, height, t);
    }
}

bool events_progress(void *ctx, double done)
{
    events *e = ctx;
    double now = seconds(), spent = now - e->start;
    int percent = (int)(100 * done);
    double speed = spent > 0 ? e->pixels * done / spent : 0,
           left = done > 0 ? spent * (1 - done) / done : 0;
    if (e->json) {
        if (percent > e->percent && (percent == 100 || now - e->shown >= 0.1)) {
            json_t *o = event(e, "progress");
            json_object_set_new(o, "percent", json_integer(percent));
            json_object_set_new(o, "pixels_per_second", json_real(speed));
            json_object_set_new(o, "eta_seconds", json_real(left));
            put(o);
            e->percent = percent;
            e->shown = now;
        }
    } else if (!e->quiet && e->live) {
        if (now - e->shown >= 0.1) {
            live_line(e, done, speed, left);
            e->shown = now;
        }
    } else if (!e->quiet && percent / 25 > e->percent / 25) {
        fprintf(stderr, "%s %d%%\n", e->in, percent);
        e->percent = percent;
    }
    return !interrupt_asked();
}

void events_done(events *e, const event_result *r)
{
    double spent = seconds() - e->start;
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
            json_object_set_new(o, "trust_map", text(r->trust));
        put(o);
        return;
    }
    if (!e->quiet)
        fprintf(stderr, "%s: %dx%d, %.2f s%s\n", e->out, r->width, r->height, spent,
                r->streamed ? ", in strips" : "");
    if (r->loop)
        print_loop(strcmp(e->out, "-") == 0 ? stderr : stdout, e, r->loop);
}

void events_skip(events *e)
{
    e->skipped++;
    if (e->json)
        put(event(e, "skipped"));
    else if (e->verbose)
        fprintf(stderr, "%s: exists, skipped\n", e->out);
}

void events_error(events *e, const drn_error *err)
{
    e->failed++;
    clear_live(e);
    cli_fail(err);
    if (!e->json)
        return;
    json_t *o = event(e, "error");
    json_object_set_new(o, "code", json_string(drn_status_name(err->code)));
    json_object_set_new(o, "message", text(err->message));
    put(o);
}

int events_end(events *e, bool interrupted)
{
    double spent = seconds() - e->began;
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
        put(o);
    } else if (e->count > 1 && (!e->quiet || e->failed > 0)) {
        fprintf(stderr, "%zu pictures: %zu enlarged", e->count, e->done);
        if (e->skipped > 0)
            fprintf(stderr, ", %zu skipped", e->skipped);
        if (e->failed > 0)
            fprintf(stderr, ", %zu failed", e->failed);
        fprintf(stderr, ", %.2f s\n", spent);
    }
    if (interrupted)
        return cli_error("interrupted; pictures already written are complete");
    return e->failed > 0 ? EXIT_FAILED : EXIT_OK;
}
