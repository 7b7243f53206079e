/* drn upscale: pictures in, larger pictures out. */
#include "cli.h"
#include "models.h"
#include "pictures.h"

#include "drn/upscale.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

typedef struct options {
    const char *out, *model;
    int scale, threads, tile, format, quality;
    bool quiet;
} options;

static const char *const formats[] = {"png", "jpg", "webp", "tif"};

static const opt table[] = {
    OPT(TEXT, out, "output", 'o', .arg = "OUT", .required = true,
        .doc = "file to write, its suffix names the format; or a folder"),
    OPT(INT, scale, "scale", 's', .arg = "S", .min = 0, .max = 64, .fallback = "0",
        .doc = "how many times larger: 2, 4 or 8, as the model can; 0: its largest"),
    OPT(TEXT, model, "model", 'm', .arg = "MODEL", .fallback = DEFAULT_MODEL,
        .doc =
            "a built-in model ('drn models' lists them), a .safetensors file, or the word default: "
            "the built-in model marked so"),
    OPT(INT, threads, "threads", 'j', .arg = "N", .min = 0, .max = 1024, .fallback = "0",
        .doc = "threads; 0: all cores.  The result is the same for any number"),
    OPT(INT, tile, "tile", 't', .arg = "PIXELS", .min = 0, .max = 1 << 20, .fallback = "0",
        .doc = "side of the tiles the picture is worked on in; 0: chosen by itself"),
    OPT(CHOICE, format, "format", 'f', .arg = "KIND", .choices = "png|jpg|webp|tif",
        .fallback = "png", .doc = "of results in a folder"),
    OPT(INT, quality, "quality", 0, .arg = "Q", .min = 1, .max = 100, .fallback = "92",
        .doc = "of formats that lose something; 100: lossless where the format can"),
    OPT(FLAG, quiet, "quiet", 'q', .doc = "no progress on the standard error output"),
    {0},
};

static int run(int argc, char **argv);
const command cmd_upscale = {
    "upscale",
    "IN... -o OUT",
    "Enlarge pictures",
    "IN may be a folder: then all its pictures are enlarged, and OUT is a folder.  Colour profile, "
    "EXIF data, bit depth, grey and alpha are kept.",
    table,
    1,
    -1,
    run,
};

/* Set by Ctrl-C; a second one ends the program at once. */
static volatile sig_atomic_t interrupted;

static void interrupt(int sig)
{
    (void)sig;
    interrupted = 1;
}

typedef struct progress {
    const char *name;
    bool quiet, live; /* live: a terminal, where the line can be overwritten */
    int shown;        /* percent shown last */
} progress;

static bool show_progress(void *ctx, double done)
{
    progress *p = ctx;
    int percent = (int)(100 * done), step = p->live ? 1 : 25;
    if (!p->quiet && percent / step > p->shown / step) {
        p->shown = percent;
        fprintf(stderr, p->live ? "\r%s %3d%%" : "%s %d%%\n", p->name, percent);
    }
    return !interrupted;
}

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static drn_status upscale(const picture_job *job, const drn_model *model, const options *o,
                          drn_error *err)
{
    double start = seconds();
    drn_image *in = NULL, *out = NULL;
    progress p = {job->in, o->quiet, isatty(STDERR_FILENO) == 1, 0};
    drn_upscale_options how = {o->scale, o->threads, o->tile, show_progress, &p};
    drn_write_options as = {o->quality};
    drn_status st = drn_image_read(&in, job->in, err);
    if (st == DRN_OK)
        st = drn_upscale(&out, in, model, &how, err);
    if (p.live && p.shown > 0)
        fputs("\r\033[K", stderr);
    if (st == DRN_OK)
        st = drn_image_write(out, job->out, &as, err);
    if (st == DRN_OK && !o->quiet)
        fprintf(stderr, "%s: %dx%d, %.2f s\n", job->out, out->width, out->height,
                seconds() - start);
    drn_image_free(in);
    drn_image_free(out);
    return st;
}

static int upscale_all(const picture_jobs *jobs, const drn_model *model, const options *o)
{
    size_t failed = 0;
    for (size_t i = 0; i < jobs->count && !interrupted; i++) {
        drn_error err = {0};
        drn_status st = upscale(&jobs->items[i], model, o, &err);
        failed += st != DRN_OK;
        if (st != DRN_OK && !interrupted)
            cli_fail(&err);
    }
    if (interrupted)
        return cli_error("interrupted; pictures already written are complete");
    if (failed > 0 && jobs->count > 1)
        cli_error("%zu of %zu pictures failed", failed, jobs->count);
    return failed > 0 ? EXIT_FAILED : EXIT_OK;
}

static int run(int argc, char **argv)
{
    options o = {0};
    arg_list args;
    picture_jobs jobs = {0};
    drn_model *model = NULL;
    int code = EXIT_FAILED;
    cli_parse(&cmd_upscale, &o, &args, argc, argv);
    struct sigaction on_interrupt = {.sa_handler = interrupt, .sa_flags = (int)SA_RESETHAND};
    sigaction(SIGINT, &on_interrupt, NULL);
    sigaction(SIGTERM, &on_interrupt, NULL);
    if (pictures_plan(&jobs, &args, o.out, formats[o.format]) &&
        load_model(&model, o.model, o.scale))
        code = upscale_all(&jobs, model, &o);
    drn_model_free(model);
    pictures_free(&jobs);
    free(args.items);
    return code;
}
