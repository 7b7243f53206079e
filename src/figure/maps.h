/* What is not a picture, as one: gradients, masks, errors. */
#ifndef DRN_FIGURE_MAPS_H
#define DRN_FIGURE_MAPS_H

#include "base/error.h"
#include "drn/image.h"

/* u8 RGB of a picture of any kind, alpha over white, grey three times. */
drn_status figure_rgb(drn_image **out, const drn_image *in, drn_error *err);
/* Every pixel as a square of scale x scale; in is u8 RGB. */
drn_status figure_blocks(drn_image **out, const drn_image *in, int scale, drn_error *err);

/* Largest gradient magnitude of the luma of a u8 RGB picture: that of the gradient PSNR. */
drn_status figure_gradient_peak(double *peak, const drn_image *in, drn_error *err);
/* The magnitudes, white from half of `peak` on. */
drn_status figure_gradient(drn_image **out, const drn_image *in, double peak, drn_error *err);

/* The mask M of Eq. 4 of a u8 RGB picture as the loss has it, a channel each: M as a picture, M * I
 * and (1 - M) * I. */
drn_status figure_mask(drn_image **m, drn_image **masked, drn_image **rest, const drn_image *in,
                       drn_error *err);

/* |luma of a - luma of b|, `gain` times, of u8 RGB pictures of one size. */
drn_status figure_error(drn_image **out, const drn_image *a, const drn_image *b, double gain,
                        drn_error *err);
/* Sum of the squared luma differences left of and above every corner: sums[h+1, w+1]. */
drn_status figure_difference_sums(double **sums, const drn_image *a, const drn_image *b,
                                  drn_error *err);

#endif
