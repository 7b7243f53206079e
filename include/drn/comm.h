/* Several processes that work as one: ranks 0 .. world-1, started by mpirun or srun.
 *
 * A NULL drn_comm is the ordinary case, a process alone: rank 0 of 1, every call a no-op.  One thread of a
 * process may use its drn_comm; functions marked "all ranks" wait until every rank has called them. */
#ifndef DRN_COMM_H
#define DRN_COMM_H

#include "drn/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct drn_comm drn_comm;

/** How many processes the launcher started, from its environment variables (Open MPI, PMI, PMIx) alone.
 *  @param rank  receives the rank of this one, 0 when alone; may be NULL.
 *  @return 1: alone, or the variable DRN_MPI is "off"; 0: launched, the number is not known before
 *  drn_comm_open().  Thread-safe. */
int drn_comm_launched(int *rank);

/** Meet the other processes of the launcher.  All ranks.  Loads the module drn_mpi.so: the file or folder named
 *  by the variable DRN_MPI, else beside the program, else in its library folder.
 *  @param out  NULL when the process is alone, for which nothing is loaded; else to be closed.
 *  @return DRN_OK | DRN_ERR_UNSUPPORTED (no module, or it does not fit this launcher) | DRN_ERR_IO (MPI failed;
 *  the message is MPI's) | DRN_ERR_NOMEM. */
drn_status drn_comm_open(drn_comm **out, drn_error *err);

/** Part.  All ranks, unless an earlier call failed: then the process leaves without the others. */
void drn_comm_close(drn_comm *c);

int drn_comm_rank(const drn_comm *c);  /* NULL: 0 */
int drn_comm_world(const drn_comm *c); /* NULL: 1 */

/** Threads for this process when the user asked for `wanted` (0: all there are): the cores it may use, divided
 *  by the ranks of this machine that may use them too; at least 1.  NULL: wanted. */
int drn_comm_threads(const drn_comm *c, int wanted);

/** Tell each other how it goes.  All ranks.
 *  @param st     of this rank; the message is in err.
 *  @param votes  bits of this rank in, those of all ranks out; may be NULL.
 *  @param same   has to be equal on all ranks.
 *  @param what   named in the message when it is not: "rank 2 has other <what> than rank 0".
 *  @return the status of the first rank that failed, on all ranks, with "rank N: " before its message unless it
 *  is rank 0 | DRN_ERR_INVALID (same differs) | DRN_ERR_IO (a rank is gone). */
drn_status drn_comm_agree(drn_comm *c, drn_status st, unsigned *votes, uint64_t same, const char *what,
                          drn_error *err);

/** Send bytes to a rank, which takes them when it likes; returns at once.  The other side gets the messages of
 *  one rank in their order.  data is borrowed during the call. */
drn_status drn_comm_post(drn_comm *c, int to, const void *data, size_t bytes, drn_error *err);
/** A message of any rank.
 *  @param data  the bytes and a 0 behind them, to be freed with drn_comm_free_data(); NULL: none is there.
 *  @param wait  until there is one. */
drn_status drn_comm_take(drn_comm *c, int *from, void **data, size_t *bytes, bool wait, drn_error *err);
void drn_comm_free_data(void *data);

/** The process was asked to end: a call that waits for other ranks gives up after .4 s (rank 0; the others after
 *  30 s) with DRN_ERR_IO.  A launcher sends this signal also when another rank has died, and kills soon after.
 *  Async-signal-safe. */
void drn_comm_interrupt(void);

#ifdef __cplusplus
}
#endif
#endif
