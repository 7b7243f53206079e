#include "server/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <time.h>

int web_fail(web_error *err, int status, const char *code, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    err->status = status;
    err->code = code;
    err->retry_after = 0;
    vsnprintf(err->message, sizeof err->message, fmt, args);
    va_end(args);
    return status;
}

int web_no_memory(web_error *err)
{
    return web_fail(err, 503, "no_memory", "the server has no memory left for this");
}

double web_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}
