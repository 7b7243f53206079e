/* ONNX files (.onnx): operators, weights and metadata in protobuf's wire format, operator set 13.
 *
 * Collect, then write once.  Collecting calls never fail on their own: the first error sticks and
 * drn_onnx_write() returns it.  The bytes depend only on what was added. */
#ifndef DRN_IO_ONNX_H
#define DRN_IO_ONNX_H

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

enum {
    DRN_ONNX_OPSET = 13,    /* the oldest that has every operator used in its present form */
    DRN_ONNX_IR_VERSION = 7 /* the file format's version that came with it */
};

typedef struct drn_onnx drn_onnx;

drn_status drn_onnx_new(drn_onnx **out, drn_error *err);
void drn_onnx_free(drn_onnx *w);

/* Name and description of the graph. */
void drn_onnx_describe(drn_onnx *w, const char *name, const char *doc);
/* Both are copied; a key set again is replaced.  Must be UTF-8. */
void drn_onnx_meta(drn_onnx *w, const char *key, const char *value);

/* A dimension of an input or output: a number, or a name for one that is free. */
typedef struct drn_onnx_dim {
    int64_t value;
    const char *name; /* NULL: value holds */
} drn_onnx_dim;
/* Float tensors that go in and come out. */
void drn_onnx_input(drn_onnx *w, const char *name, int ndim, const drn_onnx_dim *dims);
void drn_onnx_output(drn_onnx *w, const char *name, int ndim, const drn_onnx_dim *dims);

/* Weights; data is borrowed until the write. */
void drn_onnx_weights(drn_onnx *w, const char *name, int ndim, const int64_t *dims, const float *data);
/* Constants, copied. */
void drn_onnx_floats(drn_onnx *w, const char *name, int ndim, const int64_t *dims, const float *data);
void drn_onnx_ints(drn_onnx *w, const char *name, size_t n, const int64_t *data);

typedef struct drn_onnx_attr {
    const char *name; /* NULL ends a list */
    enum { DRN_ONNX_FLOAT = 1, DRN_ONNX_INT = 2, DRN_ONNX_TEXT = 3, DRN_ONNX_INTS = 7 } type;
    float f;
    int64_t i; /* DRN_ONNX_INTS: how many of ints */
    const char *text;
    int64_t ints[4];
} drn_onnx_attr;
/* An operator; inputs ends with NULL, attributes (may be NULL) with a name of NULL. */
void drn_onnx_node(drn_onnx *w, const char *op, const char *name, const char *output,
                   const char *const *inputs, const drn_onnx_attr *attributes);

/* What a caller found while collecting; sticks like an error of its own. */
void drn_onnx_fail(drn_onnx *w, const drn_error *err);
/* The file appears complete or not at all.  DRN_ERR_UNSUPPORTED: 2 GiB or more, which protobuf forbids. */
drn_status drn_onnx_write(drn_onnx *w, const char *path, drn_error *err);

#endif
