/* y4m, and films as a whole, against drn_upscale() of each frame. */
#include "drn/video.h"
#include "random_model.h"
#include "video/ffmpeg.h"
#include "video/flow.h"
#include "video/y4m.h"

#include <unistd.h>

static const drn_config tiny = {2, 8, 1, true, false, 0, DRN_SKIP_BICUBIC};

static drn_y4m_header parse(const char *line)
{
    drn_error err = {0};
    drn_y4m_header h;
    CHECK_OK(drn_y4m_parse(&h, line, strlen(line), "test", &err), err);
    return h;
}

static void refuse(const char *line, const char *words)
{
    drn_error err = {0};
    drn_y4m_header h;
    CHECK(drn_y4m_parse(&h, line, strlen(line), "test", &err) != DRN_OK);
    if (!strstr(err.message, words))
        test_fail(__FILE__, __LINE__, "\"%s\" lacks \"%s\"", err.message, words);
}

TEST(y4m_header, "y4m's header is read in all its variants")
{
    drn_y4m_header h =
        parse("YUV4MPEG2 W720 H576 F25:1 It A64:45 C420paldv XYSCSS=420PALDV XCOLORRANGE=LIMITED");
    CHECK_INT(h.f.width, 720);
    CHECK_INT(h.f.height, 576);
    CHECK_INT(h.rate_num, 25);
    CHECK_INT(h.aspect_num, 64);
    CHECK_INT(h.aspect_den, 45);
    CHECK_INT(h.interlace, 't');
    CHECK_INT(h.f.site, DRN_SITE_TOP_LEFT);
    CHECK(!h.f.full && h.has_range);
    h = parse("YUV4MPEG2 W4 H2 C422p10 XCOLORRANGE=FULL");
    CHECK_INT(h.f.depth, 10);
    CHECK_INT(h.f.sx, 1);
    CHECK_INT(h.f.sy, 0);
    CHECK(h.f.full);
    h = parse("YUV4MPEG2 W4 H2");
    CHECK_INT(h.f.site, DRN_SITE_CENTRE);
    CHECK_INT(h.rate_num, 0);
    CHECK_INT(parse("YUV4MPEG2 H2 W4 Cmono12").f.planes, 1);
    CHECK_INT(parse("YUV4MPEG2 H2 W4 Cmono12").f.depth, 12);
    refuse("YUV4MPEG", "does not begin");
    refuse("YUV4MPEG2 W4", "without a width and a height");
    refuse("YUV4MPEG2 W0 H4", "'W0'");
    refuse("YUV4MPEG2 W4 H99999999999999999999", "makes no sense");
    refuse("YUV4MPEG2 W4 H4 C444alpha", "no colour space");
    refuse("YUV4MPEG2 W4 H4 C420p17", "no colour space");
    refuse("YUV4MPEG2 W4 H4 F25", "'F25'");
}

TEST(y4m_print, "what is printed is read again, for every colour space")
{
    static const struct {
        int planes, sx, sy, site;
    } all[] = {{3, 1, 1, DRN_SITE_CENTRE},
               {3, 1, 1, DRN_SITE_LEFT},
               {3, 1, 1, DRN_SITE_TOP_LEFT},
               {3, 1, 0, 0},
               {3, 0, 0, 0},
               {3, 2, 0, 0},
               {3, 0, 1, 0},
               {3, 2, 2, 0},
               {1, 0, 0, 0}};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        for (int depth = 8; depth <= 16; depth += 2) {
            char line[DRN_Y4M_LINE];
            drn_film film = {.f = {33, 21, depth, all[i].planes, all[i].sx, all[i].sy,
                                   DRN_MATRIX_709, all[i].site, true},
                             .rate_num = 30000,
                             .rate_den = 1001,
                             .aspect_num = 4,
                             .aspect_den = 3};
            drn_y4m_print(line, &film);
            line[strcspn(line, "\n")] = 0;
            drn_y4m_header h = parse(line);
            CHECK_INT(h.f.planes, film.f.planes);
            CHECK_INT(h.f.sx, film.f.sx);
            CHECK_INT(h.f.sy, film.f.sy);
            CHECK_INT(h.f.depth, depth);
            CHECK_INT(h.f.site, depth == 8 ? all[i].site : DRN_SITE_UNKNOWN);
            CHECK(h.f.full);
            CHECK_INT(h.rate_den, 1001);
            CHECK_INT(h.aspect_num, 4);
        }
}

