/* One picture of drn upscale: read, enlarge, check, write. */
#ifndef DRN_CLI_ENLARGE_H
#define DRN_CLI_ENLARGE_H

#include "events.h"
#include "models.h"
#include "pictures.h"

#include "drn/traces.h"
#include "drn/upscale.h"

typedef struct enlarge_options {
    drn_upscale_options how; /* progress is set by enlarge() */
    drn_write_options as;
    const char *suffix; /* of what goes to the standard output, ".png" */
    bool check, overwrite, resume;
    double memory; /* bytes the pictures may take before they are worked on in strips */
} enlarge_options;

/* Tells the events how it goes. */
void enlarge(const picture_job *job, model_choice *models, const enlarge_options *o, events *e);

#endif
