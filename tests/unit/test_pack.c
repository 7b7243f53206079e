/* Packs: what goes in comes out, whoever packs it and however often that is interrupted. */
#include "base/rng.h"
#include "data/loader.h"
#include "data/names.h"
#include "data/pack.h"
#include "data/pack_source.h"
#include "data/webp.h"
#include "drn/dataset.h"
#include "image/io.h"
#include "pictures.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static void need_packs(void)
{
    if (!drn_kv_available() || !drn_codec_available())
        SKIP("built without LMDB or libvips");
}

/* ---- a folder to pack ---- */

static const char *const kinds[] = {"a.png", "b.ppm", "c.png", "d.pgm", "e.png", "f.ppm"};
enum { KINDS = 6 };

/* Six pictures of all kinds, a copy, two broken files, and a manifest. */
static const char *folder(void)
{
    static char dir[256];
    if (dir[0])
        return dir;
    snprintf(dir, sizeof dir, "%s", fresh_dir());
    static const int32_t bands[] = {3, 3, 4, 1, 1, 3};
    static const drn_depth depth[] = {DRN_U8, DRN_U8, DRN_U8, DRN_U8, DRN_U16, DRN_U16};
    for (int i = 0; i < KINDS; i++) {
        drn_image *im = noise(40 + i, 50 - i, bands[i], depth[i], (uint64_t)i);
        put_picture(dir, kinds[i], im);
        if (i == 1)
            put_picture(dir, "z_copy.png", im); /* other bytes, the same pixels */
        drn_image_free(im);
    }
    put_text(dir, "broken.png", "no picture");
    put_text(dir, "empty.ppm", "");
    put_text(dir, "manifest.csv",
             "file,free,split\na.png,1,train\nb.ppm,0,train\nc.png,1,val\nbroken.png,1,train\n"
             "d.pgm,1,train\ne.png,0,val\nz_copy.png,1,train\nempty.ppm,0,val\nf.ppm,1,train\n"
             "missing.png,1,train\n");
    return dir;
}

static char *out_path(const char *name)
{
    return drn_path_join(test_tmp_dir(), name);
}

static bool stop_at(void *ctx, const drn_pack_counts *c)
{
    return !ctx || c->done < *(uint64_t *)ctx;
}

static drn_status pack_with(const char *out, const char *dir, drn_pack_options o,
                            drn_pack_counts *counts, drn_error *err)
{
    o.dirs = &dir;
    o.dir_count = 1;
    o.out = out;
    return drn_pack_make(counts, &o, err);
}

static void pack(const char *out, const char *dir, drn_pack_options o)
{
    drn_error err = {0};
    CHECK_OK(pack_with(out, dir, o, NULL, &err), err);
}

static drn_dataset *open_set(const char *path, const char *split, bool free_only)
{
    drn_dataset *d;
    drn_error err = {0};
    drn_dataset_options o = {.dirs = &path, .dir_count = 1, .split = split, .free_only = free_only};
    CHECK_OK(drn_dataset_open(&d, &o, &err), err);
    return d;
}

/* ---- all that is in a pack, as one hash ---- */

static bool add_hash(void *ctx, const void *key, size_t key_size, const void *value, size_t size)
{
    uint64_t *h = ctx;
    for (size_t i = 0; i < key_size; i++)
        *h = (*h ^ ((const unsigned char *)key)[i]) * 0x100000001b3u;
    for (size_t i = 0; i < size; i++)
        *h = (*h ^ ((const unsigned char *)value)[i]) * 0x100000001b3u;
    *h = (*h ^ size) * 0x100000001b3u;
    return true;
}

static uint64_t dump(const char *path)
{
    drn_kv *kv;
    drn_error err = {0};
    uint64_t h = 1;
    CHECK_OK(drn_kv_open(&kv, path, &err), err);
    for (int t = 0; t < DRN_KV_TABLES; t++)
        CHECK_OK(drn_kv_scan(kv, t, add_hash, &h, &err), err);
    drn_kv_close(kv);
    return h;
}

