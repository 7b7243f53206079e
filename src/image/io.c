#include "image/io.h"

#include "base/fileio.h"
#include "base/mem.h"
#include "image/convert.h"

#include <errno.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

static const drn_format formats[] = {
    {".png", "pngsave", NULL, false, true, true, 0},
    {".jpg", "jpegsave", NULL, true, false, false, 65500},
    {".jpeg", "jpegsave", NULL, true, false, false, 65500},
    {".webp", "webpsave", "lossless", true, true, false, 16383},
    {".tif", "tiffsave", NULL, false, true, true, 0},
    {".tiff", "tiffsave", NULL, false, true, true, 0},
    {".pnm", NULL, NULL, false, false, true, 0},
    {".ppm", NULL, NULL, false, false, true, 0},
    {".pgm", NULL, NULL, false, false, true, 0},
    {".gif", "gifsave", NULL, false, true, false, 65535},
    {".heic", "heifsave", "lossless", true, true, false, 16384},
    {".avif", "heifsave", "lossless", true, true, false, 16384},
    {".jxl", "jxlsave", "lossless", true, true, true, 0},
    {".jp2", "jp2ksave", "lossless", true, true, true, 0},
};

const drn_format *drn_format_of(const char *path)
{
    const char *slash = strrchr(path, '/'), *dot = strrchr(slash ? slash : path, '.');
    for (size_t i = 0; dot && i < sizeof formats / sizeof formats[0]; i++)
        if (strcasecmp(dot, formats[i].suffix) == 0)
            return &formats[i];
    return NULL;
}

drn_status drn_input_open(drn_input *in, const char *path, drn_error *err)
{
    struct stat sb;
    *in = (drn_input){.name = path};
    if (stat(path, &sb) != 0)
        return drn_fail(err, DRN_ERR_IO, "%s: %s", path, strerror(errno));
    if (S_ISDIR(sb.st_mode))
        return drn_fail(err, DRN_ERR_IO, "%s: is a folder, not a picture", path);
    if (!S_ISREG(sb.st_mode))
        return drn_fail(err, DRN_ERR_IO, "%s: not a regular file", path);
    FILE *f = fopen(path, "rbe");
    if (!f)
        return drn_fail(err, DRN_ERR_IO, "%s: %s", path, strerror(errno));
    in->heads = fread(in->head, 1, sizeof in->head, f);
    int failed = ferror(f) ? errno : 0;
    fclose(f);
    if (failed)
        return drn_fail(err, DRN_ERR_IO, "%s: %s", path, strerror(failed));
    if (in->heads == 0)
        return drn_fail(err, DRN_ERR_FORMAT, "%s: the file is empty", path);
    return DRN_OK;
}

drn_status drn_image_read(drn_image **out, const char *path, drn_error *err)
{
    drn_input in;
    DRN_TRY(drn_input_open(&in, path, err));
    if (drn_pnm_is(in.head, in.heads))
        return drn_pnm_read(out, path, err);
    return drn_codec_read(out, &in, err);
}

drn_status drn_image_decode(drn_image **out, const void *data, size_t size, const char *name,
                            drn_error *err)
{
    drn_input in = {.name = name ? name : "picture", .data = data, .size = size};
    if (size == 0)
        return drn_fail(err, DRN_ERR_FORMAT, "%s: is empty", in.name);
    in.heads = size < sizeof in.head ? size : sizeof in.head;
    memcpy(in.head, data, in.heads);
    if (drn_pnm_is(in.head, in.heads))
        return drn_pnm_parse(out, data, size, in.name, err);
    return drn_codec_read(out, &in, err);
}

/* A PNM file has no compression: its header promises no more than the file holds. */
static drn_status probe_pnm(drn_image *info, const char *path, drn_error *err)
{
    drn_image *image;
    DRN_TRY(drn_pnm_read(&image, path, err));
    *info = (drn_image){image->width, image->height, image->bands, image->depth, NULL, NULL};
    drn_image_free(image);
    return DRN_OK;
}

drn_status drn_image_probe(drn_image *info, const char *path, drn_error *err)
{
    drn_input in;
    DRN_TRY(drn_input_open(&in, path, err));
    if (drn_pnm_is(in.head, in.heads))
        return probe_pnm(info, path, err);
    return drn_codec_probe(info, &in, err);
}

