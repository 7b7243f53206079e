#include "data/pack_source.h"

#include "base/fileio.h"
#include "base/mem.h"
#include "data/decode.h"
#include "data/webp.h"
#include "image/colour.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_FILE ((size_t)1 << 30) /* bytes */

void drn_packing_clear(drn_packing *p)
{
    for (size_t i = 0; i < p->count; i++)
        drn_free(p->list[i].data);
    drn_free(p->list);
    *p = (drn_packing){0};
}

static uint64_t stir(uint64_t h, uint64_t v, uint64_t factor)
{
    h = (h ^ v) * factor;
    return h ^ (h >> 29);
}

/* Two independent 64-bit hashes of size, kind and samples: chance, not an adversary, is to be kept
 * from making two pictures one. */
static void hash_pixels(unsigned char hash[16], const drn_image *im)
{
    size_t bytes =
        (size_t)im->width * (size_t)im->height * (size_t)im->bands * drn_depth_size(im->depth);
    uint64_t head[2] = {(uint64_t)im->width << 32 | (uint64_t)im->height,
                        (uint64_t)im->bands << 8 | (uint64_t)im->depth};
    uint64_t a = 0x243f6a8885a308d3u, b = 0x13198a2e03707344u, v;
    const unsigned char *p = im->data;
    for (int i = 0; i < 2; i++) {
        a = stir(a, head[i], 0x9fb21c651e98df25u);
        b = stir(b, head[i], 0xd6e8feb86659fd93u);
    }
    for (size_t i = 0; i < bytes; i += 8) {
        size_t n = bytes - i < 8 ? bytes - i : 8;
        v = 0;
        memcpy(&v, p + i, n);
        a = stir(a, v, 0x9fb21c651e98df25u);
        b = stir(b, v, 0xd6e8feb86659fd93u);
    }
    memcpy(hash, &a, 8);
    memcpy(hash + 8, &b, 8);
}

static drn_status encode_ppm(drn_packed *p, const drn_image *im, drn_error *err)
{
    char head[48];
    size_t n = (size_t)snprintf(head, sizeof head, "P6\n%d %d\n255\n", im->width, im->height),
           bytes = (size_t)im->width * (size_t)im->height * 3;
    DRN_TRY(drn_alloc_to(&p->data, n + bytes, 1, err));
    memcpy(p->data, head, n);
    memcpy((char *)p->data + n, im->data, bytes);
    p->size = n + bytes;
    return DRN_OK;
}

/* u8 RGB, lossless: as WebP, or as PPM where WebP cannot. */
static drn_status add_pixels(drn_packing *out, const drn_image *im, int32_t x, int32_t y,
                             drn_error *err)
{
    drn_packed p = {.width = im->width, .height = im->height, .x = x, .y = y};
    bool fits = im->width <= DRN_WEBP_MAX_SIDE && im->height <= DRN_WEBP_MAX_SIDE;
    DRN_TRY(drn_webp_available() && fits ? drn_webp_encode(&p.data, &p.size, im, err)
                                         : encode_ppm(&p, im, err));
    out->list[out->count++] = p;
    return DRN_OK;
}

int32_t drn_tile_start(int32_t size, int32_t crop, int32_t k)
{
    int32_t whole = size / crop;
    if (k < whole)
        return k * crop;
    return k == whole && whole > 0 && 2 * (size - whole * crop) >= crop ? size - crop : -1;
}

typedef struct tile {
    int32_t x, y;
    double detail;
} tile;

/* Mean over a tile of the luma's absolute differences to the right and below; rows: room for two. */
static double tile_detail(double *rows, const drn_image *im, const tile *t, int32_t crop)
{
    size_t n = (size_t)crop;
    double sum = 0;
    for (int32_t j = 0; j < crop; j++) {
        double *row = rows + (j % 2 ? n : 0);
        const double *above = rows + (j % 2 ? 0 : n);
        drn_luma_row(row, (const unsigned char *)im->data + 3 * ((size_t)(t->y + j) * (size_t)im->width + (size_t)t->x),
                     n, 3);
        for (size_t i = 0; i < n; i++)
            sum += (i ? fabs(row[i] - row[i - 1]) : 0) + (j ? fabs(row[i] - above[i]) : 0);
    }
    return sum / ((double)crop * crop);
}

static int by_place(const void *a, const void *b)
{
    const tile *s = a, *t = b;
    return s->y != t->y ? (s->y > t->y) - (s->y < t->y) : (s->x > t->x) - (s->x < t->x);
}

static int by_detail(const void *a, const void *b)
{
    const tile *s = a, *t = b;
    return s->detail != t->detail ? (s->detail < t->detail) - (s->detail > t->detail) : by_place(a, b);
}

