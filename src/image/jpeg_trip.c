/* A JPEG file without the file.  Sums and rounding are those of libjpeg wherever it computes in
 * whole numbers (colour, chroma at half size and back); the cosine transforms are in float. */
#include "image/degrade.h"

#include "base/mem.h"

#include <string.h>

/* ITU-T T.81, tables K.1 and K.2. */
static const uint8_t luma_table[64] = {
    16, 11, 10, 16, 24,  40,  51,  61,  12, 12, 14, 19, 26,  58,  60,  55,
    14, 13, 16, 24, 40,  57,  69,  56,  14, 17, 22, 29, 51,  87,  80,  62,
    18, 22, 37, 56, 68,  109, 103, 77,  24, 35, 55, 64, 81,  104, 113, 92,
    49, 64, 78, 87, 103, 121, 120, 101, 72, 92, 95, 98, 112, 100, 103, 99};
static const uint8_t chroma_table[64] = {
    17, 18, 24, 47, 99, 99, 99, 99, 18, 21, 26, 66, 99, 99, 99, 99, 24, 26, 56, 99, 99, 99,
    99, 99, 47, 66, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99,
    99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99};

/* cos(k pi / 16) / 2; k = 4 also makes the constant row. */
#define A 0.49039264020161522456f /* k = 1 */
#define B 0.46193976625564337806f
#define C 0.41573480615127261854f
#define D 0.35355339059327376220f
#define E 0.27778511650980111237f
#define F 0.19134171618254488586f
#define G 0.09754516100806413392f
/* The transform's matrix: coefficients = dct x block x dct'. */
static const float dct[64] = {D, D,  D,  D,  D,  D,  D,  D, A, C,  E,  G,  -G, -E, -C, -A,
                              B, F,  -F, -B, -B, -F, F,  B, C, -G, -A, -E, E,  A,  G,  -C,
                              D, -D, -D, D,  D,  -D, -D, D, E, -A, G,  C,  -C, -G, A,  -E,
                              F, -B, B,  -F, -F, B,  -B, F, G, -E, C,  -A, A,  -C, E,  -G};
#undef A
#undef B
#undef C
#undef D
#undef E
#undef F
#undef G

typedef struct plane {
    uint8_t *v; /* [h,w], whole blocks */
    size_t w, h;
} plane;

/* out[8,8] = a[8,8] x b[8,8] */
static void multiply(float *restrict out, const float *restrict a, const float *restrict b)
{
    for (int i = 0; i < 64; i += 8) {
        float row[8] = {0};
        for (int k = 0; k < 8; k++)
            for (int j = 0; j < 8; j++)
                row[j] += a[i + k] * b[8 * k + j];
        memcpy(out + i, row, sizeof row);
    }
}

static void transpose(float *out, const float *in)
{
    for (int i = 0; i < 64; i++)
        out[i] = in[8 * (i % 8) + i / 8];
}

/* Steps of the coefficients at a quality: libjpeg's scaling. */
static void steps_of(float *step, const uint8_t *table, int quality)
{
    int scale = quality < 50 ? 5000 / quality : 200 - 2 * quality;
    for (int i = 0; i < 64; i++) {
        int s = (table[i] * scale + 50) / 100;
        step[i] = (float)(s < 1 ? 1 : s > 255 ? 255 : s);
    }
}

/* Nearest whole number, halves away from zero. */
static inline float nearest(float v)
{
    return (float)(int)(v + (v < 0 ? -0.5f : 0.5f));
}

/* Blocks through transform, rounding to steps, and back. */
static void code_plane(const plane *p, const float *step)
{
    float back[64], x[64], t[64], f[64];
    transpose(back, dct);
    for (size_t y = 0; y < p->h; y += 8)
        for (size_t c = 0; c < p->w; c += 8) {
            uint8_t *v = p->v + y * p->w + c;
            for (size_t i = 0; i < 64; i++)
                x[i] = (float)v[i / 8 * p->w + i % 8] - 128.0f;
            multiply(t, dct, x);
            multiply(f, t, back);
            for (size_t i = 0; i < 64; i++)
                f[i] = nearest(f[i] / step[i]) * step[i];
            multiply(t, back, f);
            multiply(x, t, dct);
            for (size_t i = 0; i < 64; i++) {
                float s = x[i] + 128.5f;
                v[i / 8 * p->w + i % 8] = (uint8_t)(s < 0 ? 0 : s > 255 ? 255 : s);
            }
        }
}

/* ---- colour ---- */

static int clamped(int v)
{
    return v < 0 ? 0 : v > 255 ? 255 : v;
}

/* Whole-number parts of 1: 16 bits. */
#define FIX(v) ((int)((v)*65536 + 0.5))

static size_t inside(size_t i, size_t begin, size_t n)
{
    return i < begin ? 0 : i - begin < n ? i - begin : n - 1;
}

