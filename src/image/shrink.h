/* Shrinking as programs that draw do it, not as photographs come about: without the negative lobes
 * of imresize's kernel. */
#ifndef DRN_IMAGE_SHRINK_H
#define DRN_IMAGE_SHRINK_H

#include "base/error.h"
#include "drn/image.h"

/* Both make [h / factor, w / factor, 3] of u8 RGB [h, w, 3]; what is left over at the right and
 * below is cut off.  DRN_ERR_INVALID: not u8 RGB, or smaller than a block. */

/* The mean of every factor x factor block, rounded: what a renderer makes of a pixel that a shape
 * covers in part. */
drn_status drn_shrink_box(drn_image **out, const drn_image *in, int factor, drn_error *err);

/* Pixel (x, y) of every block, 0 <= x, y < factor: edges become stairs, as in drawings without
 * antialiasing.  factor / 2 is MATLAB's imresize(.., 'nearest'). */
drn_status drn_shrink_nearest(drn_image **out, const drn_image *in, int factor, int x, int y,
                              drn_error *err);

#endif
