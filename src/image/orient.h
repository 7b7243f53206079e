/* Bring a picture upright. */
#ifndef DRN_IMAGE_ORIENT_H
#define DRN_IMAGE_ORIENT_H

#include "base/error.h"
#include "drn/image.h"

/* *image becomes the upright picture for an EXIF orientation 1..8 (others: unchanged); the old one
 * is freed and its meta moves over.  On failure *image is unchanged. */
drn_status drn_image_orient(drn_image **image, int orientation, drn_error *err);

#endif
