/* TensorBoard files, read back by a parser that shares nothing with the writer. */
#include "base/fileio.h"
#include "base/mem.h"
#include "drn/image.h"
#include "harness.h"
#include "train/events.h"

#include <stdbool.h>
#include <stdlib.h>

/* CRC-32C bit by bit, as its definition has it. */
static uint32_t plain_crc(const unsigned char *p, size_t n)
{
    uint32_t crc = 0xffffffffu;
    for (size_t i = 0; i < n; i++)
        for (int bit = 0; bit < 8; bit++) {
            uint32_t in = (uint32_t)(p[i] >> bit) & 1;
            crc = (crc & 1) != in ? crc >> 1 ^ 0x82f63b78u : crc >> 1;
        }
    return crc ^ 0xffffffffu;
}

TEST(crc, "the CRC is Castagnoli's, rotated and shifted as records want it")
{
    CHECK(plain_crc((const unsigned char *)"123456789", 9) ==
          0xe3069283u); /* the known check value */
    unsigned char data[300];
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (unsigned char)(i * 37 + i / 5);
    for (size_t n = 0; n < sizeof data; n += 7) {
        uint32_t c = plain_crc(data, n), rotated = (c >> 15) | (c << 17);
        CHECK(drn_masked_crc32c(data, n) == (uint32_t)(rotated + 0xa282ead8u));
    }
}

/* ---- a reader of the wire format ---- */

typedef struct view {
    const unsigned char *p, *end;
} view;

static uint64_t varint(view *v)
{
    uint64_t out = 0;
    for (int shift = 0;; shift += 7) {
        CHECK(v->p < v->end && shift < 64);
        unsigned char byte = *v->p++;
        out |= (uint64_t)(byte & 127) << shift;
        if (byte < 128)
            return out;
    }
}

typedef struct field {
    unsigned number, type;
    uint64_t bits; /* varint, fixed */
    view bytes;
} field;

static bool next_field(field *f, view *v)
{
    if (v->p == v->end)
        return false;
    uint64_t key = varint(v);
    *f = (field){.number = (unsigned)(key >> 3), .type = (unsigned)key & 7};
    size_t n = f->type == 1 ? 8 : f->type == 5 ? 4 : 0;
    if (f->type == 0) {
        f->bits = varint(v);
    } else if (f->type == 2) {
        n = (size_t)varint(v);
        CHECK(n <= (size_t)(v->end - v->p));
        f->bytes = (view){v->p, v->p + n};
    } else {
        CHECK(n && n <= (size_t)(v->end - v->p));
        memcpy(&f->bits, v->p, n);
    }
    v->p += n;
    return true;
}

static uint64_t little(const unsigned char *p, size_t n)
{
    uint64_t v = 0;
    for (size_t i = n; i-- > 0;)
        v = v << 8 | p[i];
    return v;
}

static view next_record(view *file)
{
    CHECK(file->end - file->p >= 16);
    size_t n = (size_t)little(file->p, 8);
    CHECK(little(file->p + 8, 4) == drn_masked_crc32c(file->p, 8));
    CHECK(n <= (size_t)(file->end - file->p) - 16);
    view record = {file->p + 12, file->p + 12 + n};
    CHECK(little(record.end, 4) == drn_masked_crc32c(record.p, n));
    file->p = record.end + 4;
    return record;
}

static bool is_text(view v, const char *text)
{
    return (size_t)(v.end - v.p) == strlen(text) && memcmp(v.p, text, strlen(text)) == 0;
}

typedef struct event {
    double time;
    int64_t step;
    view version, summary, session;
} event;

static event read_event(view *file)
{
    event e = {0};
    view record = next_record(file);
    field f;
    while (next_field(&f, &record)) {
        if (f.number == 1)
            memcpy(&e.time, &f.bits, 8);
        else if (f.number == 2)
            e.step = (int64_t)f.bits;
        else if (f.number == 3)
            e.version = f.bytes;
        else if (f.number == 5)
            e.summary = f.bytes;
        else if (f.number == 7)
            e.session = f.bytes;
        else
            test_fail(__FILE__, __LINE__, "field %u", f.number);
    }
    CHECK(e.time > 1.6e9);
    return e;
}

