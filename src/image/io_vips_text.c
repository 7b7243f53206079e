/* Text by libvips, which asks pango. */
#include "image/io_vips.h"

#include "image/text.h"

#include <string.h>

/* The ink of t in a box of the line's height, at the place its letters have in the line. */
static drn_status in_line(drn_image **out, VipsImage *t, int32_t size, int32_t width,
                          drn_error *err)
{
    drn_image *im;
    int32_t high = drn_text_height(size), wide = t->Xsize < width ? t->Xsize : width;
    int32_t rows = t->Ysize < high ? t->Ysize : high, top = t->Yoffset;
    top = top < 0 ? 0 : top > high - rows ? high - rows : top;
    DRN_TRY(drn_image_new(&im, wide, high, 1, DRN_U8, err));
    size_t bytes;
    uint8_t *pixels = vips_image_write_to_memory(t, &bytes), *to = im->data;
    if (!pixels || bytes != (size_t)t->Xsize * (size_t)t->Ysize) {
        g_free(pixels);
        drn_image_free(im);
        return drn_vips_failure(err, DRN_ERR_NOMEM, "text", "cannot be drawn");
    }
    memset(to, 0, (size_t)wide * (size_t)high);
    for (int32_t y = 0; y < rows; y++)
        memcpy(to + (size_t)(y + top) * (size_t)wide, pixels + (size_t)y * (size_t)t->Xsize,
               (size_t)wide);
    g_free(pixels);
    *out = im;
    return DRN_OK;
}

static drn_status empty(drn_image **out, int32_t size, drn_error *err)
{
    DRN_TRY(drn_image_new(out, 1, drn_text_height(size), 1, DRN_U8, err));
    memset((*out)->data, 0, (size_t)drn_text_height(size));
    return DRN_OK;
}

drn_status drn_text(drn_image **out, const char *text, int32_t size, int32_t width, drn_error *err)
{
    char font[32];
    VipsImage *t = NULL;
    if (text[strspn(text, " \t\n")] == 0) /* libvips takes it for a mistake */
        return empty(out, size, err);
    DRN_TRY(drn_vips_start("text", err));
    if (!drn_vips_has("text"))
        return drn_fail(err, DRN_ERR_UNSUPPORTED, "this libvips draws no text");
    snprintf(font, sizeof font, "sans %d", (int)size);
    gchar *valid = g_utf8_make_valid(text, -1), *escaped = g_markup_escape_text(valid, -1);
    int failed = vips_text(&t, escaped, "font", font, "dpi", 72, NULL);
    g_free(escaped);
    g_free(valid);
    if (failed)
        return drn_vips_failure(err, DRN_ERR_UNSUPPORTED, "text", "cannot be drawn");
    drn_status st = in_line(out, t, size, width, err);
    g_object_unref(t);
    return st;
}
