/* Frames to y4m: into a file that a later run may go on with, or down a pipe. */
#include "base/mem.h"
#include "video/y4m.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

static const char frame_line[] = "FRAME\n";
enum { FRAME_LINE = sizeof frame_line - 1 };

typedef struct y4m_sink {
    drn_sink base;
    FILE *f;
    const char *from, *to; /* NULL: the standard output; borrowed */
    size_t bytes;
} y4m_sink;

static drn_status failed(const y4m_sink *s, drn_error *err)
{
    int e = errno ? errno : EIO;
    return drn_fail(err, DRN_ERR_IO, "%s: cannot write: %s", s->to ? s->to : "standard output",
                    drn_write_reason(e));
}

static drn_status write_frame(drn_sink *base, const drn_frame *frame, drn_error *err)
{
    y4m_sink *s = (y4m_sink *)base;
    errno = 0;
    /* flushed: what counts as done has left this process, and frames go down a pipe as they are
     * made */
    if (fwrite(frame_line, 1, FRAME_LINE, s->f) != FRAME_LINE ||
        fwrite(frame->data, 1, s->bytes, s->f) != s->bytes || fflush(s->f) != 0)
        return failed(s, err);
    base->done++;
    return DRN_OK;
}

static drn_status finish(drn_sink *base, drn_listener *l, drn_error *err)
{
    y4m_sink *s = (y4m_sink *)base;
    (void)l;
    errno = 0;
    if (fflush(s->f) != 0 || (s->to && (fsync(fileno(s->f)) != 0 || rename(s->from, s->to) != 0)))
        return failed(s, err);
    return DRN_OK;
}

static void close_sink(drn_sink *base)
{
    y4m_sink *s = (y4m_sink *)base;
    if (s->f && s->f != stdout)
        fclose(s->f);
    drn_free(s);
}

/* Go to the end of the last whole frame of an earlier run, or write the header. */
static drn_status place(y4m_sink *s, int64_t known, const char *header, drn_error *err)
{
    char old[DRN_Y4M_LINE];
    size_t n = strlen(header);
    bool same = s->to && fread(old, 1, n, s->f) == n && memcmp(old, header, n) == 0;
    off_t size = same && fseeko(s->f, 0, SEEK_END) == 0 ? ftello(s->f) : 0;
    errno = 0;
    if (same) {
        off_t each = (off_t)s->bytes + FRAME_LINE, there = (size - (off_t)n) / each;
        s->base.done = there < known ? there : known;
        size = (off_t)n + s->base.done * each;
    }
    if (s->to && (ftruncate(fileno(s->f), size) != 0 || fseeko(s->f, size, SEEK_SET) != 0))
        return failed(s, err);
    if (!same && (fwrite(header, 1, n, s->f) != n || fflush(s->f) != 0))
        return failed(s, err);
    return DRN_OK;
}

drn_status drn_y4m_sink(drn_sink **out, FILE *f, int64_t known, const char *from, const char *to,
                        const drn_film *film, drn_error *err)
{
    y4m_sink *s;
    char header[DRN_Y4M_LINE];
    DRN_TRY(drn_calloc_to(&s, 1, sizeof *s, err));
    *s = (y4m_sink){.base = {.write = write_frame, .finish = finish, .close = close_sink},
                    .f = f,
                    .from = from,
                    .to = to};
    drn_y4m_print(header, film);
    drn_status st = drn_yuv_size(&s->bytes, &film->f, err);
    if (st == DRN_OK)
        st = place(s, known, header, err);
    if (st != DRN_OK) {
        s->f = NULL; /* the caller's as long as we fail */
        close_sink(&s->base);
        return st;
    }
    *out = &s->base;
    return DRN_OK;
}
