#include "figure/panels.h"

#include "base/mem.h"
#include "figure/maps.h"

enum { WIDTH = 96, HEIGHT = 72 };

static int32_t least(int32_t a, int32_t b)
{
    return a < b ? a : b;
}

/* The window of w x h with the largest difference, its corner on a multiple of step. */
static drn_status choose(drn_figure_rect *out, const figure_panels *p, int step, drn_error *err)
{
    double *sums, most = -1;
    int32_t w = p->worse->width, h = p->worse->height, cw = least(WIDTH, w), ch = least(HEIGHT, h);
    DRN_TRY(figure_difference_sums(&sums, p->worse, p->better, err));
    for (int32_t y = 0; y + ch <= h; y += step)
        for (int32_t x = 0; x + cw <= w; x += step) {
            const double *a = sums + (size_t)y * ((size_t)w + 1) + x;
            const double *b = a + (size_t)ch * ((size_t)w + 1);
            double sum = b[cw] - b[0] - a[cw] + a[0];
            if (sum > most) {
                most = sum;
                *out = (drn_figure_rect){x, y, cw, ch};
            }
        }
    drn_free(sums);
    return DRN_OK;
}

drn_status figure_crop(drn_figure_rect *out, const figure_panels *p, const drn_figure_options *o,
                       drn_error *err)
{
    const drn_image *im = p->list[0].image;
    drn_figure_rect c = o->crop;
    int32_t unit = o->kind == DRN_FIGURE_ENLARGE ? o->scale : 1;
    int32_t w = im->width / unit, h = im->height / unit;
    if (c.width == 0 && p->worse)
        return choose(out, p, o->scale, err);
    if (c.width == 0)
        c = (drn_figure_rect){0, 0, w, h};
    if (c.x < 0 || c.y < 0 || c.width < 1 || c.height < 1 || c.x > w - c.width ||
        c.y > h - c.height)
        return drn_fail(
            err, DRN_ERR_INVALID,
            "the crop %d,%d,%d,%d does not lie within the %d x %d pixels of the picture", c.x, c.y,
            c.width, c.height, w, h);
    *out = (drn_figure_rect){c.x * unit, c.y * unit, c.width * unit, c.height * unit};
    return DRN_OK;
}
