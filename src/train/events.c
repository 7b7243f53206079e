#include "train/events.h"

#include "base/fileio.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Bytes being put together; `refused`: memory ran out. */
typedef struct bytes {
    unsigned char *data;
    size_t size, capacity;
    bool refused;
} bytes;

struct drn_events {
    FILE *f;
    char *path;
    bytes summary, value, image, event;
};

/* ---- CRC ---- */

/* Four bits at a time. */
static uint32_t crc32c(const void *data, size_t size)
{
    static const uint32_t nibble[16] = {0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1,
                                        0x417b1dbc, 0x5125dad3, 0x61c69362, 0x7198540d,
                                        0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9,
                                        0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75};
    const unsigned char *p = data;
    uint32_t crc = 0xffffffffu;
    for (size_t i = 0; i < size; i++) {
        crc ^= p[i];
        crc = crc >> 4 ^ nibble[crc & 15];
        crc = crc >> 4 ^ nibble[crc & 15];
    }
    return ~crc;
}

uint32_t drn_masked_crc32c(const void *data, size_t size)
{
    uint32_t crc = crc32c(data, size);
    return (crc >> 15 | crc << 17) + 0xa282ead8u;
}

/* ---- protobuf ---- */

static void put(bytes *b, const void *data, size_t size)
{
    if (b->capacity - b->size < size) {
        size_t bigger = 2 * b->capacity + size + 256;
        unsigned char *more = drn_alloc(bigger);
        b->refused |= !more;
        if (!more)
            return;
        if (b->size)
            memcpy(more, b->data, b->size);
        drn_free(b->data);
        b->data = more;
        b->capacity = bigger;
    }
    memcpy(b->data + b->size, data, size);
    b->size += size;
}

static void put_varint(bytes *b, uint64_t v)
{
    unsigned char out[10];
    size_t n = 0;
    for (; v >= 0x80; v >>= 7)
        out[n++] = (unsigned char)(v | 0x80);
    out[n++] = (unsigned char)v;
    put(b, out, n);
}

enum { VARINT = 0, FIXED64 = 1, BYTES = 2, FIXED32 = 5 }; /* wire types */
static void put_int(bytes *b, unsigned field, int64_t v)
{
    put_varint(b, field << 3 | VARINT);
    put_varint(b, (uint64_t)v);
}

static void put_fixed(bytes *b, unsigned field, uint64_t bits, size_t size)
{
    unsigned char out[8];
    for (size_t i = 0; i < size; i++)
        out[i] = (unsigned char)(bits >> 8 * i);
    put_varint(b, field << 3 | (size == 8 ? FIXED64 : FIXED32));
    put(b, out, size);
}

static void put_bytes(bytes *b, unsigned field, const void *data, size_t size)
{
    put_varint(b, field << 3 | BYTES);
    put_varint(b, size);
    put(b, data, size);
}

/* A message inside another; `from` is empty after it. */
static void put_message(bytes *b, unsigned field, bytes *from)
{
    put_bytes(b, field, from->size ? from->data : (const void *)"", from->size);
    b->refused |= from->refused;
    from->size = 0;
    from->refused = false;
}

/* ---- records ---- */

