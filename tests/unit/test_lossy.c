/* Formats that lose detail, by the first bytes of files. */
#include "drn/image.h"
#include "harness.h"

#include <string.h>

#define LOSSY(text) drn_image_is_lossy("" text, sizeof text - 1)

TEST(formats,
     "JPEG, AVIF, HEIC, JPEG 2000 and JPEG XL lose detail; PNG, TIFF, GIF, PNM and BMP do not")
{
    CHECK(LOSSY("\xff\xd8\xff\xe0\0\x10JFIF"));
    CHECK(LOSSY("\0\0\0\x20"
                "ftypavif\0\0\0\0"));
    CHECK(LOSSY("\0\0\0\x20"
                "ftypheic"));
    CHECK(LOSSY("\0\0\0\x0cjP  \r\n\x87\n"));
    CHECK(LOSSY("\xff\x4f\xff\x51\0"));
    CHECK(LOSSY("\xff\x0a\0\0"));
    CHECK(LOSSY("\0\0\0\x0cJXL \r\n\x87\n"));
    CHECK(!LOSSY("\x89PNG\r\n\x1a\n\0\0\0\rIHDR"));
    CHECK(!LOSSY("II*\0") && !LOSSY("MM\0*") && !LOSSY("GIF89a") && !LOSSY("P6\n1 1\n255\n") &&
          !LOSSY("BM"));
    CHECK(!LOSSY("\0\0\0\x20"
                 "ftypisom"));
    CHECK(!LOSSY("") && !LOSSY("\xff") && !LOSSY("\xff\xd8") && !LOSSY("RIFF"));
    CHECK(!drn_image_is_lossy(NULL, 0));
}

TEST(webp, "WebP is lossy unless its pixels stand in VP8L, behind whatever chunks")
{
    CHECK(LOSSY("RIFF\x40\0\0\0WEBPVP8 \x10\0\0\0"));
    CHECK(!LOSSY("RIFF\x40\0\0\0WEBPVP8L\x10\0\0\0"));
    CHECK(!LOSSY("RIFF\x40\0\0\0WEBPVP8X\x0a\0\0\0"
                 "0123456789"
                 "ICCP\x03\0\0\0"
                 "abc\0"
                 "VP8L\1\0\0\0"));
    CHECK(LOSSY("RIFF\x40\0\0\0WEBPVP8X\x0a\0\0\0"
                "0123456789"
                "ALPH\x03\0\0\0"
                "abc\0"
                "VP8 \1\0\0\0"));
    CHECK(LOSSY("RIFF\x40\0\0\0WEBPVP8X\xff\xff\xff\xff"
                "0123456789"
                "VP8L\1\0\0\0"));
    CHECK(LOSSY("RIFF\x40\0\0\0WEBP"));
}

static const char *file(const char *name)
{
    static char path[600];
    snprintf(path, sizeof path, "%s/%s", test_tmp_dir(), name);
    return path;
}

TEST(files, "what libvips writes is told apart; what cannot be read is not lossy")
{
    drn_image *im;
    drn_error err = {0};
    const char *const names[] = {"a.jpg", "a.webp", "b.webp", "a.png", "a.tif"};
    const int quality[] = {90, 90, 100, 0, 0};
    CHECK_OK(drn_image_new(&im, 40, 30, 3, DRN_U8, &err), err);
    for (int i = 0; i < 40 * 30 * 3; i++)
        ((unsigned char *)im->data)[i] = (unsigned char)(i * 7 % 251);
    for (int i = 0; i < 5; i++) {
        const char *path = file(names[i]);
        if (drn_image_write(im, path, &(drn_write_options){.quality = quality[i]}, &err) != DRN_OK)
            continue; /* a build without libvips */
        CHECK_INT(drn_image_file_is_lossy(path), i < 2);
    }
    drn_image_free(im);
    CHECK(!drn_image_file_is_lossy(file("none.jpg")) && !drn_image_file_is_lossy("/"));
}
