/* DRN_TEST_LACKS=nameless or links: the tests run as on a file system that has no files without a
 * name (O_TMPFILE), or does not give them one (linkat). */
#include "harness.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static int refuse(struct sock_filter *filter, unsigned short n)
{
    struct sock_fprog program = {n, filter};
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

#define SYSCALL BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr))
#define RETURN(what) BPF_STMT(BPF_RET | BPF_K, what)
/* Skip `other` instructions unless so. */
#define IS(how, k, other) BPF_JUMP(BPF_JMP | how | BPF_K, k, 0, other)

/* The low half of openat()'s flags. */
static const unsigned flags_at = offsetof(struct seccomp_data, args) + 2 * sizeof(uint64_t) +
                                 (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? 4 : 0);

int test_lacks(void)
{
    const char *what = getenv("DRN_TEST_LACKS");
    struct sock_filter nameless[] = {SYSCALL,
                                     IS(BPF_JEQ, __NR_openat, 3),
                                     BPF_STMT(BPF_LD | BPF_W | BPF_ABS, flags_at),
                                     IS(BPF_JSET, O_TMPFILE & ~O_DIRECTORY, 1),
                                     RETURN(SECCOMP_RET_ERRNO | EOPNOTSUPP),
                                     RETURN(SECCOMP_RET_ALLOW)};
    struct sock_filter links[] = {SYSCALL, IS(BPF_JEQ, __NR_linkat, 1),
                                  RETURN(SECCOMP_RET_ERRNO | EPERM), RETURN(SECCOMP_RET_ALLOW)};
    if (!what)
        return 1;
    if (strcmp(what, "links") == 0)
        return refuse(links, sizeof links / sizeof *links);
    return strcmp(what, "nameless") == 0 && refuse(nameless, sizeof nameless / sizeof *nameless);
}
