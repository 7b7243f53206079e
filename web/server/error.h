/* What goes wrong while answering a request: an HTTP status, a word for programs, a line for
 * people. */
#ifndef DRN_WEB_ERROR_H
#define DRN_WEB_ERROR_H

#include "drn/status.h"

typedef struct web_error {
    int status;       /* HTTP */
    const char *code; /* "too_large", never changes its meaning */
    char message[600];
    int retry_after; /* seconds, 0 = says nothing */
} web_error;

/* Fill *err and return the HTTP status; functions that can fail return 0 when they did not. */
int web_fail(web_error *err, int status, const char *code, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

int web_no_memory(web_error *err);

/* Seconds that never go backwards. */
double web_now(void);

#endif
