#include "data/names.h"

#include "base/mem.h"

#include <string.h>

drn_status drn_array_reserve(void *list, size_t count, size_t *capacity, size_t size,
                             drn_error *err)
{
    void *old, *more;
    if (count < *capacity)
        return DRN_OK;
    memcpy(&old, list, sizeof old);
    size_t bigger = *capacity ? 2 * *capacity : 64;
    DRN_TRY(drn_alloc_to(&more, bigger, size, err));
    if (count)
        memcpy(more, old, count * size);
    drn_free(old);
    memcpy(list, &more, sizeof more);
    *capacity = bigger;
    return DRN_OK;
}

drn_status drn_names_add(size_t *at, drn_names *n, const char *dir, const char *name,
                         drn_error *err)
{
    size_t d = dir ? strlen(dir) : 0, len = strlen(name) + 1, need = d + 1 + len;
    if (n->capacity - n->size < need) {
        size_t bigger = 2 * n->capacity + need + 4096;
        char *text;
        DRN_TRY(drn_alloc_to(&text, bigger, 1, err));
        if (n->size)
            memcpy(text, n->text, n->size);
        drn_free(n->text);
        n->text = text;
        n->capacity = bigger;
    }
    *at = n->size;
    if (d) {
        memcpy(n->text + n->size, dir, d);
        n->size += d;
        if (dir[d - 1] != '/')
            n->text[n->size++] = '/';
    }
    memcpy(n->text + n->size, name, len);
    n->size += len;
    return DRN_OK;
}

void drn_names_clear(drn_names *n)
{
    drn_free(n->text);
    *n = (drn_names){0};
}

uint64_t drn_text_hash(const char *text)
{
    uint64_t h = 0xcbf29ce484222325u;
    for (; *text; text++)
        h = (h ^ (unsigned char)*text) * 0x100000001b3u;
    h = (h ^ (h >> 31)) * 0x7fb5d329728ea185u;
    return h ^ (h >> 29);
}
