#include "client.h"

#include "harness.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

int client_connect(const char *url)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    at.sin_port = htons((uint16_t)atoi(strrchr(url, ':') + 1));
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(fd >= 0);
    CHECK(connect(fd, (struct sockaddr *)&at, sizeof at) == 0);
    return fd;
}

void client_send(int fd, const void *data, size_t size)
{
    for (const char *p = data; size > 0;) {
        ssize_t n = send(fd, p, size, MSG_NOSIGNAL);
        if (n <= 0)
            return; /* the answer, or its absence, tells */
        p += n;
        size -= (size_t)n;
    }
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Bytes read, 0 at the end, -1 when nothing came until then. */
static ssize_t read_until(int fd, void *to, size_t size, double end)
{
    struct pollfd p = {fd, POLLIN, 0};
    double left = end - now();
    if (left <= 0 || poll(&p, 1, (int)(left * 1000) + 1) <= 0)
        return -1;
    ssize_t n = recv(fd, to, size, 0);
    return n < 0 ? 0 : n;
}

int client_closed(int fd, double seconds)
{
    char buffer[4096];
    double end = now() + seconds;
    for (;;) {
        ssize_t n = read_until(fd, buffer, sizeof buffer, end);
        if (n <= 0)
            return n == 0;
    }
}

/* Join the pieces of a chunked body in place. */
static size_t join_chunks(char *body)
{
    char *to = body, *at = body;
    for (;;) {
        char *rest;
        size_t n = strtoul(at, &rest, 16);
        if (n == 0 || strncmp(rest, "\r\n", 2) != 0)
            break;
        memmove(to, rest + 2, n);
        to += n;
        at = rest + 2 + n + 2;
    }
    *to = 0;
    return (size_t)(to - body);
}

/* Whether the text read so far is a whole answer. */
static int complete(const char *text, size_t size)
{
    const char *end = strstr(text, "\r\n\r\n"), *length = strcasestr(text, "content-length:");
    if (!end)
        return 0;
    if (length && length < end)
        return size >= (size_t)(end + 4 - text) + strtoul(length + 15, NULL, 10);
    if (strcasestr(text, "transfer-encoding: chunked"))
        return size >= 5 && memcmp(text + size - 5, "0\r\n\r\n", 5) == 0;
    return strncmp(text + 9, "204", 3) == 0;
}

answer client_read(int fd)
{
    answer a = {.text = calloc(1, 1 << 22)};
    size_t used = 0;
    double end = now() + 10;
    CHECK(a.text != NULL);
    while (!complete(a.text, used)) {
        ssize_t n = read_until(fd, a.text + used, (1 << 22) - 1 - used, end);
        if (n <= 0)
            break;
        used += (size_t)n;
    }
    a.body = strstr(a.text, "\r\n\r\n");
    a.body = a.body ? a.body + 4 : a.text + used;
    a.body_size = used - (size_t)(a.body - a.text);
    a.status = used > 12 ? atoi(a.text + 9) : 0;
    const char *chunked = strcasestr(a.text, "transfer-encoding: chunked");
    if (chunked && chunked < a.body)
        a.body_size = join_chunks(a.body);
    return a;
}

void answer_free(answer *a)
{
    free(a->text);
    *a = (answer){0};
}

const char *answer_header(const answer *a, const char *name)
{
    static char value[2000];
    size_t n = strlen(name);
    value[0] = 0;
    for (const char *line = a->text; line && line < a->body; line = strstr(line, "\r\n")) {
        line += line == a->text ? 0 : 2;
        if (strncasecmp(line, name, n) == 0 && line[n] == ':')
            snprintf(value, sizeof value, "%.*s", (int)strcspn(line + n + 2, "\r"), line + n + 2);
    }
    return value;
}

answer client_ask(const char *url, const char *head, const void *body, size_t size)
{
    int fd = client_connect(url);
    client_send(fd, head, strlen(head));
    if (size > 0)
        client_send(fd, body, size);
    answer a = client_read(fd);
    close(fd);
    return a;
}
