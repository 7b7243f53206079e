#include "drn/export.h"

#include "base/mem.h"
#include "models/model.h"

#include <string.h>

static drn_status add_metadata(drn_st_writer *w, const drn_model *m, const drn_export_options *o, drn_error *err)
{
    for (size_t i = 0; i < m->meta_count; i++)
        DRN_TRY(drn_st_writer_meta(w, m->meta[i].key, m->meta[i].value, err));
    for (size_t i = 0; i < o->metas; i++)
        DRN_TRY(drn_st_writer_meta(w, o->meta[2 * i], o->meta[2 * i + 1], err));
    return DRN_OK;
}

drn_status drn_model_save(const drn_model *model, const char *path, const drn_export_options *options,
                          drn_error *err)
{
    drn_export_options o = options ? *options : (drn_export_options){0};
    drn_config config = model->config;
    drn_params view = *model->params; /* the primal parameters stand before the dual ones */
    drn_st_writer *w;
    drn_status st = DRN_OK;
    DRN_TRY(drn_st_writer_new(&w, err));
    if (o.no_dual) {
        config.dual = false;
        while (view.count > 0 && strncmp(view.list[view.count - 1].name, "dual", 4) == 0)
            view.count--;
    }
    DRN_CHECK(add_metadata(w, model, &o, err));
    DRN_CHECK(drn_config_write(w, &config, err));
    DRN_CHECK(drn_params_write(w, &view, view.value, "", o.half ? DRN_ST_F16 : DRN_ST_F32, err));
    DRN_CHECK(drn_st_writer_write(w, path, err));
done:
    drn_st_writer_free(w);
    return st;
}
