/* The text of YUV4MPEG2. */
#include "video/y4m.h"

#include <stdlib.h>
#include <string.h>

#define MAGIC "YUV4MPEG2"

/* A colour space of 8 bits; deeper ones add p10 and so on. */
typedef struct kind {
    const char *tag;
    int planes, sx, sy, site;
} kind;

static const kind kinds[] = {
    {"420jpeg", 3, 1, 1, DRN_SITE_CENTRE},    {"420mpeg2", 3, 1, 1, DRN_SITE_LEFT},
    {"420paldv", 3, 1, 1, DRN_SITE_TOP_LEFT}, {"420", 3, 1, 1, DRN_SITE_CENTRE},
    {"422", 3, 1, 0, DRN_SITE_UNKNOWN},       {"444", 3, 0, 0, DRN_SITE_UNKNOWN},
    {"411", 3, 2, 0, DRN_SITE_UNKNOWN},       {"440", 3, 0, 1, DRN_SITE_UNKNOWN},
    {"410", 3, 2, 2, DRN_SITE_UNKNOWN},       {"mono", 1, 0, 0, DRN_SITE_UNKNOWN},
};

/* Digits at *p, at most `most`; -1 when there are none or too many. */
static int number(const char **p, const char *end, int most)
{
    int64_t v = 0;
    const char *start = *p;
    for (; *p < end && **p >= '0' && **p <= '9' && v <= most; (*p)++)
        v = v * 10 + (**p - '0');
    return *p == start || v > most ? -1 : (int)v;
}

/* "30000:1001" */
static bool ratio(int *num, int *den, const char *p, const char *end)
{
    *num = number(&p, end, INT32_MAX);
    if (*num < 0 || p == end || *p != ':')
        return false;
    p++;
    *den = number(&p, end, INT32_MAX);
    return *den >= 0 && p == end;
}

/* "420mpeg2", "422p10", "mono12" */
static bool colour_space(drn_yuv_format *f, const char *p, const char *end)
{
    size_t n = (size_t)(end - p);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        const kind *k = &kinds[i];
        size_t m = strlen(k->tag);
        int depth = 8;
        if (n < m || memcmp(p, k->tag, m) != 0)
            continue;
        const char *rest = p + m;
        if (rest < end) {
            if (k->planes == 3 && *rest++ != 'p')
                continue;
            depth = number(&rest, end, 16);
            if (depth < 9 || rest != end)
                continue;
        }
        f->planes = k->planes;
        f->sx = k->sx;
        f->sy = k->sy;
        f->depth = depth;
        f->site = depth == 8 ? k->site : DRN_SITE_UNKNOWN;
        return true;
    }
    return false;
}

/* One word of the line. */
static drn_status word(drn_y4m_header *h, const char *p, const char *end, const char *name,
                       drn_error *err)
{
    const char *value = p + 1, *at = value;
    size_t n = (size_t)(end - p);
    bool ok = true;
    switch (*p) {
    case 'W':
        h->f.width = number(&at, end, 65536);
        ok = at == end && h->f.width > 0;
        break;
    case 'H':
        h->f.height = number(&at, end, 65536);
        ok = at == end && h->f.height > 0;
        break;
    case 'F':
        ok = ratio(&h->rate_num, &h->rate_den, value, end);
        break;
    case 'A':
        ok = ratio(&h->aspect_num, &h->aspect_den, value, end);
        break;
    case 'I':
        ok = n == 2 && strchr("ptbm?", *value);
        h->interlace = ok ? *value : 'p';
        break;
    case 'C':
        ok = colour_space(&h->f, value, end);
        break;
    case 'X':
        if (n == 16 && memcmp(p, "XCOLORRANGE=FULL", 16) == 0)
            h->f.full = h->has_range = true;
        else if (n == 19 && memcmp(p, "XCOLORRANGE=LIMITED", 19) == 0)
            h->has_range = true;
        break;
    default: /* words of later versions */
        break;
    }
    if (!ok)
        return drn_fail(err, *p == 'C' ? DRN_ERR_UNSUPPORTED : DRN_ERR_FORMAT,
                        "%s: y4m header with '%.*s', which %s", name, n > 40 ? 40 : (int)n, p,
                        *p == 'C' ? "is no colour space known here" : "makes no sense");
    return DRN_OK;
}

drn_status drn_y4m_parse(drn_y4m_header *h, const char *line, size_t size, const char *name,
                         drn_error *err)
{
    const char *p = line, *end = line + size;
    size_t magic = strlen(MAGIC);
    drn_y4m_header head = {.f = {.depth = 8,
                                 .planes = 3,
                                 .sx = 1,
                                 .sy = 1,
                                 .matrix = DRN_MATRIX_UNKNOWN,
                                 .site = DRN_SITE_CENTRE},
                           .interlace = 'p'};
    if (size < magic || memcmp(p, MAGIC, magic) != 0 || (size > magic && p[magic] != ' '))
        return drn_fail(err, DRN_ERR_FORMAT, "%s: not y4m (it does not begin with %s)", name,
                        MAGIC);
    for (p += magic; p < end;) {
        const char *stop = memchr(p, ' ', (size_t)(end - p));
        stop = stop ? stop : end;
        if (stop > p && memchr(p, 0, (size_t)(stop - p)))
            return drn_fail(err, DRN_ERR_FORMAT, "%s: y4m header with a zero byte", name);
        if (stop > p)
            DRN_TRY(word(&head, p, stop, name, err));
        p = stop < end ? stop + 1 : end;
    }
    if (head.f.width == 0 || head.f.height == 0)
        return drn_fail(err, DRN_ERR_FORMAT, "%s: y4m header without a width and a height", name);
    if (head.rate_num == 0 || head.rate_den == 0)
        head.rate_num = head.rate_den = 0;
    if (head.aspect_num == 0 || head.aspect_den == 0)
        head.aspect_num = head.aspect_den = 0;
    *h = head;
    return DRN_OK;
}

static void print_space(char to[24], const drn_yuv_format *f)
{
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        const kind *k = &kinds[i];
        int site = f->site == DRN_SITE_UNKNOWN ? DRN_SITE_LEFT : f->site;
        bool deep = f->depth > 8, named = k->site == DRN_SITE_UNKNOWN || k->site == site;
        if (k->planes != f->planes || k->sx != f->sx || k->sy != f->sy)
            continue;
        if (!deep && !named && strcmp(k->tag, "420") != 0)
            continue;
        if (deep)
            snprintf(to, 24, "%.*s%s%d", k->planes == 3 ? 3 : 4, k->tag, k->planes == 3 ? "p" : "",
                     f->depth);
        else
            snprintf(to, 24, "%s", k->tag);
        return;
    }
    snprintf(to, 24, "444");
}

void drn_y4m_print(char line[DRN_Y4M_LINE], const drn_film *film)
{
    char space[24], aspect[32] = "0:0", rate[32] = "0:0";
    const drn_yuv_format *f = &film->f;
    print_space(space, f);
    if (film->rate_num > 0)
        snprintf(rate, sizeof rate, "%d:%d", film->rate_num, film->rate_den);
    if (film->aspect_num > 0)
        snprintf(aspect, sizeof aspect, "%d:%d", film->aspect_num, film->aspect_den);
    snprintf(line, DRN_Y4M_LINE, "%s W%d H%d F%s Ip A%s C%s%s\n", MAGIC, f->width, f->height, rate,
             aspect, space,
             f->full           ? " XCOLORRANGE=FULL"
             : film->has_range ? " XCOLORRANGE=LIMITED"
                               : "");
}
