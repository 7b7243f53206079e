/* Writing all formats but binary PNM. */
#include "image/io_vips.h"

#include "base/mem.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static void set_meta(VipsImage *im, const drn_image_meta *meta)
{
    for (const drn_meta_item *item = meta->items; item; item = item->next)
        if (item->blob)
            vips_image_set_blob_copy(im, item->name, item->data, item->size);
        else
            vips_image_set_string(im, item->name, item->data);
    if (drn_meta_find(meta, VIPS_META_EXIF_NAME))
        vips_image_set_int(im, VIPS_META_ORIENTATION, 1);
}

VipsImage *drn_vips_dress(VipsImage *im, const drn_image *like)
{
    bool deep = like->depth == DRN_U16, grey = like->bands <= 2;
    const drn_image_meta *meta = like->meta;
    int kind = grey   ? deep ? VIPS_INTERPRETATION_GREY16 : VIPS_INTERPRETATION_B_W
               : deep ? VIPS_INTERPRETATION_RGB16
                      : VIPS_INTERPRETATION_sRGB;
    VipsImage *out = NULL;
    if (vips_copy(im, &out, "interpretation", kind, "xres",
                  meta && meta->xres > 0 ? meta->xres : 1.0, "yres",
                  meta && meta->yres > 0 ? meta->yres : 1.0, NULL))
        out = NULL;
    g_object_unref(im);
    if (out && meta)
        set_meta(out, meta);
    return out;
}

/* A libvips image over the samples of ours; NULL on failure. */
static VipsImage *wrap(const drn_image *image)
{
    size_t bytes = (size_t)image->width * (size_t)image->height * (size_t)image->bands *
                   drn_depth_size(image->depth);
    VipsImage *raw = vips_image_new_from_memory(
        image->data, bytes, image->width, image->height, image->bands,
        image->depth == DRN_U16 ? VIPS_FORMAT_USHORT : VIPS_FORMAT_UCHAR);
    return raw ? drn_vips_dress(raw, image) : NULL;
}

static double image_bytes(const VipsImage *im)
{
    return (double)im->Xsize * im->Ysize * im->Bands * (im->BandFmt == VIPS_FORMAT_USHORT ? 2 : 1);
}

/* Run the saver into a file, or into memory. */
#define SAVE(...)                                                                                  \
    (tmp ? vips_call(format->saver, im, tmp, __VA_ARGS__, NULL)                                    \
         : vips_call(buffer, im, &blob, __VA_ARGS__, NULL))

static int call_saver(VipsImage *im, const char *tmp, VipsBlob **out, const drn_format *format,
                      int quality, bool tiled)
{
    const char *saver = format->saver;
    char buffer[40];
    VipsBlob *blob = NULL;
    int failed;
    snprintf(buffer, sizeof buffer, "%s_buffer", saver);
    if (strcmp(saver, "pngsave") == 0)
        failed = SAVE("compression", 5, "filter", VIPS_FOREIGN_PNG_FILTER_PAETH);
    else if (strcmp(saver, "jpegsave") == 0)
        failed = SAVE("Q", quality, "optimize_coding", TRUE);
    else if (strcmp(saver, "tiffsave") == 0)
        failed =
            SAVE("compression", VIPS_FOREIGN_TIFF_COMPRESSION_LZW, "predictor",
                 VIPS_FOREIGN_TIFF_PREDICTOR_HORIZONTAL, "bigtiff", image_bytes(im) > 0x60000000,
                 "tile", tiled, "tile_width", 256, "tile_height", 256);
    else if (strcmp(saver, "heifsave") == 0)
        failed = SAVE("Q", quality, "lossless", quality == 100, "compression",
                      strcmp(format->suffix, ".avif") == 0 ? VIPS_FOREIGN_HEIF_COMPRESSION_AV1
                                                           : VIPS_FOREIGN_HEIF_COMPRESSION_HEVC);
    else if (format->lossless)
        failed = SAVE("Q", quality, "lossless", quality == 100);
    else
        failed = SAVE("strip", FALSE);
    *out = blob;
    return failed;
}

int drn_vips_save(VipsImage *im, const char *tmp, const drn_format *format, int quality, bool tiled)
{
    VipsBlob *none;
    return call_saver(im, tmp, &none, format, quality, tiled);
}

drn_status drn_codec_can_write(const char *path, const drn_format *format, drn_error *err)
{
    DRN_TRY(drn_vips_start(path, err));
    if (!drn_vips_has(format->saver))
        return drn_fail(err, DRN_ERR_UNSUPPORTED, "%s: this libvips cannot write %s", path,
                        format->suffix);
    return DRN_OK;
}

drn_status drn_codec_encode(void **data, size_t *size, const drn_image *image,
                            const drn_format *format, int quality, drn_error *err)
{
    const char *name = format->suffix + 1;
    DRN_TRY(drn_codec_can_write(name, format, err));
    VipsImage *im = wrap(image);
    VipsBlob *blob = NULL;
    bool saved = im && call_saver(im, NULL, &blob, format, quality, false) == 0;
    if (im)
        g_object_unref(im);
    if (!saved)
        return drn_vips_failure(err, DRN_ERR_IO, name, "cannot encode");
    const void *bytes = vips_blob_get(blob, size);
    drn_status st = drn_alloc_to(data, *size, 1, err);
    if (st == DRN_OK)
        memcpy(*data, bytes, *size);
    vips_area_unref((VipsArea *)(void *)blob);
    return st;
}

/* Through memory: on a full disk openjpeg, told so by libvips, tries for ever. */
static drn_status write_whole(const drn_image *image, const char *tmp, const char *path,
                              const drn_format *format, int quality, drn_error *err)
{
    void *data;
    size_t size;
    DRN_TRY(drn_codec_encode(&data, &size, image, format, quality, err));
    FILE *f = fopen(tmp, "wb");
    bool written = f && fwrite(data, 1, size, f) == size;
    if (f && fclose(f) != 0)
        written = false;
    drn_free(data);
    return written ? DRN_OK
                   : drn_fail(err, DRN_ERR_IO, "%s: cannot write: %s", path,
                              drn_write_reason(errno));
}

drn_status drn_codec_write(const drn_image *image, const char *tmp, const char *path,
                           const drn_format *format, int quality, drn_error *err)
{
    DRN_TRY(drn_codec_can_write(path, format, err));
    if (strcmp(format->saver, "jp2ksave") == 0)
        return write_whole(image, tmp, path, format, quality, err);
    VipsImage *im = wrap(image);
    bool saved = im && drn_vips_save(im, tmp, format, quality, false) == 0;
    if (im)
        g_object_unref(im);
    return saved ? DRN_OK : drn_vips_failure(err, DRN_ERR_IO, path, "cannot write");
}
