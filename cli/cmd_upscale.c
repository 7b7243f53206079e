/* drn upscale: pictures in, larger pictures out. */
#include "cli.h"
#include "device.h"
#include "enlarge.h"
#include "interrupt.h"
#include "models.h"
#include "pictures.h"
#include "ranks.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

typedef struct options {
    const char *out, *model, *name, *fit, *trust;
    text_list inputs;
    double scale, memory;
    int width, height, threads, tile, format, quality, alpha, device, precision;
    bool recursive, overwrite, resume, ensemble, linear, consistent, check, json, quiet, verbose;
} options;

#define FORMATS "auto|same|png|jpg|jpeg|webp|tif|tiff|avif|jxl|jp2|heic|gif|ppm"
static const char *const formats[] = {"png",  NULL,   "png", "jpg", "jpeg", "webp", "tif",
                                      "tiff", "avif", "jxl", "jp2", "heic", "gif",  "ppm"};
enum { FORMAT_AUTO, FORMAT_SAME, CONSISTENT_ROUNDS = 30 };

static const opt table[] = {
    OPT(TEXT, out, "output", 'o', .arg = "OUT",
        .doc = "file to write, its suffix names the format; or a folder; or - for the standard "
               "output.  "
               "Without it every result is put beside its picture"),
    OPT(NUMBER, scale, "scale", 's', .arg = "S", .min = 0, .max = DRN_UPSCALE_MAX, .fallback = "0",
        .doc = "how many times larger, 2.5 is fine; 0: the model's largest.  What the model has "
               "not is made by "
               "the next larger scale, or several passes, and an antialiased shrink"),
    OPT(INT, width, "width", 'W', .arg = "PIXELS", .min = 0, .max = 1 << 30, .fallback = "0",
        .doc = "width of the result; the height follows, or is --height"),
    OPT(INT, height, "height", 'H', .arg = "PIXELS", .min = 0, .max = 1 << 30, .fallback = "0",
        .doc = "height of the result; the width follows, or is --width"),
    OPT(TEXT, fit, "fit", 0, .arg = "WxH", .doc = "largest size that fits into W x H pixels"),
    OPT(TEXT, model, "model", 'm', .arg = "MODEL", .fallback = AUTO_MODEL,
        .doc =
            "a built-in model ('drn models' lists them) or a .safetensors file.  auto: "
            "drn-compact-graphics-x4 for what is drawn (screenshots, text, line art, logos); for photos "
            "drn-compact-photo-x4 if the file's format loses detail (JPEG, WebP that is not "
            "lossless, AVIF, HEIC, JPEG 2000, JPEG XL), or the pixels were in a JPEG file or "
            "are noisy; for others drn-compact-x4, or drn-x8 above 4 up to 8 times.  best: the "
            "large models for photos, 5 times slower: drn-photo-x4, or drn-x2, "
            "drn-x4 or drn-x8 by the size.  default: drn-compact-x4"),
    OPT(FLAG, ensemble, "ensemble", 'x',
        .doc = "mean over the 8 flips and turns of the picture: slightly better, 8 times the work"),
    OPT(FLAG, consistent, "consistent", 0,
        .doc = "correct the result until, shrunk again, it is the input"),
    OPT(FLAG, check, "check", 0,
        .doc = "print how well the result, shrunk again, returns to the input"),
    OPT(TEXT, trust, "trust", 0, .arg = "FILE",
        .doc = "write a map of where the result can be trusted (bright) as a grey PNG; a folder "
               "for several pictures"),
    OPT(FLAG, linear, "linear", 0,
        .doc = "shrink to the wanted size in linear light; the network itself always sees sRGB "
               "values"),
    OPT(CHOICE, alpha, "alpha", 0, .arg = "HOW", .choices = "network|bicubic",
        .fallback = "network", .doc = "what enlarges transparency"),
    OPT(LIST, inputs, "input", 'i', .arg = "IN", .doc = "the same as IN without -i"),
    OPT(FLAG, recursive, "recursive", 'r', .doc = "folders in folders, too; their tree is kept"),
    OPT(TEXT, name, "name", 'n', .arg = "PATTERN",
        .doc =
            "names of results: {name}, {scale}, {size}, {ext} stand for the picture's name, 4, x4 "
            "or "
            "1920w, and the suffix (default: {name}_{size}.{ext}; in another folder {name}.{ext})"),
    OPT(CHOICE, format, "format", 'f', .arg = "KIND", .choices = FORMATS, .fallback = "auto",
        .doc = "of results that the suffix of -o does not tell; auto: png; same: as the input"),
    OPT(INT, quality, "quality", 0, .arg = "Q", .min = 1, .max = 100, .fallback = "92",
        .doc = "of formats that lose something; 100: lossless where the format can"),
    OPT(FLAG, overwrite, "overwrite", 0, .doc = "replace existing files"),
    OPT(FLAG, resume, "resume", 0,
        .doc = "leave out pictures whose result exists; results are always whole"),
    OPT(INT, threads, "threads", 'j', .arg = "N", .min = 0, .max = 1024, .fallback = "0",
        .doc = "threads; 0: all cores.  The result is the same for any number"),
    OPT(INT, tile, "tile", 't', .arg = "PIXELS", .min = 0, .max = 1 << 20, .fallback = "0",
        .doc = "width of the strips the picture is worked on in, from top to bottom; on a GPU the side "
               "of square tiles; 0: chosen from cache and memory"),
    OPT(NUMBER, memory, "memory", 0, .arg = "MB", .min = 0, .max = 1e9, .fallback = "0",
        .doc = "pictures that need more than this are worked on in strips, from file to file; 0: "
               "half of the machine's"),
    DEVICE_OPTIONS,
    OPT(FLAG, json, "json", 0, .doc = "events on the standard output, a JSON object a line"),
    OPT(FLAG, verbose, "verbose", 'v', .doc = "tell the model, the passes and what is skipped"),
    OPT(FLAG, quiet, "quiet", 'q', .doc = "only errors"),
    {0},
};

