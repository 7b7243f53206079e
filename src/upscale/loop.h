/* The closed loop: a result against the input it came from. */
#ifndef DRN_UPSCALE_LOOP_H
#define DRN_UPSCALE_LOOP_H

#include "base/error.h"
#include "drn/upscale.h"

/* Refuse pictures that cannot be result and input. */
drn_status drn_loop_pair(const drn_image *result, const drn_image *in, drn_error *err);

/* y, an f32 colour picture, projected onto x; the result will be kept in depth.  *unequal: share of
 * the samples of x that the shrunk result, both rounded to depth, does not meet. */
drn_status drn_loop_project(drn_image *y, const drn_image *x, drn_depth depth, int rounds,
                            double *unequal, drn_error *err);

/* D of the model over an f32 colour picture that is its scale `times` times larger than *out, or
 * DRN_ERR_UNSUPPORTED. */
drn_status drn_loop_dual(drn_image **out, const drn_image *y, const drn_model *model, int times,
                         int threads, drn_error *err);
bool drn_loop_has_dual(const drn_model *model, int times);

#endif
