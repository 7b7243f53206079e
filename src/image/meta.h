/* What travels with the pixels from file to file: an ICC profile, EXIF, XMP, IPTC, the resolution.
 */
#ifndef DRN_IMAGE_META_H
#define DRN_IMAGE_META_H

#include "base/error.h"
#include "drn/image.h"

#include <stdbool.h>
#include <stddef.h>

typedef struct drn_meta_item {
    struct drn_meta_item *next;
    char *name; /* the name libvips gives the field, for example "icc-profile-data" */
    void *data; /* a blob, or a string with its final 0 */
    size_t size;
    bool blob;
} drn_meta_item;

struct drn_image_meta {
    drn_meta_item *items;
    double xres, yres; /* pixels a millimetre; 0 = unknown */
};

drn_status drn_meta_new(drn_image_meta **out, drn_error *err);
void drn_meta_free(drn_image_meta *meta);

/* Add a copy of data in front of the list. */
drn_status drn_meta_add(drn_image_meta *meta, const char *name, const void *data, size_t size,
                        bool blob, drn_error *err);
const drn_meta_item *drn_meta_find(const drn_image_meta *meta, const char *name);
/* Forget a field; nothing happens when there is none. */
void drn_meta_remove(drn_image_meta *meta, const char *name);

/* XMP has an orientation of its own ("tiff:Orientation"); the pixels are upright now, so write 1
 * over every digit of it, in place. */
void drn_xmp_reset_orientation(char *xmp, size_t size);

#endif
