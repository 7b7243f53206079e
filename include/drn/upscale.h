/* Enlarge pictures with a model. */
#ifndef DRN_UPSCALE_H
#define DRN_UPSCALE_H

#include "drn/device.h"
#include "drn/image.h"
#include "drn/model.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Called now and then on the calling thread with the finished share, 0..1; false cancels. */
typedef bool (*drn_progress_fn)(void *ctx, double done);

/** How transparency is enlarged. */
typedef enum drn_alpha {
    DRN_ALPHA_NETWORK = 0, /* by the network, as a grey picture, held within its neighbourhood */
    DRN_ALPHA_BICUBIC = 1  /* by bicubic interpolation, held the same way */
} drn_alpha;

/** Zero-initialise for the defaults: the model's largest scale in one pass. */
typedef struct drn_upscale_options {
    int scale;   /* one of the model's; 0 = its largest.  Unused when one of the three below is set */
    int threads; /* 0 = all cores this process may use */
    int tile;    /* width of a strip in input pixels, and most rows of a band; on a GPU the side of a tile;
                    0 = chosen from cache, memory and the model */
    drn_progress_fn progress; /* may be NULL */
    void *progress_ctx;

    /* Any size: by the model's next larger scale (several passes where it has none large enough),
     * then shrunk by antialiased bicubic interpolation. */
    double factor;         /* how many times larger, 0 = not set; the size is rounded up */
    int32_t width, height; /* the result's pixels; 0 = not set; one alone keeps the proportions */
    bool fit;              /* width and height are a box the result must fit into */

    bool ensemble;   /* mean over the 8 flips and turns of the input: slightly better, 8 times the work */
    bool linear;     /* shrink to the wanted size in linear light instead of on sRGB values */
    drn_alpha alpha;
    int consistent;  /* at most this many rounds of back-projection, see drn_upscale_project(); 0 = none */

    drn_device device;   /* of the network; bicubic work stays on the CPU */
    drn_numbers numbers; /* on a GPU */
} drn_upscale_options;

enum {
    DRN_UPSCALE_MAX = 64,   /* largest factor */
    DRN_UPSCALE_PASSES = 6  /* most passes of a model */
};

/** Where an enlargement leads to, and how. */
typedef struct drn_upscale_target {
    int32_t width, height;             /* of the result */
    int passes;                        /* of the network; 0 = the picture is only shrunk */
    int scale[DRN_UPSCALE_PASSES];     /* of each pass */
    int32_t net_width, net_height;     /* after the passes; equal to the result's, or larger */
} drn_upscale_target;

/** The size a picture of width x height would get.
 *  @param options  borrowed, may be NULL.
 *  @return DRN_OK | DRN_ERR_INVALID (scale not in the model, beyond 64 times or 2^31 pixels a side).
 *  Thread-safe. */
drn_status drn_upscale_find_target(drn_upscale_target *out, int32_t width, int32_t height,
                                   const drn_model *model, const drn_upscale_options *options,
                                   drn_error *err);

/** Upscale one image: strips with an overlap of the network's receptive field, so that the result does
 *  not depend on them.  Grey stays grey, depth and metadata are kept.  Colours under full transparency
 *  are replaced by those of their surroundings first, so that edges get no fringe.
 *  @param in       borrowed; any size >= 1x1, u8/u16/f32, 1-4 bands.
 *  @param options  borrowed, may be NULL.
 *  @param out      on success a new image the caller frees with drn_image_free(); untouched on failure.
 *  @return DRN_OK | DRN_ERR_INVALID (as drn_upscale_find_target()) | DRN_ERR_CANCELLED | DRN_ERR_NOMEM | with
 *  DRN_DEVICE_CUDA DRN_ERR_UNSUPPORTED and DRN_ERR_DEVICE.  Thread-safe: many calls may share a model. */
drn_status drn_upscale(drn_image **out, const drn_image *in, const drn_model *model,
                       const drn_upscale_options *options, drn_error *err);

