#include "models.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int model_name_width(void)
{
    size_t width = 0;
    const drn_builtin *b;
    for (size_t i = 0; (b = drn_model_builtin(i)); i++)
        width = strlen(b->name) > width ? strlen(b->name) : width;
    return (int)width;
}

char *model_scales(const drn_model *model)
{
    char *text = cli_format("%s", "");
    for (int s = 2; s <= drn_model_config(model)->scale; s++) {
        if (!drn_model_has_scale(model, s))
            continue;
        char *longer = cli_format("%s%s%d", text, text[0] ? ", " : "", s);
        free(text);
        text = longer;
    }
    return text;
}

bool load_model(drn_model **out, const char *name, int scale)
{
    drn_error err = {0};
    drn_model *model = NULL;
    if (strcmp(name, AUTO_MODEL) == 0 || strcmp(name, BEST_MODEL) == 0) {
        cli_error("'%s' is chosen for each picture by 'drn upscale' and 'drn video'; name one model here "
                  "('drn models' lists them)",
                  name);
        return false;
    }
    if (drn_model_load(&model, strcmp(name, DEFAULT_MODEL) == 0 ? NULL : name, &err) != DRN_OK) {
        cli_fail(&err);
        return false;
    }
    if (scale != 0 && !drn_model_has_scale(model, scale)) {
        char *scales = model_scales(model);
        cli_error("%s cannot enlarge %d times, only by %s; choose one with -s, or another model "
                  "('drn models')",
                  drn_model_name(model), scale, scales);
        free(scales);
        drn_model_free(model);
        return false;
    }
    *out = model;
    return true;
}

bool model_choice_load(model_choice *out, const char *name)
{
    *out = (model_choice){.best = strcmp(name, BEST_MODEL) == 0};
    out->by_picture = out->best || strcmp(name, AUTO_MODEL) == 0;
    return load_model(&out->first, out->by_picture ? DEFAULT_MODEL : name, 0);
}

void model_choice_free(model_choice *choice)
{
    for (size_t i = 0; i < sizeof choice->loaded / sizeof *choice->loaded; i++)
        drn_model_free(choice->loaded[i]);
    drn_model_free(choice->first);
    *choice = (model_choice){0};
}

drn_status model_choice_pick(const drn_model **out, model_choice *choice, drn_picture_kind kind,
                             double times, drn_error *err)
{
    size_t i = 0;
    *out = choice->first;
    if (!choice->by_picture)
        return DRN_OK;
    const char *name = drn_model_for(choice->best, kind, times);
    while (choice->loaded[i] && strcmp(drn_model_name(choice->loaded[i]), name) != 0)
        i++; /* there are fewer built-in models than places */
    drn_status st = choice->loaded[i] ? DRN_OK : drn_model_load(&choice->loaded[i], name, err);
    if (st == DRN_OK)
        *out = choice->loaded[i];
    return st;
}