/* ---- films ---- */

enum { W = 20, H = 14, FRAMES = 7 };

static const drn_yuv_format colour = {W, H, 8, 3, 1, 1, DRN_MATRIX_170M, DRN_SITE_LEFT, false};

/* Frame i of a film of noise that is smooth enough to be natural. */
static void make_frame(uint8_t *data, size_t bytes, int i)
{
    for (size_t k = 0; k < bytes; k++)
        data[k] =
            (uint8_t)(110 + 40 * sin(0.31 * (double)k + i) + (double)((k * 7 + (size_t)i) % 5));
}

static char *write_film(const char *name, int frames)
{
    drn_error err = {0};
    char *path = drn_path_join(test_tmp_dir(), name);
    size_t bytes;
    uint8_t data[W * H * 2];
    CHECK_OK(drn_yuv_size(&bytes, &colour, &err), err);
    FILE *f = fopen(path, "wb");
    fprintf(f, "YUV4MPEG2 W%d H%d F24:1 Ip A1:1 C420mpeg2\n", W, H);
    for (int i = 0; i < frames; i++) {
        make_frame(data, bytes, i);
        fprintf(f, "FRAME\n");
        fwrite(data, 1, bytes, f);
    }
    fclose(f);
    return path;
}

static void check_film(const char *path, const drn_model *m)
{
    drn_error err = {0};
    drn_yuv_format large = colour;
    size_t bytes, larges, size, head;
    void *film;
    large.width *= 2;
    large.height *= 2;
    CHECK_OK(drn_yuv_size(&bytes, &colour, &err), err);
    CHECK_OK(drn_yuv_size(&larges, &large, &err), err);
    CHECK_OK(drn_file_read(&film, &size, path, 1 << 24, &err), err);
    head = strcspn(film, "\n") + 1;
    CHECK_INT(size, head + FRAMES * (larges + 6));
    for (int i = 0; i < FRAMES; i++) {
        uint8_t in[W * H * 2], out[W * H * 8];
        drn_image *small, *big;
        make_frame(in, bytes, i);
        CHECK_OK(drn_yuv_to_image(&small, &colour, in, &err), err);
        CHECK_OK(drn_upscale(&big, small, m, NULL, &err), err);
        CHECK_OK(drn_yuv_from_image(out, &large, big, &err), err);
        const uint8_t *frame = (const uint8_t *)film + head + (size_t)i * (larges + 6) + 6;
        CHECK(memcmp(frame, out, larges) == 0);
        drn_image_free(small);
        drn_image_free(big);
    }
    drn_free(film);
}

typedef struct watcher {
    int64_t stop_at, most;
    int calls;
} watcher;

static bool watch(void *ctx, const drn_video_progress *p)
{
    watcher *w = ctx;
    w->calls++;
    CHECK(p->done >= w->most);
    w->most = p->done;
    CHECK_INT(p->total, FRAMES);
    return w->stop_at == 0 || p->done < w->stop_at;
}

TEST(film, "a film's frames are those of drn_upscale(), for any number at the same time")
{
    drn_error err = {0};
    drn_model *m = random_model(&tiny);
    char *in = write_film("in.y4m", FRAMES), *out = drn_path_join(test_tmp_dir(), "out.y4m");
    for (int parallel = 1; parallel <= 5; parallel += 2) {
        watcher w = {0};
        drn_video_result r;
        drn_video_options o = {
            .parallel = parallel, .overwrite = true, .progress = watch, .progress_ctx = &w};
        CHECK_OK(drn_video_upscale(in, out, m, &o, &r, &err), err);
        CHECK_INT(r.frames, FRAMES);
        CHECK_INT(r.resumed, 0);
        CHECK_INT(r.width, 2 * W);
        CHECK_INT(w.most, FRAMES);
        check_film(out, m);
    }
    drn_free(in);
    drn_free(out);
    drn_model_free(m);
}

