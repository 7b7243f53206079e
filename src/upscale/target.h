/* Which size a picture gets, and by which passes of the network. */
#ifndef DRN_UPSCALE_TARGET_H
#define DRN_UPSCALE_TARGET_H

#include "base/error.h"
#include "drn/upscale.h"

/* Product of the passes' scales. */
int drn_target_total(const drn_upscale_target *t);

/* Input pixels around a window that can change its result, through all passes. */
int32_t drn_target_radius(const drn_upscale_target *t, const drn_model *model);

#endif
