/* One picture file -> what the pack stores of it.  Knows nothing of the pack. */
#ifndef DRN_DATA_PACK_SOURCE_H
#define DRN_DATA_PACK_SOURCE_H

#include "base/error.h"
#include "drn/dataset.h"

#include <stdbool.h>

typedef struct drn_pack_form {
    bool reencode;
    int shrink_jpeg, crop;     /* 0: not */
    int tiles;                 /* with crop: so many of a picture, those with the most detail; 0: all */
    drn_pack_change_fn change; /* may be NULL */
    void *change_ctx;
} drn_pack_form;

typedef struct drn_packed {
    void *data;
    size_t size;
    int32_t width, height;
    int32_t x, y; /* of a tile; -1: the whole picture */
} drn_packed;

typedef struct drn_packing {
    unsigned char hash[16]; /* of the pixels as decoded */
    drn_packed *list;
    size_t count;
} drn_packing;

/* *out is for drn_packing_clear() on failure too. */
drn_status drn_pack_source(drn_packing *out, const char *path, const drn_pack_form *form,
                           drn_error *err);
void drn_packing_clear(drn_packing *p);

/* Where the k-th tile of `crop` starts along a side: side by side, and one more, flush with the
 * end, when half a tile or more would be left over; -1: no such tile. */
int32_t drn_tile_start(int32_t size, int32_t crop, int32_t k);

#endif
