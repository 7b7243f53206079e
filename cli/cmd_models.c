/* drn models: what is compiled in. */
#include "cli.h"
#include "models.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct options {
    bool json;
} options;

static const opt table[] = {
    OPT(FLAG, json, "json", 0, .doc = "print JSON instead of a table"),
    {0},
};

static int run(int argc, char **argv);
const command cmd_models = {
    "models",
    "",
    "List the built-in models",
    "Any command that takes -m MODEL takes one of these names or a .safetensors file.",
    table,
    0,
    0,
    run,
};

static void print_row(const drn_builtin *b, const drn_model *model, const char *scales)
{
    printf("%-*s %-8s %12zu  %s%s\n", model_name_width(), b->name, scales, drn_model_parameters(model, false),
           b->summary, b->is_default ? " (default)" : "");
}

static json_t *row_json(const drn_builtin *b, const drn_model *model, const char *scales)
{
    return json_pack("{s:s, s:s, s:s, s:I, s:b}", "name", b->name, "scales", scales, "summary",
                     b->summary, "parameters", (json_int_t)drn_model_parameters(model, false),
                     "default", (int)b->is_default);
}

/* rows: where JSON is collected; NULL: print a line of the table. */
static bool add_model(json_t *rows, const drn_builtin *b)
{
    drn_model *model = NULL;
    if (!load_model(&model, b->name, 0))
        return false;
    char *scales = model_scales(model);
    if (rows)
        json_array_append_new(rows, row_json(b, model, scales));
    else
        print_row(b, model, scales);
    free(scales);
    drn_model_free(model);
    return true;
}

static int run(int argc, char **argv)
{
    options o = {0};
    arg_list args;
    bool ok = true;
    cli_parse(&cmd_models, &o, &args, argc, argv);
    free(args.items);
    if (!drn_model_builtin(0))
        return cli_error("this build has no models compiled in; give a file with -m");
    json_t *rows = o.json ? json_array() : NULL;
    if (!o.json)
        printf("%-*s %-8s %12s\n", model_name_width(), "name", "scales", "parameters");
    for (size_t i = 0; drn_model_builtin(i) && ok; i++)
        ok = add_model(rows, drn_model_builtin(i));
    if (rows && ok) {
        json_dumpf(rows, stdout, JSON_INDENT(2));
        putchar('\n');
    }
    json_decref(rows);
    return ok ? EXIT_OK : EXIT_FAILED;
}
