#include "figure/sheet.h"

#include "image/text.h"

#include <string.h>

enum { MOST_SIDE = 60000, MOST_PIXELS = 1 << 29 };

drn_status figure_sheet(drn_image **out, int64_t width, int64_t height, drn_error *err)
{
    if (width > MOST_SIDE || height > MOST_SIDE || width * height > MOST_PIXELS)
        return drn_fail(
            err, DRN_ERR_INVALID,
            "the figure would have %lld x %lld pixels; at most %d a side and %d together",
            (long long)width, (long long)height, MOST_SIDE, MOST_PIXELS);
    DRN_TRY(drn_image_new(out, (int32_t)width, (int32_t)height, 3, DRN_U8, err));
    memset((*out)->data, 255, 3 * (size_t)width * (size_t)height);
    return DRN_OK;
}

static uint8_t *pixel(const drn_image *im, int32_t x, int32_t y)
{
    return (uint8_t *)im->data + 3 * ((size_t)y * (size_t)im->width + (size_t)x);
}

void figure_draw(drn_image *sheet, int32_t x, int32_t y, const drn_image *im,
                 const drn_figure_rect *window, int zoom)
{
    for (int32_t r = 0; r < window->height * zoom; r++) {
        uint8_t *to = pixel(sheet, x, y + r);
        for (int32_t c = 0; c < window->width * zoom; c++, to += 3)
            memcpy(to, pixel(im, window->x + c / zoom, window->y + r / zoom), 3);
    }
}

drn_status figure_write(drn_image *sheet, int32_t x, int32_t y, int32_t width, const char *text,
                        drn_error *err)
{
    drn_image *ink;
    int32_t room = sheet->width - x < width ? sheet->width - x : width;
    if (room < 1)
        return DRN_OK;
    DRN_TRY(drn_text(&ink, text, FIGURE_TEXT, room, err));
    for (int32_t r = 0; r < ink->height && y + r < sheet->height; r++)
        for (int32_t c = 0; c < ink->width; c++) {
            uint8_t v = ((const uint8_t *)ink->data)[(size_t)r * (size_t)ink->width + (size_t)c];
            memset(pixel(sheet, x + c, y + r), 255 - v, 3);
        }
    drn_image_free(ink);
    return DRN_OK;
}

void figure_frame(drn_image *sheet, const drn_figure_rect *r)
{
    enum { THICK = 2 };
    for (int32_t y = r->y - THICK; y < r->y + r->height + THICK; y++)
        for (int32_t x = r->x - THICK; x < r->x + r->width + THICK; x++) {
            bool inner = x >= r->x && x < r->x + r->width && y >= r->y && y < r->y + r->height;
            if (!inner && x >= 0 && x < sheet->width && y >= 0 && y < sheet->height)
                memcpy(pixel(sheet, x, y), (const uint8_t[]){230, 20, 20}, 3);
        }
}
