/* Reading all formats but binary PNM. */
#include "image/io_vips.h"

#include "image/orient.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* Formats by their first bytes; names of files are not trusted. */
static const struct {
    const char *loader, *magic;
    size_t at, size;
} magics[] = {
    {"pngload", "\x89PNG\r\n\x1a\n", 0, 8},
    {"jpegload", "\xff\xd8\xff", 0, 3},
    {"webpload", "WEBP", 8, 4},
    {"tiffload", "II*\0", 0, 4},
    {"tiffload", "MM\0*", 0, 4},
    {"tiffload", "II+\0", 0, 4},
    {"tiffload", "MM\0+", 0, 4},
    {"gifload", "GIF8", 0, 4},
    {"heifload", "ftyp", 4, 4},
    {"jxlload", "\xff\x0a", 0, 2},
    {"jxlload", "\0\0\0\x0cJXL ", 0, 8},
    {"jp2kload", "\0\0\0\x0cjP  ", 0, 8},
    {"jp2kload", "\xff\x4f\xff\x51", 0, 4},
    {"ppmload", "P1", 0, 2},
    {"ppmload", "P2", 0, 2},
    {"ppmload", "P3", 0, 2},
    {"ppmload", "P4", 0, 2},
    {"ppmload", "P5", 0, 2}, /* ours to read, but row by row */
    {"ppmload", "P6", 0, 2},
    {"ppmload", "Pf", 0, 2},
    {"ppmload", "PF", 0, 2},
    {"magickload", "BM", 0, 2},
};

static const char *loader_of(const unsigned char *head, size_t size)
{
    for (size_t i = 0; i < sizeof magics / sizeof magics[0]; i++)
        if (size >= magics[i].at + magics[i].size &&
            memcmp(head + magics[i].at, magics[i].magic, magics[i].size) == 0)
            return magics[i].loader;
    return NULL;
}

drn_status drn_vips_broken(drn_vips_source *s)
{
    return drn_vips_failure(s->err, DRN_ERR_FORMAT, s->in->name, "broken or cut off");
}

/* Replace s->im by what an operation made of it: *out is read after the operation ran, whatever the
 * order in which a compiler evaluates arguments. */
static drn_status replace(drn_vips_source *s, int failed, VipsImage **out)
{
    if (failed)
        return drn_vips_broken(s);
    g_object_unref(s->im);
    s->im = *out;
    return DRN_OK;
}

static off_t source_bytes(const drn_vips_source *s)
{
    struct stat sb;
    if (s->in->data)
        return (off_t)s->in->size;
    return stat(s->in->name, &sb) == 0 ? sb.st_size : INT64_MAX;
}

/* Deflate shrinks at most 1032 times: a smaller file can not hold the pixels its header claims. */
static drn_status check_png_size(drn_vips_source *s)
{
    off_t bytes = source_bytes(s);
    double need = (double)vips_image_get_width(s->im) * vips_image_get_height(s->im) *
                  vips_image_get_bands(s->im) / 8 / 1032;
    if ((double)bytes < need)
        return drn_fail(s->err, DRN_ERR_FORMAT,
                        "%s: the header claims %d x %d pixels, the file has only %jd bytes",
                        s->in->name, vips_image_get_width(s->im), vips_image_get_height(s->im),
                        (intmax_t)bytes);
    return DRN_OK;
}

/* Run a loader on the file, or on the bytes in memory. */
static int load(drn_vips_source *s, const char *loader)
{
    char name[40];
    if (!s->in->data)
        return vips_call(loader, s->in->name, &s->im, "access", VIPS_ACCESS_SEQUENTIAL, "fail_on",
                         VIPS_FAIL_ON_ERROR, NULL);
    if (strcmp(loader, "ppmload") == 0) { /* the only one without a _buffer */
        VipsSource *bytes = vips_source_new_from_memory(s->in->data, s->in->size);
        int failed = !bytes || vips_call("ppmload_source", bytes, &s->im, "fail_on",
                                         VIPS_FAIL_ON_ERROR, NULL);
        if (bytes)
            g_object_unref(bytes); /* the image holds its own reference */
        return failed;
    }
    snprintf(name, sizeof name, "%s_buffer", loader);
    VipsBlob *blob = vips_blob_new(NULL, s->in->data, s->in->size);
    int failed = vips_call(name, blob, &s->im, "access", VIPS_ACCESS_SEQUENTIAL, "fail_on",
                           VIPS_FAIL_ON_ERROR, NULL);
    vips_area_unref((VipsArea *)(void *)blob);
    return failed;
}

