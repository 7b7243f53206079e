/* The public face of a model: loading by name, asking what it is. */
#include "models/model.h"

#include "base/mem.h"
#include "base/sha256.h"

#include <stdio.h>
#include <string.h>

void drn_model_free(drn_model *m)
{
    if (!m)
        return;
    for (size_t i = 0; i < m->meta_count; i++) {
        drn_free(m->meta[i].key);
        drn_free(m->meta[i].value);
    }
    drn_free(m->meta);
    drn_params_free(m->params);
    drn_free(m->name);
    drn_free(m);
}

static const char *default_name(void)
{
    for (size_t i = 0; drn_model_builtin(i); i++)
        if (drn_model_builtin(i)->is_default)
            return drn_model_builtin(i)->name;
    return NULL;
}

drn_status drn_model_load(drn_model **out, const char *name, drn_error *err)
{
    drn_safetensors *st = NULL;
    size_t size;
    if (!name && !(name = default_name()))
        return drn_fail(err, DRN_ERR_UNSUPPORTED, "this build has no built-in model; name a .safetensors file");
    const void *data = drn_zoo_data(name, &size);
    if (data)
        DRN_TRY(drn_safetensors_parse(&st, data, size, name, err));
    else if (!strchr(name, '/') && !strchr(name, '.'))
        return drn_fail(err, DRN_ERR_INVALID, "no built-in model is called '%s'; 'drn models' lists them", name);
    else
        DRN_TRY(drn_safetensors_open(&st, name, err));
    drn_status result = drn_model_from_safetensors(out, st, name, err);
    drn_safetensors_free(st);
    return result;
}

const drn_config *drn_model_config(const drn_model *m)
{
    return &m->config;
}

const char *drn_model_name(const drn_model *m)
{
    return m->name;
}

const char *drn_model_metadata(const drn_model *m, const char *key)
{
    for (size_t i = 0; i < m->meta_count; i++)
        if (strcmp(m->meta[i].key, key) == 0)
            return m->meta[i].value;
    return NULL;
}

bool drn_model_metadata_at(const drn_model *m, size_t i, const char **key, const char **value)
{
    if (i >= m->meta_count)
        return false;
    *key = m->meta[i].key;
    *value = m->meta[i].value;
    return true;
}

size_t drn_model_parameters(const drn_model *m, bool dual)
{
    size_t n = 0;
    for (size_t i = 0; i < m->params->count; i++)
        if ((strncmp(m->params->list[i].name, "dual", 4) == 0) == dual)
            n += m->params->list[i].count;
    return n;
}

void drn_model_sha256(const drn_model *m, char hex[65])
{
    drn_sha256(hex, m->params->value, m->params->elements * sizeof(float));
}

bool drn_model_has_scale(const drn_model *m, int scale)
{
    if (scale == m->config.scale)
        return true;
    return m->config.progressive && (scale == 2 || scale == 4) && scale < m->config.scale;
}

static void describe(drn_layer *out, const drn_node_info *in)
{
    *out = (drn_layer){.in_channels = in->in.c,
                       .in_height = in->in.h,
                       .in_width = in->in.w,
                       .out_channels = in->out.c,
                       .out_height = in->out.h,
                       .out_width = in->out.w,
                       .macs = in->macs};
    snprintf(out->op, sizeof out->op, "%s", in->op);
    snprintf(out->name, sizeof out->name, "%s", in->param);
    snprintf(out->kernel, sizeof out->kernel, "%s", in->kernel);
}

drn_status drn_model_layers(const drn_model *m, int32_t width, int32_t height, drn_layer *layers,
                            size_t capacity, size_t *count, drn_error *err)
{
    drn_status st = DRN_OK;
    drn_graph *g = NULL;
    drn_net net;
    *count = 0;
    DRN_CHECK(drn_graph_new(&g, DRN_FLOAT32, err));
    drn_value lr = drn_graph_input(g, (drn_shape){1, 3, height, width}, false);
    drn_net_build(&net, g, m->params, &m->config, lr, drn_net_levels(&m->config) - 1);
    drn_graph_output(g, net.image[net.levels - 1]);
    DRN_CHECK(drn_graph_prepare(g, &(drn_plan_options){.loss = -1}, err));
    for (size_t i = 0; i < drn_graph_nodes(g); i++) {
        drn_node_info info;
        drn_graph_node_info(g, i, &info);
        if (!info.op)
            continue;
        if (*count < capacity)
            describe(&layers[*count], &info);
        ++*count;
    }
done:
    drn_graph_free(g);
    return st;
}
