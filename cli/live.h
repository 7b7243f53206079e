/* What the commands that write a results page share. */
#ifndef DRN_CLI_LIVE_H
#define DRN_CLI_LIVE_H

#include <stdbool.h>

/* The command as typed, "drn study table4 ...", for the results; to be freed.  Call before parsing.
 */
char *command_line(int argc, char **argv);

/* A progress line that may be overwritten by the next. */
typedef struct live_line {
    bool live, quiet;
    double shown; /* time of the last line, seconds */
    bool open;    /* the line has no end yet */
} live_line;

live_line live_start(bool quiet);
/* Whether it is time for a line: four a second on a terminal, else one in half a minute. */
bool live_due(live_line *l);
void live_print(live_line *l, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void live_end(live_line *l);
/* As drn_say_fn, ctx points to one: one-line messages go to stderr (if not quiet), longer ones, the
 * results, to stdout. */
void live_say(void *ctx, const char *text);

#endif
