/* TensorBoard event files: records (length, CRC, bytes, CRC) of protobuf messages.  Only the few
 * message fields that scalars and pictures need are written, by hand:
 *   Event    1 wall_time double, 2 step int64, 3 file_version string, 5 summary, 7 session_log
 *   SessionLog  1 status (1 = START)
 *   Summary  1 value (repeated): 1 tag string, 2 simple_value float, 4 image
 *   Image    1 height, 2 width, 3 colorspace (3 = RGB), 4 encoded_image_string (PNG) */
#ifndef DRN_TRAIN_EVENTS_H
#define DRN_TRAIN_EVENTS_H

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

typedef struct drn_events drn_events;

/* A new file events.out.tfevents.* in dir.  What earlier files hold from `step` on is
 * to be forgotten: the run goes on with it. */
drn_status drn_events_open(drn_events **out, const char *dir, int64_t step, drn_error *err);
void drn_events_close(drn_events *e);

/* Collect values of a step, then write them as one event. */
void drn_events_scalar(drn_events *e, const char *tag, double value);
void drn_events_image(drn_events *e, const char *tag, const void *png, size_t size, int32_t width,
                      int32_t height);
drn_status drn_events_write(drn_events *e, int64_t step, drn_error *err);
/* On to the disk. */
drn_status drn_events_flush(drn_events *e, drn_error *err);

/* CRC-32C (Castagnoli) of bytes, as records hold it: rotated and shifted. */
uint32_t drn_masked_crc32c(const void *data, size_t size);

#endif
