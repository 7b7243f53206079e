/* Folders of pictures, and the patches cut from them. */
#include "data/dataset.h"
#include "data/patch.h"
#include "pictures.h"

#include <stdlib.h>

static drn_dataset *open_dir(const char *dir, const char *split, size_t cache_bytes)
{
    drn_dataset *d;
    drn_error err = {0};
    CHECK_OK(drn_dataset_open(
                 &d,
                 &(drn_dataset_options){
                     .dirs = &dir, .dir_count = 1, .split = split, .cache_bytes = cache_bytes},
                 &err),
             err);
    return d;
}

static void refused(const drn_dataset_options *o, drn_status status, const char *part)
{
    drn_dataset *d;
    drn_error err = {0};
    size_t before = drn_mem_current();
    CHECK_INT(drn_dataset_open(&d, o, &err), status);
    if (!strstr(err.message, part))
        test_fail(__FILE__, __LINE__, "\"%s\" lacks \"%s\"", err.message, part);
    CHECK_INT(drn_mem_current(), before);
}

TEST(listing, "a folder's pictures are listed by name, several folders one after the other")
{
    char first[256];
    const char *second;
    drn_dataset *d;
    drn_error err = {0};
    strcpy(first, fresh_dir());
    put_noise(first, "b.PNG", 8, 8, 1);
    put_noise(first, "a.ppm", 8, 8, 2);
    put_text(first, "notes.txt", "no picture");
    put_noise(first, "d.gif", 8, 8, 4);
    put_noise(first, "e.Heic", 8, 8, 5);
    second = fresh_dir();
    put_noise(second, "c.ppm", 8, 8, 3);
    CHECK_OK(drn_dataset_open(
                 &d,
                 &(drn_dataset_options){.dirs = (const char *[]){first, second}, .dir_count = 2},
                 &err),
             err);
    CHECK_INT(drn_dataset_count(d), 5);
    CHECK(strstr(drn_dataset_path(d, 0), "/a.ppm") && strstr(drn_dataset_path(d, 1), "/b.PNG") &&
          strstr(drn_dataset_path(d, 2), "/d.gif") && strstr(drn_dataset_path(d, 3), "/e.Heic") &&
          strstr(drn_dataset_path(d, 4), "/c.ppm"));
    drn_dataset_free(d);
}

TEST(split, "a manifest holds the validation pictures back from training")
{
    const char *dir = fresh_dir();
    put_text(dir, "manifest.csv",
             "file,licence,split\na.ppm,\"by, sa\",train\nb.ppm,x,val\nc.ppm,\"c, d\",val\n");
    for (int i = 0; i < 4; i++)
        put_noise(dir, (const char *[]){"a.ppm", "b.ppm", "c.ppm", "unlisted.ppm"}[i], 8, 8, 1);
    drn_dataset *train = open_dir(dir, "train", 0), *val = open_dir(dir, "val", 0),
                *all = open_dir(dir, "all", 0);
    CHECK_INT(drn_dataset_count(train), 1);
    CHECK_INT(drn_dataset_count(val), 2);
    CHECK_INT(drn_dataset_count(all), 3);
    CHECK(strstr(drn_dataset_path(train, 0), "/a.ppm"));
    drn_dataset_free(train);
    drn_dataset_free(val);
    drn_dataset_free(all);
}

TEST(nothing, "a folder without pictures, or that is missing, is one clear error")
{
    char dir[256];
    strcpy(dir, fresh_dir());
    drn_dataset_options o = {.dirs = (const char *[]){dir}, .dir_count = 1};
    refused(&o, DRN_ERR_INVALID, "no pictures");
    refused(&o, DRN_ERR_INVALID, dir);
    put_noise(dir, "a.ppm", 8, 8, 1);
    o.free_only = true;
    refused(&o, DRN_ERR_INVALID, "no manifest.csv");
    put_text(dir, "manifest.csv", "file,free,split\na.ppm,0,train\n");
    refused(&o, DRN_ERR_INVALID, "no pictures");
    o = (drn_dataset_options){.dirs = (const char *[]){dir}, .dir_count = 1, .split = "val"};
    refused(&o, DRN_ERR_INVALID, "val");
    strcat(dir, "/missing");
    refused(&o, DRN_ERR_IO, "missing");
}

