/* Reading and writing pictures. */
#include "base/fileio.h"
#include "base/mem.h"
#include "drn/image.h"
#include "harness.h"
#include "image/convert.h"
#include "image/io.h"
#include "image/meta.h"
#include "image/orient.h"

#include <stdlib.h>

/* A picture with a different value in every sample, as far as the depth allows. */
static drn_image *pattern(int32_t w, int32_t h, int32_t bands, drn_depth depth)
{
    drn_image *image = NULL;
    drn_error err = {0};
    CHECK_OK(drn_image_new(&image, w, h, bands, depth, &err), err);
    for (int32_t i = 0; i < w * h * bands; i++)
        if (depth == DRN_U8)
            ((uint8_t *)image->data)[i] = (uint8_t)(i * 37 + i / 97);
        else if (depth == DRN_U16)
            ((uint16_t *)image->data)[i] = (uint16_t)(i * 4099 + 5);
        else
            ((float *)image->data)[i] = (float)i / (float)(w * h * bands);
    return image;
}

static const char *tmp_path(const char *name)
{
    static char path[4][512];
    static int turn;
    turn = (turn + 1) % 4;
    snprintf(path[turn], sizeof path[turn], "%s/%s", test_tmp_dir(), name);
    return path[turn];
}

static void write_bytes(const char *path, const void *data, size_t size)
{
    drn_error err = {0};
    CHECK_OK(drn_file_write(path, data, size, &err), err);
}

static drn_image *read_back(const char *path)
{
    drn_image *image = NULL;
    drn_error err = {0};
    CHECK_OK(drn_image_read(&image, path, &err), err);
    return image;
}

static void check_same(const drn_image *a, const drn_image *b)
{
    CHECK_INT(a->width, b->width);
    CHECK_INT(a->height, b->height);
    CHECK_INT(a->bands, b->bands);
    CHECK_INT(a->depth, b->depth);
    size_t bytes =
        (size_t)a->width * (size_t)a->height * (size_t)a->bands * drn_depth_size(a->depth);
    CHECK(memcmp(a->data, b->data, bytes) == 0);
}

/* The file must be refused with this code, one line, its name, and no image. */
static void check_refused(const char *path, drn_status code, const char *words)
{
    drn_image *image = NULL;
    drn_error err = {0};
    size_t before = drn_mem_current();
    drn_status st = drn_image_read(&image, path, &err);
    if ((code && st != code) || st == DRN_OK || !strstr(err.message, words))
        test_fail(__FILE__, __LINE__, "%s: status %d, message \"%s\", expected \"%s\"", path,
                  (int)st, err.message, words);
    CHECK(image == NULL);
    CHECK(strstr(err.message, path) == err.message);
    CHECK(!strchr(err.message, '\n'));
    CHECK_INT(drn_mem_current(), before);
}

static void round_trip(const char *suffix, int bands, drn_depth depth)
{
    drn_image *in = pattern(19, 11, bands, depth);
    drn_error err = {0};
    char name[32];
    snprintf(name, sizeof name, "trip%d%d%s", bands, (int)depth, suffix);
    const char *path = tmp_path(name);
    CHECK_OK(drn_image_write(in, path, NULL, &err), err);
    drn_image *out = read_back(path);
    check_same(in, out);
    drn_image_free(in);
    drn_image_free(out);
}

TEST(new_images, "impossible sizes, bands and depths are refused")
{
    drn_image *image = NULL;
    drn_error err = {0};
    CHECK_INT(drn_image_new(&image, 0, 5, 3, DRN_U8, &err), DRN_ERR_INVALID);
    CHECK_INT(drn_image_new(&image, 5, -1, 3, DRN_U8, &err), DRN_ERR_INVALID);
    CHECK_INT(drn_image_new(&image, 5, 5, 5, DRN_U8, &err), DRN_ERR_INVALID);
    CHECK_INT(drn_image_new(&image, 5, 5, 3, (drn_depth)7, &err), DRN_ERR_INVALID);
    CHECK_INT(drn_image_new(&image, INT32_MAX, INT32_MAX, 4, DRN_F32, &err), DRN_ERR_NOMEM);
    CHECK(image == NULL);
    drn_image_free(NULL);
}

