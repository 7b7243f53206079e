/* The server on a socket: headers, uploads, streams, and clients that are slow, rude or many. */
#include "client.h"
#include "fixture.h"
#include "server/connections.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static web_server *start(const web_options *changed)
{
    static const char *name;
    web_server *server = NULL;
    web_options o = changed ? *changed : web_options_default();
    drn_error err = {0};
    name = model_file();
    o.models = &name;
    o.model_count = 1;
    CHECK_OK(web_server_start(&server, &o, &err), err);
    return server;
}

static answer get(const web_server *server, const char *target)
{
    char head[400];
    snprintf(head, sizeof head, "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n", target);
    return client_ask(web_server_url(server), head, NULL, 0);
}

/* Upload a picture of width x height; the answer is 201. */
static void upload(char id[WEB_ID_LENGTH + 1], const web_server *server, int width, int height)
{
    char head[300];
    size_t size;
    char *ppm = make_ppm(width, height, &size);
    snprintf(head, sizeof head,
             "POST /api/jobs?scale=4&name=p.ppm HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: "
             "image/x-portable-pixmap\r\nContent-Length: %zu\r\n\r\n",
             size);
    answer a = client_ask(web_server_url(server), head, ppm, size);
    CHECK_INT(a.status, 201);
    snprintf(id, WEB_ID_LENGTH + 1, "%s", json_at(a.body, "id"));
    CHECK(strcmp(answer_header(&a, "Location") + strlen("/api/jobs/"), id) == 0);
    answer_free(&a);
    free(ppm);
}

/* The stream until its end; fails when it does not end. */
static answer follow(const web_server *server, const char *id)
{
    char target[100];
    snprintf(target, sizeof target, "/api/events?ids=%s", id);
    answer a = get(server, target);
    CHECK_INT(a.status, 200);
    return a;
}

TEST(round_trip, "upload, follow, view, download, remove")
{
    web_server *server = start(NULL);
    char id[WEB_ID_LENGTH + 1], target[200];
    upload(id, server, 40, 30);
    answer a = follow(server, id);
    CHECK_STR(answer_header(&a, "Content-Type"), "text/event-stream");
    CHECK(strstr(a.body, "\"state\":\"done\""));
    CHECK(strstr(a.body, "event: end"));
    answer_free(&a);
    snprintf(target, sizeof target, "/api/jobs/%s/result", id);
    a = get(server, target);
    CHECK_INT(a.status, 200);
    CHECK_STR(answer_header(&a, "Content-Type"), "image/png");
    CHECK(strstr(answer_header(&a, "Content-Disposition"), "attachment; filename=\"p_x4.png\""));
    CHECK(a.body_size > 100 && memcmp(a.body, "\x89PNG", 4) == 0);
    answer_free(&a);
    snprintf(target, sizeof target, "/api/jobs/%s/view?image=bicubic&max=50", id);
    a = get(server, target);
    CHECK_INT(a.status, 200);
    answer_free(&a);
    snprintf(target, sizeof target, "DELETE /api/jobs/%s HTTP/1.1\r\nHost: localhost\r\n\r\n", id);
    a = client_ask(web_server_url(server), target, NULL, 0);
    CHECK_INT(a.status, 204);
    answer_free(&a);
    web_server_stop(server);
}

TEST(headers,
     "every answer forbids sniffing, framing and other origins; the page runs only its own")
{
    static const char *const targets[] = {"/", "/api", "/nothing"};
    web_server *server = start(NULL);
    for (int i = 0; i < 3; i++) {
        answer a = get(server, targets[i]);
        CHECK_STR(answer_header(&a, "X-Content-Type-Options"), "nosniff");
        CHECK_STR(answer_header(&a, "Cross-Origin-Resource-Policy"), "same-origin");
        CHECK_STR(answer_header(&a, "Referrer-Policy"), "no-referrer");
        CHECK_STR(answer_header(&a, "Cache-Control"), "no-store");
        const char *policy = answer_header(&a, "Content-Security-Policy");
        CHECK(strncmp(policy, "default-src 'none'", 18) == 0);
        CHECK(strstr(policy, "frame-ancestors 'none'"));
        CHECK(!strstr(policy, "unsafe") && !strstr(policy, "http") && !strchr(policy, '*'));
        if (i == 0) {
            const char *nonce = strstr(policy, "script-src 'nonce-");
            CHECK(nonce != NULL);
            CHECK(memmem(a.body, a.body_size, nonce + 18, 32) != NULL);
        }
        answer_free(&a);
    }
    web_server_stop(server);
}

