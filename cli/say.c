#include "say.h"

#include "cli.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

double say_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* File names need not be UTF-8, JSON must be. */
json_t *say_text(const char *s)
{
    json_t *j = json_string(s);
    if (j)
        return j;
    char *copy = cli_format("%s", s);
    for (char *p = copy; *p; p++)
        if ((unsigned char)*p >= 128)
            *p = '?';
    j = json_string(copy);
    free(copy);
    return j;
}

void say_json_to(FILE *f, json_t *o)
{
    json_dumpf(o, f, JSON_COMPACT | JSON_REAL_PRECISION(6));
    fputc('\n', f);
    fflush(f);
    json_decref(o);
}

void say_json(json_t *o)
{
    say_json_to(stdout, o);
}

const char *say_brief(const char *name)
{
    size_t n = strlen(name);
    return n > 40 ? name + n - 40 : name;
}