static bool same_pixels(const drn_image *a, const drn_image *b)
{
    return a->width == b->width && a->height == b->height && a->bands == b->bands &&
           a->depth == b->depth &&
           memcmp(a->data, b->data,
                  (size_t)a->width * (size_t)a->height * (size_t)a->bands *
                      drn_depth_size(a->depth)) == 0;
}

static void same_sets(drn_dataset *a, drn_dataset *b)
{
    CHECK_INT(drn_dataset_count(a), drn_dataset_count(b));
    for (size_t i = 0; i < drn_dataset_count(a); i++) {
        const drn_image *x, *y;
        drn_error err = {0};
        CHECK_OK(drn_dataset_get(&x, a, i, &err), err);
        CHECK_OK(drn_dataset_get(&y, b, i, &err), err);
        CHECK(same_pixels(x, y));
        const char *p = strrchr(drn_dataset_path(a, i), '/'),
                   *q = strrchr(drn_dataset_path(b, i), '/');
        CHECK_STR(p, q);
        drn_dataset_release(a, i, x);
        drn_dataset_release(b, i, y);
    }
    CHECK(drn_dataset_fingerprint(a) == drn_dataset_fingerprint(b));
}

/* A folder with only the readable, distinct ones of folder(): what the pack should hold. */
static const char *clean_folder(void)
{
    static char dir[256];
    if (dir[0])
        return dir;
    snprintf(dir, sizeof dir, "%s", fresh_dir());
    for (int i = 0; i < KINDS; i++) {
        drn_image *im;
        drn_error err = {0};
        char *path = drn_path_join(folder(), kinds[i]);
        CHECK_OK(drn_image_read(&im, path, &err), err);
        put_picture(dir, kinds[i], im);
        drn_image_free(im);
        drn_free(path);
    }
    put_text(dir, "manifest.csv",
             "file,free,split\na.png,1,train\nb.ppm,0,train\nc.png,1,val\nd.pgm,1,train\n"
             "e.png,0,val\nf.ppm,1,train\n");
    return dir;
}

TEST(round_trip, "a pack gives the pictures, splits and licences of its folder, in every form")
{
    need_packs();
    for (int reencode = 0; reencode < 2; reencode++) {
        char *out = out_path(reencode ? "re.pack" : "as_is.pack");
        pack(out, folder(), (drn_pack_options){.reencode = reencode});
        static const char *const splits[] = {"train", "val", NULL};
        for (int i = 0; i < 6; i++) {
            drn_dataset *a = open_set(clean_folder(), splits[i / 2], i % 2),
                        *b = open_set(out, splits[i / 2], i % 2);
            same_sets(a, b);
            drn_dataset_free(a);
            drn_dataset_free(b);
        }
        drn_free(out);
    }
}

/* A picture's samples the other way round; one of the context's width is refused. */
static drn_status invert(void *ctx, drn_image **picture, drn_error *err)
{
    drn_image *im = *picture;
    CHECK(im->depth == DRN_U8 && im->bands == 3);
    if (im->width == *(const int32_t *)ctx)
        return drn_fail(err, DRN_ERR_INVALID, "refused");
    unsigned char *p = im->data;
    for (int32_t i = 0; i < im->width * im->height * 3; i++)
        p[i] = (unsigned char)(255 - p[i]);
    return DRN_OK;
}

