#include "io/safetensors.h"

#include "base/fileio.h"
#include "base/mem.h"
#include "io/half.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "tensor bytes are used in place");

static const struct {
    char name[8];
    size_t size; /* bytes */
} types[] = {
    [DRN_ST_BOOL] = {"BOOL", 1}, [DRN_ST_U8] = {"U8", 1},   [DRN_ST_I8] = {"I8", 1},
    [DRN_ST_U16] = {"U16", 2},   [DRN_ST_I16] = {"I16", 2}, [DRN_ST_F16] = {"F16", 2},
    [DRN_ST_BF16] = {"BF16", 2}, [DRN_ST_U32] = {"U32", 4}, [DRN_ST_I32] = {"I32", 4},
    [DRN_ST_F32] = {"F32", 4},   [DRN_ST_U64] = {"U64", 8}, [DRN_ST_I64] = {"I64", 8},
    [DRN_ST_F64] = {"F64", 8},
};

struct drn_safetensors {
    char *name;
    void *owned;                   /* the file's bytes, when we read them */
    json_t *root;                  /* owns the names and the metadata */
    json_t *meta;                  /* borrowed from root; may be NULL */
    drn_st_tensor *tensors;        /* by offset */
    const drn_st_tensor **by_name; /* sorted */
    size_t count;
};

/* A name from the file, cut and cleaned so that a message stays one line. */
typedef struct shown {
    char text[84];
} shown;

static shown show(const char *name)
{
    shown s;
    size_t n = 0;
    for (; name[n] && n < sizeof s.text - 4; n++)
        s.text[n] = (unsigned char)name[n] < 32 || name[n] == 127 ? '?' : name[n];
    memcpy(s.text + n, name[n] ? "..." : "", name[n] ? 4 : 1);
    return s;
}

size_t drn_st_dtype_size(drn_st_dtype t)
{
    return types[t].size;
}

const char *drn_st_dtype_name(drn_st_dtype t)
{
    return types[t].name;
}

static bool type_named(drn_st_dtype *out, const char *name)
{
    for (size_t i = 0; name && i < sizeof types / sizeof *types; i++)
        if (strcmp(types[i].name, name) == 0) {
            *out = (drn_st_dtype)i;
            return true;
        }
    return false;
}

/* The JSON header; *start: offset of the tensors' bytes. */
static drn_status read_header(json_t **root, size_t *start, const uint8_t *data, size_t size,
                              const char *name, drn_error *err)
{
    uint64_t length;
    if (size < sizeof length + 2)
        return drn_fail(err, DRN_ERR_FORMAT, "%s: %zu bytes are too few for a safetensors file",
                        name, size);
    memcpy(&length, data, sizeof length);
    if (length > DRN_ST_MAX_HEADER || length > size - sizeof length)
        return drn_fail(err, DRN_ERR_FORMAT,
                        "%s: not a safetensors file: header of %ju bytes, the file has %zu "
                        "and the limit is %d",
                        name, (uintmax_t)length, size, DRN_ST_MAX_HEADER);
    json_error_t je;
    json_t *r =
        json_loadb((const char *)data + sizeof length, (size_t)length, JSON_REJECT_DUPLICATES, &je);
    if (!r && json_error_code(&je) == json_error_out_of_memory)
        return drn_fail(err, DRN_ERR_NOMEM, "%s: out of memory for a header of %ju bytes", name,
                        (uintmax_t)length);
    if (!r)
        return drn_fail(err, DRN_ERR_FORMAT, "%s: broken header at byte %d: %s", name, je.position,
                        show(je.text).text);
    if (!json_is_object(r)) {
        json_decref(r);
        return drn_fail(err, DRN_ERR_FORMAT, "%s: the header is not a JSON object", name);
    }
    *root = r;
    *start = sizeof length + (size_t)length;
    return DRN_OK;
}

static drn_status check_meta(const drn_safetensors *st, drn_error *err)
{
    const char *key;
    json_t *value;
    if (!st->meta)
        return DRN_OK;
    if (!json_is_object(st->meta))
        return drn_fail(err, DRN_ERR_FORMAT, "%s: __metadata__ is not an object", st->name);
    json_object_foreach(st->meta, key, value)
    {
        if (!json_is_string(value))
            return drn_fail(err, DRN_ERR_FORMAT, "%s: metadata '%s' is not a string", st->name,
                            show(key).text);
    }
    return DRN_OK;
}

/* A JSON integer >= 0 as a size. */
static bool to_size(size_t *out, const json_t *v)
{
    json_int_t i = json_integer_value(v);
    *out = (size_t)i;
    return json_is_integer(v) && i >= 0;
}

