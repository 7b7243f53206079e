#include "io/onnx.h"

#include "base/fileio.h"
#include "base/mem.h"

#include <jansson.h>
#include <string.h>

/* Field numbers of the messages in ONNX's schema that are written here. */
enum {
    MODEL_IR_VERSION = 1,
    MODEL_PRODUCER = 2,
    MODEL_PRODUCER_VERSION = 3,
    MODEL_GRAPH = 7,
    MODEL_OPSET = 8,
    MODEL_METADATA = 14,
    OPSET_DOMAIN = 1,
    OPSET_VERSION = 2,
    PAIR_KEY = 1,
    PAIR_VALUE = 2,
    GRAPH_NODE = 1,
    GRAPH_NAME = 2,
    GRAPH_INITIALIZER = 5,
    GRAPH_DOC = 10,
    GRAPH_INPUT = 11,
    GRAPH_OUTPUT = 12,
    NODE_INPUT = 1,
    NODE_OUTPUT = 2,
    NODE_NAME = 3,
    NODE_OP = 4,
    NODE_ATTRIBUTE = 5,
    ATTRIBUTE_NAME = 1,
    ATTRIBUTE_FLOAT = 2,
    ATTRIBUTE_INT = 3,
    ATTRIBUTE_TEXT = 4,
    ATTRIBUTE_INTS = 8,
    ATTRIBUTE_TYPE = 20,
    TENSOR_DIMS = 1,
    TENSOR_TYPE = 2,
    TENSOR_NAME = 8,
    TENSOR_RAW = 9,
    VALUE_NAME = 1,
    VALUE_TYPE = 2,
    TYPE_TENSOR = 1,
    TENSOR_TYPE_ELEMENT = 1,
    TENSOR_TYPE_SHAPE = 2,
    SHAPE_DIM = 1,
    DIM_VALUE = 1,
    DIM_NAME = 2
};
enum { ELEMENT_FLOAT = 1, ELEMENT_INT64 = 7 };
enum { WIRE_VARINT = 0, WIRE_BYTES = 2, WIRE_32 = 5 };

typedef struct buffer {
    char *data;
    size_t size, cap;
} buffer;

/* An initializer: everything up to the weights, and the weights. */
typedef struct tensor {
    buffer head;
    const void *data; /* borrowed */
    size_t nbytes;
} tensor;

struct drn_onnx {
    drn_error error;
    json_t *meta; /* strings: checks UTF-8, keeps keys unique and in order */
    buffer graph; /* all of the graph but its initializers */
    tensor *tensors;
    size_t count, cap;
};

drn_status drn_onnx_new(drn_onnx **out, drn_error *err)
{
    drn_onnx *w;
    DRN_TRY(drn_calloc_to(&w, 1, sizeof *w, err));
    w->meta = json_object();
    if (!w->meta) {
        drn_free(w);
        return drn_fail(err, DRN_ERR_NOMEM, "out of memory for an ONNX file");
    }
    *out = w;
    return DRN_OK;
}

void drn_onnx_free(drn_onnx *w)
{
    if (!w)
        return;
    for (size_t i = 0; i < w->count; i++)
        drn_free(w->tensors[i].head.data);
    json_decref(w->meta);
    drn_free(w->tensors);
    drn_free(w->graph.data);
    drn_free(w);
}

void drn_onnx_fail(drn_onnx *w, const drn_error *err)
{
    if (w->error.code == DRN_OK)
        w->error = *err;
}

/* ---- the wire ---- */

/* Room for n bytes at the end, or NULL after an error. */
static char *extend(drn_onnx *w, buffer *b, size_t n)
{
    size_t need;
    if (w->error.code != DRN_OK || drn_size_add(&need, b->size, n, &w->error) != DRN_OK)
        return NULL;
    if (need > b->cap) {
        size_t cap = need > 2 * b->cap ? need : 2 * b->cap;
        char *bigger;
        if (drn_alloc_to(&bigger, cap, 1, &w->error) != DRN_OK)
            return NULL;
        if (b->size)
            memcpy(bigger, b->data, b->size);
        drn_free(b->data);
        b->data = bigger;
        b->cap = cap;
    }
    char *at = b->data + b->size;
    b->size = need;
    return at;
}

