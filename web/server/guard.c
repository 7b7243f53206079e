/* Who may ask: requests forged by other sites are refused. */
#include "server/request.h"

#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

/* The name in "name:port", "[address]:port"; false when there is none that fits. */
static bool host_name(char *out, size_t size, const char *host)
{
    bool bracket = host[0] == '[';
    host += bracket;
    size_t n = strcspn(host, bracket ? "]" : ":");
    const char *rest = host + n + (bracket && host[n] == ']');
    if (n == 0 || n >= size || (bracket && host[n] != ']') || (*rest != 0 && *rest != ':'))
        return false;
    memcpy(out, host, n);
    out[n] = 0;
    return true;
}

static bool is_address(const char *name)
{
    unsigned char buffer[16];
    return inet_pton(AF_INET, name, buffer) == 1 || inet_pton(AF_INET6, name, buffer) == 1;
}

/* Rebinding needs a name: an attacker's, made to point here.  An address, localhost and the names
 * the owner has given are nobody else's. */
static bool host_allowed(const web_guard *g, const char *host)
{
    char name[256];
    if (!host || !host_name(name, sizeof name, host))
        return false;
    if (is_address(name) || strcasecmp(name, "localhost") == 0)
        return true;
    for (size_t i = 0; i < g->host_count; i++)
        if (strcasecmp(name, g->hosts[i]) == 0)
            return true;
    return false;
}

static bool origin_allowed(const web_request *r)
{
    static const char scheme[] = "http://";
    return !r->origin || (strncasecmp(r->origin, scheme, sizeof scheme - 1) == 0 &&
                          strcasecmp(r->origin + sizeof scheme - 1, r->host) == 0);
}

/* "same-site" is not enough: another port of localhost is another program. */
static bool site_allowed(const web_request *r, bool page)
{
    if (!r->fetch_site || strcmp(r->fetch_site, "same-origin") == 0 ||
        strcmp(r->fetch_site, "none") == 0)
        return true;
    return page && r->fetch_mode && strcmp(r->fetch_mode, "navigate") == 0;
}

int web_guard_check(const web_guard *g, const web_request *r, bool page, web_error *err)
{
    if (!host_allowed(g, r->host))
        return web_fail(err, 403, "bad_host",
                        "this server does not answer to the name '%.100s'; start it with "
                        "--allow-host NAME when the name is yours",
                        r->host ? r->host : "");
    if (!origin_allowed(r) || !site_allowed(r, page))
        return web_fail(err, 403, "cross_origin", "requests from other sites are refused");
    return 0;
}
