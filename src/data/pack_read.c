#include "base/mem.h"
#include "data/decode.h"
#include "data/names.h"
#include "data/pack.h"

#include <stdio.h>
#include <string.h>

struct drn_pack {
    drn_kv *kv;
    char *path;
};

/* ---- the form of keys and values ---- */

static void put_u32(unsigned char *p, uint32_t v)
{
    for (int i = 0; i < 4; i++)
        p[i] = (unsigned char)(v >> (24 - 8 * i));
}

static uint32_t get_u32(const unsigned char *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

void drn_pack_key(unsigned char key[4], uint32_t number)
{
    put_u32(key, number);
}

void drn_pack_head(unsigned char head[DRN_PACK_HEAD], const drn_pack_entry *e)
{
    memset(head, 0, DRN_PACK_HEAD);
    put_u32(head, (uint32_t)e->width);
    put_u32(head + 4, (uint32_t)e->height);
    head[8] = (unsigned char)e->free;
}

bool drn_pack_parse(drn_pack_entry *e, const void *key, size_t key_size, const void *value,
                    size_t size)
{
    const unsigned char *v = value;
    if (key_size != 4 || size < DRN_PACK_HEAD + 2 || v[size - 1] != 0)
        return false;
    const char *split = (const char *)v + DRN_PACK_HEAD;
    size_t n = strlen(split) + 1;
    if (DRN_PACK_HEAD + n >= size)
        return false;
    *e = (drn_pack_entry){.number = get_u32(key),
                          .width = (int32_t)get_u32(v),
                          .height = (int32_t)get_u32(v + 4),
                          .free = (char)v[8],
                          .split = split,
                          .name = split + n};
    return true;
}

size_t drn_pack_name_key(char key[DRN_KV_MAX_KEY], const char *name)
{
    size_t n = strlen(name);
    if (n <= DRN_KV_MAX_KEY) {
        memcpy(key, name, n);
        return n;
    }
    memcpy(key, name, DRN_KV_MAX_KEY - 17);
    char hash[24];
    snprintf(hash, sizeof hash, "#%016llx", (unsigned long long)drn_text_hash(name));
    memcpy(key + DRN_KV_MAX_KEY - 17, hash, 17);
    return DRN_KV_MAX_KEY;
}

/* ---- reading ---- */

static bool copy_text(void *ctx, const void *key, size_t key_size, const void *value, size_t size)
{
    (void)key, (void)key_size;
    char *text = ctx;
    size_t n = size < 31 ? size : 31;
    memcpy(text, value, n);
    text[n] = 0;
    return true;
}

static drn_status check_meta(drn_pack *p, drn_error *err)
{
    char format[32] = "", complete[32] = "";
    bool found;
    DRN_TRY(drn_kv_get(&found, p->kv, DRN_PACK_META, "format", 6, copy_text, format, err));
    if (!found || strcmp(format, "drn-pack 1") != 0)
        return drn_fail(err, DRN_ERR_FORMAT, "%s: a pack of another kind ('%s')", p->path, format);
    DRN_TRY(drn_kv_get(&found, p->kv, DRN_PACK_META, "complete", 8, copy_text, complete, err));
    if (strcmp(complete, "1") != 0)
        return drn_fail(err, DRN_ERR_INVALID,
                        "%s: not finished; run the same 'drn pack' again to go on", p->path);
    return DRN_OK;
}

drn_status drn_pack_open(drn_pack **out, const char *path, drn_error *err)
{
    drn_pack *p;
    drn_status st = DRN_OK;
    DRN_TRY(drn_calloc_to(&p, 1, sizeof *p, err));
    p->path = drn_strdup(path);
    if (!p->path)
        st = drn_fail(err, DRN_ERR_NOMEM, "%s: out of memory", path);
    if (st == DRN_OK)
        st = drn_kv_open(&p->kv, path, err);
    if (st == DRN_OK)
        st = check_meta(p, err);
    if (st != DRN_OK)
        drn_pack_close(p);
    else
        *out = p;
    return st;
}

void drn_pack_close(drn_pack *p)
{
    if (!p)
        return;
    drn_kv_close(p->kv);
    drn_free(p->path);
    drn_free(p);
}

typedef struct scan {
    const drn_pack *pack;
    const drn_listing_filter *filter;
    drn_pack_fn fn;
    void *ctx;
    bool any_split;
    drn_status st;
    drn_error *err;
} scan;

static bool scan_entry(void *ctx, const void *key, size_t key_size, const void *value, size_t size)
{
    scan *s = ctx;
    drn_pack_entry e;
    const drn_listing_filter *f = s->filter;
    if (!drn_pack_parse(&e, key, key_size, value, size)) {
        s->st = drn_fail(s->err, DRN_ERR_FORMAT, "%s: an entry is broken", s->pack->path);
        return false;
    }
    s->any_split |= e.split[0] != 0;
    if (f->free_only && !e.free) {
        s->st = drn_fail(s->err, DRN_ERR_INVALID, "%s: it is not known whether %s is free",
                         s->pack->path, e.name);
        return false;
    }
    if ((f->split && e.split[0] && strcmp(e.split, f->split) != 0) ||
        (f->need_split && !e.split[0]) || (f->free_only && e.free != '1'))
        return true;
    s->st = s->fn(s->ctx, &e, s->err);
    return s->st == DRN_OK;
}

drn_status drn_pack_each(drn_pack *p, const drn_listing_filter *filter, drn_pack_fn fn, void *ctx,
                         drn_error *err)
{
    scan s = {.pack = p, .filter = filter, .fn = fn, .ctx = ctx, .err = err};
    DRN_TRY(drn_kv_scan(p->kv, DRN_PACK_INDEX, scan_entry, &s, err));
    DRN_TRY(s.st);
    if (filter->need_split && !s.any_split)
        return drn_fail(err, DRN_ERR_INVALID,
                        "%s was made without a manifest.csv with a split '%s'; name a validation "
                        "folder with --val, or set train.val_every=0",
                        p->path, filter->split);
    return DRN_OK;
}

typedef struct decoding {
    const char *name;
    drn_image *image;
    drn_status st;
    drn_error *err;
} decoding;

static bool decode_blob(void *ctx, const void *key, size_t key_size, const void *value, size_t size)
{
    (void)key, (void)key_size;
    decoding *d = ctx;
    d->st = drn_decode(&d->image, value, size, d->name, d->err);
    return true;
}

drn_status drn_pack_image(drn_image **out, drn_pack *p, uint32_t number, const char *name,
                          drn_error *err)
{
    unsigned char key[4];
    decoding d = {.name = name, .err = err};
    bool found;
    drn_pack_key(key, number);
    DRN_TRY(drn_kv_get(&found, p->kv, DRN_PACK_BLOB, key, sizeof key, decode_blob, &d, err));
    if (!found)
        return drn_fail(err, DRN_ERR_FORMAT, "%s: its bytes are missing in the pack", name);
    DRN_TRY(d.st);
    return drn_to_rgb(out, d.image, err);
}