/* One channel of the RGB picture the dataset makes of im. */
static int channel(const drn_image *im, size_t pixel, size_t band)
{
    size_t at = pixel * (size_t)im->bands + (im->bands < 3 ? 0 : band);
    if (im->depth == DRN_U8)
        return ((const uint8_t *)im->data)[at];
    return (int)floor(((const uint16_t *)im->data)[at] * 255.0 / 65535.0 + 0.5);
}

TEST(kinds, "grey is replicated, alpha dropped, 16 bits rounded")
{
    static const struct {
        const char *name;
        int32_t bands;
        drn_depth depth;
    } kinds[] = {{"a.png", 1, DRN_U8},  {"b.png", 2, DRN_U8},  {"c.png", 4, DRN_U8},
                 {"d.png", 3, DRN_U16}, {"e.png", 1, DRN_U16}, {"f.ppm", 3, DRN_U8}};
    const char *dir = fresh_dir();
    drn_image *in[6];
    drn_error err = {0};
    for (int i = 0; i < 6; i++) {
        in[i] = noise(9, 7, kinds[i].bands, kinds[i].depth, (uint64_t)i);
        put_picture(dir, kinds[i].name, in[i]);
    }
    drn_dataset *d = open_dir(dir, NULL, 0);
    for (size_t i = 0; i < 6; i++) {
        const drn_image *im;
        CHECK_OK(drn_dataset_get(&im, d, i, &err), err);
        CHECK(im->width == 9 && im->height == 7 && im->bands == 3 && im->depth == DRN_U8);
        for (size_t p = 0; p < 63; p++)
            for (size_t b = 0; b < 3; b++)
                CHECK_INT(((const uint8_t *)im->data)[3 * p + b], channel(in[i], p, b));
        drn_dataset_release(d, i, im);
        drn_image_free(in[i]);
    }
    drn_dataset_free(d);
}

TEST(cache, "pictures are kept up to the bound and decoded again beyond it")
{
    const char *dir = fresh_dir();
    char *path;
    const drn_image *a, *b;
    drn_error err = {0};
    put_noise(dir, "a.ppm", 20, 10, 1);
    put_noise(dir, "b.ppm", 20, 10, 2);
    path = drn_path_join(dir, "b.ppm");
    drn_dataset *d = open_dir(dir, NULL, 600); /* one of the two */
    for (size_t i = 0; i < 2; i++) {
        CHECK_OK(drn_dataset_get(&a, d, i, &err), err);
        CHECK_OK(drn_dataset_get(&b, d, i, &err), err);
        CHECK((a == b) == (i == 0));
        CHECK(memcmp(a->data, b->data, 600) == 0);
        drn_dataset_release(d, i, a);
        drn_dataset_release(d, i, b);
    }
    put_noise(dir, "b.ppm", 20, 10, 3);
    CHECK_OK(drn_dataset_get(&b, d, 1, &err), err);
    drn_image *now = noise(20, 10, 3, DRN_U8, 3);
    CHECK(memcmp(b->data, now->data, 600) == 0);
    drn_image_free(now);
    drn_dataset_release(d, 1, b);
    drn_dataset_free(d);
    drn_free(path);
}

TEST(unreadable, "broken pictures are counted and named, the others are drawn")
{
    const char *dir = fresh_dir(), *first = NULL;
    drn_error err = {0};
    put_text(dir, "manifest.csv", "file\na.png\nb.ppm\nc.ppm\ngone.png\n");
    put_text(dir, "a.png", "this is no picture");
    put_text(dir, "b.ppm", "P6 8 8 255\nshort");
    put_noise(dir, "c.ppm", 16, 16, 1);
    drn_dataset *d = open_dir(dir, NULL, 0);
    CHECK_INT(drn_dataset_broken(d, &first), 0);
    CHECK(!first);
    drn_patch_spec spec = {.scale = 2, .patch = 8, .seed = 1};
    for (uint64_t j = 0; j < 50; j++) {
        drn_patch_place place;
        const drn_image *im;
        CHECK_OK(drn_patch_draw(&place, &im, d, &spec, j, &err), err);
        CHECK_INT(place.picture, 2);
        drn_dataset_release(d, 2, im);
    }
    CHECK_INT(drn_dataset_broken(d, &first), 3);
    CHECK(first && strstr(first, "/a.png"));
    const drn_image *im;
    CHECK(drn_dataset_get(&im, d, 0, &err) != DRN_OK);
    CHECK(strstr(err.message, "a.png"));
    drn_dataset_free(d);
}

