#include "study/degrade.h"

#include "drn/metrics.h"
#include "image/degrade.h"

const char *study_degrade_name(drn_degrade_kind kind)
{
    return kind == DRN_DEGRADE_BLUR ? "blur" : kind == DRN_DEGRADE_NEAREST ? "nearest" : "bicubic";
}

static drn_status nearest(drn_image **out, const drn_image *hr, int scale, drn_error *err)
{
    drn_image *lr;
    DRN_TRY(drn_image_new(&lr, hr->width / scale, hr->height / scale, 3, DRN_U8, err));
    uint8_t *p = lr->data;
    for (int32_t y = 0; y < lr->height; y++)
        for (int32_t x = 0; x < lr->width; x++, p += 3) {
            size_t at = (size_t)(y * scale + scale / 2) * (size_t)hr->width +
                        (size_t)(x * scale + scale / 2);
            const uint8_t *q = (const uint8_t *)hr->data + 3 * at;
            p[0] = q[0], p[1] = q[1], p[2] = q[2];
        }
    *out = lr;
    return DRN_OK;
}

drn_status study_degrade(drn_image **out, const drn_image *hr, int scale, drn_degrade_kind kind,
                         double sigma, drn_error *err)
{
    drn_image *cut = NULL;
    drn_status st = DRN_OK;
    if (hr->depth != DRN_U8 || hr->bands != 3)
        return drn_fail(err, DRN_ERR_INVALID, "degrade: %d bands, made for 8-bit RGB",
                        (int)hr->bands);
    DRN_TRY(drn_protocol_hr(&cut, hr, scale, err));
    if (kind == DRN_DEGRADE_NEAREST) {
        st = nearest(out, cut, scale, err);
    } else {
        if (kind == DRN_DEGRADE_BLUR)
            DRN_CHECK(drn_blur(cut, sigma, err));
        st = drn_protocol_lr(out, cut, scale, NULL, err);
    }
done:
    drn_image_free(cut);
    return st;
}
