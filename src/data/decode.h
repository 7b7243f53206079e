/* Pictures in memory, as training sees them: u8 RGB. */
#ifndef DRN_DATA_DECODE_H
#define DRN_DATA_DECODE_H

#include "base/error.h"
#include "drn/image.h"

/* A whole file in memory -> pixels of its own kind; name stands in messages. */
drn_status drn_decode(drn_image **out, const void *data, size_t size, const char *name,
                      drn_error *err);
/* Grey replicated, alpha dropped, 16 bits rounded, float clamped; profiles and EXIF dropped.  Takes
 * `in` in any case. */
drn_status drn_to_rgb(drn_image **out, drn_image *in, drn_error *err);

#endif
