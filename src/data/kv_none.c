/* Builds without LMDB. */
#include "data/kv.h"

bool drn_kv_available(void)
{
    return false;
}

static drn_status refuse(const char *path, drn_error *err)
{
    return drn_fail(err, DRN_ERR_UNSUPPORTED, "%s: this build has no packs; build with LMDB", path);
}

drn_status drn_kv_open(drn_kv **out, const char *path, drn_error *err)
{
    (void)out;
    return refuse(path, err);
}

drn_status drn_kv_create(drn_kv **out, const char *path, drn_error *err)
{
    (void)out;
    return refuse(path, err);
}

void drn_kv_close(drn_kv *kv)
{
    (void)kv;
}

drn_status drn_kv_get(bool *found, drn_kv *kv, int table, const void *key, size_t key_size,
                      drn_kv_fn fn, void *ctx, drn_error *err)
{
    (void)found, (void)kv, (void)table, (void)key, (void)key_size, (void)fn, (void)ctx;
    return refuse("pack", err);
}

drn_status drn_kv_scan(drn_kv *kv, int table, drn_kv_fn fn, void *ctx, drn_error *err)
{
    (void)kv, (void)table, (void)fn, (void)ctx;
    return refuse("pack", err);
}

drn_status drn_kv_put(drn_kv *kv, int table, const void *key, size_t key_size, const void *value,
                      size_t size, drn_error *err)
{
    (void)kv, (void)table, (void)key, (void)key_size, (void)value, (void)size;
    return refuse("pack", err);
}

drn_status drn_kv_commit(drn_kv *kv, drn_error *err)
{
    (void)kv;
    return refuse("pack", err);
}