TEST(crop, "a crop has the right pixels and one beyond the edge is refused")
{
    drn_image *in = pattern(9, 7, 3, DRN_U16), *out = NULL;
    drn_error err = {0};
    CHECK_OK(drn_image_crop(&out, in, 2, 3, 4, 2, &err), err);
    for (int y = 0; y < 2; y++)
        for (int i = 0; i < 12; i++)
            CHECK_INT(((uint16_t *)out->data)[y * 12 + i],
                      ((uint16_t *)in->data)[((y + 3) * 9 + 2) * 3 + i]);
    drn_image_free(out);
    out = NULL;
    CHECK_INT(drn_image_crop(&out, in, 6, 0, 4, 2, &err), DRN_ERR_INVALID);
    CHECK_INT(drn_image_crop(&out, in, -1, 0, 4, 2, &err), DRN_ERR_INVALID);
    CHECK_INT(drn_image_crop(&out, in, 1, 0, INT32_MAX, 2, &err), DRN_ERR_INVALID);
    CHECK_INT(drn_image_crop(&out, in, 0, 0, 4, 0, &err), DRN_ERR_INVALID);
    drn_image_free(in);
}

TEST(pnm_trip, "PNM keeps every sample of 8 and 16 bits")
{
    round_trip(".pgm", 1, DRN_U8);
    round_trip(".ppm", 3, DRN_U8);
    round_trip(".pgm", 1, DRN_U16);
    round_trip(".PNM", 3, DRN_U16);
}

TEST(lossless_trip, "PNG and TIFF keep every sample of grey, RGB and alpha, 8 and 16 bits")
{
    if (!drn_format_of("a.png") || !drn_codec_available())
        SKIP("built without libvips");
    for (int bands = 1; bands <= 4; bands++)
        for (int depth = 0; depth < 2; depth++) {
            round_trip(".png", bands, (drn_depth)depth);
            round_trip(".tif", bands, (drn_depth)depth);
        }
}

TEST(lossy, "JPEG and WebP come back close, and quality 100 makes WebP exact")
{
    if (!drn_codec_available())
        SKIP("built without libvips");
    drn_image *in = NULL;
    drn_error err = {0};
    CHECK_OK(drn_image_new(&in, 64, 48, 3, DRN_U8, &err), err);
    uint8_t *p = in->data;
    for (int i = 0; i < 64 * 48; i++) {
        p[3 * i] = (uint8_t)(i % 64 * 3);
        p[3 * i + 1] = (uint8_t)(i / 64 * 4);
        p[3 * i + 2] = 90;
    }
    static const char *const names[] = {"a.jpg", "a.jpeg", "a.webp"};
    for (int k = 0; k < 3; k++) {
        const char *path = tmp_path(names[k]);
        CHECK_OK(drn_image_write(in, path, NULL, &err), err);
        drn_image *out = read_back(path);
        CHECK_INT(out->bands, 3);
        const uint8_t *q = out->data;
        for (int i = 0; i < 64 * 48 * 3; i++)
            CHECK_NEAR(q[i], p[i], 12);
        drn_image_free(out);
    }
    drn_write_options exact = {.quality = 100};
    CHECK_OK(drn_image_write(in, tmp_path("b.webp"), &exact, &err), err);
    drn_image *out = read_back(tmp_path("b.webp"));
    check_same(in, out);
    drn_image_free(out);
    drn_image_free(in);
}

