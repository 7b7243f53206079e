#include "base/mem.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define HEADER DRN_ALIGN             /* the size of a block stands in the line before it */
#define HUGE_BYTES ((size_t)4 << 20) /* blocks from here on ask for huge pages */

static atomic_size_t current, peak;
static atomic_size_t fail_countdown; /* 0: off; 1: failing; n: n-1 more succeed */

static bool refused(void)
{
    size_t left = atomic_load(&fail_countdown);
    while (left > 1)
        if (atomic_compare_exchange_weak(&fail_countdown, &left, left - 1))
            return false;
    return left == 1;
}

void *drn_alloc(size_t bytes)
{
    if (bytes > PTRDIFF_MAX - 2 * HUGE_BYTES || refused())
        return NULL;
    size_t align = bytes >= HUGE_BYTES ? (size_t)2 << 20 : DRN_ALIGN;
    size_t total = (bytes + HEADER + align - 1) / align * align;
    char *base = aligned_alloc(align, total);
    if (!base)
        return NULL;
    if (bytes >= HUGE_BYTES)
        (void)madvise(base, total, MADV_HUGEPAGE); /* a hint; page faults dominate without it */
    memcpy(base, &bytes, sizeof bytes);
    size_t now = atomic_fetch_add(&current, bytes) + bytes;
    size_t seen = atomic_load(&peak);
    while (seen < now && !atomic_compare_exchange_weak(&peak, &seen, now)) {
    }
    return base + HEADER;
}

void *drn_calloc(size_t count, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes))
        return NULL;
    void *p = drn_alloc(bytes);
    if (p)
        memset(p, 0, bytes);
    return p;
}

char *drn_strdup(const char *s)
{
    if (!s)
        return NULL;
    size_t n = strlen(s) + 1;
    char *p = drn_alloc(n);
    if (p)
        memcpy(p, s, n);
    return p;
}

void drn_free(void *p)
{
    if (!p)
        return;
    char *base = (char *)p - HEADER;
    size_t bytes;
    memcpy(&bytes, base, sizeof bytes);
    atomic_fetch_sub(&current, bytes);
    free(base);
}

static drn_status store(void *out, void *p, size_t count, size_t size, drn_error *err)
{
    memcpy(out, &p, sizeof p);
    if (p)
        return DRN_OK;
    return drn_fail(err, DRN_ERR_NOMEM, "out of memory: %zu x %zu bytes refused", count, size);
}

drn_status drn_alloc_to(void *out, size_t count, size_t size, drn_error *err)
{
    size_t bytes;
    bool fits = !__builtin_mul_overflow(count, size, &bytes);
    return store(out, fits ? drn_alloc(bytes) : NULL, count, size, err);
}

drn_status drn_calloc_to(void *out, size_t count, size_t size, drn_error *err)
{
    return store(out, drn_calloc(count, size), count, size, err);
}

drn_status drn_size_mul(size_t *out, size_t a, size_t b, drn_error *err)
{
    if (__builtin_mul_overflow(a, b, out))
        return drn_fail(err, DRN_ERR_NOMEM, "size overflow: %zu x %zu", a, b);
    return DRN_OK;
}

drn_status drn_size_add(size_t *out, size_t a, size_t b, drn_error *err)
{
    if (__builtin_add_overflow(a, b, out))
        return drn_fail(err, DRN_ERR_NOMEM, "size overflow: %zu + %zu", a, b);
    return DRN_OK;
}

size_t drn_mem_current(void)
{
    return atomic_load(&current);
}

size_t drn_mem_peak(void)
{
    return atomic_load(&peak);
}

void drn_mem_peak_reset(void)
{
    atomic_store(&peak, atomic_load(&current));
}

void drn_mem_fail_nth(size_t n)
{
    atomic_store(&fail_countdown, n);
}
