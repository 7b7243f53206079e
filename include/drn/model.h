/* Models: configuration, files, what is built in. */
#ifndef DRN_MODEL_H
#define DRN_MODEL_H

#include "drn/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum drn_skip {
    DRN_SKIP_BICUBIC = 0, /* image heads predict what is missing in the bicubic enlargement */
    DRN_SKIP_NONE = 1
} drn_skip;

/** Architecture of a dual reconstruction network (paper, section 4.2). */
typedef struct drn_config {
    int scale;         /* r: 2, 4 or 8; L = log2(r) blocks */
    int channels;      /* features, 1..1024 */
    int modules;       /* residual modules a block; the paper: 7 */
    bool progressive;  /* an image after every block */
    bool dual;         /* dual models D_l: conv, ReLU, conv */
    int dual_channels; /* between the two convolutions of D_l */
    drn_skip skip;
} drn_config;

/** A network with its weights.  Immutable after loading and safe to share between threads. */
typedef struct drn_model drn_model;

/** Load a model: the name of a built-in one (see drn_model_builtin()), or a .safetensors file.
 *  @param name  borrowed; NULL = the default model.
 *  @param out   on success a model the caller frees with drn_model_free(); untouched on failure.
 *  @return DRN_OK | DRN_ERR_INVALID (no built-in model of that name) | DRN_ERR_IO | DRN_ERR_FORMAT | DRN_ERR_NUMERIC
 *  (weights that are not finite) | DRN_ERR_UNSUPPORTED (nothing built in, or an architecture that is not known) |
 *  DRN_ERR_NOMEM.  Thread-safe. */
drn_status drn_model_load(drn_model **out, const char *name, drn_error *err);

/** NULL is fine. */
void drn_model_free(drn_model *model);

/** One line of `drn models`. */
typedef struct drn_builtin {
    const char *name;
    const char *summary;
    int scale;
    bool is_default;
} drn_builtin;

/** The i-th built-in model, or NULL past the last.  Thread-safe. */
const drn_builtin *drn_model_builtin(size_t i);

/** What a picture is, as far as it decides which model suits it. */
typedef enum drn_picture_kind {
    DRN_PICTURE_CLEAN = 0,
    DRN_PICTURE_DAMAGED = 1, /* a photograph with JPEG blocks or noise */
    DRN_PICTURE_DRAWN = 2    /* a screenshot, a text, line art, a logo */
} drn_picture_kind;

/** The built-in model made for a kind of picture: what `drn upscale -m auto` (fast) and `-m best` take.
 *  @param best   the large, slow models instead of the compact ones.
 *  @param kind   what its pixels and its file's format tell, see drn_traces_kind().
 *  @param times  how many times larger the result is to be; 0 = 4.
 *  @return a name for drn_model_load(); NULL when nothing is built in.  Thread-safe. */
const char *drn_model_for(bool best, drn_picture_kind kind, double times);

/* What a model is.  Thread-safe; pointers live as long as the model. */

/** Architecture.  Never NULL. */
const drn_config *drn_model_config(const drn_model *model);
/** Name it was loaded by, and a value of its metadata (NULL: none). */
const char *drn_model_name(const drn_model *model);
const char *drn_model_metadata(const drn_model *model, const char *key);
/** i-th metadata pair; false past the last. */
bool drn_model_metadata_at(const drn_model *model, size_t i, const char **key, const char **value);
/** Learned numbers of the primal model, and of the dual models. */
size_t drn_model_parameters(const drn_model *model, bool dual);
/** SHA-256 of the weights: of all learned numbers as 4-byte floats, little endian, in the model's own order.  The
 *  same for every file that holds the same numbers, whatever its name and metadata.
 *  @param hex  receives 64 digits and a zero. */
void drn_model_sha256(const drn_model *model, char hex[65]);
/** Whether it can enlarge by scale in one pass (a progressive x4 model also gives x2). */
bool drn_model_has_scale(const drn_model *model, int scale);

/** One layer of the primal model for a given input size. */
typedef struct drn_layer {
    char op[24], name[64], kernel[32];
    int32_t in_channels, in_height, in_width, out_channels, out_height, out_width;
    double macs; /* multiply-accumulates of the direct convolution */
} drn_layer;

/** List the layers for an input of width x height pixels.
 *  @param layers  receives at most capacity entries; may be NULL with capacity 0.
 *  @param count   receives their number.
 *  @return DRN_OK | DRN_ERR_INVALID | DRN_ERR_NOMEM.  Thread-safe. */
drn_status drn_model_layers(const drn_model *model, int32_t width, int32_t height, drn_layer *layers,
                            size_t capacity, size_t *count, drn_error *err);

#ifdef __cplusplus
}
#endif
#endif
