/* Files of other makers: orientation, profiles, colour spaces; and files that cannot be written. */
#include "base/fileio.h"
#include "base/mem.h"
#include "base/pool.h"
#include "drn/image.h"
#include "harness.h"
#include "image/io.h"
#include "image/meta.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

static const char *tmp_path(const char *name)
{
    static char path[4][512];
    static int turn;
    turn = (turn + 1) % 4;
    snprintf(path[turn], sizeof path[turn], "%s/%s", test_tmp_dir(), name);
    return path[turn];
}

static void need_codec(void)
{
    if (!drn_codec_available())
        SKIP("built without libvips");
}

static drn_image *read_file(const char *path)
{
    drn_image *image = NULL;
    drn_error err = {0};
    CHECK_OK(drn_image_read(&image, path, &err), err);
    return image;
}

static drn_image *noise(int32_t w, int32_t h, int32_t bands)
{
    drn_image *image = NULL;
    drn_error err = {0};
    unsigned seed = 1;
    CHECK_OK(drn_image_new(&image, w, h, bands, DRN_U8, &err), err);
    for (int32_t i = 0; i < w * h * bands; i++) {
        seed = seed * 1664525 + 1013904223;
        ((uint8_t *)image->data)[i] = (uint8_t)(seed >> 24);
    }
    return image;
}

/* ---- a TIFF of one strip, written by hand ---- */

typedef struct tiff {
    unsigned char bytes[4096];
    size_t size;
    int entries;
} tiff;

static void put(tiff *t, unsigned long value, int n)
{
    for (int i = 0; i < n; i++)
        t->bytes[t->size++] = (unsigned char)(value >> (8 * i));
}

static void entry(tiff *t, unsigned tag, unsigned type, unsigned long count, unsigned long value)
{
    put(t, tag, 2);
    put(t, type, 2);
    put(t, count, 4);
    put(t, value, 4);
}

/* samples: 8 or 32 bits each (SampleFormat 3 = float); data lies at byte 512. */
static void write_tiff(const char *path, unsigned w, unsigned h, unsigned samples, unsigned bits,
                       unsigned format, unsigned photometric, const void *data, size_t size)
{
    tiff t = {.bytes = "II*"};
    drn_error err = {0};
    t.size = 4;
    put(&t, 8, 4);
    put(&t, 10, 2);
    entry(&t, 256, 3, 1, w);
    entry(&t, 257, 3, 1, h);
    entry(&t, 258, 3, samples, samples > 2 ? 400 : bits | bits << 16);
    entry(&t, 259, 3, 1, 1);
    entry(&t, 262, 3, 1, photometric);
    entry(&t, 273, 4, 1, 512);
    entry(&t, 277, 3, 1, samples);
    entry(&t, 278, 3, 1, h);
    entry(&t, 279, 4, 1, size);
    entry(&t, 339, 3, samples, samples > 2 ? 420 : format | format << 16);
    put(&t, 0, 4);
    for (unsigned i = 0; i < samples; i++) {
        memcpy(t.bytes + 400 + 2 * i, (unsigned char[]){(unsigned char)bits, 0}, 2);
        memcpy(t.bytes + 420 + 2 * i, (unsigned char[]){(unsigned char)format, 0}, 2);
    }
    memcpy(t.bytes + 512, data, size);
    CHECK_OK(drn_file_write(path, t.bytes, 512 + size, &err), err);
}

TEST(cmyk, "CMYK becomes sRGB: no ink is white, full black is dark, cyan is bluish")
{
    need_codec();
    static const unsigned char ink[] = {0, 0, 0, 0, 0, 0, 0, 255, 255, 0, 0, 0};
    const char *path = tmp_path("cmyk.tif");
    write_tiff(path, 3, 1, 4, 8, 1, 5, ink, sizeof ink);
    drn_image *image = read_file(path);
    const uint8_t *p = image->data;
    CHECK_INT(image->bands, 3);
    CHECK_INT(image->depth, DRN_U8);
    CHECK(p[0] > 240 && p[1] > 240 && p[2] > 240);
    CHECK(p[3] < 80 && p[4] < 80 && p[5] < 80);
    CHECK(p[6] < 80 && p[8] > 150);
    drn_image_free(image);
}

