/* Models as safetensors: metadata "drn.*" holds the architecture, one tensor a parameter. */
#include "base/mem.h"
#include "models/model.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct config_key {
    const char *key;
    size_t offset;
    enum { KEY_INT, KEY_BOOL, KEY_SKIP } type;
} config_key;

static const config_key keys[] = {
    {"drn.scale", offsetof(drn_config, scale), KEY_INT},
    {"drn.channels", offsetof(drn_config, channels), KEY_INT},
    {"drn.modules", offsetof(drn_config, modules), KEY_INT},
    {"drn.progressive", offsetof(drn_config, progressive), KEY_BOOL},
    {"drn.dual", offsetof(drn_config, dual), KEY_BOOL},
    {"drn.dual_channels", offsetof(drn_config, dual_channels), KEY_INT},
    {"drn.skip", offsetof(drn_config, skip), KEY_SKIP},
};

#define ARCHITECTURE "drn-2018"

static drn_status read_key(drn_config *c, const config_key *k, const char *value, const char *file,
                           drn_error *err)
{
    char *field = (char *)c + k->offset, *end;
    bool yes = strcmp(value, "true") == 0, no = strcmp(value, "false") == 0;
    errno = 0;
    long n = strtol(value, &end, 10);
    if (k->type == KEY_INT && errno == 0 && end != value && !*end && n >= 0 && n <= 1 << 20)
        memcpy(field, &(int){(int)n}, sizeof(int));
    else if (k->type == KEY_BOOL && (yes || no))
        memcpy(field, &yes, sizeof yes);
    else if (k->type == KEY_SKIP && (strcmp(value, "bicubic") == 0 || strcmp(value, "none") == 0))
        c->skip = value[0] == 'b' ? DRN_SKIP_BICUBIC : DRN_SKIP_NONE;
    else
        return drn_fail(err, DRN_ERR_FORMAT, "%s: metadata %s has the value '%.40s'", file, k->key, value);
    return DRN_OK;
}

drn_status drn_config_from_metadata(drn_config *c, const drn_safetensors *st, drn_error *err)
{
    const char *file = drn_safetensors_name(st), *arch = drn_safetensors_meta(st, "drn.architecture");
    *c = (drn_config){0};
    if (!arch)
        return drn_fail(err, DRN_ERR_FORMAT, "%s: no model of this program (metadata has no drn.architecture)",
                        file);
    if (strcmp(arch, ARCHITECTURE) != 0)
        return drn_fail(err, DRN_ERR_UNSUPPORTED, "%s: architecture '%.40s' is not known, only %s", file, arch,
                        ARCHITECTURE);
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        const char *value = drn_safetensors_meta(st, keys[i].key);
        if (!value)
            return drn_fail(err, DRN_ERR_FORMAT, "%s: metadata has no %s", file, keys[i].key);
        DRN_TRY(read_key(c, &keys[i], value, file, err));
    }
    return drn_config_check(c, err);
}

drn_status drn_config_write(drn_st_writer *w, const drn_config *c, drn_error *err)
{
    DRN_TRY(drn_st_writer_meta(w, "drn.architecture", ARCHITECTURE, err));
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        const char *field = (const char *)c + keys[i].offset;
        char text[16];
        if (keys[i].type == KEY_INT)
            snprintf(text, sizeof text, "%d", *(const int *)(const void *)field);
        else if (keys[i].type == KEY_BOOL)
            snprintf(text, sizeof text, "%s", *(const bool *)field ? "true" : "false");
        else
            snprintf(text, sizeof text, "%s", c->skip == DRN_SKIP_NONE ? "none" : "bicubic");
        DRN_TRY(drn_st_writer_meta(w, keys[i].key, text, err));
    }
    return DRN_OK;
}

/* Weights have four dimensions, vectors one. */
static int dims(const drn_param *q, size_t shape[4])
{
    const int32_t s[4] = {q->shape.n, q->shape.c, q->shape.h, q->shape.w};
    for (int i = 0; i < 4; i++)
        shape[i] = (size_t)s[i];
    return q->shape.c == 1 && q->shape.h == 1 && q->shape.w == 1 ? 1 : 4;
}

drn_status drn_params_write(drn_st_writer *w, const drn_params *p, const float *values, const char *prefix,
                            drn_st_dtype store, drn_error *err)
{
    for (size_t i = 0; i < p->count; i++) {
        const drn_param *q = &p->list[i];
        char name[96];
        size_t shape[4];
        int n = dims(q, shape);
        snprintf(name, sizeof name, "%s%s", prefix, q->name);
        DRN_TRY(drn_st_writer_add_f32(w, name, store, n, shape, values + q->offset, err));
    }
    return DRN_OK;
}

drn_status drn_params_read(float *values, const drn_params *p, const drn_safetensors *st, const char *prefix,
                           drn_error *err)
{
    for (size_t i = 0; i < p->count; i++) {
        const drn_param *q = &p->list[i];
        const drn_st_tensor *t;
        char name[96];
        size_t shape[4];
        int n = dims(q, shape);
        snprintf(name, sizeof name, "%s%s", prefix, q->name);
        DRN_TRY(drn_safetensors_get(&t, st, name, err));
        if (t->ndim != n || memcmp(t->shape, shape, (size_t)n * sizeof *shape) != 0)
            return drn_fail(err, DRN_ERR_FORMAT, "%s: tensor '%s' has %d dimensions, %zu elements; wants %d, %zu",
                            drn_safetensors_name(st), name, t->ndim, t->elements, n, q->count);
        DRN_TRY(drn_safetensors_to_f32(values + q->offset, t, err));
        for (size_t k = 0; k < q->count; k++)
            if (!isfinite(values[q->offset + k]))
                return drn_fail(err, DRN_ERR_NUMERIC, "%s: tensor '%s' holds a value that is not finite",
                                drn_safetensors_name(st), name);
    }
    return DRN_OK;
}

static drn_status copy_metadata(drn_model *m, const drn_safetensors *st, drn_error *err)
{
    size_t n = drn_safetensors_meta_count(st);
    DRN_TRY(drn_calloc_to(&m->meta, n + 1, sizeof *m->meta, err));
    for (; m->meta_count < n; m->meta_count++) {
        drn_meta_pair *pair = &m->meta[m->meta_count];
        const char *key, *value;
        drn_safetensors_meta_at(st, m->meta_count, &key, &value);
        pair->key = drn_strdup(key);
        pair->value = drn_strdup(value);
        if (!pair->key || !pair->value) {
            m->meta_count++; /* so that both are freed */
            return drn_fail(err, DRN_ERR_NOMEM, "out of memory for metadata");
        }
    }
    return DRN_OK;
}

drn_status drn_model_from_safetensors(drn_model **out, const drn_safetensors *file, const char *name,
                                      drn_error *err)
{
    drn_status st = DRN_OK;
    drn_model *m;
    DRN_TRY(drn_calloc_to(&m, 1, sizeof *m, err));
    DRN_CHECK(drn_config_from_metadata(&m->config, file, err));
    m->name = drn_strdup(name);
    if (!m->name)
        DRN_CHECK(drn_fail(err, DRN_ERR_NOMEM, "%s: out of memory", name));
    DRN_CHECK(drn_params_new(&m->params, DRN_FLOAT32, err));
    DRN_CHECK(drn_net_declare(m->params, &m->config, 1, err));
    DRN_CHECK(drn_params_allocate(m->params, false, err));
    DRN_CHECK(drn_params_read(m->params->value, m->params, file, "", err));
    DRN_CHECK(copy_metadata(m, file, err));
    *out = m;
    m = NULL;
done:
    drn_model_free(m);
    return st;
}