TEST(resumed, "a film that was cancelled after any frame goes on there, to the same bits")
{
    drn_error err = {0};
    drn_model *m = random_model(&tiny);
    char *in = write_film("in.y4m", FRAMES), *out = drn_path_join(test_tmp_dir(), "parts.y4m"),
         *part = drn_path_join(test_tmp_dir(), "parts.y4m.part");
    for (int stop = 1; stop < FRAMES; stop++) {
        watcher w = {.stop_at = stop};
        drn_video_result r;
        drn_video_options o = {.parallel = 2, .progress = watch, .progress_ctx = &w};
        (void)unlink(out);
        CHECK_INT(drn_video_upscale(in, out, m, &o, &r, &err), DRN_ERR_CANCELLED);
        CHECK(!drn_path_exists(out));
        CHECK(drn_path_exists(part));
        w = (watcher){0};
        CHECK_OK(drn_video_upscale(in, out, m, &o, &r, &err), err);
        CHECK_INT(r.frames, FRAMES);
        CHECK(r.resumed >= stop && r.resumed <= FRAMES);
        CHECK(!drn_path_exists(part));
        check_film(out, m);
    }
    drn_free(in);
    drn_free(out);
    drn_free(part);
    drn_model_free(m);
}

TEST(changed, "a film that changed since, or other options, are not mixed into one result")
{
    drn_error err = {0};
    drn_model *m = random_model(&tiny);
    char *in = write_film("in2.y4m", FRAMES), *out = drn_path_join(test_tmp_dir(), "changed.y4m");
    watcher w = {.stop_at = 2};
    drn_video_options o = {.parallel = 1, .progress = watch, .progress_ctx = &w};
    CHECK_INT(drn_video_upscale(in, out, m, &o, NULL, &err), DRN_ERR_CANCELLED);
    w.stop_at = 0;
    w.most = 0;
    o.upscale.factor = 3;
    CHECK_INT(drn_video_upscale(in, out, m, &o, NULL, &err), DRN_ERR_INVALID);
    CHECK(strstr(err.message, "result 40x28"));
    o.upscale.factor = 0;
    FILE *f = fopen(in, "r+b"); /* another pixel in the first frame */
    fseek(f, 100, SEEK_SET);
    fputc(1, f);
    fclose(f);
    CHECK_INT(drn_video_upscale(in, out, m, &o, NULL, &err), DRN_ERR_INVALID);
    o.restart = true;
    CHECK_OK(drn_video_upscale(in, out, m, &o, NULL, &err), err);
    drn_free(in);
    drn_free(out);
    drn_model_free(m);
}

TEST(nomem, "a film whose n-th allocation is refused fails cleanly, for every n")
{
    drn_model *m = random_model(&tiny);
    char *in = write_film("in3.y4m", 1), *out = drn_path_join(test_tmp_dir(), "nomem.y4m");
    drn_video_options o = {.parallel = 1, .overwrite = true, .upscale = {.threads = 1}};
    size_t before = drn_mem_current();
    int refused = 0;
    for (size_t n = 1; n < 100000; n++) {
        drn_error err = {0};
        drn_mem_fail_nth(n);
        drn_status st = drn_video_upscale(in, out, m, &o, NULL, &err);
        drn_mem_fail_nth(0);
        CHECK_INT(drn_mem_current(), before);
        if (st == DRN_OK)
            break;
        refused++;
        CHECK_INT(st, DRN_ERR_NOMEM);
        CHECK(err.message[0]);
    }
    CHECK(refused > 20);
    drn_free(in);
    drn_free(out);
    drn_model_free(m);
}

TEST(failing_flow, "a frame that fails ends the film with its message, not with a hang")
{
    drn_error err = {0};
    drn_model *m = random_model(&tiny);
    char *in = write_film("in.y4m", FRAMES), *out = drn_path_join(test_tmp_dir(), "bad.y4m");
    drn_video_options o = {.parallel = 3, .upscale = {.scale = 8}};
    CHECK_INT(drn_video_upscale(in, out, m, &o, NULL, &err), DRN_ERR_INVALID);
    CHECK(strstr(err.message, "enlarges by 2"));
    CHECK(!drn_path_exists(out));
    drn_free(in);
    drn_free(out);
    drn_model_free(m);
}