static int run(int argc, char **argv);
const command cmd_upscale = {
    "upscale",
    "IN... [-o OUT]",
    "Enlarge pictures",
    "IN may be a folder: then all its pictures are enlarged, and OUT is a folder.  IN may be - for "
    "the "
    "standard input.  Colour profile, EXIF data, bit depth, grey and alpha are kept.  Existing "
    "files are "
    "never replaced without --overwrite.  mpirun -n N drn upscale ... shares the pictures out to N processes.",
    table,
    0,
    -1,
    run,
};

/* What to do with each picture; ends the program when options contradict each other. */
static enlarge_options task(const options *o)
{
    bool size = o->width || o->height;
    enlarge_options t = {.how = {.threads = o->threads,
                                 .tile = o->tile,
                                 .factor = o->scale,
                                 .width = o->width,
                                 .height = o->height,
                                 .fit = o->fit != NULL,
                                 .ensemble = o->ensemble,
                                 .linear = o->linear,
                                 .alpha = (drn_alpha)o->alpha,
                                 .consistent = o->consistent ? CONSISTENT_ROUNDS : 0,
                                 .device = (drn_device)o->device,
                                 .numbers = (drn_numbers)o->precision},
                         .as = {.quality = o->quality, .keep = !o->overwrite},
                         .check = o->check,
                         .overwrite = o->overwrite,
                         .resume = o->resume,
                         .memory = o->memory * 1e6};
    if ((o->scale > 0) + size + (o->fit != NULL) > 1)
        cli_usage(&cmd_upscale, "-s, --width with --height, and --fit exclude each other");
    if (o->fit && !cli_box(o->fit, &t.how.width, &t.how.height))
        cli_usage(&cmd_upscale, "--fit wants a size like 1920x1080, not '%s'", o->fit);
    if (o->scale > 0 && o->scale < 1)
        cli_usage(&cmd_upscale, "-s %g would shrink; 'drn downscale' does that", o->scale);
    if (o->overwrite && o->resume)
        cli_usage(&cmd_upscale,
                  "--overwrite replaces existing results, --resume keeps them; choose one");
    if (o->trust && !*o->trust)
        cli_usage(&cmd_upscale, "--trust wants a file name");
    if (t.memory == 0)
        t.memory = (double)sysconf(_SC_PHYS_PAGES) * (double)sysconf(_SC_PAGESIZE) / 2;
    return t;
}

