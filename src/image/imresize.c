/* Two passes over rows of doubles.  Between the passes samples are kept in the depth of the image
 * (rounded, as MATLAB does for integer classes) or in double. */
#include "image/imresize.h"

#include "base/mem.h"
#include "image/colour.h"

#include <stdbool.h>
#include <string.h>

typedef enum kind { U8, U16, F32, F64 } kind;

/* Samples [height, width, bands] of one kind. */
typedef struct plane {
    void *data;
    kind kind;
    int32_t width, height, bands;
} plane;

static size_t row_samples(const plane *p)
{
    return (size_t)p->width * (size_t)p->bands;
}

static const void *row_at(const plane *p, int32_t y)
{
    static const size_t size[] = {[U8] = 1, [U16] = 2, [F32] = 4, [F64] = 8};
    return (const char *)p->data + (size_t)y * row_samples(p) * size[p->kind];
}

#define AXPY(type)                                                                                 \
    do {                                                                                           \
        const type *x_ = row_at(p, y);                                                             \
        for (size_t i = 0; i < n; i++)                                                             \
            acc[i] += w * (double)x_[i];                                                           \
    } while (0)

/* acc += w * row y. */
static void axpy_row(double *restrict acc, double w, const plane *p, int32_t y)
{
    size_t n = row_samples(p);
    switch (p->kind) {
    case U8:
        AXPY(uint8_t);
        break;
    case U16:
        AXPY(uint16_t);
        break;
    case F32:
        AXPY(float);
        break;
    case F64:
        AXPY(double);
        break;
    }
}

/* Half away from zero and clamped: for values above 0 that is floor(v + 0.5). */
static inline double clamped(double v, double max)
{
    v = v > 0 ? v + 0.5 : 0;
    return v < max + 0.5 ? v : max;
}

static void store_row(plane *p, int32_t y, const double *restrict row)
{
    size_t n = row_samples(p), at = (size_t)y * n;
    if (p->kind == U8) {
        uint8_t *d = (uint8_t *)p->data + at;
        for (size_t i = 0; i < n; i++)
            d[i] = (uint8_t)(int)clamped(row[i], 255);
    } else if (p->kind == U16) {
        uint16_t *d = (uint16_t *)p->data + at;
        for (size_t i = 0; i < n; i++)
            d[i] = (uint16_t)(int)clamped(row[i], 65535);
    } else if (p->kind == F32) {
        float *d = (float *)p->data + at;
        for (size_t i = 0; i < n; i++)
            d[i] = (float)row[i];
    } else {
        memcpy((double *)p->data + at, row, n * sizeof *row);
    }
}

/* dst[table->out, W, B] from src[table->in, W, B].  scratch: one row of dst. */
static void resize_rows(plane *dst, const plane *src, const drn_resize_table *table,
                        double *scratch)
{
    size_t n = row_samples(dst);
    for (int32_t y = 0; y < dst->height; y++) {
        const double *weight = table->weight + (size_t)y * (size_t)table->taps;
        const int32_t *index = table->index + (size_t)y * (size_t)table->taps;
        memset(scratch, 0, n * sizeof *scratch);
        for (int32_t t = 0; t < table->taps; t++)
            if (weight[t] != 0)
                axpy_row(scratch, weight[t], src, index[t]);
        store_row(dst, y, scratch);
    }
}

/* out[table->out, B] from in[table->in, B]; inlined once for each number of bands. */
static inline __attribute__((always_inline)) void resize_line(double *restrict out,
                                                              const double *restrict in,
                                                              const drn_resize_table *table,
                                                              int bands)
{
    const double *weight = table->weight;
    const int32_t *index = table->index;
    for (int32_t o = 0; o < table->out; o++, out += bands) {
        double acc[4] = {0, 0, 0, 0};
        for (int32_t t = 0; t < table->taps; t++, weight++, index++)
            for (int b = 0; b < bands; b++)
                acc[b] += *weight * in[*index * (int64_t)bands + b];
        for (int b = 0; b < bands; b++)
            out[b] = acc[b];
    }
}

