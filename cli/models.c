#include "models.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
