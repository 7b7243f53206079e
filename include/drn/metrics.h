/* Quality of a super-resolved picture against the original, by the field's protocol. */
#ifndef DRN_METRICS_H
#define DRN_METRICS_H

#include "drn/image.h"

#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

/** What exactly is compared.  Zero-initialised: the standard protocol of recent papers: BT.601 Y not
 *  rounded, SSIM by an 11x11 Gaussian window (sigma 1.5) over the valid region. */
typedef struct drn_metric_options {
    int shave;    /* border pixels left out on each side; usually the scale */
    bool round_y; /* round Y to integers first */
    bool rgb;     /* compare R, G and B instead of Y (mean squared error over all three) */
    bool ssim_replicate; /* SSIM over the whole picture, edges replicated (MATLAB's ssim) */
} drn_metric_options;

typedef struct drn_metric_values {
    double psnr;          /* dB; INFINITY for equal pictures */
    double ssim;          /* -1..1; NAN when the region is smaller than the window */
    double gradient_psnr; /* dB; PSNR of the gradient magnitude, see docs/numerics.md */
} drn_metric_values;

/** Compare a picture with the original, both u8, 1 or 3 bands, of one size.
 *  Grey pictures are replicated to RGB before the conversion to Y.
 *  @return DRN_OK | DRN_ERR_INVALID (sizes or kinds differ, nothing left inside shave) | DRN_ERR_NOMEM.
 *  Thread-safe. */
drn_status drn_metrics(drn_metric_values *out, const drn_image *sr, const drn_image *hr,
                       const drn_metric_options *options, drn_error *err);

#ifdef __cplusplus
}
#endif
#endif
