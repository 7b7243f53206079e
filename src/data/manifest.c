#include "data/manifest.h"

#include "base/fileio.h"
#include "base/mem.h"

#include <string.h>

#define MAX_MANIFEST ((size_t)256 << 20) /* bytes */

typedef struct columns {
    int file, split, free;
} columns;

/* Cut the field at *rest off; NULL at the end of the line. */
static char *next_field(char **rest)
{
    char *field = *rest;
    if (!field)
        return NULL;
    char *comma = strchr(field, ',');
    *rest = comma ? comma + 1 : NULL;
    if (comma)
        *comma = 0;
    return field;
}

static char *next_line(char **rest)
{
    char *line = *rest;
    if (!line || !*line)
        return NULL;
    char *end = strchr(line, '\n');
    *rest = end ? end + 1 : NULL;
    if (end)
        *end = 0;
    size_t n = strlen(line);
    if (n && line[n - 1] == '\r')
        line[n - 1] = 0;
    return line;
}

static columns find_columns(char *header)
{
    columns c = {-1, -1, -1};
    char *field;
    for (int i = 0; (field = next_field(&header)); i++) {
        if (strcmp(field, "file") == 0)
            c.file = i;
        else if (strcmp(field, "split") == 0)
            c.split = i;
        else if (strcmp(field, "free") == 0)
            c.free = i;
    }
    return c;
}

/* Name of the row's file when the row is wanted, else NULL. */
static char *wanted(char *row, const columns *c, const char *split, bool free_only)
{
    char *field, *file = NULL;
    bool in_split = !split, is_free = !free_only;
    for (int i = 0; (field = next_field(&row)); i++) {
        if (i == c->file)
            file = field;
        if (split && i == c->split)
            in_split = strcmp(field, split) == 0;
        if (free_only && i == c->free)
            is_free = strcmp(field, "1") == 0;
    }
    return in_split && is_free && file && *file ? file : NULL;
}

static size_t count_lines(const char *text)
{
    size_t n = 1;
    for (; *text; text++)
        n += *text == '\n';
    return n;
}

drn_status drn_manifest_read(char ***names, size_t *count, const char *path, const char *split,
                             bool free_only, drn_error *err)
{
    char *text = NULL, *rest, *line, **list = NULL;
    size_t size, n = 0;
    drn_status st = DRN_OK;
    void *data;
    DRN_TRY(drn_file_read(&data, &size, path, MAX_MANIFEST, err));
    rest = text = data;
    DRN_CHECK(drn_calloc_to(&list, count_lines(text), sizeof *list, err));
    line = next_line(&rest);
    columns c = find_columns(line); /* an empty file has no columns */
    if (c.file < 0 || (split && c.split < 0) || (free_only && c.free < 0)) {
        st = drn_fail(err, DRN_ERR_FORMAT, "%s: the first line has no column '%s'", path,
                      c.file < 0 ? "file" : split && c.split < 0 ? "split" : "free");
        goto done;
    }
    while ((line = next_line(&rest))) {
        char *file = wanted(line, &c, split, free_only);
        if (!file)
            continue;
        if (strchr(file, '/') || !(list[n] = drn_strdup(file))) {
            st = drn_fail(err, strchr(file, '/') ? DRN_ERR_FORMAT : DRN_ERR_NOMEM, "%s: bad file name '%.80s'", path, file);
            goto done;
        }
        n++;
    }
    *names = list;
    *count = n;
    list = NULL;
done:
    drn_list_free(list, list ? n : 0);
    drn_free(text);
    return st;
}
