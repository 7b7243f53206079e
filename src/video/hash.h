/* A 64-bit hash that finds torn writes and changed frames; it keeps no adversary out. */
#ifndef DRN_VIDEO_HASH_H
#define DRN_VIDEO_HASH_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define DRN_HASH_START 0x9e3779b97f4a7c15u

static inline uint64_t drn_hash_mix(uint64_t h, uint64_t v)
{
    h = (h ^ v) * 0xff51afd7ed558ccdu;
    return h ^ h >> 32;
}

/* Goes on from h; pieces give another value than the whole. */
static inline uint64_t drn_hash(uint64_t h, const void *data, size_t size)
{
    const unsigned char *p = data;
    uint64_t v;
    h = drn_hash_mix(h, size);
    for (; size >= sizeof v; size -= sizeof v, p += sizeof v) {
        memcpy(&v, p, sizeof v);
        h = drn_hash_mix(h, v);
    }
    v = 0;
    if (size)
        memcpy(&v, p, size);
    return size ? drn_hash_mix(h, v) : h;
}

#endif