static int status_of(const web_server *server, const char *head)
{
    answer a = client_ask(web_server_url(server), head, NULL, 0);
    int status = a.status;
    answer_free(&a);
    return status;
}

TEST(strangers, "other hosts, other origins and preflights are refused")
{
    web_server *server = start(NULL);
    CHECK_INT(status_of(server, "GET / HTTP/1.1\r\nHost: rebound.example\r\n\r\n"), 403);
    CHECK_INT(
        status_of(server,
                  "GET /api HTTP/1.1\r\nHost: localhost\r\nOrigin: http://evil.example\r\n\r\n"),
        403);
    CHECK_INT(status_of(server, "POST /api/jobs HTTP/1.1\r\nHost: localhost\r\nOrigin: null\r\n"
                                "Content-Type: image/png\r\nContent-Length: 0\r\n\r\n"),
              403);
    CHECK_INT(
        status_of(server,
                  "GET /api HTTP/1.1\r\nHost: localhost\r\nSec-Fetch-Site: same-site\r\n\r\n"),
        403);
    CHECK_INT(
        status_of(server,
                  "OPTIONS /api/jobs HTTP/1.1\r\nHost: localhost\r\nOrigin: http://evil.example\r\n"
                  "Access-Control-Request-Method: POST\r\n\r\n"),
        403);
    CHECK_INT(status_of(server,
                        "GET / HTTP/1.1\r\nHost: localhost\r\nSec-Fetch-Site: cross-site\r\n"
                        "Sec-Fetch-Mode: navigate\r\n\r\n"),
              200);
    web_server_stop(server);
}

TEST(traversal, "no address leads to a file")
{
    static const char *const targets[] = {
        "/../../../../etc/passwd",
        "/..%2f..%2f..%2fetc%2fpasswd",
        "/%2e%2e/%2e%2e/etc/passwd",
        "//etc/passwd",
        "/api/jobs/../../../etc/passwd",
        "/api/jobs/%2e%2e%2f%2e%2e%2fetc%2fpasswd",
        "/dist/index.html",
        "/api/jobs/..%00",
    };
    web_server *server = start(NULL);
    for (size_t i = 0; i < sizeof targets / sizeof *targets; i++) {
        answer a = get(server, targets[i]);
        if ((a.status != 404 && a.status != 400) || strstr(a.body, "root:"))
            test_fail(__FILE__, __LINE__, "%s: %d", targets[i], a.status);
        answer_free(&a);
    }
    web_server_stop(server);
}

TEST(too_large,
     "a body announced too large is refused before it is read; a small refused one is read")
{
    web_options o = web_options_default();
    o.max_upload = 50000;
    web_server *server = start(&o);
    answer a =
        client_ask(web_server_url(server),
                   "POST /api/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/png\r\n"
                   "Content-Length: 900000000\r\n\r\n",
                   NULL, 0);
    CHECK_INT(a.status, 413);
    CHECK_STR(json_at(a.body, "error.code"), "too_large");
    answer_free(&a);
    char *body = calloc(1, 40000);
    a = client_ask(
        web_server_url(server),
        "POST /api/jobs?scale=3 HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/png\r\n"
        "Content-Length: 40000\r\n\r\n",
        body, 40000);
    CHECK_INT(a.status, 400);
    answer_free(&a);
    free(body);
    web_server_stop(server);
}

