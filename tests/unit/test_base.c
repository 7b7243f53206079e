#include "base/cpu.h"
#include "base/fileio.h"
#include "base/mem.h"
#include "base/pool.h"
#include "base/rng.h"
#include "harness.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

TEST(fail_plain, "a message has no control characters, and letters with such bytes stay")
{
    drn_error err;
    drn_fail(&err, DRN_ERR_IO, "a%sb", "\033[2J\x7f\n\xc2\x80\xc2\x9b" "2J\xc2\xa0\xc3\x9b\xf0\x9f\x98\x80\xc2");
    CHECK_STR(err.message, "a [2J    2J\xc2\xa0\xc3\x9b\xf0\x9f\x98\x80\xc2" "b");
}

TEST(mem_fail, "the n-th allocation fails on request and the message has the size")
{
    drn_error err = {0};
    void *p;
    drn_mem_fail_nth(2);
    void *q = drn_alloc(10);
    CHECK(q);
    CHECK_INT(drn_alloc_to(&p, 3, 5, &err), DRN_ERR_NOMEM);
    CHECK(!p && strstr(err.message, "3 x 5"));
    drn_mem_fail_nth(0);
    drn_free(q);
}

TEST(mem_counted, "memory is counted, aligned and given back")
{
    size_t before = drn_mem_current();
    drn_mem_peak_reset();
    char *a = drn_alloc(1000), *b = drn_calloc(9 << 20, 1);
    CHECK(a && b && (uintptr_t)a % 64 == 0 && (uintptr_t)b % 64 == 0);
    CHECK_INT(drn_mem_current() - before, 1000 + (9 << 20));
    CHECK_INT(b[(9 << 20) - 1], 0);
    drn_free(a);
    drn_free(b);
    CHECK_INT(drn_mem_current(), before);
    CHECK_INT(drn_mem_peak() - before, 1000 + (9 << 20));
}

TEST(mem_overflow, "a size that does not fit is refused")
{
    drn_error err = {0};
    size_t n;
    CHECK_INT(drn_size_mul(&n, SIZE_MAX / 2, 3, &err), DRN_ERR_NOMEM);
    CHECK(drn_calloc(SIZE_MAX / 2, 3) == NULL);
}

static void square(void *ctx, size_t chunk, int thread)
{
    (void)thread;
    ((size_t *)ctx)[chunk] = chunk * chunk;
}

TEST(pool_all, "every chunk runs once with 1, 2 and 7 threads")
{
    for (int t = 1; t <= 7; t += t == 1 ? 1 : 5) {
        drn_pool *pool;
        drn_error err = {0};
        size_t out[1000] = {0};
        CHECK_OK(drn_pool_new(&pool, t, &err), err);
        for (int rep = 0; rep < 50; rep++) {
            memset(out, 0xff, sizeof out);
            drn_pool_run(pool, 1000, square, out);
            for (size_t i = 0; i < 1000; i++)
                CHECK(out[i] == i * i);
        }
        drn_pool_free(pool);
    }
}

TEST(rng_streams, "a seed gives the same numbers, another stream others, uniform over the range")
{
    drn_rng a, b, c;
    drn_rng_seed(&a, 1, 0);
    drn_rng_seed(&b, 1, 0);
    drn_rng_seed(&c, 1, 1);
    CHECK(drn_rng_u64(&a) == drn_rng_u64(&b));
    CHECK(drn_rng_u64(&a) != drn_rng_u64(&c));
    double sum = 0, sq = 0;
    int hist[7] = {0};
    for (int i = 0; i < 70000; i++) {
        double v = drn_rng_normal(&a);
        sum += v;
        sq += v * v;
        hist[drn_rng_below(&a, 7)]++;
    }
    CHECK_NEAR(sum / 70000, 0, 0.02);
    CHECK_NEAR(sq / 70000, 1, 0.02);
    for (int i = 0; i < 7; i++)
        CHECK_NEAR(hist[i], 10000, 400);
}

/* path holds "hello" and is all there is in the test's folder. */
static void check_hello(const char *path)
{
    drn_error err = {0};
    char **names;
    size_t n, size;
    void *data;
    CHECK_OK(drn_file_read(&data, &size, path, 100, &err), err);
    CHECK_STR(data, "hello");
    drn_free(data);
    CHECK_OK(drn_dir_list(&names, &n, test_tmp_dir(), &err), err);
    CHECK_INT(n, 1);
    drn_list_free(names, n);
}

TEST(file_atomic, "a file appears whole or not at all")
{
    drn_error err = {0};
    char *path = drn_path_join(test_tmp_dir(), "f");
    size_t size;
    void *data;
    drn_atomic_file a;
    CHECK_OK(drn_file_write(path, "hello", 5, &err), err);
    CHECK_OK(drn_atomic_open(&a, path, &err), err);
    fputs("partial", a.f);
    drn_atomic_abort(&a);
    check_hello(path);
    CHECK_OK(drn_atomic_open(&a, path, &err), err);
    a.keep = true;
    fputs("second", a.f);
    CHECK_INT(drn_atomic_commit(&a, &err), DRN_ERR_IO);
    CHECK(strstr(err.message, "exists"));
    check_hello(path);
    CHECK_INT(drn_file_read(&data, &size, path, 4, &err), DRN_ERR_FORMAT);
    CHECK_INT(drn_file_read(&data, &size, "/nonexistent", 4, &err), DRN_ERR_IO);
    CHECK_INT(drn_file_write("/nonexistent/x", "a", 1, &err), DRN_ERR_IO);
    drn_free(path);
}

