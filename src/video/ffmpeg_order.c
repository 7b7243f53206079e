#include "video/ffmpeg_join.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

drn_status drn_av_order_add(drn_av_order *o, int64_t pts, drn_error *err)
{
    if (o->count == o->room) {
        int64_t *more;
        size_t room = o->room ? 2 * o->room : 1024;
        DRN_TRY(drn_alloc_to(&more, room, sizeof *more, err));
        if (o->count)
            memcpy(more, o->pts, o->count * sizeof *more);
        drn_free(o->pts);
        o->pts = more;
        o->room = room;
    }
    o->pts[o->count++] = pts;
    return DRN_OK;
}

static int by_value(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

drn_status drn_av_order_make(drn_av_order *o, drn_error *err)
{
    DRN_TRY(drn_alloc_to(&o->sorted, o->count, sizeof *o->sorted, err));
    if (o->count)
        memcpy(o->sorted, o->pts, o->count * sizeof *o->sorted);
    qsort(o->sorted, o->count, sizeof *o->sorted, by_value);
    for (size_t i = 0; i < o->count; i++) {
        const int64_t *place =
            bsearch(&o->pts[i], o->sorted, o->count, sizeof *o->sorted, by_value);
        int64_t late = (int64_t)i - (place - o->sorted);
        o->depth = late > o->depth ? late : o->depth;
    }
    if (o->count > 1 && o->sorted[1] > o->sorted[0])
        o->step = o->sorted[1] - o->sorted[0];
    return DRN_OK;
}

int64_t drn_av_order_dts(const drn_av_order *o, int64_t index)
{
    return index >= o->depth ? o->sorted[index - o->depth]
                             : o->sorted[0] - (o->depth - index) * o->step;
}

void drn_av_order_clear(drn_av_order *o)
{
    drn_free(o->pts);
    drn_free(o->sorted);
    *o = (drn_av_order){0};
}
