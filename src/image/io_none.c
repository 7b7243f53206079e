/* Builds without libvips: PNM only. */
#include "image/io.h"

bool drn_codec_available(void)
{
    return false;
}

drn_status drn_codec_read(drn_image **out, const char *path, const unsigned char *head, size_t size,
                          drn_error *err)
{
    (void)out;
    (void)head;
    (void)size;
    return drn_fail(err, DRN_ERR_UNSUPPORTED,
                    "%s: this build reads only binary PNM files (P5, P6); build with libvips",
                    path);
}

drn_status drn_codec_probe(drn_image *info, const char *path, const unsigned char *head, size_t size,
                           drn_error *err)
{
    (void)info;
    return drn_codec_read(NULL, path, head, size, err);
}

drn_status drn_codec_write(const drn_image *image, const char *tmp, const char *path,
                           const drn_format *format, int quality, drn_error *err)
{
    (void)image;
    (void)tmp;
    (void)format;
    (void)quality;
    return drn_fail(err, DRN_ERR_UNSUPPORTED,
                    "%s: this build writes only .pnm, .ppm and .pgm; build with libvips", path);
}
