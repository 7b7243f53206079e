/* Binary PNM (P5 grey, P6 RGB; 8 or 16 bits, big-endian), bounded by the bytes given. */
#include "image/io.h"

#include "base/fileio.h"
#include "base/mem.h"

#include <stdint.h>
#include <string.h>

#define MAX_SIDE 1000000
#define MAX_FILE ((size_t)1 << 40)

typedef struct reader {
    const unsigned char *at, *end;
    const char *name;
} reader;

static bool is_space(int c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

bool drn_pnm_is(const unsigned char *head, size_t size)
{
    return size >= 3 && head[0] == 'P' && (head[1] == '5' || head[1] == '6') &&
           (is_space(head[2]) || head[2] == '#');
}

/* White space and comments ("#" to the end of the line). */
static void skip(reader *r)
{
    bool comment = false;
    for (; r->at < r->end; r->at++) {
        if (*r->at == '#')
            comment = true;
        else if (comment)
            comment = *r->at != '\n' && *r->at != '\r';
        else if (!is_space(*r->at))
            return;
    }
}

/* A decimal number 1 .. max. */
static drn_status number(int32_t *out, reader *r, int32_t max, const char *what, drn_error *err)
{
    int64_t v = 0;
    skip(r);
    const unsigned char *start = r->at;
    for (; r->at < r->end && *r->at >= '0' && *r->at <= '9' && v <= max; r->at++)
        v = v * 10 + (*r->at - '0');
    if (r->at == start)
        return drn_fail(err, DRN_ERR_FORMAT, "%s: PNM header without a %s", r->name, what);
    if (v < 1 || v > max)
        return drn_fail(err, DRN_ERR_FORMAT, "%s: PNM %s is not in 1..%d", r->name, what, max);
    *out = (int32_t)v;
    return DRN_OK;
}

/* Samples 0..max to the full range of the depth. */
static void decode(drn_image *image, const unsigned char *p, size_t n, uint32_t max)
{
    if (image->depth == DRN_U8) {
        uint8_t *d = image->data;
        for (size_t i = 0; i < n; i++) {
            uint32_t v = p[i] < max ? p[i] : max;
            d[i] = (uint8_t)(max == 255 ? v : (v * 255 + max / 2) / max);
        }
        return;
    }
    uint16_t *d = image->data;
    for (size_t i = 0; i < n; i++) {
        uint32_t v = (uint32_t)p[2 * i] << 8 | p[2 * i + 1];
        v = v < max ? v : max;
        d[i] = (uint16_t)(max == 65535 ? v : (uint32_t)(((uint64_t)v * 65535 + max / 2) / max));
    }
}

drn_status drn_pnm_parse(drn_image **out, const void *data, size_t size, const char *name,
                         drn_error *err)
{
    if (!drn_pnm_is(data, size))
        return drn_fail(err, DRN_ERR_FORMAT, "%s: not a binary PNM file (P5 or P6)", name);
    reader r = {data, (const unsigned char *)data + size, name};
    int32_t bands = r.at[1] == '5' ? 1 : 3, width, height, max;
    r.at += 2;
    DRN_TRY(number(&width, &r, MAX_SIDE, "width", err));
    DRN_TRY(number(&height, &r, MAX_SIDE, "height", err));
    DRN_TRY(number(&max, &r, 65535, "maximum", err));
    if (r.at == r.end || !is_space(*r.at))
        return drn_fail(err, DRN_ERR_FORMAT, "%s: PNM header ends too early", name);
    r.at++;
    size_t sample = max > 255 ? 2 : 1, n = (size_t)width * (size_t)height * (size_t)bands;
    size_t have = (size_t)(r.end - r.at);
    if (have / sample < n)
        return drn_fail(err, DRN_ERR_FORMAT, "%s: %d x %d pixels need %zu bytes, the file has %zu",
                        name, width, height, n * sample, have);
    drn_image *image;
    DRN_TRY(drn_image_new(&image, width, height, bands, max > 255 ? DRN_U16 : DRN_U8, err));
    decode(image, r.at, n, (uint32_t)max);
    *out = image;
    return DRN_OK;
}

drn_status drn_pnm_read(drn_image **out, const char *path, drn_error *err)
{
    void *data;
    size_t size;
    DRN_TRY(drn_file_read(&data, &size, path, MAX_FILE, err));
    drn_status st = drn_pnm_parse(out, data, size, path, err);
    drn_free(data);
    return st;
}

/* Rows of 16-bit samples, high byte first. */
static drn_status write_deep(const drn_image *image, FILE *f, drn_error *err)
{
    size_t n = (size_t)image->width * (size_t)image->bands;
    unsigned char *row;
    DRN_TRY(drn_alloc_to(&row, n, 2, err));
    const uint16_t *p = image->data;
    for (int32_t y = 0; y < image->height; y++, p += n) {
        for (size_t i = 0; i < n; i++) {
            row[2 * i] = (unsigned char)(p[i] >> 8);
            row[2 * i + 1] = (unsigned char)(p[i] & 255);
        }
        if (fwrite(row, 2, n, f) != n)
            break; /* the commit reports it */
    }
    drn_free(row);
    return DRN_OK;
}

/* Header and samples; what a failed write leaves is for ferror() to tell. */
static drn_status write_to(FILE *f, const drn_image *image, drn_error *err)
{
    fprintf(f, "P%c\n%d %d\n%d\n", image->bands == 1 ? '5' : '6', image->width, image->height,
            image->depth == DRN_U8 ? 255 : 65535);
    size_t n = (size_t)image->width * (size_t)image->height * (size_t)image->bands;
    if (image->depth != DRN_U8)
        return write_deep(image, f, err);
    (void)fwrite(image->data, 1, n, f);
    return DRN_OK;
}

drn_status drn_pnm_write(const drn_image *image, const char *path, bool keep, drn_error *err)
{
    drn_atomic_file a;
    DRN_TRY(drn_atomic_open(&a, path, err));
    a.keep = keep;
    drn_status st = write_to(a.f, image, err);
    if (st != DRN_OK) {
        drn_atomic_abort(&a);
        return st;
    }
    return drn_atomic_commit(&a, err);
}

drn_status drn_pnm_encode(void **data, size_t *size, const drn_image *image, drn_error *err)
{
    size_t room = (size_t)image->width * (size_t)image->height * (size_t)image->bands *
                      drn_depth_size(image->depth) +
                  64;
    void *bytes;
    DRN_TRY(drn_alloc_to(&bytes, room, 1, err));
    FILE *f = fmemopen(bytes, room, "wb");
    drn_status st =
        f ? write_to(f, image, err) : drn_fail(err, DRN_ERR_NOMEM, "pnm: out of memory");
    long end = f ? ftell(f) : 0;
    if (f)
        fclose(f);
    if (st != DRN_OK) {
        drn_free(bytes);
        return st;
    }
    *data = bytes;
    *size = (size_t)end;
    return DRN_OK;
}