static drn_status check_write(const drn_image *image, const char *path, const drn_format *format,
                              int quality, drn_error *err)
{
    if (!format)
        return drn_fail(err, DRN_ERR_UNSUPPORTED,
                        "%s: unknown suffix; use .png, .jpg, .webp, .tif, .pnm or .jxl", path);
    if (quality < 1 || quality > 100)
        return drn_fail(err, DRN_ERR_INVALID, "%s: quality %d is not in 1..100", path, quality);
    int32_t side = image->width > image->height ? image->width : image->height;
    if (format->max_side && side > format->max_side)
        return drn_fail(err, DRN_ERR_UNSUPPORTED,
                        "%s: %d x %d is too large for %s (at most %d a side); use .png or .tif",
                        path, image->width, image->height, format->suffix, format->max_side);
    if (drn_path_is_dir(path))
        return drn_fail(err, DRN_ERR_IO, "%s: is a folder", path);
    return DRN_OK;
}

drn_status drn_write_plan_make(drn_write_plan *plan, const drn_image *image, const char *path,
                               const drn_write_options *options, drn_error *err)
{
    const drn_format *format = drn_format_of(path);
    int quality = options && options->quality ? options->quality : 92;
    DRN_TRY(check_write(image, path, format, quality, err));
    *plan =
        (drn_write_plan){format, quality, format->deep && image->depth != DRN_U8 ? DRN_U16 : DRN_U8,
                         !format->alpha && image->bands % 2 == 0, options && options->keep};
    return DRN_OK;
}

drn_status drn_image_can_write(const drn_image *like, const char *path,
                               const drn_write_options *options, drn_error *err)
{
    drn_write_plan plan;
    DRN_TRY(drn_write_plan_make(&plan, like, path, options, err));
    return plan.format->saver ? drn_codec_can_write(path, plan.format, err) : DRN_OK;
}

/* *fit: the picture as the format holds it; NULL when it is that already. */
static drn_status make_fit(drn_image **fit, const drn_image *image, const drn_write_plan *plan,
                           drn_error *err)
{
    *fit = NULL;
    if (plan->depth == image->depth && !plan->flatten)
        return DRN_OK;
    DRN_TRY(drn_image_convert(fit, image, plan->depth, plan->flatten, err));
    drn_status st = drn_image_copy_meta(*fit, image, err);
    if (st != DRN_OK)
        drn_image_free(*fit);
    return st;
}

/* Through a temporary file of the codec's own making, then renamed. */
static drn_status write_coded(const drn_image *image, const char *path, const drn_write_plan *plan,
                              drn_error *err)
{
    drn_atomic_file a;
    DRN_TRY(drn_atomic_open(&a, path, err));
    a.keep = plan->keep;
    drn_status st = drn_codec_write(image, a.tmp, path, plan->format, plan->quality, err);
    if (st != DRN_OK) {
        drn_atomic_abort(&a);
        return st;
    }
    return drn_atomic_commit(&a, err);
}

drn_status drn_image_write(const drn_image *image, const char *path,
                           const drn_write_options *options, drn_error *err)
{
    drn_write_plan plan;
    drn_image *fit;
    DRN_TRY(drn_write_plan_make(&plan, image, path, options, err));
    DRN_TRY(make_fit(&fit, image, &plan, err));
    drn_status st = plan.format->saver ? write_coded(fit ? fit : image, path, &plan, err)
                                       : drn_pnm_write(fit ? fit : image, path, plan.keep, err);
    drn_image_free(fit);
    return st;
}

drn_status drn_image_encode(void **data, size_t *size, const drn_image *image, const char *suffix,
                            const drn_write_options *options, drn_error *err)
{
    drn_write_plan plan;
    drn_image *fit;
    DRN_TRY(drn_write_plan_make(&plan, image, suffix, options, err));
    DRN_TRY(make_fit(&fit, image, &plan, err));
    drn_status st = plan.format->saver ? drn_codec_encode(data, size, fit ? fit : image,
                                                          plan.format, plan.quality, err)
                                       : drn_pnm_encode(data, size, fit ? fit : image, err);
    drn_image_free(fit);
    return st;
}

void drn_image_encoded_free(void *data)
{
    drn_free(data);
}
