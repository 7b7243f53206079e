#include "upscale/fill.h"

#include "base/mem.h"

#include <string.h>

enum { UNKNOWN, QUEUED, KNOWN };

/* A wave that grows from the visible pixels, one pixel a round. */
typedef struct wave {
    float *colour;
    int32_t width, height, bands;
    uint8_t *state;       /* [h, w] */
    size_t *front, *next; /* pixels of this round and of the next */
    size_t fronts, nexts;
} wave;

typedef void (*visit_fn)(wave *w, size_t from, size_t neighbour, float weight, void *ctx);

/* Calls visit for the up to 8 neighbours of a pixel; diagonal ones weigh less. */
static void neighbours(wave *w, size_t i, visit_fn visit, void *ctx)
{
    int32_t y = (int32_t)(i / (size_t)w->width), x = (int32_t)(i % (size_t)w->width);
    for (int32_t dy = -1; dy <= 1; dy++)
        for (int32_t dx = -1; dx <= 1; dx++) {
            int32_t nx = x + dx, ny = y + dy;
            if ((dx || dy) && nx >= 0 && ny >= 0 && nx < w->width && ny < w->height)
                visit(w, i, (size_t)ny * (size_t)w->width + (size_t)nx, dx && dy ? 1.0f : 2.0f,
                      ctx);
        }
}

typedef struct mean {
    float sum[3], weight;
} mean;

static void gather(wave *w, size_t from, size_t neighbour, float weight, void *ctx)
{
    mean *m = ctx;
    (void)from;
    if (w->state[neighbour] != KNOWN)
        return;
    for (int32_t b = 0; b < w->bands; b++)
        m->sum[b] += weight * w->colour[neighbour * (size_t)w->bands + (size_t)b];
    m->weight += weight;
}

static void enqueue(wave *w, size_t from, size_t neighbour, float weight, void *ctx)
{
    (void)from;
    (void)weight;
    (void)ctx;
    if (w->state[neighbour] != UNKNOWN)
        return;
    w->state[neighbour] = QUEUED;
    w->next[w->nexts++] = neighbour;
}

static void round_of(wave *w)
{
    for (size_t k = 0; k < w->fronts; k++) {
        size_t i = w->front[k];
        mean m = {{0}, 0};
        neighbours(w, i, gather, &m);
        for (int32_t b = 0; b < w->bands; b++)
            w->colour[i * (size_t)w->bands + (size_t)b] = m.sum[b] / m.weight;
    }
    for (size_t k = 0; k < w->fronts; k++)
        w->state[w->front[k]] = KNOWN;
    for (size_t k = 0; k < w->fronts; k++)
        neighbours(w, w->front[k], enqueue, NULL);
    size_t *was = w->front;
    w->front = w->next;
    w->fronts = w->nexts;
    w->next = was;
    w->nexts = 0;
}

/* Visible pixels are known; hidden ones beside them are the first front. */
static void start(wave *w, const float *alpha)
{
    size_t n = (size_t)w->width * (size_t)w->height;
    for (size_t i = 0; i < n; i++)
        w->state[i] = alpha[i] > 0 ? KNOWN : UNKNOWN;
    for (size_t i = 0; i < n; i++)
        if (w->state[i] == KNOWN)
            neighbours(w, i, enqueue, NULL);
    size_t *was = w->front;
    w->front = w->next;
    w->fronts = w->nexts;
    w->next = was;
    w->nexts = 0;
}

drn_status drn_fill_hidden(drn_image *colour, const drn_image *alpha, drn_error *err)
{
    size_t n = (size_t)colour->width * (size_t)colour->height;
    wave w = {.colour = colour->data,
              .width = colour->width,
              .height = colour->height,
              .bands = colour->bands};
    drn_status st;
    DRN_CHECK(drn_alloc_to(&w.state, n, 1, err));
    DRN_CHECK(drn_alloc_to(&w.front, n, sizeof *w.front, err));
    DRN_CHECK(drn_alloc_to(&w.next, n, sizeof *w.next, err));
    start(&w, alpha->data);
    for (int i = 0; i < DRN_FILL_REACH && w.fronts > 0; i++)
        round_of(&w);
    for (size_t i = 0; i < n; i++)
        for (size_t b = 0; w.state[i] != KNOWN && b < (size_t)w.bands; b++)
            w.colour[i * (size_t)w.bands + b] = 0.45f; /* about the mean of natural pictures */
done:
    drn_free(w.state);
    drn_free(w.front);
    drn_free(w.next);
    return st;
}

int drn_alpha_constant(const drn_image *alpha)
{
    const float *a = alpha->data;
    size_t n = (size_t)alpha->width * (size_t)alpha->height;
    for (size_t i = 1; i < n; i++)
        if (a[i] != a[0])
            return 0;
    return 1;
}

/* Smallest and largest of the 3 x 3 samples around (x, y). */
static void range_around(float *lo, float *hi, const drn_image *alpha, int32_t x, int32_t y)
{
    const float *a = alpha->data;
    *lo = *hi = a[(size_t)y * (size_t)alpha->width + (size_t)x];
    for (int32_t r = y - 1; r <= y + 1; r++)
        for (int32_t c = x - 1; c <= x + 1; c++) {
            if (r < 0 || c < 0 || r >= alpha->height || c >= alpha->width)
                continue;
            float v = a[(size_t)r * (size_t)alpha->width + (size_t)c];
            *lo = v < *lo ? v : *lo;
            *hi = v > *hi ? v : *hi;
        }
}

/* Ringing beside a hard step, taken off pixels that were exactly 0 or 1. */
#define RING 0.04f

static float hold(float v, float centre, float lo, float hi)
{
    v = v > lo ? v < hi ? v : hi : lo;
    if (centre <= 0) /* all clear, unless a step from 0 to 1 runs along the pixel's side */
        return hi < 1 ? 0 : v > RING ? (v - RING) / (1 - RING) : 0;
    if (centre >= 1)
        return lo > 0 ? 1 : v < 1 - RING ? v / (1 - RING) : 1;
    return v;
}

void drn_alpha_hold(drn_image *large, const drn_image *alpha, int32_t times)
{
    const float *a = alpha->data;
    for (int32_t y = 0; y < alpha->height; y++)
        for (int32_t x = 0; x < alpha->width; x++, a++) {
            float lo, hi;
            range_around(&lo, &hi, alpha, x, y);
            for (int32_t r = 0; r < times; r++) {
                size_t row = (size_t)y * (size_t)times + (size_t)r;
                float *p =
                    (float *)large->data + row * (size_t)large->width + (size_t)x * (size_t)times;
                for (int32_t c = 0; c < times; c++)
                    p[c] = hold(p[c], *a, lo, hi);
            }
        }
}
