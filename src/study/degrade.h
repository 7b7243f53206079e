/* Ways in which an LR picture comes about from an HR one, other than the protocol's. */
#ifndef DRN_STUDY_DEGRADE_H
#define DRN_STUDY_DEGRADE_H

#include "base/error.h"
#include "drn/image.h"
#include "drn/study.h"

/* "bicubic", "blur", "nearest". */
const char *study_degrade_name(drn_degrade_kind kind);

/* LR picture of hr, which is u8 RGB and is cut to multiples of scale first (drn_protocol_hr()).
 *   bicubic  the standard protocol's
 *   blur     Gaussian of sigma HR pixels, edges repeated, rounded to u8; then bicubic
 *   nearest  pixel scale/2 (from 0) of every scale x scale block: imresize(.., 'nearest') */
drn_status study_degrade(drn_image **out, const drn_image *hr, int scale, drn_degrade_kind kind,
                         double sigma, drn_error *err);

#endif
