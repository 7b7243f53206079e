/* Progress of a whole made of parts, each of which reports 0..1 of its own. */
#ifndef DRN_UPSCALE_METER_H
#define DRN_UPSCALE_METER_H

#include "drn/upscale.h"

typedef struct drn_meter {
    drn_progress_fn fn; /* may be NULL */
    void *ctx;
    double done, share; /* finished so far, and what the part at work adds; of 1 */
} drn_meter;

/* A drn_progress_fn for the part at work; ctx: the meter. */
bool drn_meter_tick(void *ctx, double part);

/* Options for a part that adds share; drn_meter_next() when it has ended. */
drn_upscale_options drn_meter_part(drn_meter *m, double share, const drn_upscale_options *o);
void drn_meter_next(drn_meter *m);

#endif
