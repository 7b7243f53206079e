/* All formats but binary PNM, through libvips; the only file that includes its header. */
#include "image/io.h"

#include "base/fileio.h"
#include "base/mem.h"
#include "image/meta.h"
#include "image/orient.h"

#include <dlfcn.h>
#include <gmodule.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <vips/vips.h>

/* ---- start and errors ---- */

static pthread_once_t started = PTHREAD_ONCE_INIT;
static bool running;

static void drop_message(const gchar *domain, GLogLevelFlags level, const gchar *text,
                         gpointer data)
{
    (void)domain;
    (void)level;
    (void)text;
    (void)data;
}

/* libvips loads all its plug-ins (HEIF, JPEG XL, PDF, ...) when it starts, which takes ten times as
 * long as the rest of a small picture's way.  So it starts with a home where there are none;
 * load_plugins() gets them when a file needs one. */
static void start(void)
{
    /* Warnings go nowhere: a library does not write to the caller's stderr. */
    g_log_set_handler("VIPS", (GLogLevelFlags)(G_LOG_LEVEL_MASK & ~G_LOG_LEVEL_ERROR), drop_message,
                      NULL);
    bool ours = !g_getenv("VIPSHOME");
    if (ours)
        g_setenv("VIPSHOME", "/nonexistent", TRUE);
    running = VIPS_INIT("drn") == 0;
    if (ours)
        g_unsetenv("VIPSHOME");
    if (!running)
        return;
    /* Every picture is read once, in order: no operation cache, and decoding needs no workers. */
    vips_cache_set_max(0);
    vips_concurrency_set(1);
}

static void load_plugins(void)
{
    static const char *const names[] = {"heif", "jxl", "magick"};
    Dl_info lib;
    if (!dladdr((void *)(uintptr_t)vips_init, &lib) || !lib.dli_fname)
        return;
    char *dir = g_path_get_dirname(lib.dli_fname);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char *path = g_strdup_printf("%s/vips-modules-%d.%d/vips-%s.so", dir, VIPS_MAJOR_VERSION,
                                     VIPS_MINOR_VERSION, names[i]);
        (void)g_module_open(path, G_MODULE_BIND_LAZY); /* stays for the life of the process */
        g_free(path);
    }
    g_free(dir);
}

/* Whether libvips has that loader or saver, in itself or in a plug-in. */
static bool has_operation(const char *name)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    return vips_type_find("VipsOperation", name) ||
           (pthread_once(&once, load_plugins) == 0 && vips_type_find("VipsOperation", name));
}

/* "path: what: the first complaint", and libvips' buffer is empty again. */
static drn_status vips_failure(drn_error *err, drn_status code, const char *path, const char *what)
{
    char *text = vips_error_buffer_copy();
    size_t n = text ? strcspn(text, "\n") : 0;
    if (text && strstr(text, "out of memory"))
        code = DRN_ERR_NOMEM;
    (void)drn_fail(err, code, "%s: %s%s%.*s", path, what, n ? ": " : "", (int)(n < 300 ? n : 300),
                   text ? text : "");
    g_free(text);
    return code;
}

static drn_status ensure_started(const char *path, drn_error *err)
{
    if (pthread_once(&started, start) != 0 || !running)
        return vips_failure(err, DRN_ERR_UNSUPPORTED, path, "libvips does not start");
    return DRN_OK;
}

/* ---- reading ---- */

bool drn_codec_available(void)
{
    return true;
}

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

/* A picture being read; `im` is the end of libvips' pipeline. */
typedef struct source {
    const char *path;
    VipsImage *im;
    bool recoloured; /* pixels no longer fit the embedded profile */
    int orientation; /* EXIF 1..8 */
    drn_image_meta *meta;
    drn_error *err;
    drn_status st;
} source;

static drn_status broken(source *s)
{
    return vips_failure(s->err, DRN_ERR_FORMAT, s->path, "broken or cut off");
}

/* Replace s->im by what an operation made of it: *out is read after the operation ran, whatever the
 * order in which a compiler evaluates arguments. */
static drn_status replace(source *s, int failed, VipsImage **out)
{
    if (failed)
        return broken(s);
    g_object_unref(s->im);
    s->im = *out;
    return DRN_OK;
}

/* Deflate shrinks at most 1032 times: a smaller file can not hold the pixels its header claims. */
static drn_status check_png_size(source *s)
{
    struct stat sb;
    double need = (double)vips_image_get_width(s->im) * vips_image_get_height(s->im) *
                  vips_image_get_bands(s->im) / 8 / 1032;
    if (stat(s->path, &sb) == 0 && (double)sb.st_size < need)
        return drn_fail(s->err, DRN_ERR_FORMAT,
                        "%s: the header claims %d x %d pixels, the file has only %jd bytes",
                        s->path, vips_image_get_width(s->im), vips_image_get_height(s->im),
                        (intmax_t)sb.st_size);
    return DRN_OK;
}

