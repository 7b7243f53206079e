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

/* Read a row; row->file is NULL when it is empty. */
static drn_status read_row(drn_manifest_row *row, reader *r, drn_error *err)
{
    char *field;
    size_t line = r->line;
    int i = 0;
    *row = (drn_manifest_row){0};
    r->end_of_row = false;
    for (; !r->end_of_row; i++) {
        DRN_TRY(next_field(&field, r, err));
        if (i == r->file_column)
            row->file = field;
        if (i == r->split_column)
            row->split = field;
        if (i == r->free_column)
            row->free = field;
    }
    if (i == 1 && !*field) { /* an empty line */
        row->file = NULL;
        return DRN_OK;
    }
    if (i <= r->file_column || i <= r->split_column || i <= r->free_column)
        return drn_fail(err, DRN_ERR_FORMAT, "%s:%zu: the row has only %d fields", r->path, line,
                        i);
    if (!*row->file || strchr(row->file, '/') || strcmp(row->file, "..") == 0)
        return drn_fail(err, DRN_ERR_FORMAT, "%s:%zu: bad file name '%.80s'", r->path, line,
                        row->file);
    return DRN_OK;
}

drn_status drn_manifest_rows(const char *path, const char *split, bool free_only,
                             drn_manifest_fn fn, void *ctx, drn_error *err)
{
    reader r = {.path = path, .line = 1, .split = split, .free_only = free_only};
    drn_manifest_row row;
    size_t size;
    void *text;
    DRN_TRY(drn_file_read(&text, &size, path, MAX_MANIFEST, err));
    r.rest = text;
    drn_status st = read_header(&r, err);
    while (st == DRN_OK && *r.rest) {
        st = read_row(&row, &r, err);
        if (st == DRN_OK && row.file && (!split || strcmp(row.split, split) == 0) &&
            (!free_only || strcmp(row.free, "1") == 0))
            st = fn(ctx, &row, err);
    }
    drn_free(text);
    return st;
}

typedef struct name_list {
    const char *path;
    char **names;
    size_t count, capacity;
} name_list;

static drn_status add_name(void *ctx, const drn_manifest_row *row, drn_error *err)
{
    name_list *l = ctx;
    if (l->count == l->capacity) {
        char **more;
        l->capacity = 2 * l->capacity + 64;
        DRN_TRY(drn_alloc_to(&more, l->capacity, sizeof *more, err));
        if (l->count)
            memcpy(more, l->names, l->count * sizeof *more);
        drn_free(l->names);
        l->names = more;
    }
    l->names[l->count] = drn_strdup(row->file);
    if (!l->names[l->count])
        return drn_fail(err, DRN_ERR_NOMEM, "%s: out of memory", l->path);
    l->count++;
    return DRN_OK;
}

drn_status drn_manifest_read(char ***names, size_t *count, const char *path, const char *split,
                             bool free_only, drn_error *err)
{
    name_list l = {.path = path};
    drn_status st = drn_manifest_rows(path, split, free_only, add_name, &l, err);
    if (st != DRN_OK) {
        drn_list_free(l.names, l.count);
        return st;
    }
    *names = l.names;
    *count = l.count;
    return DRN_OK;
}