static double wall_time(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* length (8), masked CRC of it (4), event, masked CRC of that (4) */
static drn_status write_record(drn_events *e, drn_error *err)
{
    bytes *b = &e->event;
    unsigned char head[12], tail[4];
    uint64_t size = b->size;
    if (b->refused) {
        b->size = 0;
        b->refused = false;
        return drn_fail(err, DRN_ERR_NOMEM, "%s: out of memory", e->path);
    }
    for (int i = 0; i < 8; i++)
        head[i] = (unsigned char)(size >> 8 * i);
    uint32_t a = drn_masked_crc32c(head, 8), c = drn_masked_crc32c(b->data, b->size);
    for (int i = 0; i < 4; i++) {
        head[8 + i] = (unsigned char)(a >> 8 * i);
        tail[i] = (unsigned char)(c >> 8 * i);
    }
    fwrite(head, 1, sizeof head, e->f);
    fwrite(b->data, 1, b->size, e->f);
    fwrite(tail, 1, sizeof tail, e->f);
    b->size = 0;
    if (ferror(e->f))
        return drn_fail(err, DRN_ERR_IO, "%s: cannot write: %s", e->path, drn_write_reason(errno));
    return DRN_OK;
}

static void begin_event(drn_events *e, int64_t step)
{
    uint64_t bits;
    memcpy(&bits, &(double){wall_time()}, sizeof bits);
    put_fixed(&e->event, 1, bits, 8);
    put_int(&e->event, 2, step);
}

void drn_events_scalar(drn_events *e, const char *tag, double value)
{
    uint32_t bits;
    memcpy(&bits, &(float){(float)value}, sizeof bits);
    put_bytes(&e->value, 1, tag, strlen(tag));
    put_fixed(&e->value, 2, bits, 4);
    put_message(&e->summary, 1, &e->value);
}

void drn_events_image(drn_events *e, const char *tag, const void *png, size_t size, int32_t width,
                      int32_t height)
{
    put_int(&e->image, 1, height);
    put_int(&e->image, 2, width);
    put_int(&e->image, 3, 3);
    put_bytes(&e->image, 4, png, size);
    put_bytes(&e->value, 1, tag, strlen(tag));
    put_message(&e->value, 4, &e->image);
    put_message(&e->summary, 1, &e->value);
}

drn_status drn_events_write(drn_events *e, int64_t step, drn_error *err)
{
    begin_event(e, step);
    put_message(&e->event, 5, &e->summary);
    return write_record(e, err);
}

drn_status drn_events_flush(drn_events *e, drn_error *err)
{
    if (fflush(e->f) != 0)
        return drn_fail(err, DRN_ERR_IO, "%s: cannot write: %s", e->path, drn_write_reason(errno));
    return DRN_OK;
}

/* ---- the file ---- */

/* Readers take the files of a run in the order of their names. */
static drn_status create(drn_events *e, const char *dir, drn_error *err)
{
    char name[96];
    snprintf(name, sizeof name, "events.out.tfevents.%010lld.drn.%ld", (long long)wall_time(),
             (long)getpid());
    e->path = drn_path_join(dir, name);
    if (!e->path)
        return drn_fail(err, DRN_ERR_NOMEM, "%s: out of memory", dir);
    e->f = fopen(e->path, "abe");
    if (!e->f)
        return drn_fail(err, DRN_ERR_IO, "%s: %s", e->path, strerror(errno));
    return DRN_OK;
}

static drn_status write_start(drn_events *e, int64_t step, drn_error *err)
{
    begin_event(e, 0);
    put_bytes(&e->event, 3, "brain.Event:2", 13);
    DRN_TRY(write_record(e, err));
    begin_event(e, step);     /* forget what earlier files have from this step on */
    put_int(&e->value, 1, 1); /* SessionLog.status = START */
    put_message(&e->event, 7, &e->value);
    return write_record(e, err);
}

drn_status drn_events_open(drn_events **out, const char *dir, int64_t step, drn_error *err)
{
    drn_events *e;
    DRN_TRY(drn_calloc_to(&e, 1, sizeof *e, err));
    drn_status st = create(e, dir, err);
    if (st == DRN_OK)
        st = write_start(e, step, err);
    if (st == DRN_OK)
        st = drn_events_flush(e, err);
    if (st != DRN_OK)
        drn_events_close(e);
    else
        *out = e;
    return st;
}

void drn_events_close(drn_events *e)
{
    if (!e)
        return;
    if (e->f)
        fclose(e->f);
    drn_free(e->path);
    drn_free(e->summary.data);
    drn_free(e->value.data);
    drn_free(e->image.data);
    drn_free(e->event.data);
    drn_free(e);
}
