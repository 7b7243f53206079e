/* Transparency: what the network sees where nothing can be seen, and what becomes of soft edges. */
#ifndef DRN_UPSCALE_FILL_H
#define DRN_UPSCALE_FILL_H

#include "base/error.h"
#include "drn/image.h"

/* Pixels away from visible ones that drn_fill_hidden() reaches; beyond it colours are grey. */
enum { DRN_FILL_REACH = 24 };

/* colour[h,w,1|3], alpha[h,w,1], f32.  Where alpha is 0, whatever colour an editor left there is
 * replaced by that of the nearest visible pixels, so that neither the network nor a resize carries
 * it across the edge. */
drn_status drn_fill_hidden(drn_image *colour, const drn_image *alpha, drn_error *err);

/* Clamp an enlarged alpha to the range that alpha has within one pixel of the same place before: no
 * overshoot.  A pixel that was fully clear (or opaque) beside an antialiased edge covers nothing
 * (or all) and stays exactly so; beside a step without steps between, its side of the edge may
 * become smooth.  Both f32, 1 band; times >= 1. */
void drn_alpha_hold(drn_image *large, const drn_image *alpha, int32_t times);

/* Whether all samples of a 1-band f32 image are equal. */
int drn_alpha_constant(const drn_image *alpha);

#endif
