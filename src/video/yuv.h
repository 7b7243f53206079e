/* Frames of films: planes of luma and chroma, and their way to RGB pictures and back. */
#ifndef DRN_VIDEO_YUV_H
#define DRN_VIDEO_YUV_H

#include "base/error.h"
#include "drn/image.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* MatrixCoefficients of ITU-T H.273, as files carry them. */
enum {
    DRN_MATRIX_RGB = 0, /* planes are G, B, R */
    DRN_MATRIX_709 = 1,
    DRN_MATRIX_UNKNOWN = 2,
    DRN_MATRIX_FCC = 4,
    DRN_MATRIX_470BG = 5, /* BT.601 */
    DRN_MATRIX_170M = 6,  /* BT.601 */
    DRN_MATRIX_240M = 7,
    DRN_MATRIX_YCGCO = 8,
    DRN_MATRIX_2020 = 9
};

/* Where the first chroma sample lies among the luma samples: ChromaLocType of H.273 plus 1. */
enum {
    DRN_SITE_UNKNOWN = 0, /* taken as left */
    DRN_SITE_LEFT = 1,
    DRN_SITE_CENTRE = 2,
    DRN_SITE_TOP_LEFT = 3,
    DRN_SITE_TOP = 4,
    DRN_SITE_BOTTOM_LEFT = 5,
    DRN_SITE_BOTTOM = 6
};

typedef struct drn_yuv_format {
    int32_t width, height;
    int depth;  /* bits a sample, 8..16 */
    int planes; /* 1: luma only; 3 */
    int sx, sy; /* chroma is 2^sx times narrower and 2^sy times lower, rounded up; 0..2 */
    int matrix; /* DRN_MATRIX_*, not UNKNOWN */
    int site;   /* DRN_SITE_* */
    bool full;  /* samples use the whole range instead of 16..235 (8 bits) */
} drn_yuv_format;

/* Bytes of a frame: planes one after the other, rows without padding; samples of more than 8 bits
 * are two bytes, low one first.  DRN_ERR_INVALID for sizes that make no sense. */
drn_status drn_yuv_size(size_t *bytes, const drn_yuv_format *f, drn_error *err);

/* Width and height of plane i. */
void drn_yuv_plane(int32_t *width, int32_t *height, const drn_yuv_format *f, int i);

/* "4:2:0 bt709 limited 10 bits", for messages. */
void drn_yuv_describe(char text[64], const drn_yuv_format *f);

/* Whether frames with this matrix can be turned into pictures. */
bool drn_yuv_matrix_known(int matrix);

/* A frame as an f32 picture: 1 band for luma only, else R, G, B.  Chroma is enlarged by bicubic
 * interpolation, at its place; nothing is clamped, so that values outside of 0..1 come back, too.
 */
drn_status drn_yuv_to_image(drn_image **out, const drn_yuv_format *f, const uint8_t *data,
                            drn_error *err);

/* The other way; chroma is shrunk by antialiased bicubic interpolation, everything rounded once.
 * in: f32, 1 or 3 bands, of f's size. */
drn_status drn_yuv_from_image(uint8_t *data, const drn_yuv_format *f, const drn_image *in,
                              drn_error *err);

#endif