TEST(too_small, "when no picture is large enough the error says how large they must be")
{
    const char *dir = fresh_dir();
    drn_error err = {0};
    drn_patch_place place;
    const drn_image *im;
    put_noise(dir, "a.ppm", 31, 64, 1);
    put_text(dir, "b.ppm", "broken");
    drn_dataset *d = open_dir(dir, NULL, 0);
    drn_patch_spec spec = {.scale = 4, .patch = 8, .seed = 1};
    CHECK_INT(drn_patch_draw(&place, &im, d, &spec, 0, &err), DRN_ERR_INVALID);
    CHECK(strstr(err.message, "32x32") && strstr(err.message, "b.ppm"));
    drn_dataset_free(d);
}

TEST(draws, "every picture, corner, flip and order of channels is drawn, about equally often; small pictures never")
{
    enum { DRAWS = 9600 };
    const char *dir = fresh_dir();
    drn_error err = {0};
    int pictures[4] = {0}, flips[8] = {0}, columns[4] = {0}, orders[6] = {0};
    put_noise(dir, "a.ppm", 23, 22, 1); /* 11 x 11 LR pixels: 4 x 4 places */
    put_noise(dir, "b.ppm", 16, 16, 2);
    put_noise(dir, "c.ppm", 15, 40, 3); /* too narrow */
    put_noise(dir, "d.ppm", 64, 16, 4);
    drn_dataset *d = open_dir(dir, NULL, 0);
    drn_patch_spec spec = {.scale = 2, .patch = 8, .augment = DRN_AUGMENT_TURNS | DRN_AUGMENT_CHANNELS, .seed = 5};
    for (uint64_t j = 0; j < DRAWS; j++) {
        drn_patch_place p;
        const drn_image *im;
        CHECK_OK(drn_patch_draw(&p, &im, d, &spec, j, &err), err);
        CHECK(p.x >= 0 && p.y >= 0 && 2 * (p.x + 8) <= im->width && 2 * (p.y + 8) <= im->height);
        pictures[p.picture]++;
        flips[p.flip]++;
        orders[p.channels]++;
        columns[p.picture == 0 ? p.x : 0] += p.picture == 0;
        drn_dataset_release(d, p.picture, im);
    }
    CHECK_INT(pictures[2], 0);
    for (int i = 0; i < 4; i++)
        CHECK_NEAR(pictures[i], i == 2 ? 0 : DRAWS / 3, 250); /* 46 is one deviation */
    for (int i = 0; i < 8; i++)
        CHECK_NEAR(flips[i], DRAWS / 8, 160); /* 32 */
    for (int i = 0; i < 6; i++)
        CHECK_NEAR(orders[i], DRAWS / 6, 180); /* 37 */
    for (int i = 0; i < 4; i++)
        CHECK_NEAR(columns[i], DRAWS / 12, 140); /* 27 */
    drn_dataset_free(d);
}

/* ---- patches ---- */

/* Planar floats of a window of a picture, made the long way: cut, then one turn after another. */
static float *window(const drn_image *im, int32_t x, int32_t y, int32_t side, int flip, int order)
{
    static const size_t orders[6][3] = {{0, 1, 2}, {1, 2, 0}, {2, 0, 1}, {0, 2, 1}, {1, 0, 2}, {2, 1, 0}};
    drn_image *a, *b;
    drn_error err = {0};
    CHECK_OK(drn_image_crop(&a, im, x, y, side, side, &err), err);
    CHECK_OK(drn_image_crop(&b, im, x, y, side, side, &err), err);
    for (int bit = 1; bit <= 4; bit *= 2) {
        const uint8_t *from = a->data;
        uint8_t *to = b->data;
        for (int32_t r = 0; r < side; r++)
            for (int32_t c = 0; c < side; c++) {
                int32_t r2 = bit == 2 ? side - 1 - r : bit == 4 ? c : r;
                int32_t c2 = bit == 1 ? side - 1 - c : bit == 4 ? r : c;
                if (flip & bit)
                    memcpy(to + 3 * (r2 * side + c2), from + 3 * (r * side + c), 3);
            }
        if (flip & bit)
            memcpy(a->data, to, 3 * (size_t)side * (size_t)side);
    }
    float *out;
    size_t plane = (size_t)side * (size_t)side;
    CHECK_OK(drn_alloc_to(&out, 3 * plane, sizeof *out, &err), err);
    for (size_t i = 0; i < plane; i++)
        for (size_t k = 0; k < 3; k++)
            out[k * plane + i] = (float)((const uint8_t *)a->data)[3 * i + orders[order][k]] / 255.0f;
    drn_image_free(a);
    drn_image_free(b);
    return out;
}

