/* One HTML page about runs: nothing is loaded from anywhere, so that it can be mailed and kept. */
#include "train/report.h"

#include "base/fileio.h"
#include "base/mem.h"
#include "drn/image.h"
#include "drn/metrics.h"
#include "drn/train.h"

#include <math.h>
#include <string.h>

typedef struct page {
    FILE *f;
    const drn_report_run *runs;
    size_t count;
    const char **names; /* [count] */
} page;

static const char style[] =
    ":root{color-scheme:light dark;--ink:#1b1f24;--soft:#5d6670;--line:#d6dbe1;--back:#fff;"
    "--card:#f6f8fa}\n"
    "@media(prefers-color-scheme:dark){:root{--ink:#e6e9ed;--soft:#9aa4af;--line:#3a424b;"
    "--back:#14181d;--card:#1d232a}}\n"
    "body{font:15px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--back);"
    "max-width:1500px;margin:0 auto;padding:24px}\n"
    "h1{font-size:26px;margin:0 0 4px}h2{font-size:19px;margin:34px 0 10px}\n"
    ".soft{color:var(--soft)}\n"
    ".plots{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,520px),1fr));"
    "gap:16px}\n"
    "svg{background:var(--card);border-radius:8px;width:100%;height:auto}\n"
    "svg text{font:12px system-ui,sans-serif;fill:var(--soft)}"
    "svg .title{font-size:15px;font-weight:600;fill:var(--ink)}\n"
    "svg .grid{stroke:var(--line);stroke-width:1}svg .axis{fill:none;stroke:var(--soft)}\n"
    ".legend{display:flex;flex-wrap:wrap;gap:4px 20px;padding:0;list-style:none}\n"
    ".legend i{display:inline-block;width:22px;height:4px;border-radius:2px;margin-right:7px;"
    "vertical-align:middle}\n"
    ".wide{overflow-x:auto}\n"
    "table{border-collapse:collapse;font-variant-numeric:tabular-nums}\n"
    "th,td{padding:5px 12px;border-bottom:1px solid var(--line);text-align:right;"
    "white-space:nowrap}\n"
    "th:first-child,td:first-child{text-align:left}thead th{color:var(--soft);font-weight:600}\n"
    "td.best{font-weight:700}.text td{text-align:left}.text th{text-align:left}\n"
    ".row{display:flex;flex-wrap:wrap;gap:14px;margin-bottom:18px}\n"
    "figure{margin:0}figure img{display:block;width:224px;image-rendering:pixelated;"
    "border-radius:4px}\n"
    "figcaption{font-size:13px;max-width:224px;overflow-wrap:anywhere}\n"
    "pre{background:var(--card);border-radius:8px;padding:12px;overflow-x:auto}\n";

/* ---- numbers ---- */

static void cell(FILE *f, double v, int decimals, const char *unit, bool best)
{
    fputs(best ? "<td class=\"best\">" : "<td>", f);
    if (isfinite(v))
        fprintf(f, "%.*f%s", decimals, v, unit);
    else
        fputs("&ndash;", f);
    fputs("</td>", f);
}

static void cell_time(FILE *f, double seconds)
{
    long s = (long)(seconds + 0.5);
    fprintf(f, "<td>%ld:%02ld:%02ld</td>", s / 3600, s / 60 % 60, s % 60);
}

