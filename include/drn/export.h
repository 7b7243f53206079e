/* Models made from models: other forms, means of weights. */
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
    int scale;     /* ONNX: the output's scale, one of the model's; 0 = its largest */
    const char *const *meta; /* pairs key, value added to the metadata or replacing what is there */
    size_t metas;            /* number of pairs */
} drn_export_options;

/** Write a model as safetensors; the file appears complete or not at all.
 *  @param options  borrowed, may be NULL.
 *  @return DRN_OK | DRN_ERR_IO | DRN_ERR_NUMERIC (a weight does not fit float16) | DRN_ERR_NOMEM.
 *  Thread-safe. */
drn_status drn_model_save(const drn_model *model, const char *path, const drn_export_options *options,
                          drn_error *err);

/** Write the network that enlarges (no dual models) as ONNX, operator set 13, float32; the file appears
 *  complete or not at all.  Input "lr" [batch, 3, height, width], RGB in [0,1], all sizes free; output "sr"
 *  [batch, 3, scale * height, scale * width], not limited to [0,1].  Metadata: "name", "scale", "licence", then
 *  the model's own and options->meta.
 *  @param options  borrowed, may be NULL.
 *  @return DRN_OK | DRN_ERR_INVALID (scale not in the model) | DRN_ERR_UNSUPPORTED (half; 2 GiB and more) |
 *          DRN_ERR_IO | DRN_ERR_NOMEM.
 *  Thread-safe. */
drn_status drn_model_save_onnx(const drn_model *model, const char *path, const drn_export_options *options,
                               drn_error *err);

/** Put the mean of its weights and another model's in a model: (1 - share) of its own, share of the other's, in every
 *  tensor that both have with the same shape; the others stay.  Useful between models of which one was trained on
 *  from the other; for models trained apart the mean is worth nothing.
 *  @param share  0..1.
 *  @return DRN_OK | DRN_ERR_INVALID (share; channels, modules or skip differ), the model untouched.
 *  Not thread-safe: it writes to the model. */
drn_status drn_model_average(drn_model *model, const drn_model *other, double share, drn_error *err);

#ifdef __cplusplus
}
#endif
#endif
