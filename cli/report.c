/* Messages and memory of the program. */
#include "cli.h"
#include "ranks.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void cli_plain(char *text)
{
    char *to = text;
    for (const unsigned char *c = (unsigned char *)text; *c; c++) {
        bool c1 = c[0] == 0xc2 && c[1] >= 0x80 && c[1] < 0xa0; /* U+0080 to U+009F */
        bool control = c1 || (*c < ' ' && *c != '\n' && *c != '\t') || *c == 0x7f;
        *to++ = control ? '?' : (char)*c;
        c += c1;
    }
    *to = 0;
}

int cli_error(const char *fmt, ...)
{
    va_list ap;
    char text[8192];
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    cli_plain(text);
    fflush(stdout);
    if (ranks_silent())
        ranks_keep(text);
    else
        fprintf(stderr, "drn: %s\n", text);
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

static char *formatted(const char *fmt, va_list ap)
{
    char *text = NULL;
    return or_die(vasprintf(&text, fmt, ap) < 0 ? NULL : text);
}

char *cli_format(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    char *text = formatted(fmt, ap);
    va_end(ap);
    return text;
}

void cli_say(FILE *f, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    char *text = formatted(fmt, ap);
    va_end(ap);
    cli_plain(text);
    fputs(text, f);
    free(text);
}
