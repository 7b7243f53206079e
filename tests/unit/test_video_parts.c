/* What survives a kill: segments, journals, the folder. */
#include "base/fileio.h"
#include "base/mem.h"
#include "harness.h"
#include "video/hash.h"
#include "video/journal.h"
#include "video/parts.h"
#include "video/segment.h"

#include <sys/stat.h>
#include <unistd.h>

static char *path_of(const char *name)
{
    char *path = drn_path_join(test_tmp_dir(), name);
    CHECK(path);
    return path;
}

static void write_segment(const char *path, int packets)
{
    drn_error err = {0};
    drn_segment_writer w;
    uint8_t data[64];
    CHECK_OK(drn_segment_create(&w, path, (const uint8_t *)"extra", 5, &err), err);
    for (int i = 0; i < packets; i++) {
        memset(data, i, sizeof data);
        drn_segment_put(&w, &(drn_packet){i * 10 - 5, 10, i == 0, (uint32_t)(i % 65), data});
    }
    CHECK_OK(drn_segment_commit(&w, &err), err);
}

TEST(segment, "a segment gives back what was put in")
{
    drn_error err = {0};
    drn_segment_reader r;
    drn_packet p;
    uint8_t *extra;
    size_t extras;
    bool end;
    int64_t packets;
    char *path = path_of("a.seg");
    write_segment(path, 9);
    CHECK(drn_segment_check(&packets, path));
    CHECK_INT(packets, 9);
    CHECK_OK(drn_segment_open(&r, fopen(path, "rb"), path, &extra, &extras, &err), err);
    CHECK_INT(extras, 5);
    CHECK(memcmp(extra, "extra", 5) == 0);
    for (int i = 0; i < 9; i++) {
        CHECK_OK(drn_segment_next(&p, &r, &end, &err), err);
        CHECK(!end);
        CHECK_INT(p.pts, i * 10 - 5);
        CHECK_INT(p.duration, 10);
        CHECK_INT(p.key, i == 0);
        CHECK_INT(p.size, i);
        for (int k = 0; k < i; k++)
            CHECK_INT(p.data[k], i);
    }
    CHECK_OK(drn_segment_next(&p, &r, &end, &err), err);
    CHECK(end);
    drn_segment_close(&r);
    drn_free(extra);
    drn_free(path);
}

TEST(torn, "a segment that lost its end or a bit is not taken for whole")
{
    int64_t packets;
    void *data;
    size_t size;
    drn_error err = {0};
    char *path = path_of("b.seg");
    write_segment(path, 5);
    CHECK_OK(drn_file_read(&data, &size, path, 1 << 20, &err), err);
    for (size_t n = 0; n < size; n++) {
        CHECK_OK(drn_file_write(path, data, n, &err), err);
        CHECK(!drn_segment_check(&packets, path));
    }
    for (size_t n = 0; n < size; n++) {
        ((uint8_t *)data)[n] ^= 4;
        CHECK_OK(drn_file_write(path, data, size, &err), err);
        /* what the last head holds beside size and hash is of no meaning */
        CHECK(!drn_segment_check(&packets, path) || (n >= size - 16 && n < size - 4));
        ((uint8_t *)data)[n] ^= 4;
    }
    drn_free(data);
    drn_free(path);
}

static void fill(drn_frame *f, int i)
{
    memset(f->data, i, 100);
    f->pts = 3 * i;
    f->duration = i;
}

TEST(journal, "a journal gives its whole frames back and goes on behind them, wherever it was torn")
{
    drn_error err = {0};
    uint8_t data[100];
    drn_frame f = {.data = data};
    char *path = path_of("c.frames");
    for (off_t cut = 0; cut <= 3 * 124; cut += 31) {
        drn_journal j;
        bool end = false;
        int n = 0;
        (void)unlink(path);
        CHECK_OK(drn_journal_open(&j, path, 100, &err), err);
        for (int i = 0; i < 3; i++) {
            fill(&f, i);
            CHECK_OK(drn_journal_add(&j, &f, &err), err);
        }
        drn_journal_close(&j);
        CHECK(truncate(path, cut) == 0);
        CHECK_OK(drn_journal_open(&j, path, 100, &err), err);
        while (drn_journal_next(&f, &j, &end, &err) == DRN_OK && !end) {
            CHECK_INT(f.pts, 3 * n);
            CHECK_INT(data[99], n);
            n++;
        }
        CHECK_INT(n, cut / 124);
        fill(&f, n);
        CHECK_OK(drn_journal_add(&j, &f, &err), err);
        drn_journal_close(&j);
        struct stat sb;
        CHECK(stat(path, &sb) == 0);
        CHECK_INT(sb.st_size, (n + 1) * 124);
    }
    drn_free(path);
}

TEST(folder, "the folder knows its job, its frames and who is at work on it")
{
    drn_error err = {0};
    drn_parts p, q;
    char *out = path_of("film.mkv"), *dir = path_of("film.mkv.part");
    CHECK_OK(drn_parts_open(&p, out, "a 1\nb 2\n", false, &err), err);
    for (uint64_t i = 0; i < 4; i++)
        CHECK_OK(drn_parts_add(&p, 100 + i, &err), err);
    CHECK_INT(drn_parts_open(&q, out, "a 1\nb 2\n", false, &err), DRN_ERR_IO);
    CHECK(strstr(err.message, "another run"));
    drn_parts_close(&p);
    CHECK_INT(drn_parts_open(&p, out, "a 1\nb 3\n", false, &err), DRN_ERR_INVALID);
    CHECK(strstr(err.message, "'b 2', now it is 'b 3'"));
    CHECK_OK(drn_parts_open(&p, out, "a 1\nb 2\n", false, &err), err);
    CHECK_INT(p.known, 4);
    CHECK_OK(drn_parts_keep(&p, 3, &err), err);
    CHECK_OK(drn_parts_check(&p, 100, &err), err);
    CHECK_INT(drn_parts_check(&p, 999, &err), DRN_ERR_INVALID);
    drn_parts_close(&p);
    CHECK_OK(drn_parts_open(&p, out, "a 1\nb 3\n", true, &err), err);
    CHECK_INT(p.known, 0);
    drn_parts_remove(&p);
    CHECK(!drn_path_exists(dir));
    drn_free(out);
    drn_free(dir);
}

TEST(foreign, "a folder with other people's files is left alone")
{
    drn_error err = {0};
    drn_parts p;
    char *out = path_of("mine"), *dir = path_of("mine.part"), *file = path_of("mine.part/letter");
    CHECK_OK(drn_make_dirs(dir, &err), err);
    CHECK_OK(drn_file_write(file, "x", 1, &err), err);
    CHECK_INT(drn_parts_open(&p, out, "a\n", true, &err), DRN_ERR_IO);
    CHECK(drn_path_exists(file));
    drn_free(out);
    drn_free(dir);
    drn_free(file);
}

TEST(hash, "the hash sees every byte and the length")
{
    uint8_t data[41] = {0};
    uint64_t h = drn_hash(DRN_HASH_START, data, 40);
    CHECK(h != drn_hash(DRN_HASH_START, data, 41));
    for (int i = 0; i < 40; i++)
        for (int bit = 0; bit < 8; bit++) {
            data[i] = (uint8_t)(1 << bit);
            CHECK(drn_hash(DRN_HASH_START, data, 40) != h);
            data[i] = 0;
        }
}