TEST(float_tiff, "float samples are kept as they are")
{
    need_codec();
    static const float values[] = {-0.5f, 0.25f, 1.0f, 7.5f, 0, 1e-3f};
    const char *path = tmp_path("float.tif");
    write_tiff(path, 2, 1, 3, 32, 3, 2, values, sizeof values);
    drn_image *image = read_file(path);
    CHECK_INT(image->depth, DRN_F32);
    CHECK_INT(image->bands, 3);
    CHECK(memcmp(image->data, values, sizeof values) == 0);
    drn_image_free(image);
}

TEST(one_bit, "one bit a sample becomes 0 and 255")
{
    need_codec();
    static const unsigned char bits[] = {0xa0};
    const char *path = tmp_path("bits.tif");
    write_tiff(path, 4, 1, 1, 1, 1, 1, bits, 1);
    drn_image *image = read_file(path);
    CHECK_INT(image->bands, 1);
    CHECK_INT(image->depth, DRN_U8);
    CHECK(memcmp(image->data, "\xff\0\xff\0", 4) == 0);
    drn_image_free(image);
}

TEST(more_bands, "bands beyond colour and alpha are left out")
{
    need_codec();
    unsigned char data[10];
    for (int i = 0; i < 10; i++)
        data[i] = (unsigned char)(i * 20);
    const char *path = tmp_path("five.tif");
    write_tiff(path, 2, 1, 5, 8, 1, 2, data, 10);
    drn_image *image = read_file(path);
    CHECK_INT(image->bands, 4);
    CHECK_INT(((uint8_t *)image->data)[4], 100);
    drn_image_free(image);
}

TEST(palette, "a palette comes back as the colours it stands for")
{
    need_codec();
    static const unsigned char colours[] = {255, 0, 0, 0, 255, 0, 0, 0, 255, 255, 255, 255};
    drn_image *in = NULL;
    drn_error err = {0};
    CHECK_OK(drn_image_new(&in, 4, 1, 3, DRN_U8, &err), err);
    memcpy(in->data, colours, sizeof colours);
    const char *path = tmp_path("palette.gif");
    CHECK_OK(drn_image_write(in, path, NULL, &err), err);
    drn_image *out = read_file(path);
    CHECK(out->bands >= 3);
    for (int i = 0; i < 4; i++)
        for (int b = 0; b < 3; b++)
            CHECK_NEAR(((uint8_t *)out->data)[i * out->bands + b], colours[i * 3 + b], 2);
    drn_image_free(in);
    drn_image_free(out);
}

/* ---- EXIF, XMP, ICC ---- */

/* APP1 with EXIF: Make = "drn", Orientation = 6 (turn right to view). */
static const unsigned char exif_app1[] = {
    0xff, 0xe1, 0, 46, 'E',  'x',  'i', 'f', 0, 0, 'I', 'I', '*', 0,   8,   0,
    0,    0,    2, 0,  0x0f, 0x01, 2,   0,   4, 0, 0,   0,   'd', 'r', 'n', 0,
    0x12, 0x01, 3, 0,  1,    0,    0,   0,   6, 0, 0,   0,   0,   0,   0,   0};

static const char xmp_text[] = "<x:xmpmeta xmlns:x='adobe:ns:meta/'><rdf:Description "
                               "tiff:Orientation=\"6\" dc:title='a title'/></x:xmpmeta>";

/* A JPEG of 40 x 24 with that EXIF and an XMP packet. */
static const char *rotated_jpeg(void)
{
    static char path[512];
    drn_error err = {0};
    drn_image *in = noise(40, 24, 3);
    void *data;
    size_t size, at = 0;
    unsigned char *all;
    memset(in->data, 200, 40 * 24 * 3);
    memset(in->data, 20, 40 * 12 * 3); /* the upper half is dark */
    snprintf(path, sizeof path, "%s/rotated.jpg", test_tmp_dir());
    CHECK_OK(drn_image_write(in, path, NULL, &err), err);
    CHECK_OK(drn_file_read(&data, &size, path, 1u << 20, &err), err);
    static const char ns[] = "http://ns.adobe.com/xap/1.0/";
    size_t xmp = sizeof ns + strlen(xmp_text);
    CHECK_OK(drn_alloc_to(&all, size + 4 + xmp + sizeof exif_app1, 1, &err), err);
    memcpy(all, data, 2);
    memcpy(all + 2, exif_app1, sizeof exif_app1);
    at = 2 + sizeof exif_app1;
    memcpy(all + at, (unsigned char[]){0xff, 0xe1, 0, (unsigned char)(xmp + 2)}, 4);
    memcpy(all + at + 4, ns, sizeof ns);
    memcpy(all + at + 4 + sizeof ns, xmp_text, strlen(xmp_text));
    at += 4 + xmp;
    memcpy(all + at, (char *)data + 2, size - 2);
    CHECK_OK(drn_file_write(path, all, at + size - 2, &err), err);
    drn_free(all);
    drn_free(data);
    drn_image_free(in);
    return path;
}

