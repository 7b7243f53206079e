/* Seeded random numbers: xoshiro256** by Blackman and Vigna, state small enough for a checkpoint. */
#ifndef DRN_BASE_RNG_H
#define DRN_BASE_RNG_H

#include <stdint.h>

typedef struct drn_rng {
    uint64_t s[4];
} drn_rng;

/* Independent stream for a pair (seed, stream); splitmix64 fills the state. */
void drn_rng_seed(drn_rng *rng, uint64_t seed, uint64_t stream);
uint64_t drn_rng_u64(drn_rng *rng);
/* Uniform in 0 .. n-1 without bias; n >= 1. */
uint64_t drn_rng_below(drn_rng *rng, uint64_t n);
/* Uniform in [0, 1). */
double drn_rng_uniform(drn_rng *rng);
/* Mean 0, variance 1 (Box-Muller, one value a call). */
double drn_rng_normal(drn_rng *rng);

#endif
