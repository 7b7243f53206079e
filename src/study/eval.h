/* Losses of a network on one sample at a time, for Eq. 6 and 8: l1(P(x), y) and l2(D(P(x)), x),
 * where P(x) and D(P(x)) are clamped to [0,1], as pictures are.  D is the chain of the dual models,
 * from the largest image down to the input (Definition 2). */
#ifndef DRN_STUDY_EVAL_H
#define DRN_STUDY_EVAL_H

#include "models/drn_net.h"

typedef struct study_loss {
    drn_loss_kind kind;
    double lambda, charbonnier;
    drn_loss_kind pixel;
} study_loss;

/* By its name in recipes ("mae", "gs", ...). */
drn_status study_loss_parse(study_loss *out, const char *name, double lambda, drn_error *err);
const char *study_loss_name(drn_loss_kind kind);

/* The largest value a loss of two pictures in [0,1] can have.  MSE, MAE: 1.  Charbonnier:
 * sqrt(1 + eps^2).  Gradient: every pixel takes part in at most 4 differences, so 4.
 * Gradient+pixel: 4 + lambda times the pixel part's.  GS: 4 M|d| + lambda (1-M)|d| <= max(4,
 * lambda). */
double study_loss_bound(const study_loss *l);

typedef struct study_eval study_eval;

/* For LR patches of patch x patch pixels; params are borrowed.  Without dual models l2 is NAN.
 * A y of NULL is fine: l1 is NAN then. */
drn_status study_eval_new(study_eval **out, drn_params *params, const drn_config *config,
                          const study_loss *loss, int patch, drn_pool *pool, drn_error *err);
void study_eval_free(study_eval *e);
/* The parameters have changed. */
void study_eval_refresh(study_eval *e);
void study_eval_run(double *l1, double *l2, study_eval *e, const float *x, const float *y);

#endif
