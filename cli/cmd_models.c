/* drn models: what is compiled in. */
#include "cli.h"
#include "models.h"

#include <stdio.h>
#include <stdlib.h>

static const opt table[] = {{0}};

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

static bool print_model(const drn_builtin *b)
{
    drn_model *model = NULL;
    if (!load_model(&model, b->name, 0))
        return false;
    char *scales = model_scales(model);
    printf("%-20s %-8s %12zu  %s%s\n", b->name, scales, drn_model_parameters(model, false),
           b->summary, b->is_default ? " (default)" : "");
    free(scales);
    drn_model_free(model);
    return true;
}

static int run(int argc, char **argv)
{
    arg_list args;
    bool ok = true;
    cli_parse(&cmd_models, NULL, &args, argc, argv);
    free(args.items);
    if (!drn_model_builtin(0))
        return cli_error("this build has no models compiled in; give a file with -m");
    printf("%-20s %-8s %12s\n", "name", "scales", "parameters");
    for (size_t i = 0; drn_model_builtin(i) && ok; i++)
        ok = print_model(drn_model_builtin(i));
    return ok ? EXIT_OK : EXIT_FAILED;
}