/* Whether files without a name can be made in the test's folder. */
static bool nameless(void)
{
    int fd = open(test_tmp_dir(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

/* Files in the test's folder whose name begins with u. */
static int files_u(void)
{
    drn_error err = {0};
    char **names;
    size_t n;
    int found = 0;
    CHECK_OK(drn_dir_list(&names, &n, test_tmp_dir(), &err), err);
    for (size_t i = 0; i < n; i++)
        found += names[i][0] == 'u';
    drn_list_free(names, n);
    return found;
}

TEST(file_unfinished, "what is being written can be removed all at once, and only that")
{
    enum { FILES = 20, KNOWN = 16 }; /* the others are left */
    drn_error err = {0};
    drn_atomic_file a[FILES];
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < FILES; i++) {
            char name[32];
            snprintf(name, sizeof name, "u%d", i);
            char *path = drn_path_join(test_tmp_dir(), name);
            CHECK_OK(drn_atomic_open(&a[i], path, &err), err);
            drn_free(path);
        }
        CHECK_OK(drn_atomic_commit(&a[3], &err), err);
        CHECK_INT(files_u(), nameless() ? 1 : FILES);
        drn_unfinished_remove();
        CHECK_INT(files_u(), nameless() ? 1 : 1 + FILES - KNOWN);
        for (int i = 0; i < FILES; i++)
            if (i != 3)
                drn_atomic_abort(&a[i]);
        CHECK_INT(files_u(), 1);
        drn_unfinished_remove();
        CHECK_INT(files_u(), 1);
        char *path = drn_path_join(test_tmp_dir(), "u3");
        CHECK_INT(remove(path), 0);
        drn_free(path);
    }
}

TEST(file_full_disk, "a full disk is an error")
{
    drn_error err = {0};
    FILE *f = fopen("/dev/full", "wb");
    if (!f)
        SKIP("no /dev/full");
    drn_atomic_file a = {.f = f, .path = drn_strdup("/dev/full"), .tmp = drn_strdup("/nonexistent/none")};
    fputs("x", f);
    CHECK_INT(drn_atomic_commit(&a, &err), DRN_ERR_IO);
    CHECK(strstr(err.message, "No space"));
}

TEST(file_killed, "a process that is killed leaves nothing of the file it was writing, and the old one")
{
    if (!nameless())
        SKIP("the file system has no files without a name");
    drn_error err = {0};
    char *path = drn_path_join(test_tmp_dir(), "u");
    CHECK_OK(drn_file_write(path, "hello", 5, &err), err);
    pid_t child = fork();
    if (child == 0) {
        drn_atomic_file a;
        if (drn_atomic_open(&a, path, NULL) == DRN_OK && fputs("half", a.f) >= 0 && fflush(a.f) == 0)
            raise(SIGKILL);
        _exit(0);
    }
    int status;
    CHECK(waitpid(child, &status, 0) == child && WIFSIGNALED(status));
    CHECK_INT(files_u(), 1);
    void *data;
    size_t size;
    CHECK_OK(drn_file_read(&data, &size, path, 100, &err), err);
    CHECK_STR(data, "hello");
    drn_free(data);
    CHECK_INT(remove(path), 0);
    drn_free(path);
}

TEST(file_opened, "what others write through the temporary file's name gets the file's, with its permissions")
{
    drn_error err = {0};
    char *path = drn_path_join(test_tmp_dir(), "u");
    mode_t old = umask(027);
    for (int round = 0; round < 2; round++) { /* new, then in the place of another */
        drn_atomic_file a;
        struct stat sb;
        void *data;
        size_t size;
        CHECK_OK(drn_atomic_open(&a, path, &err), err);
        CHECK_INT(a.nameless, nameless());
        FILE *f = fopen(a.tmp, "wb");
        CHECK(f && fputs(round ? "second" : "first", f) >= 0 && fclose(f) == 0);
        CHECK_OK(drn_atomic_commit(&a, &err), err);
        CHECK_OK(drn_file_read(&data, &size, path, 100, &err), err);
        CHECK_STR(data, round ? "second" : "first");
        drn_free(data);
        CHECK(stat(path, &sb) == 0 && (sb.st_mode & 07777) == 0640 && sb.st_nlink == 1);
        CHECK_INT(files_u(), 1);
    }
    umask(old);
    CHECK_INT(remove(path), 0);
    drn_free(path);
}

TEST(file_long_name, "a name that leaves no room for a temporary one is refused before the work")
{
    drn_error err = {0};
    char name[251];
    memset(name, 'u', 250);
    name[250] = 0;
    char *path = drn_path_join(test_tmp_dir(), name);
    drn_atomic_file a;
    CHECK_INT(drn_atomic_open(&a, path, &err), DRN_ERR_IO);
    CHECK(strstr(err.message, strerror(ENAMETOOLONG)));
    path[strlen(path) - 6] = 0;
    CHECK_OK(drn_atomic_open(&a, path, &err), err);
    CHECK_OK(drn_atomic_commit(&a, &err), err);
    CHECK_INT(remove(path), 0);
    drn_free(path);
}

TEST(file_here, "a file in the working folder needs no path")
{
    drn_error err = {0};
    char *cwd = getcwd(NULL, 0);
    CHECK(cwd && chdir(test_tmp_dir()) == 0);
    drn_status st = drn_file_write("u", "x", 1, &err);
    CHECK(chdir(cwd) == 0);
    free(cwd);
    CHECK_OK(st, err);
    CHECK_INT(files_u(), 1);
    char *path = drn_path_join(test_tmp_dir(), "u");
    CHECK_INT(remove(path), 0);
    drn_free(path);
}