TEST(depths, "depths convert by their share of the range and alpha goes over white")
{
    drn_image *in = NULL, *out = NULL;
    drn_error err = {0};
    CHECK_OK(drn_image_new(&in, 4, 1, 1, DRN_F32, &err), err);
    const float f[4] = {-1.0f, 0.5f, 7.0f, NAN};
    memcpy(in->data, f, sizeof f);
    CHECK_OK(drn_image_convert(&out, in, DRN_U8, false, &err), err);
    const uint8_t *p = out->data;
    CHECK_INT(p[0], 0);
    CHECK_INT(p[1], 128);
    CHECK_INT(p[2], 255);
    CHECK_INT(p[3], 0);
    drn_image_free(in);
    drn_image_free(out);
    CHECK_OK(drn_image_new(&in, 3, 1, 2, DRN_U16, &err), err);
    const uint16_t grey[6] = {0, 65535, 0, 0, 257 * 100, 32768};
    memcpy(in->data, grey, sizeof grey);
    CHECK_OK(drn_image_convert(&out, in, DRN_U8, true, &err), err);
    p = out->data;
    CHECK_INT(out->bands, 1);
    CHECK_INT(p[0], 0);
    CHECK_INT(p[1], 255);
    CHECK_INT(p[2], 177); /* 100 * .5000076 + 255 * .4999924 = 177.5-: rounds down */
    drn_image_free(in);
    drn_image_free(out);
}

TEST(all_u8_u16, "every 8-bit value survives the way to 16 bits and back")
{
    drn_image *in = NULL, *wide = NULL, *back = NULL;
    drn_error err = {0};
    CHECK_OK(drn_image_new(&in, 256, 1, 1, DRN_U8, &err), err);
    for (int i = 0; i < 256; i++)
        ((uint8_t *)in->data)[i] = (uint8_t)i;
    CHECK_OK(drn_image_convert(&wide, in, DRN_U16, false, &err), err);
    for (int i = 0; i < 256; i++)
        CHECK_INT(((uint16_t *)wide->data)[i], 257 * i);
    CHECK_OK(drn_image_convert(&back, wide, DRN_U8, false, &err), err);
    check_same(in, back);
    drn_image_free(in);
    drn_image_free(wide);
    drn_image_free(back);
}

/* What an EXIF reader must show for the picture "ab/cd/ef" stored with that orientation. */
TEST(orientation, "the eight EXIF orientations bring the picture upright")
{
    static const char *const upright[9] = {"",         "ab/cd/ef", "ba/dc/fe",
                                           "fe/dc/ba", "ef/cd/ab", "ace/bdf",
                                           "eca/fdb",  "fdb/eca",  "bdf/ace"};
    drn_error err = {0};
    for (int o = 1; o <= 8; o++) {
        drn_image *image = NULL;
        CHECK_OK(drn_image_new(&image, 2, 3, 1, DRN_U8, &err), err);
        memcpy(image->data, "abcdef", 6);
        CHECK_OK(drn_image_orient(&image, o, &err), err);
        char text[16] = "", *t = text;
        for (int i = 0; i < 6; i++) {
            if (i && i % image->width == 0)
                *t++ = '/';
            *t++ = ((char *)image->data)[i];
        }
        CHECK_STR(text, upright[o]);
        drn_image_free(image);
    }
}

TEST(pnm_header, "PNM comments, odd maxima and white space are read")
{
    static const char text[] = "P5 # a comment 9 9\n#another\n 3\t1\r\n15\n\x00\x07\x0f";
    drn_image *image = NULL;
    drn_error err = {0};
    CHECK_OK(drn_pnm_parse(&image, text, sizeof text - 1, "x", &err), err);
    const uint8_t *p = image->data;
    CHECK_INT(image->width, 3);
    CHECK_INT(p[0], 0);
    CHECK_INT(p[1], 119);
    CHECK_INT(p[2], 255);
    drn_image_free(image);
}

