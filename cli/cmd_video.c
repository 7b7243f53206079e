/* drn video: a film in, a larger film out. */
#include "cli.h"
#include "device.h"
#include "interrupt.h"
#include "models.h"
#include "video_events.h"

#include "drn/video.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct options {
    const char *out, *model, *fit, *codec, *preset;
    double scale, crf;
    int width, height, threads, parallel, tile, depth, matrix, part, device, precision;
    bool ensemble, consistent, linear, overwrite, restart, drop, damaged, json, quiet, verbose;
} options;

static const opt table[] = {
    OPT(TEXT, out, "output", 'o', .arg = "OUT", .required = true,
        .doc = "file to write, its suffix names the format; .y4m: raw frames; -: y4m on the "
               "standard output"),
    OPT(NUMBER, scale, "scale", 's', .arg = "S", .min = 0, .max = DRN_UPSCALE_MAX, .fallback = "0",
        .doc = "how many times larger, 2.5 is fine; 0: the model's largest"),
    OPT(INT, width, "width", 'W', .arg = "PIXELS", .min = 0, .max = 1 << 16, .fallback = "0",
        .doc = "width of the result; the height follows, or is --height"),
    OPT(INT, height, "height", 'H', .arg = "PIXELS", .min = 0, .max = 1 << 16, .fallback = "0",
        .doc = "height of the result; the width follows, or is --width"),
    OPT(TEXT, fit, "fit", 0, .arg = "WxH", .doc = "largest size that fits into W x H pixels"),
    OPT(TEXT, model, "model", 'm', .arg = "MODEL", .fallback = AUTO_MODEL,
        .doc = "a built-in model ('drn models' lists them) or a .safetensors file.  auto: "
               "drn-compact-photo-x4, as films are stored with losses.  best: drn-photo-x4, 5 times "
               "slower.  default: drn-compact-x4, for films without losses"),
    OPT(FLAG, ensemble, "ensemble", 'x',
        .doc = "mean over the 8 flips and turns of each frame: slightly better, 8 times the work"),
    OPT(FLAG, consistent, "consistent", 0,
        .doc = "correct each frame until, shrunk again, it is the input's"),
    OPT(FLAG, linear, "linear", 0, .doc = "shrink to the wanted size in linear light"),
    OPT(TEXT, codec, "codec", 'c', .arg = "CODEC",
        .doc = "x264, x265, av1, vp9 or ffv1 (lossless), as far as this build has them (default: "
               "x264, x265 for "
               "more than 8 bits, av1 for .webm)"),
    OPT(NUMBER, crf, "crf", 0, .arg = "Q", .min = -1, .max = 63, .fallback = "-1",
        .doc = "quality, smaller is better and larger; -1: 17 for x264, 19 for x265, 24 for av1 "
               "and vp9"),
    OPT(TEXT, preset, "preset", 'p', .arg = "NAME",
        .doc = "how long the encoder tries, in its own words (default: medium for x264 and x265, 8 "
               "for av1, 2 for vp9)"),
    OPT(INT, depth, "depth", 0, .arg = "BITS", .min = 0, .max = 12, .fallback = "0",
        .doc = "bits a sample, 8, 10 or 12; 0: as the input"),
    OPT(CHOICE, matrix, "matrix", 0, .arg = "WHICH", .choices = "guess|601|709|2020",
        .fallback = "guess",
        .doc =
            "colour matrix of films that do not say theirs; guess: 601 up to 576 rows, else 709"),
    OPT(FLAG, drop, "drop", 0,
        .doc = "leave out sound and subtitles that OUT's format cannot hold"),
    OPT(FLAG, damaged, "damaged", 0, .doc = "go on behind damaged places instead of stopping"),
    OPT(FLAG, overwrite, "overwrite", 0, .doc = "replace an existing file"),
    OPT(FLAG, restart, "restart", 0,
        .doc = "throw away what an interrupted run has left in OUT.part"),
    OPT(INT, threads, "threads", 'j', .arg = "N", .min = 0, .max = 1024, .fallback = "0",
        .doc = "threads of the network; 0: all cores.  The frames are the same for any number"),
    OPT(INT, parallel, "parallel", 0, .arg = "N", .min = 0, .max = 64, .fallback = "0",
        .doc = "frames at the same time, each takes memory of its own; 0: one a core, at most 4; "
               "on a GPU 1"),
    OPT(INT, tile, "tile", 't', .arg = "PIXELS", .min = 0, .max = 1 << 20, .fallback = "0",
        .doc = "side of the tiles a frame is worked on in; 0: chosen by itself"),
    OPT(INT, part, "part", 0, .arg = "FRAMES", .min = 0, .max = 10000, .fallback = "0",
        .doc = "frames encoded as a unit; until one is full its frames lie raw in OUT.part; 0: two "
               "seconds"),
    DEVICE_OPTIONS,
    OPT(FLAG, json, "json", 0, .doc = "events on the standard output, a JSON object a line"),
    OPT(FLAG, verbose, "verbose", 'v', .doc = "tell the frames' format, the size and the model"),
    OPT(FLAG, quiet, "quiet", 'q', .doc = "only errors"),
    {0},
};

