/* From file to file in strips; and what happens to metadata on the way. */
#include "drn/upscale.h"
#include "image/io.h"
#include "image/meta.h"
#include "random_model.h"

#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>

static const char *tmp_path(const char *name)
{
    static char path[16][512];
    static int turn;
    turn = (turn + 1) % 16;
    snprintf(path[turn], sizeof path[turn], "%s/%s", test_tmp_dir(), name);
    return path[turn];
}

static void need_codec(void)
{
    if (!drn_codec_available())
        SKIP("built without libvips");
}

static drn_image *scene(int w, int h, int bands, drn_depth depth)
{
    drn_error err = {0};
    drn_image *im;
    CHECK_OK(drn_image_new(&im, w, h, bands, depth, &err), err);
    for (int i = 0; i < w * h * bands; i++) {
        int b = i % bands, x = i / bands % w, y = i / bands / w;
        double v = 0.5 + 0.45 * sin(0.31 * x + b) * cos(0.23 * y);
        if (depth == DRN_U8)
            ((uint8_t *)im->data)[i] = (uint8_t)(255 * v + 0.5);
        else
            ((uint16_t *)im->data)[i] = (uint16_t)(65535 * v + 0.5);
    }
    return im;
}

static drn_image *read_file(const char *path)
{
    drn_error err = {0};
    drn_image *im;
    CHECK_OK(drn_image_read(&im, path, &err), err);
    return im;
}

static int largest_difference(const drn_image *a, const drn_image *b)
{
    int most = 0;
    CHECK(a->width == b->width && a->height == b->height && a->bands == b->bands &&
          a->depth == b->depth);
    for (int i = 0; i < a->width * a->height * a->bands; i++) {
        int d = a->depth == DRN_U8 ? ((uint8_t *)a->data)[i] - ((uint8_t *)b->data)[i]
                                   : ((uint16_t *)a->data)[i] - ((uint16_t *)b->data)[i];
        most = abs(d) > most ? abs(d) : most;
    }
    return most;
}

static drn_model *small_model(void)
{
    return random_model(&(drn_config){4, 8, 1, true, false, 0, DRN_SKIP_BICUBIC});
}

/* The same file in memory and in strips. */
static void compare(const char *in, const char *suffix, const drn_upscale_options *o, int tolerance)
{
    drn_error err = {0};
    drn_model *m = small_model();
    drn_image *small = read_file(in), *large;
    char name[32];
    snprintf(name, sizeof name, "memory%s", suffix);
    CHECK_OK(drn_upscale(&large, small, m, o, &err), err);
    CHECK_OK(drn_image_write(large, tmp_path(name), NULL, &err), err);
    drn_image_free(large);
    large = read_file(tmp_path(name));
    snprintf(name, sizeof name, "strips%s", suffix);
    CHECK_OK(drn_upscale_stream(in, tmp_path(name), m, o, NULL, 1, &err), err);
    drn_image *strips = read_file(tmp_path(name));
    CHECK(largest_difference(large, strips) <= tolerance);
    drn_image_free(small);
    drn_image_free(large);
    drn_image_free(strips);
    drn_model_free(m);
}

TEST(strips, "strips give the pixels of the whole, for every kind of picture, file and size")
{
    need_codec();
    for (int bands = 1; bands <= 4; bands++)
        for (int depth = DRN_U8; depth <= DRN_U16; depth++) {
            drn_error err = {0};
            const char *path = tmp_path("in.png");
            drn_image *in = scene(70, 150, bands, (drn_depth)depth);
            int one = depth == DRN_U8 ? 1 : 40; /* 16 bits show the float rounding */
            CHECK_OK(drn_image_write(in, path, NULL, &err), err);
            compare(path, ".tif", NULL, one);
            compare(path, ".png", &(drn_upscale_options){.factor = 3}, one);
            compare(path, ".tif", &(drn_upscale_options){.height = 40}, one);
            drn_image_free(in);
        }
    drn_error err = {0};
    drn_image *in = scene(70, 150, 3, DRN_U8);
    CHECK_OK(drn_image_write(in, tmp_path("in.ppm"), NULL, &err), err);
    compare(tmp_path("in.ppm"), ".ppm", NULL, 1);
    compare(tmp_path("in.ppm"), ".webp", NULL, 40); /* coded from pixels one level apart */
    drn_image_free(in);
}

/* A JPEG of 90 x 60 whose EXIF says: turn right; dims: the size before (EXIF's own pixel
 * dimensions). */