/* The next value of a summary: its tag, and a number or a picture. */
static bool next_value(view *tag, double *number, view *image, view *summary)
{
    field f, g;
    *number = 0;
    *image = (view){0};
    if (!next_field(&f, summary))
        return false;
    CHECK(f.number == 1 && f.type == 2);
    while (next_field(&g, &f.bytes)) {
        float v;
        uint32_t bits = (uint32_t)g.bits;
        memcpy(&v, &bits, 4);
        if (g.number == 1)
            *tag = g.bytes;
        else if (g.number == 2 && g.type == 5)
            *number = (double)v;
        else if (g.number == 4)
            *image = g.bytes;
        else
            test_fail(__FILE__, __LINE__, "field %u", g.number);
    }
    return true;
}

static void *only_file(size_t *size, const char *dir)
{
    char **names;
    size_t n;
    void *data;
    drn_error err = {0};
    CHECK_OK(drn_dir_list(&names, &n, dir, &err), err);
    CHECK_INT(n, 1);
    CHECK(strncmp(names[0], "events.out.tfevents.", 20) == 0);
    char *path = drn_path_join(dir, names[0]);
    CHECK_OK(drn_file_read(&data, size, path, 1 << 20, &err), err);
    drn_free(path);
    drn_list_free(names, n);
    return data;
}

TEST(read_back, "scalars and pictures come back with their steps, tags and values")
{
    drn_error err = {0};
    drn_events *e;
    unsigned char png[400];
    for (size_t i = 0; i < sizeof png; i++)
        png[i] = (unsigned char)(i * 3);
    CHECK_OK(drn_events_open(&e, test_tmp_dir(), 301, &err), err);
    drn_events_scalar(e, "train/loss", 0.1);
    drn_events_scalar(e, "speed", -3e20);
    CHECK_OK(drn_events_write(e, 301, &err), err);
    drn_events_image(e, "picture", png, sizeof png, 300, 7);
    CHECK_OK(drn_events_write(e, 5000000000, &err), err);
    drn_events_close(e);

    size_t size;
    unsigned char *data = only_file(&size, test_tmp_dir());
    view file = {data, data + size}, tag = {0}, image;
    double v;
    event first = read_event(&file), start = read_event(&file), scalars = read_event(&file),
          picture = read_event(&file);
    CHECK(is_text(first.version, "brain.Event:2"));
    CHECK_INT(start.step, 301);
    CHECK(is_text(start.session, "\x08\x01")); /* status: START */
    CHECK_INT(scalars.step, 301);
    CHECK(next_value(&tag, &v, &image, &scalars.summary) && is_text(tag, "train/loss"));
    CHECK_NEAR(v, 0.1f, 0);
    CHECK(next_value(&tag, &v, &image, &scalars.summary) && is_text(tag, "speed"));
    CHECK_NEAR(v, -3e20f, 0);
    CHECK(!next_value(&tag, &v, &image, &scalars.summary));
    CHECK(picture.step == 5000000000);
    CHECK(next_value(&tag, &v, &image, &picture.summary) && is_text(tag, "picture"));
    field f;
    uint64_t number[5] = {0};
    while (next_field(&f, &image)) {
        CHECK(f.number >= 1 && f.number <= 4);
        number[f.number] = f.bits;
        CHECK(f.number != 4 || ((size_t)(f.bytes.end - f.bytes.p) == sizeof png &&
                                memcmp(f.bytes.p, png, sizeof png) == 0));
    }
    CHECK(number[1] == 7 && number[2] == 300 && number[3] == 3);
    CHECK(file.p == file.end);
    drn_free(data);
}

TEST(memory, "a refused allocation is an error, and the next event is whole again")
{
    drn_error err = {0};
    int failures = 0;
    for (size_t nth = 1; nth < 30; nth++) {
        size_t before = drn_mem_current();
        drn_events *e = NULL;
        drn_mem_fail_nth(nth);
        drn_status st = drn_events_open(&e, test_tmp_dir(), 1, &err);
        if (st == DRN_OK) {
            drn_events_scalar(e, "a", 1);
            st = drn_events_write(e, 1, &err);
        }
        drn_mem_fail_nth(0);
        CHECK(st == DRN_OK || st == DRN_ERR_NOMEM);
        failures += st != DRN_OK;
        if (e) {
            drn_events_scalar(e, "b", 2);
            CHECK_OK(drn_events_write(e, 2, &err), err);
        }
        drn_events_close(e);
        CHECK_INT(drn_mem_current(), before);
    }
    CHECK(failures > 4);
}
