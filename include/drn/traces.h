/* What a picture's pixels tell of its past: a JPEG file, noise, a drawing. */
#ifndef DRN_TRACES_H
#define DRN_TRACES_H

#include "drn/image.h"
#include "drn/model.h"

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
    double edges;  /* share of the 8 x 8 blocks with an edge of 48 levels in which 10 pixels have one
                      colour, 0..1: of photographs few, of drawings and screenshots most; 0: fewer than
                      4 edges */
    double near;   /* the same with 24 pixels within 2 levels of one: drawings after a JPEG file, too */
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

/** Which kind of model suits such pixels (drn_model_for()).  DRN_PICTURE_DRAWN: edges above 0.55, or, where there is
 *  damage, near above 0.4; else DRN_PICTURE_DAMAGED: a lossy file, traces of JPEG, or noise above 3.5 levels; else
 *  DRN_PICTURE_CLEAN.
 *  @param lossy  the pixels come from a format that loses detail, see drn_image_is_lossy().
 *  Thread-safe. */
drn_picture_kind drn_traces_kind(const drn_traces *traces, bool lossy);

#ifdef __cplusplus
}
#endif
#endif
