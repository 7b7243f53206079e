/* The inside of drn_model, for the trainer and the upscaler. */
#ifndef DRN_MODELS_MODEL_H
#define DRN_MODELS_MODEL_H

#include "io/safetensors.h"
#include "models/drn_net.h"

typedef struct drn_meta_pair {
    char *key, *value;
} drn_meta_pair;

struct drn_model {
    char *name;
    drn_config config;
    drn_params *params;
    drn_meta_pair *meta;
    size_t meta_count;
};

/* From a parsed file.  Weights are checked against the architecture its metadata describes; a missing,
 * misshapen or non-finite tensor is an error. */
drn_status drn_model_from_safetensors(drn_model **out, const drn_safetensors *st, const char *name,
                                      drn_error *err);
/* Architecture from a file's metadata. */
drn_status drn_config_from_metadata(drn_config *c, const drn_safetensors *st, drn_error *err);
/* Architecture as metadata pairs, and every parameter as a tensor stored as F32 or F16. */
drn_status drn_config_write(drn_st_writer *w, const drn_config *c, drn_error *err);
drn_status drn_params_write(drn_st_writer *w, const drn_params *p, const float *values, const char *prefix,
                            drn_st_dtype store, drn_error *err);
/* The reverse of drn_params_write: values[p->elements]. */
drn_status drn_params_read(float *values, const drn_params *p, const drn_safetensors *st, const char *prefix,
                           drn_error *err);

/* Bytes of a built-in model (zoo.c); NULL: no such name. */
const void *drn_zoo_data(const char *name, size_t *size);
/* SHA-256 its file had when this was built; NULL: unknown. */
const char *drn_zoo_sha256(const char *name);

#endif
