/* YUV to RGB and back. */
#include "video/yuv.h"

#include "base/mem.h"

#include <math.h>
#include <string.h>

enum { PAD = 12 /* samples repeated at both ends of a row */, MAX_TAPS = 17 };

/* ---- matrices ---- */

typedef struct weights {
    double kr, kb;
} weights;

static bool find_weights(weights *w, int matrix)
{
    switch (matrix) {
    case DRN_MATRIX_709:
        *w = (weights){0.2126, 0.0722};
        return true;
    case DRN_MATRIX_FCC:
        *w = (weights){0.30, 0.11};
        return true;
    case DRN_MATRIX_470BG:
    case DRN_MATRIX_170M:
        *w = (weights){0.299, 0.114};
        return true;
    case DRN_MATRIX_240M:
        *w = (weights){0.212, 0.087};
        return true;
    case DRN_MATRIX_2020:
        *w = (weights){0.2627, 0.0593};
        return true;
    default:
        return false;
    }
}

bool drn_yuv_matrix_known(int matrix)
{
    weights w;
    return matrix == DRN_MATRIX_RGB || matrix == DRN_MATRIX_YCGCO || find_weights(&w, matrix);
}

/* (r, g, b) = m (y, cb, cr), y in 0..1, cb and cr in -.5...5 */
static void to_rgb(float m[3][3], int matrix)
{
    static const float rgb[3][3] = {{0, 0, 1}, {1, 0, 0}, {0, 1, 0}};
    static const float ycgco[3][3] = {{1, -1, 1}, {1, 1, 0}, {1, -1, -1}};
    weights w;
    if (!find_weights(&w, matrix)) {
        memcpy(m, matrix == DRN_MATRIX_RGB ? rgb : ycgco, sizeof rgb);
        return;
    }
    double kg = 1 - w.kr - w.kb, b = 2 * (1 - w.kb), r = 2 * (1 - w.kr);
    const float made[3][3] = {
        {1, 0, (float)r}, {1, (float)(-w.kb * b / kg), (float)(-w.kr * r / kg)}, {1, (float)b, 0}};
    memcpy(m, made, sizeof made);
}

/* (y, cb, cr) = m (r, g, b) */
static void from_rgb(float m[3][3], int matrix)
{
    static const float rgb[3][3] = {{0, 1, 0}, {0, 0, 1}, {1, 0, 0}};
    static const float ycgco[3][3] = {{.25f, .5f, .25f}, {-.25f, .5f, -.25f}, {.5f, 0, -.5f}};
    weights w;
    if (!find_weights(&w, matrix)) {
        memcpy(m, matrix == DRN_MATRIX_RGB ? rgb : ycgco, sizeof rgb);
        return;
    }
    double kg = 1 - w.kr - w.kb, b = 2 * (1 - w.kb), r = 2 * (1 - w.kr);
    const float made[3][3] = {{(float)w.kr, (float)kg, (float)w.kb},
                              {(float)(-w.kr / b), (float)(-kg / b), .5f},
                              {.5f, (float)(-kg / r), (float)(-w.kb / r)}};
    memcpy(m, made, sizeof made);
}

/* ---- levels: value = (sample - zero) / range ---- */

typedef struct levels {
    float zero, range;
} levels;

static levels levels_of(const drn_yuv_format *f, int plane)
{
    float unit = (float)(1 << (f->depth - 8)), most = (float)((1 << f->depth) - 1);
    bool chroma = plane > 0 && f->matrix != DRN_MATRIX_RGB;
    if (f->full)
        return (levels){chroma ? 128 * unit : 0, most};
    return chroma ? (levels){128 * unit, 224 * unit} : (levels){16 * unit, 219 * unit};
}

static void load_row(float *to, const uint8_t *p, int32_t n, int depth, levels l)
{
    if (depth == 8)
        for (int32_t i = 0; i < n; i++)
            to[i] = ((float)p[i] - l.zero) / l.range;
    else
        for (int32_t i = 0; i < n; i++)
            to[i] = ((float)(p[2 * i] | p[2 * i + 1] << 8) - l.zero) / l.range;
}

