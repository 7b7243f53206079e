/* PSNR-Y of a model being trained, on held-out pictures, by the standard protocol. */
#ifndef DRN_TRAIN_VALIDATE_H
#define DRN_TRAIN_VALIDATE_H

#include "data/dataset.h"
#include "drn/device.h"
#include "models/model.h"

typedef struct drn_validator {
    drn_image **hr, **lr; /* [count] */
    size_t count;
    int scale, threads;
    drn_device device;
    drn_numbers numbers;
} drn_validator;

/* At most max pictures (0: all) of d, evenly spread; crop > 0 takes the central crop x crop pixels.
 * Pictures that cannot be read are left out; DRN_ERR_INVALID when none is left. */
drn_status drn_validator_new(drn_validator **out, drn_dataset *d, int scale, size_t max, int crop,
                             int threads, drn_error *err);
void drn_validator_free(drn_validator *v);

/* Mean PSNR-Y in dB of the parameters' values. */
drn_status drn_validate(double *psnr, const drn_validator *v, const drn_config *config,
                        const drn_params *params, const float *values, drn_error *err);

/* What drn_validate() makes of an LR picture. */
drn_status drn_validator_enlarge(drn_image **sr, const drn_validator *v, const drn_image *lr,
                                 const drn_config *config, const drn_params *params,
                                 const float *values, drn_error *err);

#endif
