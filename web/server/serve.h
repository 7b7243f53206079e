/* The local page and its JSON API: one HTTP server in this process.  docs/user/serve.md describes
 * the API; ../page is what a browser shows. */
#ifndef DRN_WEB_SERVE_H
#define DRN_WEB_SERVE_H

#include "drn/model.h"

#include <stddef.h>
#include <stdint.h>

typedef struct web_server web_server;

/* Everything has to be set; web_options_default() does. */
typedef struct web_options {
    const char *host;               /* address or name to listen on */
    int port;                       /* 0 = a free one */
    const char *const *allow_hosts; /* more names a Host header may carry */
    size_t allow_host_count;
    const char *const *models; /* names or files; none: all built-in ones */
    size_t model_count;
    int64_t max_upload; /* bytes of one picture */
    int64_t max_pixels; /* of one result */
    int jobs;           /* enlarged at the same time */
    int threads;        /* of one enlargement; 0 = all cores */
    int queue;          /* waiting, uploads that are coming in included */
    int keep;           /* results kept at most */
    int64_t keep_bytes; /* of all files kept; the oldest results go first */
    double keep_s;      /* seconds a result is kept */
    double slow_s;      /* seconds a client has for its headers, and beyond its body's fair time */
} web_options;

web_options web_options_default(void);

/* Load the models, listen, start the workers.
 * @param out  on success a server the caller ends with web_server_stop().
 * @return DRN_OK | DRN_ERR_INVALID | DRN_ERR_IO (address in use) | DRN_ERR_NOMEM |
 *         DRN_ERR_UNSUPPORTED (built without libmicrohttpd) | what drn_model_load() returns. */
drn_status web_server_start(web_server **out, const web_options *options, drn_error *err);

/* "http://127.0.0.1:8080/"; lives as long as the server. */
const char *web_server_url(const web_server *server);

/* Cancel what runs, close all connections, remove all files.  NULL is fine. */
void web_server_stop(web_server *server);

#endif