/* ---- through FFmpeg's libraries ---- */

TEST(lossless,
     "a film coded without loss has the frames and times of drn_upscale()'s, cancelled or not")
{
    drn_error err = {0};
    if (!drn_video_has_ffmpeg())
        SKIP("no FFmpeg libraries");
    drn_model *m = random_model(&tiny);
    char *in = write_film("in.y4m", FRAMES), *raw = drn_path_join(test_tmp_dir(), "raw.y4m"),
         *out = drn_path_join(test_tmp_dir(), "out.mkv");
    watcher w = {.stop_at = 4};
    drn_video_options o = {
        .codec = "ffv1", .part = 3, .parallel = 2, .progress = watch, .progress_ctx = &w};
    CHECK_INT(drn_video_upscale(in, out, m, &o, NULL, &err), DRN_ERR_CANCELLED);
    w = (watcher){0};
    drn_video_result r;
    CHECK_OK(drn_video_upscale(in, out, m, &o, &r, &err), err);
    CHECK(r.resumed >= 4);
    CHECK_OK(drn_video_upscale(in, raw, m, NULL, NULL, &err), err);
    drn_video_info i;
    CHECK_OK(drn_video_probe(&i, out, &err), err);
    CHECK_INT(i.width, 2 * W);
    CHECK_STR(i.codec, "ffv1");
    CHECK_STR(i.pixels, "4:2:0 bt601 limited 8 bits");

    drn_video_options none = {0};
    drn_listener l = {.o = &none};
    drn_source *a, *b;
    uint8_t da[W * H * 8], db[W * H * 8];
    drn_frame fa = {.data = da}, fb = {.data = db};
    bool enda = false, endb = false;
    CHECK_OK(drn_y4m_open(&a, raw, &none, &err), err);
    CHECK_OK(drn_ffmpeg_open(&b, out, &l, &err), err);
    for (int n = 0; n < FRAMES; n++) {
        CHECK_OK(a->next(a, &fa, &enda, &err), err);
        CHECK_OK(b->next(b, &fb, &endb, &err), err);
        CHECK(!enda && !endb);
        CHECK(memcmp(da, db, W * H * 6) == 0);
        CHECK_NEAR((double)fb.pts * b->film.tick_num / b->film.tick_den, n / 24.0, 0.0006);
    }
    CHECK_OK(b->next(b, &fb, &endb, &err), err);
    CHECK(endb);
    a->close(a);
    b->close(b);
    drn_free(in);
    drn_free(raw);
    drn_free(out);
    drn_model_free(m);
}

TEST(nomem_coded, "a coded film whose n-th allocation is refused fails cleanly, for every n")
{
    if (!drn_video_has_ffmpeg())
        SKIP("no FFmpeg libraries");
    drn_model *m = random_model(&tiny);
    char *in = write_film("in4.y4m", 3), *out = drn_path_join(test_tmp_dir(), "nomem.mkv");
    drn_video_options o = {
        .codec = "ffv1", .part = 2, .parallel = 1, .overwrite = true, .upscale = {.threads = 1}};
    size_t before = drn_mem_current();
    int refused = 0;
    for (size_t n = 1; n < 100000; n++) {
        drn_error err = {0};
        drn_mem_fail_nth(n);
        drn_status st = drn_video_upscale(in, out, m, &o, NULL, &err);
        drn_mem_fail_nth(0);
        CHECK_INT(drn_mem_current(), before);
        if (st == DRN_OK)
            break;
        refused++;
        if (st != DRN_ERR_NOMEM)
            test_fail(__FILE__, __LINE__, "allocation %zu: %d, %s", n, (int)st, err.message);
    }
    CHECK(refused > 20);
    drn_free(in);
    drn_free(out);
    drn_model_free(m);
}
