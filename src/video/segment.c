#include "video/segment.h"

#include "base/mem.h"
#include "video/hash.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

/* A file: magic, extras (u32), extra; packets: a head of 24 bytes and the data; a head with size
 * LAST and the hash in the place of pts. */
static const char magic[8] = "drnseg1\n";
#define LAST UINT32_MAX
enum { HEAD = 24 };

static void put32(uint8_t *p, uint32_t v)
{
    for (int i = 0; i < 4; i++)
        p[i] = (uint8_t)(v >> 8 * i);
}

static void put64(uint8_t *p, uint64_t v)
{
    put32(p, (uint32_t)v);
    put32(p + 4, (uint32_t)(v >> 32));
}

static uint32_t get32(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static uint64_t get64(const uint8_t *p)
{
    return get32(p) | (uint64_t)get32(p + 4) << 32;
}

/* ---- writing ---- */

static void put(drn_segment_writer *w, const void *data, size_t size)
{
    w->hash = drn_hash(w->hash, data, size);
    (void)fwrite(data, 1, size, w->file.f); /* the commit reports it */
}

drn_status drn_segment_create(drn_segment_writer *w, const char *path, const uint8_t *extra,
                              size_t extras, drn_error *err)
{
    uint8_t head[12];
    *w = (drn_segment_writer){.hash = DRN_HASH_START};
    DRN_TRY(drn_atomic_open(&w->file, path, err));
    memcpy(head, magic, sizeof magic);
    put32(head + 8, (uint32_t)extras);
    put(w, head, sizeof head);
    if (extras)
        put(w, extra, extras);
    return DRN_OK;
}

void drn_segment_put(drn_segment_writer *w, const drn_packet *p)
{
    uint8_t head[HEAD];
    put64(head, (uint64_t)p->pts);
    put64(head + 8, (uint64_t)p->duration);
    put32(head + 16, p->key);
    put32(head + 20, p->size);
    put(w, head, sizeof head);
    put(w, p->data, p->size);
    w->packets++;
}

drn_status drn_segment_commit(drn_segment_writer *w, drn_error *err)
{
    uint8_t head[HEAD] = {0};
    put64(head, w->hash);
    put32(head + 20, LAST);
    (void)fwrite(head, 1, sizeof head, w->file.f);
    return drn_atomic_commit(&w->file, err);
}

void drn_segment_abort(drn_segment_writer *w)
{
    drn_atomic_abort(&w->file);
}

/* ---- reading ---- */

static drn_status broken(const drn_segment_reader *r, drn_error *err)
{
    if (ferror(r->f))
        return drn_fail(err, DRN_ERR_IO, "%s: %s", r->name, strerror(errno ? errno : EIO));
    return drn_fail(err, DRN_ERR_FORMAT, "%s: damaged; remove it, its frames are made again then",
                    r->name);
}

static drn_status get(void *data, size_t size, drn_segment_reader *r, drn_error *err)
{
    if (size > r->left || fread(data, 1, size, r->f) != size)
        return broken(r, err);
    r->left -= size;
    r->hash = drn_hash(r->hash, data, size);
    return DRN_OK;
}

/* size bytes into r->data. */
static drn_status get_data(size_t size, drn_segment_reader *r, drn_error *err)
{
    if (size > r->left)
        return broken(r, err);
    if (r->skip) {
        r->left -= size;
        return fseeko(r->f, (off_t)size, SEEK_CUR) == 0 ? DRN_OK : broken(r, err);
    }
    if (size > r->room) {
        drn_free(r->data);
        r->room = 0;
        DRN_TRY(drn_alloc_to(&r->data, size, 1, err));
        r->room = size;
    }
    return get(r->data, size, r, err);
}

drn_status drn_segment_open(drn_segment_reader *r, FILE *f, const char *name, uint8_t **extra,
                            size_t *extras, drn_error *err)
{
    uint8_t head[12];
    drn_status st;
    *r = (drn_segment_reader){.f = f, .name = name, .hash = DRN_HASH_START};
    if (fseeko(f, 0, SEEK_END) != 0 || ftello(f) < 0) {
        st = broken(r, err);
        goto done;
    }
    r->left = (uint64_t)ftello(f);
    rewind(f);
    DRN_CHECK(get(head, sizeof head, r, err));
    if (memcmp(head, magic, sizeof magic) != 0) {
        st = broken(r, err);
        goto done;
    }
    size_t n = get32(head + 8);
    if (n)
        DRN_CHECK(get_data(n, r, err));
    if (extra) {
        DRN_CHECK(drn_alloc_to(extra, n + 1, 1, err));
        if (n)
            memcpy(*extra, r->data, n);
        *extras = n;
    }
    return DRN_OK;
done:
    drn_segment_close(r);
    return st;
}

drn_status drn_segment_next(drn_packet *p, drn_segment_reader *r, bool *end, drn_error *err)
{
    uint8_t head[HEAD];
    uint64_t before = r->hash;
    DRN_TRY(get(head, sizeof head, r, err));
    uint32_t size = get32(head + 20);
    *end = size == LAST;
    if (*end)
        return r->left == 0 && (r->skip || get64(head) == before) ? DRN_OK : broken(r, err);
    DRN_TRY(get_data(size, r, err));
    *p = (drn_packet){.pts = (int64_t)get64(head),
                      .duration = (int64_t)get64(head + 8),
                      .key = get32(head + 16) & 1,
                      .size = size,
                      .data = r->data};
    return DRN_OK;
}

void drn_segment_close(drn_segment_reader *r)
{
    if (r->f)
        fclose(r->f);
    drn_free(r->data);
    *r = (drn_segment_reader){0};
}

bool drn_segment_check(int64_t *packets, const char *path)
{
    drn_error err = {0};
    drn_segment_reader r;
    drn_packet p;
    bool end = false;
    FILE *f = fopen(path, "rbe");
    *packets = 0;
    if (!f || drn_segment_open(&r, f, path, NULL, NULL, &err) != DRN_OK)
        return false;
    drn_status st;
    while ((st = drn_segment_next(&p, &r, &end, &err)) == DRN_OK && !end)
        ++*packets;
    drn_segment_close(&r);
    return st == DRN_OK;
}
