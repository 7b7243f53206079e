#include "study/report.h"

#include "base/fileio.h"
#include "base/mem.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

drn_status study_report_open(study_report *r, drn_error *err)
{
    *r = (study_report){0};
    r->text = open_memstream(&r->text_data, &r->text_size);
    r->markdown = open_memstream(&r->markdown_data, &r->markdown_size);
    r->json = json_object();
    if (r->text && r->markdown && r->json)
        return DRN_OK;
    study_report_close(r);
    return drn_fail(err, DRN_ERR_NOMEM, "report: out of memory");
}

void study_report_close(study_report *r)
{
    if (r->text)
        fclose(r->text);
    if (r->markdown)
        fclose(r->markdown);
    free(r->text_data); /* by the C library */
    free(r->markdown_data);
    json_decref(r->json);
    *r = (study_report){0};
}

void study_report_title(study_report *r, const char *title)
{
    fprintf(r->text, "%s\n", title);
    fprintf(r->markdown, "# %s\n", title);
}

void study_report_line(study_report *r, const char *fmt, ...)
{
    va_list ap, again;
    va_start(ap, fmt);
    va_copy(again, ap);
    fputc('\n', r->text);
    vfprintf(r->text, fmt, ap);
    fputc('\n', r->text);
    fputc('\n', r->markdown);
    vfprintf(r->markdown, fmt, again);
    fputc('\n', r->markdown);
    va_end(again);
    va_end(ap);
}

/* ---- tables ---- */

drn_status study_table_new(study_table *t, int columns, drn_error *err)
{
    *t = (study_table){.columns = columns};
    return drn_calloc_to(&t->cell, STUDY_MAX_ROWS, sizeof *t->cell, err);
}

void study_table_free(study_table *t)
{
    drn_free(t->cell);
    *t = (study_table){0};
}

drn_status study_table_row(study_table *t, const char *const *cells, drn_error *err)
{
    if (t->rows == STUDY_MAX_ROWS)
        return drn_fail(err, DRN_ERR_INVALID, "a table of more than %d rows", STUDY_MAX_ROWS);
    for (int c = 0; c < t->columns; c++)
        snprintf(t->cell[t->rows][c], STUDY_CELL, "%s", cells[c]);
    t->rows++;
    return DRN_OK;
}

/* Columns on a screen: bytes that begin a character. */
static int shown(const char *s)
{
    int n = 0;
    for (; *s; s++)
        n += ((unsigned char)*s & 0xc0) != 0x80;
    return n;
}

static int width_of(const study_table *t, int column)
{
    int widest = 3;
    for (int r = 0; r < t->rows; r++) {
        int n = shown(t->cell[r][column]);
        widest = n > widest ? n : widest;
    }
    return widest;
}

/* The first column stands left, numbers right. */
static void print_cell(FILE *f, const char *text, int width, bool left)
{
    int pad = width - shown(text);
    fprintf(f, "%*s%s%*s", left ? 0 : pad, "", text, left ? pad : 0, "");
}

static void print_row(FILE *f, const study_table *t, int row, bool markdown)
{
    fputs(markdown ? "| " : "", f);
    for (int c = 0; c < t->columns; c++) {
        if (c)
            fputs(markdown ? " | " : "  ", f);
        print_cell(f, t->cell[row][c], width_of(t, c), c == 0);
    }
    fputs(markdown ? " |\n" : "\n", f);
}

void study_report_table(study_report *r, const study_table *t)
{
    fputc('\n', r->text);
    fputc('\n', r->markdown);
    for (int row = 0; row < t->rows; row++) {
        print_row(r->text, t, row, false);
        print_row(r->markdown, t, row, true);
        for (int c = 0; row == 0 && c < t->columns; c++)
            fprintf(r->markdown, c ? "---:|" : "|---|");
        if (row == 0)
            fputc('\n', r->markdown);
    }
}

/* ---- files ---- */

static drn_status write_into(const char *dir, const char *name, const char *data, size_t size,
                             drn_error *err)
{
    char *path = drn_path_join(dir, name);
    if (!path)
        return drn_fail(err, DRN_ERR_NOMEM, "%s: out of memory", dir);
    drn_status st = drn_file_write(path, data, size, err);
    drn_free(path);
    return st;
}

drn_status study_report_write(study_report *r, const char *dir, drn_error *err)
{
    bool ok = fflush(r->text) == 0 && fflush(r->markdown) == 0;
    char *json = json_dumps(r->json, JSON_INDENT(2) | JSON_REAL_PRECISION(9));
    drn_status st = DRN_OK;
    if (!ok || !json)
        DRN_CHECK(drn_fail(err, DRN_ERR_NOMEM, "report: out of memory, or a name is not UTF-8"));
    if (dir) {
        DRN_CHECK(drn_make_dirs(dir, err));
        DRN_CHECK(write_into(dir, "results.txt", r->text_data, r->text_size, err));
        DRN_CHECK(write_into(dir, "results.md", r->markdown_data, r->markdown_size, err));
        DRN_CHECK(write_into(dir, "results.json", json, strlen(json), err));
    }
done:
    free(json);
    return st;
}

drn_status study_report_check(const char *dir, const char *key, const char *value, drn_error *err)
{
    char *path = dir ? drn_path_join(dir, "results.json") : NULL;
    if (!path)
        return dir ? drn_fail(err, DRN_ERR_NOMEM, "%s: out of memory", dir) : DRN_OK;
    drn_status st = DRN_OK;
    json_t *old = drn_path_exists(path) ? json_load_file(path, 0, NULL) : NULL;
    if (old || drn_path_exists(path)) {
        const json_t *found = json_object_get(old, key);
        const char *text = json_string_value(found);
        if (!found || (value && !(text && strcmp(text, value) == 0)))
            st = drn_fail(err, DRN_ERR_INVALID,
                          "%s holds the results of something else; choose another --out", path);
    }
    json_decref(old);
    drn_free(path);
    return st;
}

/* ---- numbers ---- */

json_t *study_real(double v)
{
    return isfinite(v) ? json_real(v) : json_null();
}

const char *study_number(char buf[STUDY_CELL], double v, int digits)
{
    if (isnan(v))
        return "-";
    snprintf(buf, STUDY_CELL, "%.*f", digits, v);
    return buf;
}

const char *study_spread(char buf[STUDY_CELL], double v, double spread, int digits)
{
    if (isnan(v) || isnan(spread))
        return study_number(buf, v, digits);
    snprintf(buf, STUDY_CELL, "%.*f \u00b1 %.*f", digits, v, digits, spread);
    return buf;
}

void study_base_name(char *buf, size_t size, const char *path)
{
    size_t end = strlen(path), begin;
    while (end > 1 && path[end - 1] == '/')
        end--;
    for (begin = end; begin > 0 && path[begin - 1] != '/'; begin--)
        ;
    snprintf(buf, size, "%.*s", (int)(end - begin), path + begin);
}
