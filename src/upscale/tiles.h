/* How an image is cut into tiles, or into strips: tiles of its full height.  All tiles of a plan have one size, so that one graph serves them; the
 * last ones are moved back to end at the image's edge. */
#ifndef DRN_UPSCALE_TILES_H
#define DRN_UPSCALE_TILES_H

#include <stdint.h>

typedef struct drn_tiles {
    int32_t width, height; /* of the image */
    int32_t tw, th;        /* of a tile, overlap included */
    int32_t nx, ny;        /* tiles a row and a column */
    int32_t overlap;
} drn_tiles;

typedef struct drn_tile {
    int32_t x, y;         /* corner of the tile in the image */
    int32_t kx, ky, kw, kh; /* the part it is responsible for, in the image */
} drn_tile;

/* tile: wanted side of the responsible part; overlap pixels are added around it. */
void drn_tiles_plan(drn_tiles *t, int32_t width, int32_t height, int32_t tile, int32_t overlap);
drn_tile drn_tiles_at(const drn_tiles *t, int32_t index); /* index < nx * ny, rows first */

#endif
