/* Change the depth of samples, and lay alpha over white. */
#ifndef DRN_IMAGE_CONVERT_H
#define DRN_IMAGE_CONVERT_H

#include "base/error.h"
#include "drn/image.h"

#include <stdbool.h>

/* A new image of that depth (no meta): integers keep their share of the range (255 <-> 65535),
 * f32 0..1 is clamped (NaN becomes 0) and rounded half up; flatten composes grey+alpha or
 * sRGB+alpha over white and drops the alpha band. */
drn_status drn_image_convert(drn_image **out, const drn_image *in, drn_depth depth, bool flatten,
                             drn_error *err);

#endif