TEST(changed, "a change reaches the pictures to train on, before tiles, and no others")
{
    need_packs();
    char *out = out_path("changed.pack"), *plain = out_path("unchanged.pack");
    int32_t refused = 45; /* f.ppm */
    drn_pack_counts c;
    drn_error err = {0};
    drn_pack_options o = {.crop = 16, .change = invert, .change_name = "inverted", .ctx = &refused};
    CHECK_OK(pack_with(out, folder(), o, &c, &err), err);
    CHECK_INT(c.broken, 4);
    pack(plain, folder(), (drn_pack_options){.crop = 16});
    drn_dataset *a = open_set(out, "val", false), *b = open_set(plain, "val", false);
    same_sets(a, b);
    drn_dataset_free(a);
    drn_dataset_free(b);
    a = open_set(out, "train", false), b = open_set(plain, "train", false);
    CHECK(drn_dataset_count(a) > 0 && drn_dataset_count(a) < drn_dataset_count(b));
    for (size_t i = 0; i < drn_dataset_count(a); i++) {
        const drn_image *x, *y;
        CHECK_OK(drn_dataset_get(&x, a, i, &err), err);
        CHECK_OK(drn_dataset_get(&y, b, i, &err), err);
        const unsigned char *p = x->data, *q = y->data;
        for (int32_t k = 0; k < x->width * x->height * 3; k++)
            CHECK_INT(p[k], 255 - q[k]);
        drn_dataset_release(a, i, x);
        drn_dataset_release(b, i, y);
    }
    drn_dataset_free(a);
    drn_dataset_free(b);
    o.change_name = "other";
    CHECK_INT(pack_with(out, folder(), o, NULL, &err), DRN_ERR_INVALID);
    CHECK(strstr(err.message, "crop=16 inverted', not"));
    o.change_name = NULL;
    CHECK_INT(pack_with(out, folder(), o, NULL, &err), DRN_ERR_INVALID);
    drn_free(out);
    drn_free(plain);
}

static void remember_skip(void *ctx, const char *name, const char *why)
{
    size_t n = strlen(ctx);
    snprintf((char *)ctx + n, 4096 - n, "%s: %s\n", strchr(name, '/') + 1, why);
}

TEST(left_out, "broken and doubled pictures are counted and named")
{
    need_packs();
    char *out = out_path("left_out.pack"), text[4096] = "";
    drn_pack_counts c;
    drn_error err = {0};
    drn_pack_options o = {.skip = remember_skip, .ctx = text};
    CHECK_OK(pack_with(out, folder(), o, &c, &err), err);
    CHECK(c.files == 10 && c.done == 10 && c.entries == 6 && c.broken == 3 && c.duplicates == 1);
    CHECK(strstr(text, "broken.png: ") && strstr(text, "empty.ppm: ") &&
          strstr(text, "missing.png: "));
    CHECK(strstr(text, "z_copy.png: same pixels as ") && strstr(text, "/b.ppm\n"));
    CHECK_OK(pack_with(out, folder(), (drn_pack_options){0}, &c, &err), err); /* nothing to do */
    CHECK(c.done == 10 && c.entries == 6 && c.broken == 3 && c.duplicates == 1 && c.bytes == 0);
    drn_free(out);
}

TEST(same, "one thread or seven, in one go or interrupted after every file: the same pack")
{
    need_packs();
    char *a = out_path("one.pack"), *b = out_path("seven.pack"), *c = out_path("pieces.pack");
    drn_pack_options o = {.threads = 1, .crop = 16};
    pack(a, folder(), o);
    o.threads = 7;
    pack(b, folder(), o);
    for (uint64_t stop = 1; stop <= 10; stop++) {
        drn_error err = {0};
        o.progress = stop_at;
        o.ctx = &stop;
        drn_status st = pack_with(c, folder(), o, NULL, &err);
        CHECK_INT(st, DRN_ERR_CANCELLED);
    }
    pack(c, folder(), (drn_pack_options){.crop = 16});
    CHECK(dump(a) == dump(b));
    CHECK(dump(a) == dump(c));
    drn_free(a);
    drn_free(b);
    drn_free(c);
}

