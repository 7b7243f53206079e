/* Drawing: windows of pictures, lines of text and frames on a white sheet.  All pictures are u8
 * RGB. */
#ifndef DRN_FIGURE_SHEET_H
#define DRN_FIGURE_SHEET_H

#include "base/error.h"
#include "drn/figure.h"

enum { FIGURE_GAP = 8, FIGURE_TEXT = 14 /* size of letters */ };

/* A white sheet. */
drn_status figure_sheet(drn_image **out, int64_t width, int64_t height, drn_error *err);
/* Copy a window of im with every pixel as a square of zoom x zoom, its corner at (x, y).  It has to
 * lie on the sheet. */
void figure_draw(drn_image *sheet, int32_t x, int32_t y, const drn_image *im,
                 const drn_figure_rect *window, int zoom);
/* Black letters, no farther right than x + width. */
drn_status figure_write(drn_image *sheet, int32_t x, int32_t y, int32_t width, const char *text,
                        drn_error *err);
/* A red frame of 2 pixels around a rectangle, as far as it lies on the sheet. */
void figure_frame(drn_image *sheet, const drn_figure_rect *r);

#endif
