/* The key-value file under a pack: a few tables of sorted keys, crash-safe, one writer.  Builds
 * without LMDB refuse everything (kv_none.c). */
#ifndef DRN_DATA_KV_H
#define DRN_DATA_KV_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

enum { DRN_KV_TABLES = 5, DRN_KV_MAX_KEY = 480 /* bytes */ };

typedef struct drn_kv drn_kv;
/* Called with borrowed memory that ends with the call.  From drn_kv_scan: false ends the scan. */
typedef bool (*drn_kv_fn)(void *ctx, const void *key, size_t key_size, const void *value,
                          size_t size);

bool drn_kv_available(void);

/* For reading: threads may share it.  DRN_ERR_FORMAT: not such a file, or cut short. */
drn_status drn_kv_open(drn_kv **out, const char *path, drn_error *err);
/* For writing, created when missing.  DRN_ERR_INVALID when another process writes it. */
drn_status drn_kv_create(drn_kv **out, const char *path, drn_error *err);
/* Drops what is not committed.  NULL is fine. */
void drn_kv_close(drn_kv *kv);

/* Value of a key by fn (called at most once); *found tells whether there is one.  A writer sees its
 * own puts. */
drn_status drn_kv_get(bool *found, drn_kv *kv, int table, const void *key, size_t key_size,
                      drn_kv_fn fn, void *ctx, drn_error *err);
/* All pairs in the order of keys. */
drn_status drn_kv_scan(drn_kv *kv, int table, drn_kv_fn fn, void *ctx, drn_error *err);

/* A new value or another one.  DRN_ERR_IO: no space; what was committed stays. */
drn_status drn_kv_put(drn_kv *kv, int table, const void *key, size_t key_size, const void *value,
                      size_t size, drn_error *err);
/* Make all puts so far last. */
drn_status drn_kv_commit(drn_kv *kv, drn_error *err);

#endif