/* dst[H, table->out, B] from src[H, table->in, B].  scratch: one row of each. */
static void resize_columns(plane *dst, const plane *src, const drn_resize_table *table,
                           double *scratch)
{
    double *in = scratch + row_samples(dst);
    for (int32_t y = 0; y < dst->height; y++) {
        memset(in, 0, row_samples(src) * sizeof *in);
        axpy_row(in, 1.0, src, y);
        switch (dst->bands) {
        case 1:
            resize_line(scratch, in, table, 1);
            break;
        case 2:
            resize_line(scratch, in, table, 2);
            break;
        case 3:
            resize_line(scratch, in, table, 3);
            break;
        default:
            resize_line(scratch, in, table, 4);
            break;
        }
        store_row(dst, y, scratch);
    }
}

static kind kind_of(drn_depth depth)
{
    return depth == DRN_U8 ? U8 : depth == DRN_U16 ? U16 : F32;
}

static drn_status plane_new(plane *p, kind k, int32_t width, int32_t height, int32_t bands,
                            drn_error *err)
{
    size_t n;
    *p = (plane){.kind = k, .width = width, .height = height, .bands = bands};
    DRN_TRY(drn_size_mul(&n, row_samples(p), (size_t)height, err));
    return drn_alloc_to(&p->data, n, k == U8 ? 1 : k == U16 ? 2 : 8, err);
}

typedef struct job {
    drn_resize_table rows, columns;
    plane middle;
    double *scratch;
    drn_image *image;
} job;

static void job_clear(job *j)
{
    drn_resize_table_clear(&j->rows);
    drn_resize_table_clear(&j->columns);
    drn_free(j->middle.data);
    drn_free(j->scratch);
    drn_image_free(j->image);
}

/* MATLAB starts with the direction of the smaller scale, with the rows (dim 1) on a tie. */
static void two_passes(job *j, const plane *src, plane *dst, bool rows_first)
{
    if (rows_first) {
        resize_rows(&j->middle, src, &j->rows, j->scratch);
        resize_columns(dst, &j->middle, &j->columns, j->scratch);
    } else {
        resize_columns(&j->middle, src, &j->columns, j->scratch);
        resize_rows(dst, &j->middle, &j->rows, j->scratch);
    }
}

static drn_status resize(drn_image **out, const drn_image *in, int32_t width, int32_t height,
                         double scale_x, double scale_y, const drn_resize_options *options,
                         drn_error *err)
{
    drn_resize_options o = options ? *options : (drn_resize_options){0};
    bool rows_first = scale_y <= scale_x;
    bool exact = in->depth == DRN_F32 || o.precision == DRN_PRECISION_FLOAT;
    job j = {0};
    drn_status st;
    DRN_CHECK(drn_resize_table_init(&j.rows, in->height, height, scale_y, o.border, err));
    DRN_CHECK(drn_resize_table_init(&j.columns, in->width, width, scale_x, o.border, err));
    DRN_CHECK(plane_new(&j.middle, exact ? F64 : kind_of(in->depth), rows_first ? in->width : width,
                        rows_first ? height : in->height, in->bands, err));
    size_t widest = (size_t)in->width + (size_t)width;
    DRN_CHECK(drn_alloc_to(&j.scratch, widest * (size_t)in->bands, sizeof *j.scratch, err));
    DRN_CHECK(drn_image_new(&j.image, width, height, in->bands, in->depth, err));
    plane src = {in->data, kind_of(in->depth), in->width, in->height, in->bands};
    plane dst = {j.image->data, kind_of(in->depth), width, height, in->bands};
    two_passes(&j, &src, &dst, rows_first);
    *out = j.image;
    j.image = NULL;
done:
    job_clear(&j);
    return st;
}

drn_status drn_imresize(drn_image **out, const drn_image *in, double scale,
                        const drn_resize_options *options, drn_error *err)
{
    int32_t width, height;
    DRN_TRY(drn_resize_size(&width, in->width, scale, err));
    DRN_TRY(drn_resize_size(&height, in->height, scale, err));
    return resize(out, in, width, height, scale, scale, options, err);
}

drn_status drn_imresize_to(drn_image **out, const drn_image *in, int32_t width, int32_t height,
                           const drn_resize_options *options, drn_error *err)
{
    if (width < 1 || height < 1)
        return drn_fail(err, DRN_ERR_INVALID, "cannot resize to %d x %d pixels", width, height);
    return resize(out, in, width, height, (double)width / in->width, (double)height / in->height,
                  options, err);
}
