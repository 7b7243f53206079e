/* From the network's size to the wanted one, a window at a time. */
#ifndef DRN_UPSCALE_SHRINK_H
#define DRN_UPSCALE_SHRINK_H

#include "image/imresize.h"

#include <stdbool.h>

/* Smallest and largest sample that outputs first .. first+count-1 are made of. */
void drn_shrink_range(int32_t *lo, int32_t *hi, const drn_resize_table *table, int32_t first,
                      int32_t count);

/* The w x h pixels at (x, y) of the resized picture, f32, never rounded.  in holds the part of the
 * picture from (ix, iy) on that they are made of. */
drn_status drn_shrink_window(drn_image **out, const drn_image *in, int32_t ix, int32_t iy,
                             const drn_resize_table *columns, const drn_resize_table *rows,
                             int32_t x, int32_t y, int32_t w, int32_t h, drn_error *err);

/* sRGB values to linear light and back, in place; values outside 0..1 keep their sign. */
void drn_light_linear(drn_image *image);
void drn_light_srgb(drn_image *image);

#endif