static int run(int argc, char **argv);
const command cmd_video = {
    "video",
    "IN -o OUT",
    "Enlarge a film, frame by frame",
    "IN may be -: y4m on the standard input.  Sound, subtitles, chapters, time stamps, colour "
    "tags, pixel aspect "
    "and rotation are kept.  An interrupted run goes on when the same command is given again; "
    "until then what is "
    "finished lies in the folder OUT.part.",
    table,
    1,
    1,
    run,
};

/* Ends the program when options contradict each other. */
static drn_video_options task(const options *o, video_events *e)
{
    drn_video_options v = {.upscale = {.factor = o->scale,
                                       .width = o->width,
                                       .height = o->height,
                                       .fit = o->fit != NULL,
                                       .threads = o->threads,
                                       .tile = o->tile,
                                       .ensemble = o->ensemble,
                                       .linear = o->linear,
                                       .consistent = o->consistent ? 30 : 0,
                                       .device = (drn_device)o->device,
                                       .numbers = (drn_numbers)o->precision},
                           .parallel = o->parallel,
                           .codec = o->codec,
                           .crf = o->crf,
                           .has_crf = o->crf >= 0,
                           .preset = o->preset,
                           .depth = o->depth,
                           .matrix = (drn_video_matrix)o->matrix,
                           .drop = o->drop,
                           .damaged = o->damaged,
                           .overwrite = o->overwrite,
                           .restart = o->restart,
                           .part = o->part,
                           .progress = video_events_progress,
                           .progress_ctx = e,
                           .note = video_events_note,
                           .note_ctx = e};
    if ((o->scale > 0) + (o->width || o->height) + (o->fit != NULL) > 1)
        cli_usage(&cmd_video, "-s, --width with --height, and --fit exclude each other");
    if (o->fit && !cli_box(o->fit, &v.upscale.width, &v.upscale.height))
        cli_usage(&cmd_video, "--fit wants a size like 1920x1080, not '%s'", o->fit);
    if (o->scale > 0 && o->scale < 1)
        cli_usage(&cmd_video, "-s %g would shrink", o->scale);
    if (o->depth != 0 && o->depth != 8 && o->depth != 10 && o->depth != 12)
        cli_usage(&cmd_video, "--depth is 8, 10 or 12");
    return v;
}

/* What goes in, on the standard error. */
static void describe(const char *in, const drn_model *model)
{
    drn_video_info i;
    drn_error err = {0};
    cli_say(stderr, "model %s, %zu parameters\n", drn_model_name(model),
            drn_model_parameters(model, false));
    if (strcmp(in, "-") != 0 && drn_video_probe(&i, in, &err) == DRN_OK)
        cli_say(stderr, "%s: %dx%d %s, %s, %.4g fps, %lld frames\n", in, i.width, i.height, i.codec,
                i.pixels, (double)i.rate_num / i.rate_den, (long long)i.frames);
}

static bool is_stream(const char *path)
{
    return strcmp(path, "-") == 0;
}

static void check_streams(const options *o, const char *in)
{
    bool encoder = o->codec || o->preset || o->crf >= 0;
    size_t n = strlen(o->out);
    bool raw = is_stream(o->out) || (n > 4 && strcmp(o->out + n - 4, ".y4m") == 0);
    if (raw && encoder)
        cli_usage(&cmd_video,
                  "y4m holds raw frames; --codec, --crf and --preset are for other formats");
    if (is_stream(o->out) && o->json)
        cli_usage(&cmd_video, "--json and the film cannot both go to the standard output");
    if (is_stream(o->out) && isatty(STDOUT_FILENO))
        cli_usage(&cmd_video,
                  "the film would go to the terminal; redirect it, or name a file with -o");
    if (is_stream(in) && isatty(STDIN_FILENO))
        cli_usage(&cmd_video, "the standard input is the terminal; pipe y4m into it");
}

/* A film's frames are those of a lossy format, whatever it is stored in now. */
static const char *model_name(const char *asked)
{
    bool best = strcmp(asked, BEST_MODEL) == 0;
    const char *name = best || strcmp(asked, AUTO_MODEL) == 0 ? drn_model_for(best, DRN_PICTURE_DAMAGED, 0) : asked;
    return name ? name : DEFAULT_MODEL;
}

static int run(int argc, char **argv)
{
    options o = {0};
    arg_list args;
    drn_model *model = NULL;
    drn_error err = {0};
    drn_video_result result = {0};
    cli_parse(&cmd_video, &o, &args, argc, argv);
    char *in = args.items[0];
    check_streams(&o, in);
    video_events e = video_events_begin(in, o.out, o.json, o.quiet, o.verbose);
    drn_video_options v = task(&o, &e);
    announce_device(o.device, o.quiet || o.json);
    interrupt_catch();
    signal(SIGPIPE, SIG_IGN);  /* a closed pipe is an error like a full disk */
    setenv("SVT_LOG", "0", 0); /* the AV1 encoder talks on the standard error */
    int code = EXIT_FAILED;
    if (load_model(&model, model_name(o.model), 0)) {
        if (o.verbose && !o.json)
            describe(in, model);
        drn_status st = drn_video_upscale(in, o.out, model, &v, &result, &err);
        code = video_events_end(&e, st, &result, &err, interrupt_asked());
    }
    drn_model_free(model);
    free(args.items);
    return code;
}