TEST(added, "a finished pack takes more folders; two of one name are told apart")
{
    need_packs();
    char parent[300], first[320], second[320], third[330];
    drn_error err = {0};
    snprintf(parent, sizeof parent, "%s", fresh_dir());
    snprintf(first, sizeof first, "%s/x", parent);
    snprintf(second, sizeof second, "%s/y", parent);
    snprintf(third, sizeof third, "%s/y/x", parent);
    CHECK_OK(drn_make_dirs(first, &err), err);
    CHECK_OK(drn_make_dirs(third, &err), err);
    put_noise(first, "1.ppm", 9, 9, 1);
    put_noise(second, "2.ppm", 9, 9, 2);
    put_noise(third, "3.ppm", 9, 9, 3);
    char *out = out_path("added.pack"), *both = out_path("both.pack");
    pack(out, first, (drn_pack_options){0});
    pack(out, second, (drn_pack_options){0}); /* with the folder below it */
    const char *dirs[] = {first, second};
    CHECK_OK(
        drn_pack_make(NULL, &(drn_pack_options){.dirs = dirs, .dir_count = 2, .out = both}, &err),
        err);
    CHECK(dump(out) == dump(both));
    drn_dataset *d = open_set(out, "train", false); /* no manifest: of every split */
    CHECK_INT(drn_dataset_count(d), 3);
    CHECK(strstr(drn_dataset_path(d, 2), "added.pack/y/x/3.ppm"));
    drn_dataset_free(d);
    CHECK_INT(pack_with(out, third, (drn_pack_options){0}, NULL, &err), DRN_ERR_INVALID);
    CHECK(strstr(err.message, "another folder called 'x'"));
    dirs[1] = third;
    CHECK_INT(
        drn_pack_make(NULL, &(drn_pack_options){.dirs = dirs, .dir_count = 2, .out = both}, &err),
        DRN_ERR_INVALID);
    CHECK(strstr(err.message, "two folders are called 'x'"));
    drn_free(out);
    drn_free(both);
}

/* The picture of a value by libwebp alone. */
static bool decode_webp(void *ctx, const void *key, size_t key_size, const void *value, size_t size)
{
    (void)key, (void)key_size;
    drn_error err = {0};
    CHECK_OK(drn_webp_decode(ctx, value, size, "entry", &err), err);
    return true;
}

TEST(webp, "what is re-encoded is lossless WebP, which needs no libvips to be read")
{
    need_packs();
    if (!drn_webp_available())
        SKIP("built without libwebp");
    static const int32_t sides[][2] = {{1, 1}, {1, 300}, {257, 3}, {64, 64}};
    for (int i = 0; i < 4; i++) {
        drn_image *im = noise(sides[i][0], sides[i][1], 3, DRN_U8, (uint64_t)i), *back;
        drn_error err = {0};
        void *data;
        size_t size;
        CHECK_OK(drn_webp_encode(&data, &size, im, &err), err);
        CHECK(drn_webp_is(data, size));
        CHECK_OK(drn_webp_decode(&back, data, size, "x", &err), err);
        CHECK(same_pixels(im, back));
        drn_image_free(back);
        for (size_t cut = 0; cut < size; cut += 1 + size / 40) {
            CHECK_INT(drn_webp_decode(&back, data, cut, "x.webp", &err), DRN_ERR_FORMAT);
            CHECK(strstr(err.message, "x.webp"));
        }
        drn_free(data);
        drn_image_free(im);
    }
    char *out = out_path("webp.pack");
    pack(out, folder(), (drn_pack_options){.reencode = true});
    drn_dataset *d = open_set(out, NULL, false);
    drn_kv *kv;
    drn_error err = {0};
    CHECK_OK(drn_kv_open(&kv, out, &err), err);
    for (uint32_t n = 0; n < drn_dataset_count(d); n++) {
        unsigned char key[4];
        bool found;
        drn_image *im = NULL;
        const drn_image *want;
        drn_pack_key(key, n);
        CHECK_OK(drn_kv_get(&found, kv, DRN_PACK_BLOB, key, 4, decode_webp, &im, &err), err);
        CHECK(found && im);
        CHECK_OK(drn_dataset_get(&want, d, n, &err), err);
        CHECK(same_pixels(im, want));
        drn_image_free(im);
    }
    drn_kv_close(kv);
    drn_dataset_free(d);
    drn_free(out);
}

