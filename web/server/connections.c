#include "server/connections.h"

#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>

/* Bytes a second that nobody is slower than who means it. */
#define SLOWEST 32768.0

struct web_connection {
    web_connections *all;
    web_connection *next, *previous;
    int fd;
    double deadline;
};

struct web_connections {
    pthread_mutex_t mutex;
    web_connection *first;
    double slow_s;
};

int web_connections_new(web_connections **out, double slow_s, web_error *err)
{
    web_connections *all = calloc(1, sizeof *all);
    if (!all)
        return web_no_memory(err);
    all->slow_s = slow_s;
    pthread_mutex_init(&all->mutex, NULL);
    *out = all;
    return 0;
}

void web_connections_free(web_connections *all)
{
    if (!all)
        return;
    while (all->first)
        web_connections_remove(all, all->first);
    pthread_mutex_destroy(&all->mutex);
    free(all);
}

web_connection *web_connections_add(web_connections *all, int fd)
{
    web_connection *c = calloc(1, sizeof *c);
    if (!c)
        return NULL;
    *c = (web_connection){.all = all, .fd = fd, .deadline = web_now() + all->slow_s};
    pthread_mutex_lock(&all->mutex);
    c->next = all->first;
    if (c->next)
        c->next->previous = c;
    all->first = c;
    pthread_mutex_unlock(&all->mutex);
    return c;
}

void web_connections_remove(web_connections *all, web_connection *c)
{
    if (!c)
        return;
    pthread_mutex_lock(&all->mutex);
    if (c->previous)
        c->previous->next = c->next;
    else
        all->first = c->next;
    if (c->next)
        c->next->previous = c->previous;
    pthread_mutex_unlock(&all->mutex);
    free(c);
}

static void set_deadline(web_connection *c, double deadline)
{
    if (!c)
        return;
    pthread_mutex_lock(&c->all->mutex);
    c->deadline = deadline;
    pthread_mutex_unlock(&c->all->mutex);
}

void web_connection_expect(web_connection *c, double extra_s, double bytes)
{
    if (c)
        set_deadline(c, web_now() + extra_s + c->all->slow_s + bytes / SLOWEST);
}

void web_connection_busy(web_connection *c)
{
    set_deadline(c, (double)INFINITY);
}

/* Under the lock a socket is not closed yet, so its number is still its own. */
int web_connections_expire(web_connections *all, double now)
{
    int late = 0;
    pthread_mutex_lock(&all->mutex);
    for (web_connection *c = all->first; c; c = c->next)
        if (now > c->deadline) {
            shutdown(c->fd, SHUT_RDWR);
            c->deadline = (double)INFINITY;
            late++;
        }
    pthread_mutex_unlock(&all->mutex);
    return late;
}
