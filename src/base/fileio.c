#include "base/fileio.h"

#include "base/mem.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

drn_status drn_file_read(void **out, size_t *size, const char *path, size_t max, drn_error *err)
{
    *out = NULL;
    *size = 0;
    drn_status st = DRN_OK;
    char *buf = NULL;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return drn_fail(err, DRN_ERR_IO, "%s: %s", path, strerror(errno));
    struct stat sb;
    if (fstat(fd, &sb) != 0 || !S_ISREG(sb.st_mode)) {
        st = drn_fail(err, DRN_ERR_IO, "%s: not a regular file", path);
        goto done;
    }
    if ((uintmax_t)sb.st_size > max) {
        st = drn_fail(err, DRN_ERR_FORMAT, "%s: %jd bytes, the limit is %zu", path,
                      (intmax_t)sb.st_size, max);
        goto done;
    }
    size_t want = (size_t)sb.st_size, got = 0;
    DRN_CHECK(drn_alloc_to(&buf, want + 1, 1, err));
    while (got < want) {
        ssize_t r = read(fd, buf + got, want - got);
        if (r < 0 && errno == EINTR)
            continue;
        if (r < 0) {
            st = drn_fail(err, DRN_ERR_IO, "%s: %s", path, strerror(errno));
            goto done;
        }
        if (r == 0)
            break; /* it shrank while we read */
        got += (size_t)r;
    }
    buf[got] = 0;
    *out = buf;
    *size = got;
    buf = NULL;
done:
    drn_free(buf);
    close(fd);
    return st;
}

/* ---- temporary files there are now: in memory that is never freed, for a signal handler ---- */

enum { FREE, CHANGING, LIVE };
static struct {
    atomic_int state;
    char path[PATH_MAX];
} unfinished[16]; /* more, or longer names, are not known to the handler */
enum { UNFINISHED = sizeof unfinished / sizeof *unfinished };

/* From 1; 0: no place for it. */
static int unfinished_add(const char *path)
{
    size_t n = strlen(path) + 1;
    for (int i = 0; n <= PATH_MAX && i < UNFINISHED; i++) {
        int is = FREE;
        if (!atomic_compare_exchange_strong(&unfinished[i].state, &is, CHANGING))
            continue;
        memcpy(unfinished[i].path, path, n);
        atomic_store(&unfinished[i].state, LIVE);
        return i + 1;
    }
    return 0;
}

static void unfinished_forget(drn_atomic_file *a)
{
    if (a->place)
        atomic_store(&unfinished[a->place - 1].state, FREE);
    a->place = 0;
}

void drn_unfinished_remove(void)
{
    for (int i = 0; i < UNFINISHED; i++)
        if (atomic_load(&unfinished[i].state) == LIVE)
            unlink(unfinished[i].path);
}

static void atomic_clear(drn_atomic_file *a)
{
    unfinished_forget(a);
    drn_free(a->path);
    drn_free(a->tmp);
    *a = (drn_atomic_file){0};
}

/* Permissions are those of a file made by open(), whoever made it. */
static void set_mode(int fd)
{
    mode_t mask = umask(0);
    umask(mask);
    (void)fchmod(fd, 0666 & ~mask);
}

/* Make path.XXXXXX.tmp and set a->tmp; -1 and errno. */
static int open_named(drn_atomic_file *a, size_t room)
{
    snprintf(a->tmp, room, "%s.XXXXXX.tmp", a->path);
    int fd = mkostemps(a->tmp, 4, O_CLOEXEC);
    if (fd < 0)
        return -1;
    a->place = unfinished_add(a->tmp);
    set_mode(fd);
    return fd;
}

/* A file without a name in the folder of a->path, of which nothing is left when the process is
 * killed; a->tmp opens it all the same.  -1: not on this system, not on this file system, or the
 * name it gets in the end would be too long. */
