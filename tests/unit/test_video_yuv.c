/* Frames to pictures and back, against the definitions of the matrices in double. */
#include "base/mem.h"
#include "base/rng.h"
#include "harness.h"
#include "video/yuv.h"

#include <stdlib.h>

static uint8_t *frame_of(const drn_yuv_format *f, size_t *bytes)
{
    drn_error err = {0};
    CHECK_OK(drn_yuv_size(bytes, f, &err), err);
    uint8_t *data = drn_calloc(*bytes, 1);
    CHECK(data);
    return data;
}

static void put(uint8_t *data, const drn_yuv_format *f, size_t i, unsigned v)
{
    if (f->depth == 8) {
        data[i] = (uint8_t)v;
    } else {
        data[2 * i] = (uint8_t)v;
        data[2 * i + 1] = (uint8_t)(v >> 8);
    }
}

static unsigned get(const uint8_t *data, const drn_yuv_format *f, size_t i)
{
    return f->depth == 8 ? data[i] : (unsigned)(data[2 * i] | data[2 * i + 1] << 8);
}

/* Kr and Kb as the recommendations print them. */
static const struct {
    int matrix;
    double kr, kb;
} standards[] = {{DRN_MATRIX_170M, 0.299, 0.114},  {DRN_MATRIX_470BG, 0.299, 0.114},
                 {DRN_MATRIX_709, 0.2126, 0.0722}, {DRN_MATRIX_2020, 0.2627, 0.0593},
                 {DRN_MATRIX_240M, 0.212, 0.087},  {DRN_MATRIX_FCC, 0.30, 0.11}};

/* The code values of a colour by the definition: quantised luma and colour differences. */
static void encode(unsigned code[3], const double rgb[3], double kr, double kb, int depth,
                   bool full)
{
    double y = kr * rgb[0] + (1 - kr - kb) * rgb[1] + kb * rgb[2],
           cb = (rgb[2] - y) / (2 * (1 - kb)), cr = (rgb[0] - y) / (2 * (1 - kr)),
           unit = 1 << (depth - 8), most = (1 << depth) - 1;
    double v[3] = {full ? y * most : (219 * y + 16) * unit,
                   full ? cb * most + 128 * unit : (224 * cb + 128) * unit,
                   full ? cr * most + 128 * unit : (224 * cr + 128) * unit};
    for (int i = 0; i < 3; i++)
        code[i] = (unsigned)fmin(fmax(floor(v[i] + 0.5), 0), most);
}

static void check_colour(const drn_yuv_format *f, const double rgb[3], double kr, double kb)
{
    drn_error err = {0};
    drn_image *im;
    unsigned code[3];
    size_t bytes, n = (size_t)f->width * (size_t)f->height;
    uint8_t *data = frame_of(f, &bytes), *back = frame_of(f, &bytes);
    encode(code, rgb, kr, kb, f->depth, f->full);
    for (size_t i = 0; i < bytes / (f->depth > 8 ? 2 : 1); i++) {
        size_t chroma = (bytes / (f->depth > 8 ? 2 : 1) - n) / 2;
        put(data, f, i, code[i < n ? 0 : i < n + chroma ? 1 : 2]);
    }
    CHECK_OK(drn_yuv_to_image(&im, f, data, &err), err);
    /* half a step of luma and of chroma, by the largest factor of the matrices */
    double step = 3.0 / (f->full ? (1 << f->depth) - 1 : 219 << (f->depth - 8));
    for (size_t i = 0; i < 3 * n; i++)
        CHECK_NEAR(((float *)im->data)[i], rgb[i % 3], step / 2);
    CHECK_OK(drn_yuv_from_image(back, f, im, &err), err);
    for (size_t i = 0; i < bytes; i++)
        CHECK_INT(back[i], data[i]);
    drn_image_free(im);
    drn_free(data);
    drn_free(back);
}

TEST(matrices,
     "a colour coded by the standard's definition is that colour, and comes back to the bit")
{
    static const double colours[][3] = {{1, 0, 0}, {0, 1, 0},        {0, 0, 1},      {1, 1, 1},
                                        {0, 0, 0}, {0.8, 0.45, 0.1}, {0.5, 0.5, 0.5}};
    for (size_t s = 0; s < sizeof standards / sizeof *standards; s++)
        for (size_t c = 0; c < sizeof colours / sizeof *colours; c++)
            for (int depth = 8; depth <= 12; depth += 2)
                for (int full = 0; full < 2; full++) {
                    drn_yuv_format f = {.width = 7,
                                        .height = 5,
                                        .depth = depth,
                                        .planes = 3,
                                        .sx = 1,
                                        .sy = 1,
                                        .matrix = standards[s].matrix,
                                        .full = full,
                                        .site = (int)c};
                    check_colour(&f, colours[c], standards[s].kr, standards[s].kb);
                }
}

/* Random code values survive without chroma subsampling: nothing is clamped on the way. */
static void check_round_trip(drn_yuv_format f)
{
    drn_error err = {0};
    drn_image *im;
    drn_rng rng;
    size_t bytes;
    uint8_t *data = frame_of(&f, &bytes), *back = frame_of(&f, &bytes);
    drn_rng_seed(&rng, 1, 0);
    for (size_t i = 0; i < bytes / (f.depth > 8 ? 2 : 1); i++)
        put(data, &f, i, (unsigned)drn_rng_below(&rng, 1u << f.depth));
    CHECK_OK(drn_yuv_to_image(&im, &f, data, &err), err);
    CHECK_INT(im->bands, f.planes);
    CHECK_OK(drn_yuv_from_image(back, &f, im, &err), err);
    for (size_t i = 0; i < bytes / (f.depth > 8 ? 2 : 1); i++)
        CHECK_INT(get(back, &f, i), get(data, &f, i));
    drn_image_free(im);
    drn_free(data);
    drn_free(back);
}

