#include "upscale/tiles.h"

/* Size of a tile and number of them along one axis. */
static void axis(int32_t *size, int32_t *count, int32_t length, int32_t tile, int32_t overlap)
{
    if (tile < 1)
        tile = 1;
    if (length - tile <= 2 * overlap) { /* one tile, no overlap */
        *size = length;
        *count = 1;
        return;
    }
    *count = (length + tile - 1) / tile;
    *size = (length + *count - 1) / *count + 2 * overlap; /* parts as equal as they can be */
}

void drn_tiles_plan(drn_tiles *t, int32_t width, int32_t height, int32_t tile, int32_t overlap)
{
    *t = (drn_tiles){.width = width, .height = height, .overlap = overlap};
    axis(&t->tw, &t->nx, width, tile, overlap);
    axis(&t->th, &t->ny, height, tile, overlap);
}

static void place(int32_t *corner, int32_t *keep, int32_t *length, int32_t i, int32_t count, int32_t size,
                  int32_t total, int32_t overlap)
{
    int32_t step = (total + count - 1) / count;
    *keep = i * step;
    *length = *keep + step < total ? step : total - *keep;
    *corner = *keep - overlap;
    if (*corner + size > total)
        *corner = total - size;
    if (*corner < 0)
        *corner = 0;
}

drn_tile drn_tiles_at(const drn_tiles *t, int32_t index)
{
    drn_tile p;
    place(&p.x, &p.kx, &p.kw, index % t->nx, t->nx, t->tw, t->width, t->overlap);
    place(&p.y, &p.ky, &p.kh, index / t->nx, t->ny, t->th, t->height, t->overlap);
    return p;
}
