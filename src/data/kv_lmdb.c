/* The only file that includes lmdb.h.  The store is one file without a lock file: readers take no
 * locks, so that packs may lie on read-only and network file systems; a writer holds a lock on the
 * file itself. */
#include "data/kv.h"

#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <lmdb.h>
#include <stdint.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define FIRST_MAP ((size_t)256 << 20) /* bytes of address space; doubled when needed */

struct drn_kv {
    MDB_env *env;
    MDB_dbi table[DRN_KV_TABLES];
    MDB_txn *txn;   /* of a writer: open from the first put to the commit */
    size_t pending; /* bytes put since the last commit */
    int lock;       /* file descriptor; -1: a reader */
    char *path;
};

bool drn_kv_available(void)
{
    return true;
}

/* LMDB takes a write that was cut short for an error of the device, or for a full disk: the error
 * that a writer's next write would have had. */
static int write_error(const drn_kv *kv, int code)
{
    struct rlimit limit;
    struct statvfs fs;
    struct stat sb;
    if (kv->lock < 0 || (code != EIO && code != ENOSPC))
        return code;
    if (getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY &&
        fstat(kv->lock, &sb) == 0 && (uintmax_t)sb.st_size >= limit.rlim_cur)
        return EFBIG;
    bool full = fstatvfs(kv->lock, &fs) == 0 && (double)fs.f_bavail * (double)fs.f_frsize < 1 << 20;
    return full ? ENOSPC : code;
}

static drn_status failure(const drn_kv *kv, int code, drn_error *err)
{
    code = write_error(kv, code);
    drn_status st = code == ENOMEM ? DRN_ERR_NOMEM
                    : code == MDB_INVALID || code == MDB_CORRUPTED ||
                            code == MDB_VERSION_MISMATCH || code == MDB_PAGE_NOTFOUND
                        ? DRN_ERR_FORMAT
                        : DRN_ERR_IO;
    if (code == MDB_INVALID || code == MDB_VERSION_MISMATCH)
        return drn_fail(err, st, "%s: not a pack", kv->path);
    if (kv->lock >= 0 && (code == ENOSPC || code == EFBIG || code == EDQUOT || code == EIO))
        return drn_fail(err, st,
                        "%s: cannot write: %s; what it held before is kept, run again to go on",
                        kv->path, drn_write_reason(code));
    return drn_fail(err, st, "%s: %s", kv->path, mdb_strerror(code));
}

static drn_status open_tables(drn_kv *kv, bool write, drn_error *err)
{
    static const char *const names[DRN_KV_TABLES] = {"meta", "source", "index", "blob", "hash"};
    MDB_txn *txn;
    int code = mdb_txn_begin(kv->env, NULL, write ? 0 : MDB_RDONLY, &txn);
    if (code)
        return failure(kv, code, err);
    for (int i = 0; i < DRN_KV_TABLES && !code; i++)
        code = mdb_dbi_open(txn, names[i], write ? MDB_CREATE : 0, &kv->table[i]);
    if (code == 0)
        code = mdb_txn_commit(txn);
    else
        mdb_txn_abort(txn);
    if (code == MDB_NOTFOUND)
        return drn_fail(err, DRN_ERR_FORMAT, "%s: a data base, but not a pack", kv->path);
    return code ? failure(kv, code, err) : DRN_OK;
}

/* Pages beyond the end of a mapped file kill the process: find out first. */
static drn_status check_length(const drn_kv *kv, off_t size, drn_error *err)
{
    MDB_envinfo info;
    MDB_stat stat;
    int code = mdb_env_info(kv->env, &info);
    if (code == 0)
        code = mdb_env_stat(kv->env, &stat);
    if (code)
        return failure(kv, code, err);
    unsigned long long need = ((unsigned long long)info.me_last_pgno + 1) * stat.ms_psize;
    if ((unsigned long long)size < need)
        return drn_fail(err, DRN_ERR_FORMAT, "%s: cut short: %lld bytes of %llu", kv->path,
                        (long long)size, need);
    return DRN_OK;
}

static drn_status new_kv(drn_kv **out, const char *path, drn_error *err)
{
    drn_kv *kv;
    DRN_TRY(drn_calloc_to(&kv, 1, sizeof *kv, err));
    kv->lock = -1;
    kv->path = drn_strdup(path);
    int code = kv->path ? mdb_env_create(&kv->env) : ENOMEM;
    if (code == 0)
        code = mdb_env_set_maxdbs(kv->env, DRN_KV_TABLES);
    *out = kv;
    return code ? drn_fail(err, DRN_ERR_NOMEM, "%s: out of memory", path) : DRN_OK;
}

void drn_kv_close(drn_kv *kv)
{
    if (!kv)
        return;
    if (kv->txn)
        mdb_txn_abort(kv->txn);
    if (kv->env)
        mdb_env_close(kv->env);
    if (kv->lock >= 0)
        close(kv->lock);
    drn_free(kv->path);
    drn_free(kv);
}

static drn_status open_reader(drn_kv *kv, drn_error *err)
{
    struct stat sb;
    if (stat(kv->path, &sb) != 0)
        return drn_fail(err, DRN_ERR_IO, "%s: %s", kv->path, strerror(errno));
    if (!S_ISREG(sb.st_mode) || sb.st_size == 0)
        return drn_fail(err, DRN_ERR_FORMAT, "%s: %s, not a pack", kv->path,
                        sb.st_size ? "no regular file" : "empty");
    int code =
        mdb_env_open(kv->env, kv->path, MDB_NOSUBDIR | MDB_RDONLY | MDB_NOLOCK | MDB_NORDAHEAD, 0);
    if (code)
        return failure(kv, code, err);
    DRN_TRY(check_length(kv, sb.st_size, err));
    return open_tables(kv, false, err);
}

