/* Curves as SVG. */
#include "train/report.h"

#include <float.h>
#include <math.h>

enum { WIDTH = 720, HEIGHT = 340, LEFT = 64, RIGHT = 14, TOP = 34, BOTTOM = 46 };

typedef struct axis {
    double min, max; /* of the data; of log10 of it on a logarithmic axis */
    double from, to; /* pixels */
    bool logarithmic;
} axis;

const char *drn_plot_colour(size_t i)
{
    /* told apart by the colour-blind too, on white and on black */
    static const char *const colours[] = {"#0072b2", "#d55e00", "#009e73", "#cc79a7",
                                          "#e69f00", "#56b4e9", "#8a6d3b", "#7a7a7a"};
    return colours[i % (sizeof colours / sizeof *colours)];
}

void drn_html_text(FILE *f, const char *text)
{
    for (; *text; text++)
        if (*text == '<')
            fputs("&lt;", f);
        else if (*text == '&')
            fputs("&amp;", f);
        else if (*text == '"')
            fputs("&quot;", f);
        else
            fputc(*text, f);
}

static double at(const axis *a, double v)
{
    if (a->logarithmic)
        v = log10(v);
    return a->from + (v - a->min) / (a->max - a->min) * (a->to - a->from);
}

static bool shown(const drn_plot *p, const drn_point *q)
{
    return !p->log_y || q->y > 0;
}

static bool find_range(axis *x, axis *y, const drn_plot *p)
{
    *x = (axis){DBL_MAX, -DBL_MAX, LEFT, WIDTH - RIGHT, false};
    *y = (axis){DBL_MAX, -DBL_MAX, HEIGHT - BOTTOM, TOP, p->log_y};
    for (size_t c = 0; c < p->count; c++)
        for (size_t i = 0; i < p->curves[c]->count; i++) {
            const drn_point *q = &p->curves[c]->list[i];
            double v = p->log_y ? log10(q->y) : q->y;
            if (!shown(p, q))
                continue;
            x->min = fmin(x->min, q->x / p->x_unit);
            x->max = fmax(x->max, q->x / p->x_unit);
            y->min = fmin(y->min, v);
            y->max = fmax(y->max, v);
        }
    if (x->min > x->max)
        return false;
    x->min = fmin(x->min, 0);
    double room = y->max > y->min ? 0.04 * (y->max - y->min) : fmax(0.05 * fabs(y->max), 1e-12);
    y->min -= room;
    y->max += room;
    x->max = x->max > x->min ? x->max : x->min + 1;
    return true;
}

/* 1, 2 or 5 times a power of ten, at most `most` of them in a span. */
static double nice_step(double span, double most)
{
    double raw = span / most, power = pow(10, floor(log10(raw))), m = raw / power;
    return (m <= 1 ? 1 : m <= 2 ? 2 : m <= 5 ? 5 : 10) * power;
}

static void x_tick(FILE *f, const axis *x, double v)
{
    fprintf(f,
            "<line class=\"grid\" x1=\"%.1f\" y1=\"%d\" x2=\"%.1f\" y2=\"%d\"/>"
            "<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%.6g</text>\n",
            at(x, v), TOP, at(x, v), HEIGHT - BOTTOM, at(x, v), HEIGHT - BOTTOM + 17, v);
}

static void y_tick(FILE *f, const axis *y, double v)
{
    fprintf(f,
            "<line class=\"grid\" x1=\"%d\" y1=\"%.1f\" x2=\"%d\" y2=\"%.1f\"/>"
            "<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%.6g</text>\n",
            LEFT, at(y, v), WIDTH - RIGHT, at(y, v), LEFT - 7, at(y, v) + 4, v);
}

static void log_ticks(FILE *f, const axis *y)
{
    static const double parts[] = {1, 2, 3, 5, 7}; /* fewer the more decades there are */
    double decades = y->max - y->min;
    int step = decades > 2 ? 5 : decades > 1.2 ? 2 : 1;
    for (double d = floor(y->min); d <= y->max; d++)
        for (int i = 0; i < 5; i += step) {
            double v = parts[i] * pow(10, d);
            if (log10(v) >= y->min && log10(v) <= y->max)
                y_tick(f, y, v);
        }
}

static void ticks(FILE *f, const axis *x, const axis *y)
{
    double step = nice_step(x->max - x->min, 7);
    for (double i = ceil(x->min / step); i * step <= x->max * (1 + 1e-12); i++)
        x_tick(f, x, i * step);
    if (y->logarithmic && y->max - y->min > 0.5) {
        log_ticks(f, y);
        return;
    }
    double low = y->logarithmic ? pow(10, y->min) : y->min,
           high = y->logarithmic ? pow(10, y->max) : y->max;
    step = nice_step(high - low, 6);
    for (double i = ceil(low / step); i * step <= high; i++)
        y_tick(f, y, fabs(i) < 0.5 ? 0 : i * step);
}

static void curve(FILE *f, const drn_plot *p, size_t c, const axis *x, const axis *y)
{
    const drn_points *points = p->curves[c];
    const char *dash = c / 8 % 2 ? " stroke-dasharray=\"6 4\"" : "";
    fprintf(f, "<polyline fill=\"none\" stroke=\"%s\" stroke-width=\"1.8\"%s points=\"",
            drn_plot_colour(c), dash);
    for (size_t i = 0; i < points->count; i++)
        if (shown(p, &points->list[i]))
            fprintf(f, "%.1f,%.1f ", at(x, points->list[i].x / p->x_unit),
                    at(y, points->list[i].y));
    fputs("\"><title>", f);
    drn_html_text(f, p->names[c]);
    fputs("</title></polyline>\n", f);
    for (size_t i = 0; p->dots && points->count <= 200 && i < points->count; i++) {
        const drn_point *q = &points->list[i];
        fprintf(f, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"2.6\" fill=\"%s\"><title>",
                at(x, q->x / p->x_unit), at(y, q->y), drn_plot_colour(c));
        drn_html_text(f, p->names[c]);
        fprintf(f, ": %.6g at %.6g</title></circle>\n", q->y, q->x / p->x_unit);
    }
}

void drn_plot_write(FILE *f, const drn_plot *p)
{
    axis x, y;
    fprintf(f, "<svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"%s\">\n", WIDTH, HEIGHT,
            p->title);
    fprintf(f, "<text class=\"title\" x=\"%d\" y=\"20\">%s</text>\n", LEFT, p->title);
    if (!find_range(&x, &y, p)) {
        fprintf(
            f, "<text x=\"%d\" y=\"%d\" text-anchor=\"middle\">nothing was measured</text></svg>\n",
            WIDTH / 2, HEIGHT / 2);
        return;
    }
    ticks(f, &x, &y);
    fprintf(f, "<path class=\"axis\" d=\"M%d %dV%dH%d\"/>\n", LEFT, TOP, HEIGHT - BOTTOM,
            WIDTH - RIGHT);
    fprintf(f, "<text x=\"%d\" y=\"%d\" text-anchor=\"middle\">%s</text>\n",
            (LEFT + WIDTH - RIGHT) / 2, HEIGHT - 8, p->x_label);
    fprintf(f,
            "<text transform=\"translate(14 %d) rotate(-90)\" text-anchor=\"middle\">%s</text>\n",
            (TOP + HEIGHT - BOTTOM) / 2, p->y_label);
    for (size_t c = 0; c < p->count; c++)
        curve(f, p, c, &x, &y);
    fputs("</svg>\n", f);
}
