#include "image/orient.h"

#include <stdbool.h>
#include <string.h>

/* EXIF orientation as: swap x and y when reading, then mirror the source columns or rows. */
static const struct {
    bool swap, flip_x, flip_y;
} how[9] = {
    [1] = {false, false, false}, [2] = {false, true, false}, [3] = {false, true, true},
    [4] = {false, false, true},  [5] = {true, false, false}, [6] = {true, false, true},
    [7] = {true, true, true},    [8] = {true, true, false},
};

drn_status drn_image_orient(drn_image **image, int orientation, drn_error *err)
{
    if (orientation < 2 || orientation > 8)
        return DRN_OK;
    drn_image *in = *image, *out;
    bool swap = how[orientation].swap;
    DRN_TRY(drn_image_new(&out, swap ? in->height : in->width, swap ? in->width : in->height,
                          in->bands, in->depth, err));
    size_t pixel = (size_t)in->bands * drn_depth_size(in->depth);
    char *dst = out->data;
    for (int32_t y = 0; y < out->height; y++)
        for (int32_t x = 0; x < out->width; x++, dst += pixel) {
            int32_t sx = swap ? y : x, sy = swap ? x : y;
            sx = how[orientation].flip_x ? in->width - 1 - sx : sx;
            sy = how[orientation].flip_y ? in->height - 1 - sy : sy;
            const char *src = in->data;
            memcpy(dst, src + ((size_t)sy * (size_t)in->width + (size_t)sx) * pixel, pixel);
        }
    out->meta = in->meta;
    in->meta = NULL;
    drn_image_free(in);
    *image = out;
    return DRN_OK;
}
