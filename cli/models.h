/* Models by the names one types. */
#ifndef DRN_CLI_MODELS_H
#define DRN_CLI_MODELS_H

#include "cli.h"

#include "drn/model.h"

#define DEFAULT_MODEL "default" /* what -m says when it says nothing */
#define AUTO_MODEL "auto"       /* the compact built-in model made for a picture */
#define BEST_MODEL "best"       /* the large one */

/* Load a model that can enlarge by scale (0: any); prints what is wrong and returns false. */
bool load_model(drn_model **out, const char *name, int scale);

/* Characters of the longest built-in model's name. */
int model_name_width(void);

/* "2, 4": what it can enlarge by; to be freed. */
char *model_scales(const drn_model *model);

/* What -m names: a model, or a rule that picks one for each picture. */
typedef struct model_choice {
    drn_model *first; /* the model, or one that stands for those picked: x4 */
    bool by_picture, best;
    drn_model *loaded[16]; /* picked so far */
} model_choice;

/* Prints what is wrong and returns false. */
bool model_choice_load(model_choice *out, const char *name);
void model_choice_free(model_choice *choice);

/* The model for a picture that is to become `times` larger (0: as the model likes). */
drn_status model_choice_pick(const drn_model **out, model_choice *choice, drn_picture_kind kind,
                             double times, drn_error *err);

#endif
