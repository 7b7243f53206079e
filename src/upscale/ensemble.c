#include "upscale/ensemble.h"

#include "base/mem.h"
#include "upscale/meter.h"

#include <math.h>
#include <string.h>

/* How an image is laid: bit 0 mirrors x, bit 1 mirrors y, bit 2 then swaps x and y. */
static size_t place(int how, int32_t x, int32_t y, int32_t width, int32_t height)
{
    int32_t u = how & 1 ? width - 1 - x : x, v = how & 2 ? height - 1 - y : y;
    return how & 4 ? (size_t)u * (size_t)height + (size_t)v : (size_t)v * (size_t)width + (size_t)u;
}

/* The image laid that way. */
static drn_status lay(drn_image **out, const drn_image *in, int how, drn_error *err)
{
    bool swap = how & 4;
    drn_image *image;
    DRN_TRY(drn_image_new(&image, swap ? in->height : in->width, swap ? in->width : in->height,
                          in->bands, DRN_F32, err));
    const float *p = in->data;
    size_t bands = (size_t)in->bands;
    for (int32_t y = 0; y < in->height; y++)
        for (int32_t x = 0; x < in->width; x++, p += bands)
            memcpy((float *)image->data + place(how, x, y, in->width, in->height) * bands, p,
                   bands * sizeof *p);
    *out = image;
    return DRN_OK;
}

/* sum += what was laid, put back; squares (may be NULL) += its squares. */
static void add_back(drn_image *sum, drn_image *squares, const drn_image *laid, int how)
{
    float *s = sum->data, *q = squares ? squares->data : NULL;
    size_t bands = (size_t)sum->bands, n = 0;
    for (int32_t y = 0; y < sum->height; y++)
        for (int32_t x = 0; x < sum->width; x++) {
            const float *p =
                (const float *)laid->data + place(how, x, y, sum->width, sum->height) * bands;
            for (size_t b = 0; b < bands; b++, n++) {
                s[n] += p[b];
                if (q)
                    q[n] += p[b] * p[b];
            }
        }
}

static void finish(drn_image *sum, drn_image *squares)
{
    size_t n = (size_t)sum->width * (size_t)sum->height * (size_t)sum->bands;
    float *s = sum->data, *q = squares ? squares->data : NULL;
    for (size_t i = 0; i < n; i++) {
        s[i] /= DRN_ENSEMBLE;
        if (q)
            q[i] = sqrtf(fmaxf(q[i] / DRN_ENSEMBLE - s[i] * s[i], 0));
    }
}

static drn_status zeros(drn_image **out, const drn_image *in, int scale, drn_error *err)
{
    drn_image *image;
    DRN_TRY(drn_image_new(&image, in->width * scale, in->height * scale, in->bands, DRN_F32, err));
    memset(image->data, 0,
           (size_t)image->width * (size_t)image->height * (size_t)image->bands * sizeof(float));
    *out = image;
    return DRN_OK;
}

static drn_status add_run(drn_image *sum, drn_image *squares, const drn_image *in,
                          const drn_model *model, int scale, int how, const drn_upscale_options *o,
                          drn_error *err)
{
    drn_image *laid = NULL, *large = NULL;
    drn_status st;
    DRN_CHECK(lay(&laid, in, how, err));
    DRN_CHECK(drn_network_upscale(&large, laid, model, scale, o, err));
    add_back(sum, squares, large, how);
done:
    drn_image_free(laid);
    drn_image_free(large);
    return st;
}

drn_status drn_ensemble_upscale(drn_image **out, drn_image **spread, const drn_image *in,
                                const drn_model *model, int scale,
                                const drn_upscale_options *options, drn_error *err)
{
    drn_meter meter = {options->progress, options->progress_ctx, 0, 0};
    drn_image *sum = NULL, *squares = NULL;
    drn_status st;
    DRN_CHECK(drn_network_check(in->width, in->height, model, scale, err));
    DRN_CHECK(zeros(&sum, in, scale, err));
    if (spread)
        DRN_CHECK(zeros(&squares, in, scale, err));
    for (int how = 0; how < DRN_ENSEMBLE; how++) {
        drn_upscale_options o = drn_meter_part(&meter, 1.0 / DRN_ENSEMBLE, options);
        DRN_CHECK(add_run(sum, squares, in, model, scale, how, &o, err));
        drn_meter_next(&meter);
    }
    finish(sum, squares);
    *out = sum;
    sum = NULL;
    if (spread)
        *spread = squares;
    squares = NULL;
done:
    drn_image_free(sum);
    drn_image_free(squares);
    return st;
}
