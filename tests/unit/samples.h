/* Samples of a picture that is the same in both number types. */
#ifndef DRN_TESTS_SAMPLES_H
#define DRN_TESTS_SAMPLES_H

#include "tensor/tensor.h"

/* Sample i, in [0, 1]. */
static inline float sample(size_t i)
{
    return (float)((i * 7919 + i / 13 * 104729) % 251) / 250;
}

static inline void sample_put(void *p, size_t i, double v, drn_dtype type)
{
    if (type == DRN_FLOAT64)
        ((double *)p)[i] = v;
    else
        ((float *)p)[i] = (float)v;
}

static inline double sample_get(const void *p, size_t i, drn_dtype type)
{
    return type == DRN_FLOAT64 ? ((const double *)p)[i] : (double)((const float *)p)[i];
}

#endif
