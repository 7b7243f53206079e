/* The finite set H of the bound: which models, and their losses on samples. */
#ifndef DRN_STUDY_HYPOTHESES_H
#define DRN_STUDY_HYPOTHESES_H

#include "models/model.h"
#include "study/eval.h"

enum { STUDY_MAX_HYPOTHESES = 200 };

typedef struct hypotheses {
    drn_model *model[STUDY_MAX_HYPOTHESES];
    study_eval *eval[STUDY_MAX_HYPOTHESES];
    char name[STUDY_MAX_HYPOTHESES][64]; /* the end of the path */
    size_t count;
    size_t files; /* read for it, those that hold the same weights as one before included */
    int scale;
    bool dual; /* all have dual models */
    drn_pool *pool;
} hypotheses;

/* runs: model files; folders, whose models (*.safetensors but checkpoint.safetensors) count;
 * folders of such folders.  The same weights twice are one hypothesis.  All of one scale.  For samples of
 * patch x patch LR pixels. */
drn_status hypotheses_open(hypotheses *h, const char *const *runs, size_t run_count,
                           const study_loss *loss, int patch, int threads, drn_error *err);
void hypotheses_close(hypotheses *h);

#endif