static drn_status open_source(drn_vips_source *s)
{
    const char *loader = loader_of(s->in->head, s->in->heads);
    if (!loader)
        return drn_fail(s->err, DRN_ERR_FORMAT, "%s: not a picture of a known format", s->in->name);
    if (!drn_vips_has(loader))
        return drn_fail(s->err, DRN_ERR_UNSUPPORTED, "%s: this libvips has no %s", s->in->name,
                        loader);
    if (load(s, loader))
        return drn_vips_broken(s);
    s->orientation = vips_image_get_orientation(s->im);
    return strcmp(loader, "pngload") == 0 ? check_png_size(s) : DRN_OK;
}

/* Grey and RGB stay as they are; CMYK goes through its profile (or a general one), the rest through
 * its definition. */
static drn_status to_srgb(drn_vips_source *s)
{
    VipsImage *out = NULL;
    switch (vips_image_guess_interpretation(s->im)) {
    case VIPS_INTERPRETATION_CMYK:
        s->recoloured = true;
        return replace(s,
                       vips_icc_transform(s->im, &out, "srgb", "embedded", TRUE, "input_profile",
                                          "cmyk", NULL),
                       &out);
    case VIPS_INTERPRETATION_XYZ:
    case VIPS_INTERPRETATION_LAB:
    case VIPS_INTERPRETATION_LABQ:
    case VIPS_INTERPRETATION_LABS:
    case VIPS_INTERPRETATION_CMC:
    case VIPS_INTERPRETATION_LCH:
    case VIPS_INTERPRETATION_YXY:
    case VIPS_INTERPRETATION_HSV:
        s->recoloured = true;
        return replace(s, vips_colourspace(s->im, &out, VIPS_INTERPRETATION_sRGB, NULL), &out);
    default:
        return DRN_OK;
    }
}

/* At most colour and one alpha band. */
static drn_status drop_bands(drn_vips_source *s)
{
    VipsInterpretation kind = vips_image_get_interpretation(s->im);
    bool grey = kind == VIPS_INTERPRETATION_B_W || kind == VIPS_INTERPRETATION_GREY16;
    int most = grey ? 2 : 4;
    VipsImage *out = NULL;
    if (vips_image_get_bands(s->im) <= most)
        return DRN_OK;
    return replace(s, vips_extract_band(s->im, &out, 0, "n", most, NULL), &out);
}

static drn_status to_known_format(drn_vips_source *s)
{
    VipsImage *out = NULL;
    switch (vips_image_get_format(s->im)) {
    case VIPS_FORMAT_UCHAR:
    case VIPS_FORMAT_USHORT:
    case VIPS_FORMAT_FLOAT:
        return DRN_OK;
    case VIPS_FORMAT_DOUBLE:
        return replace(s, vips_cast_float(s->im, &out, NULL), &out);
    case VIPS_FORMAT_UINT:
        return replace(s, vips_cast_ushort(s->im, &out, "shift", TRUE, NULL), &out);
    default:
        return drn_fail(s->err, DRN_ERR_UNSUPPORTED, "%s: signed or complex samples", s->in->name);
    }
}

static drn_depth depth_of(VipsBandFormat format)
{
    return format == VIPS_FORMAT_UCHAR ? DRN_U8 : format == VIPS_FORMAT_USHORT ? DRN_U16 : DRN_F32;
}

/* Run the pipeline strip by strip: memory beside the picture stays small. */
static drn_status read_pixels(drn_image *image, drn_vips_source *s)
{
    VipsRegion *region = vips_region_new(s->im);
    size_t row = (size_t)image->width * (size_t)image->bands * drn_depth_size(image->depth);
    int rows = (int)(((size_t)1 << 20) / row);
    rows = rows < 16 ? 16 : rows;
    char *dst = image->data;
    drn_status st = DRN_OK;
    for (int y = 0; st == DRN_OK && y < image->height; y += rows) {
        int left = image->height - y;
        VipsRect strip = {0, y, image->width, left < rows ? left : rows};
        if (vips_region_prepare(region, &strip))
            st = drn_vips_broken(s);
        const VipsPel *src = VIPS_REGION_ADDR_TOPLEFT(region);
        for (int i = 0; st == DRN_OK && i < strip.height; i++, dst += row)
            memcpy(dst, src + (size_t)i * (size_t)VIPS_REGION_LSKIP(region), row);
    }
    g_object_unref(region);
    return st;
}

static bool wanted_blob(const char *name, const drn_vips_source *s)
{
    static const char *const names[] = {VIPS_META_EXIF_NAME, VIPS_META_XMP_NAME,
                                        VIPS_META_IPTC_NAME};
    if (strcmp(name, VIPS_META_ICC_NAME) == 0)
        return !s->recoloured;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    return false;
}

