#include "enlarge.h"

#include "interrupt.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

__attribute__((format(printf, 3, 4))) static drn_status fail(drn_error *err, drn_status code,
                                                             const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(err->message, sizeof err->message, fmt, ap);
    va_end(ap);
    return err->code = code;
}

/* ---- the standard input and output ---- */

static drn_status read_stdin(drn_image **out, bool *lossy, drn_error *err)
{
    size_t size = 0, room = 1 << 16, got;
    char *data = cli_alloc(room, 1);
    while ((got = fread(data + size, 1, room - size, stdin)) > 0) {
        size += got;
        if (size == room)
            data = cli_grow(data, room *= 2, 1);
    }
    drn_status st = ferror(stdin) ? fail(err, DRN_ERR_IO, "standard input: %s", strerror(errno))
                                  : drn_image_decode(out, data, size, "standard input", err);
    *lossy = drn_image_is_lossy(data, size);
    free(data);
    return st;
}

static drn_status write_stdout(const drn_image *image, const enlarge_options *o, drn_error *err)
{
    void *data;
    size_t size;
    drn_status st = drn_image_encode(&data, &size, image, o->suffix, &o->as, err);
    if (st != DRN_OK)
        return st;
    if (fwrite(data, 1, size, stdout) != size || fflush(stdout) != 0)
        st = fail(err, DRN_ERR_IO, "standard output: %s", strerror(errno));
    drn_image_encoded_free(data);
    return st;
}

static bool is_stream(const char *path)
{
    return strcmp(path, "-") == 0;
}

/* ---- one picture ---- */

typedef struct work {
    const picture_job *job;
    model_choice *models;
    const drn_model *model; /* the one picked */
    bool lossy;             /* by the file's format */
    drn_traces traces;      /* in the pixels, when the model is picked by the picture */
    const enlarge_options *o;
    drn_upscale_options how;
    drn_upscale_target target;
    events *e;
    drn_image *in, *out;
    drn_loop loop;
    bool streamed;
} work;

static drn_status may_write(const char *path, const enlarge_options *o, drn_error *err)
{
    if (is_stream(path) || o->overwrite || !path_exists(path))
        return DRN_OK;
    return fail(err, DRN_ERR_IO,
                "%s: exists already; --overwrite replaces it, --resume skips such pictures", path);
}

static drn_status make_room(const char *path, drn_error *err)
{
    char *dir = path_dir(path);
    int failed = is_stream(path) ? 0 : make_folders(dir);
    drn_status st =
        failed ? fail(err, DRN_ERR_IO, "%s: cannot make this folder: %s", dir, strerror(failed))
               : DRN_OK;
    free(dir);
    return st;
}

/* Bytes of input and result side by side. */
static double bytes(const drn_image *in, const drn_upscale_target *t)
{
    double pixels = (double)in->width * in->height + (double)t->width * t->height;
    return pixels * in->bands * (double)drn_depth_size(in->depth);
}

static drn_picture_kind kind(const work *w)
{
    return drn_traces_kind(&w->traces, w->lossy);
}

/* The model for the picture; a size in pixels is the same for all of them. */
static drn_status pick_model(work *w, int32_t width, int32_t height, drn_error *err)
{
    drn_upscale_target t;
    double times = w->how.factor;
    if (w->how.width || w->how.height) {
        drn_status st = drn_upscale_find_target(&t, width, height, w->models->first, &w->how, err);
        if (st != DRN_OK)
            return st;
        times = fmax((double)t.width / width, (double)t.height / height);
    }
    return model_choice_pick(&w->model, w->models, kind(w), times, err);
}

/* Why the model was picked; NULL: it was named. */
static const char *why(const work *w)
{
    if (!w->models->by_picture)
        return NULL;
    switch (kind(w)) {
    case DRN_PICTURE_DRAWN:
        return "for what is drawn, not photographed";
    case DRN_PICTURE_DAMAGED:
        return w->lossy         ? "for files in a lossy format"
               : w->traces.jpeg ? "for what a JPEG file left in the pixels"
                                : "for noise";
    case DRN_PICTURE_CLEAN:
        break;
    }
    return "for files in a lossless format, at this size";
}

/* What the output's format cannot hold is known before the work. */
static drn_status fits(const work *w, const drn_image *in, drn_error *err)
{
    const char *out = w->job->out;
    drn_image result = {w->target.width, w->target.height, in->bands, in->depth, NULL, NULL};
    return drn_image_can_write(&result, is_stream(out) ? w->o->suffix : out, &w->o->as, err);
}

