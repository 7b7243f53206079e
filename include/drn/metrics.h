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

/** Compare a picture with the original, both u8, 1 or 3 bands (not necessarily the same), of one size.
 *  Grey pictures are replicated to RGB before the conversion to Y.
 *  @return DRN_OK | DRN_ERR_INVALID (sizes or kinds differ, nothing left inside shave) | DRN_ERR_NOMEM.
 *  Thread-safe. */
drn_status drn_metrics(drn_metric_values *out, const drn_image *sr, const drn_image *hr,
                       const drn_metric_options *options, drn_error *err);

typedef enum drn_protocol_kind {
    DRN_PROTOCOL_STANDARD = 0, /* 8-bit LR pictures, Y not rounded: most papers since 2017 */
    DRN_PROTOCOL_PAPER = 1     /* the bicubic rows of the DRN paper's Tables 1 and 2 */
} drn_protocol_kind;

/** Which rules make the LR picture of an original and score what comes back.  Zero-initialised: the
 *  standard protocol.  Under DRN_PROTOCOL_PAPER LR pictures stay unrounded (f32), SR pictures are
 *  rounded to 8 bits and Y is rounded; border is symmetric; precision and round_y are ignored. */
typedef struct drn_protocol {
    drn_protocol_kind kind;
    drn_border border;       /* for making LR pictures and the bicubic rows */
    drn_precision precision; /* the same */
    bool round_y;            /* round Y to integers before comparing */
    bool rgb;                /* compare R, G and B instead of Y */
} drn_protocol;

/** The original as the protocol sees it: u8, alpha over white, right and bottom edge cut off so that
 *  both sides are multiples of scale.
 *  @param out   on success a new image of hr's colours; untouched on failure.
 *  @return DRN_OK | DRN_ERR_INVALID (scale < 1, picture smaller than scale) | DRN_ERR_NOMEM.
 *  Thread-safe. */
drn_status drn_protocol_hr(drn_image **out, const drn_image *hr, int scale, drn_error *err);

/** The LR picture of an original (any depth and size; it goes through drn_protocol_hr first).
 *  @param out       u8, or f32 in 0..1 under DRN_PROTOCOL_PAPER; 1 or 3 bands.
 *  @param protocol  borrowed; NULL = standard.
 *  @return as drn_protocol_hr().  Thread-safe. */
drn_status drn_protocol_lr(drn_image **out, const drn_image *hr, int scale,
                           const drn_protocol *protocol, drn_error *err);

/** The bicubic enlargement of an LR picture as the protocol's baseline: u8.
 *  @return DRN_OK | DRN_ERR_INVALID | DRN_ERR_NOMEM.  Thread-safe. */
drn_status drn_protocol_bicubic(drn_image **out, const drn_image *lr, int scale,
                                const drn_protocol *protocol, drn_error *err);

/** What drn_protocol_score() compares: shave = scale and so on. */
drn_metric_options drn_protocol_metrics(const drn_protocol *protocol, int scale);

/** Score a super-resolved picture, from a network or a folder.
 *  @param sr  any depth (rounded to 8 bits, alpha over white); of the size of hr, or of hr cut to
 *             multiples of scale.
 *  @return DRN_OK | DRN_ERR_INVALID (sizes differ) | DRN_ERR_NOMEM.  Thread-safe. */
drn_status drn_protocol_score(drn_metric_values *out, const drn_image *sr, const drn_image *hr,
                              int scale, const drn_protocol *protocol, drn_error *err);

/** The protocol's "bicubic" table row for one original.
 *  @return as drn_protocol_hr().  Thread-safe. */
drn_status drn_protocol_score_bicubic(drn_metric_values *out, const drn_image *hr, int scale,
                                      const drn_protocol *protocol, drn_error *err);

/** "standard" or "paper", and back (DRN_ERR_INVALID names the known ones).  Thread-safe. */
const char *drn_protocol_name(drn_protocol_kind kind);
drn_status drn_protocol_parse(drn_protocol_kind *out, const char *name, drn_error *err);

#ifdef __cplusplus
}
#endif
#endif