/* "4" and "x4", or "1920w" twice; to be freed. */
static void size_words(char **scale, char **size, const enlarge_options *t, const drn_model *model)
{
    const drn_upscale_options *h = &t->how;
    if (h->width && h->height)
        *size = cli_format("%dx%d", h->width, h->height);
    else if (h->width || h->height)
        *size = cli_format("%d%c", h->width ? h->width : h->height, h->width ? 'w' : 'h');
    else
        *size = NULL;
    double times = h->factor > 0 ? h->factor : drn_model_config(model)->scale;
    *scale = *size ? cli_format("%s", *size) : cli_format("%g", times);
    if (!*size)
        *size = cli_format("x%s", *scale);
}

static bool plan(picture_jobs *jobs, const arg_list *in, const options *o, const enlarge_options *t,
                 const drn_model *model)
{
    char *scale, *size;
    size_words(&scale, &size, t, model);
    picture_rules rules = {.out = o->out,
                           .pattern = o->name  ? o->name
                                      : o->out ? "{name}.{ext}"
                                               : "{name}_{size}.{ext}",
                           .ext = formats[o->format],
                           .scale = scale,
                           .size = size,
                           .recursive = o->recursive,
                           .rename = true};
    bool ok = pictures_plan(jobs, in, &rules);
    free(scale);
    free(size);
    return ok;
}

/* One of the suffixes of a format. */
static const char *common(const char *suffix)
{
    static const char *const same[][2] = {
        {"jpeg", "jpg"}, {"tiff", "tif"}, {"pgm", "ppm"}, {"pnm", "ppm"}};
    for (size_t i = 0; i < sizeof same / sizeof *same; i++)
        if (strcasecmp(suffix, same[i][0]) == 0)
            return same[i][1];
    return suffix;
}

/* A file named by -o has a suffix of its own. */
static void check_format(const options *o, const picture_jobs *jobs)
{
    const char *out = jobs->items[0].out, *dot = strrchr(out, '.'), *wanted = formats[o->format];
    if (jobs->count != 1 || o->format <= FORMAT_SAME || strcmp(out, "-") == 0 || !dot)
        return;
    if (strcasecmp(common(dot + 1), common(wanted)) != 0)
        cli_usage(&cmd_upscale, "-f %s and the file name %s contradict each other", wanted, out);
}

/* ---- all pictures, by one process or several ---- */

typedef struct task_list {
    const picture_jobs *jobs;
    model_choice *models;
    const enlarge_options *t;
    events *e;
} task_list;

/* What another process tells of a picture; behind it what it printed: to_bytes for the standard
 * output, the rest for standard error. */
typedef struct told {
    size_t done, failed, skipped, to_bytes;
} told;

static bool enlarge_here(void *ctx, size_t i, void **result, size_t *bytes)
{
    task_list *l = ctx;
    (void)result, (void)bytes;
    enlarge(&l->jobs->items[i], l->models, l->t, l->e);
    return !interrupt_asked();
}

/* With the text in memory, for rank 0 to print when its turn has come. */
static bool enlarge_apart(void *ctx, size_t i, void **result, size_t *bytes)
{
    task_list *l = ctx;
    char *to = NULL, *text = NULL;
    size_t to_bytes = 0, text_bytes = 0;
    events e = events_begin(l->jobs->count, l->e->json, l->e->quiet, l->e->verbose);
    e.to = open_memstream(&to, &to_bytes);
    e.err = open_memstream(&text, &text_bytes);
    if (!e.to || !e.err)
        exit(cli_error("out of memory"));
    e.live = false;
    e.index = i;
    enlarge(&l->jobs->items[i], l->models, l->t, &e);
    fclose(e.to);
    fclose(e.err);
    *bytes = sizeof(told) + to_bytes + text_bytes;
    char *all = *result = cli_alloc(*bytes, 1);
    memcpy(all, &(told){e.done, e.failed, e.skipped, to_bytes}, sizeof(told));
    memcpy(all + sizeof(told), to, to_bytes);
    memcpy(all + sizeof(told) + to_bytes, text, text_bytes);
    free(to);
    free(text);
    return !interrupt_asked();
}

static bool show(void *ctx, size_t i, const void *result, size_t bytes)
{
    events *e = ((task_list *)ctx)->e;
    const char *text = (const char *)result + sizeof(told);
    told t;
    (void)i;
    if (bytes < sizeof t)
        return true;
    memcpy(&t, result, sizeof t);
    e->done += t.done;
    e->failed += t.failed;
    e->skipped += t.skipped;
    fwrite(text, 1, t.to_bytes, stdout);
    fflush(stdout);
    fwrite(text + t.to_bytes, 1, bytes - sizeof t - t.to_bytes, stderr);
    return true;
}

