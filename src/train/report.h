/* drn_report(): what is known about runs (report_runs.c), curves (report_plot.c), the page
 * (report.c). */
#ifndef DRN_TRAIN_REPORT_H
#define DRN_TRAIN_REPORT_H

#include "train/recipe.h"

/* A point of a curve. */
typedef struct drn_point {
    double x, y;
} drn_point;

typedef struct drn_points {
    drn_point *list;
    size_t count, capacity;
} drn_points;

/* What the log says of a step. */
typedef struct drn_log_line {
    double step, loss, primal, lr, seconds, wait_share, memory_mb, skipped;
    double val_psnr, best_psnr; /* NAN: not validated */
    double val_gain, seen_gain; /* over bicubic; NAN: not measured */
} drn_log_line;

typedef struct drn_report_run {
    char *dir, *name; /* name: last part of the folder */
    drn_recipe recipe;
    drn_points loss, rate;         /* by step */
    drn_points psnr, psnr_by_time; /* by step; by seconds of training */
    drn_log_line last;
    double final_loss;                      /* mean of the last steps, at most 100 */
    double best_psnr, best_step, last_psnr; /* NAN: never validated */
    double val_gain, seen_gain;             /* of the last validation; NAN: not measured */
} drn_report_run;

drn_status drn_report_run_read(drn_report_run *r, const char *dir, drn_error *err);
void drn_report_run_clear(drn_report_run *r);
/* A picture file of a run, drn_alloc'ed; NULL: there is none. */
void *drn_report_picture(size_t *size, const drn_report_run *r, size_t i, const char *kind);

/* One curve a run. */
typedef struct drn_plot {
    const char *title, *x_label, *y_label;
    double x_unit;    /* x is divided by it */
    bool log_y, dots; /* dots: mark the points */
    size_t count;
    const drn_points **curves; /* [count]; may be empty */
    const char *const *names;
} drn_plot;

void drn_plot_write(FILE *f, const drn_plot *p);
/* Colour of curve i, for the legend. */
const char *drn_plot_colour(size_t i);
/* Text with the signs HTML reserves escaped. */
void drn_html_text(FILE *f, const char *text);

#endif
