#include "video/parts.h"

#include "base/fileio.h"
#include "base/mem.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { JOB_MAX = 1 << 16 };

char *drn_parts_path(const drn_parts *p, const char *name)
{
    return drn_path_join(p->dir, name);
}

void drn_parts_close(drn_parts *p)
{
    if (p->hashes)
        fclose(p->hashes);
    if (p->job)
        fclose(p->job);
    drn_free(p->dir);
    *p = (drn_parts){0};
}

/* Remove the folder's files but for `but`, or only what a killed run was writing; only names this
 * room makes. */
static void clear(const drn_parts *p, const char *but, bool torn)
{
    DIR *d = opendir(p->dir);
    for (struct dirent *e; d && (e = readdir(d));) {
        const char *n = e->d_name, *dot = strchr(n, '.');
        bool ours = strcmp(n, "job") == 0 || strcmp(n, "hashes") == 0 ||
                    strcmp(n, "video.y4m") == 0 || strncmp(n, "joined", 6) == 0 ||
                    (n[0] >= '0' && n[0] <= '9' && dot &&
                     (strncmp(dot, ".seg", 4) == 0 || strcmp(dot, ".frames") == 0));
        ours = ours && (!torn || (dot && strstr(dot, ".tmp")) || strncmp(n, "joined", 6) == 0);
        if (ours && (!but || strcmp(n, but) != 0))
            (void)unlinkat(dirfd(d), n, 0);
    }
    if (d)
        closedir(d);
}

void drn_parts_remove(drn_parts *p)
{
    if (!p->dir)
        return;
    clear(p, NULL, false);
    (void)rmdir(p->dir);
    drn_parts_close(p);
}

static FILE *open_in(const drn_parts *p, const char *name)
{
    char *path = drn_parts_path(p, name);
    int fd = path ? open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666) : -1;
    FILE *f = fd < 0 ? NULL : fdopen(fd, "r+b");
    int e = path ? errno : ENOMEM;
    if (fd >= 0 && !f)
        close(fd);
    drn_free(path);
    errno = e;
    return f;
}

static drn_status trouble(const drn_parts *p, const char *what, drn_error *err)
{
    int e = errno ? errno : EIO;
    return drn_fail(err, e == ENOMEM ? DRN_ERR_NOMEM : DRN_ERR_IO, "%s: cannot %s: %s", p->dir,
                    what, drn_write_reason(e));
}

static size_t line_length(const char *s)
{
    return strcspn(s, "\n");
}

/* The first line in which they differ. */
static drn_status other_job(const drn_parts *p, const char *old, const char *job, drn_error *err)
{
    while (*old && *job && line_length(old) == line_length(job) &&
           strncmp(old, job, line_length(old)) == 0) {
        old += line_length(old) + (old[line_length(old)] != 0);
        job += line_length(job) + (job[line_length(job)] != 0);
    }
    return drn_fail(err, DRN_ERR_INVALID,
                    "%s was begun with '%.*s', now it is '%.*s'; finish it that way, or --restart "
                    "throws it away",
                    p->dir, (int)(line_length(old) > 100 ? 100 : line_length(old)), old,
                    (int)(line_length(job) > 100 ? 100 : line_length(job)), job);
}

static drn_status begin(drn_parts *p, const char *job, drn_error *err)
{
    size_t n = strlen(job);
    clear(p, "job", false);
    errno = 0;
    if (ftruncate(fileno(p->job), 0) != 0 || fseek(p->job, 0, SEEK_SET) != 0 ||
        fwrite(job, 1, n, p->job) != n || fflush(p->job) != 0)
        return trouble(p, "write there", err);
    return DRN_OK;
}