static void put(drn_onnx *w, buffer *b, const void *data, size_t n)
{
    char *to = n ? extend(w, b, n) : NULL;
    if (to)
        memcpy(to, data, n);
}

/* Seven bits a byte, lowest first; the top bit says that more follow. */
static size_t varint(unsigned char out[10], uint64_t v)
{
    size_t n = 0;
    for (; v >= 0x80; v >>= 7)
        out[n++] = (unsigned char)(v | 0x80);
    out[n++] = (unsigned char)v;
    return n;
}

static void put_varint(drn_onnx *w, buffer *b, uint64_t v)
{
    unsigned char text[10];
    put(w, b, text, varint(text, v));
}

static void put_tag(drn_onnx *w, buffer *b, unsigned field, unsigned wire)
{
    put_varint(w, b, field << 3 | wire);
}

static void put_int(drn_onnx *w, buffer *b, unsigned field, int64_t v)
{
    put_tag(w, b, field, WIRE_VARINT);
    put_varint(w, b, (uint64_t)v);
}

static void put_text(drn_onnx *w, buffer *b, unsigned field, const char *text)
{
    size_t n = strlen(text);
    put_tag(w, b, field, WIRE_BYTES);
    put_varint(w, b, n);
    put(w, b, text, n);
}

/* A message inside: what is put between begin and end.  Its length, known at the end, goes before it. */
static size_t begin(drn_onnx *w, buffer *b, unsigned field)
{
    put_tag(w, b, field, WIRE_BYTES);
    return b->size;
}

static void end(drn_onnx *w, buffer *b, size_t start)
{
    unsigned char text[10];
    size_t length = b->size - start, n = varint(text, length);
    if (!extend(w, b, n))
        return;
    memmove(b->data + start + n, b->data + start, length);
    memcpy(b->data + start, text, n);
}

/* ---- collecting ---- */

void drn_onnx_describe(drn_onnx *w, const char *name, const char *doc)
{
    put_text(w, &w->graph, GRAPH_NAME, name);
    put_text(w, &w->graph, GRAPH_DOC, doc);
}

void drn_onnx_meta(drn_onnx *w, const char *key, const char *value)
{
    if (w->error.code == DRN_OK && json_object_set_new(w->meta, key, json_string(value)) != 0)
        drn_fail(&w->error, DRN_ERR_INVALID, "metadata '%.80s': not UTF-8, or out of memory", key);
}

static void put_value(drn_onnx *w, unsigned field, const char *name, int ndim, const drn_onnx_dim *dims)
{
    buffer *b = &w->graph;
    size_t value = begin(w, b, field);
    put_text(w, b, VALUE_NAME, name);
    size_t type = begin(w, b, VALUE_TYPE), of = begin(w, b, TYPE_TENSOR);
    put_int(w, b, TENSOR_TYPE_ELEMENT, ELEMENT_FLOAT);
    size_t shape = begin(w, b, TENSOR_TYPE_SHAPE);
    for (int i = 0; i < ndim; i++) {
        size_t dim = begin(w, b, SHAPE_DIM);
        if (dims[i].name)
            put_text(w, b, DIM_NAME, dims[i].name);
        else
            put_int(w, b, DIM_VALUE, dims[i].value);
        end(w, b, dim);
    }
    end(w, b, shape);
    end(w, b, of);
    end(w, b, type);
    end(w, b, value);
}

void drn_onnx_input(drn_onnx *w, const char *name, int ndim, const drn_onnx_dim *dims)
{
    put_value(w, GRAPH_INPUT, name, ndim, dims);
}

