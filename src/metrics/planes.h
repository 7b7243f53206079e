/* The measures on planes of doubles, values 0..255. */
#ifndef DRN_METRICS_PLANES_H
#define DRN_METRICS_PLANES_H

#include "base/error.h"

#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* a[height, width], b[height, width] -> *out: structural similarity (Wang et al. 2004), 11x11
 * Gaussian window of sigma 1.5, C1 = (0.01*255)^2, C2 = (0.03*255)^2.  replicate: a window at every
 * pixel, edges repeated; else only where the window lies inside (NAN when it never does). */
drn_status drn_ssim_plane(double *out, const double *a, const double *b, int32_t width,
                          int32_t height, bool replicate, drn_error *err);

/* Gradient magnitude at *p of a plane whose rows are stride apart: central differences [1, 0, -1], not
 * halved. */
static inline double drn_gradient_magnitude(const double *p, ptrdiff_t stride)
{
    double gx = p[1] - p[-1], gy = p[stride] - p[-stride];
    return sqrt(gx * gx + gy * gy);
}

/* Over the pixels with four neighbours. */
typedef struct drn_gradient_sums {
    double sse;   /* of (|grad a| - |grad b|) */
    double count; /* pixels: (width-2) * (height-2), or 0 */
    double peak;  /* largest |grad b| */
} drn_gradient_sums;

/* Add one pair of planes (the peak: the larger one stays). */
void drn_gradient_add(drn_gradient_sums *sums, const double *a, const double *b, int32_t width,
                      int32_t height);

#endif