static void check_upright(const drn_image *image)
{
    CHECK_INT(image->width, 24);
    CHECK_INT(image->height, 40);
    const uint8_t *row = (const uint8_t *)image->data + 20 * 24 * image->bands;
    CHECK(row[3 * image->bands] > 150); /* turned right: the dark half is on the right */
    CHECK(row[20 * image->bands] < 70);
}

/* libvips (8.14) has no way to put EXIF into TIFF. */
static void check_kept(const drn_image *image, const char *suffix)
{
    bool no_exif = strcmp(suffix, ".tif") == 0;
    const drn_meta_item *make = drn_meta_find(image->meta, "exif-ifd0-Make");
    const drn_meta_item *xmp = drn_meta_find(image->meta, "xmp-data");
    if (!no_exif && (!make || strncmp(make->data, "drn", 3) != 0))
        test_fail(__FILE__, __LINE__, "%s lost the EXIF maker", suffix);
    if (!xmp || !strstr(xmp->data, "dc:title='a title'"))
        test_fail(__FILE__, __LINE__, "%s lost the XMP packet", suffix);
    CHECK(strstr(xmp->data, "tiff:Orientation=\"1\""));
}

TEST(exif, "EXIF orientation is applied once, EXIF and XMP survive, EXIF not in TIFF")
{
    static const char *const suffixes[] = {".jpg", ".webp", ".tif", ".png"};
    need_codec();
    drn_error err = {0};
    drn_image *in = read_file(rotated_jpeg());
    check_upright(in);
    check_kept(in, "reading");
    for (int i = 0; i < 4; i++) {
        char name[32];
        snprintf(name, sizeof name, "kept%s", suffixes[i]);
        CHECK_OK(drn_image_write(in, tmp_path(name), NULL, &err), err);
        drn_image *out = read_file(tmp_path(name));
        check_upright(out);
        check_kept(out, suffixes[i]);
        drn_image_free(out);
    }
    drn_image_free(in);
}

static void check_probe(const char *path)
{
    drn_error err = {0};
    drn_image info, *whole = read_file(path);
    CHECK_OK(drn_image_probe(&info, path, &err), err);
    CHECK_INT(info.width, whole->width);
    CHECK_INT(info.height, whole->height);
    CHECK_INT(info.bands, whole->bands);
    CHECK_INT(info.depth, whole->depth);
    CHECK(!info.data && !info.meta);
    drn_image_free(whole);
}

TEST(probe, "a probe tells what reading would give; it does not need the pixels to be there")
{
    static const char *const names[] = {"p.jpg", "p.webp", "p.tif", "p.png", "p.gif", "p.ppm"};
    need_codec();
    drn_error err = {0};
    drn_image *in = noise(31, 17, 4), info = {.width = 7};
    for (int i = 0; i < 6; i++) {
        CHECK_OK(drn_image_write(in, tmp_path(names[i]), NULL, &err), err);
        check_probe(tmp_path(names[i]));
    }
    drn_image_free(in);
    check_probe(rotated_jpeg());
    CHECK(truncate(tmp_path("p.png"), 1200) == 0);
    CHECK_OK(drn_image_probe(&info, tmp_path("p.png"), &err), err);
    CHECK_INT(info.width, 31);
    CHECK_OK(drn_file_write(tmp_path("p.txt"), "plain text", 10, &err), err);
    CHECK_INT(drn_image_probe(&info, tmp_path("p.txt"), &err), DRN_ERR_FORMAT);
    CHECK_INT(drn_image_probe(&info, tmp_path("none.png"), &err), DRN_ERR_IO);
    CHECK_INT(info.width, 31);
}

#define PROFILE 512

