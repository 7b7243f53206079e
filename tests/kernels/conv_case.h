/* A convolution with data for all passes, and the oracle's answers. */
#ifndef DRN_TESTS_CONV_CASE_H
#define DRN_TESTS_CONV_CASE_H

#include "kernels/conv.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct conv_case {
    drn_conv_geom g;
    uint64_t seed;
    drn_shape xs, ys;
    size_t nx, ny, nw; /* elements with the zero lanes; weights plain */
    bool flat;         /* a buffer holds one value: roundings of sums may not cancel */
    /* float data in tensor layout, and the same in double */
    float *x, *y, *w, *b, *slopes; /* slopes: -1..1, so that they enlarge no error */
    double *x64, *y64, *w64, *b64, *slopes64;
} conv_case;

drn_conv_geom conv_geom(int n, int c, int h, int w, int k, int rs, int stride, int pad);
/* Fills x, y (also used as dy and residual), w and bias from the seed; 1 buffer in 8 is hostile. */
conv_case conv_case_new(drn_conv_geom g, uint64_t seed);
void conv_case_free(conv_case *t);
/* "n=1 c=3 ... seed=7", for replay lines; a static buffer. */
const char *conv_case_name(const conv_case *t);

/* Memory between canaries: filled with NaN; guard_ok() is false when something outside was written. */
void *guard_new(size_t bytes);
bool guard_ok(const void *p);
void guard_free(void *p);

#endif
