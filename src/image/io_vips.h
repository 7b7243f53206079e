/* What the files around libvips share; they alone include its header. */
#ifndef DRN_IMAGE_IO_VIPS_H
#define DRN_IMAGE_IO_VIPS_H

#include "image/io.h"
#include "image/meta.h"

#include <vips/vips.h>

/* "path: what: the first complaint", or the system's reason for it; libvips' buffer is empty again. */
drn_status drn_vips_failure(drn_error *err, drn_status code, const char *path, const char *what);
/* Start libvips, once. */
drn_status drn_vips_start(const char *path, drn_error *err);
/* Whether libvips has that loader or saver, in itself or in a plug-in. */
bool drn_vips_has(const char *name);

/* A picture being read; `im` is the end of libvips' pipeline. */
typedef struct drn_vips_source {
    const drn_input *in;
    VipsImage *im;
    bool recoloured; /* pixels no longer fit the embedded profile */
    int orientation; /* EXIF 1..8 */
    drn_image_meta *meta;
    drn_error *err;
    drn_status st;
} drn_vips_source;

/* The pipeline to samples of ours; no pixel is computed yet.  in is borrowed until the close, which
 * is due after a failure too. */
drn_status drn_vips_open(drn_vips_source *s, const drn_input *in, drn_error *err);
void drn_vips_close(drn_vips_source *s);
/* Size, bands and depth of what the pipeline gives, orientation not applied. */
drn_image drn_vips_info(const drn_vips_source *s);
drn_status drn_vips_meta(drn_image *image, drn_vips_source *s);
/* DRN_ERR_FORMAT: the pixels are broken. */
drn_status drn_vips_broken(drn_vips_source *s);

/* Interpretation, resolution and metadata of ours onto a libvips image; NULL on failure.  Takes im.
 */
VipsImage *drn_vips_dress(VipsImage *im, const drn_image *like);
/* Write to an existing file; tiled: TIFF in tiles of 256 x 256. */
int drn_vips_save(VipsImage *im, const char *tmp, const drn_format *format, int quality,
                  bool tiled);

#endif