static drn_status read_shape(drn_st_tensor *t, const json_t *shape, const char *file,
                             drn_error *err)
{
    size_t n = json_array_size(shape);
    if (!json_is_array(shape) || n > DRN_ST_MAX_DIMS)
        return drn_fail(err, DRN_ERR_FORMAT,
                        "%s: tensor '%s': shape must be an array of at most %d sizes, it has %zu",
                        file, show(t->name).text, DRN_ST_MAX_DIMS, n);
    t->ndim = (int)n;
    t->elements = 1;
    for (size_t i = 0; i < n; i++) {
        if (!to_size(&t->shape[i], json_array_get(shape, i)))
            return drn_fail(err, DRN_ERR_FORMAT,
                            "%s: tensor '%s': dimension %zu is not a whole number >= 0", file,
                            show(t->name).text, i);
        if (__builtin_mul_overflow(t->elements, t->shape[i], &t->elements))
            return drn_fail(err, DRN_ERR_FORMAT, "%s: tensor '%s': the shape's product overflows",
                            file, show(t->name).text);
    }
    return DRN_OK;
}

/* Offsets of one tensor within the `room` bytes behind the header. */
static drn_status read_offsets(drn_st_tensor *t, const json_t *offsets, const uint8_t *base,
                               size_t room, const char *file, drn_error *err)
{
    size_t begin, end, want;
    if (json_array_size(offsets) != 2 || !to_size(&begin, json_array_get(offsets, 0)) ||
        !to_size(&end, json_array_get(offsets, 1)))
        return drn_fail(err, DRN_ERR_FORMAT,
                        "%s: tensor '%s': data_offsets must be two whole numbers >= 0", file,
                        show(t->name).text);
    if (begin > end || end > room)
        return drn_fail(err, DRN_ERR_FORMAT,
                        "%s: tensor '%s' stands at %zu..%zu, the file has %zu bytes of tensors",
                        file, show(t->name).text, begin, end, room);
    if (__builtin_mul_overflow(t->elements, types[t->dtype].size, &want) || want != end - begin)
        return drn_fail(err, DRN_ERR_FORMAT,
                        "%s: tensor '%s' has %zu bytes, its shape of %zu %s elements does not fit",
                        file, show(t->name).text, end - begin, t->elements, types[t->dtype].name);
    t->data = base + begin;
    t->nbytes = end - begin;
    return DRN_OK;
}

static drn_status read_tensor(drn_st_tensor *t, const char *name, const json_t *entry,
                              const uint8_t *base, size_t room, const char *file, drn_error *err)
{
    t->name = name;
    const char *dtype = json_string_value(json_object_get(entry, "dtype"));
    if (!type_named(&t->dtype, dtype))
        return drn_fail(err, DRN_ERR_FORMAT, "%s: tensor '%s': unknown dtype '%s'", file,
                        show(name).text, show(dtype ? dtype : "").text);
    DRN_TRY(read_shape(t, json_object_get(entry, "shape"), file, err));
    return read_offsets(t, json_object_get(entry, "data_offsets"), base, room, file, err);
}

static int by_offset(const void *a, const void *b)
{
    const drn_st_tensor *x = a, *y = b;
    uintptr_t p = (uintptr_t)x->data, q = (uintptr_t)y->data;
    if (p != q)
        return p < q ? -1 : 1;
    return (x->nbytes > y->nbytes) - (x->nbytes < y->nbytes);
}

static int by_name(const void *a, const void *b)
{
    const drn_st_tensor *const *x = a, *const *y = b;
    return strcmp((*x)->name, (*y)->name);
}

/* Sorted by offset, the tensors must fill the bytes behind the header, without holes or overlap. */
static drn_status check_layout(const drn_safetensors *st, const uint8_t *base, size_t room,
                               drn_error *err)
{
    const uint8_t *at = base;
    for (size_t i = 0; i < st->count; i++) {
        const drn_st_tensor *t = &st->tensors[i];
        if ((const uint8_t *)t->data != at)
            return drn_fail(err, DRN_ERR_FORMAT,
                            "%s: tensor '%s' starts at %zu, the one before it ends at %zu",
                            st->name, show(t->name).text, (size_t)((const uint8_t *)t->data - base),
                            (size_t)(at - base));
        at += t->nbytes;
    }
    if (at != base + room)
        return drn_fail(err, DRN_ERR_FORMAT, "%s: the tensors end at %zu of %zu bytes", st->name,
                        (size_t)(at - base), room);
    return DRN_OK;
}

static drn_status read_tensors(drn_safetensors *st, const uint8_t *base, size_t room,
                               drn_error *err)
{
    size_t all = json_object_size(st->root) - (st->meta != NULL);
    DRN_TRY(drn_calloc_to(&st->tensors, all, sizeof *st->tensors, err));
    DRN_TRY(drn_alloc_to(&st->by_name, all, sizeof *st->by_name, err));
    const char *name;
    json_t *entry;
    json_object_foreach(st->root, name, entry)
    {
        if (entry == st->meta)
            continue;
        DRN_TRY(read_tensor(&st->tensors[st->count], name, entry, base, room, st->name, err));
        st->count++;
    }
    qsort(st->tensors, all, sizeof *st->tensors, by_offset);
    for (size_t i = 0; i < all; i++)
        st->by_name[i] = &st->tensors[i];
    qsort(st->by_name, all, sizeof *st->by_name, by_name);
    return check_layout(st, base, room, err);
}