void drn_onnx_output(drn_onnx *w, const char *name, int ndim, const drn_onnx_dim *dims)
{
    put_value(w, GRAPH_OUTPUT, name, ndim, dims);
}

/* One more initializer with its head filled in, or NULL after an error. */
static tensor *add_tensor(drn_onnx *w, const char *name, int element, size_t size, int ndim,
                          const int64_t *dims)
{
    tensor t = {.nbytes = size};
    if (w->error.code == DRN_OK && w->count == w->cap) {
        size_t cap = w->cap ? 2 * w->cap : 64;
        tensor *bigger;
        if (drn_alloc_to(&bigger, cap, sizeof *bigger, &w->error) != DRN_OK)
            return NULL;
        if (w->count)
            memcpy(bigger, w->tensors, w->count * sizeof *bigger);
        drn_free(w->tensors);
        w->tensors = bigger;
        w->cap = cap;
    }
    for (int i = 0; i < ndim; i++) {
        put_int(w, &t.head, TENSOR_DIMS, dims[i]);
        if (w->error.code == DRN_OK)
            (void)drn_size_mul(&t.nbytes, t.nbytes, (size_t)dims[i], &w->error);
    }
    put_int(w, &t.head, TENSOR_TYPE, element);
    put_text(w, &t.head, TENSOR_NAME, name);
    put_tag(w, &t.head, TENSOR_RAW, WIRE_BYTES);
    put_varint(w, &t.head, t.nbytes);
    if (w->error.code != DRN_OK) {
        drn_free(t.head.data);
        return NULL;
    }
    w->tensors[w->count] = t;
    return &w->tensors[w->count++];
}

/* The head takes the data in. */
static void add_constant(drn_onnx *w, tensor *t, const void *data)
{
    if (!t)
        return;
    put(w, &t->head, data, t->nbytes);
    t->nbytes = 0;
}

void drn_onnx_weights(drn_onnx *w, const char *name, int ndim, const int64_t *dims, const float *data)
{
    tensor *t = add_tensor(w, name, ELEMENT_FLOAT, sizeof *data, ndim, dims);
    if (t)
        t->data = data;
}

void drn_onnx_floats(drn_onnx *w, const char *name, int ndim, const int64_t *dims, const float *data)
{
    add_constant(w, add_tensor(w, name, ELEMENT_FLOAT, sizeof *data, ndim, dims), data);
}

void drn_onnx_ints(drn_onnx *w, const char *name, size_t n, const int64_t *data)
{
    add_constant(w, add_tensor(w, name, ELEMENT_INT64, sizeof *data, 1, &(int64_t){(int64_t)n}), data);
}

static void put_attribute(drn_onnx *w, buffer *b, const drn_onnx_attr *a)
{
    size_t start = begin(w, b, NODE_ATTRIBUTE);
    put_text(w, b, ATTRIBUTE_NAME, a->name);
    if (a->type == DRN_ONNX_FLOAT) {
        put_tag(w, b, ATTRIBUTE_FLOAT, WIRE_32);
        put(w, b, &a->f, sizeof a->f);
    }
    if (a->type == DRN_ONNX_INT)
        put_int(w, b, ATTRIBUTE_INT, a->i);
    if (a->type == DRN_ONNX_TEXT)
        put_text(w, b, ATTRIBUTE_TEXT, a->text);
    for (int64_t i = 0; a->type == DRN_ONNX_INTS && i < a->i; i++)
        put_int(w, b, ATTRIBUTE_INTS, a->ints[i]);
    put_int(w, b, ATTRIBUTE_TYPE, (int64_t)a->type);
    end(w, b, start);
}