static void table(const page *p)
{
    double best = -1e300;
    for (size_t i = 0; i < p->count; i++)
        best = fmax(best, p->runs[i].best_psnr);
    fputs("<h2>Results</h2>\n<div class=\"wide\"><table><thead><tr><th>run</th><th>best PSNR-Y, "
          "dB</th>"
          "<th>at step</th><th>last PSNR-Y, dB</th><th>over bicubic, dB</th>"
          "<th>over bicubic where trained on, dB</th><th>loss, last 100 steps</th><th>steps</th><th>time</th><th>steps/s</th><th>skipped</th><th>busy</th><th>memory, MiB</th>"
          "</tr></thead><tbody>\n",
          p->f);
    for (size_t i = 0; i < p->count; i++) {
        const drn_report_run *r = &p->runs[i];
        double seconds = r->last.seconds;
        fputs("<tr><td>", p->f);
        drn_html_text(p->f, p->names[i]);
        fputs("</td>", p->f);
        cell(p->f, r->best_psnr, 3, "", r->best_psnr >= best);
        cell(p->f, r->best_step, 0, "", false);
        cell(p->f, r->last_psnr, 3, "", false);
        cell(p->f, r->val_gain, 3, "", false);
        cell(p->f, r->seen_gain, 3, "", false);
        cell(p->f, r->final_loss, 5, "", false);
        cell(p->f, r->last.step, 0, "", false);
        cell_time(p->f, seconds);
        cell(p->f, seconds > 0 ? r->last.step / seconds : (double)NAN, 2, "", false);
        cell(p->f, r->last.skipped, 0, "", false);
        cell(p->f, 100 * (1 - r->last.wait_share), 1, " %", false);
        cell(p->f, r->last.memory_mb, 0, "", false);
        fputs("</tr>\n", p->f);
    }
    fputs("</tbody></table></div>\n<p class=\"soft\">PSNR-Y on the run's validation pictures, "
          "standard "
          "protocol, of the averaged weights. Over bicubic: what the last validation was above bicubic "
          "enlargement, and how much that is on pictures that were trained on; when only the second "
          "grows, the model remembers its pictures, and more of them help, not more steps. Busy: the "
          "share of the time not spent waiting for data.</p>\n",
          p->f);
}

static void legend(const page *p)
{
    fputs("<ul class=\"legend\">", p->f);
    for (size_t i = 0; i < p->count; i++) {
        fprintf(p->f, "<li><i style=\"background:%s\"></i>", drn_plot_colour(i));
        drn_html_text(p->f, p->names[i]);
        fputs("</li>", p->f);
    }
    fputs("</ul>\n", p->f);
}

static void plots(const page *p, const drn_points **curves)
{
    drn_plot plot = {.count = p->count, .curves = curves, .names = p->names};
    double longest = 0;
    for (size_t i = 0; i < p->count; i++)
        longest = fmax(longest, p->runs[i].last.seconds);
    int unit = longest < 300 ? 0 : longest < 4 * 3600 ? 1 : 2;
    static const char *const units[] = {"seconds of training", "minutes of training",
                                        "hours of training"};
    static const double lengths[] = {1, 60, 3600};
    fputs("<h2>Curves</h2>\n", p->f);
    legend(p);
    fputs("<div class=\"plots\">\n", p->f);
    for (int k = 0; k < 4; k++) {
        static const char *const titles[] = {"Validation PSNR-Y", "Validation PSNR-Y by time",
                                             "Training loss", "Learning rate"},
                                 *const x[] = {"step", NULL, "step", "step"},
                                 *const y[] = {"dB", "dB", "loss (logarithmic)", "rate"};
        for (size_t i = 0; i < p->count; i++) {
            const drn_report_run *r = &p->runs[i];
            curves[i] = k == 0   ? &r->psnr
                        : k == 1 ? &r->psnr_by_time
                        : k == 2 ? &r->loss
                                 : &r->rate;
        }
        plot.title = titles[k];
        plot.x_label = x[k] ? x[k] : units[unit];
        plot.x_unit = x[k] ? 1 : lengths[unit];
        plot.y_label = y[k];
        plot.log_y = k == 2;
        plot.dots = k < 2;
        drn_plot_write(p->f, &plot);
    }
    fputs("</div>\n", p->f);
}

/* ---- recipes ---- */

static bool differs(const page *p, size_t key)
{
    char a[1100], b[1100];
    const char *name;
    (void)drn_recipe_value(a, sizeof a, &name, &p->runs[0].recipe, key);
    for (size_t i = 1; i < p->count; i++) {
        (void)drn_recipe_value(b, sizeof b, &name, &p->runs[i].recipe, key);
        if (strcmp(a, b) != 0)
            return true;
    }
    return false;
}