static void check_window(const float *got, const drn_image *im, int32_t x, int32_t y, int32_t side,
                         int flip, int order)
{
    float *want = window(im, x, y, side, flip, order);
    size_t n = 3 * (size_t)side * (size_t)side;
    for (size_t i = 0; i < n; i++)
        if (memcmp(&got[i], &want[i], sizeof *got) != 0)
            test_fail(__FILE__, __LINE__,
                      "side %d at (%d,%d), flip %d, order %d: value %zu is %.9g, not %.9g", side, x, y, flip,
                      order, i, (double)got[i], (double)want[i]);
    drn_free(want);
}

/* Pictures of the levels of scale, made from the whole picture: [0] is the LR picture. */
static int whole(drn_image *level[4], const drn_image *hr, int scale)
{
    int n = 0;
    drn_image *cut;
    drn_error err = {0};
    CHECK_OK(
        drn_image_crop(&cut, hr, 0, 0, hr->width / scale * scale, hr->height / scale * scale, &err),
        err);
    for (int up = 1; up < scale; up *= 2)
        CHECK_OK(drn_imresize(&level[n++], cut, (double)up / scale, NULL, &err), err);
    level[n] = cut;
    return n;
}

static void compare_patches(int32_t width, int32_t height, int scale, int patch, int places)
{
    drn_image *hr = noise(width, height, 3, DRN_U8, (uint64_t)width), *level[4];
    int levels = whole(level, hr, scale);
    drn_rng rng;
    drn_error err = {0};
    drn_patch_spec spec = {.scale = scale, .patch = patch};
    float *lr, *target[DRN_DATA_LEVELS] = {NULL};
    size_t plane = 3 * (size_t)patch * (size_t)patch;
    CHECK_OK(drn_alloc_to(&lr, plane, sizeof *lr, &err), err);
    for (int l = 0; l < levels; l++)
        CHECK_OK(drn_alloc_to(&target[l], plane << (2 * l + 2), sizeof *lr, &err), err);
    drn_rng_seed(&rng, 1, (uint64_t)scale);
    for (int k = 0; k < places; k++) {
        int32_t dx = width / scale - patch, dy = height / scale - patch;
        /* the four corners first */
        int32_t x = k < 4 ? k % 2 * dx : (int32_t)drn_rng_below(&rng, (uint64_t)dx + 1);
        int32_t y = k < 4 ? k / 2 * dy : (int32_t)drn_rng_below(&rng, (uint64_t)dy + 1);
        drn_patch_place at = {.x = x, .y = y, .flip = k % 8, .channels = k % 6};
        CHECK_OK(drn_patch_cut(lr, target, hr, &at, &spec, &err), err);
        check_window(lr, level[0], x, y, patch, at.flip, at.channels);
        for (int l = 0; l < levels; l++)
            check_window(target[l], level[l + 1], x << (l + 1), y << (l + 1), patch << (l + 1),
                         at.flip, at.channels);
    }
    for (int l = 0; l <= levels; l++)
        drn_image_free(level[l]);
    for (int l = 0; l < levels; l++)
        drn_free(target[l]);
    drn_free(lr);
    drn_image_free(hr);
}

TEST(patches, "a patch has the bits of the whole picture's reduction, at every scale and border")
{
    compare_patches(131, 118, 2, 12, 200);
    compare_patches(203, 187, 4, 8, 200);
    compare_patches(331, 290, 8, 6, 200);
    compare_patches(150, 150, 2, 1, 100);
}

TEST(exact_fit, "a picture of exactly the patch's size, and a little more, gives the same bits too")
{
    for (int scale = 2; scale <= 8; scale *= 2)
        for (int more = 0; more < 7; more++)
            compare_patches(7 * scale + more * scale / 2, 7 * scale + 1, scale, 7, 8);
}
