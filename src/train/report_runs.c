/* Reading a run's folder for the report. */
#include "base/fileio.h"
#include "base/mem.h"
#include "data/names.h"
#include "train/report.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { CURVE = 160, TAIL = 100 }; /* points of a long curve; steps of the final loss */

static double number(const char *line, const char *key, double fallback)
{
    const char *at = strstr(line, key);
    return at ? strtod(at + strlen(key), NULL) : fallback;
}

static bool parse_line(drn_log_line *l, const char *line)
{
    if (strncmp(line, "{\"step\":", 8) != 0 || !strstr(line, "}\n"))
        return false;
    *l = (drn_log_line){
        .step = number(line, "\"step\":", 0),
        .loss = number(line, "\"loss\":", (double)NAN),
        .primal = number(line, "\"primal\":", (double)NAN),
        .lr = number(line, "\"lr\":", (double)NAN),
        .seconds = number(line, "\"seconds\":", 0),
        .wait_share = number(line, "\"wait_share\":", (double)NAN),
        .memory_mb = number(line, "\"memory_mb\":", (double)NAN),
        .skipped = number(line, "\"skipped\":", 0),
        .val_psnr = number(line, "\"val_psnr\":", (double)NAN),
        .best_psnr = number(line, "\"best_psnr\":", (double)NAN),
        .val_gain = number(line, "\"val_gain\":", (double)NAN),
        .seen_gain = number(line, "\"seen_gain\":", (double)NAN),
    };
    return true;
}

static drn_status add_point(drn_points *p, double x, double y, drn_error *err)
{
    if (!isfinite(x) || !isfinite(y))
        return DRN_OK;
    DRN_TRY(drn_array_reserve(&p->list, p->count, &p->capacity, sizeof *p->list, err));
    p->list[p->count++] = (drn_point){x, y};
    return DRN_OK;
}

static drn_status add_line(drn_report_run *r, const drn_log_line *l, drn_error *err)
{
    DRN_TRY(add_point(&r->loss, l->step, l->loss, err));
    DRN_TRY(add_point(&r->rate, l->step, l->lr, err));
    r->last = *l;
    if (!isfinite(l->val_psnr))
        return DRN_OK;
    r->last_psnr = l->val_psnr;
    r->val_gain = l->val_gain;
    r->seen_gain = l->seen_gain;
    if (!(l->val_psnr <= r->best_psnr)) { /* the first compares with NAN */
        r->best_psnr = l->val_psnr;
        r->best_step = l->step;
    }
    DRN_TRY(add_point(&r->psnr, l->step, l->val_psnr, err));
    return add_point(&r->psnr_by_time, l->seconds, l->val_psnr, err);
}

/* Means of neighbours, so that at most CURVE points are left. */
static void thin(drn_points *p)
{
    size_t n = p->count;
    if (n <= CURVE)
        return;
    for (size_t i = 0; i < CURVE; i++) {
        size_t from = i * n / CURVE, to = (i + 1) * n / CURVE;
        drn_point mean = {0, 0};
        for (size_t k = from; k < to; k++) {
            mean.x += p->list[k].x / (double)(to - from);
            mean.y += p->list[k].y / (double)(to - from);
        }
        p->list[i] = mean;
    }
    p->count = CURVE;
}

static double mean_of_last(const drn_points *p)
{
    size_t n = p->count < TAIL ? p->count : TAIL;
    double sum = 0;
    for (size_t i = p->count - n; i < p->count; i++)
        sum += p->list[i].y;
    return n ? sum / (double)n : (double)NAN;
}

static drn_status read_log(drn_report_run *r, const char *path, drn_error *err)
{
    char line[1024];
    drn_log_line l;
    drn_status st = DRN_OK;
    FILE *f = fopen(path, "re");
    if (!f)
        return drn_fail(err, DRN_ERR_IO, "%s: %s; is %s the folder of a run?", path,
                        strerror(errno), r->dir);
    for (size_t n = 1; st == DRN_OK && fgets(line, sizeof line, f); n++) {
        if (parse_line(&l, line))
            st = add_line(r, &l, err);
        else if (strchr(line, '\n')) /* else: cut off by a kill */
            st = drn_fail(err, DRN_ERR_FORMAT, "%s:%zu: no line of a run's log", path, n);
    }
    fclose(f);
    DRN_TRY(st);
    if (r->loss.count == 0)
        return drn_fail(err, DRN_ERR_INVALID, "%s: no steps yet", path);
    r->final_loss = mean_of_last(&r->loss);
    thin(&r->loss);
    thin(&r->rate);
    return DRN_OK;
}

static char *last_part(const char *dir)
{
    size_t n = strlen(dir), from;
    while (n > 1 && dir[n - 1] == '/')
        n--;
    for (from = n; from > 0 && dir[from - 1] != '/';)
        from--;
    char *name = drn_alloc(n - from + 1);
    if (name) {
        memcpy(name, dir + from, n - from);
        name[n - from] = 0;
    }
    return name;
}

drn_status drn_report_run_read(drn_report_run *r, const char *dir, drn_error *err)
{
    const double none = (double)NAN;
    *r = (drn_report_run){.best_psnr = none, .last_psnr = none, .best_step = none,
                           .val_gain = none, .seen_gain = none};
    r->dir = drn_strdup(dir);
    r->name = last_part(dir);
    char *log = drn_path_join(dir, "log.jsonl"), *recipe = drn_path_join(dir, "recipe.yaml");
    drn_status st = r->dir && r->name && log && recipe
                        ? DRN_OK
                        : drn_fail(err, DRN_ERR_NOMEM, "%s: out of memory", dir);
    if (st == DRN_OK)
        st = read_log(r, log, err);
    if (st == DRN_OK)
        st = drn_recipe_load(&r->recipe, recipe, err);
    drn_free(log);
    drn_free(recipe);
    return st;
}

void drn_report_run_clear(drn_report_run *r)
{
    drn_free(r->dir);
    drn_free(r->name);
    drn_free(r->loss.list);
    drn_free(r->rate.list);
    drn_free(r->psnr.list);
    drn_free(r->psnr_by_time.list);
    *r = (drn_report_run){0};
}

void *drn_report_picture(size_t *size, const drn_report_run *r, size_t i, const char *kind)
{
    char name[64];
    void *data = NULL;
    snprintf(name, sizeof name, "pictures/%02zu-%s.png", i, kind);
    char *path = drn_path_join(r->dir, name);
    if (path)
        (void)drn_file_read(&data, size, path, 64 << 20, NULL);
    drn_free(path);
    return data;
}
