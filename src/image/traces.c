/* Traces of a JPEG file and of noise in pixels, by the 8 x 8 DCT at every place; and drawings. */
#include "drn/traces.h"

#include "base/mem.h"
#include "image/drawn.h"
#include "image/stream.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    BLOCK = 8,
    TILE = 128,  /* side of the squares that are looked at; a multiple of BLOCK */
    ACROSS = 4,  /* of them side by side, and one below the other */
    HIGH = 10,   /* coefficients u, v with u + v >= 11 */
    MIDDLE = 22, /* with 6 <= u + v <= 8 */
    STEP = 2,    /* noise: every second place */
    EVEN = 255   /* more zeros than there are */
};
/* JPEG: a file of quality 95 or below has a larger share, nearly always; log10 of chance(). */
static const double least_share = 0.5, least_chance = -6;
/* Noise, in levels: clean pictures stay below, the models for photographs gain above. */
static const double noise_bound = 3.5;
/* It is measured at this share of the places.  In luma the middle frequencies may have so many
 * times the energy of the high ones (1: white), and the weakest fifth of the places so many times
 * that of the weakest 2 %. */
static const double weakest = 0.02, whitest = 1.8, widest = 3;

/* Drawn: a larger share of the edges parts areas of one colour; after a JPEG file, of nearly one. */
static const double equal_bound = 0.55, near_bound = 0.4;

typedef float plane[TILE][TILE];

/* A place for noise: energy of the low frequencies but the mean, of the middle ones, and the high
 * coefficients' squares. */
typedef struct place {
    float low, middle, high[HIGH];
    bool clipped; /* has black or white pixels, which cut noise off */
} place;

typedef struct places {
    place *list;
    size_t count;   /* in the list */
    size_t clipped; /* of these */
    size_t flat;    /* not in the list */
} places;

typedef struct seeker {
    float basis[BLOCK][BLOCK]; /* [u][x], orthonormal */
    plane luma, colour;        /* a tile */
    uint32_t colours[TILE][TILE]; /* 0xRRGGBB */
    bool clipped[TILE][TILE];  /* pixels with a band that is 0 or 255 */
    plane rows[BLOCK];         /* DCT along x: coefficient u of the 8 pixels from x on */
    uint8_t zeros[TILE][TILE]; /* coefficients that are zero, at every place; EVEN: a block that
                                  is constant along a direction */
    int32_t votes[BLOCK * BLOCK], cells;
    places in_luma, in_colour;
    drn_drawn drawn;
} seeker;

/* ---- DCT at every place of a tile ---- */

static void make_basis(seeker *s)
{
    for (int u = 0; u < BLOCK; u++)
        for (int x = 0; x < BLOCK; x++)
            s->basis[u][x] = (float)(sqrt(u ? 2.0 / BLOCK : 1.0 / BLOCK) *
                                     cos((2 * x + 1) * u * 3.14159265358979323846 / (2 * BLOCK)));
}

static void transform_rows(seeker *s, float p[][TILE], int w, int h)
{
    for (int u = 0; u < BLOCK; u++)
        for (int y = 0; y < h; y++) {
            float *to = s->rows[u][y];
            memset(to, 0, sizeof *s->rows[u]);
            for (int k = 0; k < BLOCK; k++)
                for (int x = 0; x + BLOCK <= w; x++)
                    to[x] += s->basis[u][k] * p[y][x + k];
        }
}

/* to[x] = coefficient u, v of the blocks that begin in row y */
static void coefficients(float to[TILE], const seeker *s, int u, int v, int y, int w)
{
    memset(to, 0, sizeof(float[TILE]));
    for (int k = 0; k < BLOCK; k++)
        for (int x = 0; x + BLOCK <= w; x++)
            to[x] += s->basis[v][k] * s->rows[u][y + k][x];
}

/* ---- blocks ---- */

