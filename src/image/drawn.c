#include "image/drawn.h"

#include <stdbool.h>

enum { BLOCK = 8, PIXELS = BLOCK * BLOCK, SPAN = 48, EQUAL = 10, NEAR = 24, FEWEST = 4 };

typedef uint8_t block[3][PIXELS];

static void take(block out, const uint32_t *pixels, int stride)
{
    for (int i = 0; i < PIXELS; i++) {
        uint32_t v = pixels[i / BLOCK * stride + i % BLOCK];
        for (int b = 0; b < 3; b++)
            out[b][i] = (uint8_t)(v >> (16 - 8 * b));
    }
}

/* Does a band span enough levels? */
static bool is_edge(block p)
{
    for (int b = 0; b < 3; b++) {
        uint8_t low = 255, high = 0;
        for (int i = 0; i < PIXELS; i++) {
            low = p[b][i] < low ? p[b][i] : low;
            high = p[b][i] > high ? p[b][i] : high;
        }
        if (high - low >= SPAN)
            return true;
    }
    return false;
}

/* Are n pixels or more within `by` levels of one of them? */
static bool alike(block p, int by, int n)
{
    for (int i = 0; i < PIXELS; i++) {
        uint8_t far[PIXELS] = {0};
        int count = 0;
        for (int b = 0; b < 3; b++)
            for (int k = 0; k < PIXELS; k++) {
                int d = p[b][k] - p[b][i];
                far[k] = (uint8_t)(far[k] | (d > by) | (d < -by));
            }
        for (int k = 0; k < PIXELS; k++)
            count += !far[k];
        if (count >= n)
            return true;
    }
    return false;
}

void drn_drawn_look(drn_drawn *d, const uint32_t *pixels, int stride, int w, int h)
{
    block p;
    for (int y = 0; y + BLOCK <= h; y += BLOCK)
        for (int x = 0; x + BLOCK <= w; x += BLOCK) {
            take(p, pixels + y * stride + x, stride);
            if (!is_edge(p))
                continue;
            d->edges++;
            d->equal += alike(p, 0, EQUAL);
            d->near += alike(p, 2, NEAR);
        }
}

void drn_drawn_shares(double *equal, double *near, const drn_drawn *d)
{
    *equal = d->edges < FEWEST ? 0 : (double)d->equal / d->edges;
    *near = d->edges < FEWEST ? 0 : (double)d->near / d->edges;
}