drn_status drn_safetensors_parse(drn_safetensors **out, const void *data, size_t size,
                                 const char *name, drn_error *err)
{
    drn_safetensors *file = NULL;
    drn_status st;
    size_t start = 0;
    DRN_CHECK(drn_calloc_to(&file, 1, sizeof *file, err));
    file->name = drn_strdup(name);
    if (!file->name) {
        st = drn_fail(err, DRN_ERR_NOMEM, "%s: out of memory", name);
        goto done;
    }
    DRN_CHECK(read_header(&file->root, &start, data, size, name, err));
    file->meta = json_object_get(file->root, "__metadata__");
    DRN_CHECK(check_meta(file, err));
    DRN_CHECK(read_tensors(file, (const uint8_t *)data + start, size - start, err));
    *out = file;
    file = NULL;
done:
    drn_safetensors_free(file);
    return st;
}

drn_status drn_safetensors_open(drn_safetensors **out, const char *path, drn_error *err)
{
    void *data;
    size_t size;
    DRN_TRY(drn_file_read(&data, &size, path, DRN_ST_MAX_FILE, err));
    drn_status st = drn_safetensors_parse(out, data, size, path, err);
    if (st == DRN_OK)
        (*out)->owned = data;
    else
        drn_free(data);
    return st;
}

void drn_safetensors_free(drn_safetensors *st)
{
    if (!st)
        return;
    json_decref(st->root);
    drn_free(st->by_name);
    drn_free(st->tensors);
    drn_free(st->owned);
    drn_free(st->name);
    drn_free(st);
}

const char *drn_safetensors_name(const drn_safetensors *st)
{
    return st->name;
}

size_t drn_safetensors_count(const drn_safetensors *st)
{
    return st->count;
}

const drn_st_tensor *drn_safetensors_at(const drn_safetensors *st, size_t i)
{
    return &st->tensors[i];
}

const drn_st_tensor *drn_safetensors_find(const drn_safetensors *st, const char *name)
{
    drn_st_tensor wanted = {.name = name};
    const drn_st_tensor *key = &wanted;
    const drn_st_tensor **hit =
        st->count ? bsearch(&key, st->by_name, st->count, sizeof *st->by_name, by_name) : NULL;
    return hit ? *hit : NULL;
}

drn_status drn_safetensors_get(const drn_st_tensor **out, const drn_safetensors *st,
                               const char *name, drn_error *err)
{
    const drn_st_tensor *t = drn_safetensors_find(st, name);
    if (!t)
        return drn_fail(err, DRN_ERR_FORMAT, "%s: no tensor '%s' among %zu", st->name,
                        show(name).text, st->count);
    *out = t;
    return DRN_OK;
}

const char *drn_safetensors_meta(const drn_safetensors *st, const char *key)
{
    return json_string_value(json_object_get(st->meta, key));
}

size_t drn_safetensors_meta_count(const drn_safetensors *st)
{
    return json_object_size(st->meta);
}

void drn_safetensors_meta_at(const drn_safetensors *st, size_t i, const char **key,
                             const char **value)
{
    void *it = json_object_iter(st->meta);
    while (i-- > 0)
        it = json_object_iter_next(st->meta, it);
    *key = json_object_iter_key(it);
    *value = json_string_value(json_object_iter_value(it));
}

/* One element each, from bytes that need not be aligned. */
static float element_f32(const uint8_t *p, drn_st_dtype type)
{
    uint16_t half;
    float f;
    double d;
    switch (type) {
    case DRN_ST_F16:
        memcpy(&half, p, sizeof half);
        return drn_f32_from_f16(half);
    case DRN_ST_BF16:
        memcpy(&half, p, sizeof half);
        return drn_f32_from_bf16(half);
    case DRN_ST_F64:
        memcpy(&d, p, sizeof d);
        return (float)d;
    default:
        memcpy(&f, p, sizeof f);
        return f;
    }
}

drn_status drn_safetensors_to_f32(float *dst, const drn_st_tensor *t, drn_error *err)
{
    if (t->dtype != DRN_ST_F32 && t->dtype != DRN_ST_F16 && t->dtype != DRN_ST_BF16 &&
        t->dtype != DRN_ST_F64)
        return drn_fail(err, DRN_ERR_UNSUPPORTED, "tensor '%s' is %s, not a floating-point type",
                        show(t->name).text, types[t->dtype].name);
    const uint8_t *p = t->data;
    for (size_t i = 0, size = types[t->dtype].size; i < t->elements; i++)
        dst[i] = element_f32(p + i * size, t->dtype);
    return DRN_OK;
}