/* Zeros of the blocks that begin in row y. */
static void count_zeros(seeker *s, int y, int w)
{
    uint8_t along[2][TILE] = {0}; /* coefficients not zero that change along x, along y */
    float c[TILE];
    memset(s->zeros[y], 0, sizeof s->zeros[y]);
    for (int u = 0; u < BLOCK; u++)
        for (int v = 0; v < BLOCK; v++) {
            coefficients(c, s, u, v, y, w);
            for (int x = 0; x + BLOCK <= w; x++) {
                bool zero = fabsf(c[x]) < 0.5f;
                s->zeros[y][x] = (uint8_t)(s->zeros[y][x] + zero);
                along[0][x] = (uint8_t)(along[0][x] + (!zero && u > 0));
                along[1][x] = (uint8_t)(along[1][x] + (!zero && v > 0));
            }
        }
    for (int x = 0; x + BLOCK <= w; x++)
        if (!along[0][x] || !along[1][x])
            s->zeros[y][x] = EVEN;
}

/* Each cell of 8 x 8 places votes for the one with the most zeros, if there is one.  Flat areas say
 * nothing, and drawings on a grid of their own something else: cells with an even block have no
 * vote. */
static void vote(seeker *s, int w, int h)
{
    for (int cy = 0; cy + 2 * BLOCK <= h + 1; cy += BLOCK)
        for (int cx = 0; cx + 2 * BLOCK <= w + 1; cx += BLOCK) {
            int most = -1, times = 0, best = 0;
            for (int i = 0; i < BLOCK * BLOCK; i++) {
                int z = s->zeros[cy + i / BLOCK][cx + i % BLOCK];
                if (z > most) {
                    most = z;
                    times = 0;
                    best = i;
                }
                times += z == most;
            }
            if (most != EVEN && times == 1) {
                s->votes[best]++;
                s->cells++;
            }
        }
}

/* log10 of the expected number of grids that get k of n votes by chance */
static double chance(int n, int k)
{
    const double grids = BLOCK * BLOCK, p = 1 / grids;
    double sum = 0, term = n * log1p(-p); /* log of the probability of i votes */
    for (int i = 0; i <= n; i++) {
        if (i >= k)
            sum += exp(term);
        term += log((double)(n - i) / (i + 1)) + log(p) - log1p(-p);
    }
    return sum > 0 ? log10(grids * sum) : -300;
}

/* ---- noise ---- */

static bool is_clipped(const seeker *s, int x, int y)
{
    for (int i = 0; i < BLOCK * BLOCK; i++)
        if (s->clipped[y + i / BLOCK][x + i % BLOCK])
            return true;
    return false;
}

/* Of the plane that rows hold. */
static void measure(places *to, const seeker *s, int w, int h)
{
    float c[TILE];
    for (int y = 0; y + BLOCK <= h; y += STEP) {
        place *row = to->list + to->count;
        int n = (w - BLOCK) / STEP + 1, high = 0;
        memset(row, 0, (size_t)n * sizeof *row);
        for (int u = 0; u < BLOCK; u++)
            for (int v = 0; v < BLOCK; v++) {
                int d = u + v;
                if (d == 0 || d == 5 || d == 9 || d == 10)
                    continue;
                coefficients(c, s, u, v, y, w);
                for (int i = 0; i < n; i++) {
                    float e = c[i * STEP] * c[i * STEP];
                    *(d < 5 ? &row[i].low : d < 9 ? &row[i].middle : &row[i].high[high]) += e;
                }
                high += d > 10;
            }
        for (int i = 0; i < n; i++) {
            row[i].clipped = is_clipped(s, i * STEP, y);
            if (row[i].low > 1e-4f) {
                to->clipped += row[i].clipped;
                to->list[to->count++] = row[i];
            } else {
                to->flat++;
            }
        }
    }
}

/* Clipped ones last. */
static int by_low(const void *a, const void *b)
{
    const place *p = a, *q = b;
    if (p->clipped != q->clipped)
        return p->clipped ? 1 : -1;
    return (p->low > q->low) - (p->low < q->low);
}