TEST(tiles, "tiles cover a picture, lie inside it, and hold its pixels")
{
    for (int32_t size = 1; size < 70; size++)
        for (int32_t crop = 1; crop < 40; crop++) {
            int32_t end = 0, k = 0;
            for (int32_t x; (x = drn_tile_start(size, crop, k)) >= 0; k++) {
                CHECK(x <= end && x + crop > end && x + crop <= size); /* no gap, all new */
                end = x + crop;
            }
            CHECK(size < crop ? k == 0 : 2 * (size - end) < crop);
        }
    need_packs();
    char dir[256];
    snprintf(dir, sizeof dir, "%s", fresh_dir());
    drn_image *whole = noise(100, 70, 3, DRN_U8, 5);
    put_picture(dir, "w.png", whole);
    put_noise(dir, "small.png", 31, 90, 6);
    char *out = out_path("tiles.pack");
    pack(out, dir, (drn_pack_options){.crop = 32});
    drn_dataset *d = open_set(out, NULL, false);
    CHECK_INT(drn_dataset_count(d), 1 + 3 * 2); /* 96 of 100; 64 of 70 */
    for (size_t i = 0; i < drn_dataset_count(d); i++) {
        const drn_image *im;
        drn_image *want;
        drn_error err = {0};
        int x, y;
        const char *at = strchr(strrchr(drn_dataset_path(d, i), '/'), '@');
        if (!at)
            continue;
        CHECK_INT(sscanf(at, "@%d,%d", &x, &y), 2);
        CHECK_OK(drn_dataset_get(&im, d, i, &err), err);
        CHECK_OK(drn_image_crop(&want, whole, x, y, 32, 32, &err), err);
        CHECK(same_pixels(im, want));
        drn_image_free(want);
        drn_dataset_release(d, i, im);
    }
    drn_dataset_free(d);
    drn_image_free(whole);
    drn_free(out);
}

TEST(most_detail, "of each picture the tiles with the most detail, in the picture's order")
{
    need_packs();
    char dir[4096];
    snprintf(dir, sizeof dir, "%s", fresh_dir());
    drn_image *im = noise(96, 64, 3, DRN_U8, 5);
    unsigned char *p = im->data;
    const int shift[2][3] = {{3, 6, 1}, {0, 9, 2}}; /* how much of the noise each tile loses */
    for (int32_t y = 0; y < 64; y++)
        for (int32_t x = 0; x < 96 * 3; x++)
            p[y * 96 * 3 + x] = (unsigned char)(p[y * 96 * 3 + x] >> shift[y / 32][x / 96]);
    put_picture(dir, "a.png", im);
    put_noise(dir, "small.png", 31, 90, 6);
    drn_image_free(im);
    const char *want[] = {"@0,32", "@64,0 @0,32", "@64,0 @0,32 @64,32", "@0,0 @64,0 @0,32 @64,32"};
    for (int most = 1; most <= 4; most++) {
        char *out = out_path("detail.pack"), got[64] = "";
        remove(out);
        pack(out, dir, (drn_pack_options){.crop = 32, .tiles = most});
        drn_dataset *d = open_set(out, NULL, false);
        CHECK_INT(drn_dataset_count(d), most + 1);
        for (size_t i = 0; i < drn_dataset_count(d); i++) {
            const char *at = strchr(strrchr(drn_dataset_path(d, i), '/'), '@');
            if (at)
                snprintf(got + strlen(got), sizeof got - strlen(got), "%s%s", *got ? " " : "", at);
        }
        CHECK_STR(got, want[most - 1]);
        drn_dataset_free(d);
        drn_free(out);
    }
    drn_error err = {0};
    char *out = out_path("none.pack");
    CHECK_INT(pack_with(out, dir, (drn_pack_options){.tiles = 2}, NULL, &err), DRN_ERR_INVALID);
    drn_free(out);
}

