#include "study/hypotheses.h"

#include "base/fileio.h"
#include "base/mem.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_DEPTH = 4 };

/* "run/model.safetensors": the last two components. */
static void short_name(char out[64], const char *path)
{
    const char *at = path + strlen(path);
    for (int slashes = 0; at > path; at--)
        if (at[-1] == '/' && ++slashes == 2)
            break;
    size_t n = strlen(at);
    snprintf(out, 64, "%s", n < 64 ? at : at + n - 63);
}

/* The same function: H is a set, and a run's best model may be its last. */
static bool is_there(const hypotheses *h, const drn_model *m)
{
    for (size_t i = 0; i < h->count; i++)
        if (drn_config_equal(&h->model[i]->config, &m->config) &&
            memcmp(h->model[i]->params->value, m->params->value, m->params->elements * sizeof(float)) == 0)
            return true;
    return false;
}

static drn_status add_model(hypotheses *h, const char *path, drn_error *err)
{
    drn_model *m;
    if (h->count == STUDY_MAX_HYPOTHESES)
        return drn_fail(err, DRN_ERR_INVALID, "more than %d models", STUDY_MAX_HYPOTHESES);
    DRN_TRY(drn_model_load(&m, path, err));
    h->files++;
    if (is_there(h, m)) {
        drn_model_free(m);
        return DRN_OK;
    }
    h->model[h->count] = m;
    short_name(h->name[h->count++], path);
    if (h->count == 1)
        h->scale = m->config.scale;
    if (m->config.scale != h->scale)
        return drn_fail(err, DRN_ERR_INVALID, "%s enlarges %d times, %s %d times; H is of one kind",
                        path, m->config.scale, h->name[0], h->scale);
    h->dual = m->config.dual && (h->count == 1 || h->dual);
    return DRN_OK;
}

static bool is_model(const char *name)
{
    const char *dot = strrchr(name, '.');
    return dot && strcmp(dot, ".safetensors") == 0 && strcmp(name, "checkpoint.safetensors") != 0;
}

static drn_status add_files(hypotheses *h, const char *dir, drn_error *err)
{
    char **names;
    size_t n;
    drn_status st = DRN_OK;
    DRN_TRY(drn_dir_list(&names, &n, dir, err));
    for (size_t i = 0; i < n && st == DRN_OK; i++) {
        if (!is_model(names[i]))
            continue;
        char *path = drn_path_join(dir, names[i]);
        st =
            path ? add_model(h, path, err) : drn_fail(err, DRN_ERR_NOMEM, "%s: out of memory", dir);
        drn_free(path);
    }
    drn_list_free(names, n);
    return st;
}

static drn_status add_folder(hypotheses *h, const char *dir, int depth, drn_error *err);

/* Folders in alphabetical order. */
static drn_status add_subfolders(hypotheses *h, const char *dir, int depth, drn_error *err)
{
    struct dirent **list;
    drn_status st = DRN_OK;
    int n = scandir(dir, &list, NULL, alphasort);
    if (n < 0)
        return drn_fail(err, DRN_ERR_IO, "%s: %s", dir, strerror(errno));
    for (int i = 0; i < n; i++) {
        char *path = list[i]->d_name[0] == '.' ? NULL : drn_path_join(dir, list[i]->d_name);
        if (path && st == DRN_OK && drn_path_is_dir(path))
            st = add_folder(h, path, depth + 1, err);
        drn_free(path);
        free(list[i]); /* by the C library */
    }
    free(list);
    return st;
}

static drn_status add_folder(hypotheses *h, const char *dir, int depth, drn_error *err)
{
    size_t before = h->files;
    DRN_TRY(add_files(h, dir, err));
    return h->files == before && depth < MAX_DEPTH ? add_subfolders(h, dir, depth, err) : DRN_OK;
}

drn_status hypotheses_open(hypotheses *h, const char *const *runs, size_t run_count,
                           const study_loss *loss, int patch, int threads, drn_error *err)
{
    drn_status st = DRN_OK;
    *h = (hypotheses){0};
    DRN_CHECK(drn_pool_new(&h->pool, threads, err));
    for (size_t i = 0; i < run_count; i++) {
        size_t before = h->files;
        DRN_CHECK(drn_path_is_dir(runs[i]) ? add_folder(h, runs[i], 0, err)
                                           : add_model(h, runs[i], err));
        if (h->files == before)
            DRN_CHECK(
                drn_fail(err, DRN_ERR_INVALID, "%s: no models (*.safetensors) in it", runs[i]));
    }
    if (h->count == 0)
        DRN_CHECK(drn_fail(err, DRN_ERR_INVALID, "no models: H is empty"));
    for (size_t i = 0; i < h->count; i++)
        DRN_CHECK(study_eval_new(&h->eval[i], h->model[i]->params, &h->model[i]->config, loss,
                                 patch, h->pool, err));
done:
    if (st != DRN_OK)
        hypotheses_close(h);
    return st;
}

void hypotheses_close(hypotheses *h)
{
    for (size_t i = 0; i < h->count; i++) {
        study_eval_free(h->eval[i]);
        drn_model_free(h->model[i]);
    }
    drn_pool_free(h->pool);
    *h = (hypotheses){0};
}