static drn_status open_source(source *s, const char *loader)
{
    if (!loader)
        return drn_fail(s->err, DRN_ERR_FORMAT, "%s: not a picture of a known format", s->path);
    if (!has_operation(loader))
        return drn_fail(s->err, DRN_ERR_UNSUPPORTED, "%s: this libvips has no %s", s->path, loader);
    if (vips_call(loader, s->path, &s->im, "access", VIPS_ACCESS_SEQUENTIAL, "fail_on",
                  VIPS_FAIL_ON_ERROR, NULL))
        return broken(s);
    s->orientation = vips_image_get_orientation(s->im);
    return strcmp(loader, "pngload") == 0 ? check_png_size(s) : DRN_OK;
}

/* Grey and RGB stay as they are; CMYK goes through its profile (or a general one), the rest through
 * its definition. */
static drn_status to_srgb(source *s)
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
static drn_status drop_bands(source *s)
{
    VipsInterpretation kind = vips_image_get_interpretation(s->im);
    bool grey = kind == VIPS_INTERPRETATION_B_W || kind == VIPS_INTERPRETATION_GREY16;
    int most = grey ? 2 : 4;
    VipsImage *out = NULL;
    if (vips_image_get_bands(s->im) <= most)
        return DRN_OK;
    return replace(s, vips_extract_band(s->im, &out, 0, "n", most, NULL), &out);
}

static drn_status to_known_format(source *s)
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
        return drn_fail(s->err, DRN_ERR_UNSUPPORTED, "%s: signed or complex samples", s->path);
    }
}

static drn_depth depth_of(VipsBandFormat format)
{
    return format == VIPS_FORMAT_UCHAR ? DRN_U8 : format == VIPS_FORMAT_USHORT ? DRN_U16 : DRN_F32;
}

/* Run the pipeline strip by strip: memory beside the picture stays small. */
static drn_status read_pixels(drn_image *image, source *s)
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
            st = broken(s);
        const VipsPel *src = VIPS_REGION_ADDR_TOPLEFT(region);
        for (int i = 0; st == DRN_OK && i < strip.height; i++, dst += row)
            memcpy(dst, src + (size_t)i * (size_t)VIPS_REGION_LSKIP(region), row);
    }
    g_object_unref(region);
    return st;
}

static bool wanted_blob(const char *name, const source *s)
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

/* EXIF is kept twice: as the blob and as libvips' parsed strings; its writer drops every tag that
 * has no string. */
static void *keep_field(VipsImage *im, const char *name, GValue *value, void *ctx)
{
    (void)im;
    source *s = ctx;
    size_t size;
    if (G_VALUE_TYPE(value) == VIPS_TYPE_BLOB && wanted_blob(name, s)) {
        const void *data = vips_value_get_blob(value, &size);
        s->st = drn_meta_add(s->meta, name, data, size, true, s->err);
    } else if (G_VALUE_TYPE(value) == VIPS_TYPE_REF_STRING && strncmp(name, "exif-ifd", 8) == 0) {
        const char *text = vips_value_get_ref_string(value, &size);
        s->st = drn_meta_add(s->meta, name, text, size, false, s->err);
    }
    return s->st == DRN_OK ? NULL : s;
}

static drn_status read_meta(drn_image *image, source *s)
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

/* The pipeline to samples of ours; no pixel is computed yet. */
static drn_status prepare_source(source *s, const char *loader)
{
    DRN_TRY(open_source(s, loader));
    DRN_TRY(to_srgb(s));
    DRN_TRY(drop_bands(s));
    return to_known_format(s);
}

static drn_status read_source(drn_image **out, source *s, const char *loader)
{
    DRN_TRY(prepare_source(s, loader));
    drn_image *image = NULL;
    drn_status st =
        drn_image_new(&image, vips_image_get_width(s->im), vips_image_get_height(s->im),
                      vips_image_get_bands(s->im), depth_of(vips_image_get_format(s->im)), NULL);
    if (st != DRN_OK)
        return drn_fail(s->err, st, "%s: no memory for %d x %d pixels", s->path,
                        vips_image_get_width(s->im), vips_image_get_height(s->im));
    DRN_CHECK(read_pixels(image, s));
    DRN_CHECK(read_meta(image, s));
    DRN_CHECK(drn_image_orient(&image, s->orientation, s->err));
    *out = image;
    image = NULL;
done:
    drn_image_free(image);
    return st;
}

