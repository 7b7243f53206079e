#include "conv_case.h"

#include "base/mem.h"
#include "base/rng.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

drn_conv_geom conv_geom(int n, int c, int h, int w, int k, int rs, int stride, int pad)
{
    return (drn_conv_geom){.n = n,
                           .c = c,
                           .h = h,
                           .w = w,
                           .k = k,
                           .r = rs,
                           .s = rs,
                           .oh = (h + 2 * pad - rs) / stride + 1,
                           .ow = (w + 2 * pad - rs) / stride + 1,
                           .stride = stride,
                           .pad = pad};
}

static void *need(void *p)
{
    if (!p) {
        fprintf(stderr, "out of memory\n");
        exit(1);
    }
    return p;
}

/* n random numbers; 1 buffer in 8 is all-minimum, all-maximum or denormal: true. */
static bool fill(float *p, size_t n, float scale, drn_rng *rng)
{
    static const float hostile[] = {-8.3f, 8.3f, 1.1e-41f};
    uint64_t kind = drn_rng_below(rng, 24);
    for (size_t i = 0; i < n; i++)
        p[i] = kind < 3 ? hostile[kind] : scale * (float)drn_rng_normal(rng);
    return kind < 3;
}

static double *widen(const float *p, size_t n)
{
    double *d = need(drn_alloc(n * sizeof *d));
    for (size_t i = 0; i < n; i++)
        d[i] = (double)p[i];
    return d;
}

static float *tensor_fill(drn_shape s, size_t *elements, bool *flat, drn_rng *rng)
{
    size_t plain = (size_t)s.n * (size_t)s.c * (size_t)s.h * (size_t)s.w;
    float *nchw = need(drn_alloc(plain * sizeof *nchw));
    *elements = drn_elements(s);
    float *t = need(drn_alloc(*elements * sizeof *t));
    *flat |= fill(nchw, plain, 1, rng);
    drn_from_nchw(t, nchw, s, DRN_FLOAT32);
    drn_free(nchw);
    return t;
}

conv_case conv_case_new(drn_conv_geom g, uint64_t seed)
{
    conv_case t = {.g = g, .seed = seed};
    drn_rng rng;
    drn_rng_seed(&rng, seed, 0);
    t.xs = (drn_shape){g.n, g.c, g.h, g.w};
    t.ys = (drn_shape){g.n, g.k, g.oh, g.ow};
    t.nw = (size_t)g.k * (size_t)g.c * (size_t)g.r * (size_t)g.s;
    t.x = tensor_fill(t.xs, &t.nx, &t.flat, &rng);
    t.y = tensor_fill(t.ys, &t.ny, &t.flat, &rng);
    t.w = need(drn_alloc(t.nw * sizeof *t.w));
    t.b = need(drn_alloc((size_t)g.k * sizeof *t.b));
    t.flat |= fill(t.w, t.nw, 0.1f, &rng);
    fill(t.b, (size_t)g.k, 1, &rng);
    t.slopes = need(drn_alloc((size_t)g.k * sizeof *t.slopes));
    for (int32_t i = 0; i < g.k; i++)
        t.slopes[i] = 2 * (float)drn_rng_uniform(&rng) - 1;
    t.x64 = widen(t.x, t.nx);
    t.y64 = widen(t.y, t.ny);
    t.w64 = widen(t.w, t.nw);
    t.b64 = widen(t.b, (size_t)g.k);
    t.slopes64 = widen(t.slopes, (size_t)g.k);
    return t;
}

void conv_case_free(conv_case *t)
{
    void *all[] = {t->x,   t->y,   t->w,   t->b,   t->slopes,
                   t->x64, t->y64, t->w64, t->b64, t->slopes64};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        drn_free(all[i]);
}

const char *conv_case_name(const conv_case *t)
{
    static char name[160];
    const drn_conv_geom *g = &t->g;
    snprintf(name, sizeof name, "n=%d c=%d h=%d w=%d k=%d rs=%d stride=%d pad=%d seed=%llu", g->n,
             g->c, g->h, g->w, g->k, g->r, g->stride, g->pad, (unsigned long long)t->seed);
    return name;
}

enum { GUARD = 256 };

typedef struct guard_head {
    size_t bytes;
    unsigned char canary[GUARD - sizeof(size_t)];
} guard_head;

void *guard_new(size_t bytes)
{
    guard_head *h = need(drn_alloc(bytes + 2 * GUARD));
    h->bytes = bytes;
    memset(h->canary, 0xC5, sizeof h->canary);
    unsigned char *p = (unsigned char *)(h + 1);
    memset(p, 0xFF, bytes); /* NaN in float and double */
    memset(p + bytes, 0xC5, GUARD);
    return p;
}

bool guard_ok(const void *p)
{
    if (!p)
        return true;
    const guard_head *h = (const guard_head *)p - 1;
    const unsigned char *end = (const unsigned char *)p + h->bytes;
    for (size_t i = 0; i < sizeof h->canary; i++)
        if (h->canary[i] != 0xC5)
            return false;
    for (size_t i = 0; i < GUARD; i++)
        if (end[i] != 0xC5)
            return false;
    return true;
}

void guard_free(void *p)
{
    if (p)
        drn_free((guard_head *)p - 1);
}