static void store_row(uint8_t *p, const float *from, int32_t n, int depth, levels l)
{
    float most = (float)((1 << depth) - 1);
    for (int32_t i = 0; i < n; i++) {
        float v = from[i] * l.range + l.zero;
        v = v > 0 ? v < most ? v : most : 0; /* NaN becomes 0 */
        unsigned s = (unsigned)(v + 0.5f);
        if (depth == 8) {
            p[i] = (uint8_t)s;
        } else {
            p[2 * i] = (uint8_t)s;
            p[2 * i + 1] = (uint8_t)(s >> 8);
        }
    }
}

/* ---- moving chroma between the grids ---- */

/* y[o] = sum over k < n of w[k] * x[first + k], first relative to the sample the output belongs to.
 */
typedef struct taps {
    int n, first;
    float w[MAX_TAPS];
} taps;

/* The cubic of MATLAB's imresize, a = -0.5. */
static double cubic(double t)
{
    t = fabs(t);
    return t < 1 ? (1.5 * t - 2.5) * t * t + 1 : t < 2 ? ((-.5 * t + 2.5) * t - 4) * t + 2 : 0;
}

/* Place of chroma sample 0, in luma samples. */
static double offset(int shift, int which)
{
    int f = 1 << shift;
    return which < 0 ? 0 : which > 0 ? f - 1 : (f - 1) / 2.0;
}

static double site_x(const drn_yuv_format *f)
{
    bool middle =
        f->site == DRN_SITE_CENTRE || f->site == DRN_SITE_TOP || f->site == DRN_SITE_BOTTOM;
    return offset(f->sx, middle ? 0 : -1);
}

static double site_y(const drn_yuv_format *f)
{
    bool top = f->site == DRN_SITE_TOP_LEFT || f->site == DRN_SITE_TOP,
         bottom = f->site == DRN_SITE_BOTTOM_LEFT || f->site == DRN_SITE_BOTTOM;
    return offset(f->sy, top ? -1 : bottom ? 1 : 0);
}

/* Taps of output sample f*q + phase, relative to chroma sample q. */
static taps up_taps(int shift, double place, int phase)
{
    if (shift == 0)
        return (taps){1, 0, {1}};
    double u = (phase - place) / (1 << shift), base = floor(u);
    taps t = {.n = 4, .first = (int)base - 1};
    for (int k = 0; k < 4; k++)
        t.w[k] = (float)cubic(u - (base - 1 + k));
    return t;
}

/* Taps of chroma sample j, relative to luma sample f*j. */
static taps down_taps(int shift, double place)
{
    int f = 1 << shift;
    if (shift == 0)
        return (taps){1, 0, {1}};
    int first = (int)ceil(place - 2 * f), last = (int)floor(place + 2 * f);
    taps t = {.n = last - first + 1, .first = first};
    double w[MAX_TAPS], sum = 0;
    for (int k = 0; k < t.n; k++)
        sum += w[k] = cubic((first + k - place) / f);
    for (int k = 0; k < t.n; k++)
        t.w[k] = (float)(w[k] / sum);
    return t;
}

/* Repeat the end samples of a row that begins at row[0], PAD to both sides. */
static void pad_row(float *row, int32_t n)
{
    for (int i = 1; i <= PAD; i++) {
        row[-i] = row[0];
        row[n - 1 + i] = row[n - 1];
    }
}

static int32_t clamp(int32_t v, int32_t n)
{
    return v < 0 ? 0 : v < n ? v : n - 1;
}

/* sum of the rows of t around row q of a plane with rows of `stride` floats */
static void mix_rows(float *to, const float *plane, size_t stride, int32_t rows, int32_t q,
                     const taps *t, int32_t n)
{
    memset(to, 0, (size_t)n * sizeof *to);
    for (int k = 0; k < t->n; k++) {
        const float *row = plane + (size_t)clamp(q + t->first + k, rows) * stride;
        for (int32_t i = 0; i < n; i++)
            to[i] += t->w[k] * row[i];
    }
}