static drn_status probe_source(drn_image *info, source *s, const char *loader)
{
    DRN_TRY(prepare_source(s, loader));
    int32_t w = vips_image_get_width(s->im), h = vips_image_get_height(s->im);
    bool turned = s->orientation > 4; /* x and y change places */
    *info = (drn_image){turned ? h : w,
                        turned ? w : h,
                        vips_image_get_bands(s->im),
                        depth_of(vips_image_get_format(s->im)),
                        NULL,
                        NULL};
    return DRN_OK;
}

static void close_source(source *s)
{
    if (s->im)
        g_object_unref(s->im);
    vips_error_clear(); /* complaints that did no harm */
}

drn_status drn_codec_read(drn_image **out, const char *path, const unsigned char *head, size_t size,
                          drn_error *err)
{
    DRN_TRY(ensure_started(path, err));
    source s = {.path = path, .orientation = 1, .err = err};
    drn_status st = read_source(out, &s, loader_of(head, size));
    close_source(&s);
    return st;
}

drn_status drn_codec_probe(drn_image *info, const char *path, const unsigned char *head,
                           size_t size, drn_error *err)
{
    DRN_TRY(ensure_started(path, err));
    source s = {.path = path, .orientation = 1, .err = err};
    drn_status st = probe_source(info, &s, loader_of(head, size));
    close_source(&s);
    return st;
}

/* ---- writing ---- */

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

/* A libvips image over the samples of ours; NULL on failure. */
static VipsImage *wrap(const drn_image *image)
{
    bool deep = image->depth == DRN_U16, grey = image->bands <= 2;
    size_t bytes = (size_t)image->width * (size_t)image->height * (size_t)image->bands *
                   drn_depth_size(image->depth);
    VipsImage *raw =
        vips_image_new_from_memory(image->data, bytes, image->width, image->height, image->bands,
                                   deep ? VIPS_FORMAT_USHORT : VIPS_FORMAT_UCHAR);
    VipsImage *im = NULL;
    if (!raw)
        return NULL;
    const drn_image_meta *meta = image->meta;
    int kind = grey   ? deep ? VIPS_INTERPRETATION_GREY16 : VIPS_INTERPRETATION_B_W
               : deep ? VIPS_INTERPRETATION_RGB16
                      : VIPS_INTERPRETATION_sRGB;
    if (vips_copy(raw, &im, "interpretation", kind, "xres",
                  meta && meta->xres > 0 ? meta->xres : 1.0, "yres",
                  meta && meta->yres > 0 ? meta->yres : 1.0, NULL))
        im = NULL;
    g_object_unref(raw);
    if (im && meta)
        set_meta(im, meta);
    return im;
}

static int save(VipsImage *im, const char *tmp, const drn_format *format, int quality)
{
    const char *saver = format->saver;
    if (strcmp(saver, "pngsave") == 0)
        return vips_call(saver, im, tmp, "compression", 5, "filter", VIPS_FOREIGN_PNG_FILTER_PAETH,
                         NULL);
    if (strcmp(saver, "jpegsave") == 0)
        return vips_call(saver, im, tmp, "Q", quality, "optimize_coding", TRUE, NULL);
    if (strcmp(saver, "tiffsave") == 0)
        return vips_call(saver, im, tmp, "compression", VIPS_FOREIGN_TIFF_COMPRESSION_LZW,
                         "predictor", VIPS_FOREIGN_TIFF_PREDICTOR_HORIZONTAL, "bigtiff",
                         (double)im->Xsize * im->Ysize * im->Bands > 0x60000000, NULL);
    if (strcmp(saver, "heifsave") == 0)
        return vips_call(saver, im, tmp, "Q", quality, "lossless", quality == 100, "compression",
                         strcmp(format->suffix, ".avif") == 0 ? VIPS_FOREIGN_HEIF_COMPRESSION_AV1
                                                              : VIPS_FOREIGN_HEIF_COMPRESSION_HEVC,
                         NULL);
    if (format->lossless)
        return vips_call(saver, im, tmp, "Q", quality, "lossless", quality == 100, NULL);
    return vips_call(saver, im, tmp, NULL);
}

drn_status drn_codec_write(const drn_image *image, const char *tmp, const char *path,
                           const drn_format *format, int quality, drn_error *err)
{
    DRN_TRY(ensure_started(path, err));
    if (!has_operation(format->saver))
        return drn_fail(err, DRN_ERR_UNSUPPORTED, "%s: this libvips cannot write %s", path,
                        format->suffix);
    VipsImage *im = wrap(image);
    bool saved = im && save(im, tmp, format, quality) == 0;
    if (im)
        g_object_unref(im);
    if (!saved)
        return vips_failure(err, DRN_ERR_IO, path, "cannot write");
    return DRN_OK;
}
