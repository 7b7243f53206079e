/* What a picture's pixels keep of its past: a JPEG file, noise. */
#ifndef DRN_TRACES_H
#define DRN_TRACES_H

#include "drn/image.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct drn_traces {
    double blocks; /* share of the places with some detail that speak for one and the same grid of
                      8 x 8 blocks, 0..1 */
    bool jpeg;     /* half of them, and beyond chance: the pixels come from a JPEG file, whatever they
                      are in now */
    double noise;  /* standard deviation of the noise, levels of 255; 0: none is seen, or the picture is
                      too small to tell, or a quarter of it is perfectly flat */
} drn_traces;

/** Look for traces in a picture.  Of large pictures 16 squares of 128 x 128 pixels are looked at.
 *  The blocks are those of luma: where rounding to multiples of a JPEG file's steps made more of an 8 x 8 DCT's
 *  coefficients zero than one pixel beside, a block begins.  Noise is the high frequencies where the low ones are
 *  weakest: of (R - G) / sqrt 2, or, if that is more, of luma, where it counts when it is white and everywhere.
 *  @param out    filled on success.
 *  @param image  borrowed; any size, bands and depth; alpha is not looked at.
 *  @return DRN_OK | DRN_ERR_NOMEM.  Thread-safe. */
drn_status drn_image_traces(drn_traces *out, const drn_image *image, drn_error *err);

/** The same of a file, read from top to bottom in little memory.
 *  @return as drn_image_read() | DRN_ERR_UNSUPPORTED (build without libvips).  Thread-safe. */
drn_status drn_image_file_traces(drn_traces *out, const char *path, drn_error *err);

/** Whether they are such that a model for damaged pictures (drn_model_for()) is the better one: a JPEG file's, or
 *  noise above 3.5 levels. */
bool drn_traces_damaged(const drn_traces *traces);

#ifdef __cplusplus
}
#endif
#endif
