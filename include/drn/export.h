/* Write models in forms that others read. */
#ifndef DRN_EXPORT_H
#define DRN_EXPORT_H

#include "drn/model.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Zero-initialise for the defaults. */
typedef struct drn_export_options {
    bool half;     /* weights as float16 (nearest, ties to even) instead of float32 */
    bool no_dual;  /* leave the dual models out: enlarging does not need them */
    const char *const *meta; /* pairs key, value added to the metadata or replacing what is there */
    size_t metas;            /* number of pairs */
} drn_export_options;

/** Write a model as safetensors; the file appears complete or not at all.
 *  @param options  borrowed, may be NULL.
 *  @return DRN_OK | DRN_ERR_IO | DRN_ERR_NUMERIC (a weight does not fit float16) | DRN_ERR_NOMEM.
 *  Thread-safe. */
drn_status drn_model_save(const drn_model *model, const char *path, const drn_export_options *options,
                          drn_error *err);

#ifdef __cplusplus
}
#endif
#endif