static int by_value(const void *a, const void *b)
{
    const double *p = a, *q = b;
    return (*p > *q) - (*p < *q);
}

/* Mean energies of the n places with the weakest low frequencies; of high ones the middle one. */
static void energies(double *middle, double *high, const places *p, size_t n)
{
    double mean[HIGH] = {0};
    *middle = 0;
    for (size_t i = 0; i < n; i++)
        *middle += (double)p->list[i].middle / MIDDLE / (double)n;
    for (int k = 0; k < HIGH; k++)
        for (size_t i = 0; i < n; i++)
            mean[k] += (double)p->list[i].high[k] / (double)n;
    qsort(mean, HIGH, sizeof *mean, by_value);
    *high = (mean[HIGH / 2 - 1] + mean[HIGH / 2]) / 2;
}

/* Standard deviation of the noise in a plane, 0: none, or too few places to tell.  In colours
 * nearly all that is fine is noise.  Luma has fine detail of its own (own): there noise is what is
 * white, and the same in more places. */
static double noise(places *p, bool own)
{
    const size_t fewest = 16, least = own ? 1000 : 64;
    if (p->count < least ||
        p->flat > (p->count + p->flat) / 4) /* a quarter flat: drawn, not taken */
        return 0;
    size_t usable = p->count - p->clipped;
    if (usable < 400 || usable < p->count / 3) { /* what is left may be all detail */
        usable = p->count;
        for (size_t i = 0; i < p->count; i++)
            p->list[i].clipped = false;
    }
    size_t n = (size_t)((double)usable * weakest);
    double middle, high, wide_middle, wide_high;
    qsort(p->list, p->count, sizeof *p->list, by_low);
    energies(&middle, &high, p, n < fewest ? fewest : n);
    energies(&wide_middle, &wide_high, p, usable / 5 < fewest ? fewest : usable / 5);
    if (own && (middle > whitest * high || wide_high > widest * high))
        return 0;
    return sqrt(high);
}

/* ---- a picture in tiles ---- */

/* Where the i-th tile of a side lies: from *at on; returns its pixels, 0 past the last. */
static int32_t tile(int32_t *at, int i, int32_t side)
{
    int32_t all = ACROSS * TILE;
    if (i >= ACROSS)
        return 0;
    if (side > all) {
        *at = (int32_t)((int64_t)(side - TILE) * i / (ACROSS - 1)) / BLOCK * BLOCK;
        return TILE;
    }
    *at = i * TILE;
    return side - *at > TILE ? TILE : side > *at ? side - *at : 0;
}

static float level(const drn_image *im, size_t i)
{
    switch (im->depth) {
    case DRN_U8:
        return ((const uint8_t *)im->data)[i];
    case DRN_U16:
        return (float)((const uint16_t *)im->data)[i] / 257.0f;
    case DRN_F32:
        break;
    }
    float v = ((const float *)im->data)[i];
    return v > 0 ? v < 1 ? v * 255.0f : 255.0f : 0; /* NaN: 0 */
}

static uint32_t colour(float r, float g, float b)
{
    return (uint32_t)(r + 0.5f) << 16 | (uint32_t)(g + 0.5f) << 8 | (uint32_t)(b + 0.5f);
}

static void take(seeker *s, const drn_image *im, int32_t left, int32_t top, int w, int h)
{
    bool grey = im->bands < 3;
    for (int y = 0; y < h; y++)
        for (int x = 0; x < w; x++) {
            size_t i =
                ((size_t)(top + y) * (size_t)im->width + (size_t)(left + x)) * (size_t)im->bands;
            float r = level(im, i), g = grey ? r : level(im, i + 1),
                  b = grey ? r : level(im, i + 2);
            s->colours[y][x] = colour(r, g, b);
            s->luma[y][x] = 0.299f * r + 0.587f * g + 0.114f * b;
            s->colour[y][x] = (r - g) * 0.70710678f;
            float low = fminf(fminf(r, g), b), high = fmaxf(fmaxf(r, g), b);
            s->clipped[y][x] = low < 0.5f || high > 254.5f;
        }
}

