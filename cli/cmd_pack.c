/* drn pack: folders of pictures into one file. */
#include "cli.h"

#include "device.h"
#include "drn/dataset.h"
#include "interrupt.h"
#include "live.h"
#include "teachers.h"

#include <stdio.h>
#include <stdlib.h>

typedef struct options {
    const char *out;
    text_list teachers;
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
    OPT(LIST, teachers, "teacher", 0, .arg = "MODEL[:SHARE]",
        .doc = "in the place of each picture to train on, what MODEL makes of it after shrinking: a smaller "
               "model trained towards that learns from MODEL; given several times, the mean of what they make, "
               "by shares (default: equal)"),
    OPT(INT, scale, "scale", 's', .arg = "S", .fallback = "0", .min = 0, .max = 64,
        .doc = "with --teacher: how many times it shrinks and enlarges, where MODEL has no such scale in "
               "several passes, and shrunk, as drn upscale does; 0: the first MODEL's largest"),
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
    teachers teachers;
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

static drn_status teach(void *ctx, drn_image **picture, drn_error *err)
{
    view *v = ctx;
    return teachers_redraw(&v->teachers, picture, err);
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
    if (!o.teachers.count && (o.scale || o.ensemble || o.device != DRN_DEVICE_CPU))
        cli_usage(&cmd_pack, "-s, -x and --device are about --teacher, which is missing");
    view v = {.line = live_start(o.quiet), .before = UINT64_MAX};
    teachers_options lesson = {o.scale, o.ensemble, o.device, o.precision, o.quiet};
    int code = o.teachers.count ? teachers_load(&v.teachers, &o.teachers, &lesson) : EXIT_OK;
    if (code != EXIT_OK) {
        free(args.items);
        return code;
    }
    char *name = v.teachers.count ? teachers_name(&v.teachers) : NULL;
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
        .change = name ? teach : NULL,
        .change_name = name,
        .ctx = &v,
    };
    drn_status st = drn_pack_make(&counts, &pack, &err);
    live_end(&v.line);
    free(args.items);
    free(name);
    teachers_free(&v.teachers);
    if (st != DRN_OK)
        return cli_fail(&err);
    cli_say(stdout, "%s: %llu entries of %llu files, %llu broken, %llu duplicates, %.1f MiB new, %.1f s\n",
           o.out, (unsigned long long)counts.entries, (unsigned long long)counts.files,
           (unsigned long long)counts.broken, (unsigned long long)counts.duplicates,
           (double)counts.bytes / (1 << 20), counts.seconds);
    return EXIT_OK;
}
