/* How LR pictures are made and SR pictures are scored. */
#include "drn/metrics.h"

#include "base/mem.h"
#include "image/colour.h"
#include "image/convert.h"

#include <string.h>

static const char *const names[] = {
    [DRN_PROTOCOL_STANDARD] = "standard", [DRN_PROTOCOL_PAPER] = "paper"};

const char *drn_protocol_name(drn_protocol_kind kind)
{
    return kind == DRN_PROTOCOL_PAPER ? names[DRN_PROTOCOL_PAPER] : names[DRN_PROTOCOL_STANDARD];
}

drn_status drn_protocol_parse(drn_protocol_kind *out, const char *name, drn_error *err)
{
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(name, names[i]) == 0) {
            *out = (drn_protocol_kind)i;
            return DRN_OK;
        }
    return drn_fail(err, DRN_ERR_INVALID, "unknown protocol \"%s\"; known: standard, paper", name);
}

static bool is_paper(const drn_protocol *protocol)
{
    return protocol && protocol->kind == DRN_PROTOCOL_PAPER;
}

static drn_resize_options resize_options(const drn_protocol *protocol)
{
    if (!protocol || is_paper(protocol))
        return (drn_resize_options){DRN_BORDER_SYMMETRIC,
                                    is_paper(protocol) ? DRN_PRECISION_FLOAT : DRN_PRECISION_U8};
    return (drn_resize_options){protocol->border, protocol->precision};
}

/* Replace *image by its conversion. */
static drn_status convert(drn_image **image, drn_depth depth, bool flatten, drn_error *err)
{
    drn_image *out;
    DRN_TRY(drn_image_convert(&out, *image, depth, flatten, err));
    drn_image_free(*image);
    *image = out;
    return DRN_OK;
}

/* The top left width x height pixels in 8 bits, alpha over white. */
static drn_status eight_bits(drn_image **out, const drn_image *in, int32_t width, int32_t height,
                             drn_error *err)
{
    drn_image *image;
    DRN_TRY(drn_image_crop(&image, in, 0, 0, width, height, err));
    if (image->depth != DRN_U8 || image->bands % 2 == 0) {
        drn_status st = convert(&image, DRN_U8, true, err);
        if (st != DRN_OK) {
            drn_image_free(image);
            return st;
        }
    }
    *out = image;
    return DRN_OK;
}

drn_status drn_protocol_hr(drn_image **out, const drn_image *hr, int scale, drn_error *err)
{
    if (scale < 1)
        return drn_fail(err, DRN_ERR_INVALID, "scale %d is not at least 1", scale);
    if (hr->width < scale || hr->height < scale)
        return drn_fail(err, DRN_ERR_INVALID, "%d x %d pixels are too few for scale %d", hr->width,
                        hr->height, scale);
    return eight_bits(out, hr, hr->width / scale * scale, hr->height / scale * scale, err);
}

drn_status drn_protocol_lr(drn_image **out, const drn_image *hr, int scale,
                           const drn_protocol *protocol, drn_error *err)
{
    drn_image *cut;
    drn_resize_options o = resize_options(protocol);
    DRN_TRY(drn_protocol_hr(&cut, hr, scale, err));
    drn_status st = DRN_OK;
    if (is_paper(protocol))
        st = convert(&cut, DRN_F32, false, err);
    if (st == DRN_OK)
        st = drn_imresize(out, cut, 1.0 / scale, &o, err);
    drn_image_free(cut);
    return st;
}

drn_status drn_protocol_bicubic(drn_image **out, const drn_image *lr, int scale,
                                const drn_protocol *protocol, drn_error *err)
{
    drn_image *sr;
    drn_resize_options o = resize_options(protocol);
    DRN_TRY(drn_imresize(&sr, lr, scale, &o, err));
    if (sr->depth != DRN_U8 || sr->bands % 2 == 0) {
        drn_status st = convert(&sr, DRN_U8, true, err);
        if (st != DRN_OK) {
            drn_image_free(sr);
            return st;
        }
    }
    *out = sr;
    return DRN_OK;
}

drn_metric_options drn_protocol_metrics(const drn_protocol *protocol, int scale)
{
    drn_metric_options o = {.shave = scale};
    if (!protocol)
        return o;
    o.rgb = protocol->rgb;
    o.round_y = protocol->round_y || is_paper(protocol);
    o.ssim_replicate = is_paper(protocol) && scale >= 8; /* the paper changed its SSIM there */
    return o;
}

