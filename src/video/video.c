/* From film to film: a source, the network, a sink. */
#include "base/fileio.h"
#include "base/mem.h"
#include "base/pool.h"
#include "models/model.h"
#include "video/ffmpeg.h"
#include "video/flow.h"
#include "video/hash.h"
#include "video/y4m.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

enum { AT_ONCE = 4 /* frames, when the caller does not say */, JOB_TEXT = 8192 };

/* Everything a run owns. */
typedef struct run {
    const char *in, *out;
    const drn_model *model;
    drn_video_options o;
    drn_listener l;
    drn_source *source;
    drn_film film; /* of the result */
    drn_upscale_options how;
    drn_ffmpeg_choice choice;
    bool raw;  /* the result is y4m */
    bool kept; /* there is a folder OUT.part */
    int part;
    drn_parts parts;
    char *video; /* OUT.part/video.y4m */
    drn_sink *sink;
    drn_flow *flow;
} run;

static bool is_stream(const char *path)
{
    return strcmp(path, "-") == 0;
}

static bool has_suffix(const char *path, const char *suffix)
{
    size_t n = strlen(path), m = strlen(suffix);
    return n > m && strcasecmp(path + n - m, suffix) == 0;
}

/* ---- what to do ---- */

static drn_status open_source(drn_source **out, const char *in, const drn_listener *l,
                              drn_error *err)
{
    struct stat sb;
    if (is_stream(in) || (stat(in, &sb) == 0 && S_ISFIFO(sb.st_mode)))
        return drn_y4m_open(out, in, l->o, err);
    if (stat(in, &sb) != 0)
        return drn_fail(err, DRN_ERR_IO, "%s: %s", in, strerror(errno));
    if (!S_ISREG(sb.st_mode))
        return drn_fail(err, DRN_ERR_IO, "%s: not a regular file", in);
    if (sb.st_size == 0)
        return drn_fail(err, DRN_ERR_FORMAT, "%s: empty", in);
    return drn_y4m_is(in) ? drn_y4m_open(out, in, l->o, err) : drn_ffmpeg_open(out, in, l, err);
}

static drn_status check_output(const run *r, drn_error *err)
{
    struct stat out, in;
    if (is_stream(r->out) || stat(r->out, &out) != 0)
        return DRN_OK;
    if (S_ISDIR(out.st_mode))
        return drn_fail(err, DRN_ERR_IO, "%s: is a folder; name a file", r->out);
    if (!is_stream(r->in) && stat(r->in, &in) == 0 && in.st_dev == out.st_dev &&
        in.st_ino == out.st_ino)
        return drn_fail(err, DRN_ERR_INVALID, "%s: is the input, too", r->out);
    if (!r->o.overwrite)
        return drn_fail(err, DRN_ERR_IO, "%s: exists already; --overwrite replaces it", r->out);
    return DRN_OK;
}

/* Size of the result; encoders want whole chroma samples. */
static drn_status find_size(run *r, drn_error *err)
{
    const drn_yuv_format *in = &r->source->film.f;
    drn_upscale_target t;
    DRN_TRY(drn_upscale_find_target(&t, in->width, in->height, r->model, &r->how, err));
    int mx = r->raw ? 1 : 1 << r->film.f.sx, my = r->raw ? 1 : 1 << r->film.f.sy;
    int32_t w = t.width, h = t.height;
    bool exact = !r->how.fit;
    if ((exact && r->how.width && w % mx) || (exact && r->how.height && h % my))
        return drn_fail(err, DRN_ERR_INVALID, "%dx%d: colours at half the size want even sides", w,
                        h);
    w = w % mx ? (w / mx + (r->how.fit ? 0 : 1)) * mx : w;
    h = h % my ? (h / my + (r->how.fit ? 0 : 1)) * my : h;
    if (w < 1 || h < 1)
        return drn_fail(err, DRN_ERR_INVALID, "%dx%d: too small", t.width, t.height);
    if (w != t.width || h != t.height) {
        r->how.width = w;
        r->how.height = h;
        r->how.factor = 0;
        r->how.fit = false;
    }
    r->film = drn_film_enlarged(&r->film, w, h);
    size_t bytes;
    return drn_yuv_size(&bytes, &r->film.f, err);
}

