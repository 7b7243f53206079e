#include "base/mem.h"
#include "fuzz.h"
#include "io/safetensors.h"

#include <string.h>

/* What the reader promises of every tensor of a file it accepts. */
static void check_tensor(const drn_safetensors *st, const drn_st_tensor *t, const uint8_t *at)
{
    size_t elements = 1;
    for (int d = 0; d < t->ndim; d++)
        elements *= t->shape[d];
    PROMISE(t->ndim >= 0 && t->ndim <= DRN_ST_MAX_DIMS && elements == t->elements);
    PROMISE(t->nbytes == elements * drn_st_dtype_size(t->dtype));
    PROMISE(t->data == at && drn_safetensors_find(st, t->name) == t);
    drn_error err = {0};
    float *values = drn_alloc(t->elements * sizeof(float));
    PROMISE(values);
    drn_status s = drn_safetensors_to_f32(values, t, &err);
    PROMISE(s == DRN_OK || (s == DRN_ERR_UNSUPPORTED && err.message[0]));
    drn_free(values);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    drn_error err = {0};
    drn_safetensors *st = NULL;
    drn_status s = drn_safetensors_parse(&st, data, size, "fuzz", &err);
    PROMISE(s == DRN_OK || (st == NULL && err.code == s && err.message[0]));
    if (s != DRN_OK)
        return 0;
    size_t total = 0;
    for (size_t i = 0; i < drn_safetensors_count(st); i++)
        total += drn_safetensors_at(st, i)->nbytes;
    PROMISE(total <= size);
    for (size_t i = 0, at = size - total; i < drn_safetensors_count(st); i++) {
        check_tensor(st, drn_safetensors_at(st, i), data + at);
        at += drn_safetensors_at(st, i)->nbytes;
    }
    for (size_t i = 0; i < drn_safetensors_meta_count(st); i++) {
        const char *key, *value;
        drn_safetensors_meta_at(st, i, &key, &value);
        PROMISE(key && value && strcmp(drn_safetensors_meta(st, key), value) == 0);
    }
    drn_safetensors_free(st);
    return 0;
}