drn_status drn_protocol_score(drn_metric_values *out, const drn_image *sr, const drn_image *hr,
                              int scale, const drn_protocol *protocol, drn_error *err)
{
    drn_image *a = NULL, *b = NULL;
    drn_metric_options o = drn_protocol_metrics(protocol, scale);
    drn_status st;
    DRN_CHECK(drn_protocol_hr(&b, hr, scale, err));
    if ((sr->width != b->width || sr->height != b->height) &&
        (sr->width != hr->width || sr->height != hr->height)) {
        st = drn_fail(err, DRN_ERR_INVALID, "the result has %d x %d pixels, the original %d x %d",
                      sr->width, sr->height, hr->width, hr->height);
        goto done;
    }
    DRN_CHECK(eight_bits(&a, sr, b->width, b->height, err));
    DRN_CHECK(drn_metrics(out, a, b, &o, err));
done:
    drn_image_free(a);
    drn_image_free(b);
    return st;
}

static drn_status score_bicubic(drn_metric_values *out, const drn_image *hr, int scale,
                                const drn_protocol *protocol, drn_error *err)
{
    drn_image *lr = NULL, *sr = NULL;
    drn_status st;
    DRN_CHECK(drn_protocol_lr(&lr, hr, scale, protocol, err));
    DRN_CHECK(drn_protocol_bicubic(&sr, lr, scale, protocol, err));
    DRN_CHECK(drn_protocol_score(out, sr, hr, scale, protocol, err));
done:
    drn_image_free(lr);
    drn_image_free(sr);
    return st;
}

/* The rounded Y of an 8-bit picture as a grey picture. */
static drn_status luma_image(drn_image **out, const drn_image *in, drn_error *err)
{
    drn_image *image = NULL;
    double *row = NULL;
    drn_status st;
    size_t n = (size_t)in->width;
    DRN_CHECK(drn_alloc_to(&row, n, sizeof *row, err));
    DRN_CHECK(drn_image_new(&image, in->width, in->height, 1, DRN_U8, err));
    for (size_t y = 0; y < (size_t)in->height; y++) {
        uint8_t *dst = (uint8_t *)image->data + y * n;
        drn_luma_row(row, (const uint8_t *)in->data + y * n * (size_t)in->bands, n, in->bands);
        for (size_t x = 0; x < n; x++)
            dst[x] = (uint8_t)drn_round(row[x]);
    }
    *out = image;
    image = NULL;
done:
    drn_image_free(image);
    drn_free(row);
    return st;
}

/* The paper's SSIM below x8 is that of the Y channel shrunk and enlarged by itself. */
static drn_status luma_ssim(double *ssim, const drn_image *hr, int scale, drn_error *err)
{
    static const drn_protocol paper = {.kind = DRN_PROTOCOL_PAPER};
    drn_metric_options o = {.shave = scale, .rgb = true}; /* a grey picture as it is */
    drn_metric_values v;
    drn_image *cut = NULL, *y = NULL, *lr = NULL, *sr = NULL;
    drn_status st;
    DRN_CHECK(drn_protocol_hr(&cut, hr, scale, err));
    DRN_CHECK(luma_image(&y, cut, err));
    DRN_CHECK(drn_protocol_lr(&lr, y, scale, &paper, err));
    DRN_CHECK(drn_protocol_bicubic(&sr, lr, scale, &paper, err));
    DRN_CHECK(drn_metrics(&v, sr, y, &o, err));
    *ssim = v.ssim;
done:
    drn_image_free(cut);
    drn_image_free(y);
    drn_image_free(lr);
    drn_image_free(sr);
    return st;
}

/* Its SSIM at x8 is MATLAB's ssim() of a picture that went through an 8-bit LR picture and was
 * enlarged in double. */
static drn_status replicate_ssim(double *ssim, const drn_image *hr, int scale, drn_error *err)
{
    static const drn_protocol paper = {.kind = DRN_PROTOCOL_PAPER};
    static const drn_protocol exact = {.precision = DRN_PRECISION_FLOAT};
    drn_metric_values v;
    drn_image *lr = NULL, *sr = NULL;
    drn_status st;
    DRN_CHECK(drn_protocol_lr(&lr, hr, scale, &exact, err));
    DRN_CHECK(drn_protocol_bicubic(&sr, lr, scale, &exact, err));
    DRN_CHECK(drn_protocol_score(&v, sr, hr, scale, &paper, err));
    *ssim = v.ssim;
done:
    drn_image_free(lr);
    drn_image_free(sr);
    return st;
}

drn_status drn_protocol_score_bicubic(drn_metric_values *out, const drn_image *hr, int scale,
                                      const drn_protocol *protocol, drn_error *err)
{
    drn_metric_values v;
    DRN_TRY(score_bicubic(&v, hr, scale, protocol, err));
    if (is_paper(protocol) && !protocol->rgb)
        DRN_TRY(scale >= 8 ? replicate_ssim(&v.ssim, hr, scale, err)
                           : luma_ssim(&v.ssim, hr, scale, err));
    *out = v;
    return DRN_OK;
}
