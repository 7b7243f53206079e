/* The server on a socket: libmicrohttpd with a thread a connection.  connections.c keeps time. */
#include "server/api.h"
#include "server/connections.h"

#include <errno.h>
#include <microhttpd.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    CONNECTIONS_MAX = 64,
    CONNECTION_MEMORY = 16384, /* bytes for headers and buffers */
    TICK_MS = 500,
    EVENTS_EVERY_MS = 150, /* between two pieces of one stream */
    EVENTS_SILENCE_S = 5   /* after which a comment shows that the stream lives */
};

/* A stream is ended after this and the browser opens it again. */
#define EVENTS_MAX_S 600.0

struct web_server {
    web_options options;
    web_models models;
    web_api api;
    struct MHD_Daemon *daemon;
    web_connections *connections;
    pthread_t janitor;
    bool janitor_runs;
    const char **hosts; /* that the guard lets through */
    char url[300];
};

static drn_status fail(drn_error *err, drn_status code, const char *what, const char *why)
{
    snprintf(err->message, sizeof err->message, "%.300s%s%.200s", what, why ? ": " : "",
             why ? why : "");
    return err->code = code;
}

static drn_status fail_web(drn_error *err, const web_error *e)
{
    return fail(err, e->status == 503 ? DRN_ERR_NOMEM : DRN_ERR_IO, e->message, NULL);
}

/* ---- connections ---- */

static web_connection *connection_of(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info ? info->socket_context : NULL;
}

static void on_connection(void *ctx, struct MHD_Connection *connection, void **socket_context,
                          enum MHD_ConnectionNotificationCode code)
{
    web_server *server = ctx;
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        *socket_context = info ? web_connections_add(server->connections, info->connect_fd) : NULL;
    } else {
        web_connections_remove(server->connections, *socket_context);
        *socket_context = NULL;
    }
}

/* ---- answers ---- */

static void header(struct MHD_Response *response, const char *name, const char *value)
{
    (void)MHD_add_response_header(response, name, value);
}

/* Nothing from elsewhere, nothing in frames, only the program and styles that carry the nonce. */
static void page_policy(struct MHD_Response *response, const char *nonce)
{
    char text[512];
    snprintf(
        text, sizeof text,
        "default-src 'none'; script-src 'nonce-%s'; style-src 'nonce-%s'; img-src 'self' blob: "
        "data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors "
        "'none'; require-trusted-types-for 'script'; trusted-types 'none'",
        nonce, nonce);
    header(response, "Content-Security-Policy", text);
}

static void add_headers(struct MHD_Response *response, const web_reply *r)
{
    char number[24];
    header(response, "Content-Type", r->type);
    header(response, "Cache-Control", "no-store");
    header(response, "X-Content-Type-Options", "nosniff");
    header(response, "Referrer-Policy", "no-referrer");
    header(response, "X-Frame-Options", "DENY");
    header(response, "Cross-Origin-Resource-Policy", "same-origin");
    header(response, "Cross-Origin-Opener-Policy", "same-origin");
    if (r->page)
        page_policy(response, r->nonce);
    else
        header(response, "Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'");
    if (r->disposition[0])
        header(response, "Content-Disposition", r->disposition);
    if (r->location[0])
        header(response, "Location", r->location);
    if (r->allow)
        header(response, "Allow", r->allow);
    snprintf(number, sizeof number, "%d", r->retry_after);
    if (r->retry_after > 0)
        header(response, "Retry-After", number);
}

/* ---- streams of events ---- */

typedef struct stream {
    web_server *server;
    web_reply reply; /* its ids */
    uint64_t seen[WEB_EVENT_IDS_MAX], version;
    char *text; /* not sent yet */
    size_t at;
    double begun;
    bool end;
} stream;

static void pause_ms(long ms)
{
    struct timespec t = {ms / 1000, ms % 1000 * 1000000};
    nanosleep(&t, NULL);
}

