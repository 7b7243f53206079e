/* drn pack: folders of pictures into one file. */
#include "cli.h"

#include "device.h"
#include "drn/dataset.h"
#include "drn/metrics.h"
#include "drn/upscale.h"
#include "interrupt.h"
#include "live.h"
#include "models.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct options {
    const char *out, *teacher;
    bool reencode, ensemble, quiet;
    int shrink_jpeg, crop, tiles, scale, threads, device, precision;
} options;

static const opt table[] = {
    OPT(TEXT, out, "output", 'o', .arg = "PACK", .required = true,
        .doc = "file to make, to go on with, or to add to"),
    OPT(FLAG, reencode, "reencode", 0,
        .doc =
            "store lossless WebP instead of the files as they are: 8-bit RGB, readable by builds "
            "without libvips"),
    OPT(INT, shrink_jpeg, "shrink-jpeg", 0, .arg = "N", .fallback = "1", .min = 1, .max = 64,
        .doc = "shrink JPEG files N times, antialiased, so that little is left of their blocks"),
    OPT(INT, crop, "crop", 0, .arg = "N", .fallback = "0", .min = 0, .max = 65535,
        .doc = "cut into tiles of N x N pixels; 0: whole pictures"),
    OPT(INT, tiles, "tiles", 0, .arg = "N", .fallback = "0", .min = 0, .max = 1000000,
        .doc = "with --crop: of each picture only the N tiles with the most detail; 0: all"),
    OPT(TEXT, teacher, "teacher", 0, .arg = "MODEL",
        .doc = "in the place of each picture to train on, what MODEL makes of it after shrinking: a smaller "
               "model trained towards that learns from MODEL"),
    OPT(INT, scale, "scale", 's', .arg = "S", .fallback = "0", .min = 0, .max = 64,
        .doc = "with --teacher: how many times it shrinks and enlarges; 0: MODEL's largest"),
    OPT(FLAG, ensemble, "ensemble", 'x',
        .doc = "with --teacher: mean over the 8 flips and turns, a better teacher"),
    DEVICE_OPTIONS,
    OPT(INT, threads, "threads", 'j', .arg = "N", .fallback = "0", .min = 0, .max = 1024,
        .doc = "threads; 0: all cores"),
    OPT(FLAG, quiet, "quiet", 'q', .doc = "no progress, no list of what was left out"),
    {0},
};

static int run(int argc, char **argv);
const command cmd_pack = {
    "pack",
    "DIR... -o PACK",
    "Put folders of pictures into one file to train from",
    "Takes the rows of a folder's manifest.csv (with the columns split and free), or else all "
    "pictures "
    "in it and below.  Broken pictures, and those whose pixels an earlier one has, are left out "
    "and "
    "listed.  Interrupted, run it again: it goes on.  Train with: drn train --data PACK",
    table,
    1,
    -1,
    run,
};

typedef struct view {
    live_line line;
    uint64_t before; /* files an earlier call has looked at */
    drn_model *teacher;
    drn_upscale_options lesson;
    const char *numbers;    /* of the GPU that is used; "": none */
    pthread_mutex_t device; /* one photograph at a time: each takes what GPU memory is free */
} view;

static void print_counts(view *v, const drn_pack_counts *c)
{
    double rate = c->seconds > 0 ? (double)(c->done - v->before) / c->seconds : 0;
    double left = rate > 0 ? (double)(c->files - c->done) / rate : 0;
    live_print(&v->line,
               "%llu/%llu files  %llu entries  %llu broken  %llu duplicates  %.1f MiB  "
               "%.0f files/s  ETA %d:%02d:%02d",
               (unsigned long long)c->done, (unsigned long long)c->files,
               (unsigned long long)c->entries, (unsigned long long)c->broken,
               (unsigned long long)c->duplicates, (double)c->bytes / (1 << 20), rate,
               (int)(left / 3600), (int)(left / 60) % 60, (int)left % 60);
}

static bool on_progress(void *ctx, const drn_pack_counts *c)
{
    view *v = ctx;
    if (v->before == UINT64_MAX)
        v->before = c->done - 1;
    if (live_due(&v->line))
        print_counts(v, c);
    return !interrupt_asked();
}

static void on_skip(void *ctx, const char *name, const char *why)
{
    view *v = ctx;
    live_end(&v->line);
    if (!v->line.quiet)
        cli_say(stderr, "left out %s: %s\n", name, why);
}