/* A profile that libpng takes for RGB: a header, one tag (the white point), and noise behind. */
static void make_profile(unsigned char profile[PROFILE])
{
    static const struct {
        int at;
        const char *text;
    } fields[] = {{12, "mntr"}, {16, "RGB "},  {20, "XYZ "},
                  {36, "acsp"}, {132, "wtpt"}, {144, "XYZ "}};
    static const char d50[12] = "\0\0\xf6\xd6\0\1\0\0\0\0\xd3\x2d";
    unsigned seed = 5;
    memset(profile, 0, 164);
    profile[2] = PROFILE >> 8;
    profile[8] = 2;
    profile[131] = 1;
    profile[139] = 144;
    profile[143] = 20;
    for (int i = 0; i < 6; i++)
        memcpy(profile + fields[i].at, fields[i].text, 4);
    memcpy(profile + 68, d50, 12);
    memcpy(profile + 152, d50, 12);
    for (int i = 164; i < PROFILE; i++) {
        seed = seed * 1664525 + 1013904223;
        profile[i] = (unsigned char)(seed >> 24);
    }
}

TEST(icc, "an embedded ICC profile is written back unchanged")
{
    static const char *const suffixes[] = {".jpg", ".webp", ".tif", ".png"};
    need_codec();
    unsigned char profile[PROFILE];
    drn_error err = {0};
    drn_image *in = noise(16, 16, 3);
    make_profile(profile);
    CHECK_OK(drn_meta_new(&in->meta, &err), err);
    CHECK_OK(drn_meta_add(in->meta, "icc-profile-data", profile, sizeof profile, true, &err), err);
    for (int i = 0; i < 4; i++) {
        char name[32];
        size_t size;
        snprintf(name, sizeof name, "icc%s", suffixes[i]);
        CHECK_OK(drn_image_write(in, tmp_path(name), NULL, &err), err);
        drn_image *out = read_file(tmp_path(name));
        const void *got = drn_image_icc(out, &size);
        if (!got || size != sizeof profile || memcmp(got, profile, size) != 0)
            test_fail(__FILE__, __LINE__, "%s: profile of %zu bytes", suffixes[i], size);
        drn_image_free(out);
    }
    drn_image_free(in);
}

