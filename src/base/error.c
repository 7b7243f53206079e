#include "base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

const char *drn_status_name(drn_status code)
{
    static const char *const names[] = {
        "DRN_OK",          "DRN_ERR_INVALID",     "DRN_ERR_NOMEM",
        "DRN_ERR_IO",      "DRN_ERR_FORMAT",      "DRN_ERR_UNSUPPORTED",
        "DRN_ERR_CANCELLED", "DRN_ERR_NUMERIC",   "DRN_ERR_INTERNAL",
        "DRN_ERR_DEVICE",
    };
    if ((int)code < 0 || (size_t)code >= sizeof names / sizeof names[0])
        return "unknown status";
    return names[code];
}

const char *drn_version(void)
{
    return DRN_VERSION_STRING;
}

drn_status drn_fail(drn_error *err, drn_status code, const char *fmt, ...)
{
    if (err) {
        va_list ap;
        va_start(ap, fmt);
        err->code = code;
        vsnprintf(err->message, sizeof err->message, fmt, ap);
        va_end(ap);
        for (unsigned char *c = (unsigned char *)err->message; *c; c++)
            if (*c < ' ' || *c == 0x7f) { /* of file names and such: no commands to a terminal */
                *c = ' ';
            } else if (c[0] == 0xc2 && c[1] >= 0x80 && c[1] < 0xa0) { /* U+0080 to U+009F */
                c[0] = ' ';
                memmove(c + 1, c + 2, strlen((char *)c + 2) + 1);
            }
    }
    return code;
}

const char *drn_write_reason(int number)
{
    struct rlimit limit;
    if (number == EFBIG && getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY)
        return "File too large for the limit (ulimit -f)";
    return strerror(number);
}
