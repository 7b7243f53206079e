/* A client made of plain sockets: it can be as rude as a test wants. */
#ifndef DRN_TESTS_WEB_CLIENT_H
#define DRN_TESTS_WEB_CLIENT_H

#include <stddef.h>

typedef struct answer {
    int status; /* 0: the server closed without a word */
    char *text; /* headers and body; to be freed */
    char *body; /* in text; decoded when chunked */
    size_t body_size;
} answer;

/* Connect to the port of a URL on 127.0.0.1. */
int client_connect(const char *url);
void client_send(int fd, const void *data, size_t size);
/* Whether the server closes within so many seconds; what it sends is dropped. */
int client_closed(int fd, double seconds);
/* Read one answer; waits at most ten seconds. */
answer client_read(int fd);
void answer_free(answer *a);
/* Value of a header in a static buffer, or "". */
const char *answer_header(const answer *a, const char *name);

/* One request on a connection of its own. */
answer client_ask(const char *url, const char *head, const void *body, size_t size);

#endif
