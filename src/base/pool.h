/* Thread pool: a job is a fixed number of chunks; any thread may take any chunk.  As a chunk
 * always writes the same outputs, results do not depend on the number of threads. */
#ifndef DRN_BASE_POOL_H
#define DRN_BASE_POOL_H

#include "base/error.h"

#include <stddef.h>

typedef struct drn_pool drn_pool;

/* chunk: 0 .. chunks-1; thread: 0 .. threads-1, for per-thread scratch. */
typedef void (*drn_pool_fn)(void *ctx, size_t chunk, int thread);

/* threads >= 1 counts the caller; 0 = as many as the process may use. */
drn_status drn_pool_new(drn_pool **out, int threads, drn_error *err);
void drn_pool_free(drn_pool *pool);
int drn_pool_threads(const drn_pool *pool); /* NULL: 1 */

/* Run fn for every chunk and wait.  pool may be NULL: all on the caller.  One job at a time a
 * pool; calls from inside a chunk are not allowed. */
void drn_pool_run(drn_pool *pool, size_t chunks, drn_pool_fn fn, void *ctx);

/* Cores this process may use (affinity and cgroup quota), at least 1. */
int drn_cpu_count(void);

#endif