TEST(shrunk, "only JPEG files are shrunk, by imresize")
{
    need_packs();
    char dir[256];
    drn_error err = {0};
    snprintf(dir, sizeof dir, "%s", fresh_dir());
    drn_image *im = noise(64, 50, 3, DRN_U8, 1), *jpeg, *want;
    char *path = drn_path_join(dir, "a.jpg");
    if (drn_image_write(im, path, NULL, &err) == DRN_ERR_UNSUPPORTED)
        SKIP("built without libvips");
    put_picture(dir, "b.png", im);
    char *out = out_path("shrunk.pack");
    pack(out, dir, (drn_pack_options){.shrink_jpeg = 2});
    CHECK_OK(drn_image_read(&jpeg, path, &err), err);
    CHECK_OK(drn_imresize(&want, jpeg, 0.5, NULL, &err), err);
    drn_dataset *d = open_set(out, NULL, false);
    const drn_image *a, *b;
    CHECK_OK(drn_dataset_get(&a, d, 0, &err), err);
    CHECK_OK(drn_dataset_get(&b, d, 1, &err), err);
    CHECK(same_pixels(a, want));
    CHECK(same_pixels(b, im));
    drn_dataset_free(d);
    drn_image_free(im);
    drn_image_free(jpeg);
    drn_image_free(want);
    drn_free(path);
    drn_free(out);
}

/* ---- what can be wrong ---- */

static void refused(const char *path, drn_status status, const char *part)
{
    drn_dataset *d;
    drn_error err = {0};
    size_t before = drn_mem_current();
    CHECK_INT(drn_dataset_open(&d, &(drn_dataset_options){.dirs = &path, .dir_count = 1}, &err),
              status);
    if (!strstr(err.message, part))
        test_fail(__FILE__, __LINE__, "\"%s\" lacks \"%s\"", err.message, part);
    CHECK_INT(drn_mem_current(), before);
}

TEST(cut_short, "a pack cut short anywhere is refused, and so is what is no pack")
{
    need_packs();
    char *out = out_path("whole.pack"), *cut = out_path("cut.pack");
    drn_error err = {0};
    pack(out, folder(), (drn_pack_options){0});
    void *data;
    size_t size;
    CHECK_OK(drn_file_read(&data, &size, out, 1 << 30, &err), err);
    for (size_t n = 1; n < size; n += 1 + n / 3) {
        CHECK_OK(drn_file_write(cut, data, n, &err), err);
        refused(cut, DRN_ERR_FORMAT, "cut.pack");
    }
    CHECK_OK(drn_file_write(cut, data, size - 1, &err), err);
    refused(cut, DRN_ERR_FORMAT, "cut short");
    CHECK_OK(drn_file_write(cut, "", 0, &err), err);
    refused(cut, DRN_ERR_FORMAT, "empty");
    memset(data, 'x', size);
    CHECK_OK(drn_file_write(cut, data, size, &err), err);
    refused(cut, DRN_ERR_FORMAT, "not a pack");
    CHECK_INT(pack_with(cut, folder(), (drn_pack_options){0}, NULL, &err), DRN_ERR_FORMAT);
    refused("/no/such.pack", DRN_ERR_IO, "no such folder or pack");
    drn_free(data);
    drn_free(out);
    drn_free(cut);
}

TEST(unfinished, "an unfinished pack is not trained from, nor gone on with in another form")
{
    need_packs();
    char *out = out_path("unfinished.pack");
    drn_error err = {0};
    uint64_t stop = 3;
    drn_pack_options o = {.progress = stop_at, .ctx = &stop};
    CHECK_INT(pack_with(out, folder(), o, NULL, &err), DRN_ERR_CANCELLED);
    refused(out, DRN_ERR_INVALID, "not finished");
    CHECK_INT(pack_with(out, folder(), (drn_pack_options){.crop = 8}, NULL, &err), DRN_ERR_INVALID);
    CHECK(strstr(err.message, "crop=0") && strstr(err.message, "crop=8"));
    int fd = open(out, O_RDWR);
    CHECK(fd >= 0 && flock(fd, LOCK_EX) == 0);
    CHECK_INT(pack_with(out, folder(), (drn_pack_options){0}, NULL, &err), DRN_ERR_INVALID);
    CHECK(strstr(err.message, "another process"));
    close(fd);
    pack(out, folder(), (drn_pack_options){0});
    drn_dataset_free(open_set(out, NULL, false));
    drn_free(out);
}

