/* WebP through libwebp, linked statically where it can be: packs re-encoded as lossless WebP are
 * readable by builds without libvips.  webp_none.c stands in where libwebp is missing. */
#ifndef DRN_DATA_WEBP_H
#define DRN_DATA_WEBP_H

#include "base/error.h"
#include "drn/image.h"

#include <stdbool.h>
#include <stddef.h>

enum { DRN_WEBP_MAX_SIDE = 16383 };

bool drn_webp_available(void);
bool drn_webp_is(const void *data, size_t size);
/* Pixels as u8 RGB (alpha dropped); name stands in messages. */
drn_status drn_webp_decode(drn_image **out, const void *data, size_t size, const char *name,
                           drn_error *err);
/* Lossless; image: u8 RGB, at most DRN_WEBP_MAX_SIDE a side.  *out is freed with drn_free(). */
drn_status drn_webp_encode(void **out, size_t *size, const drn_image *image, drn_error *err);

#endif