static drn_status compare(drn_parts *p, const char *job, bool restart, drn_error *err)
{
    char *old;
    DRN_TRY(drn_alloc_to(&old, JOB_MAX, 1, err));
    size_t n = fread(old, 1, JOB_MAX - 1, p->job);
    old[n] = 0;
    drn_status st = DRN_OK;
    if (n == 0 || restart || strlen(old) != n)
        st = begin(p, job, err);
    else if (strcmp(old, job) != 0)
        st = other_job(p, old, job, err);
    drn_free(old);
    return st;
}

/* A folder of that name that is none of ours must stay as it is. */
static bool foreign(const drn_parts *p)
{
    char *job = drn_parts_path(p, "job");
    DIR *d = job && !drn_path_exists(job) ? opendir(p->dir) : NULL;
    bool other = false;
    for (struct dirent *e; d && (e = readdir(d));)
        other |= strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
    if (d)
        closedir(d);
    drn_free(job);
    return other;
}

drn_status drn_parts_open(drn_parts *p, const char *out, const char *job, bool restart,
                          drn_error *err)
{
    drn_status st = DRN_OK;
    size_t n = strlen(out) + 6;
    *p = (drn_parts){0};
    DRN_TRY(drn_alloc_to(&p->dir, n, 1, err));
    snprintf(p->dir, n, "%s.part", out);
    errno = 0;
    if (mkdir(p->dir, 0777) != 0 && (errno != EEXIST || !drn_path_is_dir(p->dir)))
        st = trouble(p, "make this folder", err);
    else if (foreign(p))
        st = drn_fail(err, DRN_ERR_IO, "%s: this folder is in the way; it holds other files",
                      p->dir);
    else if (!(p->job = open_in(p, "job")))
        st = trouble(p, "write there", err);
    else if (flock(fileno(p->job), LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK)
        st = drn_fail(err, DRN_ERR_IO, "%s: another run is at work on it", p->dir);
    DRN_CHECK(st);
    DRN_CHECK(compare(p, job, restart, err));
    clear(p, NULL, true);
    if (!(p->hashes = open_in(p, "hashes")) || fseeko(p->hashes, 0, SEEK_END) != 0) {
        st = trouble(p, "write there", err);
        goto done;
    }
    p->known = ftello(p->hashes) / (off_t)sizeof(uint64_t);
    return DRN_OK;
done:
    (void)rmdir(p->dir); /* when it is new, it is empty */
    drn_parts_close(p);
    return st;
}

drn_status drn_parts_check(drn_parts *p, uint64_t hash, drn_error *err)
{
    uint64_t old;
    if (p->at >= p->known)
        return drn_fail(err, DRN_ERR_INTERNAL, "%s: no hash of frame %lld", p->dir,
                        (long long)p->at + 1);
    if (fseeko(p->hashes, (off_t)(p->at * (int64_t)sizeof old), SEEK_SET) != 0 ||
        fread(&old, sizeof old, 1, p->hashes) != 1)
        return trouble(p, "read there", err);
    p->at++;
    if (old != hash)
        return drn_fail(err, DRN_ERR_INVALID,
                        "%s: frame %lld of the input is another than when this was begun; "
                        "--restart throws it away",
                        p->dir, (long long)p->at);
    return DRN_OK;
}

drn_status drn_parts_add(drn_parts *p, uint64_t hash, drn_error *err)
{
    errno = 0;
    if (fseeko(p->hashes, (off_t)(p->known * (int64_t)sizeof hash), SEEK_SET) != 0 ||
        fwrite(&hash, sizeof hash, 1, p->hashes) != 1 || fflush(p->hashes) != 0)
        return trouble(p, "write there", err);
    p->known++;
    return DRN_OK;
}

drn_status drn_parts_keep(drn_parts *p, int64_t n, drn_error *err)
{
    errno = 0;
    if (n < p->known && ftruncate(fileno(p->hashes), (off_t)(n * (int64_t)sizeof(uint64_t))) != 0)
        return trouble(p, "write there", err);
    p->known = n < p->known ? n : p->known;
    return DRN_OK;
}
