/* Parameters of a model: named tensors in one flat vector, so that the optimiser, the gradient norm and
 * a checkpoint are one loop each. */
#ifndef DRN_GRAPH_PARAMS_H
#define DRN_GRAPH_PARAMS_H

#include "base/rng.h"
#include "tensor/tensor.h"

typedef struct drn_param {
    char name[64];
    drn_shape shape; /* plain [n][c][h][w]: weights [K,C,R,S]; vectors [C,1,1,1] */
    size_t offset, count;
    double init_std; /* normal initialisation; 0: filled with init_value */
    double init_value;
} drn_param;

typedef struct drn_params {
    drn_param *list;
    size_t count, capacity;
    size_t elements; /* of the flat vectors, gaps included */
    drn_dtype type;
    void *value, *grad; /* [elements]; grad only after drn_params_allocate(.., true) */
} drn_params;

drn_status drn_params_new(drn_params **out, drn_dtype type, drn_error *err);
void drn_params_free(drn_params *p);

/* Declare one before allocation; a name twice is an error. */
drn_status drn_params_add(drn_params *p, const char *name, drn_shape shape, double init_std,
                          double init_value, drn_error *err);
/* Memory for values (zero) and, if asked, gradients. */
drn_status drn_params_allocate(drn_params *p, bool gradients, drn_error *err);
/* Normal values by each one's init_std, in the order of declaration. */
void drn_params_init(drn_params *p, drn_rng *rng);

const drn_param *drn_params_find(const drn_params *p, const char *name); /* NULL: none */
void *drn_params_value(const drn_params *p, const drn_param *q);
void *drn_params_grad(const drn_params *p, const drn_param *q);
void drn_params_zero_grad(drn_params *p);
/* Learned numbers, without gaps. */
size_t drn_params_learned(const drn_params *p);

#endif
