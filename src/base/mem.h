/* Counted, aligned memory and checked sizes. */
#ifndef DRN_BASE_MEM_H
#define DRN_BASE_MEM_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DRN_ALIGN 64u /* bytes; every block starts on a cache line */

/* 64-byte aligned memory, not cleared; NULL when refused.  Free with drn_free(). */
void *drn_alloc(size_t bytes);
/* The same, cleared. */
void *drn_calloc(size_t count, size_t size);
/* Copy of a string; NULL in, NULL out. */
char *drn_strdup(const char *s);
/* NULL is fine. */
void drn_free(void *p);

/* As above, with the error written when memory is refused.  *out is set to NULL on failure. */
drn_status drn_alloc_to(void *out, size_t count, size_t size, drn_error *err);
drn_status drn_calloc_to(void *out, size_t count, size_t size, drn_error *err);

/* out = a * b, or DRN_ERR_NOMEM when it does not fit. */
drn_status drn_size_mul(size_t *out, size_t a, size_t b, drn_error *err);
drn_status drn_size_add(size_t *out, size_t a, size_t b, drn_error *err);

/* Bytes handed out now, and the most so far since the last reset. */
size_t drn_mem_current(void);
size_t drn_mem_peak(void);
void drn_mem_peak_reset(void);

/* Tests: make the n-th allocation from now (1 = the next) and all later ones fail; 0 = never. */
void drn_mem_fail_nth(size_t n);

#endif
