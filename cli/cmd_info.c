/* drn info: layers, parameters, cost and metadata of a model. */
#include "cli.h"
#include "models.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct options {
    int width, height;
} options;

static const opt table[] = {
    OPT(INT, width, "width", 'W', .arg = "PIXELS", .min = 1, .max = 1 << 20, .fallback = "256",
        .doc = "of the input that layers and cost are listed for"),
    OPT(INT, height, "height", 'H', .arg = "PIXELS", .min = 1, .max = 1 << 20, .fallback = "256",
        .doc = "of the same"),
    {0},
};

static int run(int argc, char **argv);
const command cmd_info = {
    "info",
    "[MODEL]",
    "Show a model's layers, parameters, cost and metadata",
    "MODEL is a built-in model or a .safetensors file; without it, the default model.",
    table,
    0,
    1,
    run,
};

static void print_config(const drn_model *model)
{
    const drn_config *c = drn_model_config(model);
    char *scales = model_scales(model), sum[65];
    cli_say(stdout, "%s\n", drn_model_name(model));
    printf("  enlarges by        %s\n", scales);
    printf("  channels           %d\n", c->channels);
    printf("  modules a block    %d\n", c->modules);
    printf("  progressive        %s\n", c->progressive ? "yes" : "no");
    printf("  skip               %s\n", c->skip == DRN_SKIP_BICUBIC ? "bicubic" : "none");
    printf("  parameters         %zu\n", drn_model_parameters(model, false));
    if (c->dual)
        printf("  of the dual models %zu (used in training only), %d channels\n",
               drn_model_parameters(model, true), c->dual_channels);
    drn_model_sha256(model, sum);
    printf("  their SHA-256      %s\n", sum);
    free(scales);
}

static void print_metadata(const drn_model *model)
{
    const char *key, *value;
    for (size_t i = 0; drn_model_metadata_at(model, i, &key, &value); i++) {
        fputs(i == 0 ? "\nmetadata\n  " : "  ", stdout);
        cli_say(stdout, "%-18s %s\n", key, value);
    }
}

static double print_layers(const drn_layer *layers, size_t count)
{
    double macs = 0;
    printf("\n  %-28s %-16s %-14s %18s %18s %10s\n", "layer", "operation", "kernel", "in", "out",
           "MMAC");
    for (size_t i = 0; i < count; i++) {
        const drn_layer *l = &layers[i];
        char in[40], out[40];
        snprintf(in, sizeof in, "%dx%dx%d", l->in_channels, l->in_height, l->in_width);
        snprintf(out, sizeof out, "%dx%dx%d", l->out_channels, l->out_height, l->out_width);
        printf("  %-28s %-16s %-14s %18s %18s %10.2f\n", l->name, l->op, l->kernel, in, out,
               l->macs / 1e6);
        macs += l->macs;
    }
    return macs;
}

static int print_cost(const drn_model *model, const options *o)
{
    drn_error err = {0};
    size_t count = 0;
    if (drn_model_layers(model, o->width, o->height, NULL, 0, &count, &err) != DRN_OK)
        return cli_fail(&err);
    drn_layer *layers = cli_alloc(count, sizeof *layers);
    if (drn_model_layers(model, o->width, o->height, layers, count, &count, &err) != DRN_OK) {
        free(layers);
        return cli_fail(&err);
    }
    double macs = print_layers(layers, count), pixels = (double)o->width * o->height;
    printf("\n  %.3f GMAC for an input of %dx%d, %.4f MMAC an input pixel\n", macs / 1e9, o->width,
           o->height, macs / pixels / 1e6);
    free(layers);
    return EXIT_OK;
}

static int run(int argc, char **argv)
{
    options o = {0};
    arg_list args;
    drn_model *model = NULL;
    cli_parse(&cmd_info, &o, &args, argc, argv);
    const char *name = args.count ? args.items[0] : DEFAULT_MODEL;
    free(args.items);
    if (!load_model(&model, name, 0))
        return EXIT_FAILED;
    print_config(model);
    print_metadata(model);
    int code = print_cost(model, &o);
    drn_model_free(model);
    return code;
}