/* EXIF's tags and the texts of a PNG file.  Not an EXIF block written as text, whose sizes and orientation
 * are those of the input; nor a TIFF file's description, in which microscopes state sizes and pages. */
static bool wanted_string(const char *name)
{
    return strncmp(name, "exif-ifd", 8) == 0 ||
           (strncmp(name, "png-comment-", 12) == 0 && !strstr(name, "-Raw profile type"));
}

/* EXIF is kept twice: as the blob and as libvips' parsed strings; its writer drops every tag that
 * has no string. */
static void *keep_field(VipsImage *im, const char *name, GValue *value, void *ctx)
{
    (void)im;
    drn_vips_source *s = ctx;
    size_t size;
    if (G_VALUE_TYPE(value) == VIPS_TYPE_BLOB && wanted_blob(name, s)) {
        const void *data = vips_value_get_blob(value, &size);
        s->st = drn_meta_add(s->meta, name, data, size, true, s->err);
    } else if (G_VALUE_TYPE(value) == VIPS_TYPE_REF_STRING && wanted_string(name)) {
        const char *text = vips_value_get_ref_string(value, &size);
        if (strcmp(text, "<invalid utf-8 string>") != 0) /* all that libvips keeps of Latin-1 */
            s->st = drn_meta_add(s->meta, name, text, size, false, s->err);
    }
    return s->st == DRN_OK ? NULL : s;
}

drn_status drn_vips_meta(drn_image *image, drn_vips_source *s)
{
    DRN_TRY(drn_meta_new(&image->meta, s->err));
    s->meta = image->meta;
    s->meta->xres = vips_image_get_xres(s->im);
    s->meta->yres = vips_image_get_yres(s->im);
    if (s->orientation > 4) { /* x and y change places */
        s->meta->xres = vips_image_get_yres(s->im);
        s->meta->yres = vips_image_get_xres(s->im);
    }
    vips_image_map(s->im, keep_field, s);
    DRN_TRY(s->st);
    drn_meta_remove(s->meta, "exif-ifd0-Orientation");
    const drn_meta_item *xmp = drn_meta_find(s->meta, VIPS_META_XMP_NAME);
    if (xmp)
        drn_xmp_reset_orientation(xmp->data, xmp->size);
    return DRN_OK;
}

drn_status drn_vips_open(drn_vips_source *s, const drn_input *in, drn_error *err)
{
    *s = (drn_vips_source){.in = in, .orientation = 1, .err = err};
    DRN_TRY(drn_vips_start(in->name, err));
    DRN_TRY(open_source(s));
    DRN_TRY(to_srgb(s));
    DRN_TRY(drop_bands(s));
    return to_known_format(s);
}

void drn_vips_close(drn_vips_source *s)
{
    if (s->im)
        g_object_unref(s->im);
    s->im = NULL;
    vips_error_clear(); /* complaints that did no harm */
}

drn_image drn_vips_info(const drn_vips_source *s)
{
    return (drn_image){vips_image_get_width(s->im),
                       vips_image_get_height(s->im),
                       vips_image_get_bands(s->im),
                       depth_of(vips_image_get_format(s->im)),
                       NULL,
                       NULL};
}

static drn_status read_source(drn_image **out, drn_vips_source *s)
{
    drn_image *image = NULL, info = drn_vips_info(s);
    drn_status st = drn_image_new(&image, info.width, info.height, info.bands, info.depth, NULL);
    if (st != DRN_OK)
        return drn_fail(s->err, st, "%s: no memory for %d x %d pixels", s->in->name, info.width,
                        info.height);
    DRN_CHECK(read_pixels(image, s));
    DRN_CHECK(drn_vips_meta(image, s));
    DRN_CHECK(drn_image_orient(&image, s->orientation, s->err));
    *out = image;
    image = NULL;
done:
    drn_image_free(image);
    return st;
}

drn_status drn_codec_read(drn_image **out, const drn_input *in, drn_error *err)
{
    drn_vips_source s;
    drn_status st = drn_vips_open(&s, in, err);
    if (st == DRN_OK)
        st = read_source(out, &s);
    drn_vips_close(&s);
    return st;
}

drn_status drn_codec_probe(drn_image *info, const drn_input *in, drn_error *err)
{
    drn_vips_source s;
    drn_status st = drn_vips_open(&s, in, err);
    if (st == DRN_OK) {
        *info = drn_vips_info(&s);
        if (s.orientation > 4) { /* x and y change places */
            int32_t width = info->width;
            info->width = info->height;
            info->height = width;
        }
    }
    drn_vips_close(&s);
    return st;
}
