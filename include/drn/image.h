/* Pictures in memory, and reading and writing them. */
#ifndef DRN_IMAGE_H
#define DRN_IMAGE_H

#include "drn/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum drn_depth {
    DRN_U8 = 0,  /* 0..255 */
    DRN_U16 = 1, /* 0..65535 */
    DRN_F32 = 2  /* nominal range 0..1, may lie outside */
} drn_depth;

/* What came with the pixels (ICC profile, EXIF, XMP, resolution); opaque. */
typedef struct drn_image_meta drn_image_meta;

/** A picture: interleaved samples, rows top to bottom without padding.
 *  bands: 1 grey, 2 grey+alpha, 3 sRGB, 4 sRGB+alpha (alpha not premultiplied). */
typedef struct drn_image {
    int32_t width, height, bands; /* each >= 1 */
    drn_depth depth;
    void *data;           /* width * height * bands samples; owned */
    drn_image_meta *meta; /* owned; may be NULL */
} drn_image;

/** Make an image with undefined samples.
 *  @param out   on success a new image the caller frees with drn_image_free(); untouched on failure.
 *  @return DRN_OK | DRN_ERR_INVALID | DRN_ERR_NOMEM.  Thread-safe. */
drn_status drn_image_new(drn_image **out, int32_t width, int32_t height, int32_t bands,
                         drn_depth depth, drn_error *err);

/** Free an image; NULL is fine. */
void drn_image_free(drn_image *image);

/** Bytes of one sample: 1, 2 or 4. */
size_t drn_depth_size(drn_depth depth);

/** Read a picture (PNG, JPEG, WebP, TIFF, PNM, ...), orientation applied, converted to sRGB or
 *  grey, 8 or 16 bits as in the file.
 *  @param out   on success a new image; untouched on failure.
 *  @return DRN_OK | DRN_ERR_IO | DRN_ERR_FORMAT | DRN_ERR_NOMEM.  Thread-safe. */
drn_status drn_image_read(drn_image **out, const char *path, drn_error *err);

/** Only the header of a picture: width and height (orientation applied), bands and depth as
 *  drn_image_read() would give them; data and meta are NULL.  For refusing a picture before its pixels
 *  take memory.
 *  @param info  filled on success, untouched on failure.
 *  @return as drn_image_read().  Thread-safe. */
drn_status drn_image_probe(drn_image *info, const char *path, drn_error *err);

/** Whether a file's first bytes are those of a format that loses detail: JPEG, JPEG 2000, JPEG XL, AVIF, HEIC,
 *  and WebP but for its lossless kind.  JPEG 2000, JPEG XL, AVIF and HEIC files may be lossless, which their
 *  first bytes do not tell; they count as lossy.
 *  @param data  borrowed; the more of the file the surer for WebP, 64 KB are plenty.
 *  Thread-safe. */
bool drn_image_is_lossy(const void *data, size_t size);

/** drn_image_is_lossy() of a file; false where it cannot be read.  Thread-safe. */
bool drn_image_file_is_lossy(const char *path);

/** Give `to` a copy of the profile, EXIF, XMP and resolution of `from` (none: `to` has none then).
 *  Only reading a file makes such data; crops and resized pictures start without.
 *  @return DRN_OK | DRN_ERR_NOMEM (to is unchanged).  Thread-safe. */
drn_status drn_image_copy_meta(drn_image *to, const drn_image *from, drn_error *err);

/** The embedded ICC profile, or NULL; borrowed, lives as long as the image's meta. */
const void *drn_image_icc(const drn_image *image, size_t *size);

/** How to write a picture.  Zero-initialise for the defaults. */
typedef struct drn_write_options {
    int quality; /* lossy formats, 1..100; 0 = 92; 100 = lossless where the format can (WebP, ...) */
    bool keep;   /* a file of that name is not replaced, not even one that appears meanwhile: DRN_ERR_IO */
} drn_write_options;

