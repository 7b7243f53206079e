/* Deadlines of connections: a client that sends or reads too slowly is cut off, however it drips.
 * Only http.c uses this. */
#ifndef DRN_WEB_CONNECTIONS_H
#define DRN_WEB_CONNECTIONS_H

#include "server/error.h"

#include <stdbool.h>

typedef struct web_connections web_connections;
typedef struct web_connection web_connection;

/* slow_s: seconds a client has for its headers, and beyond its body's fair time. */
int web_connections_new(web_connections **out, double slow_s, web_error *err);
void web_connections_free(web_connections *all);

/* A socket was opened: NULL without memory. */
web_connection *web_connections_add(web_connections *all, int fd);
/* It is about to be closed. */
void web_connections_remove(web_connections *all, web_connection *c);

/* The other side has extra_s + slow_s + a time that suits so many bytes.  NULL is fine. */
void web_connection_expect(web_connection *c, double extra_s, double bytes);
/* The server works: no deadline.  NULL is fine. */
void web_connection_busy(web_connection *c);

/* Cut off who is late.  now: web_now().  Returns how many. */
int web_connections_expire(web_connections *all, double now);

#endif