/* The result's size for a picture of info's size, and whether it is worked on in strips. */
static drn_status plan(work *w, const drn_image *info, const drn_model *model, drn_error *err)
{
    const enlarge_options *o = w->o;
    drn_status st =
        drn_upscale_find_target(&w->target, info->width, info->height, model, &w->how, err);
    if (st == DRN_OK)
        st = fits(w, info, err);
    if (st != DRN_OK)
        return st;
    w->streamed =
        bytes(info, &w->target) > o->memory && !is_stream(w->job->in) && !is_stream(w->job->out);
    if (w->streamed && (o->check || w->job->map || w->how.consistent))
        return fail(err, DRN_ERR_UNSUPPORTED,
                    "%s: %dx%d needs %.0f MB in memory for --check, --trust and --consistent; "
                    "allow them with --memory",
                    w->job->in, w->target.width, w->target.height, bytes(info, &w->target) / 1e6);
    return DRN_OK;
}

/* Pixels tell more than the format of a file. */
static drn_status look_for_traces(work *w, drn_error *err)
{
    if (w->streamed) {
        drn_status st = drn_image_file_traces(&w->traces, w->job->in, err);
        return st == DRN_OK && interrupt_asked() ? DRN_ERR_CANCELLED : st;
    }
    drn_status st = w->in ? DRN_OK : drn_image_read(&w->in, w->job->in, err);
    return st == DRN_OK ? drn_image_traces(&w->traces, w->in, err) : st;
}

/* Look at the input, decide how it is worked on; the standard input is read at once. */
static drn_status look(work *w, drn_error *err)
{
    drn_image info;
    drn_status st;
    if (is_stream(w->job->in)) {
        st = read_stdin(&w->in, &w->lossy, err);
        if (st == DRN_OK)
            info = *w->in;
    } else {
        st = drn_image_probe(&info, w->job->in, err);
        w->lossy = drn_image_file_is_lossy(w->job->in);
    }
    if (st == DRN_OK)
        st = plan(w, &info, w->models->first, err);
    if (st == DRN_OK && w->models->by_picture)
        st = look_for_traces(w, err);
    if (st == DRN_OK)
        st = pick_model(w, info.width, info.height, err);
    if (st == DRN_OK)
        st = plan(w, &info, w->model, err);
    if (st == DRN_OK)
        events_start(w->e, info.width, info.height, &w->target, drn_model_name(w->model), why(w));
    return st;
}

static drn_status write_trust(work *w, drn_error *err)
{
    drn_image *map;
    drn_status st = drn_upscale_trust(&map, NULL, w->out, w->in, err);
    if (st == DRN_OK) {
        st = make_room(w->job->map, err);
        if (st == DRN_OK)
            st = drn_image_write(map, w->job->map, &(drn_write_options){.keep = !w->o->overwrite},
                                 err);
        drn_image_free(map);
    }
    return st;
}

static drn_status in_memory(work *w, drn_error *err)
{
    drn_status st = w->in ? DRN_OK : drn_image_read(&w->in, w->job->in, err);
    if (st == DRN_OK)
        st = drn_upscale(&w->out, w->in, w->model, &w->how, err);
    if (st == DRN_OK && w->o->check)
        st = drn_upscale_check(&w->loop, w->out, w->in, w->model, w->how.threads, err);
    if (st == DRN_OK && w->job->map)
        st = write_trust(w, err);
    if (st == DRN_OK)
        st = is_stream(w->job->out) ? write_stdout(w->out, w->o, err)
                                    : drn_image_write(w->out, w->job->out, &w->o->as, err);
    return st;
}

static drn_status run(work *w, drn_error *err)
{
    drn_status st = may_write(w->job->out, w->o, err);
    if (st == DRN_OK && w->job->map)
        st = may_write(w->job->map, w->o, err);
    if (st == DRN_OK)
        st = look(w, err);
    if (st == DRN_OK)
        st = make_room(w->job->out, err);
    if (st == DRN_OK && w->streamed)
        return drn_upscale_stream(w->job->in, w->job->out, w->model, &w->how, &w->o->as,
                                  w->o->memory < 800e6 ? (size_t)w->o->memory + 1 : 0, err);
    return st == DRN_OK ? in_memory(w, err) : st;
}

void enlarge(const picture_job *job, model_choice *models, const enlarge_options *o, events *e)
{
    drn_error err = {0};
    work w = {.job = job, .models = models, .o = o, .how = o->how, .e = e};
    w.how.progress = events_progress;
    w.how.progress_ctx = e;
    events_next(e, job->in, job->out);
    if (o->resume && !is_stream(job->out) && path_exists(job->out)) {
        events_skip(e);
        return;
    }
    if (run(&w, &err) == DRN_OK)
        events_done(e, &(event_result){w.target.width, w.target.height, o->check ? &w.loop : NULL,
                                       job->map, w.streamed});
    else if (!interrupt_asked())
        events_error(e, &err);
    drn_image_free(w.in);
    drn_image_free(w.out);
}
