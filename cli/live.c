#include "live.h"

#include "cli.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

char *command_line(int argc, char **argv)
{
    char *all = cli_format("drn");
    for (int i = 0; i < argc; i++) {
        const char *quote = strpbrk(argv[i], " \t\"\\$&|;<>()*?#~`") || !argv[i][0] ? "'" : "";
        char *longer = cli_format("%s %s%s%s", all, quote, argv[i], quote);
        free(all);
        all = longer;
    }
    return all;
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

live_line live_start(bool quiet)
{
    return (live_line){.live = isatty(STDERR_FILENO), .quiet = quiet, .shown = now()};
}

bool live_due(live_line *l)
{
    double t = now();
    if (l->quiet || t - l->shown < (l->live ? 0.25 : 30))
        return false;
    l->shown = t;
    return true;
}

void live_print(live_line *l, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    if (l->open)
        fputs("\r\033[K", stderr);
    vfprintf(stderr, fmt, ap);
    l->open = l->live;
    if (!l->live)
        fputc('\n', stderr);
    va_end(ap);
}

void live_end(live_line *l)
{
    if (l->open)
        fputc('\n', stderr);
    l->open = false;
}

void live_say(void *ctx, const char *text)
{
    live_line *l = ctx;
    live_end(l);
    if (strchr(text, '\n'))
        cli_say(stdout, "%s", text);
    else if (!l->quiet)
        cli_say(stderr, "%s\n", text);
}
