#include "video/yuv.h"

#include <stdio.h>

enum { MAX_SIDE = 65536 };

/* ---- sizes and words ---- */

void drn_yuv_plane(int32_t *width, int32_t *height, const drn_yuv_format *f, int i)
{
    int sx = i ? f->sx : 0, sy = i ? f->sy : 0;
    *width = (f->width + (1 << sx) - 1) >> sx;
    *height = (f->height + (1 << sy) - 1) >> sy;
}

drn_status drn_yuv_size(size_t *bytes, const drn_yuv_format *f, drn_error *err)
{
    if (f->width < 1 || f->height < 1 || f->width > MAX_SIDE || f->height > MAX_SIDE)
        return drn_fail(err, DRN_ERR_INVALID, "frames of %d x %d pixels; a side may have 1 to %d",
                        f->width, f->height, MAX_SIDE);
    size_t sum = 0;
    for (int i = 0; i < f->planes; i++) {
        int32_t w, h;
        drn_yuv_plane(&w, &h, f, i);
        sum += (size_t)w * (size_t)h * (f->depth > 8 ? 2 : 1); /* at most 3 * 2^33 */
    }
    *bytes = sum;
    return DRN_OK;
}

static const char *matrix_name(int matrix)
{
    switch (matrix) {
    case DRN_MATRIX_RGB:
        return "rgb";
    case DRN_MATRIX_709:
        return "bt709";
    case DRN_MATRIX_FCC:
        return "fcc";
    case DRN_MATRIX_470BG:
    case DRN_MATRIX_170M:
        return "bt601";
    case DRN_MATRIX_240M:
        return "smpte240m";
    case DRN_MATRIX_YCGCO:
        return "ycgco";
    case DRN_MATRIX_2020:
        return "bt2020";
    default:
        return "unknown matrix";
    }
}

void drn_yuv_describe(char text[64], const drn_yuv_format *f)
{
    static const char *const words[3][3] = {{"4:4:4", "4:4:0", "4:4:0/4"},
                                            {"4:2:2", "4:2:0", "4:2:0/4"},
                                            {"4:1:1", "4:1:1/2", "4:1:0"}};
    if (f->planes == 1)
        snprintf(text, 64, "grey %s %d bits", f->full ? "full" : "limited", f->depth);
    else
        snprintf(text, 64, "%s %s %s %d bits", words[f->sx][f->sy], matrix_name(f->matrix),
                 f->full ? "full" : "limited", f->depth);
}