TEST(pnm_broken, "broken PNM files are refused with the reason")
{
    static const struct {
        const char *text, *words;
    } cases[] = {
        {"P6\n4 4\n255\nabc", "need 48 bytes, the file has 3"},
        {"P5\n0 4\n255\n", "width is not in 1..1000000"},
        {"P5\n99999999999999999999 4\n255\n", "width is not in"},
        {"P5\n1000000 1000000\n65535\n", "need 2000000000000 bytes"},
        {"P5\n4", "without a height"},
        {"P5\n-4 4 255\n", "without a width"},
        {"P5\n1 1\n70000\nab", "maximum is not in"},
        {"P5\n1 1\n255", "ends too early"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        write_bytes(tmp_path("broken.pnm"), cases[i].text, strlen(cases[i].text));
        check_refused(tmp_path("broken.pnm"), DRN_ERR_FORMAT, cases[i].words);
    }
}

TEST(not_pictures, "missing, empty, text and folder are each one clear line")
{
    check_refused(tmp_path("missing.png"), DRN_ERR_IO, "No such file");
    write_bytes(tmp_path("empty.png"), "", 0);
    check_refused(tmp_path("empty.png"), DRN_ERR_FORMAT, "the file is empty");
    check_refused(test_tmp_dir(), DRN_ERR_IO, "is a folder");
    if (!drn_codec_available())
        return;
    write_bytes(tmp_path("text.png"), "hello world, I am text\n", 23);
    check_refused(tmp_path("text.png"), DRN_ERR_FORMAT, "not a picture");
}

/* Cut the encoded file at several places: an error each time, never a picture. */
static void truncated(const char *name)
{
    drn_image *in = pattern(200, 150, 3, DRN_U8);
    drn_error err = {0};
    void *data;
    size_t size;
    CHECK_OK(drn_image_write(in, tmp_path(name), NULL, &err), err);
    CHECK_OK(drn_file_read(&data, &size, tmp_path(name), 1u << 24, &err), err);
    static const double parts[] = {0.01, 0.2, 0.5, 0.9};
    for (int i = 0; i < 4; i++) {
        write_bytes(tmp_path(name), data, (size_t)((double)size * parts[i]));
        check_refused(tmp_path(name), DRN_OK, "");
    }
    drn_free(data);
    drn_image_free(in);
}

TEST(truncated_files, "truncated PNG, JPEG, WebP and TIFF files are errors, not grey pictures")
{
    if (!drn_codec_available())
        SKIP("built without libvips");
    truncated("cut.png");
    truncated("cut.jpg");
    truncated("cut.webp");
    truncated("cut.tif");
}

TEST(huge_header, "a PNG header of 20000 x 20000 without pixels fails with little memory")
{
    if (!drn_codec_available())
        SKIP("built without libvips");
    static const unsigned char png[] = {
        0x89, 'P',  'N',  'G',  '\r', '\n', 0x1a, '\n', 0,    0,   0,   13,   'I',  'H',  'D',
        'R',  0,    0,    0x4e, 0x20, 0,    0,    0x4e, 0x20, 8,   2,   0,    0,    0,    0x3c,
        0x81, 0x95, 0x41, 0,    0,    0,    0,    'I',  'D',  'A', 'T', 0x35, 0xaf, 0x06, 0x1e};
    write_bytes(tmp_path("huge.png"), png, sizeof png);
    drn_mem_peak_reset();
    size_t before = drn_mem_peak();
    check_refused(tmp_path("huge.png"), DRN_ERR_FORMAT, "");
    CHECK(drn_mem_peak() - before < 1u << 20);
}

TEST(write_errors, "unknown suffixes, folders and impossible targets are refused, nothing is left")
{
    drn_image *in = pattern(8, 8, 3, DRN_U8);
    drn_error err = {0};
    drn_write_options bad = {.quality = 101};
    CHECK_INT(drn_image_write(in, tmp_path("a.xyz"), NULL, &err), DRN_ERR_UNSUPPORTED);
    CHECK_INT(drn_image_write(in, tmp_path("nosuffix"), NULL, &err), DRN_ERR_UNSUPPORTED);
    CHECK_INT(drn_image_write(in, tmp_path("a.ppm"), &bad, &err), DRN_ERR_INVALID);
    CHECK_INT(drn_image_write(in, tmp_path("no/such/folder.ppm"), NULL, &err), DRN_ERR_IO);
    CHECK(!drn_path_exists(tmp_path("a.xyz")));
    drn_image_free(in);
}