TEST(chunked, "a chunked upload is taken, and cut off at the limit")
{
    web_options o = web_options_default();
    o.max_upload = 20000;
    web_server *server = start(&o);
    size_t size;
    char chunk[32], *ppm = make_ppm(30, 20, &size);
    static const char head[] =
        "POST /api/jobs?scale=2 HTTP/1.1\r\nHost: localhost\r\nContent-Type: "
        "image/x-portable-pixmap\r\nTransfer-Encoding: chunked\r\n\r\n";
    for (int times = 1; times <= 20; times += 19) {
        int fd = client_connect(web_server_url(server));
        client_send(fd, head, sizeof head - 1);
        for (int i = 0; i < times; i++) {
            int n = snprintf(chunk, sizeof chunk, "%zx\r\n", size);
            client_send(fd, chunk, (size_t)n);
            client_send(fd, ppm, size);
            client_send(fd, "\r\n", 2);
        }
        client_send(fd, "0\r\n\r\n", 5);
        answer a = client_read(fd);
        CHECK_INT(a.status, times == 1 ? 201 : 413);
        answer_free(&a);
        close(fd);
    }
    free(ppm);
    web_server_stop(server);
}

TEST(gone, "a client that leaves in the middle of its upload leaves nothing behind")
{
    web_options o = web_options_default();
    o.queue = 1;
    web_server *server = start(&o);
    char id[WEB_ID_LENGTH + 1];
    for (int i = 0; i < 5; i++) {
        static const char head[] =
            "POST /api/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/png\r\n"
            "Content-Length: 1000\r\n\r\nhalf";
        int fd = client_connect(web_server_url(server));
        client_send(fd, head, sizeof head - 1);
        usleep(20000);
        close(fd);
    }
    usleep(200000);
    upload(id, server, 8, 8); /* the only place is free */
    web_server_stop(server);
}

TEST(drip, "who drips headers, or a body, or stays silent, is cut off; who works meanwhile is not")
{
    web_options o = web_options_default();
    o.slow_s = 1;
    web_server *server = start(&o);
    const char *url = web_server_url(server);
    static const char head[] = "GET /api HTTP/1.1\r\nHost: localhost\r\n";
    static const char post[] =
        "POST /api/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/png\r\n"
        "Content-Length: 1000\r\n\r\n";
    int headers = client_connect(url), body = client_connect(url), silent = client_connect(url);
    client_send(headers, head, sizeof head - 1);
    client_send(body, post, sizeof post - 1);
    for (int i = 0; i < 12; i++) { /* three seconds */
        client_send(headers, "X: y\r\n", 6);
        client_send(body, "x", 1);
        answer a = get(server, "/api");
        CHECK_INT(a.status, 200);
        answer_free(&a);
        usleep(250000);
    }
    CHECK(client_closed(headers, 0.5));
    CHECK(client_closed(body, 0.5));
    CHECK(client_closed(silent, 0.5));
    close(headers);
    close(body);
    close(silent);
    web_server_stop(server);
}

TEST(deadlines, "a deadline is the fair time for the bytes and the grace; work has none")
{
    web_connections *all = NULL;
    web_error err = {0};
    int pair[2];
    CHECK_INT(web_connections_new(&all, 5, &err), 0);
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
    web_connection *c = web_connections_add(all, pair[0]);
    double now = web_now();
    CHECK_INT(web_connections_expire(all, now + 4), 0);
    web_connection_expect(c, 0, 32768 * 20);
    CHECK_INT(web_connections_expire(all, now + 24), 0);
    web_connection_busy(c);
    CHECK_INT(web_connections_expire(all, now + 1e6), 0);
    web_connection_expect(c, 0, 0);
    CHECK_INT(web_connections_expire(all, web_now() + 6), 1);
    char byte;
    CHECK_INT(recv(pair[1], &byte, 1, 0), 0); /* shut down */
    web_connections_remove(all, c);
    CHECK_INT(web_connections_expire(all, now + 1e6), 0);
    web_connections_free(all);
    close(pair[0]);
    close(pair[1]);
}