/* y4m holds any depth and no RGB. */
static void choose_raw(run *r)
{
    drn_yuv_format *f = &r->film.f;
    if (r->o.depth)
        f->depth = r->o.depth;
    if (f->planes == 3 && f->matrix == DRN_MATRIX_RGB) {
        f->matrix = r->film.matrix = DRN_MATRIX_709;
        f->full = false;
        drn_listener_note(&r->l, "RGB frames become 4:4:4 bt709");
    }
    if (r->source->film.uneven)
        drn_listener_note(
            &r->l, "y4m has one frame rate for all frames; the different durations are lost");
}

static void note_input(const run *r)
{
    const drn_film *f = &r->source->film;
    if (f->interlaced)
        drn_listener_note(&r->l,
                          "%s: interlaced; frames are enlarged as they are and combs stay, better "
                          "deinterlace first (ffmpeg -vf bwdif)",
                          f->name);
}

static drn_status check_options(const drn_video_options *o, drn_error *err)
{
    if (o->depth != 0 && o->depth != 8 && o->depth != 10 && o->depth != 12)
        return drn_fail(err, DRN_ERR_INVALID, "a depth of %d bits; 8, 10 and 12 are possible",
                        o->depth);
    if (o->parallel < 0 || o->parallel > 64)
        return drn_fail(err, DRN_ERR_INVALID, "%d frames at the same time; the limit is 64",
                        o->parallel);
    if (o->part < 0 || o->part > 10000)
        return drn_fail(err, DRN_ERR_INVALID, "parts of %d frames; the limit is 10000", o->part);
    if (o->upscale.threads < 0 || o->upscale.threads > 1024)
        return drn_fail(err, DRN_ERR_INVALID, "thread count %d is not in 0..1024",
                        o->upscale.threads);
    return DRN_OK;
}

static drn_status decide(run *r, drn_error *err)
{
    DRN_TRY(check_options(&r->o, err));
    DRN_TRY(check_output(r, err));
    DRN_TRY(open_source(&r->source, r->in, &r->l, err));
    const drn_film *in = &r->source->film;
    if (in->f.planes == 3 && !drn_yuv_matrix_known(in->f.matrix))
        return drn_fail(err, DRN_ERR_UNSUPPORTED,
                        "%s: colours with the matrix number %d of H.273 are not supported",
                        in->name, in->f.matrix);
    note_input(r);
    r->film = *in;
    r->how = r->o.upscale;
    r->raw = is_stream(r->out) || has_suffix(r->out, ".y4m");
    if (r->raw)
        choose_raw(r);
    else
        DRN_TRY(drn_ffmpeg_choose(&r->choice, &r->film, r->out, &r->l, err));
    DRN_TRY(find_size(r, err));
    double rate = in->rate_num > 0 ? (double)in->rate_num / in->rate_den : 24;
    r->part = r->o.part ? r->o.part : (int)fmin(fmax(2 * rate + 0.5, 24), 120);
    r->l.at.total = in->frames;
    return DRN_OK;
}

/* ---- the folder and the sink ---- */

/* What must not change between a run and its resumption. */
static void job_text(char text[JOB_TEXT], const run *r)
{
    char in[64], out[64];
    struct stat sb = {0};
    const drn_upscale_options *h = &r->o.upscale;
    const drn_params *p = r->model->params;
    uint64_t weights = drn_hash(DRN_HASH_START, p->value, p->elements * sizeof(float));
    drn_yuv_describe(in, &r->source->film.f);
    drn_yuv_describe(out, &r->film.f);
    if (!is_stream(r->in))
        (void)stat(r->in, &sb);
    snprintf(text, JOB_TEXT,
             "drn video 1\n"
             "input of %lld bytes, changed %lld.%09ld\n"
             "frames %dx%d %s\n"
             "result %dx%d %s\n"
             "model %s %016llx\n"
             "ensemble %d, linear %d, consistent %d, tile %d, device %d, numbers %d\n"
             "encoder %s, crf %s%g, preset %s, parts of %d frames\n",
             S_ISREG(sb.st_mode) ? (long long)sb.st_size : 0, (long long)sb.st_mtim.tv_sec,
             sb.st_mtim.tv_nsec, r->source->film.f.width, r->source->film.f.height, in,
             r->film.f.width, r->film.f.height, out, drn_model_name(r->model),
             (unsigned long long)weights, h->ensemble, h->linear, h->consistent, h->tile,
             (int)h->device, (int)h->numbers, r->raw ? "y4m" : r->choice.name,
             r->o.has_crf ? "" : "default ", r->o.has_crf ? r->o.crf : 0,
             r->o.preset ? r->o.preset : "default", r->raw ? 1 : r->part);
}