/** Upscale from file to file in strips, for pictures larger than memory: the input is read and the result
 *  written row by row (TIFF: BigTIFF in tiles), with the pixels of drn_upscale().  Options are the same,
 *  but for consistent, which needs the whole picture.  Formats that code a picture as a whole (WebP, AVIF,
 *  HEIC, JPEG XL, JPEG 2000, GIF) take its memory all the same.
 *  @param in, out  file names; out appears complete or not at all.
 *  @param as       borrowed, may be NULL.
 *  @param memory   bytes to work with, 0 = 800 MB; of use from about 300 MB on.
 *  @return as drn_image_read(), drn_upscale() and drn_image_write() | DRN_ERR_UNSUPPORTED (consistent; a
 *  build without libvips).  Thread-safe for different outputs. */
drn_status drn_upscale_stream(const char *in, const char *out, const drn_model *model,
                              const drn_upscale_options *options, const drn_write_options *as, size_t memory,
                              drn_error *err);

/** How well a result, shrunk again, returns to the input: the closed loop of the dual reconstruction
 *  network.  PSNR in dB over all colour samples (where alpha is not 0); INFINITY when equal. */
typedef struct drn_loop {
    bool has_dual;       /* the model brings dual models for this scale; else the two below are NAN */
    double dual;         /* D(result) against the input, D the model's dual model */
    double dual_bicubic; /* D(bicubic enlargement) against the input */
    double shrunk;         /* the result shrunk by bicubic interpolation against the input */
    double shrunk_bicubic; /* the bicubic enlargement, shrunk the same way */
} drn_loop;

/** Measure the closed loop.
 *  @param result  an enlargement of in: same bands, at least as large.
 *  @param model   borrowed; NULL = no dual model.
 *  @return DRN_OK | DRN_ERR_INVALID | DRN_ERR_NOMEM.  Thread-safe. */
drn_status drn_upscale_check(drn_loop *out, const drn_image *result, const drn_image *in,
                             const drn_model *model, int threads, drn_error *err);

/** Project a result back onto its input: add the enlarged difference between the input and the shrunk
 *  result (bicubic, both ways) until the shrunk result, rounded as the input is, equals it.
 *  @param out     on success a new image of result's size, bands, depth and metadata.
 *  @param rounds  most rounds, >= 1; 20 is enough for nearly all pictures.
 *  @param unequal receives the share of the input's samples that still differ, 0..1; may be NULL.
 *  @return DRN_OK | DRN_ERR_INVALID | DRN_ERR_NOMEM.  Thread-safe. */
drn_status drn_upscale_project(drn_image **out, const drn_image *result, const drn_image *in, int rounds,
                               double *unequal, drn_error *err);

/** Where a result can be trusted: a grey u8 picture of its size, 255 = where the error is expected to be
 *  smallest, 0 = where it is largest, in equal shares (a rank: the n % darkest pixels are the n % of the
 *  picture that are least certain).  Foretold from how much finer the result is than the bicubic
 *  enlargement; docs/user/upscale.md has the measurements behind it.
 *  @param expected  receives the number that is ranked, f32, 1 band, growing with the expected error, in
 *                   no unit; may be NULL.
 *  @return DRN_OK | DRN_ERR_INVALID | DRN_ERR_NOMEM.  Thread-safe. */
drn_status drn_upscale_trust(drn_image **map, drn_image **expected, const drn_image *result,
                             const drn_image *in, drn_error *err);

/** Spearman's rank correlation, -1..1, of guesses with the true error of the luma, pixel by pixel. */
typedef struct drn_trust_score {
    double trust;           /* what drn_upscale_trust() ranks by */
    double gradient;        /* gradient magnitude of the bicubic enlargement */
    double smooth_gradient; /* the same, smoothed by a Gaussian of half an input pixel */
    double loop;            /* |result shrunk again - input|, enlarged and smoothed alike */
} drn_trust_score;

/** Measure a trust map against the original picture.
 *  @param truth  the original, of result's size; grey or sRGB.
 *  @param shave  pixels left out at each side.
 *  @return DRN_OK | DRN_ERR_INVALID | DRN_ERR_NOMEM.  Thread-safe. */
drn_status drn_upscale_trust_score(drn_trust_score *out, const drn_image *result, const drn_image *in,
                                   const drn_image *truth, int shave, drn_error *err);

#ifdef __cplusplus
}
#endif
#endif
