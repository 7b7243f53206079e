/* The network over a whole picture on the CPU: strips of columns, each streamed from top to bottom. */
#ifndef DRN_UPSCALE_STRIPS_H
#define DRN_UPSCALE_STRIPS_H

#include "base/pool.h"
#include "drn/upscale.h"
#include "graph/stream.h"
#include "upscale/tiles.h"

/* How a picture is cut.  Neither depends on the number of threads: their bits are the same. */
typedef struct drn_strip_plan {
    drn_tiles columns; /* strips side by side, over the full height */
    int32_t rows;      /* of the input in a band */
    int32_t overlap;   /* columns: the graph's radius */
    size_t bytes;      /* of the bands */
} drn_strip_plan;

/* tile: wanted width of a strip, 0 = as wide as memory and caches allow. */
drn_status drn_strips_plan(drn_strip_plan *out, int32_t width, int32_t height, const drn_model *model,
                           int scale, int32_t tile, drn_error *err);

/* out = the network's picture of in.  Sizes, scale and options as drn_network_upscale(). */
drn_status drn_strips_run(drn_image *out, const drn_image *in, const drn_model *model, int scale,
                          const drn_upscale_options *options, drn_pool *pool, drn_error *err);

#endif