TEST(many, "connections beyond the limit are closed at once; silent ones make room again")
{
    web_options o = web_options_default();
    o.slow_s = 1;
    web_server *server = start(&o);
    int idle[90];
    for (int i = 0; i < 90; i++)
        idle[i] = client_connect(web_server_url(server));
    CHECK(client_closed(idle[89], 0.8));
    usleep(1800000);
    answer a = get(server, "/api");
    CHECK_INT(a.status, 200);
    answer_free(&a);
    for (int i = 0; i < 90; i++)
        close(idle[i]);
    web_server_stop(server);
}

TEST(keep_alive, "several requests on one connection")
{
    web_server *server = start(NULL);
    int fd = client_connect(web_server_url(server));
    static const char good[] = "GET /api HTTP/1.1\r\nHost: localhost\r\n\r\n";
    static const char bad[] = "GET /nothing HTTP/1.1\r\nHost: localhost\r\n\r\n";
    for (int i = 0; i < 4; i++) {
        client_send(fd, i % 2 ? bad : good, i % 2 ? sizeof bad - 1 : sizeof good - 1);
        answer a = client_read(fd);
        CHECK_INT(a.status, i % 2 ? 404 : 200);
        answer_free(&a);
    }
    close(fd);
    web_server_stop(server);
}

TEST(nonsense, "bytes that are no HTTP harm nobody")
{
    static const char *const texts[] = {
        "\r\n\r\n\r\n",
        "GET\r\n\r\n",
        "\x16\x03\x01\x02\x00\x01\x00",
        "GET / HTTP/9.9\r\n\r\n",
        "GET / HTTP/1.1\r\nHost\r\n\r\n",
        "POST /api/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Length: -5\r\n\r\n",
        "POST /api/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Length: "
        "99999999999999999999\r\n\r\n"};
    web_server *server = start(NULL);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        int fd = client_connect(web_server_url(server));
        client_send(fd, texts[i], strlen(texts[i]));
        shutdown(fd, SHUT_WR);
        (void)client_closed(fd, 1);
        close(fd);
    }
    char *head = malloc(70000); /* more headers than a connection has memory for */
    memset(head, 'h', 70000);
    memcpy(head, "GET / HTTP/1.1\r\nHost: localhost\r\nX: ", 36);
    memcpy(head + 69996, "\r\n\r\n", 5 - 1);
    int fd = client_connect(web_server_url(server));
    client_send(fd, head, 70000);
    (void)client_closed(fd, 1);
    close(fd);
    free(head);
    answer a = get(server, "/api");
    CHECK_INT(a.status, 200);
    answer_free(&a);
    web_server_stop(server);
}

TEST(stopping, "stopping ends streams and work at once")
{
    web_server *server = start(NULL);
    char id[WEB_ID_LENGTH + 1], head[200];
    upload(id, server, 1200, 1000);
    int fd = client_connect(web_server_url(server));
    snprintf(head, sizeof head, "GET /api/events?ids=%s HTTP/1.1\r\nHost: localhost\r\n\r\n", id);
    client_send(fd, head, strlen(head));
    usleep(100000);
    double begun = web_now();
    web_server_stop(server);
    CHECK(web_now() - begun < 5);
    close(fd);
}

TEST(port_taken, "a port that is taken and a host that is none are errors in words")
{
    web_server *server = start(NULL), *second = NULL;
    const char *name = model_file();
    web_options o = web_options_default();
    drn_error err = {0};
    o.models = &name;
    o.model_count = 1;
    o.port = atoi(strrchr(web_server_url(server), ':') + 1);
    CHECK_INT(web_server_start(&second, &o, &err), DRN_ERR_IO);
    CHECK(strstr(err.message, "cannot listen on 127.0.0.1 port"));
    o.host = "256.1.1.1";
    CHECK_INT(web_server_start(&second, &o, &err), DRN_ERR_INVALID);
    CHECK(!second);
    web_server_stop(server);
}
