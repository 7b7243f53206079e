/* What a client asks for, taken apart and checked; nothing here touches a socket or a file. */
#ifndef DRN_WEB_REQUEST_H
#define DRN_WEB_REQUEST_H

#include "server/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    WEB_TARGET_MAX = 4096, /* bytes of path and query */
    WEB_PARAM_MAX = 16,
    WEB_ID_LENGTH = 32, /* hexadecimal digits: 128 random bits */
    WEB_NAME_MAX = 120, /* bytes of a picture's name */
    WEB_EVENT_IDS_MAX = 32
};

typedef struct web_param {
    const char *key, *value;
} web_param;

/* Strings are borrowed; a header the client did not send is NULL. */
typedef struct web_request {
    const char *method, *path;
    const char *host, *origin, *fetch_site, *fetch_mode, *content_type;
    int64_t content_length; /* -1: not said */
    web_param params[WEB_PARAM_MAX];
    int param_count;
    char target[WEB_TARGET_MAX + 1]; /* path and params point into it */
} web_request;

/* Split "/path?key=value&..." and decode its %XX.  Refuses: too long, no leading slash, broken %XX,
 * NUL and other control characters, more than WEB_PARAM_MAX parameters, one given twice. */
int web_request_target(web_request *r, const char *target, web_error *err);

/* Value of a parameter, or NULL. */
const char *web_request_param(const web_request *r, const char *key);
/* A whole number within min..max; fallback when it is not given. */
int web_request_int(int64_t *out, const web_request *r, const char *key, int64_t fallback,
                    int64_t min, int64_t max, web_error *err);
/* Index of the value in "one|two|three"; fallback when it is not given. */
int web_request_choice(int *out, const web_request *r, const char *key, int fallback,
                       const char *choices, web_error *err);

/* Names a Host header may carry besides addresses and localhost. */
typedef struct web_guard {
    const char *const *hosts;
    size_t host_count;
} web_guard;

/* Whether the request comes from the page itself, the address bar or a program, and not from
 * another site: Host against DNS rebinding, Origin and Sec-Fetch-Site against forged requests.
 * page: the request asks for the page, which other sites may link to. */
int web_guard_check(const web_guard *g, const web_request *r, bool page, web_error *err);

typedef enum web_route {
    WEB_PAGE,
    WEB_INFO,   /* GET /api */
    WEB_CREATE, /* POST /api/jobs */
    WEB_EVENTS, /* GET /api/events */
    WEB_JOB,    /* GET /api/jobs/ID */
    WEB_REMOVE, /* DELETE /api/jobs/ID */
    WEB_CANCEL, /* POST /api/jobs/ID/cancel */
    WEB_RESULT, /* GET /api/jobs/ID/result */
    WEB_VIEW    /* GET /api/jobs/ID/view */
} web_route;

/* Which route path and method mean; id receives a job's id, or "".  405 fills *allow. */
int web_route_find(web_route *out, char id[WEB_ID_LENGTH + 1], const char **allow,
                   const web_request *r, web_error *err);

/* Next id of a list "id,id,..."; *at moves on.  False at the end; *bad is set when it is no id. */
bool web_id_next(char id[WEB_ID_LENGTH + 1], const char **at, bool *bad);

/* A name for a picture from what the client calls it: no folders, no control characters, valid
 * UTF-8, at most WEB_NAME_MAX bytes, never empty.  Only ever shown, never used as a path. */
void web_name_clean(char out[WEB_NAME_MAX + 1], const char *name);

/* Make a line valid UTF-8 without control characters, in place. */
void web_text_clean(char *text);

/* Content-Disposition of a download: "stem_x4.png". */
void web_disposition(char *out, size_t size, const char *name, int scale, const char *suffix);

#endif
