/* How failures travel inside the library: the place that detects one writes the message,
 * callers propagate the code. */
#ifndef DRN_BASE_ERROR_H
#define DRN_BASE_ERROR_H

#include "drn/status.h"

/* Fill *err (may be NULL) with a formatted line and return code. */
drn_status drn_fail(drn_error *err, drn_status code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* strerror() for what failed while writing; a file over the limit of sizes is called that. */
const char *drn_write_reason(int number);

/* Return to the caller when expr is not DRN_OK. */
#define DRN_TRY(expr)                                                                              \
    do {                                                                                           \
        drn_status drn_try_ = (expr);                                                              \
        if (drn_try_ != DRN_OK)                                                                    \
            return drn_try_;                                                                       \
    } while (0)

/* Go to `done` with `st` set when expr is not DRN_OK (functions that own something). */
#define DRN_CHECK(expr)                                                                            \
    do {                                                                                           \
        st = (expr);                                                                               \
        if (st != DRN_OK)                                                                          \
            goto done;                                                                             \
    } while (0)

#endif