static int enlarge_all(const picture_jobs *jobs, model_choice *models, enlarge_options *t,
                       const options *o)
{
    events e = events_begin(jobs->count, o->json, o->quiet, o->verbose);
    char *suffix = cli_format(".%s", formats[o->format] ? formats[o->format] : "png");
    t->suffix = suffix;
    if (o->verbose && !o->json && !models->by_picture && !ranks_silent())
        cli_say(stderr, "model %s, %zu parameters, %zu picture%s\n", drn_model_name(models->first),
                drn_model_parameters(models->first, false), jobs->count,
                jobs->count == 1 ? "" : "s");
    task_list list = {jobs, models, t, &e};
    bool all = ranks_share(jobs->count, ranks() ? enlarge_apart : enlarge_here, show, &list);
    free(suffix);
    return ranks_silent() ? EXIT_OK : events_end(&e, !all);
}

/* A number for which picture becomes which. */
static uint64_t plan_number(const picture_jobs *jobs)
{
    uint64_t h = jobs->count;
    for (size_t i = 0; i < jobs->count; i++) {
        for (const char *p = jobs->items[i].in; *p; p++)
            h = (h ^ (unsigned char)*p) * 0x100000001b3u;
        for (const char *p = jobs->items[i].out; *p; p++)
            h = (h ^ (unsigned char)*p) * 0x100000001b3u + 1;
    }
    return h;
}

/* The standard input and output are those of rank 0. */
static bool streams_fit(const picture_jobs *jobs)
{
    for (size_t i = 0; ranks() && i < jobs->count; i++)
        if (strcmp(jobs->items[i].in, "-") == 0 || strcmp(jobs->items[i].out, "-") == 0) {
            cli_error("several processes read and write files only, not the standard input or output");
            return false;
        }
    return true;
}

/* IN and -i IN together. */
static void gather(arg_list *args, const options *o)
{
    args->items =
        cli_grow(args->items, (size_t)(args->count + o->inputs.count + 1), sizeof *args->items);
    for (int i = 0; i < o->inputs.count; i++)
        args->items[args->count++] = (char *)(uintptr_t)o->inputs.items[i];
    if (args->count == 0)
        cli_usage(&cmd_upscale, "too few arguments; expected: drn upscale %s", cmd_upscale.args);
}

static int run(int argc, char **argv)
{
    options o = {0};
    arg_list args;
    picture_jobs jobs = {0};
    model_choice models = {0};
    int code = EXIT_FAILED;
    cli_parse(&cmd_upscale, &o, &args, argc, argv);
    gather(&args, &o);
    const char *wrong = o.name ? pattern_error(o.name) : NULL;
    if (wrong)
        cli_usage(&cmd_upscale, "--name '%s' %s", o.name, wrong);
    enlarge_options t = task(&o);
    bool to_stdout =
        o.out ? strcmp(o.out, "-") == 0 : args.count == 1 && strcmp(args.items[0], "-") == 0;
    if (to_stdout && o.json)
        cli_usage(&cmd_upscale, "--json and the picture cannot both go to the standard output");
    if (to_stdout && isatty(STDOUT_FILENO))
        cli_usage(&cmd_upscale,
                  "the picture would go to the terminal; redirect it, or name a file with -o");
    ranks_open();
    t.how.threads = drn_comm_threads(ranks(), t.how.threads);
    if (o.memory == 0) /* they may all be on one machine */
        t.memory /= drn_comm_world(ranks());
    announce_device(o.device, o.quiet || o.json || ranks_silent());
    interrupt_catch();
    bool ok = model_choice_load(&models, o.model) && plan(&jobs, &args, &o, &t, models.first) &&
              streams_fit(&jobs) && (!o.trust || pictures_maps(&jobs, o.trust));
    if (ok)
        check_format(&o, &jobs);
    /* nobody writes before all have looked what is there */
    if (ranks_agree(ok, ok ? plan_number(&jobs) : 0, "pictures"))
        code = enlarge_all(&jobs, &models, &t, &o);
    model_choice_free(&models);
    pictures_free(&jobs);
    free(args.items);
    return ranks_end(code);
}
