/* Self-ensemble: the mean of the network over the 8 flips and turns of its input. */
#ifndef DRN_UPSCALE_ENSEMBLE_H
#define DRN_UPSCALE_ENSEMBLE_H

#include "upscale/network.h"

enum { DRN_ENSEMBLE = 8 };

/* As drn_network_upscale(), for f32 images.  spread (may be NULL) receives the standard deviation
 * of the 8 results, per sample. */
drn_status drn_ensemble_upscale(drn_image **out, drn_image **spread, const drn_image *in,
                                const drn_model *model, int scale,
                                const drn_upscale_options *options, drn_error *err);

#endif
