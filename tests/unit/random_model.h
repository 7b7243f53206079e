/* A model with random weights, through a file, as a user's model comes. */
#ifndef DRN_TESTS_RANDOM_MODEL_H
#define DRN_TESTS_RANDOM_MODEL_H

#include "base/fileio.h"
#include "base/mem.h"
#include "harness.h"
#include "models/model.h"

static inline void random_params(drn_params **p, const drn_config *c)
{
    drn_error err = {0};
    drn_rng rng;
    drn_rng_seed(&rng, 11, 0);
    CHECK_OK(drn_params_new(p, DRN_FLOAT32, &err), err);
    CHECK_OK(drn_net_declare(*p, c, 0.5, &err), err);
    CHECK_OK(drn_params_allocate(*p, false, &err), err);
    drn_params_init(*p, &rng);
}

/* Write p as a model file called name in the test's folder; returns its path (drn_free). */
static inline char *write_params(const drn_params *p, const drn_config *c, const char *name, drn_st_dtype store)
{
    drn_error err = {0};
    drn_st_writer *w;
    char *path = drn_path_join(test_tmp_dir(), name);
    CHECK_OK(drn_st_writer_new(&w, &err), err);
    CHECK_OK(drn_config_write(w, c, &err), err);
    CHECK_OK(drn_st_writer_meta(w, "title", "random", &err), err);
    CHECK_OK(drn_params_write(w, p, p->value, "", store, &err), err);
    CHECK_OK(drn_st_writer_write(w, path, &err), err);
    drn_st_writer_free(w);
    return path;
}

static inline drn_model *random_model(const drn_config *c)
{
    drn_error err = {0};
    drn_params *p;
    drn_model *m;
    random_params(&p, c);
    char *path = write_params(p, c, "random.safetensors", DRN_ST_F32);
    CHECK_OK(drn_model_load(&m, path, &err), err);
    drn_free(path);
    drn_params_free(p);
    return m;
}

#endif
