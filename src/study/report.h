/* What a study writes: the same lines and tables as plain text, as Markdown, and numbers as JSON.
 */
#ifndef DRN_STUDY_REPORT_H
#define DRN_STUDY_REPORT_H

#include "base/error.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

enum { STUDY_MAX_COLUMNS = 12, STUDY_MAX_ROWS = 256, STUDY_CELL = 96 };

typedef struct study_table {
    int columns, rows; /* row 0 is the head */
    char (*cell)[STUDY_MAX_COLUMNS][STUDY_CELL];
} study_table;

typedef struct study_report {
    FILE *text, *markdown;
    char *text_data, *markdown_data;
    size_t text_size, markdown_size;
    json_t *json; /* the root object */
} study_report;

drn_status study_report_open(study_report *r, drn_error *err);
void study_report_close(study_report *r);

void study_report_title(study_report *r, const char *title);
/* A paragraph. */
void study_report_line(study_report *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

drn_status study_table_new(study_table *t, int columns, drn_error *err);
void study_table_free(study_table *t);
/* Append a row of all columns: `columns` strings; too long ones are cut. */
drn_status study_table_row(study_table *t, const char *const *cells, drn_error *err);
void study_report_table(study_report *r, const study_table *t);

/* Finish the texts and write results.txt, results.md and results.json into a folder (NULL: none).
 * Afterwards r->text_data can be shown. */
drn_status study_report_write(study_report *r, const char *dir, drn_error *err);

/* Before the work: results that are already in the folder (NULL: none) are replaced by others of their
 * kind only.  Their kind is told by a key of the root object, and by its text where `value` is given.
 * DRN_ERR_INVALID: they are of another kind. */
drn_status study_report_check(const char *dir, const char *key, const char *value, drn_error *err);

/* JSON knows neither infinity nor NaN: null. */
json_t *study_real(double v);
/* "12.34", or a dash for NaN. */
const char *study_number(char buf[STUDY_CELL], double v, int digits);
/* "12.34 +- 0.05" with the sign for it; without the spread when that is NaN. */
const char *study_spread(char buf[STUDY_CELL], double v, double spread, int digits);

/* The last component of a path, without slashes behind it. */
void study_base_name(char *buf, size_t size, const char *path);

#endif
