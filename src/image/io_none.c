/* Builds without libvips: PNM only. */
#include "image/io.h"
#include "image/text.h"

bool drn_codec_available(void)
{
    return false;
}

static drn_status refuse(const drn_input *in, drn_error *err)
{
    return drn_fail(err, DRN_ERR_UNSUPPORTED,
                    "%s: this build reads only binary PNM files (P5, P6); build with libvips",
                    in->name);
}

drn_status drn_codec_read(drn_image **out, const drn_input *in, drn_error *err)
{
    (void)out;
    return refuse(in, err);
}

drn_status drn_codec_probe(drn_image *info, const drn_input *in, drn_error *err)
{
    (void)info;
    return refuse(in, err);
}

drn_status drn_codec_can_write(const char *path, const drn_format *format, drn_error *err)
{
    (void)format;
    return drn_fail(err, DRN_ERR_UNSUPPORTED,
                    "%s: this build writes only .pnm, .ppm and .pgm; build with libvips", path);
}

drn_status drn_codec_write(const drn_image *image, const char *tmp, const char *path,
                           const drn_format *format, int quality, drn_error *err)
{
    (void)image;
    (void)tmp;
    (void)quality;
    return drn_codec_can_write(path, format, err);
}

drn_status drn_codec_encode(void **data, size_t *size, const drn_image *image,
                            const drn_format *format, int quality, drn_error *err)
{
    (void)data;
    (void)size;
    (void)image;
    (void)quality;
    return drn_codec_can_write(format->suffix, format, err);
}

drn_status drn_text(drn_image **out, const char *text, int32_t size, int32_t width, drn_error *err)
{
    (void)out;
    (void)text;
    (void)size;
    (void)width;
    return drn_fail(err, DRN_ERR_UNSUPPORTED, "this build draws no text; build with libvips");
}