static int open_nameless(drn_atomic_file *a, size_t room)
{
    char dir[PATH_MAX];
    const char *slash = strrchr(a->path, '/'), *name = slash ? slash + 1 : a->path;
    if (room > sizeof dir || strlen(name) + strlen(".XXXXXX.tmp") > NAME_MAX)
        return -1;
    snprintf(dir, sizeof dir, "%.*s", slash ? (int)(name - a->path) : 1, slash ? a->path : ".");
    int fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0666);
    if (fd < 0)
        return -1;
    snprintf(a->tmp, room, "/proc/self/fd/%d", fd);
    if (access(a->tmp, F_OK) != 0) { /* no /proc: it could get no name */
        close(fd);
        return -1;
    }
    set_mode(fd);
    return fd;
}

static size_t tmp_room(const char *path)
{
    return strlen(path) + 32; /* for "/proc/self/fd/2147483647" also */
}

drn_status drn_atomic_open(drn_atomic_file *a, const char *path, drn_error *err)
{
    *a = (drn_atomic_file){0};
    size_t n = tmp_room(path);
    a->path = drn_strdup(path);
    a->tmp = drn_alloc(n);
    if (!a->path || !a->tmp) {
        atomic_clear(a);
        return drn_fail(err, DRN_ERR_NOMEM, "%s: out of memory", path);
    }
    int fd = open_nameless(a, n);
    a->nameless = fd >= 0;
    if (fd < 0)
        fd = open_named(a, n);
    a->f = fd < 0 ? NULL : fdopen(fd, "wb");
    if (!a->f) {
        int e = errno;
        if (fd >= 0)
            close(fd);
        if (fd >= 0 && !a->nameless)
            unlink(a->tmp);
        atomic_clear(a);
        return drn_fail(err, DRN_ERR_IO, "%s: cannot create: %s", path, strerror(e));
    }
    return DRN_OK;
}

void drn_atomic_abort(drn_atomic_file *a)
{
    if (a->f)
        fclose(a->f);
    if (a->tmp && !a->nameless)
        unlink(a->tmp);
    atomic_clear(a);
}

/* A copy with a name, where links are refused; 0 or errno. */
static int copy_named(drn_atomic_file *a)
{
    int to = open_named(a, tmp_room(a->path));
    off_t at = 0;
    ssize_t n;
    if (to < 0)
        return errno;
    do
        n = sendfile(to, fileno(a->f), &at, 1 << 30);
    while (n > 0 || (n < 0 && errno == EINTR));
    int e = n < 0 || fsync(to) != 0 ? errno : 0;
    close(to);
    if (e)
        unlink(a->tmp);
    return e;
}

/* The temporary name, for an instant; 0 or errno. */
static int give_name(drn_atomic_file *a)
{
    char from[32];
    int e = EEXIST;
    snprintf(from, sizeof from, "/proc/self/fd/%d", fileno(a->f));
    for (int i = 0; i < 100 && e == EEXIST; i++) {
        struct timespec t;
        clock_gettime(CLOCK_REALTIME, &t);
        snprintf(a->tmp, tmp_room(a->path), "%s.%06x.tmp", a->path,
                 (unsigned)t.tv_nsec * 2654435761u >> 8);
        a->place = unfinished_add(a->tmp);
        if (linkat(AT_FDCWD, from, AT_FDCWD, a->tmp, AT_SYMLINK_FOLLOW) == 0) {
            a->nameless = false;
            return 0;
        }
        e = errno;
        unfinished_forget(a);
    }
    e = copy_named(a);
    a->nameless = e != 0;
    return e;
}

/* Rename, but not over a file; 0 or errno. */
static int name_new(const char *from, const char *to)
{
    if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0)
        return 0;
    if (errno != EINVAL && errno != ENOSYS) /* the file system cannot */
        return errno;
    if (link(from, to) == 0)
        return unlink(from) == 0 ? 0 : errno;
    if (errno == EEXIST || drn_path_exists(to))
        return EEXIST;
    return rename(from, to) == 0 ? 0 : errno; /* nor hard links: as near as one comes */
}

