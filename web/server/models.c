#include "server/models.h"

#include "server/request.h"

#include "drn/image.h"
#include "drn/traces.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static drn_status fail(drn_error *err, drn_status code, const char *message)
{
    err->code = code;
    snprintf(err->message, sizeof err->message, "%s", message);
    return code;
}

/* "weights/photo.safetensors" is called "photo". */
static void make_key(char *out, size_t size, const char *name)
{
    static const char suffix[] = ".safetensors";
    const char *slash = strrchr(name, '/');
    name = slash ? slash + 1 : name;
    size_t n = strlen(name), s = sizeof suffix - 1;
    if (n > s && strcmp(name + n - s, suffix) == 0)
        n -= s;
    snprintf(out, size, "%.*s", (int)(n < 60 ? n : 60), name);
}

static drn_status add(web_models *models, const char *name, const char *summary, drn_error *err)
{
    web_model *grown = realloc(models->items, (models->count + 1) * sizeof *grown);
    if (!grown)
        return fail(err, DRN_ERR_NOMEM, "no memory for the list of models");
    models->items = grown;
    web_model *m = &grown[models->count];
    *m = (web_model){0};
    drn_status st = drn_model_load(&m->model, name, err);
    if (st != DRN_OK)
        return st;
    make_key(m->key, sizeof m->key, name);
    if (!summary)
        summary = drn_model_metadata(m->model, "title");
    snprintf(m->summary, sizeof m->summary, "%s", summary ? summary : "");
    web_text_clean(m->key);
    web_text_clean(m->summary);
    if (web_models_find(models, m->key)) {
        drn_model_free(m->model);
        snprintf(err->message, sizeof err->message, "two models are called %s", m->key);
        return err->code = DRN_ERR_INVALID;
    }
    models->count++;
    return DRN_OK;
}

static drn_status add_builtin(web_models *models, bool defaults, drn_error *err)
{
    const drn_builtin *b;
    drn_status st = DRN_OK;
    for (size_t i = 0; st == DRN_OK && (b = drn_model_builtin(i)); i++)
        if (b->is_default == defaults)
            st = add(models, b->name, b->summary, err);
    return st;
}

static drn_status add_auto(web_models *models, drn_error *err)
{
    drn_status st = add(models, drn_model_for(false, DRN_PICTURE_CLEAN, 0),
                        "fast, by the picture: for JPEG files and noise, for drawings, or for clean photos", err);
    if (st != DRN_OK)
        return st;
    web_model *m = &models->items[models->count - 1];
    snprintf(m->key, sizeof m->key, "auto");
    m->by_picture = true;
    return DRN_OK;
}

drn_status web_models_load(web_models *out, const char *const *names, size_t count, drn_error *err)
{
    web_models models = {0};
    drn_status st = DRN_OK;
    for (size_t i = 0; st == DRN_OK && i < count; i++)
        st = add(&models, names[i], NULL, err);
    if (count == 0 && drn_model_builtin(0))
        st = add_auto(&models, err);
    if (count == 0 && st == DRN_OK)
        st = add_builtin(&models, true, err);
    if (count == 0 && st == DRN_OK)
        st = add_builtin(&models, false, err);
    if (st == DRN_OK && models.count == 0)
        st = fail(err, DRN_ERR_UNSUPPORTED,
                  "this build has no models compiled in; name a .safetensors file with --models");
    if (st != DRN_OK) {
        web_models_free(&models);
        return st;
    }
    *out = models;
    return DRN_OK;
}

void web_models_free(web_models *models)
{
    for (size_t i = 0; i < models->count; i++)
        drn_model_free(models->items[i].model);
    free(models->items);
    *models = (web_models){0};
}

const web_model *web_models_find(const web_models *models, const char *key)
{
    for (size_t i = 0; i < models->count; i++)
        if (!key || strcmp(models->items[i].key, key) == 0)
            return &models->items[i];
    return NULL;
}

static drn_picture_kind kind(const char *file, const drn_image *pixels)
{
    drn_traces traces = {0};
    (void)drn_image_traces(&traces, pixels, NULL); /* without memory the format decides */
    return drn_traces_kind(&traces, drn_image_file_is_lossy(file));
}

const web_model *web_models_pick(const web_models *models, const web_model *model, const char *file,
                                 const drn_image *pixels)
{
    const web_model *picked = NULL;
    if (model->by_picture)
        picked = web_models_find(models, drn_model_for(false, kind(file, pixels), 0));
    return picked ? picked : model;
}
