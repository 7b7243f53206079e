/* safetensors files: 8 bytes header length (little endian), a JSON header, the tensors' bytes.
 * The reader trusts nothing: every length, offset, size and type is checked before use. */
#ifndef DRN_IO_SAFETENSORS_H
#define DRN_IO_SAFETENSORS_H

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

enum {
    DRN_ST_MAX_DIMS = 8,
    DRN_ST_MAX_HEADER = 100000000 /* bytes, as other readers have it */
};
#define DRN_ST_MAX_FILE ((size_t)2 << 30) /* bytes drn_safetensors_open() reads at most */

typedef enum drn_st_dtype {
    DRN_ST_BOOL,
    DRN_ST_U8,
    DRN_ST_I8,
    DRN_ST_U16,
    DRN_ST_I16,
    DRN_ST_F16,
    DRN_ST_BF16,
    DRN_ST_U32,
    DRN_ST_I32,
    DRN_ST_F32,
    DRN_ST_U64,
    DRN_ST_I64,
    DRN_ST_F64
} drn_st_dtype;

size_t drn_st_dtype_size(drn_st_dtype t);      /* bytes of one element */
const char *drn_st_dtype_name(drn_st_dtype t); /* "F32" */

typedef struct drn_st_tensor {
    const char *name; /* UTF-8 */
    drn_st_dtype dtype;
    int ndim; /* 0 (a scalar) .. 8 */
    size_t shape[DRN_ST_MAX_DIMS];
    size_t elements;  /* product of shape */
    const void *data; /* little endian, NOT necessarily aligned; borrowed from the file */
    size_t nbytes;
} drn_st_tensor;

typedef struct drn_safetensors drn_safetensors;

/* Parse a file in memory.
 * data is borrowed and must outlive *out; name stands in messages.
 * DRN_ERR_FORMAT (broken in any way), DRN_ERR_NOMEM.  The result is read-only: threads may share.
 */
drn_status drn_safetensors_parse(drn_safetensors **out, const void *data, size_t size,
                                 const char *name, drn_error *err);
/* Read and parse a file of at most DRN_ST_MAX_FILE bytes; the result owns the bytes. */
drn_status drn_safetensors_open(drn_safetensors **out, const char *path, drn_error *err);
void drn_safetensors_free(drn_safetensors *st);

/* What was parsed: the name given or the path. */
const char *drn_safetensors_name(const drn_safetensors *st);
/* Tensors in the order of their bytes in the file. */
size_t drn_safetensors_count(const drn_safetensors *st);
const drn_st_tensor *drn_safetensors_at(const drn_safetensors *st, size_t i);
/* NULL when there is none. */
const drn_st_tensor *drn_safetensors_find(const drn_safetensors *st, const char *name);
/* The same as an error, DRN_ERR_FORMAT. */
drn_status drn_safetensors_get(const drn_st_tensor **out, const drn_safetensors *st,
                               const char *name, drn_error *err);

/* Metadata: the value of a key or NULL; and all pairs, i < count. */
const char *drn_safetensors_meta(const drn_safetensors *st, const char *key);
size_t drn_safetensors_meta_count(const drn_safetensors *st);
void drn_safetensors_meta_at(const drn_safetensors *st, size_t i, const char **key,
                             const char **value);

/* dst[t->elements] from F32, F16, BF16 or F64 (rounded); other types: DRN_ERR_UNSUPPORTED. */
drn_status drn_safetensors_to_f32(float *dst, const drn_st_tensor *t, drn_error *err);

/* Writer: collect, then write once.  Tensors stand in the file by falling element size, else in
 * the order they were added, so that each is aligned; the bytes depend only on what was added. */
typedef struct drn_st_writer drn_st_writer;
drn_status drn_st_writer_new(drn_st_writer **out, drn_error *err);
void drn_st_writer_free(drn_st_writer *w);
/* name is copied; data (elements of dtype) is borrowed until the write.
 * DRN_ERR_INVALID: name empty, taken or not UTF-8, ndim outside 0..8. */
drn_status drn_st_writer_add(drn_st_writer *w, const char *name, drn_st_dtype dtype, int ndim,
                             const size_t *shape, const void *data, drn_error *err);
/* The same from floats, stored as F32, F16 or BF16 (nearest, ties to even). */
drn_status drn_st_writer_add_f32(drn_st_writer *w, const char *name, drn_st_dtype store, int ndim,
                                 const size_t *shape, const float *data, drn_error *err);
/* Both are copied; a key set again is replaced. */
drn_status drn_st_writer_meta(drn_st_writer *w, const char *key, const char *value, drn_error *err);
/* The file appears complete or not at all.  DRN_ERR_NUMERIC: a finite value does not fit F16. */
drn_status drn_st_writer_write(drn_st_writer *w, const char *path, drn_error *err);

#endif
