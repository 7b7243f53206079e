/* drn export: a model in another form. */
#include "cli.h"
#include "models.h"
#include "pictures.h"

#include "drn/export.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

typedef struct options {
    const char *out;
    text_list meta, average;
    bool half, no_dual;
    int scale;
} options;

static const opt table[] = {
    OPT(TEXT, out, "output", 'o', .arg = "FILE", .required = true,
        .doc = "file to write; its suffix tells the form: .safetensors or .onnx"),
    OPT(INT, scale, "scale", 's', .arg = "S", .min = 0, .max = 8, .fallback = "0",
        .doc = ".onnx: the output, by its scale; 0 = the largest the model has"),
    OPT(FLAG, half, "half", 0, .doc = "weights as float16: half the size, no visible difference"),
    OPT(FLAG, no_dual, "no-dual", 0, .doc = "leave out the dual models, which enlarging does not need"),
    OPT(LIST, average, "average", 0, .arg = "MODEL:SHARE",
        .doc = "take this share (0 to 1) of every weight from another model of the same channels and modules that was "
               "trained on from this one, or this one from it; may be given several times, one after the other"),
    OPT(LIST, meta, "meta", 0, .arg = "KEY=VALUE", .doc = "add a line to the metadata; may be given several times"),
    {0},
};

static int run(int argc, char **argv);
const command cmd_export = {
    "export",
    "MODEL -o FILE",
    "Write a model in another form",
    "MODEL is the name of a built-in model or a .safetensors file, such as a training run's best.safetensors.  "
    "An ONNX file holds the network that enlarges, in float32, for pictures of any size: input 'lr', RGB in "
    "[0, 1], shape batch x 3 x height x width; output 'sr' alike, to be limited to [0, 1].",
    table,
    1,
    1,
    run,
};

/* Split KEY=VALUE in place of two pointers; the copies live until the program ends. */
static void split_meta(const text_list *meta, const char **pairs)
{
    for (int i = 0; i < meta->count; i++) {
        const char *equals = strchr(meta->items[i], '=');
        if (!equals || equals == meta->items[i])
            cli_usage(&cmd_export, "--meta '%s' is not of the form KEY=VALUE", meta->items[i]);
        pairs[2 * i] = cli_format("%.*s", (int)(equals - meta->items[i]), meta->items[i]);
        pairs[2 * i + 1] = equals + 1;
    }
}

static bool ends_in(const char *path, const char *suffix)
{
    size_t n = strlen(path), m = strlen(suffix);
    return n > m && strcasecmp(path + n - m, suffix) == 0;
}

/* A slip in the suffix is no other form. */
static bool check_suffix(const char *out)
{
    bool ok = ends_in(out, ".onnx") || ends_in(out, ".safetensors");
    if (!ok)
        cli_error("%s: its suffix names no form of a model; use .safetensors or .onnx", out);
    return ok;
}

/* No model is lost. */
static bool check_input(const char *model, const char *out)
{
    bool ok = !same_file(model, out);
    if (!ok)
        cli_error("%s: input and output are one file; choose another output", out);
    return ok;
}

/* MODEL:SHARE taken into the model; prints what is wrong and returns false. */
static bool average(drn_model *model, const char *text, const char *out)
{
    const char *colon = strrchr(text, ':');
    char *end = NULL;
    double share = colon ? strtod(colon + 1, &end) : 0;
    if (!colon || colon == text || end == colon + 1 || *end || !(share >= 0 && share <= 1))
        cli_usage(&cmd_export, "--average '%s' is not of the form MODEL:SHARE, with a share of 0 to 1", text);
    char *name = cli_format("%.*s", (int)(colon - text), text);
    drn_model *other = NULL;
    drn_error err = {0};
    bool ok = check_input(name, out) && load_model(&other, name, 0);
    if (ok && drn_model_average(model, other, share, &err) != DRN_OK)
        ok = cli_fail(&err) == EXIT_OK;
    drn_model_free(other);
    free(name);
    return ok;
}

/* Options of the one form asked for with the other. */
static void check_form(const options *o, bool onnx)
{
    if (onnx && o->half)
        cli_usage(&cmd_export, "--half is for .safetensors files; an ONNX file holds float32");
    if (!onnx && o->scale)
        cli_usage(&cmd_export, "--scale is for .onnx files; a .safetensors file holds every scale of the model");
}

static int run(int argc, char **argv)
{
    options o = {0};
    arg_list args;
    const char *pairs[2 * sizeof o.meta.items / sizeof *o.meta.items];
    drn_error err = {0};
    drn_model *model = NULL;
    cli_parse(&cmd_export, &o, &args, argc, argv);
    bool onnx = ends_in(o.out, ".onnx");
    check_form(&o, onnx);
    split_meta(&o.meta, pairs);
    drn_export_options e = {.half = o.half, .no_dual = o.no_dual, .scale = o.scale, .meta = pairs,
                            .metas = (size_t)o.meta.count};
    bool ok = check_suffix(o.out) && check_input(args.items[0], o.out) &&
              load_model(&model, args.items[0], 0);
    for (int i = 0; i < o.average.count && ok; i++)
        ok = average(model, o.average.items[i], o.out);
    if (ok && (onnx ? drn_model_save_onnx : drn_model_save)(model, o.out, &e, &err) != DRN_OK)
        ok = cli_fail(&err) == EXIT_OK;
    drn_model_free(model);
    for (int i = 0; i < o.meta.count; i++)
        free((char *)(size_t)pairs[2 * i]);
    free(args.items);
    return ok ? EXIT_OK : EXIT_FAILED;
}
