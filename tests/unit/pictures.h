/* Folders of small made-up pictures for tests. */
#ifndef DRN_TESTS_PICTURES_H
#define DRN_TESTS_PICTURES_H

#include "base/fileio.h"
#include "base/mem.h"
#include "base/rng.h"
#include "drn/image.h"
#include "harness.h"

/* A fresh folder under the test's own. */
static inline const char *fresh_dir(void)
{
    static char dir[256];
    static int n;
    drn_error err = {0};
    snprintf(dir, sizeof dir, "%s/d%d", test_tmp_dir(), n++);
    CHECK_OK(drn_make_dirs(dir, &err), err);
    return dir;
}

static inline void put_text(const char *dir, const char *name, const char *text)
{
    drn_error err = {0};
    char *path = drn_path_join(dir, name);
    CHECK_OK(drn_file_write(path, text, strlen(text), &err), err);
    drn_free(path);
}

/* Noise with flat black and white stretches, so that both ends of the range clamp. */
static inline drn_image *noise(int32_t width, int32_t height, int32_t bands, drn_depth depth,
                               uint64_t seed)
{
    drn_image *im;
    drn_error err = {0};
    drn_rng rng;
    drn_rng_seed(&rng, seed, 0);
    CHECK_OK(drn_image_new(&im, width, height, bands, depth, &err), err);
    size_t n = (size_t)width * (size_t)height * (size_t)bands;
    for (size_t i = 0; i < n; i++) {
        uint64_t v = drn_rng_u64(&rng) >> 40;
        v = (i / 97) % 5 == 0 ? 0 : (i / 97) % 5 == 1 ? 0xffff : v & 0xffff;
        if (depth == DRN_U8)
            ((uint8_t *)im->data)[i] = (uint8_t)(v >> 8);
        else
            ((uint16_t *)im->data)[i] = (uint16_t)v;
    }
    return im;
}

static inline void put_picture(const char *dir, const char *name, const drn_image *im)
{
    drn_error err = {0};
    char *path = drn_path_join(dir, name);
    CHECK_OK(drn_image_write(im, path, NULL, &err), err);
    drn_free(path);
}

static inline void put_noise(const char *dir, const char *name, int32_t width, int32_t height,
                             uint64_t seed)
{
    drn_image *im = noise(width, height, 3, DRN_U8, seed);
    put_picture(dir, name, im);
    drn_image_free(im);
}

#endif