static void to_ycc(const plane *p, const drn_image *im, const drn_jpeg_trip *trip)
{
    size_t w = (size_t)im->width, h = (size_t)im->height, x0 = (size_t)trip->x,
           y0 = (size_t)trip->y;
    for (size_t y = 0; y < p->h; y++) {
        const uint8_t *row = (const uint8_t *)im->data + 3 * w * inside(y, y0, h);
        for (size_t x = 0; x < p->w; x++) {
            const uint8_t *q = row + 3 * inside(x, x0, w);
            int r = q[0], g = q[1], b = q[2], half = 1 << 15, mid = 128 << 16;
            size_t at = y * p->w + x;
            p[0].v[at] = (uint8_t)((FIX(0.299) * r + FIX(0.587) * g + FIX(0.114) * b + half) >> 16);
            p[1].v[at] = (uint8_t)((mid + half - 1 + FIX(0.5) * b - FIX(0.168735892) * r -
                                    FIX(0.331264108) * g) >>
                                   16);
            p[2].v[at] = (uint8_t)((mid + half - 1 + FIX(0.5) * r - FIX(0.418687589) * g -
                                    FIX(0.081312411) * b) >>
                                   16);
        }
    }
}

static void from_ycc(drn_image *im, const plane *p, const drn_jpeg_trip *trip)
{
    size_t w = (size_t)im->width, h = (size_t)im->height;
    for (size_t y = 0; y < h; y++)
        for (size_t x = 0; x < w; x++) {
            size_t at = (y + (size_t)trip->y) * p->w + x + (size_t)trip->x;
            uint8_t *q = (uint8_t *)im->data + 3 * (y * w + x);
            int luma = p[0].v[at], cb = p[1].v[at] - 128, cr = p[2].v[at] - 128, half = 1 << 15;
            q[0] = (uint8_t)clamped(luma + ((FIX(1.402) * cr + half) >> 16));
            q[1] = (uint8_t)clamped(
                luma + ((-FIX(0.344136286) * cb - FIX(0.714136286) * cr + half) >> 16));
            q[2] = (uint8_t)clamped(luma + ((FIX(1.772) * cb + half) >> 16));
        }
}

/* ---- chroma at half size ---- */

static void halve(const plane *to, const plane *from)
{
    for (size_t y = 0; y < to->h; y++)
        for (size_t x = 0; x < to->w; x++) {
            const uint8_t *q = from->v + 2 * y * from->w + 2 * x;
            int sum = q[0] + q[1] + q[from->w] + q[from->w + 1];
            to->v[y * to->w + x] = (uint8_t)((sum + 1 + (int)(x & 1)) >> 2);
        }
}

/* Triangle: 9/16 of the nearest sample, 3/16 of two, 1/16 of the fourth; edges repeated. */
static void twice(const plane *to, const plane *from)
{
    size_t w = from->w, h = from->h;
    for (size_t y = 0; y < to->h; y++) {
        size_t near = y / 2, far = y & 1 ? (near + 1 < h ? near + 1 : near) : (near ? near - 1 : 0);
        const uint8_t *a = from->v + near * w, *b = from->v + far * w;
        for (size_t x = 0; x < to->w; x++) {
            size_t i = x / 2, j = x & 1 ? (i + 1 < w ? i + 1 : i) : (i ? i - 1 : 0);
            int sum = 3 * (3 * a[i] + b[i]) + 3 * a[j] + b[j];
            to->v[y * to->w + x] = (uint8_t)((sum + (x & 1 ? 7 : 8)) >> 4);
        }
    }
}

/* ---- the whole way ---- */

static void code(plane *p, plane *small, const drn_jpeg_trip *trip)
{
    float luma[64], chroma[64];
    steps_of(luma, luma_table, trip->quality);
    steps_of(chroma, chroma_table, trip->quality);
    code_plane(&p[0], luma);
    for (int i = 1; i < 3; i++) {
        if (trip->half)
            halve(small, &p[i]);
        code_plane(trip->half ? small : &p[i], chroma);
        if (trip->half)
            twice(&p[i], small);
    }
}

drn_status drn_jpeg_round_trip(drn_image *im, const drn_jpeg_trip *trip, drn_error *err)
{
    plane p[3], small;
    uint8_t *memory;
    drn_jpeg_trip t = *trip;
    if (im->depth != DRN_U8 || im->bands != 3)
        return drn_fail(err, DRN_ERR_INVALID, "JPEG: %d bands, made for 8-bit RGB", (int)im->bands);
    if (t.quality < 1 || t.quality > 100 || t.x < 0 || t.x > 15 || t.y < 0 || t.y > 15)
        return drn_fail(err, DRN_ERR_INVALID, "JPEG: quality %d, grid at %d,%d", t.quality, t.x,
                        t.y);
    size_t unit = t.half ? 16 : 8;
    t.x %= (int)unit;
    t.y %= (int)unit;
    size_t w = ((size_t)im->width + (size_t)t.x + unit - 1) / unit * unit;
    size_t h = ((size_t)im->height + (size_t)t.y + unit - 1) / unit * unit;
    DRN_TRY(drn_alloc_to(&memory, w * h, 4, err));
    for (size_t i = 0; i < 3; i++)
        p[i] = (plane){memory + i * w * h, w, h};
    small = (plane){memory + 3 * w * h, w / 2, h / 2};
    to_ycc(p, im, &t);
    code(p, &small, &t);
    from_ycc(im, p, &t);
    drn_free(memory);
    return DRN_OK;
}
