/* Models by the names one types. */
#ifndef DRN_CLI_MODELS_H
#define DRN_CLI_MODELS_H

#include "cli.h"

#include "drn/model.h"

#define DEFAULT_MODEL "default" /* what -m says when it says nothing */

/* Load a model that can enlarge by scale (0: any); prints what is wrong and returns false. */
bool load_model(drn_model **out, const char *name, int scale);

/* "2, 4": what it can enlarge by; to be freed. */
char *model_scales(const drn_model *model);

#endif
