/* The network alone over a whole picture: in strips on a CPU, in tiles on a GPU. */
#ifndef DRN_UPSCALE_NETWORK_H
#define DRN_UPSCALE_NETWORK_H

#include "base/error.h"
#include "drn/upscale.h"

/* out = the network's picture of in, scale times larger, of in's bands and depth.  An alpha band is
 * left undefined; no metadata.  Uses threads, tile and progress of the options; scale must be one
 * of the model. */
drn_status drn_network_upscale(drn_image **out, const drn_image *in, const drn_model *model,
                               int scale, const drn_upscale_options *options, drn_error *err);

/* DRN_ERR_INVALID, with what the model can, unless it has this scale and the result's sides fit. */
drn_status drn_network_check(int32_t width, int32_t height, const drn_model *model, int scale,
                             drn_error *err);

#endif
