/* Messages and memory of the program. */
#include "cli.h"
#include "ranks.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

int cli_error(const char *fmt, ...)
{
    va_list ap;
    char text[1024];
    va_start(ap, fmt);
    fflush(stdout);
    if (ranks_silent()) {
        vsnprintf(text, sizeof text, fmt, ap);
        ranks_keep(text);
    } else {
        fputs("drn: ", stderr);
        vfprintf(stderr, fmt, ap);
        fputc('\n', stderr);
    }
    va_end(ap);
    return EXIT_FAILED;
}

int cli_fail(const drn_error *err)
{
    return cli_error("%s", err->message[0] ? err->message : drn_status_name(err->code));
}

static void *or_die(void *p)
{
    if (!p)
        exit(cli_error("out of memory"));
    return p;
}

void *cli_alloc(size_t count, size_t size)
{
    return or_die(calloc(count ? count : 1, size));
}

void *cli_grow(void *p, size_t count, size_t size)
{
    return or_die(reallocarray(p, count ? count : 1, size));
}

char *cli_format(const char *fmt, ...)
{
    va_list ap;
    char *text = NULL;
    va_start(ap, fmt);
    if (vasprintf(&text, fmt, ap) < 0)
        text = NULL;
    va_end(ap);
    return or_die(text);
}