/* The CRC of PNG's chunks. */
static uint32_t png_crc(const unsigned char *p, size_t n)
{
    uint32_t crc = 0xffffffffu;
    for (size_t i = 0; i < n; i++) {
        crc ^= p[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc & 1 ? crc >> 1 ^ 0xedb88320u : crc >> 1;
    }
    return ~crc;
}

static size_t put_text_chunk(unsigned char *to, const char *text, size_t size)
{
    unsigned char length[4] = {0, 0, 0, (unsigned char)size};
    memcpy(to, length, 4);
    memcpy(to + 4, "tEXt", 4);
    memcpy(to + 8, text, size);
    uint32_t crc = png_crc(to + 4, size + 4);
    for (size_t i = 0; i < 4; i++)
        to[8 + size + i] = (unsigned char)(crc >> (24 - 8 * i));
    return size + 12;
}

TEST(png_texts, "what a PNG file says of itself is kept; what cannot be read is left out")
{
    need_codec();
    enum { HEAD = 33 }; /* signature and IHDR */
    static const char said[] = "parameters\0a cat, steps: 20", latin[] = "Title\0gr\xfcn",
                      raw[] = "Raw profile type exif\0exif 20 45786966";
    drn_error err = {0};
    drn_image *im = noise(9, 7, 3), *back;
    void *plain;
    size_t size, at = HEAD;
    CHECK_OK(drn_image_encode(&plain, &size, im, ".png", NULL, &err), err);
    unsigned char *file = drn_alloc(size + 200);
    memcpy(file, plain, HEAD);
    at += put_text_chunk(file + at, said, sizeof said - 1);
    at += put_text_chunk(file + at, latin, sizeof latin - 1);
    at += put_text_chunk(file + at, raw, sizeof raw - 1);
    memcpy(file + at, (unsigned char *)plain + HEAD, size - HEAD);
    at += size - HEAD;
    drn_free(plain);
    for (int turn = 0; turn < 2; turn++) {
        CHECK_OK(drn_image_decode(&back, file, at, "said.png", &err), err);
        const drn_meta_item *item = drn_meta_find(back->meta, "png-comment-0-parameters");
        CHECK(item && strcmp(item->data, "a cat, steps: 20") == 0);
        item = drn_meta_find(back->meta, "png-comment-1-Title");
        CHECK(!item || !strstr(item->data, "invalid utf-8")); /* what libvips 8.14 makes of Latin-1 */
        for (item = back->meta->items; item; item = item->next)
            CHECK(strncmp(item->name, "png-", 4) != 0 || !strstr(item->name, "Raw"));
        drn_free(file);
        CHECK_OK(drn_image_encode(&plain, &at, back, ".png", NULL, &err), err);
        file = plain;
        drn_image_free(back);
    }
    drn_free(file);
    drn_image_free(im);
}

TEST(meta_copy, "metadata is copied to another picture and replaced there")
{
    drn_error err = {0};
    drn_image *a = noise(2, 2, 1), *b = noise(2, 2, 1);
    size_t size;
    CHECK_OK(drn_meta_new(&a->meta, &err), err);
    CHECK_OK(drn_meta_add(a->meta, "icc-profile-data", "abc", 3, true, &err), err);
    a->meta->xres = 4;
    CHECK_OK(drn_image_copy_meta(b, a, &err), err);
    CHECK(memcmp(drn_image_icc(b, &size), "abc", 3) == 0 && size == 3);
    CHECK_NEAR(b->meta->xres, 4, 0);
    drn_image_free(a);
    a = noise(2, 2, 1);
    CHECK_OK(drn_image_copy_meta(b, a, &err), err);
    CHECK(drn_image_icc(b, &size) == NULL && size == 0);
    drn_image_free(a);
    drn_image_free(b);
}

TEST(xmp_orientation, "XMP orientation is reset in both spellings and nowhere else")
{
    char text[] = "tiff:Orientation=\"8\" <tiff:Orientation>6</tiff:Orientation> "
                  "tiff:Orientation='3' tiff:Orientations=9 tiff:Orientation";
    drn_xmp_reset_orientation(text, sizeof text - 1);
    CHECK_STR(text, "tiff:Orientation=\"1\" <tiff:Orientation>1</tiff:Orientation> "
                    "tiff:Orientation='1' tiff:Orientations=9 tiff:Orientation");
}

/* ---- what must not happen ---- */

static size_t files_in_tmp(void)
{
    char **names;
    size_t n;
    drn_error err = {0};
    CHECK_OK(drn_dir_list(&names, &n, test_tmp_dir(), &err), err);
    drn_list_free(names, n);
    return n;
}

TEST(full_disk, "a full disk is an error, the old file stays and nothing is left beside it")
{
    static const char *const suffixes[] = {".ppm", ".png", ".jpg", ".webp", ".tif", ".jp2"};
    drn_error err = {0};
    drn_image *in = noise(200, 200, 3);
    int known = !drn_codec_available()                                  ? 1
                : drn_image_can_write(in, ".jp2", NULL, &err) == DRN_OK ? 6
                                                                        : 5;
    struct rlimit old, small;
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &old);
    small = old;
    small.rlim_cur = 4096;
    for (int i = 0; i < known; i++) {
        char name[32];
        snprintf(name, sizeof name, "full%s", suffixes[i]);
        const char *path = tmp_path(name);
        CHECK_OK(drn_file_write(path, "old", 3, &err), err);
        size_t before = files_in_tmp();
        setrlimit(RLIMIT_FSIZE, &small);
        drn_status st = drn_image_write(in, path, NULL, &err);
        setrlimit(RLIMIT_FSIZE, &old);
        CHECK_INT(st, DRN_ERR_IO);
        CHECK(strstr(err.message, path) == err.message);
        CHECK(strstr(err.message, "cannot write: File too large for the limit"));
        CHECK_INT(files_in_tmp(), before);
        void *data;
        size_t size;
        CHECK_OK(drn_file_read(&data, &size, path, 99999, &err), err);
        CHECK_INT(size, 3);
        drn_free(data);
    }
    drn_image_free(in);
}

