/* log.jsonl of a run: one JSON object a line and step. */
#ifndef DRN_TRAIN_LOG_H
#define DRN_TRAIN_LOG_H

#include "drn/train.h"

#include <stdio.h>

/* Open for appending and lock: DRN_ERR_INVALID when another process has the run. */
drn_status drn_log_open(FILE **out, const char *path, drn_error *err);
/* Cut off the lines of steps past `step` (0: all), which a killed run may have left behind its last
 * checkpoint. */
drn_status drn_log_cut(FILE *log, const char *path, int64_t step, drn_error *err);
drn_status drn_log_step(FILE *log, const drn_train_progress *p, const char *path, drn_error *err);
/* Lines so far are on the disk. */
drn_status drn_log_flush(FILE *log, const char *path, drn_error *err);

#endif