TEST(nothing, "a folder without pictures, or with broken ones only, makes no pack to train from")
{
    need_packs();
    char dir[256], *out = out_path("nothing.pack");
    drn_error err = {0};
    snprintf(dir, sizeof dir, "%s", fresh_dir());
    CHECK_INT(pack_with(out, dir, (drn_pack_options){0}, NULL, &err), DRN_ERR_INVALID);
    CHECK(strstr(err.message, "no pictures"));
    put_text(dir, "a.png", "x");
    CHECK_INT(pack_with(out, dir, (drn_pack_options){0}, NULL, &err), DRN_ERR_INVALID);
    CHECK(strstr(err.message, "none of 1 pictures can be read"));
    refused(out, DRN_ERR_INVALID, "not finished");
    CHECK_INT(pack_with(out, "/no/such", (drn_pack_options){0}, NULL, &err), DRN_ERR_IO);
    CHECK_INT(pack_with("/no/such/x.pack", folder(), (drn_pack_options){0}, NULL, &err),
              DRN_ERR_IO);
    drn_free(out);
}

TEST(full_disk, "a full disk keeps what was packed; with room again it goes on")
{
    need_packs();
    char dir[256], *out = out_path("full.pack"), *whole = out_path("not_full.pack");
    snprintf(dir, sizeof dir, "%s", fresh_dir());
    for (int i = 0; i < 12; i++) {
        char name[16];
        snprintf(name, sizeof name, "%02d.ppm", i);
        put_noise(dir, name, 100, 100, (uint64_t)i);
    }
    const rlim_t limits[] = {0, 1000, 10240, 16384, 200000}; /* from the first page on */
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
        pid_t child = fork();
        if (child == 0) {
            drn_error err = {0};
            signal(SIGXFSZ, SIG_IGN);
            unlink(out);
            setrlimit(RLIMIT_FSIZE, &(struct rlimit){limits[i], limits[i]});
            drn_status st = pack_with(out, dir, (drn_pack_options){0}, NULL, &err);
            bool said = strstr(err.message, "full.pack: cannot write: ") && strstr(err.message, "File too large for the limit");
            if (!said)
                fprintf(stderr, "limit %llu: %s\n", (unsigned long long)limits[i], err.message);
            _exit(st == DRN_ERR_IO && said ? 0 : 1);
        }
        int status;
        waitpid(child, &status, 0);
        CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
    pack(out, dir, (drn_pack_options){0});
    pack(whole, dir, (drn_pack_options){0});
    CHECK(dump(out) == dump(whole));
    drn_free(out);
    drn_free(whole);
}

TEST(memory, "every refused allocation is an error that loses nothing")
{
    need_packs();
    char *out = out_path("memory.pack");
    drn_error err = {0};
    drn_status st = DRN_ERR_NOMEM;
    const drn_pack_options forms[] = {{.threads = 1, .reencode = true}, {.threads = 1, .crop = 16, .tiles = 1}};
    for (int i = 0; i < 2; i++) {
        int failures = 0;
        st = DRN_ERR_NOMEM;
        for (size_t nth = 1; st != DRN_OK; nth++) {
            size_t before = drn_mem_current();
            unlink(out);
            drn_mem_fail_nth(nth);
            st = pack_with(out, folder(), forms[i], NULL, &err);
            drn_mem_fail_nth(0);
            CHECK(st == DRN_OK || st == DRN_ERR_NOMEM);
            CHECK_INT(drn_mem_current(), before);
            failures += st != DRN_OK;
        }
        CHECK(failures > 20);
    }
    st = DRN_ERR_NOMEM;
    for (size_t nth = 1; st != DRN_OK; nth++) {
        drn_dataset *d;
        const char *path = out;
        size_t before = drn_mem_current();
        drn_mem_fail_nth(nth);
        st = drn_dataset_open(
            &d, &(drn_dataset_options){.dirs = &path, .dir_count = 1, .ratio = 0.5}, &err);
        drn_mem_fail_nth(0);
        if (st == DRN_OK)
            drn_dataset_free(d);
        CHECK(st == DRN_OK || st == DRN_ERR_NOMEM);
        CHECK_INT(drn_mem_current(), before);
    }
    drn_free(out);
}

