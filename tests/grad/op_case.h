/* One application of an op with data, and what must hold for it: the forward pass equals a naive
 * formula, gradients equal central differences, zero lanes stay zero, float agrees with double, and
 * the number of threads changes no bit. */
#ifndef DRN_TESTS_OP_CASE_H
#define DRN_TESTS_OP_CASE_H

#include "graph/graph.h"

/* y (plain NCHW of shape out) from plain inputs; parameters are inputs like any other. */
typedef void (*naive_fn)(double *y, drn_shape out, double *const *x, const drn_shape *in,
                         int inputs, const drn_attr *attr, bool training);

typedef struct op_case {
    const char *name;
    const drn_op *op;
    drn_attr attr;
    naive_fn naive;
    int inputs;
    drn_shape in[DRN_MAX_INPUTS];
    unsigned params; /* bit i: input i is a parameter */
    unsigned same;   /* bit i: input i is input 0 once more */
    unsigned fixed;  /* bit i: changed by forward, has no gradient */
} op_case;

/* Runs every check above; a failure ends the test with the case's name. */
void op_case_check(const op_case *t);

/* Independent formulas, naive_ops.c. */
void naive_conv2d(double *, drn_shape, double *const *, const drn_shape *, int, const drn_attr *,
                  bool);
void naive_conv_transpose2d(double *, drn_shape, double *const *, const drn_shape *, int,
                            const drn_attr *, bool);
void naive_leaky_relu(double *, drn_shape, double *const *, const drn_shape *, int,
                      const drn_attr *, bool);
void naive_prelu(double *, drn_shape, double *const *, const drn_shape *, int, const drn_attr *,
                 bool);
void naive_add(double *, drn_shape, double *const *, const drn_shape *, int, const drn_attr *,
               bool);
void naive_scale(double *, drn_shape, double *const *, const drn_shape *, int, const drn_attr *,
                 bool);
void naive_affine(double *, drn_shape, double *const *, const drn_shape *, int, const drn_attr *,
                  bool);
void naive_concat(double *, drn_shape, double *const *, const drn_shape *, int, const drn_attr *,
                  bool);
void naive_batch_norm(double *, drn_shape, double *const *, const drn_shape *, int,
                      const drn_attr *, bool);
void naive_pixel_shuffle(double *, drn_shape, double *const *, const drn_shape *, int,
                         const drn_attr *, bool);
void naive_resize(double *, drn_shape, double *const *, const drn_shape *, int, const drn_attr *,
                  bool);
void naive_window(double *, drn_shape, double *const *, const drn_shape *, int, const drn_attr *,
                  bool);

/* Elements without zero lanes. */
static inline size_t plain_count(drn_shape s)
{
    return (size_t)s.n * (size_t)s.c * (size_t)s.h * (size_t)s.w;
}

#endif
