/* Ranks for the rooms above: sums, copies.  What the program sees is drn/comm.h. */
#ifndef DRN_COMM_COMM_H
#define DRN_COMM_COMM_H

#include "base/error.h"
#include "drn/comm.h"

/* All functions: all ranks; DRN_ERR_IO when a rank is gone, and from then on at once; no-ops for NULL. */

/* data[count] = the sum over all ranks, the same bits everywhere: every element is added in the order of ranks,
 * in double, by one rank, whatever MPI does underneath. */
drn_status drn_comm_sum(drn_comm *c, float *data, size_t count, drn_error *err);
drn_status drn_comm_sum_doubles(drn_comm *c, double *data, size_t count, drn_error *err);
/* data of rank 0, to all. */
drn_status drn_comm_broadcast(drn_comm *c, void *data, size_t bytes, drn_error *err);
/* all[world][bytes] */
drn_status drn_comm_all_gather(drn_comm *c, void *all, const void *mine, size_t bytes, drn_error *err);

/* Seconds spent in these functions so far: moving bytes, and waiting for slower ranks. */
double drn_comm_seconds(const drn_comm *c);

/* A number that differs when the bytes do (FNV-1a over words; not against intent). */
uint64_t drn_comm_fingerprint(uint64_t seed, const void *data, size_t bytes);

#endif
