/* drn figure: visual check sheets, and the paper's other figures. */
#include "cli.h"
#include "device.h"
#include "models.h"
#include "pictures.h"

#include "drn/figure.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct options {
    const char *out, *crop;
    text_list models, labels;
    int kind, scale, zoom, columns, threads, device, precision;
    bool ensemble;
} options;

static const opt table[] = {
    OPT(TEXT, out, "output", 'o', .arg = "OUT", .required = true,
        .doc = "file to write; its suffix names the format"),
    OPT(CHOICE, kind, "kind", 'k', .arg = "KIND", .choices = "compare|enlarge|gradient|mask|trust",
        .fallback = "compare",
        .doc =
            "compare: LR, bicubic, models and original, with PSNR and SSIM; enlarge: the same of "
            "pictures that have no original; gradient: gradient magnitudes above the pictures; "
            "mask: the loss's mask M of Eq. 4; trust: result, its error and the map of trust"),
    OPT(INT, scale, "scale", 's', .arg = "S", .min = 2, .max = 64, .fallback = "4",
        .doc = "how many times the pictures are shrunk, then enlarged"),
    OPT(LIST, models, "model", 'm', .arg = "MODEL",
        .doc = "a built-in model or a .safetensors file; may be given up to 8 times (default: what "
               "'drn models' marks so)"),
    OPT(LIST, labels, "label", 'l', .arg = "TEXT",
        .doc = "what the figure calls the models, in their order (default: their names)"),
    OPT(TEXT, crop, "crop", 'c', .arg = "X,Y,W,H",
        .doc =
            "what is shown enlarged, in pixels of the pictures (default: where bicubic is worst)"),
    OPT(INT, zoom, "zoom", 'z', .arg = "N", .min = 0, .max = 64, .fallback = "0",
        .doc = "screen pixels a pixel; 0: as many as fill 288"),
    OPT(INT, columns, "columns", 0, .arg = "N", .min = 0, .max = 24, .fallback = "0",
        .doc = "panels side by side; 0: as suits the kind"),
    OPT(FLAG, ensemble, "ensemble", 'x', .doc = "models run as self-ensembles"),
    OPT(INT, threads, "threads", 'j', .arg = "N", .min = 0, .max = 1024, .fallback = "0",
        .doc = "threads; 0: all cores"),
    DEVICE_OPTIONS,
    {0},
};

static int run(int argc, char **argv);
const command cmd_figure = {
    "figure",
    "PICTURE... -o OUT",
    "Draw pictures, methods and numbers side by side on one sheet",
    "Numbers are those of 'drn evaluate' for the whole picture, standard protocol; they are "
    "printed, "
    "too.",
    table,
    1,
    -1,
    run,
};

static void read_crop(drn_figure_rect *r, const char *text)
{
    char more;
    if (sscanf(text, "%d,%d,%d,%d%c", &r->x, &r->y, &r->width, &r->height, &more) != 4 ||
        r->x < 0 || r->y < 0 || r->width < 1 || r->height < 1)
        cli_usage(&cmd_figure, "--crop wants X,Y,W,H, not '%s'", text);
}

/* What to call the i-th model; to be freed. */
static char *label_of(const options *o, const drn_model *model, int i)
{
    return i < o->labels.count ? cli_format("%s", o->labels.items[i])
                               : path_stem(drn_model_name(model));
}

typedef struct job {
    const options *o;
    drn_figure_options how;
    drn_model *models[DRN_FIGURE_MODELS];
    char *labels[DRN_FIGURE_MODELS];
    drn_image **rows;
    size_t count;
} job;

static bool load_models(job *j)
{
    const options *o = j->o;
    bool fallback = o->models.count == 0;
    if (o->kind == DRN_FIGURE_MASK)
        return true;
    for (int i = 0; i < o->models.count + fallback; i++) {
        const char *name = fallback ? DEFAULT_MODEL : o->models.items[i];
        if (!load_model(&j->models[i], name, o->scale))
            return false;
        j->labels[i] = label_of(o, j->models[i], i);
        j->how.models[i] = j->models[i];
        j->how.labels[i] = j->labels[i];
        j->how.model_count++;
    }
    return true;
}