static const char *turned_jpeg(void)
{
    static const unsigned char app1[] = {
        0xff, 0xe1, 0, 46, 'E',  'x',  'i', 'f', 0, 0, 'I', 'I', '*', 0,   8,   0,
        0,    0,    2, 0,  0x0f, 0x01, 2,   0,   4, 0, 0,   0,   'd', 'r', 'n', 0,
        0x12, 0x01, 3, 0,  1,    0,    0,   0,   6, 0, 0,   0,   0,   0,   0,   0};
    drn_error err = {0};
    void *data;
    size_t size;
    drn_image *in = scene(90, 60, 3, DRN_U8);
    const char *path = tmp_path("turned.jpg");
    CHECK_OK(drn_image_encode(&data, &size, in, ".jpg", NULL, &err), err);
    unsigned char *all = drn_alloc(size + sizeof app1);
    CHECK(all);
    memcpy(all, data, 2);
    memcpy(all + 2, app1, sizeof app1);
    memcpy(all + 2 + sizeof app1, (char *)data + 2, size - 2);
    CHECK_OK(drn_file_write(path, all, size + sizeof app1, &err), err);
    drn_free(all);
    drn_image_encoded_free(data);
    drn_image_free(in);
    return path;
}

static void check_exif(const char *path, int width, int height)
{
    drn_image *im = read_file(path);
    const drn_meta_item *x = drn_meta_find(im->meta, "exif-ifd2-PixelXDimension");
    const drn_meta_item *y = drn_meta_find(im->meta, "exif-ifd2-PixelYDimension");
    const drn_meta_item *make = drn_meta_find(im->meta, "exif-ifd0-Make");
    CHECK_INT(im->width, width);
    CHECK_INT(im->height, height);
    CHECK(make && strncmp(make->data, "drn", 3) == 0);
    CHECK(x && y);
    CHECK_INT(atoi(x->data), width);
    CHECK_INT(atoi(y->data), height);
    drn_image_free(im);
}

TEST(exif, "a turned picture is upright, and EXIF follows its size, in memory and in strips, twice")
{
    need_codec();
    drn_error err = {0};
    drn_model *m = small_model();
    drn_upscale_options twice = {.scale = 2};
    const char *in = turned_jpeg();
    compare(in, ".png", &twice, 1);
    drn_image *im = read_file(in), *large;
    CHECK_OK(drn_upscale(&large, im, m, &twice, &err), err);
    CHECK_OK(drn_image_write(large, tmp_path("once.jpg"), NULL, &err), err);
    check_exif(tmp_path("once.jpg"), 120, 180);
    CHECK_OK(drn_upscale_stream(in, tmp_path("once.jpg"), m, &twice, NULL, 0, &err), err);
    check_exif(tmp_path("once.jpg"), 120, 180);
    CHECK_OK(
        drn_upscale_stream(tmp_path("once.jpg"), tmp_path("again.jpg"), m, &twice, NULL, 0, &err),
        err);
    check_exif(tmp_path("again.jpg"), 240, 360);
    drn_image_free(im);
    drn_image_free(large);
    drn_model_free(m);
}

TEST(profile, "the ICC profile goes through unchanged, in memory and in strips")
{
    need_codec();
    drn_error err = {0};
    drn_model *m = small_model();
    drn_image *im = scene(20, 20, 3, DRN_U8), *large;
    char icc[200] = {0};
    for (int i = 0; i < 200; i++)
        icc[i] = (char)(i * 7);
    CHECK_OK(drn_meta_new(&im->meta, &err), err);
    CHECK_OK(drn_meta_add(im->meta, "icc-profile-data", icc, sizeof icc, true, &err), err);
    CHECK_OK(drn_image_write(im, tmp_path("icc.tif"), NULL, &err), err);
    CHECK_OK(drn_upscale(&large, im, m, NULL, &err), err);
    CHECK_OK(drn_image_write(large, tmp_path("a.tif"), NULL, &err), err);
    CHECK_OK(drn_upscale_stream(tmp_path("icc.tif"), tmp_path("b.tif"), m, NULL, NULL, 1, &err),
             err);
    for (int i = 0; i < 2; i++) {
        size_t size;
        drn_image *back = read_file(tmp_path(i ? "b.tif" : "a.tif"));
        const void *data = drn_image_icc(back, &size);
        CHECK_INT(size, sizeof icc);
        CHECK(memcmp(data, icc, size) == 0);
        drn_image_free(back);
    }
    drn_image_free(im);
    drn_image_free(large);
    drn_model_free(m);
}

static size_t files_in_tmp(void)
{
    char **names;
    size_t n;
    drn_error err = {0};
    CHECK_OK(drn_dir_list(&names, &n, test_tmp_dir(), &err), err);
    drn_list_free(names, n);
    return n;
}

static bool stop_half(void *ctx, double done)
{
    (void)ctx;
    return done < 0.5;
}

