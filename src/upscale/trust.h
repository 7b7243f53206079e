/* What the trust map is made of, for measuring it against simpler guesses. */
#ifndef DRN_UPSCALE_TRUST_H
#define DRN_UPSCALE_TRUST_H

#include "base/error.h"
#include "drn/upscale.h"

/* All pictures here are f32 with 1 band. */

/* BT.601 luma, 0..1; grey is taken as it is. */
drn_status drn_trust_luma(drn_image **out, const drn_image *in, drn_error *err);
/* Gradient magnitude by central differences, edge samples repeated. */
drn_status drn_trust_gradient(drn_image **out, const drn_image *y, drn_error *err);
/* out += weight * log(a little + g smoothed by a Gaussian). */
drn_status drn_trust_add(drn_image *out, const drn_image *g, double sigma, float weight,
                         drn_error *err);
/* A picture of zeros as large as im. */
drn_status drn_trust_zeros(drn_image **out, const drn_image *im, drn_error *err);

/* Spearman's rank correlation of a[n] and b[n], ties at their mean rank; NAN when either is
 * constant. */
drn_status drn_rank_correlation(double *out, const float *a, const float *b, size_t n,
                                drn_error *err);

#endif