/* Waits until there is something to say; a comment when there is not for long. */
static bool more_events(stream *s)
{
    web_jobs *jobs = s->server->api.jobs;
    if (s->end || web_jobs_stopped(jobs) || web_now() - s->begun > EVENTS_MAX_S)
        return false;
    free(s->text);
    s->at = 0;
    s->text = web_events_next(&s->server->api, s->reply.ids, s->seen, &s->end);
    if (!s->text || s->text[0])
        return s->text != NULL;
    web_jobs_wait(jobs, &s->version, EVENTS_SILENCE_S);
    pause_ms(EVENTS_EVERY_MS); /* several changes become one piece */
    free(s->text);
    s->text = web_events_next(&s->server->api, s->reply.ids, s->seen, &s->end);
    if (s->text && !s->text[0]) {
        free(s->text);
        s->text = strdup(": nothing new\n\n");
    }
    return s->text != NULL;
}

static ssize_t read_events(void *ctx, uint64_t position, char *buffer, size_t max)
{
    stream *s = ctx;
    (void)position;
    if ((!s->text || !s->text[s->at]) && !more_events(s))
        return MHD_CONTENT_READER_END_OF_STREAM;
    size_t n = strlen(s->text + s->at);
    n = n < max ? n : max;
    memcpy(buffer, s->text + s->at, n);
    s->at += n;
    return (ssize_t)n;
}

static void free_events(void *ctx)
{
    stream *s = ctx;
    free(s->text);
    free(s);
}

static struct MHD_Response *make_events(web_server *server, const web_reply *r)
{
    stream *s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    s->server = server;
    s->reply = *r;
    s->begun = web_now();
    struct MHD_Response *response =
        MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, 4096, read_events, s, free_events);
    if (!response)
        free_events(s);
    return response;
}

/* Takes the reply's body or file. */
static struct MHD_Response *make_response(web_server *server, web_reply *r)
{
    struct MHD_Response *response;
    if (r->events)
        return make_events(server, r);
    if (r->fd >= 0) {
        response = MHD_create_response_from_fd64(r->size, r->fd);
        if (response)
            r->fd = -1;
        return response;
    }
    response = MHD_create_response_from_buffer(r->size, r->body, MHD_RESPMEM_MUST_FREE);
    if (response)
        r->body = NULL;
    return response;
}

static enum MHD_Result send_reply(web_server *server, struct MHD_Connection *connection,
                                  web_call *call)
{
    web_reply *r = &call->reply;
    double bytes = (double)r->size;
    struct MHD_Response *response = make_response(server, r);
    if (!response)
        return MHD_NO;
    add_headers(response, r);
    web_connection_expect(connection_of(connection), r->events ? EVENTS_MAX_S + 30 : 0, bytes);
    enum MHD_Result result = MHD_queue_response(connection, (unsigned)r->status, response);
    MHD_destroy_response(response);
    return result;
}

/* ---- requests ---- */

static const char *get_header(struct MHD_Connection *connection, const char *name)
{
    return MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
}

static int64_t content_length(const char *text)
{
    char *end;
    if (!text)
        return -1;
    errno = 0;
    long long n = strtoll(text, &end, 10);
    return errno == 0 && *end == 0 && n >= 0 ? n : INT64_MAX;
}

static void read_request(web_call *call, struct MHD_Connection *connection, const char *method)
{
    web_request *r = &call->request;
    r->method = method;
    r->host = get_header(connection, MHD_HTTP_HEADER_HOST);
    r->origin = get_header(connection, MHD_HTTP_HEADER_ORIGIN);
    r->fetch_site = get_header(connection, "Sec-Fetch-Site");
    r->fetch_mode = get_header(connection, "Sec-Fetch-Mode");
    r->content_type = get_header(connection, MHD_HTTP_HEADER_CONTENT_TYPE);
    r->content_length = content_length(get_header(connection, MHD_HTTP_HEADER_CONTENT_LENGTH));
}

/* What belongs to one request from its first line on: MHD hands it to every callback. */
typedef struct exchange {
    web_call call;
    web_error error; /* of the address */
    bool begun;
} exchange;

