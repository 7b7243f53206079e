/* Pictures to and from memory: the same as through files. */
#include "base/fileio.h"
#include "base/mem.h"
#include "base/rng.h"
#include "drn/image.h"
#include "harness.h"
#include "image/io.h"

static drn_image *pattern(int w, int h, int bands, drn_depth depth)
{
    drn_error err = {0};
    drn_image *im;
    CHECK_OK(drn_image_new(&im, w, h, bands, depth, &err), err);
    for (int i = 0; i < w * h * bands; i++)
        if (depth == DRN_U8)
            ((uint8_t *)im->data)[i] = (uint8_t)(i * 37 + i / 19);
        else
            ((uint16_t *)im->data)[i] = (uint16_t)(i * 3701 + i / 19);
    return im;
}

static void check_suffix(const char *suffix, int bands, drn_depth depth)
{
    drn_error err = {0};
    char name[64];
    void *bytes, *file;
    size_t size, file_size;
    drn_image *im = pattern(33, 21, bands, depth), *back, *read;
    snprintf(name, sizeof name, "%s/memory%s", test_tmp_dir(), suffix);
    CHECK_OK(drn_image_encode(&bytes, &size, im, suffix, NULL, &err), err);
    CHECK_OK(drn_image_write(im, name, NULL, &err), err);
    CHECK_OK(drn_file_read(&file, &file_size, name, 1 << 20, &err), err);
    CHECK(size == file_size && memcmp(bytes, file, size) == 0);
    CHECK_OK(drn_image_decode(&back, bytes, size, NULL, &err), err);
    CHECK_OK(drn_image_read(&read, name, &err), err);
    CHECK(back->width == 33 && back->height == 21 && back->bands == read->bands &&
          back->depth == read->depth);
    CHECK(memcmp(back->data, read->data,
                 (size_t)(33 * 21 * back->bands) * drn_depth_size(back->depth)) == 0);
    if (size > 100 && drn_image_decode(&read, bytes, size / 2, "half", &err) == DRN_OK)
        test_fail(__FILE__, __LINE__, "half of a %s file is a picture", suffix);
    drn_image_free(im);
    drn_image_free(back);
    drn_image_free(read);
    drn_image_encoded_free(bytes);
    drn_free(file);
}

TEST(memory, "a picture in memory has the bytes of its file, and is read back the same")
{
    check_suffix(".pgm", 1, DRN_U8);
    check_suffix(".ppm", 3, DRN_U16);
    if (!drn_codec_available())
        return;
    for (int bands = 1; bands <= 4; bands++) {
        check_suffix(".png", bands, DRN_U8);
        check_suffix(".png", bands, DRN_U16);
        check_suffix(".tif", bands, DRN_U16);
    }
    check_suffix(".jpg", 3, DRN_U8);
    check_suffix(".jpg", 1, DRN_U8);
    check_suffix(".webp", 4, DRN_U8);
}

TEST(memory_refused, "no bytes, text, and unknown suffixes are one clear line")
{
    drn_error err = {0};
    drn_image *im = pattern(5, 4, 3, DRN_U8), *out = NULL;
    void *bytes = NULL;
    size_t size;
    CHECK_INT(drn_image_decode(&out, "", 0, "stdin", &err), DRN_ERR_FORMAT);
    CHECK_STR(err.message, "stdin: is empty");
    CHECK(drn_image_decode(&out, "hello, this is text", 19, "stdin", &err) != DRN_OK);
    CHECK(strncmp(err.message, "stdin: ", 7) == 0);
    CHECK_INT(drn_image_decode(&out, "P6 20000 20000 255\nabc", 22, "stdin", &err), DRN_ERR_FORMAT);
    CHECK_INT(drn_image_encode(&bytes, &size, im, ".xyz", NULL, &err), DRN_ERR_UNSUPPORTED);
    CHECK(!out && !bytes);
    drn_image_free(im);
}

TEST(damaged, "files with flipped, cut and repeated bytes are pictures or errors with a message")
{
    static const char *const suffixes[] = {".png", ".jpg", ".webp", ".tif", ".ppm", ".gif"};
    drn_error err = {0};
    drn_rng rng;
    drn_rng_seed(&rng, 21, 0);
    for (int s = 0; s < 6; s++) {
        void *bytes;
        size_t size;
        drn_image *im = pattern(40, 30, 3, DRN_U8);
        if ((!drn_codec_available() && s != 4) ||
            drn_image_encode(&bytes, &size, im, suffixes[s], NULL, &err) != DRN_OK) {
            drn_image_free(im);
            continue;
        }
        unsigned char *copy = drn_alloc(size);
        CHECK(copy);
        for (int i = 0; i < 150; i++) {
            drn_image *out = NULL;
            size_t n = i % 3 ? size : 1 + drn_rng_below(&rng, size);
            memcpy(copy, bytes, size);
            for (uint64_t k = drn_rng_below(&rng, 6); k > 0; k--)
                copy[drn_rng_below(&rng, i % 2        ? size
                                         : size < 200 ? size
                                                      : 200)] = (unsigned char)drn_rng_u64(&rng);
            err.message[0] = 0;
            /* a header may promise any size: such pictures are refused for their memory or their
             * bytes */
            if (drn_image_decode(&out, copy, n, "damaged", &err) == DRN_OK)
                CHECK(out && out->width > 0);
            else if (!err.message[0])
                test_fail(__FILE__, __LINE__, "%s, case %d: no message", suffixes[s], i);
            drn_image_free(out);
        }
        drn_free(copy);
        drn_image_encoded_free(bytes);
        drn_image_free(im);
    }
}