TEST(can_write, "what cannot be written is known from size and suffix")
{
    drn_error err = {0};
    drn_image like = {70000, 3, 3, DRN_U8, NULL, NULL};
    CHECK_OK(drn_image_can_write(&like, ".ppm", NULL, &err), err);
    CHECK_INT(drn_image_can_write(&like, "x.xyz", NULL, &err), DRN_ERR_UNSUPPORTED);
    CHECK_INT(drn_image_can_write(&like, "x.jpg", NULL, &err), DRN_ERR_UNSUPPORTED);
    CHECK_INT(drn_image_can_write(&like, "x.ppm", &(drn_write_options){.quality = 101}, &err),
              DRN_ERR_INVALID);
    like.width = 65500;
    CHECK_INT(drn_image_can_write(&like, "x.jpg", NULL, &err),
              drn_codec_available() ? DRN_OK : DRN_ERR_UNSUPPORTED);
}

/* Everything printed to stderr while fn runs, in bytes. */
static long printed(void (*fn)(void))
{
    fflush(stderr);
    FILE *f = tmpfile();
    int keep = dup(2);
    CHECK(f && keep >= 0);
    dup2(fileno(f), 2);
    fn();
    fflush(stderr);
    dup2(keep, 2);
    close(keep);
    fseek(f, 0, SEEK_END);
    long n = ftell(f);
    fclose(f);
    return n;
}

static void read_broken_files(void)
{
    static const char *const names[] = {"noisy.png", "noisy.jpg", "noisy.webp", "noisy.tif"};
    drn_error err = {0};
    drn_image *in = noise(90, 90, 3), *out = NULL;
    for (int i = 0; i < 4; i++) {
        void *data;
        size_t size;
        if (drn_image_write(in, tmp_path(names[i]), NULL, &err) != DRN_OK ||
            drn_file_read(&data, &size, tmp_path(names[i]), 1u << 24, &err) != DRN_OK)
            continue;
        memset((char *)data + size / 2, 'x', size / 4);
        (void)drn_file_write(tmp_path(names[i]), data, size - 10, &err);
        drn_free(data);
        if (drn_image_read(&out, tmp_path(names[i]), &err) == DRN_OK)
            drn_image_free(out);
    }
    drn_image_free(in);
}

TEST(silence, "broken files print nothing")
{
    need_codec();
    CHECK_INT(printed(read_broken_files), 0);
}

static void trip(void *ctx, size_t chunk, int thread)
{
    (void)thread;
    int *failures = ctx;
    char name[32];
    drn_error err = {0};
    drn_image *in = NULL, *out = NULL;
    snprintf(name, sizeof name, "thread%zu.png", chunk);
    char path[512];
    snprintf(path, sizeof path, "%s/%s", test_tmp_dir(), name);
    failures[chunk] = 1;
    if (drn_image_new(&in, 31, 17, 3, DRN_U8, &err) != DRN_OK)
        return;
    memset(in->data, (int)chunk, 31 * 17 * 3);
    if (drn_image_write(in, path, NULL, &err) == DRN_OK &&
        drn_image_read(&out, path, &err) == DRN_OK)
        failures[chunk] = memcmp(in->data, out->data, 31 * 17 * 3) != 0;
    drn_image_free(in);
    drn_image_free(out);
}

TEST(threads, "many threads read and write at once")
{
    need_codec();
    drn_error err = {0};
    drn_pool *pool = NULL;
    int failures[40];
    (void)test_tmp_dir();
    CHECK_OK(drn_pool_new(&pool, 4, &err), err);
    drn_pool_run(pool, 40, trip, failures);
    drn_pool_free(pool);
    for (int i = 0; i < 40; i++)
        CHECK_INT(failures[i], 0);
}

/* Refuse the n-th allocation of a read and a write, for every n. */
static void refuse_all(const char *path)
{
    drn_error err = {0};
    drn_image *in = noise(9, 9, 3), *out = NULL;
    size_t before = drn_mem_current();
    for (int write = 1; write >= 0; write--)
        for (size_t n = 1;; n++) {
            drn_mem_fail_nth(n);
            drn_status st =
                write ? drn_image_write(in, path, NULL, &err) : drn_image_read(&out, path, &err);
            drn_mem_fail_nth(0);
            if (st == DRN_OK)
                break;
            CHECK_INT(st, DRN_ERR_NOMEM);
            CHECK_INT(drn_mem_current(), before);
        }
    drn_image_free(in);
    drn_image_free(out);
}

TEST(every_allocation, "every refused allocation of reading and writing is an error without a leak")
{
    refuse_all(tmp_path("refuse.ppm"));
    need_codec();
    refuse_all(tmp_path("refuse.png"));
}