/* ---- frame to picture ---- */

typedef struct reader {
    const drn_yuv_format *f;
    const uint8_t *data;
    float *chroma[2]; /* planes as values */
    float *row[3];    /* luma, cb, cr at full width */
    float *narrow;    /* a chroma row, padded */
    float *block;
} reader;

static size_t samples_bytes(const drn_yuv_format *f)
{
    return f->depth > 8 ? 2 : 1;
}

static drn_status reader_init(reader *r, const drn_yuv_format *f, const uint8_t *data,
                              drn_error *err)
{
    int32_t cw, ch;
    drn_yuv_plane(&cw, &ch, f, 1);
    size_t w = (size_t)f->width, c = f->planes == 3 ? (size_t)cw * (size_t)ch : 0;
    *r = (reader){.f = f, .data = data};
    DRN_TRY(drn_alloc_to(&r->block, 3 * w + (size_t)cw + 2 * PAD + 2 * c, sizeof(float), err));
    float *at = r->block;
    for (int i = 0; i < 3; i++, at += w)
        r->row[i] = at;
    r->narrow = at + PAD;
    at += (size_t)cw + 2 * PAD;
    const uint8_t *p = data + w * (size_t)f->height * samples_bytes(f);
    for (int i = 0; c && i < 2; i++, at += c, p += c * samples_bytes(f)) {
        r->chroma[i] = at;
        levels l = levels_of(f, 1);
        for (int32_t y = 0; y < ch; y++)
            load_row(at + (size_t)y * (size_t)cw, p + (size_t)y * (size_t)cw * samples_bytes(f), cw,
                     f->depth, l);
    }
    return DRN_OK;
}

static void widen(float *to, const float *narrow, const drn_yuv_format *f)
{
    int32_t step = 1 << f->sx;
    for (int phase = 0; phase < step; phase++) {
        taps t = up_taps(f->sx, site_x(f), phase);
        for (int32_t x = phase, q = 0; x < f->width; x += step, q++) {
            float sum = 0;
            for (int k = 0; k < t.n; k++)
                sum += t.w[k] * narrow[q + t.first + k];
            to[x] = sum;
        }
    }
}

static void read_row(reader *r, int32_t y)
{
    const drn_yuv_format *f = r->f;
    int32_t cw, ch, q = y >> f->sy;
    size_t bytes = (size_t)f->width * samples_bytes(f);
    load_row(r->row[0], r->data + (size_t)y * bytes, f->width, f->depth, levels_of(f, 0));
    drn_yuv_plane(&cw, &ch, f, 1);
    for (int i = 0; f->planes == 3 && i < 2; i++) {
        taps t = up_taps(f->sy, site_y(f), y & ((1 << f->sy) - 1));
        mix_rows(r->narrow, r->chroma[i], (size_t)cw, ch, q, &t, cw);
        pad_row(r->narrow, cw);
        widen(r->row[1 + i], r->narrow, f);
    }
}

drn_status drn_yuv_to_image(drn_image **out, const drn_yuv_format *f, const uint8_t *data,
                            drn_error *err)
{
    reader r;
    drn_image *im;
    float m[3][3];
    DRN_TRY(reader_init(&r, f, data, err));
    drn_status st = drn_image_new(&im, f->width, f->height, f->planes, DRN_F32, err);
    if (st != DRN_OK) {
        drn_free(r.block);
        return st;
    }
    to_rgb(m, f->matrix);
    float *to = im->data;
    for (int32_t y = 0; y < f->height; y++) {
        read_row(&r, y);
        if (f->planes == 1) {
            memcpy(to, r.row[0], (size_t)f->width * sizeof *to);
            to += f->width;
            continue;
        }
        for (int32_t x = 0; x < f->width; x++, to += 3)
            for (int b = 0; b < 3; b++)
                to[b] = m[b][0] * r.row[0][x] + m[b][1] * r.row[1][x] + m[b][2] * r.row[2][x];
    }
    drn_free(r.block);
    *out = im;
    return DRN_OK;
}