/* To the front the `most` tiles with the most detail, in the picture's order. */
static drn_status choose_tiles(tile *tiles, size_t n, size_t most, const drn_image *im, int32_t crop, drn_error *err)
{
    double *rows;
    DRN_TRY(drn_alloc_to(&rows, 2 * (size_t)crop, sizeof *rows, err));
    for (size_t i = 0; i < n; i++)
        tiles[i].detail = tile_detail(rows, im, &tiles[i], crop);
    drn_free(rows);
    qsort(tiles, n, sizeof *tiles, by_detail);
    qsort(tiles, most, sizeof *tiles, by_place);
    return DRN_OK;
}

static drn_status add_tile(drn_packing *out, const drn_image *im, const tile *t, int32_t crop, drn_error *err)
{
    drn_image *piece;
    DRN_TRY(drn_image_crop(&piece, im, t->x, t->y, crop, crop, err));
    drn_status st = add_pixels(out, piece, t->x, t->y, err);
    drn_image_free(piece);
    return st;
}

static drn_status add_tiles(drn_packing *out, const drn_image *im, int32_t crop, int32_t most, drn_error *err)
{
    size_t columns = (size_t)(im->width / crop) + 1, rows = (size_t)(im->height / crop) + 1, n = 0;
    tile *tiles = NULL;
    drn_status st = DRN_OK;
    DRN_TRY(drn_calloc_to(&out->list, columns * rows, sizeof *out->list, err));
    if (im->width < crop || im->height < crop)
        return add_pixels(out, im, -1, -1, err);
    DRN_TRY(drn_calloc_to(&tiles, columns * rows, sizeof *tiles, err));
    for (int32_t j = 0, y; (y = drn_tile_start(im->height, crop, j)) >= 0; j++)
        for (int32_t i = 0, x; (x = drn_tile_start(im->width, crop, i)) >= 0; i++)
            tiles[n++] = (tile){.x = x, .y = y};
    if (most > 0 && (size_t)most < n) {
        DRN_CHECK(choose_tiles(tiles, n, (size_t)most, im, crop, err));
        n = (size_t)most;
    }
    for (size_t i = 0; i < n; i++)
        DRN_CHECK(add_tile(out, im, &tiles[i], crop, err));
done:
    drn_free(tiles);
    return st;
}

static drn_status add_changed(drn_packing *out, drn_image **im, const drn_pack_form *f, bool jpeg,
                              drn_error *err)
{
    drn_image *rgb, *small;
    drn_status st = drn_to_rgb(&rgb, *im, err); /* takes it in any case */
    *im = NULL;
    DRN_TRY(st);
    if (f->shrink_jpeg > 1 && jpeg && rgb->width >= f->shrink_jpeg &&
        rgb->height >= f->shrink_jpeg) {
        st = drn_imresize(&small, rgb, 1.0 / f->shrink_jpeg, NULL, err);
        drn_image_free(rgb);
        DRN_TRY(st);
        rgb = small;
    }
    st = f->change ? f->change(f->change_ctx, &rgb, err) : DRN_OK;
    if (st != DRN_OK) {
        drn_image_free(rgb);
        return st;
    }
    if (f->crop > 0) {
        st = add_tiles(out, rgb, f->crop, f->tiles, err);
    } else {
        st = drn_calloc_to(&out->list, 1, sizeof *out->list, err);
        if (st == DRN_OK)
            st = add_pixels(out, rgb, -1, -1, err);
    }
    drn_image_free(rgb);
    return st;
}

drn_status drn_pack_source(drn_packing *out, const char *path, const drn_pack_form *f,
                           drn_error *err)
{
    void *file;
    size_t size;
    drn_image *im = NULL;
    drn_status st = DRN_OK;
    *out = (drn_packing){0};
    DRN_TRY(drn_file_read(&file, &size, path, MAX_FILE, err));
    DRN_CHECK(drn_decode(&im, file, size, path, err));
    hash_pixels(out->hash, im);
    bool jpeg = size >= 3 && memcmp(file, "\xff\xd8\xff", 3) == 0;
    if (f->reencode || f->change || f->crop > 0 || (f->shrink_jpeg > 1 && jpeg)) {
        DRN_CHECK(add_changed(out, &im, f, jpeg, err));
    } else {
        DRN_CHECK(drn_calloc_to(&out->list, 1, sizeof *out->list, err));
        out->list[out->count++] = (drn_packed){file, size, im->width, im->height, -1, -1};
        file = NULL;
    }
done:
    drn_image_free(im);
    drn_free(file);
    return st;
}
