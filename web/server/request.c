#include "server/request.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 32);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int bad_target(web_error *err, const char *why)
{
    return web_fail(err, 400, "bad_request", "the address %s", why);
}

/* Decode %XX (and + in queries) in place. */
static int decode(char *text, bool query, web_error *err)
{
    char *to = text;
    for (const char *p = text; *p; p++) {
        int c = (unsigned char)*p;
        if (c == '%') {
            int high = hex_digit(p[1]), low = high < 0 ? -1 : hex_digit(p[2]);
            if (low < 0)
                return bad_target(err, "has a broken % sequence");
            c = high * 16 + low;
            p += 2;
        } else if (c == '+' && query) {
            c = ' ';
        }
        if (c < 32 || c == 127)
            return bad_target(err, "has a control character");
        *to++ = (char)c;
    }
    *to = 0;
    return 0;
}

static int add_param(web_request *r, char *pair, web_error *err)
{
    char *value = strchr(pair, '=');
    if (value)
        *value++ = 0;
    else
        value = pair + strlen(pair);
    int st = decode(pair, true, err);
    if (st == 0)
        st = decode(value, true, err);
    if (st != 0)
        return st;
    if (web_request_param(r, pair))
        return bad_target(err, "gives a parameter twice");
    if (r->param_count == WEB_PARAM_MAX)
        return bad_target(err, "has too many parameters");
    r->params[r->param_count++] = (web_param){pair, value};
    return 0;
}

int web_request_target(web_request *r, const char *target, web_error *err)
{
    size_t length = strlen(target);
    r->path = "";
    r->param_count = 0;
    if (length > WEB_TARGET_MAX)
        return web_fail(err, 414, "bad_request", "the address has %zu bytes, at most %d are read",
                        length, WEB_TARGET_MAX);
    memcpy(r->target, target, length + 1);
    if (r->target[0] != '/')
        return bad_target(err, "does not start with a slash");
    char *query = strchr(r->target, '?'), *rest = NULL;
    if (query)
        *query++ = 0;
    int st = decode(r->target, false, err);
    for (char *pair = query ? strtok_r(query, "&", &rest) : NULL; pair && st == 0;
         pair = strtok_r(NULL, "&", &rest))
        st = add_param(r, pair, err);
    r->path = r->target;
    return st;
}

const char *web_request_param(const web_request *r, const char *key)
{
    for (int i = 0; i < r->param_count; i++)
        if (strcmp(r->params[i].key, key) == 0)
            return r->params[i].value;
    return NULL;
}

int web_request_int(int64_t *out, const web_request *r, const char *key, int64_t fallback,
                    int64_t min, int64_t max, web_error *err)
{
    const char *text = web_request_param(r, key);
    *out = fallback;
    if (!text)
        return 0;
    char *end;
    errno = 0;
    long long n = strtoll(text, &end, 10);
    bool number = ((*text >= '0' && *text <= '9') || *text == '-') && *end == 0 && errno == 0;
    if (!number || n < min || n > max)
        return web_fail(err, 400, "bad_parameter",
                        "%s is '%.40s', expected a whole number within %lld..%lld", key, text,
                        (long long)min, (long long)max);
    *out = n;
    return 0;
}

int web_request_choice(int *out, const web_request *r, const char *key, int fallback,
                       const char *choices, web_error *err)
{
    const char *text = web_request_param(r, key), *at = choices;
    *out = fallback;
    if (!text)
        return 0;
    for (int i = 0; *at; i++) {
        size_t n = strcspn(at, "|");
        if (strlen(text) == n && memcmp(text, at, n) == 0) {
            *out = i;
            return 0;
        }
        at += n + (at[n] == '|');
    }
    return web_fail(err, 400, "bad_parameter", "%s is '%.40s', expected one of %s", key, text,
                    choices);
}

static const char id_digits[] = "0123456789abcdef";

/* Length of the id at the start of text, or 0. */
static size_t id_length(const char *text)
{
    return strspn(text, id_digits) == WEB_ID_LENGTH ? WEB_ID_LENGTH : 0;
}

typedef struct route_row {
    const char *method, *path; /* ID stands for a job's id */
    web_route route;
} route_row;

static const route_row routes[] = {
    {"GET", "/", WEB_PAGE},
    {"GET", "/api", WEB_INFO},
    {"POST", "/api/jobs", WEB_CREATE},
    {"GET", "/api/events", WEB_EVENTS},
    {"GET", "/api/jobs/ID", WEB_JOB},
    {"DELETE", "/api/jobs/ID", WEB_REMOVE},
    {"POST", "/api/jobs/ID/cancel", WEB_CANCEL},
    {"GET", "/api/jobs/ID/result", WEB_RESULT},
    {"GET", "/api/jobs/ID/view", WEB_VIEW},
};
enum { ROUTES = sizeof routes / sizeof *routes };

static bool path_is(char id[WEB_ID_LENGTH + 1], const char *path, const char *pattern)
{
    const char *mark = strstr(pattern, "ID");
    id[0] = 0;
    if (!mark)
        return strcmp(path, pattern) == 0;
    size_t before = (size_t)(mark - pattern);
    if (strncmp(path, pattern, before) != 0 || id_length(path + before) == 0)
        return false;
    if (strcmp(path + before + WEB_ID_LENGTH, mark + 2) != 0)
        return false;
    memcpy(id, path + before, WEB_ID_LENGTH);
    id[WEB_ID_LENGTH] = 0;
    return true;
}

int web_route_find(web_route *out, char id[WEB_ID_LENGTH + 1], const char **allow,
                   const web_request *r, web_error *err)
{
    const char *method = strcmp(r->method, "HEAD") == 0 ? "GET" : r->method;
    *allow = NULL;
    for (int i = 0; i < ROUTES; i++) {
        if (!path_is(id, r->path, routes[i].path))
            continue;
        *out = routes[i].route;
        if (strcmp(method, routes[i].method) == 0)
            return 0;
        *allow = *allow ? "GET, DELETE" : routes[i].method; /* only a job has two */
    }
    id[0] = 0;
    if (*allow)
        return web_fail(err, 405, "bad_method", "%.16s is not possible here, only %s", r->method,
                        *allow);
    return web_fail(err, 404, "not_found", "there is nothing at %.100s", r->path);
}

bool web_id_next(char id[WEB_ID_LENGTH + 1], const char **at, bool *bad)
{
    const char *p = *at;
    if (*p == 0)
        return false;
    size_t n = id_length(p);
    *bad = n == 0 || (p[n] != 0 && p[n] != ',');
    if (*bad)
        return false;
    memcpy(id, p, n);
    id[n] = 0;
    *at = p + n + (p[n] == ',');
    return true;
}