drn_status drn_atomic_commit(drn_atomic_file *a, drn_error *err)
{
    bool ok = !ferror(a->f) && fflush(a->f) == 0 && fsync(fileno(a->f)) == 0;
    int e = errno;
    if (ok && a->nameless) {
        e = give_name(a);
        ok = e == 0;
    }
    ok = fclose(a->f) == 0 && ok;
    a->f = NULL;
    if (ok) {
        e = a->keep ? name_new(a->tmp, a->path) : rename(a->tmp, a->path) == 0 ? 0 : errno;
        ok = e == 0;
    }
    drn_status st = DRN_OK;
    if (!ok) {
        st = drn_fail(err, DRN_ERR_IO, "%s: cannot write: %s", a->path,
                      e == EEXIST ? "a file of that name exists" : drn_write_reason(e ? e : EIO));
        if (!a->nameless)
            unlink(a->tmp);
    }
    atomic_clear(a);
    return st;
}

drn_status drn_file_write(const char *path, const void *data, size_t size, drn_error *err)
{
    drn_atomic_file a;
    DRN_TRY(drn_atomic_open(&a, path, err));
    fwrite(data, 1, size, a.f);
    return drn_atomic_commit(&a, err);
}

bool drn_path_is_dir(const char *path)
{
    struct stat sb;
    return stat(path, &sb) == 0 && S_ISDIR(sb.st_mode);
}

bool drn_path_exists(const char *path)
{
    struct stat sb;
    return stat(path, &sb) == 0;
}

drn_status drn_make_dirs(const char *path, drn_error *err)
{
    char *p = drn_strdup(path);
    if (!p)
        return drn_fail(err, DRN_ERR_NOMEM, "%s: out of memory", path);
    drn_status st = DRN_OK;
    for (char *c = p + (*p == '/'); st == DRN_OK; c++) {
        if (*c != '/' && *c != 0)
            continue;
        char keep = *c;
        *c = 0;
        if (*p && mkdir(p, 0777) != 0 && (errno != EEXIST || !drn_path_is_dir(p)))
            st = drn_fail(err, DRN_ERR_IO, "%s: cannot create folder: %s", p, strerror(errno));
        *c = keep;
        if (keep == 0)
            break;
    }
    drn_free(p);
    return st;
}

char *drn_path_join(const char *dir, const char *name)
{
    size_t n = strlen(dir), m = strlen(name);
    char *p = drn_alloc(n + m + 2);
    if (!p)
        return NULL;
    memcpy(p, dir, n);
    if (n > 0 && dir[n - 1] != '/')
        p[n++] = '/';
    memcpy(p + n, name, m + 1);
    return p;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool is_file(const char *dir, const char *name)
{
    char *p = drn_path_join(dir, name);
    struct stat sb;
    bool yes = p && stat(p, &sb) == 0 && S_ISREG(sb.st_mode);
    drn_free(p);
    return yes;
}

drn_status drn_dir_list(char ***names, size_t *count, const char *dir, drn_error *err)
{
    *names = NULL;
    *count = 0;
    DIR *d = opendir(dir);
    if (!d)
        return drn_fail(err, DRN_ERR_IO, "%s: %s", dir, strerror(errno));
    drn_status st = DRN_OK;
    char **list = NULL;
    size_t n = 0, cap = 0;
    for (struct dirent *e; st == DRN_OK && (e = readdir(d));) {
        if (e->d_name[0] == '.' || !is_file(dir, e->d_name))
            continue;
        if (n == cap) {
            char **bigger;
            cap = cap ? cap * 2 : 64;
            st = drn_alloc_to(&bigger, cap, sizeof *bigger, err);
            if (st != DRN_OK)
                break;
            if (n)
                memcpy(bigger, list, n * sizeof *list);
            drn_free(list);
            list = bigger;
        }
        list[n] = drn_strdup(e->d_name);
        if (!list[n])
            st = drn_fail(err, DRN_ERR_NOMEM, "%s: out of memory", dir);
        else
            n++;
    }
    closedir(d);
    if (st != DRN_OK) {
        drn_list_free(list, n);
        return st;
    }
    if (n)
        qsort(list, n, sizeof *list, by_name);
    *names = list;
    *count = n;
    return DRN_OK;
}

void drn_list_free(char **names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        drn_free(names[i]);
    drn_free(names);
}
