/* What people look at while a run goes on: event files for TensorBoard, and validation pictures as
 * files for the report. */
#ifndef DRN_TRAIN_BOARD_H
#define DRN_TRAIN_BOARD_H

#include "drn/train.h"
#include "train/events.h"
#include "train/validate.h"

typedef struct drn_board {
    drn_events *events;
    char *pictures;       /* folder */
    int64_t every;        /* steps between two points of a curve */
    int64_t next_picture; /* step from which pictures go into the event file again */
    size_t shown;         /* pictures */
} drn_board;

/* step: the first one of this process; pictures: how many of the validator's (NULL: none) to show.
 */
drn_status drn_board_open(drn_board *b, const char *out, int64_t step, int64_t steps,
                          const drn_validator *v, size_t pictures, drn_error *err);
void drn_board_close(drn_board *b);

/* Curves; called after every step. */
drn_status drn_board_step(drn_board *b, const drn_train_progress *p, drn_error *err);
/* Pictures; called after a validation, with the weights that were validated.  first: of this run.
 */
drn_status drn_board_pictures(drn_board *b, const drn_train_progress *p, const drn_validator *v,
                              const drn_config *config, const drn_params *params,
                              const float *values, bool first, drn_error *err);

#endif
