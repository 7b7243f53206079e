/* The tests' small harness: a test is a sentence and a body; a failed CHECK prints file, line and
 * values and ends the test; SKIP ends it with a reason (exit code 77 when all tests skip). */
#ifndef DRN_TESTS_HARNESS_H
#define DRN_TESTS_HARNESS_H

#include <math.h>
#include <stdio.h>
#include <string.h>

typedef void (*test_fn)(void);
void test_register(const char *sentence, test_fn fn);
/* Ends the running test. */
_Noreturn void test_fail(const char *file, int line, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
_Noreturn void test_skip(const char *reason);
/* Folder with bench/ and golden/ pictures, or NULL: environment DRN_TEST_DATA, else the build's. */
const char *test_data_dir(void);
/* A fresh folder for this process's files, removed when it ends. */
const char *test_tmp_dir(void);
/* Take from the process what the environment's DRN_TEST_LACKS names; 0: not possible here. */
int test_lacks(void);

#define TEST(id, sentence)                                                                         \
    static void id(void);                                                                          \
    __attribute__((constructor)) static void id##_register(void)                                   \
    {                                                                                              \
        test_register(sentence, id);                                                               \
    }                                                                                              \
    static void id(void)

#define SKIP(reason) test_skip(reason)
#define CHECK(cond)                                                                                \
    do {                                                                                           \
        if (!(cond))                                                                               \
            test_fail(__FILE__, __LINE__, "%s", #cond);                                            \
    } while (0)
#define CHECK_INT(a, b)                                                                            \
    do {                                                                                           \
        long long a_ = (long long)(a), b_ = (long long)(b);                                        \
        if (a_ != b_)                                                                              \
            test_fail(__FILE__, __LINE__, "%s is %lld, expected %lld", #a, a_, b_);                \
    } while (0)
#define CHECK_NEAR(a, b, tol)                                                                      \
    do {                                                                                           \
        double a_ = (double)(a), b_ = (double)(b), t_ = (double)(tol);                             \
        if (!(fabs(a_ - b_) <= t_))                                                                \
            test_fail(__FILE__, __LINE__, "%s is %.17g, expected %.17g +- %g", #a, a_, b_, t_);    \
    } while (0)
#define CHECK_STR(a, b)                                                                            \
    do {                                                                                           \
        const char *a_ = (a), *b_ = (b);                                                           \
        if (strcmp(a_, b_) != 0)                                                                   \
            test_fail(__FILE__, __LINE__, "%s is \"%s\", expected \"%s\"", #a, a_, b_);            \
    } while (0)
/* expr is a drn_status; err a drn_error that holds its message. */
#define CHECK_OK(expr, err)                                                                        \
    do {                                                                                           \
        int s_ = (int)(expr);                                                                      \
        if (s_ != 0)                                                                               \
            test_fail(__FILE__, __LINE__, "%s failed with %d: %s", #expr, s_, (err).message);      \
    } while (0)

#endif
