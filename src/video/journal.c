#include "video/journal.h"

#include "base/mem.h"
#include "video/hash.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* Before each frame; the file never leaves its machine. */
typedef struct head {
    int64_t pts, duration;
    uint64_t hash; /* of both and the samples */
} head;

static head make_head(const drn_frame *frame, size_t bytes)
{
    head h = {frame->pts, frame->duration, DRN_HASH_START};
    h.hash = drn_hash(drn_hash(h.hash, &h, 16), frame->data, bytes);
    return h;
}

static drn_status trouble(const drn_journal *j, drn_error *err)
{
    return drn_fail(err, DRN_ERR_IO, "%s: cannot write: %s", j->path,
                    drn_write_reason(errno ? errno : EIO));
}

drn_status drn_journal_open(drn_journal *j, const char *path, size_t bytes, drn_error *err)
{
    *j = (drn_journal){.bytes = bytes};
    j->path = drn_strdup(path);
    if (!j->path)
        return drn_fail(err, DRN_ERR_NOMEM, "%s: out of memory", path);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    j->f = fd < 0 ? NULL : fdopen(fd, "r+b");
    if (j->f)
        return DRN_OK;
    drn_status st = trouble(j, err);
    if (fd >= 0)
        close(fd);
    drn_journal_close(j);
    return st;
}

drn_status drn_journal_cut(drn_journal *j, drn_error *err)
{
    off_t at = (off_t)j->count * (off_t)(sizeof(head) + j->bytes);
    errno = 0;
    if (fseeko(j->f, at, SEEK_SET) != 0 || ftruncate(fileno(j->f), at) != 0)
        return trouble(j, err);
    return DRN_OK;
}

drn_status drn_journal_next(drn_frame *frame, drn_journal *j, bool *end, drn_error *err)
{
    head h;
    *end = false;
    if (fread(&h, sizeof h, 1, j->f) == 1 && fread(frame->data, 1, j->bytes, j->f) == j->bytes) {
        frame->pts = h.pts;
        frame->duration = h.duration;
        if (make_head(frame, j->bytes).hash == h.hash) {
            j->count++;
            return DRN_OK;
        }
    }
    *end = true;
    return drn_journal_cut(j, err);
}

drn_status drn_journal_add(drn_journal *j, const drn_frame *frame, drn_error *err)
{
    head h = make_head(frame, j->bytes);
    errno = 0;
    if (fwrite(&h, sizeof h, 1, j->f) != 1 || fwrite(frame->data, 1, j->bytes, j->f) != j->bytes ||
        fflush(j->f) != 0)
        return trouble(j, err);
    j->count++;
    return DRN_OK;
}

void drn_journal_close(drn_journal *j)
{
    if (j->f)
        fclose(j->f);
    drn_free(j->path);
    *j = (drn_journal){0};
}

void drn_journal_remove(drn_journal *j)
{
    if (j->path)
        (void)unlink(j->path);
    drn_journal_close(j);
}
