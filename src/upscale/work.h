/* An enlargement in windows of the result: what one window needs of the input, and how it is made.
 * The whole picture, or strips of one that does not fit into memory, are made of windows. */
#ifndef DRN_UPSCALE_WORK_H
#define DRN_UPSCALE_WORK_H

#include "image/imresize.h"
#include "upscale/meter.h"
#include "upscale/target.h"

typedef struct drn_work {
    const drn_model *model;
    drn_upscale_options o;
    int32_t width, height, bands; /* of the input */
    bool alpha;
    drn_upscale_target t;
    int times;      /* all passes together */
    int32_t radius; /* input pixels around a window that its result depends on */
    drn_resize_table columns,
        rows; /* from the network's size to the wanted one; empty if they are equal */
    drn_meter meter;
} drn_work;

/* in: only size, bands and depth are looked at. */
drn_status drn_work_init(drn_work *w, const drn_image *in, const drn_model *model,
                         const drn_upscale_options *options, drn_error *err);
void drn_work_clear(drn_work *w);

/* A picture, or some whole rows of it from row y on. */
typedef struct drn_rows {
    const drn_image *image;
    int32_t y;
} drn_rows;

/* Rows of the input that rows y .. y+count-1 of the result depend on: *first .. *first + *n - 1. */
void drn_work_rows(const drn_work *w, int32_t *first, int32_t *n, int32_t y, int32_t count);

/* The network alone makes the result, with no float picture between. */
bool drn_work_direct(const drn_work *w);

/* Make the window of the result and store it into dst, whose row 0 is the result's row dst_y.
 * share: its part of the whole progress. */
drn_status drn_work_window(drn_work *w, drn_image *dst, int32_t dst_y, const drn_rows *src,
                           int32_t x, int32_t y, int32_t width, int32_t height, double share,
                           drn_error *err);

/* Rows y .. y+count-1 of the result, in windows whose network pictures have at most max_pixels. */
drn_status drn_work_band(drn_work *w, drn_image *dst, int32_t dst_y, const drn_rows *src, int32_t y,
                         int32_t count, double max_pixels, drn_error *err);

/* Sides of windows of about max_pixels network pixels: one covers the picture if it is small
 * enough. */
int32_t drn_work_side(const drn_work *w, double max_pixels);

#endif
