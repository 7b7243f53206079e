/* Frames through the network, several at a time, out in the order they went in.  A fixed number of
 * frames is in flight, so that memory is bounded. */
#ifndef DRN_VIDEO_FLOW_H
#define DRN_VIDEO_FLOW_H

#include "video/film.h"

typedef struct drn_flow drn_flow;

typedef struct drn_flow_job {
    drn_yuv_format in, out;
    const drn_model *model;
    drn_upscale_options how; /* of one frame; threads: for each frame; progress is not used */
    int parallel;            /* frames worked on at the same time */
} drn_flow_job;

drn_status drn_flow_new(drn_flow **out, const drn_flow_job *job, drn_error *err);
/* Stops what is at work; NULL is fine. */
void drn_flow_free(drn_flow *flow);

/* All from one thread: */

/* Where the next input frame goes, or NULL as long as there is no room. */
drn_frame *drn_flow_room(drn_flow *flow);
/* Start with the frame that was put there; tag comes back with the result. */
void drn_flow_submit(drn_flow *flow, uint64_t tag);
/* Whether anything was submitted that was not released. */
bool drn_flow_busy(const drn_flow *flow);
/* The oldest result, waiting for at most `seconds`; NULL when it is not ready.  Release it after
 * use. */
drn_status drn_flow_take(const drn_frame **frame, uint64_t *tag, drn_flow *flow, double seconds,
                         drn_error *err);
void drn_flow_release(drn_flow *flow);

#endif
