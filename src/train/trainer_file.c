/* The trainer's state in a checkpoint, and weights from other models. */
#include "models/model.h"
#include "train/trainer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static drn_status meta_int(drn_st_writer *w, const char *key, int64_t v, drn_error *err)
{
    char text[24];
    snprintf(text, sizeof text, "%lld", (long long)v);
    return drn_st_writer_meta(w, key, text, err);
}

/* A whole number of the metadata; fallback when it is missing, -1 when it is none. */
static int64_t read_int(const drn_safetensors *st, const char *key, int64_t fallback)
{
    const char *text = drn_safetensors_meta(st, key);
    char *end;
    if (!text)
        return fallback;
    long long v = strtoll(text, &end, 10);
    return end == text || *end ? -1 : v;
}

drn_status drn_trainer_save(const drn_trainer *t, drn_st_writer *w, drn_error *err)
{
    char text[40];
    snprintf(text, sizeof text, "%.17g", t->mean);
    DRN_TRY(drn_st_writer_meta(w, "drn.checkpoint.loss_mean", text, err));
    DRN_TRY(meta_int(w, "drn.checkpoint.loss_means", t->means, err));
    DRN_TRY(meta_int(w, "drn.checkpoint.skipped", t->skipped, err));
    DRN_TRY(meta_int(w, "drn.checkpoint.step", t->step, err));
    DRN_TRY(drn_config_write(w, &t->config.model, err));
    DRN_TRY(drn_params_write(w, t->params, t->params->value, "w.", DRN_ST_F32, err));
    DRN_TRY(drn_params_write(w, t->params, t->adam.m, "adam.m.", DRN_ST_F32, err));
    DRN_TRY(drn_params_write(w, t->params, t->adam.v, "adam.v.", DRN_ST_F32, err));
    if (t->adam.average)
        DRN_TRY(drn_params_write(w, t->params, t->adam.average, "ema.", DRN_ST_F32, err));
    return DRN_OK;
}

drn_status drn_trainer_load(drn_trainer *t, const drn_safetensors *st, drn_error *err)
{
    const char *file = drn_safetensors_name(st),
               *mean = drn_safetensors_meta(st, "drn.checkpoint.loss_mean");
    int64_t step = read_int(st, "drn.checkpoint.step", -1),
            skipped = read_int(st, "drn.checkpoint.skipped", 0);
    drn_config c;
    DRN_TRY(drn_config_from_metadata(&c, st, err));
    if (step < 0 || skipped < 0 || skipped > step)
        return drn_fail(err, DRN_ERR_FORMAT,
                        "%s: no checkpoint (metadata has no drn.checkpoint.step)", file);
    if (!drn_config_equal(&c, &t->config.model))
        return drn_fail(
            err, DRN_ERR_FORMAT,
            "%s: checkpoint of another architecture (x%d, %d channels, %d modules; the recipe has "
            "x%d, %d, %d)",
            file, c.scale, c.channels, c.modules, t->config.model.scale, t->config.model.channels,
            t->config.model.modules);
    DRN_TRY(drn_params_read(t->params->value, t->params, st, "w.", err));
    DRN_TRY(drn_params_read(t->adam.m, t->params, st, "adam.m.", err));
    DRN_TRY(drn_params_read(t->adam.v, t->params, st, "adam.v.", err));
    if (t->adam.average)
        DRN_TRY(drn_params_read(t->adam.average, t->params, st, "ema.", err));
    t->host_newer = true;
    t->step = step;
    t->skipped = skipped;
    t->adam.t = step - skipped;
    t->mean = mean ? strtod(mean, NULL) : 0;
    t->means = mean ? read_int(st, "drn.checkpoint.loss_means", 0) : 0;
    if (t->means < 0)
        return drn_fail(err, DRN_ERR_FORMAT, "%s: drn.checkpoint.loss_means is no count", file);
    t->batches = 0;
    return DRN_OK;
}

/* ---- weights of another model ---- */

typedef struct donor {
    const drn_safetensors *st;
    const char *prefix; /* of its best weights */
    int levels;
} donor;

static const drn_st_tensor *donor_tensor(const donor *d, const char *name)
{
    char full[160];
    snprintf(full, sizeof full, "%s%s", d->prefix, name);
    return drn_safetensors_find(d->st, full);
}

static const char *donor_prefix(const drn_safetensors *st)
{
    return drn_safetensors_find(st, "ema.head.weight") ? "ema."
           : drn_safetensors_find(st, "w.head.weight") ? "w."
                                                       : "";
}

/* "block3.up.weight" with the donor's last block (or dual model) in place of 3; false: no block. */
static bool last_name(char out[128], const donor *d, const char *name)
{
    int number, used = 0;
    bool dual = sscanf(name, "dual%d%n", &number, &used) == 1;
    if (!dual && sscanf(name, "block%d%n", &number, &used) != 1)
        return false;
    snprintf(out, 128, "%s%d%s", dual ? "dual" : "block", d->levels, name + used);
    return true;
}

static bool fits(const drn_st_tensor *t, const drn_param *q)
{
    const int32_t s[4] = {q->shape.n, q->shape.c, q->shape.h, q->shape.w};
    if (!t || t->elements != q->count)
        return false;
    for (int i = 0; i < 4; i++)
        if ((i < t->ndim ? t->shape[i] : 1) != (size_t)s[i])
            return false;
    return true;
}

drn_status drn_trainer_init_from(drn_trainer *t, const drn_safetensors *st, bool copy_last,
                                 char what[160], drn_error *err)
{
    drn_config c;
    char name[128];
    size_t same = 0, copied = 0;
    DRN_TRY(drn_config_from_metadata(&c, st, err));
    donor d = {st, donor_prefix(st), drn_net_levels(&c)};
    for (size_t i = 0; i < t->params->count; i++) {
        const drn_param *q = &t->params->list[i];
        const drn_st_tensor *source = donor_tensor(&d, q->name);
        bool own = fits(source, q);
        if (i == 0 && !own)
            return drn_fail(err, DRN_ERR_FORMAT,
                            "%s: %d channels, %d modules: not even the head fits %d channels",
                            drn_safetensors_name(st), c.channels, c.modules,
                            t->config.model.channels);
        if (!own && (!copy_last || !last_name(name, &d, q->name) ||
                     !fits(source = donor_tensor(&d, name), q)))
            continue;
        DRN_TRY(drn_safetensors_to_f32((float *)t->params->value + q->offset, source, err));
        same += own;
        copied += !own;
    }
    if (t->adam.average)
        memcpy(t->adam.average, t->params->value, t->params->elements * sizeof(float));
    t->host_newer = true;
    snprintf(what, 160, "%.80s: %zu tensors kept, %zu copied from its last block, %zu new",
             drn_safetensors_name(st), same, copied, t->params->count - same - copied);
    return DRN_OK;
}
