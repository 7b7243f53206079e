/* Inside reading and writing: which codec does what. */
#ifndef DRN_IMAGE_IO_H
#define DRN_IMAGE_IO_H

#include "base/error.h"
#include "drn/image.h"

#include <stdbool.h>
#include <stddef.h>

/* What a file format can hold, and who writes it. */
typedef struct drn_format {
    const char *suffix;   /* lower case, with the dot */
    const char *saver;    /* libvips operation; NULL: our own PNM writer */
    const char *lossless; /* option that makes it lossless, or NULL */
    bool quality;         /* has a quality setting "Q" */
    bool alpha, deep;     /* keeps transparency, 16 bits a sample */
    int32_t max_side;     /* largest width or height; 0 = any */
} drn_format;

/* By the suffix of a file name, any case; NULL when unknown. */
const drn_format *drn_format_of(const char *path);

/* Where a picture comes from: a file, or the bytes of one. */
typedef struct drn_input {
    const char *name; /* path, or what messages call it */
    const void *data; /* NULL: read the file */
    size_t size;
    unsigned char head[64]; /* the first bytes */
    size_t heads;
} drn_input;

/* Look at the first bytes; says in plain words what is wrong with the file. */
drn_status drn_input_open(drn_input *in, const char *path, drn_error *err);

/* The library behind all formats but PNM.  These are in io_vips*.c, or refuse in io_none.c. */
drn_status drn_codec_read(drn_image **out, const drn_input *in, drn_error *err);
/* Size, bands and depth only, orientation applied. */
drn_status drn_codec_probe(drn_image *info, const drn_input *in, drn_error *err);
/* Whether this build has libvips. */
bool drn_codec_available(void);
/* Whether this build writes the format; path is for messages. */
drn_status drn_codec_can_write(const char *path, const drn_format *format, drn_error *err);
/* image already has bands and depth the format can hold; tmp exists and is overwritten; path is for
 * messages. */
drn_status drn_codec_write(const drn_image *image, const char *tmp, const char *path,
                           const drn_format *format, int quality, drn_error *err);
/* The same into memory of drn_alloc(). */
drn_status drn_codec_encode(void **data, size_t *size, const drn_image *image,
                            const drn_format *format, int quality, drn_error *err);

/* What a picture becomes in a format. */
typedef struct drn_write_plan {
    const drn_format *format;
    int quality;
    drn_depth depth;
    bool flatten; /* alpha is composed over white */
    bool keep;    /* a file that is there stays */
} drn_write_plan;

/* By the suffix of path; refuses what the format cannot hold.  Only size, bands and depth of the
 * image are looked at. */
drn_status drn_write_plan_make(drn_write_plan *plan, const drn_image *image, const char *path,
                               const drn_write_options *options, drn_error *err);

/* Our own PNM: P5 and P6, 8 or 16 bits. */
bool drn_pnm_is(const unsigned char *head, size_t size);
/* Parse a whole file in memory; name is for messages. */
drn_status drn_pnm_parse(drn_image **out, const void *data, size_t size, const char *name,
                         drn_error *err);
drn_status drn_pnm_read(drn_image **out, const char *path, drn_error *err);
/* image: u8 or u16, 1 or 3 bands. */
drn_status drn_pnm_write(const drn_image *image, const char *path, bool keep, drn_error *err);
/* The same into memory of drn_alloc(). */
drn_status drn_pnm_encode(void **data, size_t *size, const drn_image *image, drn_error *err);

#endif