/** Write a picture; the format is that of the file name's suffix.  The file appears complete or not
 *  at all; an existing one is replaced unless options say keep.  Samples the format cannot hold are
 *  rounded: f32 is clamped to 0..1 and becomes 16 bits (PNG, TIFF, PNM, JXL, JP2) or 8; u16 becomes 8
 *  bits elsewhere.  Alpha is composed over white where the format has none (JPEG, PNM).
 *  @param options  borrowed, may be NULL.
 *  @return DRN_OK | DRN_ERR_IO | DRN_ERR_UNSUPPORTED (unknown suffix) | DRN_ERR_NOMEM.  Thread-safe. */
drn_status drn_image_write(const drn_image *image, const char *path,
                           const drn_write_options *options, drn_error *err);

/** What drn_image_write() would refuse whatever the samples are: an unknown suffix, a format this
 * build cannot write, more pixels than the format holds, a folder of that name.  For telling before
 * the work.
 *  @param like     only size, bands and depth are looked at; data may be NULL.
 *  @param path     or a suffix such as ".png".
 *  @param options  borrowed, may be NULL.
 *  @return as drn_image_write().  Thread-safe. */
drn_status drn_image_can_write(const drn_image *like, const char *path,
                               const drn_write_options *options, drn_error *err);

/** drn_image_read() of a file that lies in memory.
 *  @param data  borrowed.
 *  @param name  what messages call it; may be NULL.
 *  @return as drn_image_read().  Thread-safe. */
drn_status drn_image_decode(drn_image **out, const void *data, size_t size, const char *name,
                            drn_error *err);

/** drn_image_write() into memory.
 *  @param data    on success the file's bytes, which the caller frees with drn_image_encoded_free().
 *  @param suffix  ".png" and so on.
 *  @return as drn_image_write().  Thread-safe. */
drn_status drn_image_encode(void **data, size_t *size, const drn_image *image, const char *suffix,
                            const drn_write_options *options, drn_error *err);
void drn_image_encoded_free(void *data);

typedef enum drn_border {
    DRN_BORDER_SYMMETRIC = 0, /* newer MATLAB: mirror with the edge sample repeated */
    DRN_BORDER_CLAMP = 1      /* older MATLAB: repeat the edge sample */
} drn_border;

typedef enum drn_precision {
    DRN_PRECISION_U8 = 0,   /* round and clamp to the sample range after each of the two passes */
    DRN_PRECISION_FLOAT = 1 /* keep the intermediate in double, round once at the end */
} drn_precision;

/** How drn_imresize() works; zero-initialised: MATLAB's imresize(I, scale, 'bicubic') of today. */
typedef struct drn_resize_options {
    drn_border border;
    drn_precision precision;
} drn_resize_options;

/** MATLAB's imresize with the bicubic kernel (a = -0.5), antialiased when shrinking.
 *  The output is ceil(scale * size) a side; out has the depth and bands of in.
 *  @param scale    > 0; 0.25 shrinks four times.
 *  @param options  borrowed, may be NULL.
 *  @return DRN_OK | DRN_ERR_INVALID | DRN_ERR_NOMEM.  Thread-safe. */
drn_status drn_imresize(drn_image **out, const drn_image *in, double scale,
                        const drn_resize_options *options, drn_error *err);

/** The same to a given size in pixels; each side has the scale out/in.
 *  @return as drn_imresize().  Thread-safe. */
drn_status drn_imresize_to(drn_image **out, const drn_image *in, int32_t width, int32_t height,
                           const drn_resize_options *options, drn_error *err);

/** Cut a rectangle out, in pixels from the upper left.
 *  @return DRN_OK | DRN_ERR_INVALID (outside the image) | DRN_ERR_NOMEM.  Thread-safe. */
drn_status drn_image_crop(drn_image **out, const drn_image *in, int32_t x, int32_t y,
                          int32_t width, int32_t height, drn_error *err);

#ifdef __cplusplus
}
#endif
#endif
