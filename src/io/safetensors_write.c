#include "base/fileio.h"
#include "base/mem.h"
#include "io/half.h"
#include "io/safetensors.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK 4096 /* elements converted at a time */

typedef struct item {
    json_t *key; /* a JSON string: checks UTF-8 once; owned */
    drn_st_dtype dtype;
    int ndim;
    size_t shape[DRN_ST_MAX_DIMS];
    size_t elements, nbytes, order;
    const void *data;
    bool convert; /* data are floats, dtype is a half type */
} item;

struct drn_st_writer {
    json_t *meta;
    item *items;
    size_t count, cap;
};

drn_status drn_st_writer_new(drn_st_writer **out, drn_error *err)
{
    drn_st_writer *w;
    DRN_TRY(drn_calloc_to(&w, 1, sizeof *w, err));
    w->meta = json_object();
    if (!w->meta) {
        drn_free(w);
        return drn_fail(err, DRN_ERR_NOMEM, "out of memory for a model file");
    }
    *out = w;
    return DRN_OK;
}

void drn_st_writer_free(drn_st_writer *w)
{
    if (!w)
        return;
    for (size_t i = 0; i < w->count; i++)
        json_decref(w->items[i].key);
    json_decref(w->meta);
    drn_free(w->items);
    drn_free(w);
}

drn_status drn_st_writer_meta(drn_st_writer *w, const char *key, const char *value, drn_error *err)
{
    if (json_object_set_new(w->meta, key, json_string(value)) != 0)
        return drn_fail(err, DRN_ERR_INVALID, "metadata '%.80s': not UTF-8, or out of memory", key);
    return DRN_OK;
}

static drn_status grow(drn_st_writer *w, drn_error *err)
{
    if (w->count < w->cap)
        return DRN_OK;
    size_t cap = w->cap ? 2 * w->cap : 64;
    item *bigger;
    DRN_TRY(drn_alloc_to(&bigger, cap, sizeof *bigger, err));
    if (w->count)
        memcpy(bigger, w->items, w->count * sizeof *bigger);
    drn_free(w->items);
    w->items = bigger;
    w->cap = cap;
    return DRN_OK;
}

static drn_status add(drn_st_writer *w, const char *name, item it, const size_t *shape,
                      drn_error *err)
{
    if (!name[0] || strcmp(name, "__metadata__") == 0 || it.ndim < 0 || it.ndim > DRN_ST_MAX_DIMS)
        return drn_fail(err, DRN_ERR_INVALID, "tensor '%.80s': bad name or %d dimensions", name,
                        it.ndim);
    for (size_t i = 0; i < w->count; i++)
        if (strcmp(json_string_value(w->items[i].key), name) == 0)
            return drn_fail(err, DRN_ERR_INVALID, "tensor '%.80s' was added twice", name);
    it.elements = 1;
    for (int i = 0; i < it.ndim; i++) {
        it.shape[i] = shape[i];
        DRN_TRY(drn_size_mul(&it.elements, it.elements, shape[i], err));
    }
    DRN_TRY(drn_size_mul(&it.nbytes, it.elements, drn_st_dtype_size(it.dtype), err));
    DRN_TRY(grow(w, err));
    it.order = w->count;
    it.key = json_string(name);
    if (!it.key)
        return drn_fail(err, DRN_ERR_INVALID, "tensor '%.80s': name not UTF-8, or out of memory",
                        name);
    w->items[w->count++] = it;
    return DRN_OK;
}

drn_status drn_st_writer_add(drn_st_writer *w, const char *name, drn_st_dtype dtype, int ndim,
                             const size_t *shape, const void *data, drn_error *err)
{
    return add(w, name, (item){.dtype = dtype, .ndim = ndim, .data = data}, shape, err);
}

drn_status drn_st_writer_add_f32(drn_st_writer *w, const char *name, drn_st_dtype store, int ndim,
                                 const size_t *shape, const float *data, drn_error *err)
{
    if (store != DRN_ST_F32 && store != DRN_ST_F16 && store != DRN_ST_BF16)
        return drn_fail(err, DRN_ERR_INVALID, "tensor '%.80s': floats cannot be stored as %s", name,
                        drn_st_dtype_name(store));
    item it = {.dtype = store, .ndim = ndim, .data = data, .convert = store != DRN_ST_F32};
    return add(w, name, it, shape, err);
}