static void differences(const page *p)
{
    char value[1100];
    const char *name;
    size_t rows = 0;
    fputs(
        "<h2>What the recipes differ in</h2>\n<div class=\"wide\"><table class=\"text\"><thead><tr>"
        "<th>key</th>",
        p->f);
    for (size_t i = 0; i < p->count; i++) {
        fputs("<th>", p->f);
        drn_html_text(p->f, p->names[i]);
        fputs("</th>", p->f);
    }
    fputs("</tr></thead><tbody>\n", p->f);
    for (size_t k = 0; drn_recipe_value(value, sizeof value, &name, &p->runs[0].recipe, k); k++) {
        if (!differs(p, k))
            continue;
        rows++;
        fprintf(p->f, "<tr><td>%s</td>", name);
        for (size_t i = 0; i < p->count; i++) {
            (void)drn_recipe_value(value, sizeof value, &name, &p->runs[i].recipe, k);
            fputs("<td>", p->f);
            drn_html_text(p->f, value);
            fputs("</td>", p->f);
        }
        fputs("</tr>\n", p->f);
    }
    fputs("</tbody></table></div>\n", p->f);
    if (rows == 0)
        fputs("<p class=\"soft\">Nothing.</p>\n", p->f);
}

static drn_status recipes(const page *p, drn_error *err)
{
    fputs("<h2>Recipes</h2>\n", p->f);
    for (size_t i = 0; i < p->count; i++) {
        char *text = drn_recipe_print(&p->runs[i].recipe);
        if (!text)
            return drn_fail(err, DRN_ERR_NOMEM, "report: out of memory");
        fputs("<details><summary>", p->f);
        drn_html_text(p->f, p->names[i]);
        fputs("</summary><pre>", p->f);
        drn_html_text(p->f, text);
        fputs("</pre></details>\n", p->f);
        drn_free(text);
    }
    return DRN_OK;
}

/* ---- pictures ---- */

static void base64(FILE *f, const unsigned char *p, size_t n)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < n; i += 3) {
        uint32_t v = (uint32_t)p[i] << 16;
        v |= i + 1 < n ? (uint32_t)p[i + 1] << 8 : 0;
        v |= i + 2 < n ? p[i + 2] : 0;
        fputc(digits[v >> 18], f);
        fputc(digits[v >> 12 & 63], f);
        fputc(i + 1 < n ? digits[v >> 6 & 63] : '=', f);
        fputc(i + 2 < n ? digits[v & 63] : '=', f);
    }
}

typedef struct bytes {
    void *data;
    size_t size;
} bytes;

/* PSNR-Y of one picture against another, both encoded; NAN when this build cannot tell. */
static double compare(const bytes *sr, const bytes *hr, int scale)
{
    drn_image *a = NULL, *b = NULL;
    drn_metric_values q = {.psnr = (double)NAN};
    drn_metric_options o = {.shave = scale};
    if (drn_image_decode(&a, sr->data, sr->size, NULL, NULL) == DRN_OK &&
        drn_image_decode(&b, hr->data, hr->size, NULL, NULL) == DRN_OK)
        (void)drn_metrics(&q, a, b, &o, NULL);
    drn_image_free(a);
    drn_image_free(b);
    return q.psnr;
}

static void figure(FILE *f, const bytes *png, const char *name, const char *what, double psnr)
{
    fputs("<figure><img alt=\"\" src=\"data:image/png;base64,", f);
    base64(f, png->data, png->size);
    fputs("\"><figcaption>", f);
    drn_html_text(f, name);
    fprintf(f, "%s%s", *name && *what ? ", " : "", what);
    if (isfinite(psnr))
        fprintf(f, " <span class=\"soft\">%.2f dB</span>", psnr);
    fputs("</figcaption></figure>\n", f);
}

static bool load(bytes *b, const page *p, size_t run, size_t i, const char *kind)
{
    b->data = drn_report_picture(&b->size, &p->runs[run], i, kind);
    return b->data;
}

static void one_figure(const page *p, size_t run, size_t i, const char *kind, const char *name,
                       const char *what, const bytes *hr)
{
    bytes b;
    if (!load(&b, p, run, i, kind))
        return;
    figure(p->f, &b, name, what,
           strcmp(kind, "original") == 0 ? (double)NAN
                                         : compare(&b, hr, (int)p->runs[run].recipe.scale));
    drn_free(b.data);
}

