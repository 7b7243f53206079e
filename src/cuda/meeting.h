/* How ranks find each other: through files in a folder that all see.
 *
 * Rank k writes FILE.k with a random number of its own; rank 0 answers in FILE with what all need to know and the
 * numbers it has read.  A rank believes only a FILE with its number in it, and rank 0 goes on only when all have
 * said so: files that killed runs have left are never mistaken for this one's.  The files are removed once all
 * are connected; FILE.failed is what a rank that gives up tells the others. */
#ifndef DRN_CUDA_MEETING_H
#define DRN_CUDA_MEETING_H

#include "cuda/cuda.h"

enum { DRN_NCCL_ID = 128 }; /* bytes */

typedef struct drn_meeting drn_meeting;

/* Wait for all ranks; id is rank 0's to give and the others' to receive, `same` must be equal.  FILE is what
 * DRN_RENDEZVOUS says, else in folder (NULL: TMPDIR, /tmp), by the launcher's number of the job.
 * DRN_ERR_IO: the folder cannot be written to; DRN_ERR_DEVICE: another rank gave up ("rank N: " and its message), or
 * did not come within DRN_RENDEZVOUS_TIMEOUT seconds (300); DRN_ERR_INVALID: `same` or the number of ranks is not equal. */
drn_status drn_meeting_open(drn_meeting **out, const char *folder, const drn_cuda_ranks *r, unsigned char *id, uint64_t same,
                            drn_error *err);
/* All are connected: remove the files. */
void drn_meeting_done(drn_meeting *m);
void drn_meeting_free(drn_meeting *m); /* removes them, too */

/* Tell the others, unless another rank has told already. */
void drn_meeting_fail(drn_meeting *m, const char *message);
/* Whether another rank has, and what. */
bool drn_meeting_failed(const drn_meeting *m, char *text, size_t size);

#endif
