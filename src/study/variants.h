/* What each study compares: names, the recipe keys that make the difference, and the numbers the
 * paper has. */
#ifndef DRN_STUDY_VARIANTS_H
#define DRN_STUDY_VARIANTS_H

#include "drn/study.h"

#include <stdint.h>

enum { STUDY_MAX_VARIANTS = 64, STUDY_MAX_SETS = 8 };

/* PSNR-Y in dB of the paper's x4 models; NAN: the paper has none, or our copy of it has lost it. */
typedef struct study_paper {
    double set5, set14;
} study_paper;

typedef struct study_variant {
    char name[48];  /* of folders */
    char label[48]; /* in tables */
    char set[STUDY_MAX_SETS][48];
    int sets;
    study_paper paper;
} study_variant;

typedef struct study_plan {
    const char *name, *title;                  /* "table4", "Table 4: ..." */
    const char *head;                          /* of the first column */
    const char *paper_note;                    /* what is known of the paper's numbers */
    study_variant variant[STUDY_MAX_VARIANTS]; /* the first is what the others are compared with */
    int variants;
} study_plan;

/* All variants the options name, for runs of `steps` steps. */
drn_status study_plan_make(study_plan *p, const drn_study_options *o, int64_t steps,
                           drn_error *err);

#endif