/* One row of tiles, which begins at row `top` of im. */
static void look(seeker *s, const drn_image *im, int32_t top, int h)
{
    int32_t left, w;
    for (int i = 0; (w = tile(&left, i, im->width)) >= BLOCK && h >= BLOCK; i++) {
        take(s, im, left, top, w, h);
        drn_drawn_look(&s->drawn, s->colours[0], TILE, w, h);
        transform_rows(s, s->luma, w, h);
        for (int y = 0; y + BLOCK <= h; y++)
            count_zeros(s, y, w);
        vote(s, w, h);
        measure(&s->in_luma, s, w, h);
        if (im->bands < 3)
            continue;
        transform_rows(s, s->colour, w, h);
        measure(&s->in_colour, s, w, h);
    }
}

static void end(drn_traces *out, seeker *s)
{
    int32_t most = 0;
    for (int i = 0; out && i < BLOCK * BLOCK; i++)
        most = s->votes[i] > most ? s->votes[i] : most;
    if (out) {
        out->blocks = s->cells ? (double)most / s->cells : 0;
        out->jpeg = out->blocks >= least_share && chance(s->cells, most) < least_chance;
        drn_drawn_shares(&out->edges, &out->near, &s->drawn);
        out->noise = fmax(noise(&s->in_colour, false), noise(&s->in_luma, true));
    }
    drn_free(s->in_luma.list);
    drn_free(s->in_colour.list);
    drn_free(s);
}

static drn_status begin(seeker **out, drn_error *err)
{
    seeker *s;
    DRN_TRY(drn_calloc_to(&s, 1, sizeof *s, err));
    enum { MOST = ACROSS * ACROSS * (TILE / STEP) * (TILE / STEP) };
    drn_status st = drn_alloc_to(&s->in_luma.list, MOST, sizeof(place), err);
    if (st == DRN_OK)
        st = drn_alloc_to(&s->in_colour.list, MOST, sizeof(place), err);
    if (st != DRN_OK) {
        end(NULL, s);
        return st;
    }
    make_basis(s);
    *out = s;
    return DRN_OK;
}

drn_status drn_image_traces(drn_traces *out, const drn_image *image, drn_error *err)
{
    seeker *s;
    int32_t top, h;
    DRN_TRY(begin(&s, err));
    for (int i = 0; (h = tile(&top, i, image->height)) > 0; i++)
        look(s, image, top, h);
    end(out, s);
    return DRN_OK;
}

drn_status drn_image_file_traces(drn_traces *out, const char *path, drn_error *err)
{
    drn_row_reader *r;
    drn_image info, *rows = NULL;
    seeker *s = NULL;
    int32_t top, h, done = 0;
    drn_status st = drn_row_reader_open(&r, &info, path, err);
    if (st != DRN_OK)
        return st;
    DRN_CHECK(begin(&s, err));
    DRN_CHECK(drn_image_new(&rows, info.width, TILE, info.bands, info.depth, err));
    for (int i = 0; (h = tile(&top, i, info.height)) > 0; i++) {
        while (done < top) {
            int32_t n = top - done < TILE ? top - done : TILE;
            DRN_CHECK(drn_row_reader_read(r, rows->data, n, err));
            done += n;
        }
        DRN_CHECK(drn_row_reader_read(r, rows->data, h, err));
        done += h;
        look(s, rows, 0, h);
    }
done:
    if (s)
        end(st == DRN_OK ? out : NULL, s);
    drn_image_free(rows);
    drn_row_info_clear(&info);
    drn_row_reader_free(r);
    return st;
}

drn_picture_kind drn_traces_kind(const drn_traces *t, bool lossy)
{
    bool damaged = lossy || t->jpeg || t->noise > noise_bound;
    if (t->edges > equal_bound || (damaged && t->near > near_bound))
        return DRN_PICTURE_DRAWN;
    return damaged ? DRN_PICTURE_DAMAGED : DRN_PICTURE_CLEAN;
}
