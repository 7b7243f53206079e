/* drn export: a model in another form. */
#include "cli.h"

#include "drn/export.h"

#include <stdlib.h>
#include <string.h>

typedef struct options {
    const char *out;
    text_list meta;
    bool half, no_dual;
} options;

static const opt table[] = {
    OPT(TEXT, out, "output", 'o', .arg = "FILE", .required = true, .doc = "safetensors file to write"),
    OPT(FLAG, half, "half", 0, .doc = "weights as float16: half the size, no visible difference"),
    OPT(FLAG, no_dual, "no-dual", 0, .doc = "leave out the dual models, which enlarging does not need"),
    OPT(LIST, meta, "meta", 0, .arg = "KEY=VALUE", .doc = "add a line to the metadata; may be given several times"),
    {0},
};

static int run(int argc, char **argv);
const command cmd_export = {
    "export",
    "MODEL -o FILE",
    "Write a model in another form",
    "MODEL is the name of a built-in model or a .safetensors file, such as a training run's best.safetensors.",
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

static int run(int argc, char **argv)
{
    options o = {0};
    arg_list args;
    const char *pairs[2 * sizeof o.meta.items / sizeof *o.meta.items];
    drn_error err = {0};
    drn_model *model = NULL;
    cli_parse(&cmd_export, &o, &args, argc, argv);
    split_meta(&o.meta, pairs);
    drn_export_options e = {.half = o.half, .no_dual = o.no_dual, .meta = pairs, .metas = (size_t)o.meta.count};
    drn_status st = drn_model_load(&model, args.items[0], &err);
    if (st == DRN_OK)
        st = drn_model_save(model, o.out, &e, &err);
    drn_model_free(model);
    for (int i = 0; i < o.meta.count; i++)
        free((char *)(size_t)pairs[2 * i]);
    free(args.items);
    return st == DRN_OK ? EXIT_OK : cli_fail(&err);
}
