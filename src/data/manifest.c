#include "data/manifest.h"

#include "base/fileio.h"
#include "base/mem.h"

#include <string.h>

#define MAX_MANIFEST ((size_t)256 << 20) /* bytes */

typedef struct reader {
    const char *path;
    char *rest;        /* what is not read yet */
    size_t line;       /* of rest, from 1 */
    bool end_of_row;   /* the field read last closed its row */
    const char *split; /* wanted; NULL: all */
    bool free_only;
    int file_column, split_column, free_column; /* -1: absent */
} reader;

/* Take the quotes off the field that starts at the quote; *end receives the place after it.  A
 * doubled quote stands for one; commas and line ends inside are text. */
static drn_status unquote(char **field, char **end, reader *r, drn_error *err)
{
    char *in = *field + 1, *out = in;
    size_t first = r->line;
    for (*field = in; *in != '"' || in[1] == '"'; in++) {
        if (!*in)
            return drn_fail(err, DRN_ERR_FORMAT, "%s:%zu: the quote is never closed", r->path,
                            first);
        r->line += *in == '\n';
        in += *in == '"';
        *out++ = *in;
    }
    *end = in + 1;
    *out = 0;
    if (!strchr(",\r\n", **end))
        return drn_fail(err, DRN_ERR_FORMAT, "%s:%zu: a comma is wanted after the quoted field",
                        r->path, r->line);
    return DRN_OK;
}

/* Cut off the next field: RFC 4180, lines may end in LF or CRLF. */
static drn_status next_field(char **field, reader *r, drn_error *err)
{
    char *end = NULL;
    *field = r->rest;
    if (**field == '"')
        DRN_TRY(unquote(field, &end, r, err));
    else
        end = *field + strcspn(*field, ",\r\n");
    r->end_of_row = *end != ',';
    r->rest = end + (*end != 0);
    if (*end == '\r' && end[1] == '\n')
        r->rest++;
    r->line += r->end_of_row;
    *end = 0;
    return DRN_OK;
}

static drn_status read_header(reader *r, drn_error *err)
{
    char *field;
    r->file_column = r->split_column = r->free_column = -1;
    if (strncmp(r->rest, "\xEF\xBB\xBF", 3) == 0) /* byte order mark of spreadsheet programs */
        r->rest += 3;
    r->end_of_row = false;
    for (int i = 0; !r->end_of_row; i++) {
        DRN_TRY(next_field(&field, r, err));
        if (strcmp(field, "file") == 0)
            r->file_column = i;
        else if (strcmp(field, "split") == 0)
            r->split_column = i;
        else if (strcmp(field, "free") == 0)
            r->free_column = i;
    }
    const char *lacks = r->file_column < 0                   ? "file"
                        : r->split && r->split_column < 0    ? "split"
                        : r->free_only && r->free_column < 0 ? "free"
                                                             : NULL;
    if (lacks)
        return drn_fail(err, DRN_ERR_FORMAT, "%s: the first line has no column '%s'", r->path,
                        lacks);
    return DRN_OK;
}

/* Read a row; *name is its file when the row is wanted, else NULL. */
static drn_status read_row(char **name, reader *r, drn_error *err)
{
    char *field, *file = NULL;
    bool in_split = !r->split, is_free = !r->free_only;
    size_t line = r->line;
    int i = 0;
    r->end_of_row = false;
    for (; !r->end_of_row; i++) {
        DRN_TRY(next_field(&field, r, err));
        if (i == r->file_column)
            file = field;
        if (r->split && i == r->split_column)
            in_split = strcmp(field, r->split) == 0;
        if (r->free_only && i == r->free_column)
            is_free = strcmp(field, "1") == 0;
    }
    *name = NULL;
    if (i == 1 && !*field) /* an empty line */
        return DRN_OK;
    if (i <= r->file_column || i <= r->split_column || i <= r->free_column)
        return drn_fail(err, DRN_ERR_FORMAT, "%s:%zu: the row has only %d fields", r->path, line,
                        i);
    if (!*file || strchr(file, '/') || strcmp(file, "..") == 0)
        return drn_fail(err, DRN_ERR_FORMAT, "%s:%zu: bad file name '%.80s'", r->path, line, file);
    if (in_split && is_free)
        *name = file;
    return DRN_OK;
}

static size_t count_lines(const char *text)
{
    size_t n = 1;
    for (; *text; text++)
        n += *text == '\n' || *text == '\r';
    return n;
}

drn_status drn_manifest_read(char ***names, size_t *count, const char *path, const char *split,
                             bool free_only, drn_error *err)
{
    reader r = {.path = path, .line = 1, .split = split, .free_only = free_only};
    char **list = NULL, *file;
    size_t size, n = 0;
    drn_status st = DRN_OK;
    void *text;
    DRN_TRY(drn_file_read(&text, &size, path, MAX_MANIFEST, err));
    r.rest = text;
    DRN_CHECK(drn_calloc_to(&list, count_lines(text), sizeof *list, err));
    DRN_CHECK(read_header(&r, err));
    while (*r.rest) {
        DRN_CHECK(read_row(&file, &r, err));
        if (file && !(list[n++] = drn_strdup(file))) {
            st = drn_fail(err, DRN_ERR_NOMEM, "%s: out of memory", path);
            goto done;
        }
    }
    *names = list;
    *count = n;
    list = NULL;
done:
    drn_list_free(list, list ? n : 0);
    drn_free(text);
    return st;
}