TEST(round_trip, "4:4:4, grey and RGB frames of any samples come back to the bit, 8 to 16 bits")
{
    static const int matrices[] = {DRN_MATRIX_RGB, DRN_MATRIX_709, DRN_MATRIX_170M,
                                   DRN_MATRIX_YCGCO, DRN_MATRIX_2020};
    for (int depth = 8; depth <= 16; depth += 2)
        for (size_t m = 0; m < 5; m++)
            for (int full = 0; full < 2; full++) {
                check_round_trip((drn_yuv_format){13, 9, depth, 3, 0, 0, matrices[m], 0, full});
                check_round_trip((drn_yuv_format){13, 9, depth, 1, 0, 0, DRN_MATRIX_709, 0, full});
            }
}

/* Chroma that grows evenly with x and y stays at its place: the picture's values are those of the
 * plane at each pixel's own position, whatever the siting. */
static void check_site(int sx, int sy, int site, double ox, double oy)
{
    enum { W = 48, H = 40 };
    drn_error err = {0};
    drn_image *im;
    size_t bytes;
    drn_yuv_format f = {W, H, 16, 3, sx, sy, DRN_MATRIX_RGB, site, true};
    uint8_t *data = frame_of(&f, &bytes), *back = frame_of(&f, &bytes);
    int32_t cw, ch;
    drn_yuv_plane(&cw, &ch, &f, 1);
    for (int32_t y = 0; y < ch; y++)
        for (int32_t x = 0; x < cw; x++)
            for (int p = 1; p < 3; p++) {
                double px = x * (1 << sx) + ox, py = y * (1 << sy) + oy;
                put(data, &f, (size_t)(W * H + (p - 1) * cw * ch + y * cw + x),
                    (unsigned)(10000 + 500 * px + 300 * py + 0.5));
            }
    CHECK_OK(drn_yuv_to_image(&im, &f, data, &err), err);
    int edge = 2 << (sx > sy ? sx : sy);
    for (int y = edge; y < H - edge; y++)
        for (int x = edge; x < W - edge; x++) /* band 2 is B: the first chroma plane of "RGB" */
            CHECK_NEAR(65535 * ((float *)im->data)[(y * W + x) * 3 + 2], 10000 + 500 * x + 300 * y,
                       1);
    CHECK_OK(drn_yuv_from_image(back, &f, im, &err), err);
    for (int32_t y = 3; y < ch - 3; y++)
        for (int32_t x = 3; x < cw - 3; x++) {
            size_t i = (size_t)(W * H + y * cw + x);
            CHECK_NEAR(get(back, &f, i), get(data, &f, i), 2);
        }
    drn_image_free(im);
    drn_free(data);
    drn_free(back);
}

TEST(siting, "chroma stays at its place for every siting, there and back")
{
    check_site(1, 1, DRN_SITE_LEFT, 0, 0.5);
    check_site(1, 1, DRN_SITE_UNKNOWN, 0, 0.5);
    check_site(1, 1, DRN_SITE_CENTRE, 0.5, 0.5);
    check_site(1, 1, DRN_SITE_TOP_LEFT, 0, 0);
    check_site(1, 1, DRN_SITE_TOP, 0.5, 0);
    check_site(1, 1, DRN_SITE_BOTTOM_LEFT, 0, 1);
    check_site(1, 1, DRN_SITE_BOTTOM, 0.5, 1);
    check_site(1, 0, DRN_SITE_LEFT, 0, 0);
    check_site(2, 0, DRN_SITE_LEFT, 0, 0);
    check_site(0, 1, DRN_SITE_CENTRE, 0, 0.5);
}

TEST(odd_sizes, "frames of odd and tiny sizes are whole, down to one pixel")
{
    for (int32_t w = 1; w < 12; w++)
        for (int32_t h = 1; h < 6; h++)
            for (int s = 0; s < 9; s++) {
                drn_error err = {0};
                drn_image *im;
                size_t bytes;
                drn_yuv_format f = {w, h, 8, 3, s % 3, s / 3, DRN_MATRIX_709, DRN_SITE_LEFT, false};
                uint8_t *data = frame_of(&f, &bytes), *back = frame_of(&f, &bytes);
                memset(data, 77, bytes);
                CHECK_OK(drn_yuv_to_image(&im, &f, data, &err), err);
                CHECK_OK(drn_yuv_from_image(back, &f, im, &err), err);
                for (size_t i = 0; i < bytes; i++)
                    CHECK_INT(back[i], 77);
                drn_image_free(im);
                drn_free(data);
                drn_free(back);
            }
}

TEST(refused, "every allocation that is refused is an error, and nothing leaks")
{
    drn_yuv_format f = {9, 7, 8, 3, 1, 1, DRN_MATRIX_709, DRN_SITE_LEFT, false};
    uint8_t data[9 * 7 + 2 * 5 * 4] = {0};
    size_t before = drn_mem_current();
    for (size_t n = 1;; n++) {
        drn_error err = {0};
        drn_image *im = NULL;
        drn_mem_fail_nth(n);
        drn_status st = drn_yuv_to_image(&im, &f, data, &err);
        if (st == DRN_OK)
            st = drn_yuv_from_image(data, &f, im, &err);
        drn_mem_fail_nth(0);
        drn_image_free(im);
        CHECK_INT(drn_mem_current(), before);
        if (st == DRN_OK) {
            CHECK(n > 3);
            return;
        }
        CHECK_INT(st, DRN_ERR_NOMEM);
    }
}
