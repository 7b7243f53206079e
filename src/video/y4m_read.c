/* Frames from y4m. */
#include "base/mem.h"
#include "video/y4m.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

typedef struct y4m_source {
    drn_source base;
    FILE *f;
    size_t bytes; /* of a frame */
    int64_t index;
} y4m_source;

bool drn_y4m_is(const char *path)
{
    char head[10] = {0};
    FILE *f = fopen(path, "rbe");
    size_t n = f ? fread(head, 1, sizeof head, f) : 0;
    if (f)
        fclose(f);
    return n == sizeof head && memcmp(head, "YUV4MPEG2 ", sizeof head) == 0;
}

/* A line without its newline; *size is -1 at the end of the file. */
static drn_status read_line(char line[DRN_Y4M_LINE], int *size, FILE *f, const char *name,
                            drn_error *err)
{
    int n = 0, c;
    while ((c = getc(f)) != EOF && c != '\n' && n < DRN_Y4M_LINE - 1)
        line[n++] = (char)c;
    if (ferror(f))
        return drn_fail(err, DRN_ERR_IO, "%s: %s", name, strerror(errno));
    if (c == EOF && n == 0) {
        *size = -1;
        return DRN_OK;
    }
    if (c != '\n')
        return drn_fail(err, DRN_ERR_FORMAT, "%s: not y4m, or cut off: a line without an end",
                        name);
    line[n] = 0;
    *size = n;
    return DRN_OK;
}

/* The file ends, or is broken, inside frame s->index. */
static drn_status cut_off(y4m_source *s, bool *end, size_t got, drn_error *err)
{
    if (ferror(s->f))
        return drn_fail(err, DRN_ERR_IO, "%s: %s", s->base.film.name, strerror(errno));
    if (s->base.damaged_ok) {
        *end = true;
        return DRN_OK;
    }
    return drn_fail(err, DRN_ERR_FORMAT, "%s: cut off: frame %lld has %zu of %zu bytes",
                    s->base.film.name, (long long)s->index + 1, got, s->bytes);
}

static drn_status next(drn_source *base, drn_frame *frame, bool *end, drn_error *err)
{
    y4m_source *s = (y4m_source *)base;
    char line[DRN_Y4M_LINE];
    int n;
    *end = false;
    DRN_TRY(read_line(line, &n, s->f, base->film.name, err));
    if (n < 0) {
        *end = true;
        return DRN_OK;
    }
    if (n < 5 || memcmp(line, "FRAME", 5) != 0 || (n > 5 && line[5] != ' '))
        return drn_fail(err, DRN_ERR_FORMAT, "%s: damaged: no FRAME where frame %lld should begin",
                        base->film.name, (long long)s->index + 1);
    size_t got = fread(frame->data, 1, s->bytes, s->f);
    if (got < s->bytes)
        return cut_off(s, end, got, err);
    frame->pts = s->index++;
    frame->duration = 1;
    return DRN_OK;
}

static void close_source(drn_source *base)
{
    y4m_source *s = (y4m_source *)base;
    if (s->f && s->f != stdin)
        fclose(s->f);
    drn_free(s);
}

/* Frames a regular file must hold, were all their FRAME lines bare. */
static int64_t count(FILE *f, int header, size_t bytes)
{
    struct stat sb;
    if (fstat(fileno(f), &sb) != 0 || !S_ISREG(sb.st_mode) || sb.st_size <= header)
        return 0;
    return (int64_t)((uint64_t)(sb.st_size - header) / (bytes + 6));
}

static drn_status describe(y4m_source *s, const drn_y4m_header *h, drn_video_matrix wish,
                           drn_error *err)
{
    drn_film *film = &s->base.film;
    film->f = h->f;
    film->f.matrix = drn_film_guess_matrix(h->f.height, wish);
    film->rate_num = h->rate_num;
    film->rate_den = h->rate_num ? h->rate_den : 1;
    film->tick_num = h->rate_num ? h->rate_den : 1;
    film->tick_den = h->rate_num ? h->rate_num : 25;
    film->aspect_num = h->aspect_num;
    film->aspect_den = h->aspect_num ? h->aspect_den : 1;
    film->matrix = film->primaries = film->transfer = DRN_MATRIX_UNKNOWN;
    film->has_range = h->has_range;
    film->interlaced = h->interlace == 't' || h->interlace == 'b' || h->interlace == 'm';
    snprintf(film->codec, sizeof film->codec, "y4m");
    return drn_yuv_size(&s->bytes, &film->f, err);
}

drn_status drn_y4m_open(drn_source **out, const char *path, const drn_video_options *o,
                        drn_error *err)
{
    y4m_source *s;
    char line[DRN_Y4M_LINE];
    drn_y4m_header h;
    int n;
    drn_status st;
    bool in = strcmp(path, "-") == 0;
    DRN_TRY(drn_calloc_to(&s, 1, sizeof *s, err));
    s->base = (drn_source){.film = {.name = in ? "standard input" : path},
                           .next = next,
                           .close = close_source,
                           .damaged_ok = o->damaged};
    s->f = in ? stdin : fopen(path, "rbe");
    if (!s->f) {
        st = drn_fail(err, DRN_ERR_IO, "%s: %s", path, strerror(errno));
        goto done;
    }
    DRN_CHECK(read_line(line, &n, s->f, s->base.film.name, err));
    if (n < 0) {
        st = drn_fail(err, DRN_ERR_FORMAT, "%s: empty", s->base.film.name);
        goto done;
    }
    DRN_CHECK(drn_y4m_parse(&h, line, (size_t)n, s->base.film.name, err));
    DRN_CHECK(describe(s, &h, o->matrix, err));
    s->base.film.frames = count(s->f, n + 1, s->bytes);
    *out = &s->base;
    return DRN_OK;
done:
    close_source(&s->base);
    return st;
}
