#include "drn/image.h"

#include "base/mem.h"
#include "image/meta.h"

#include <string.h>

size_t drn_depth_size(drn_depth depth)
{
    return depth == DRN_U8 ? 1 : depth == DRN_U16 ? 2 : 4;
}

static drn_status check(int32_t width, int32_t height, int32_t bands, drn_depth depth,
                        drn_error *err)
{
    if (width < 1 || height < 1)
        return drn_fail(err, DRN_ERR_INVALID, "an image of %d x %d pixels is impossible", width,
                        height);
    if (bands < 1 || bands > 4)
        return drn_fail(err, DRN_ERR_INVALID, "%d bands, expected 1 to 4", bands);
    if (depth != DRN_U8 && depth != DRN_U16 && depth != DRN_F32)
        return drn_fail(err, DRN_ERR_INVALID, "unknown sample depth %d", (int)depth);
    return DRN_OK;
}

drn_status drn_image_new(drn_image **out, int32_t width, int32_t height, int32_t bands,
                         drn_depth depth, drn_error *err)
{
    DRN_TRY(check(width, height, bands, depth, err));
    size_t bytes;
    DRN_TRY(drn_size_mul(&bytes, (size_t)width * (size_t)bands, (size_t)height, err));
    DRN_TRY(drn_size_mul(&bytes, bytes, drn_depth_size(depth), err));
    drn_image *image;
    DRN_TRY(drn_calloc_to(&image, 1, sizeof *image, err));
    image->width = width;
    image->height = height;
    image->bands = bands;
    image->depth = depth;
    image->data = drn_alloc(bytes);
    if (!image->data) {
        drn_free(image);
        return drn_fail(err, DRN_ERR_NOMEM, "no memory for an image of %d x %d x %d (%zu bytes)",
                        width, height, bands, bytes);
    }
    *out = image;
    return DRN_OK;
}

void drn_image_free(drn_image *image)
{
    if (!image)
        return;
    drn_meta_free(image->meta);
    drn_free(image->data);
    drn_free(image);
}

drn_status drn_image_crop(drn_image **out, const drn_image *in, int32_t x, int32_t y, int32_t width,
                          int32_t height, drn_error *err)
{
    if (x < 0 || y < 0 || width < 1 || height < 1 || width > in->width - x ||
        height > in->height - y)
        return drn_fail(err, DRN_ERR_INVALID, "crop %d,%d %d x %d lies outside the %d x %d image",
                        x, y, width, height, in->width, in->height);
    drn_image *image;
    DRN_TRY(drn_image_new(&image, width, height, in->bands, in->depth, err));
    size_t pixel = (size_t)in->bands * drn_depth_size(in->depth);
    size_t row = (size_t)width * pixel, stride = (size_t)in->width * pixel;
    const char *src = (const char *)in->data + (size_t)y * stride + (size_t)x * pixel;
    char *dst = image->data;
    for (int32_t i = 0; i < height; i++, src += stride, dst += row)
        memcpy(dst, src, row);
    *out = image;
    return DRN_OK;
}
