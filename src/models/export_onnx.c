/* A model's primal network as an ONNX file. */
#include "drn/export.h"

#include "base/mem.h"
#include "models/model.h"
#include "models/onnx_graph.h"

#include <stdio.h>
#include <string.h>

enum { SIDE = 16 }; /* of the input the graph is drawn with; the file has it free */

/* The name in the metadata, else that of the file without folder and suffix. */
static void short_name(char out[64], const drn_model *m)
{
    const char *name = drn_model_metadata(m, "drn.name");
    if (!name) {
        name = strrchr(m->name, '/') ? strrchr(m->name, '/') + 1 : m->name;
        int length = (int)strcspn(name, ".");
        snprintf(out, 64, "%.*s", length < 63 ? length : 63, name);
        return;
    }
    snprintf(out, 64, "%.63s", name);
}

static void add_metadata(drn_onnx *w, const drn_model *m, const char *name, int scale,
                         const drn_export_options *o)
{
    char text[16];
    const char *licence = drn_model_metadata(m, "drn.licence");
    snprintf(text, sizeof text, "%d", scale);
    drn_onnx_meta(w, "name", name);
    drn_onnx_meta(w, "scale", text);
    if (licence)
        drn_onnx_meta(w, "licence", licence);
    for (size_t i = 0; i < m->meta_count; i++)
        drn_onnx_meta(w, m->meta[i].key, m->meta[i].value);
    for (size_t i = 0; i < o->metas; i++)
        drn_onnx_meta(w, o->meta[2 * i], o->meta[2 * i + 1]);
}

static void describe(drn_onnx *w, const char *name, int scale)
{
    char doc[160];
    snprintf(doc, sizeof doc,
             "Enlarges pictures %d times. lr: RGB in [0, 1], any size; sr: the same, to be limited to [0, 1].",
             scale);
    drn_onnx_describe(w, name, doc);
}

static drn_status check_scale(const drn_model *m, int scale, drn_error *err)
{
    if (drn_model_has_scale(m, scale))
        return DRN_OK;
    if (m->config.progressive && m->config.scale > 2)
        return drn_fail(err, DRN_ERR_INVALID, "%s: no output of scale %d; it has 2%s", m->name, scale,
                        m->config.scale == 8 ? ", 4 and 8" : " and 4");
    return drn_fail(err, DRN_ERR_INVALID, "%s: no output of scale %d; it has %d", m->name, scale,
                    m->config.scale);
}

static int level_of(int scale)
{
    return scale == 8 ? 2 : scale == 4 ? 1 : 0;
}

drn_status drn_model_save_onnx(const drn_model *m, const char *path, const drn_export_options *options,
                               drn_error *err)
{
    drn_export_options o = options ? *options : (drn_export_options){0};
    int scale = o.scale ? o.scale : m->config.scale;
    drn_status st = DRN_OK;
    drn_onnx *w = NULL;
    drn_graph *g = NULL;
    drn_net net;
    char name[64];
    if (o.half)
        return drn_fail(err, DRN_ERR_UNSUPPORTED, "%s: an ONNX file is written with float32 weights only", path);
    DRN_TRY(check_scale(m, scale, err));
    DRN_CHECK(drn_onnx_new(&w, err));
    DRN_CHECK(drn_graph_new(&g, DRN_FLOAT32, err));
    drn_value lr = drn_graph_input(g, (drn_shape){1, 3, SIDE, SIDE}, false);
    drn_net_build(&net, g, m->params, &m->config, lr, level_of(scale));
    short_name(name, m);
    describe(w, name, scale);
    add_metadata(w, m, name, scale, &o);
    drn_graph_to_onnx(w, g, lr, net.image[net.levels - 1]);
    DRN_CHECK(drn_onnx_write(w, path, err));
done:
    drn_graph_free(g);
    drn_onnx_free(w);
    return st;
}
