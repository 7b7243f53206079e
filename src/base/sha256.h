/* SHA-256 (FIPS 180-4), to tell whether bytes are those they should be. */
#ifndef DRN_BASE_SHA256_H
#define DRN_BASE_SHA256_H

#include <stddef.h>

/* hex receives 64 digits and a zero. */
void drn_sha256(char hex[65], const void *data, size_t size);

#endif
