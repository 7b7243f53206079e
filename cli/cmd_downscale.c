/* drn downscale: the low-resolution pictures of the field, by MATLAB's imresize. */
#include "cli.h"
#include "pictures.h"

#include "drn/image.h"

#include <math.h>
#include <stdlib.h>

typedef struct options {
    const char *out;
    double scale;
    int border, precision;
    bool no_crop;
} options;

static const opt table[] = {
    OPT(TEXT, out, "output", 'o', .arg = "OUT", .required = true,
        .doc = "file to write, its suffix names the format; or a folder"),
    OPT(NUMBER, scale, "scale", 's', .arg = "S", .min = 1, .max = 1000, .required = true,
        .doc = "how many times smaller; 2.5 is fine"),
    OPT(CHOICE, border, "border", 0, .arg = "RULE", .choices = "symmetric|clamp",
        .fallback = "symmetric",
        .doc = "beyond the edges: the mirrored picture (newer MATLAB) or the edge pixel (older)"),
    OPT(CHOICE, precision, "precision", 0, .arg = "KIND", .choices = "u8|float", .fallback = "u8",
        .doc = "between the two passes: rounded to whole sample values, or kept in double"),
    OPT(FLAG, no_crop, "no-crop", 0,
        .doc = "keep all of the picture; without it, a whole S first crops width and height to "
               "multiples of S, at the right and bottom, as the evaluation protocol does"),
    {0},
};

static int run(int argc, char **argv);
const command cmd_downscale = {
    "downscale",
    "IN... -o OUT -s S",
    "Shrink pictures exactly as MATLAB's imresize(I, 1/S, 'bicubic') does",
    "The result is ceil(width/S) by ceil(height/S) pixels.  IN may be a folder; OUT is a folder "
    "then, and the results are PNG files.",
    table,
    1,
    -1,
    run,
};

/* Cut to multiples of a whole scale; *out stays NULL when nothing is to be cut. */
static drn_status mod_crop(drn_image **out, const drn_image *in, double scale, drn_error *err)
{
    int32_t s = (int32_t)scale;
    int32_t width = in->width / s * s, height = in->height / s * s;
    if (scale != (double)s || width == 0 || height == 0 ||
        (width == in->width && height == in->height))
        return DRN_OK;
    return drn_image_crop(out, in, 0, 0, width, height, err);
}

static drn_status downscale(const picture_job *job, const options *o, drn_error *err)
{
    drn_image *hr = NULL, *cut = NULL, *lr = NULL;
    drn_resize_options how = {(drn_border)o->border, (drn_precision)o->precision};
    drn_status st = drn_image_read(&hr, job->in, err);
    if (st == DRN_OK && !o->no_crop)
        st = mod_crop(&cut, hr, o->scale, err);
    if (st == DRN_OK)
        st = drn_imresize(&lr, cut ? cut : hr, 1 / o->scale, &how, err);
    if (st == DRN_OK)
        st = drn_image_copy_meta(lr, hr, err);
    if (st == DRN_OK)
        st = drn_image_write(lr, job->out, NULL, err);
    drn_image_free(hr);
    drn_image_free(cut);
    drn_image_free(lr);
    return st;
}

static int run(int argc, char **argv)
{
    options o = {0};
    arg_list args;
    picture_jobs jobs;
    cli_parse(&cmd_downscale, &o, &args, argc, argv);
    picture_rules rules = {.out = o.out, .pattern = "{name}.{ext}", .ext = "png"};
    bool planned = pictures_plan(&jobs, &args, &rules);
    int code = planned ? EXIT_OK : EXIT_FAILED;
    for (size_t i = 0; i < jobs.count; i++) {
        drn_error err = {0};
        if (downscale(&jobs.items[i], &o, &err) != DRN_OK)
            code = cli_fail(&err);
    }
    pictures_free(&jobs);
    free(args.items);
    return code;
}
