/* Between an image's samples and the network's planar RGB floats in [0,1]. */
#ifndef DRN_UPSCALE_SAMPLES_H
#define DRN_UPSCALE_SAMPLES_H

#include "base/error.h"
#include "drn/image.h"

/* planar[3,h,w], `plane` floats from one plane to the next, from the window at (x, y); grey is
 * replicated, alpha left out. */
void drn_samples_load(float *planar, size_t plane, const drn_image *in, int32_t x, int32_t y,
                      int32_t w, int32_t h);

/* The w x h pixels of planar, rows of pw pixels, `plane` floats from one plane to the next, go to
 * (x, y) of the image: rounded and clamped for integer depths; a grey image takes the BT.601 luma. */
void drn_samples_store(drn_image *out, const float *planar, size_t plane, int32_t pw, int32_t x,
                       int32_t y, int32_t w, int32_t h);

/* The window at (x, y) as f32 images: *colour with 1 or 3 bands, *alpha with 1, or NULL when in has
 * none. */
drn_status drn_samples_split(drn_image **colour, drn_image **alpha, const drn_image *in, int32_t x,
                             int32_t y, int32_t w, int32_t h, drn_error *err);

/* The w x h pixels at (sx, sy) of colour and alpha (NULL: none) go to (x, y) of the image: rounded
 * and clamped for integer depths. */
void drn_samples_merge(drn_image *out, int32_t x, int32_t y, const drn_image *colour,
                       const drn_image *alpha, int32_t sx, int32_t sy, int32_t w, int32_t h);

/* Copy the w x h pixels at (sx, sy) of one image to (x, y) of another of the same bands and depth.
 */
void drn_samples_copy(drn_image *out, int32_t x, int32_t y, const drn_image *in, int32_t sx,
                      int32_t sy, int32_t w, int32_t h);

#endif
