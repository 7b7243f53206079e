#include "study/degrade.h"

#include "drn/metrics.h"
#include "image/degrade.h"
#include "image/shrink.h"

const char *study_degrade_name(drn_degrade_kind kind)
{
    return kind == DRN_DEGRADE_BLUR ? "blur" : kind == DRN_DEGRADE_NEAREST ? "nearest" : "bicubic";
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
        st = drn_shrink_nearest(out, cut, scale, scale / 2, scale / 2, err);
    } else {
        if (kind == DRN_DEGRADE_BLUR)
            DRN_CHECK(drn_blur(cut, sigma, err));
        st = drn_protocol_lr(out, cut, scale, NULL, err);
    }
done:
    drn_image_free(cut);
    return st;
}