/* ---- at scale ---- */

static long rss_kb(const char *field)
{
    char line[256];
    long kb = -1;
    FILE *f = fopen("/proc/self/status", "r");
    while (f && fgets(line, sizeof line, f))
        if (strncmp(line, field, strlen(field)) == 0)
            kb = atol(line + strlen(field) + 1);
    if (f)
        fclose(f);
    return kb;
}

/* A pack of n small pictures, as drn_pack_make() writes it. */
static void write_many(const char *path, uint32_t n)
{
    drn_kv *kv;
    drn_error err = {0};
    CHECK_OK(drn_kv_create(&kv, path, &err), err);
    CHECK_OK(drn_kv_put(kv, DRN_PACK_META, "format", 6, "drn-pack 1", 10, &err), err);
    CHECK_OK(drn_kv_put(kv, DRN_PACK_META, "complete", 8, "1", 1, &err), err);
    unsigned char key[4], head[DRN_PACK_HEAD + 80], blob[16 + 3 * 24 * 24];
    drn_pack_entry e = {.width = 24, .height = 24, .free = '1'};
    for (uint32_t i = 0; i < n; i++) {
        drn_pack_key(key, i);
        drn_pack_head(head, &e);
        size_t at = DRN_PACK_HEAD + 1;
        head[DRN_PACK_HEAD] = 0;
        at +=
            (size_t)sprintf((char *)head + at, "imagenet/n%08u/picture_%07u.JPEG", i / 1300, i) + 1;
        size_t size = (size_t)sprintf((char *)blob, "P6\n24 24\n255\n");
        memset(blob + size, (int)(i % 251), 3 * 24 * 24);
        size += 3 * 24 * 24;
        CHECK_OK(drn_kv_put(kv, DRN_PACK_INDEX, key, 4, head, at, &err), err);
        CHECK_OK(drn_kv_put(kv, DRN_PACK_BLOB, key, 4, blob, size, &err), err);
        if (i % 20000 == 0)
            CHECK_OK(drn_kv_commit(kv, &err), err);
    }
    CHECK_OK(drn_kv_commit(kv, &err), err);
    drn_kv_close(kv);
}

TEST(many, "a hundred thousand pictures cost the memory of their names")
{
    need_packs();
    enum { MANY = 100000, CACHE = 4 << 20 };
    char *out = out_path("many.pack");
    const char *path = out;
    drn_error err = {0};
    drn_dataset *d;
    drn_loader *l;
    const drn_batch *b;
    pid_t child = fork(); /* the writer's memory is not the point */
    if (child == 0) {
        write_many(out, MANY);
        _exit(0);
    }
    waitpid(child, NULL, 0);
    long before = rss_kb("RssAnon:");
    drn_dataset_options o = {.dirs = &path, .dir_count = 1, .cache_bytes = CACHE};
    CHECK_OK(drn_dataset_open(&d, &o, &err), err);
    CHECK_INT(drn_dataset_count(d), MANY);
    long opened = rss_kb("RssAnon:");
    drn_loader_options lo = {
        .spec = {.scale = 2, .patch = 8, .augment = DRN_AUGMENT_TURNS, .seed = 1}, .batch = 64, .threads = 2};
    CHECK_OK(drn_loader_new(&l, d, &lo, &err), err);
    for (int i = 0; i < 300; i++)
        CHECK_OK(drn_loader_next(&b, l, &err), err);
    long after = rss_kb("RssAnon:");
    printf("      memory: %ld KiB before, +%ld with %d names, +%ld after 19200 pictures; file "
           "pages %ld KiB\n",
           before, opened - before, MANY, after - before, rss_kb("RssFile:"));
    drn_loader_free(l);
    drn_dataset_free(d);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    CHECK(opened - before < 24 * 1024);
    CHECK(after - before < 24 * 1024 + CACHE / 1024 + 16 * 1024);
#endif
    drn_free(out);
}
