/* Enlarge pictures with a model. */
#ifndef DRN_UPSCALE_H
#define DRN_UPSCALE_H

#include "drn/image.h"
#include "drn/model.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Called now and then on the calling thread with the finished share, 0..1; false cancels. */
typedef bool (*drn_progress_fn)(void *ctx, double done);

/** Zero-initialise for the defaults. */
typedef struct drn_upscale_options {
    int scale;   /* 0 = the model's largest */
    int threads; /* 0 = all cores this process may use */
    int tile;    /* side of a tile in input pixels; 0 = chosen from the cores and the model */
    drn_progress_fn progress; /* may be NULL */
    void *progress_ctx;
} drn_upscale_options;

/** Upscale one image: tiles with an overlap of the network's receptive field, so that the result does
 *  not depend on them.  Grey stays grey, alpha is enlarged by bicubic interpolation, depth and metadata
 *  are kept.
 *  @param in       borrowed; any size >= 1x1, u8/u16/f32, 1-4 bands.
 *  @param options  borrowed, may be NULL.
 *  @param out      on success a new image the caller frees with drn_image_free(); untouched on failure.
 *  @return DRN_OK | DRN_ERR_INVALID (scale not in the model) | DRN_ERR_CANCELLED | DRN_ERR_NOMEM.
 *  Thread-safe per model. */
drn_status drn_upscale(drn_image **out, const drn_image *in, const drn_model *model,
                       const drn_upscale_options *options, drn_error *err);

#ifdef __cplusplus
}
#endif
#endif