/* The first line: the raw address, before libmicrohttpd decodes it. */
static void *on_target(void *ctx, const char *target, struct MHD_Connection *connection)
{
    exchange *x = calloc(1, sizeof *x);
    (void)ctx;
    (void)connection;
    if (!x)
        return NULL;
    web_call_init(&x->call);
    (void)web_request_target(&x->call.request, target, &x->error);
    return x;
}

/* Headers are there: decide, or let the body come. */
static void begin(web_server *server, struct MHD_Connection *connection, exchange *x,
                  const char *method)
{
    x->begun = true;
    read_request(&x->call, connection, method);
    web_connection_busy(connection_of(connection));
    if (x->error.status != 0)
        web_call_error(&x->call, &x->error);
    else
        web_api_start(&server->api, &x->call);
    int64_t length = x->call.request.content_length;
    int64_t most = server->options.max_upload;
    web_connection_expect(connection_of(connection), 0,
                          (double)(length < 0 || length > most ? most : length));
}

/* A refused upload is read to its end when that is near, so that the client sees why. */
static bool skip_body(const web_server *server, const web_call *call)
{
    return call->replied && call->request.content_length > server->options.max_upload;
}

static enum MHD_Result on_request(void *ctx, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *data,
                                  size_t *size, void **state)
{
    web_server *server = ctx;
    exchange *x = *state;
    (void)url;
    (void)version;
    if (!x)
        return MHD_NO;
    if (!x->begun) {
        begin(server, connection, x, method);
        return skip_body(server, &x->call) ? send_reply(server, connection, &x->call) : MHD_YES;
    }
    if (*size > 0) {
        web_api_body(&server->api, &x->call, data, *size);
        *size = 0;
        return MHD_YES;
    }
    web_connection_busy(connection_of(connection));
    web_api_finish(&server->api, &x->call);
    return send_reply(server, connection, &x->call);
}

static void on_completed(void *ctx, struct MHD_Connection *connection, void **state,
                         enum MHD_RequestTerminationCode why)
{
    exchange *x = *state;
    (void)ctx;
    (void)why;
    if (x)
        web_call_free(&x->call);
    free(x);
    *state = NULL;
    web_connection_expect(connection_of(connection), 0, 0);
}

static void on_log(void *ctx, const char *fmt, va_list args)
{
    (void)ctx;
    (void)fmt;
    (void)args; /* nothing a client does is worth a line */
}

/* ---- starting and stopping ---- */

static void *janitor(void *ctx)
{
    web_server *server = ctx;
    while (!web_jobs_stopped(server->api.jobs)) {
        pause_ms(TICK_MS);
        double now = web_now();
        web_connections_expire(server->connections, now);
        web_jobs_expire(server->api.jobs, now);
        web_views_expire(server->api.views, now);
    }
    return NULL;
}

static drn_status find_address(struct addrinfo **out, const web_options *o, drn_error *err)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    char port[8];
    if (o->port < 0 || o->port > 65535)
        return fail(err, DRN_ERR_INVALID, "a port is within 0..65535", NULL);
    snprintf(port, sizeof port, "%d", o->port);
    int failed = getaddrinfo(o->host, port, &hints, out);
    if (failed)
        return fail(err, DRN_ERR_INVALID, o->host, gai_strerror(failed));
    return DRN_OK;
}

/* No timeouts of libmicrohttpd's own: they count from the last byte, so that a drip a second keeps
 * a connection for ever, and a long conversion looks like silence. */
static drn_status start_daemon(web_server *server, const struct addrinfo *at, drn_error *err)
{
    unsigned flags = MHD_USE_THREAD_PER_CONNECTION | MHD_USE_INTERNAL_POLLING_THREAD |
                     MHD_USE_POLL | MHD_USE_ITC | MHD_USE_ERROR_LOG;
    if (at->ai_family == AF_INET6)
        flags |= MHD_USE_IPv6;
    server->daemon = MHD_start_daemon(
        flags, 0, NULL, NULL, on_request, server, MHD_OPTION_EXTERNAL_LOGGER, on_log, NULL,
        MHD_OPTION_SOCK_ADDR, at->ai_addr, MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS_MAX,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY, MHD_OPTION_NOTIFY_COMPLETED,
        on_completed, server, MHD_OPTION_NOTIFY_CONNECTION, on_connection, server,
        MHD_OPTION_URI_LOG_CALLBACK, on_target, server, MHD_OPTION_STRICT_FOR_CLIENT, 1,
        MHD_OPTION_END);
    if (server->daemon)
        return DRN_OK;
    char what[300];
    snprintf(what, sizeof what, "cannot listen on %s port %d", server->options.host,
             server->options.port);
    return fail(err, DRN_ERR_IO, what, strerror(errno));
}