static drn_status raw_sink(run *r, drn_error *err)
{
    if (!r->kept)
        return drn_y4m_sink(&r->sink, stdout, 0, NULL, NULL, &r->film, err);
    r->video = drn_parts_path(&r->parts, "video.y4m");
    if (!r->video)
        return drn_fail(err, DRN_ERR_NOMEM, "%s: out of memory", r->out);
    int fd = open(r->video, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    FILE *f = fd < 0 ? NULL : fdopen(fd, "r+b");
    if (!f)
        return drn_fail(err, DRN_ERR_IO, "%s: %s", r->video, strerror(errno));
    drn_status st = drn_y4m_sink(&r->sink, f, r->parts.known, r->video, r->out, &r->film, err);
    if (st != DRN_OK)
        fclose(f);
    return st;
}

static drn_status open_sink(run *r, drn_error *err)
{
    char text[JOB_TEXT];
    r->kept = !is_stream(r->out);
    if (r->kept) {
        job_text(text, r);
        DRN_TRY(drn_parts_open(&r->parts, r->out, text, r->o.restart, err));
    }
    drn_ffmpeg_job job = {.in = strcmp(r->source->film.codec, "y4m") == 0 ? NULL : r->in,
                          .out = r->out,
                          .film = &r->film,
                          .choice = &r->choice,
                          .o = &r->o,
                          .l = &r->l,
                          .parts = &r->parts,
                          .part = r->part};
    DRN_TRY(r->raw ? raw_sink(r, err) : drn_ffmpeg_sink(&r->sink, &job, err));
    r->l.at.done = r->l.at.resumed = r->sink->done;
    return r->kept ? drn_parts_keep(&r->parts, r->sink->done, err) : DRN_OK;
}

/* ---- the work ---- */

/* Frames at the same time, and threads for each of them. */
static void share_out(drn_flow_job *job, const drn_video_options *o)
{
    drn_error none = {0};
    int threads = o->upscale.threads ? o->upscale.threads : drn_cpu_count();
    bool gpu = o->upscale.device == DRN_DEVICE_CUDA ||
               (o->upscale.device == DRN_DEVICE_AUTO &&
                drn_device_check(DRN_DEVICE_CUDA, NULL, 0, &none) == DRN_OK);
    job->parallel = o->parallel ? o->parallel : gpu ? 1 : threads < AT_ONCE ? threads : AT_ONCE;
    job->how.threads = (threads + job->parallel - 1) / job->parallel;
}

static drn_status open_flow(run *r, drn_error *err)
{
    drn_flow_job job = {
        .in = r->source->film.f, .out = r->film.f, .model = r->model, .how = r->how};
    job.how.progress = NULL;
    share_out(&job, &r->o);
    return drn_flow_new(&r->flow, &job, err);
}

/* Read frames until all places are taken; those that are finished are only looked at. */
static drn_status fill(run *r, bool *end, drn_error *err)
{
    drn_frame *room;
    size_t bytes;
    DRN_TRY(drn_yuv_size(&bytes, &r->source->film.f, err));
    while (!*end && (room = drn_flow_room(r->flow))) {
        DRN_TRY(r->source->next(r->source, room, end, err));
        if (*end)
            break;
        uint64_t hash = drn_hash(DRN_HASH_START, room->data, bytes);
        if (r->kept && r->parts.at < r->l.at.resumed) {
            DRN_TRY(drn_parts_check(&r->parts, hash, err));
            DRN_TRY(drn_listener_tell(&r->l, err));
            continue;
        }
        drn_flow_submit(r->flow, hash);
    }
    return DRN_OK;
}

/* Keep the oldest result if it comes within the time. */
static drn_status drain(run *r, double seconds, bool *got, drn_error *err)
{
    const drn_frame *frame;
    uint64_t hash;
    DRN_TRY(drn_flow_take(&frame, &hash, r->flow, seconds, err));
    *got = frame != NULL;
    if (!frame)
        return DRN_OK;
    if (r->kept)
        DRN_TRY(drn_parts_add(&r->parts, hash, err));
    DRN_TRY(r->sink->write(r->sink, frame, err));
    drn_flow_release(r->flow);
    r->l.at.done = r->sink->done;
    return DRN_OK;
}

static drn_status loop(run *r, drn_error *err)
{
    bool end = false, got, torn = false;
    drn_status st = DRN_OK;
    while (st == DRN_OK) {
        st = fill(r, &end, err);
        if (st == DRN_OK && end && !drn_flow_busy(r->flow))
            break;
        if (st == DRN_OK) {
            st = drain(r, 0.1, &got, err);
            torn = st != DRN_OK;
        }
        if (st == DRN_OK)
            st = drn_listener_tell(&r->l, err);
    }
    /* what is ready is kept, unless keeping is what failed: nothing may follow a torn frame */
    while (!torn && st != DRN_OK && drain(r, 0, &got, NULL) == DRN_OK && got)
        ;
    if (st == DRN_OK && r->parts.at < r->l.at.resumed)
        return drn_fail(err, DRN_ERR_INVALID,
                        "%s: has fewer frames than when this was begun; --restart begins anew",
                        r->source->film.name);
    return st;
}

static drn_status finish(run *r, drn_error *err)
{
    if (r->sink->done == 0)
        return drn_fail(err, DRN_ERR_FORMAT, "%s: no frames in it", r->source->film.name);
    r->l.at.total = r->sink->done;
    r->l.at.joining = true;
    DRN_TRY(drn_listener_tell(&r->l, err));
    return r->sink->finish(r->sink, &r->l, err);
}

static void close_run(run *r, drn_status st)
{
    drn_flow_free(r->flow);
    if (r->sink)
        r->sink->close(r->sink);
    if (r->source)
        r->source->close(r->source);
    drn_free(r->video);
    /* nothing finished is nothing to go on with */
    if (st == DRN_OK || (r->parts.dir && r->l.at.done == 0 && r->parts.known == 0))
        drn_parts_remove(&r->parts);
    else
        drn_parts_close(&r->parts);
}

drn_status drn_video_upscale(const char *in, const char *out, const drn_model *model,
                             const drn_video_options *options, drn_video_result *result,
                             drn_error *err)
{
    run r = {.in = in, .out = out, .model = model};
    drn_status st;
    if (options)
        r.o = *options;
    r.l.o = &r.o;
    DRN_CHECK(decide(&r, err));
    DRN_CHECK(open_sink(&r, err));
    DRN_CHECK(open_flow(&r, err));
    DRN_CHECK(loop(&r, err));
    DRN_CHECK(finish(&r, err));
    if (result)
        *result = (drn_video_result){r.film.f.width, r.film.f.height, r.sink->done, r.l.at.resumed};
done:
    close_run(&r, st);
    return st;
}

drn_status drn_video_probe(drn_video_info *info, const char *path, drn_error *err)
{
    drn_source *s;
    drn_video_options o = {0};
    drn_listener l = {.o = &o};
    if (is_stream(path))
        return drn_fail(err, DRN_ERR_INVALID, "the standard input can be read only once");
    DRN_TRY(open_source(&s, path, &l, err));
    const drn_film *f = &s->film;
    *info = (drn_video_info){.width = f->f.width,
                             .height = f->f.height,
                             .frames = f->frames,
                             .rate_num = f->rate_num,
                             .rate_den = f->rate_den,
                             .depth = f->f.depth};
    memcpy(info->codec, f->codec, sizeof info->codec);
    drn_yuv_describe(info->pixels, &f->f);
    s->close(s);
    return DRN_OK;
}
