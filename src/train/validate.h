/* PSNR-Y of a model being trained, on held-out pictures, by the standard protocol. */
#ifndef DRN_TRAIN_VALIDATE_H
#define DRN_TRAIN_VALIDATE_H

#include "comm/comm.h"
#include "data/dataset.h"
#include "drn/device.h"
#include "models/model.h"

typedef struct drn_validator {
    drn_image **hr, **lr; /* [count] */
    size_t *number;       /* [count] which of the `chosen` pictures it is */
    double *bicubic;      /* [count] PSNR-Y in dB of its bicubic enlargement; NAN: not measured yet */
    size_t count, chosen; /* ours, of rank 0 all; of all ranks, the unusable ones included */
    char last[256];       /* why the last unusable one is so */
    int scale, threads;
    drn_comm *comm; /* NULL: alone */
    drn_device device;
    drn_numbers numbers;
} drn_validator;

/* At most max pictures (0: all) of d, evenly spread; crop > 0 takes the central crop x crop pixels.
 * Pictures that cannot be read, and those that a border of `scale` pixels would leave nothing of, are
 * left out.  Of several ranks rank 0 holds all of them, the others those that they validate on: number n
 * is rank n % world's. */
drn_status drn_validator_new(drn_validator **out, drn_dataset *d, int scale, size_t max, int crop,
                             int threads, drn_comm *comm, drn_error *err);
void drn_validator_free(drn_validator *v);

/* Mean PSNR-Y in dB of the parameters' values, and how far that is above bicubic.  Pictures that bicubic gives
 * back exactly (flat ones) say nothing and are left out; NAN when no picture is left.  All ranks, with the same
 * bits for any number. */
drn_status drn_validate(double *psnr, double *gain, drn_validator *v, const drn_config *config,
                        const drn_params *params, const float *values, drn_error *err);

/* What drn_validate() makes of an LR picture. */
drn_status drn_validator_enlarge(drn_image **sr, const drn_validator *v, const drn_image *lr,
                                 const drn_config *config, const drn_params *params,
                                 const float *values, drn_error *err);

#endif
