/* The program as several processes under mpirun: one output, one exit code, items shared out. */
#ifndef DRN_CLI_RANKS_H
#define DRN_CLI_RANKS_H

#include "drn/comm.h"

#include <stdbool.h>
#include <stddef.h>

/* Meet the other processes, if there are any; after the options are parsed.  Ends the program with a message when
 * that fails. */
void ranks_open(void);
/* Instead: this process speaks for itself. */
void ranks_apart(void);
/* NULL: alone */
drn_comm *ranks(void);
/* Whether messages are rank 0's to print; cli_error() keeps them for ranks_agree() then. */
bool ranks_silent(void);
void ranks_keep(const char *message);

/* All ranks: whether all are well and have the same number; rank 0 prints what another's trouble is. */
bool ranks_agree(bool ok, uint64_t same, const char *what);
/* All ranks: the worst of the exit codes; the ranks part. */
int ranks_end(int code);

/* Work on item i, on one rank; *result (malloc'ed) goes to rank 0.  False: this rank stops. */
typedef bool (*share_work)(void *ctx, size_t i, void **result, size_t *bytes);
/* On rank 0, in the order of items, as soon as may be.  False: all stop. */
typedef bool (*share_show)(void *ctx, size_t i, const void *result, size_t bytes);
/* All ranks: count items, item i on rank i modulo their number.  False: stopped before the end, or a rank was
 * lost, which is printed. */
bool ranks_share(size_t count, share_work work, share_show show, void *ctx);

#endif