TEST(failures,
     "cancelled, cut off, impossible and full: one message, the old file stays, nothing is left")
{
    need_codec();
    drn_error err = {0};
    drn_model *m = small_model();
    drn_image *im = scene(60, 200, 3, DRN_U8);
    void *data;
    size_t size;
    struct rlimit old, small;
    CHECK_OK(drn_image_write(im, tmp_path("in.png"), NULL, &err), err);
    CHECK_OK(drn_file_read(&data, &size, tmp_path("in.png"), 1 << 20, &err), err);
    CHECK_OK(drn_file_write(tmp_path("cut.png"), data, size / 2, &err), err);
    CHECK_OK(drn_file_write(tmp_path("out.tif"), "old", 3, &err), err);
    size_t before = files_in_tmp();
    drn_upscale_options o = {.progress = stop_half, .tile = 16};
    CHECK_INT(drn_upscale_stream(tmp_path("in.png"), tmp_path("out.tif"), m, &o, NULL, 1, &err),
              DRN_ERR_CANCELLED);
    CHECK_INT(drn_upscale_stream(tmp_path("cut.png"), tmp_path("out.tif"), m, NULL, NULL, 1, &err),
              DRN_ERR_FORMAT);
    CHECK_INT(drn_upscale_stream(tmp_path("no.png"), tmp_path("out.tif"), m, NULL, NULL, 1, &err),
              DRN_ERR_IO);
    CHECK_INT(drn_upscale_stream(tmp_path("in.png"), tmp_path("out.xyz"), m, NULL, NULL, 1, &err),
              DRN_ERR_UNSUPPORTED);
    CHECK_INT(
        drn_upscale_stream(tmp_path("in.png"), tmp_path("no/out.tif"), m, NULL, NULL, 1, &err),
        DRN_ERR_IO);
    o = (drn_upscale_options){.consistent = 5};
    CHECK_INT(drn_upscale_stream(tmp_path("in.png"), tmp_path("out.tif"), m, &o, NULL, 1, &err),
              DRN_ERR_UNSUPPORTED);
    o = (drn_upscale_options){.scale = 3};
    CHECK_INT(drn_upscale_stream(tmp_path("in.png"), tmp_path("out.tif"), m, &o, NULL, 1, &err),
              DRN_ERR_INVALID);
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &old);
    small = old;
    small.rlim_cur = 8192;
    setrlimit(RLIMIT_FSIZE, &small);
    drn_status st =
        drn_upscale_stream(tmp_path("in.png"), tmp_path("out.tif"), m, NULL, NULL, 1, &err);
    setrlimit(RLIMIT_FSIZE, &old);
    CHECK_INT(st, DRN_ERR_IO);
    CHECK_INT(files_in_tmp(), before);
    drn_free(data);
    CHECK_OK(drn_file_read(&data, &size, tmp_path("out.tif"), 99999, &err), err);
    CHECK_INT(size, 3);
    drn_free(data);
    drn_image_free(im);
    drn_model_free(m);
}

/* Refuse the n-th allocation of an enlargement, for every n. */
static void refuse_all(const drn_image *in, const drn_model *m, const drn_upscale_options *o,
                       const char *from, const char *to)
{
    size_t before = drn_mem_current();
    for (size_t n = 1;; n++) {
        drn_error err = {0};
        drn_image *out = NULL;
        drn_mem_fail_nth(n);
        drn_status st = from ? drn_upscale_stream(from, to, m, o, NULL, 1, &err)
                             : drn_upscale(&out, in, m, o, &err);
        drn_mem_fail_nth(0);
        drn_image_free(out);
        CHECK_INT(drn_mem_current(), before);
        if (st == DRN_OK)
            return;
        CHECK_INT(st, DRN_ERR_NOMEM);
        CHECK(err.message[0]);
    }
}

TEST(every_allocation, "every refused allocation of an enlargement is an error without a leak")
{
    drn_error err = {0};
    drn_model *m = small_model();
    drn_image *in = scene(17, 13, 4, DRN_U8), *large, *out;
    drn_upscale_options o = {.factor = 3, .ensemble = true, .consistent = 2, .threads = 1};
    refuse_all(in, m, &o, NULL, NULL);
    CHECK_OK(drn_imresize_to(&large, in, 68, 52, NULL, &err), err);
    size_t before = drn_mem_current();
    for (int kind = 0; kind < 3; kind++)
        for (size_t n = 1;; n++) {
            drn_loop loop;
            drn_trust_score score;
            out = NULL;
            drn_mem_fail_nth(n);
            drn_status st = kind == 0 ? drn_upscale_check(&loop, large, in, m, 1, &err)
                            : kind == 1
                                ? drn_upscale_project(&out, large, in, 2, NULL, &err)
                                : drn_upscale_trust_score(&score, large, in, large, 4, &err);
            drn_mem_fail_nth(0);
            drn_image_free(out);
            CHECK_INT(drn_mem_current(), before);
            if (st == DRN_OK)
                break;
            CHECK_INT(st, DRN_ERR_NOMEM);
        }
    if (drn_codec_available()) {
        CHECK_OK(drn_image_write(in, tmp_path("refuse.png"), NULL, &err), err);
        o = (drn_upscale_options){.threads = 1};
        refuse_all(NULL, m, &o, tmp_path("refuse.png"), tmp_path("refused.tif"));
    }
    drn_image_free(in);
    drn_image_free(large);
    drn_model_free(m);
}
