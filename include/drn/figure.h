/* Figures: pictures, methods and numbers on one sheet. */
#ifndef DRN_FIGURE_H
#define DRN_FIGURE_H

#include "drn/metrics.h"
#include "drn/upscale.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum drn_figure_kind {
    DRN_FIGURE_COMPARE = 0,  /* an original: LR, bicubic, models, original (the paper's Fig. 3) */
    DRN_FIGURE_ENLARGE = 1,  /* a picture as it is: input, bicubic, models; no numbers */
    DRN_FIGURE_GRADIENT = 2, /* an original: gradient magnitudes above pictures (Fig. 2) */
    DRN_FIGURE_MASK = 3,     /* an original and the mask M of Eq. 4 (Fig. 4); no model */
    DRN_FIGURE_TRUST = 4     /* an original: the first model's result, its error, the map of trust */
} drn_figure_kind;

typedef struct drn_figure_rect {
    int32_t x, y, width, height;
} drn_figure_rect;

enum { DRN_FIGURE_MODELS = 8, DRN_FIGURE_PANELS = 24 };

/** Zero-initialise, then set kind, scale and models. */
typedef struct drn_figure_options {
    drn_figure_kind kind;
    int scale; /* unused by DRN_FIGURE_MASK */
    const drn_model *models[DRN_FIGURE_MODELS];
    const char *labels[DRN_FIGURE_MODELS]; /* what the figure calls them; NULL: the model's name */
    int model_count;
    /* What is shown enlarged, in pixels of the picture given; width 0: for DRN_FIGURE_MASK and _TRUST
     * the whole picture, for the others 96 x 72 pixels of the original chosen where bicubic is worst
     * (DRN_FIGURE_ENLARGE: of the result, where the first model differs most from bicubic). */
    drn_figure_rect crop;
    int zoom;      /* screen pixels a pixel of the original; 0: as many as fill 288 */
    int columns;   /* panels side by side; 0: as suits the kind, with no empty place */
    bool ensemble; /* models run as self-ensembles */
    int threads;   /* 0: all cores */
    drn_device device;
    drn_numbers numbers;
} drn_figure_options;

/** One of the small pictures in a figure. */
typedef struct drn_figure_panel {
    char label[64];
    bool scored;              /* values are of the whole picture, standard protocol */
    drn_metric_values values;
    drn_figure_rect at; /* where its pixels lie in the figure */
} drn_figure_panel;

typedef struct drn_figure_info {
    drn_figure_rect crop; /* in pixels of the original (DRN_FIGURE_ENLARGE: of the result) */
    int zoom, count;
    drn_figure_panel panels[DRN_FIGURE_PANELS];
} drn_figure_info;

/** The figure of one picture.
 *  @param out      on success a new image, u8 sRGB on white; untouched on failure.
 *  @param info     receives what was shown where; may be NULL.
 *  @param picture  borrowed; any depth, alpha is laid over white (DRN_FIGURE_ENLARGE: after enlarging).
 *  @param name     stands below the picture; borrowed.
 *  @return DRN_OK | DRN_ERR_INVALID (crop outside the picture, scale not in a model, ...) |
 *  DRN_ERR_UNSUPPORTED (a build without libvips draws no text) | DRN_ERR_NOMEM.  Thread-safe per
 *  model. */
drn_status drn_figure(drn_image **out, drn_figure_info *info, const drn_image *picture,
                      const char *name, const drn_figure_options *options, drn_error *err);

/** Figures one below the other on a white sheet.
 *  @param figures  of drn_figure(); borrowed.
 *  @return DRN_OK | DRN_ERR_INVALID (none, or too large together) | DRN_ERR_NOMEM.  Thread-safe. */
drn_status drn_figure_stack(drn_image **out, const drn_image *const *figures, size_t count,
                            drn_error *err);

#ifdef __cplusplus
}
#endif
#endif