static void make_url(web_server *server)
{
    const union MHD_DaemonInfo *info =
        MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_BIND_PORT);
    const char *host = server->options.host;
    bool v6 = strchr(host, ':') != NULL;
    snprintf(server->url, sizeof server->url, "http://%s%.250s%s:%u/", v6 ? "[" : "", host,
             v6 ? "]" : "", info ? (unsigned)info->port : (unsigned)server->options.port);
}

static drn_status listen_on(web_server *server, drn_error *err)
{
    struct addrinfo *at;
    drn_status st = find_address(&at, &server->options, err);
    if (st != DRN_OK)
        return st;
    st = start_daemon(server, at, err);
    freeaddrinfo(at);
    if (st == DRN_OK)
        make_url(server);
    return st;
}

/* The name it listens on, and those allowed besides. */
static drn_status make_guard(web_server *server, drn_error *err)
{
    const web_options *o = &server->options;
    server->hosts = calloc(o->allow_host_count + 1, sizeof *server->hosts);
    if (!server->hosts)
        return fail(err, DRN_ERR_NOMEM, "no memory for names of hosts", NULL);
    server->hosts[0] = o->host;
    for (size_t i = 0; i < o->allow_host_count; i++)
        server->hosts[i + 1] = o->allow_hosts[i];
    server->api.guard = (web_guard){server->hosts, o->allow_host_count + 1};
    return DRN_OK;
}

static drn_status start_parts(web_server *server, drn_error *err)
{
    web_error e = {0};
    web_api *api = &server->api;
    *api = (web_api){.options = &server->options, .models = &server->models};
    drn_status st = make_guard(server, err);
    if (st != DRN_OK)
        return st;
    if (web_jobs_new(&api->jobs, &server->options, &server->models, server->options.jobs, &e) !=
            0 ||
        web_views_new(&api->views, api->jobs, &e) != 0 ||
        web_connections_new(&server->connections, server->options.slow_s, &e) != 0)
        return fail_web(err, &e);
    return DRN_OK;
}

drn_status web_server_start(web_server **out, const web_options *options, drn_error *err)
{
    web_server *server = calloc(1, sizeof *server);
    if (!server)
        return fail(err, DRN_ERR_NOMEM, "no memory for the server", NULL);
    server->options = *options;
    drn_status st = web_models_load(&server->models, options->models, options->model_count, err);
    if (st == DRN_OK)
        st = start_parts(server, err);
    if (st == DRN_OK)
        st = listen_on(server, err);
    if (st == DRN_OK) {
        server->janitor_runs = pthread_create(&server->janitor, NULL, janitor, server) == 0;
        if (!server->janitor_runs)
            st = fail(err, DRN_ERR_NOMEM, "cannot start a thread", NULL);
    }
    if (st != DRN_OK) {
        web_server_stop(server);
        return st;
    }
    *out = server;
    return DRN_OK;
}

const char *web_server_url(const web_server *server)
{
    return server->url;
}

void web_server_stop(web_server *server)
{
    if (!server)
        return;
    if (server->api.jobs)
        web_jobs_stop(server->api.jobs);
    if (server->janitor_runs)
        pthread_join(server->janitor, NULL);
    if (server->daemon)
        MHD_stop_daemon(server->daemon);
    web_views_free(server->api.views);
    web_jobs_free(server->api.jobs);
    web_connections_free(server->connections);
    web_models_free(&server->models);
    free(server->hosts);
    free(server);
}