/* Falling element size keeps every tensor aligned without holes. */
static int by_alignment(const void *a, const void *b)
{
    const item *x = a, *y = b;
    size_t p = drn_st_dtype_size(x->dtype), q = drn_st_dtype_size(y->dtype);
    if (p != q)
        return p > q ? -1 : 1;
    return (x->order > y->order) - (x->order < y->order);
}

static json_t *entry_new(const item *it, size_t begin)
{
    json_t *shape = json_array();
    for (int i = 0; i < it->ndim; i++)
        if (json_array_append_new(shape, json_integer((json_int_t)it->shape[i])) != 0) {
            json_decref(shape);
            return NULL;
        }
    return json_pack("{s:s, s:o, s:[I, I]}", "dtype", drn_st_dtype_name(it->dtype), "shape", shape,
                     "data_offsets", (json_int_t)begin, (json_int_t)(begin + it->nbytes));
}

static json_t *header_new(const drn_st_writer *w)
{
    json_t *root = json_object();
    int bad = root == NULL;
    if (json_object_size(w->meta) > 0)
        bad |= json_object_set(root, "__metadata__", w->meta);
    size_t at = 0;
    for (size_t i = 0; i < w->count && !bad; i++) {
        bad = json_object_set_new(root, json_string_value(w->items[i].key),
                                  entry_new(&w->items[i], at));
        at += w->items[i].nbytes;
    }
    if (!bad)
        return root;
    json_decref(root);
    return NULL;
}

static drn_status write_header(const drn_st_writer *w, FILE *f, const char *path, drn_error *err)
{
    drn_status st = DRN_OK;
    char *text = NULL;
    json_t *root = header_new(w);
    size_t n = root ? json_dumpb(root, NULL, 0, JSON_COMPACT) : 0;
    uint64_t padded = (n + 7) / 8 * 8;
    if (n == 0) {
        st = drn_fail(err, DRN_ERR_NOMEM, "%s: out of memory for the header", path);
        goto done;
    }
    if (padded > DRN_ST_MAX_HEADER) {
        st = drn_fail(err, DRN_ERR_INVALID, "%s: header of %ju bytes, the limit is %d", path,
                      (uintmax_t)padded, DRN_ST_MAX_HEADER);
        goto done;
    }
    DRN_CHECK(drn_alloc_to(&text, (size_t)padded, 1, err));
    memset(text, ' ', (size_t)padded);
    if (json_dumpb(root, text, n, JSON_COMPACT) != n) {
        st = drn_fail(err, DRN_ERR_NOMEM, "%s: out of memory for the header", path);
        goto done;
    }
    fwrite(&padded, sizeof padded, 1, f);
    fwrite(text, 1, (size_t)padded, f);
done:
    drn_free(text);
    json_decref(root);
    return st;
}

static drn_status write_halves(const item *it, FILE *f, drn_error *err)
{
    const float *src = it->data;
    uint16_t buf[CHUNK];
    for (size_t i = 0; i < it->elements; i += CHUNK) {
        size_t n = it->elements - i < CHUNK ? it->elements - i : CHUNK;
        for (size_t j = 0; j < n; j++) {
            float v = src[i + j];
            buf[j] = it->dtype == DRN_ST_F16 ? drn_f16_from_f32(v) : drn_bf16_from_f32(v);
            if (it->dtype == DRN_ST_F16 && (buf[j] & 0x7fffu) == 0x7c00u && isfinite(v))
                return drn_fail(err, DRN_ERR_NUMERIC,
                                "tensor '%.80s': element %zu is %g, too large for F16",
                                json_string_value(it->key), i + j, (double)v);
        }
        fwrite(buf, sizeof *buf, n, f);
    }
    return DRN_OK;
}

drn_status drn_st_writer_write(drn_st_writer *w, const char *path, drn_error *err)
{
    drn_atomic_file a;
    if (w->count)
        qsort(w->items, w->count, sizeof *w->items, by_alignment);
    DRN_TRY(drn_atomic_open(&a, path, err));
    drn_status st = write_header(w, a.f, path, err);
    for (size_t i = 0; i < w->count && st == DRN_OK; i++) {
        const item *it = &w->items[i];
        if (it->convert)
            st = write_halves(it, a.f, err);
        else if (it->nbytes > 0)
            fwrite(it->data, 1, it->nbytes, a.f);
    }
    if (st == DRN_OK)
        return drn_atomic_commit(&a, err);
    drn_atomic_abort(&a);
    return st;
}