/* Picture i of all runs; those with the same original share a row. */
static bool picture_rows(const page *p, size_t i, bool *done)
{
    bool any = false;
    memset(done, 0, p->count * sizeof *done);
    for (size_t r = 0; r < p->count; r++) {
        bytes hr, other;
        if (done[r] || !load(&hr, p, r, i, "original"))
            continue;
        any = true;
        fputs("<div class=\"row\">\n", p->f);
        one_figure(p, r, i, "original", "", "original", &hr);
        one_figure(p, r, i, "bicubic", "", "bicubic", &hr);
        for (size_t s = r; s < p->count; s++) {
            if (done[s] || !load(&other, p, s, i, "original"))
                continue;
            done[s] = other.size == hr.size && memcmp(other.data, hr.data, hr.size) == 0;
            drn_free(other.data);
            if (!done[s])
                continue;
            if (p->count <= 2) /* more would not fit */
                one_figure(p, s, i, "first", p->names[s], "first validation", &hr);
            one_figure(p, s, i, "result", p->names[s], "last validation", &hr);
        }
        fputs("</div>\n", p->f);
        drn_free(hr.data);
    }
    return any;
}

static void pictures(const page *p, bool *done)
{
    fputs("<h2>Validation pictures</h2>\n", p->f);
    size_t i = 0;
    while (i < 100 && picture_rows(p, i, done))
        i++;
    fputs(i ? "<p class=\"soft\">Middles of validation pictures; PSNR-Y of the part shown.</p>\n"
            : "<p class=\"soft\">None were kept.</p>\n",
          p->f);
}

/* ---- the page ---- */

static drn_status write_page(const page *p, drn_error *err)
{
    drn_status st = DRN_OK;
    const drn_points **curves = NULL;
    bool *done = NULL;
    DRN_CHECK(drn_calloc_to(&curves, p->count, sizeof *curves, err));
    DRN_CHECK(drn_calloc_to(&done, p->count, sizeof *done, err));
    fprintf(
        p->f,
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
        "<meta name=\"viewport\" content=\"width=device-width\"><title>Training report</title>\n"
        "<style>\n%s</style></head><body>\n<h1>Training report</h1>\n"
        "<p class=\"soft\">%zu run%s, drn %s</p>\n",
        style, p->count, p->count == 1 ? "" : "s", DRN_VERSION_STRING);
    table(p);
    plots(p, curves);
    if (p->count > 1)
        differences(p);
    pictures(p, done);
    DRN_CHECK(recipes(p, err));
    fputs("</body></html>\n", p->f);
done:
    drn_free(curves);
    drn_free(done);
    return st;
}

/* Two folders of one name go by their paths. */
static void name_runs(page *p)
{
    for (size_t i = 0; i < p->count; i++) {
        p->names[i] = p->runs[i].name;
        for (size_t k = 0; k < p->count; k++)
            if (k != i && strcmp(p->runs[k].name, p->runs[i].name) == 0)
                p->names[i] = p->runs[i].dir;
    }
}

static drn_status write_file(page *p, const char *out, drn_error *err)
{
    drn_atomic_file a;
    DRN_TRY(drn_atomic_open(&a, out, err));
    p->f = a.f;
    drn_status st = write_page(p, err);
    if (st != DRN_OK) {
        drn_atomic_abort(&a);
        return st;
    }
    return drn_atomic_commit(&a, err);
}

drn_status drn_report(const char *out, const char *const *dirs, size_t count, drn_error *err)
{
    drn_status st = DRN_OK;
    drn_report_run *runs = NULL;
    page p = {.count = count};
    size_t opened = 0;
    if (count == 0)
        return drn_fail(err, DRN_ERR_INVALID, "report: no runs");
    DRN_CHECK(drn_calloc_to(&runs, count, sizeof *runs, err));
    DRN_CHECK(drn_calloc_to(&p.names, count, sizeof *p.names, err));
    p.runs = runs;
    while (opened < count) {
        st = drn_report_run_read(&runs[opened], dirs[opened], err);
        opened++;
        if (st != DRN_OK)
            goto done;
    }
    name_runs(&p);
    st = write_file(&p, out, err);
done:
    for (size_t i = 0; i < opened; i++)
        drn_report_run_clear(&runs[i]);
    drn_free(runs);
    drn_free(p.names);
    return st;
}