void drn_onnx_node(drn_onnx *w, const char *op, const char *name, const char *output,
                   const char *const *inputs, const drn_onnx_attr *attributes)
{
    buffer *b = &w->graph;
    size_t start = begin(w, b, GRAPH_NODE);
    for (; *inputs; inputs++)
        put_text(w, b, NODE_INPUT, *inputs);
    put_text(w, b, NODE_OUTPUT, output);
    put_text(w, b, NODE_NAME, name);
    put_text(w, b, NODE_OP, op);
    for (; attributes && attributes->name; attributes++)
        put_attribute(w, b, attributes);
    end(w, b, start);
}

/* ---- writing ---- */

static void put_pair(drn_onnx *w, buffer *b, const char *key, const char *value)
{
    size_t start = begin(w, b, MODEL_METADATA);
    put_text(w, b, PAIR_KEY, key);
    put_text(w, b, PAIR_VALUE, value);
    end(w, b, start);
}

/* Everything of the model before its graph. */
static void put_model(drn_onnx *w, buffer *b)
{
    const char *key;
    json_t *value;
    put_int(w, b, MODEL_IR_VERSION, DRN_ONNX_IR_VERSION);
    put_text(w, b, MODEL_PRODUCER, "drn");
    put_text(w, b, MODEL_PRODUCER_VERSION, drn_version());
    size_t opset = begin(w, b, MODEL_OPSET);
    put_text(w, b, OPSET_DOMAIN, "");
    put_int(w, b, OPSET_VERSION, DRN_ONNX_OPSET);
    end(w, b, opset);
    json_object_foreach(w->meta, key, value)
        put_pair(w, b, key, json_string_value(value));
}

/* Bytes of the tag and length before a tensor, and of the tensor. */
static size_t tensor_prefix(unsigned char out[11], const tensor *t)
{
    out[0] = GRAPH_INITIALIZER << 3 | WIRE_BYTES;
    return 1 + varint(out + 1, t->head.size + t->nbytes);
}

/* The graph's length; everything together must stay below 2 GiB. */
static drn_status measure(size_t *bytes, const drn_onnx *w, size_t before, const char *path, drn_error *err)
{
    unsigned char prefix[11];
    size_t total = w->graph.size;
    for (size_t i = 0; i < w->count; i++) {
        const tensor *t = &w->tensors[i];
        DRN_TRY(drn_size_add(&total, total, tensor_prefix(prefix, t) + t->head.size, err));
        DRN_TRY(drn_size_add(&total, total, t->nbytes, err));
    }
    if (before > INT32_MAX || total > INT32_MAX || before + total + 16 > INT32_MAX)
        return drn_fail(err, DRN_ERR_UNSUPPORTED, "%s: %zu bytes, and no ONNX file may have 2 GiB", path,
                        total);
    *bytes = total;
    return DRN_OK;
}

static void write_all(const drn_onnx *w, const buffer *model, FILE *f)
{
    unsigned char prefix[11];
    fwrite(model->data, 1, model->size, f);
    fwrite(w->graph.data, 1, w->graph.size, f);
    for (size_t i = 0; i < w->count; i++) {
        const tensor *t = &w->tensors[i];
        fwrite(prefix, 1, tensor_prefix(prefix, t), f);
        fwrite(t->head.data, 1, t->head.size, f);
        if (t->nbytes)
            fwrite(t->data, 1, t->nbytes, f);
    }
}

drn_status drn_onnx_write(drn_onnx *w, const char *path, drn_error *err)
{
    drn_status st = DRN_OK;
    drn_atomic_file a;
    buffer model = {0};
    size_t graph = 0;
    put_model(w, &model);
    if (w->error.code == DRN_OK)
        DRN_CHECK(measure(&graph, w, model.size, path, err));
    put_tag(w, &model, MODEL_GRAPH, WIRE_BYTES);
    put_varint(w, &model, graph);
    if (w->error.code != DRN_OK) {
        st = w->error.code;
        if (err)
            *err = w->error;
        goto done;
    }
    DRN_CHECK(drn_atomic_open(&a, path, err));
    write_all(w, &model, a.f);
    st = drn_atomic_commit(&a, err);
done:
    drn_free(model.data);
    return st;
}