/* The picture as the teacher sees it: shrunk and enlarged again. */
static drn_status teach(void *ctx, drn_image **picture, drn_error *err)
{
    enum { LARGE = 128 * 128 }; /* LR pixels; fewer need little memory, and keep no GPU busy alone */
    view *v = ctx;
    drn_image *lr, *sr = NULL;
    drn_status st = drn_protocol_lr(&lr, *picture, v->lesson.scale, NULL, err);
    if (st != DRN_OK)
        return st;
    bool alone = *v->numbers && (int64_t)lr->width * lr->height > LARGE;
    if (alone)
        pthread_mutex_lock(&v->device);
    st = drn_upscale(&sr, lr, v->teacher, &v->lesson, err);
    if (alone)
        pthread_mutex_unlock(&v->device);
    drn_image_free(lr);
    if (st != DRN_OK)
        return st;
    drn_image_free(*picture);
    *picture = sr;
    return DRN_OK;
}

/* What tells one teacher from another: its weights, and a GPU's arithmetic.  Of a long path the end, for the eye. */
static char *name_lesson(const view *v)
{
    enum { MOST = 24 };
    const char *name = drn_model_name(v->teacher);
    size_t n = strlen(name);
    char sum[65];
    drn_model_sha256(v->teacher, sum);
    return cli_format("scale=%d ensemble=%d teacher=%s %.12s%s", v->lesson.scale, v->lesson.ensemble,
                      n > MOST ? name + n - MOST : name, sum, v->numbers);
}

static int load_teacher(view *v, const options *o)
{
    static const char *const numbers[] = {" bf16", " tf32", " fp32"};
    drn_device device = (drn_device)o->device;
    drn_error err = {0};
    v->numbers = "";
    if (!o->teacher)
        return EXIT_OK;
    announce_device(o->device, o->quiet);
    if (device != DRN_DEVICE_CPU && drn_device_check(DRN_DEVICE_CUDA, NULL, 0, &err) == DRN_OK)
        v->numbers = numbers[o->precision];
    else if (device == DRN_DEVICE_CUDA)
        return cli_fail(&err);
    if (!load_model(&v->teacher, o->teacher, o->scale))
        return EXIT_FAILED;
    int scale = o->scale ? o->scale : drn_model_config(v->teacher)->scale;
    v->lesson = (drn_upscale_options){.scale = scale,
                                      .threads = 1,
                                      .ensemble = o->ensemble,
                                      .device = *v->numbers ? DRN_DEVICE_CUDA : DRN_DEVICE_CPU,
                                      .numbers = (drn_numbers)o->precision};
    return EXIT_OK;
}

static int run(int argc, char **argv)
{
    options o = {0};
    arg_list args;
    drn_error err = {0};
    drn_pack_counts counts = {0};
    cli_parse(&cmd_pack, &o, &args, argc, argv);
    if (o.tiles && !o.crop)
        cli_usage(&cmd_pack, "--tiles is about --crop, which is missing");
    if (!o.teacher && (o.scale || o.ensemble || o.device != DRN_DEVICE_CPU))
        cli_usage(&cmd_pack, "-s, -x and --device are about --teacher, which is missing");
    view v = {.line = live_start(o.quiet), .before = UINT64_MAX, .device = PTHREAD_MUTEX_INITIALIZER};
    int code = load_teacher(&v, &o);
    if (code != EXIT_OK) {
        free(args.items);
        return code;
    }
    char *lesson = v.teacher ? name_lesson(&v) : NULL;
    interrupt_catch();
    drn_pack_options pack = {
        .dirs = (const char *const *)args.items,
        .dir_count = (size_t)args.count,
        .out = o.out,
        .threads = o.threads,
        .reencode = o.reencode,
        .shrink_jpeg = o.shrink_jpeg,
        .crop = o.crop,
        .tiles = o.tiles,
        .progress = on_progress,
        .skip = on_skip,
        .change = v.teacher ? teach : NULL,
        .change_name = lesson,
        .ctx = &v,
    };
    drn_status st = drn_pack_make(&counts, &pack, &err);
    live_end(&v.line);
    free(args.items);
    free(lesson);
    drn_model_free(v.teacher);
    if (st != DRN_OK)
        return cli_fail(&err);
    cli_say(stdout, "%s: %llu entries of %llu files, %llu broken, %llu duplicates, %.1f MiB new, %.1f s\n",
           o.out, (unsigned long long)counts.entries, (unsigned long long)counts.files,
           (unsigned long long)counts.broken, (unsigned long long)counts.duplicates,
           (double)counts.bytes / (1 << 20), counts.seconds);
    return EXIT_OK;
}
