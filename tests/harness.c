#include "harness.h"

#include <dirent.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_TESTS 512

static struct {
    const char *sentence;
    test_fn fn;
} tests[MAX_TESTS];
static int count;
static jmp_buf escape;
static char tmp_dir[64];

void test_register(const char *sentence, test_fn fn)
{
    if (count == MAX_TESTS) {
        fprintf(stderr, "too many tests\n");
        exit(1);
    }
    tests[count].sentence = sentence;
    tests[count++].fn = fn;
}

void test_fail(const char *file, int line, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    fprintf(stderr, "%s:%d: ", file, line);
    vfprintf(stderr, fmt, ap);
    fprintf(stderr, "\n");
    va_end(ap);
    longjmp(escape, 1);
}

void test_skip(const char *reason)
{
    fprintf(stderr, "skip: %s\n", reason);
    longjmp(escape, 2);
}

const char *test_data_dir(void)
{
    const char *dir = getenv("DRN_TEST_DATA");
    struct stat sb;
    if (!dir)
        dir = DRN_TEST_DATA_DIR;
    return stat(dir, &sb) == 0 && S_ISDIR(sb.st_mode) ? dir : NULL;
}

static int remove_one(const char *path, const struct stat *sb, int type, struct FTW *ftw)
{
    (void)sb;
    (void)type;
    (void)ftw;
    return remove(path);
}

static void remove_tmp(void)
{
    nftw(tmp_dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

const char *test_tmp_dir(void)
{
    if (!tmp_dir[0]) {
        strcpy(tmp_dir, "/tmp/drn-test-XXXXXX");
        if (!mkdtemp(tmp_dir)) {
            perror("mkdtemp");
            exit(1);
        }
        atexit(remove_tmp);
    }
    return tmp_dir;
}

/* 0 passed, 1 failed, 2 skipped. */
static int run(test_fn fn)
{
    int how = setjmp(escape);
    if (how == 0)
        fn();
    return how;
}

/* Usage: test_x [substring of a sentence] */
int main(int argc, char **argv)
{
    int failed = 0, passed = 0, skipped = 0;
    if (!test_lacks()) {
        fprintf(stderr, "skip: no filter of system calls, which DRN_TEST_LACKS needs\n");
        return 77;
    }
    for (int i = 0; i < count; i++) {
        if (argc > 1 && !strstr(tests[i].sentence, argv[1]))
            continue;
        int how = run(tests[i].fn);
        if (how == 0) {
            passed++;
            printf("ok    %s\n", tests[i].sentence);
        } else if (how == 1) {
            failed++;
            printf("FAIL  %s\n      replay: %s '%s'\n", tests[i].sentence, argv[0], tests[i].sentence);
        } else {
            skipped++;
            printf("skip  %s\n", tests[i].sentence);
        }
        fflush(stdout);
    }
    return failed ? 1 : passed == 0 && skipped > 0 ? 77 : passed == 0;
}
