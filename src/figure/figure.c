/* Panels and where they stand. */
#include "drn/figure.h"

#include "figure/panels.h"
#include "figure/sheet.h"
#include "image/text.h"

#include <stdio.h>
#include <string.h>

enum { PANEL = 288, OVERVIEW = 900 /* most pixels across */ };

typedef struct layout {
    drn_figure_rect crop;
    int zoom, columns, rows, lines;  /* lines of text below a panel */
    int first;                       /* cell of the first panel; 1: the overview has cell 0 */
    int64_t cell_width, cell_height; /* without gaps */
    int32_t overview_width, overview_height;
    int64_t width, height; /* of the figure */
} layout;

static int lines_of(const figure_panels *p)
{
    for (int i = 0; i < p->count; i++)
        if (p->list[i].numbers[0])
            return 2;
    return 1;
}

/* As large as the room allows. */
static void place_overview(layout *l, const drn_image *im, double width, double height)
{
    double h = height, w = h * im->width / im->height;
    if (w > width) {
        h *= width / w;
        w = width;
    }
    l->overview_width = w < 1 ? 1 : (int32_t)w;
    l->overview_height = h < 1 ? 1 : (int32_t)h;
}

static void lay_out(layout *l, const figure_panels *p, const drn_figure_options *o)
{
    l->zoom = o->zoom > 0 ? o->zoom : l->crop.width < PANEL ? PANEL / l->crop.width : 1;
    l->columns = o->columns > 0 ? o->columns : p->columns;
    l->columns = l->columns > p->count ? p->count : l->columns;
    l->rows = (p->count + l->columns - 1) / l->columns;
    /* an overview fills the one cell that would be empty, unless the columns were asked for */
    l->first = p->overview && o->columns == 0 && l->rows * l->columns == p->count + 1;
    l->lines = lines_of(p);
    l->cell_width = (int64_t)l->crop.width * l->zoom;
    l->cell_height = (int64_t)l->crop.height * l->zoom + l->lines * drn_text_height(FIGURE_TEXT);
    l->width = l->columns * (l->cell_width + FIGURE_GAP) - FIGURE_GAP;
    l->height = l->rows * (l->cell_height + FIGURE_GAP) - FIGURE_GAP;
    if (l->first) {
        place_overview(l, p->picture, (double)l->cell_width, (double)l->crop.height * l->zoom);
    } else if (p->overview) {
        place_overview(l, p->picture, OVERVIEW,
                       (double)(l->height - drn_text_height(FIGURE_TEXT)));
        l->width += l->overview_width + FIGURE_GAP;
    }
}

/* The whole picture with a frame around the crop, and the name. */
static drn_status draw_overview(drn_image *sheet, const layout *l, const figure_panels *p,
                                const char *name, drn_error *err)
{
    drn_image *small;
    double fx = (double)l->overview_width / p->picture->width;
    double fy = (double)l->overview_height / p->picture->height;
    DRN_TRY(drn_imresize_to(&small, p->picture, l->overview_width, l->overview_height, NULL, err));
    figure_draw(sheet, 0, 0, small, &(drn_figure_rect){0, 0, l->overview_width, l->overview_height},
                1);
    drn_image_free(small);
    figure_frame(sheet, &(drn_figure_rect){(int32_t)(l->crop.x * fx), (int32_t)(l->crop.y * fy),
                                           (int32_t)(l->crop.width * fx + 0.5),
                                           (int32_t)(l->crop.height * fy + 0.5)});
    int32_t room = l->first ? (int32_t)l->cell_width : l->overview_width;
    return figure_write(sheet, 0, l->overview_height, room, name, err);
}

static drn_status draw_panels(drn_image *sheet, drn_figure_info *info, const layout *l,
                              const figure_panels *p, drn_error *err)
{
    int32_t left = p->overview && !l->first ? l->overview_width + FIGURE_GAP : 0;
    int32_t line = drn_text_height(FIGURE_TEXT), wide = (int32_t)l->cell_width;
    for (int i = 0; i < p->count; i++) {
        const figure_panel *q = &p->list[i];
        int cell = l->first + i;
        int32_t x = left + cell % l->columns * (wide + FIGURE_GAP);
        int32_t y = cell / l->columns * ((int32_t)l->cell_height + FIGURE_GAP);
        int32_t high = l->crop.height * l->zoom;
        figure_draw(sheet, x, y, q->image, &l->crop, l->zoom);
        DRN_TRY(figure_write(sheet, x, y + high, wide, q->label, err));
        if (l->lines > 1)
            DRN_TRY(figure_write(sheet, x, y + high + line, wide, q->numbers, err));
        drn_figure_panel *f = &info->panels[i];
        *f = (drn_figure_panel){.scored = q->scored, .values = q->values, .at = {x, y, wide, high}};
        memcpy(f->label, q->label, sizeof f->label);
    }
    info->count = p->count;
    return DRN_OK;
}

static drn_status draw(drn_image **out, drn_figure_info *info, const figure_panels *p,
                       const char *name, const drn_figure_options *o, drn_error *err)
{
    layout l = {0};
    drn_image *sheet;
    DRN_TRY(figure_crop(&l.crop, p, o, err));
    lay_out(&l, p, o);
    DRN_TRY(figure_sheet(&sheet, l.width, l.height, err));
    drn_status st = p->overview ? draw_overview(sheet, &l, p, name, err) : DRN_OK;
    if (st == DRN_OK)
        st = draw_panels(sheet, info, &l, p, err);
    info->crop = l.crop;
    info->zoom = l.zoom;
    if (st == DRN_OK)
        *out = sheet;
    else
        drn_image_free(sheet);
    return st;
}

drn_status drn_figure(drn_image **out, drn_figure_info *info, const drn_image *picture,
                      const char *name, const drn_figure_options *o, drn_error *err)
{
    figure_panels p = {0};
    drn_figure_info unwanted;
    drn_status st = figure_panels_make(&p, picture, o, err);
    if (st == DRN_OK)
        st = draw(out, info ? info : &unwanted, &p, name, o, err);
    figure_panels_free(&p);
    return st;
}

drn_status drn_figure_stack(drn_image **out, const drn_image *const *figures, size_t count,
                            drn_error *err)
{
    int64_t width = 0, height = 0;
    drn_image *sheet;
    if (count == 0)
        return drn_fail(err, DRN_ERR_INVALID, "no figures");
    for (size_t i = 0; i < count; i++) {
        width = figures[i]->width > width ? figures[i]->width : width;
        height += figures[i]->height + 2 * FIGURE_GAP;
    }
    DRN_TRY(figure_sheet(&sheet, width + 2 * FIGURE_GAP, height, err));
    for (size_t i = 0, y = FIGURE_GAP; i < count; i++) {
        figure_draw(sheet, FIGURE_GAP, (int32_t)y, figures[i],
                    &(drn_figure_rect){0, 0, figures[i]->width, figures[i]->height}, 1);
        y += (size_t)figures[i]->height + 2 * FIGURE_GAP;
    }
    *out = sheet;
    return DRN_OK;
}