drn_status drn_kv_open(drn_kv **out, const char *path, drn_error *err)
{
    drn_kv *kv = NULL;
    drn_status st = new_kv(&kv, path, err);
    if (st == DRN_OK)
        st = open_reader(kv, err);
    if (st != DRN_OK)
        drn_kv_close(kv);
    else
        *out = kv;
    return st;
}

static drn_status open_writer(drn_kv *kv, drn_error *err)
{
    struct stat sb;
    kv->lock = open(kv->path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (kv->lock < 0 || fstat(kv->lock, &sb) != 0)
        return drn_fail(err, DRN_ERR_IO, "%s: cannot write: %s", kv->path, strerror(errno));
    if (flock(kv->lock, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK)
        return drn_fail(err, DRN_ERR_INVALID, "%s: another process is writing it", kv->path);
    size_t map = FIRST_MAP;
    while (map / 2 < (size_t)sb.st_size)
        map *= 2;
    int code = mdb_env_set_mapsize(kv->env, map);
    if (code == 0)
        code = mdb_env_open(kv->env, kv->path, MDB_NOSUBDIR | MDB_NOLOCK | MDB_NORDAHEAD, 0666);
    if (code)
        return failure(kv, code, err);
    if (sb.st_size)
        DRN_TRY(check_length(kv, sb.st_size, err));
    return open_tables(kv, true, err);
}

drn_status drn_kv_create(drn_kv **out, const char *path, drn_error *err)
{
    drn_kv *kv = NULL;
    drn_status st = new_kv(&kv, path, err);
    if (st == DRN_OK)
        st = open_writer(kv, err);
    if (st != DRN_OK)
        drn_kv_close(kv);
    else
        *out = kv;
    return st;
}

static MDB_val value_of(const void *data, size_t size)
{
    return (MDB_val){size, (void *)(uintptr_t)data};
}

/* A writer reads in its own transaction, a reader in one of its own making. */
static int begin_read(MDB_txn **txn, drn_kv *kv)
{
    *txn = kv->txn;
    return kv->txn ? 0 : mdb_txn_begin(kv->env, NULL, MDB_RDONLY, txn);
}

static void end_read(MDB_txn *txn, const drn_kv *kv)
{
    if (txn != kv->txn)
        mdb_txn_abort(txn);
}

drn_status drn_kv_get(bool *found, drn_kv *kv, int table, const void *key, size_t key_size,
                      drn_kv_fn fn, void *ctx, drn_error *err)
{
    MDB_txn *txn;
    MDB_val k = value_of(key, key_size), v;
    int code = begin_read(&txn, kv);
    if (code)
        return failure(kv, code, err);
    code = mdb_get(txn, kv->table[table], &k, &v);
    *found = code == 0;
    if (code == 0 && fn)
        fn(ctx, key, key_size, v.mv_data, v.mv_size);
    end_read(txn, kv);
    return code && code != MDB_NOTFOUND ? failure(kv, code, err) : DRN_OK;
}

drn_status drn_kv_scan(drn_kv *kv, int table, drn_kv_fn fn, void *ctx, drn_error *err)
{
    MDB_txn *txn;
    MDB_cursor *cursor;
    MDB_val k, v;
    int code = begin_read(&txn, kv);
    if (code)
        return failure(kv, code, err);
    code = mdb_cursor_open(txn, kv->table[table], &cursor);
    if (code == 0) {
        do
            code = mdb_cursor_get(cursor, &k, &v, MDB_NEXT);
        while (code == 0 && fn(ctx, k.mv_data, k.mv_size, v.mv_data, v.mv_size));
        mdb_cursor_close(cursor);
    }
    end_read(txn, kv);
    return code && code != MDB_NOTFOUND ? failure(kv, code, err) : DRN_OK;
}

/* Room in the map for so many more bytes: what a put may cost, pages of the tree included. */
static drn_status reserve(drn_kv *kv, size_t more, drn_error *err)
{
    MDB_envinfo info;
    MDB_stat stat;
    int code = mdb_env_info(kv->env, &info);
    if (code == 0)
        code = mdb_env_stat(kv->env, &stat);
    if (code)
        return failure(kv, code, err);
    size_t used = (info.me_last_pgno + 1) * stat.ms_psize, map = info.me_mapsize,
           want = used + 2 * (kv->pending + more) + ((size_t)16 << 20);
    if (want <= map)
        return DRN_OK;
    DRN_TRY(drn_kv_commit(kv, err)); /* the map may grow only between transactions */
    while (map < want)
        map *= 2;
    code = mdb_env_set_mapsize(kv->env, map);
    return code ? failure(kv, code, err) : DRN_OK;
}

drn_status drn_kv_put(drn_kv *kv, int table, const void *key, size_t key_size, const void *value,
                      size_t size, drn_error *err)
{
    MDB_val k = value_of(key, key_size), v = value_of(value, size);
    DRN_TRY(reserve(kv, size + 8192, err));
    int code = kv->txn ? 0 : mdb_txn_begin(kv->env, NULL, 0, &kv->txn);
    if (code == 0)
        code = mdb_put(kv->txn, kv->table[table], &k, &v, 0);
    kv->pending += size + 1024;
    return code ? failure(kv, code, err) : DRN_OK;
}

drn_status drn_kv_commit(drn_kv *kv, drn_error *err)
{
    int code = kv->txn ? mdb_txn_commit(kv->txn) : 0;
    kv->txn = NULL;
    kv->pending = 0;
    return code ? failure(kv, code, err) : DRN_OK;
}
