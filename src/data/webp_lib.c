#include "data/webp.h"

#include "base/mem.h"

#include <string.h>
#include <webp/decode.h>
#include <webp/encode.h>

enum { EFFORT = 1 /* 0 fast .. 9 small: 3 takes 1.7 times as long and saves 2 % of the bytes */ };

bool drn_webp_available(void)
{
    return true;
}

bool drn_webp_is(const void *data, size_t size)
{
    return size >= 12 && memcmp(data, "RIFF", 4) == 0 &&
           memcmp((const char *)data + 8, "WEBP", 4) == 0;
}

drn_status drn_webp_decode(drn_image **out, const void *data, size_t size, const char *name,
                           drn_error *err)
{
    int width, height;
    drn_image *im;
    if (!WebPGetInfo(data, size, &width, &height))
        return drn_fail(err, DRN_ERR_FORMAT, "%s: broken or cut off", name);
    DRN_TRY(drn_image_new(&im, width, height, 3, DRN_U8, err));
    size_t row = (size_t)width * 3;
    if (!WebPDecodeRGBInto(data, size, im->data, row * (size_t)height, (int)row)) {
        drn_image_free(im);
        return drn_fail(err, DRN_ERR_FORMAT, "%s: broken or cut off", name);
    }
    *out = im;
    return DRN_OK;
}

static drn_status encode(WebPPicture *p, WebPMemoryWriter *w, const drn_image *image,
                         drn_error *err)
{
    WebPConfig config;
    if (!WebPConfigInit(&config) || !WebPConfigLosslessPreset(&config, EFFORT) ||
        !WebPPictureInit(p))
        return drn_fail(err, DRN_ERR_INTERNAL, "libwebp is of another version");
    p->use_argb = 1;
    p->width = image->width;
    p->height = image->height;
    p->writer = WebPMemoryWrite;
    p->custom_ptr = w;
    if (!WebPPictureImportRGB(p, image->data, image->width * 3) || !WebPEncode(&config, p))
        return drn_fail(
            err, p->error_code == VP8_ENC_ERROR_OUT_OF_MEMORY ? DRN_ERR_NOMEM : DRN_ERR_INTERNAL,
            "libwebp: error %d with %d x %d pixels", (int)p->error_code, image->width,
            image->height);
    return DRN_OK;
}

drn_status drn_webp_encode(void **out, size_t *size, const drn_image *image, drn_error *err)
{
    WebPPicture p = {0};
    WebPMemoryWriter w;
    WebPMemoryWriterInit(&w);
    drn_status st = encode(&p, &w, image, err);
    if (st == DRN_OK)
        st = drn_alloc_to(out, w.size, 1, err);
    if (st == DRN_OK) {
        memcpy(*out, w.mem, w.size);
        *size = w.size;
    }
    WebPPictureFree(&p);
    WebPMemoryWriterClear(&w);
    return st;
}
