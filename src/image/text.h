/* A line of text as a picture. */
#ifndef DRN_IMAGE_TEXT_H
#define DRN_IMAGE_TEXT_H

#include "base/error.h"
#include "drn/image.h"

/* Height of a line of letters of that size. */
static inline int32_t drn_text_height(int32_t size)
{
    return size + (size + 1) / 2;
}

/* text (UTF-8; bytes that are none are replaced) in a sans-serif of `size` pixels: grey u8, 255
 * where there is ink, drn_text_height() high, as wide as the ink and at most `width`; what is wider
 * is cut off.  DRN_ERR_UNSUPPORTED in builds without libvips. */
drn_status drn_text(drn_image **out, const char *text, int32_t size, int32_t width, drn_error *err);

#endif
