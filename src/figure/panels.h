/* What a figure shows, before it is drawn. */
#ifndef DRN_FIGURE_PANELS_H
#define DRN_FIGURE_PANELS_H

#include "base/error.h"
#include "drn/figure.h"

typedef struct figure_panel {
    drn_image *image; /* owned; u8 RGB, all of one size */
    char label[64], numbers[64];
    bool scored;
    drn_metric_values values;
} figure_panel;

typedef struct figure_panels {
    figure_panel list[DRN_FIGURE_PANELS];
    int count, columns;       /* columns: the kind's own */
    bool overview;            /* the whole picture stands beside them */
    const drn_image *picture; /* of the overview: one of the list's */
    /* the two pictures whose difference chooses the crop */
    const drn_image *worse, *better;
} figure_panels;

/* Run the models and make the maps; panels are freed by the caller after a failure too. */
drn_status figure_panels_make(figure_panels *p, const drn_image *picture,
                              const drn_figure_options *o, drn_error *err);
void figure_panels_free(figure_panels *p);

/* The crop asked for in pixels of the panels, or a choice; refuses what lies outside. */
drn_status figure_crop(drn_figure_rect *out, const figure_panels *p, const drn_figure_options *o,
                       drn_error *err);

#endif