/* ---- picture to frame ---- */

/* Row y of the picture as luma, cb, cr. */
static void split_row(float *row[3], const drn_image *in, int32_t y, float m[3][3], int planes)
{
    size_t n = (size_t)in->width;
    const float *p = (const float *)in->data + (size_t)y * n * (size_t)in->bands;
    for (size_t x = 0; x < n; x++, p += in->bands) {
        if (in->bands == 1 && planes == 1) {
            row[0][x] = p[0];
            continue;
        }
        float r = p[0], g = p[in->bands == 3], b = p[in->bands == 3 ? 2 : 0];
        for (int i = 0; i < planes; i++)
            row[i][x] = m[i][0] * r + m[i][1] * g + m[i][2] * b;
    }
}

static void shorten(float *to, const float *row, int32_t cw, const drn_yuv_format *f)
{
    taps t = down_taps(f->sx, site_x(f));
    for (int32_t j = 0; j < cw; j++) {
        const float *x = row + ((ptrdiff_t)j << f->sx) + t.first;
        float sum = 0;
        for (int k = 0; k < t.n; k++)
            sum += t.w[k] * x[k];
        to[j] = sum;
    }
}

/* Planes of chroma, narrow but of full height, to lower ones. */
static void store_chroma(uint8_t *data, const drn_yuv_format *f, float *chroma[2], float *row)
{
    int32_t cw, ch;
    size_t bytes = samples_bytes(f);
    uint8_t *p = data + (size_t)f->width * (size_t)f->height * bytes;
    taps t = down_taps(f->sy, site_y(f));
    drn_yuv_plane(&cw, &ch, f, 1);
    for (int i = 0; i < 2; i++)
        for (int32_t j = 0; j < ch; j++, p += (size_t)cw * bytes) {
            mix_rows(row, chroma[i], (size_t)cw, f->height, j << f->sy, &t, cw);
            store_row(p, row, cw, f->depth, levels_of(f, 1));
        }
}

drn_status drn_yuv_from_image(uint8_t *data, const drn_yuv_format *f, const drn_image *in,
                              drn_error *err)
{
    float m[3][3], *block, *row[3], *chroma[2];
    int32_t cw, ch;
    drn_yuv_plane(&cw, &ch, f, 1);
    if (in->width != f->width || in->height != f->height || in->depth != DRN_F32)
        return drn_fail(err, DRN_ERR_INTERNAL, "picture of %dx%d for a frame of %dx%d", in->width,
                        in->height, f->width, f->height);
    size_t w = (size_t)f->width, padded = w + 2 * PAD,
           plane = f->planes == 3 ? (size_t)cw * (size_t)f->height : 0;
    DRN_TRY(drn_alloc_to(&block, 3 * padded + 2 * plane, sizeof *block, err));
    for (int i = 0; i < 3; i++)
        row[i] = block + (size_t)i * padded + PAD;
    for (int i = 0; i < 2; i++)
        chroma[i] = block + 3 * padded + (size_t)i * plane;
    from_rgb(m, f->matrix);
    for (int32_t y = 0; y < f->height; y++) {
        split_row(row, in, y, m, f->planes);
        store_row(data + (size_t)y * w * samples_bytes(f), row[0], f->width, f->depth,
                  levels_of(f, 0));
        for (int i = 0; f->planes == 3 && i < 2; i++) {
            pad_row(row[1 + i], f->width);
            shorten(chroma[i] + (size_t)y * (size_t)cw, row[1 + i], cw, f);
        }
    }
    if (f->planes == 3)
        store_chroma(data, f, chroma, row[0]);
    drn_free(block);
    return DRN_OK;
}