static void print_info(const char *path, const drn_figure_info *info)
{
    cli_say(stdout, "%s: crop %d,%d,%d,%d, %d times\n", path, info->crop.x, info->crop.y, info->crop.width,
           info->crop.height, info->zoom);
    for (int i = 0; i < info->count; i++) {
        const drn_figure_panel *p = &info->panels[i];
        if (p->scored)
            cli_say(stdout, "  %-22s %9.4f %9.5f %9.4f\n", p->label, p->values.psnr, p->values.ssim,
                   p->values.gradient_psnr);
    }
    fflush(stdout);
}

static int draw(job *j, const char *path)
{
    drn_image *picture;
    drn_figure_info info;
    drn_error err = {0};
    if (drn_image_read(&picture, path, &err) != DRN_OK)
        return cli_fail(&err);
    char *stem = path_stem(path), *name = j->o->kind == DRN_FIGURE_MASK
                                              ? cli_format("%s", stem)
                                              : cli_format("%s, x%d", stem, j->o->scale);
    drn_status st = drn_figure(&j->rows[j->count], &info, picture, name, &j->how, &err);
    drn_image_free(picture);
    free(name);
    free(stem);
    if (st != DRN_OK)
        return cli_error("%s: %s", path, err.message);
    j->count++;
    print_info(path, &info);
    return EXIT_OK;
}

static int write_sheet(const job *j)
{
    drn_image *sheet;
    drn_error err = {0};
    if (drn_figure_stack(&sheet, (const drn_image *const *)j->rows, j->count, &err) != DRN_OK)
        return cli_fail(&err);
    drn_status st = drn_image_write(sheet, j->o->out, NULL, &err);
    drn_image_free(sheet);
    return st == DRN_OK ? EXIT_OK : cli_fail(&err);
}

static void job_free(job *j)
{
    for (int i = 0; i < DRN_FIGURE_MODELS; i++) {
        drn_model_free(j->models[i]);
        free(j->labels[i]);
    }
    for (size_t i = 0; i < j->count; i++)
        drn_image_free(j->rows[i]);
    free(j->rows);
}

/* Known before the work: the sheet can be written, and replaces none of the pictures. */
static bool check_out(const char *out, const arg_list *pictures)
{
    if (!check_file(out))
        return false;
    for (int i = 0; i < pictures->count; i++)
        if (same_file(pictures->items[i], out)) {
            cli_error("%s: input and output are one file; choose another output", out);
            return false;
        }
    return true;
}

static int run(int argc, char **argv)
{
    options o = {0};
    arg_list args;
    cli_parse(&cmd_figure, &o, &args, argc, argv);
    job j = {.o = &o,
             .how = {.kind = (drn_figure_kind)o.kind,
                     .scale = o.scale,
                     .zoom = o.zoom,
                     .columns = o.columns,
                     .ensemble = o.ensemble,
                     .threads = o.threads,
                     .device = (drn_device)o.device,
                     .numbers = (drn_numbers)o.precision}};
    if (o.crop)
        read_crop(&j.how.crop, o.crop);
    if (o.models.count > DRN_FIGURE_MODELS)
        cli_usage(&cmd_figure, "%d models do not fit, at most %d", o.models.count,
                  DRN_FIGURE_MODELS);
    if (o.labels.count > (o.models.count ? o.models.count : 1))
        cli_usage(&cmd_figure, "more labels than models");
    j.rows = cli_alloc((size_t)args.count, sizeof *j.rows);
    int code = check_out(o.out, &args) && load_models(&j) ? EXIT_OK : EXIT_FAILED;
    if (code == EXIT_OK && o.kind != DRN_FIGURE_MASK)
        announce_device(o.device, false);
    for (int i = 0; i < args.count && code == EXIT_OK; i++)
        code = draw(&j, args.items[i]);
    if (code == EXIT_OK)
        code = write_sheet(&j);
    job_free(&j);
    free(args.items);
    return code;
}
