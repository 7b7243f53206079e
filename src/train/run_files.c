/* What a run writes and reads back: checkpoint, model, best model. */
#include "train/run.h"

#include "models/model.h"
#include "train/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static drn_status meta_number(drn_st_writer *w, const char *key, double v, drn_error *err)
{
    char text[40];
    snprintf(text, sizeof text, "%.17g", v);
    return drn_st_writer_meta(w, key, text, err);
}

static drn_status add_card(drn_st_writer *w, const drn_run *r, double psnr, drn_error *err)
{
    DRN_TRY(drn_st_writer_meta(w, "drn.name", r->recipe.name, err));
    DRN_TRY(drn_st_writer_meta(w, "drn.recipe", r->card_text, err));
    DRN_TRY(meta_number(w, "drn.steps", (double)drn_trainer_steps(r->trainer), err));
    DRN_TRY(meta_number(w, "drn.seconds", r->progress.seconds, err));
    if (r->init_note[0])
        DRN_TRY(drn_st_writer_meta(w, "drn.init", r->init_note, err));
    return meta_number(w, "drn.val_psnr_y", psnr, err);
}

drn_status drn_run_export(drn_run *r, const char *path, double psnr, drn_error *err)
{
    drn_st_writer *w;
    drn_status st = DRN_OK;
    DRN_TRY(drn_st_writer_new(&w, err));
    DRN_CHECK(drn_config_write(w, &r->trainer->config.model, err));
    DRN_CHECK(add_card(w, r, psnr, err));
    DRN_CHECK(drn_params_write(w, r->trainer->params, drn_trainer_weights(r->trainer), "",
                               DRN_ST_F32, err));
    DRN_CHECK(drn_st_writer_write(w, path, err));
done:
    drn_st_writer_free(w);
    return st;
}

static void pictures_text(char out[64], const drn_run *r)
{
    snprintf(out, 64, "%zu pictures, %016llx", drn_dataset_count(r->data),
             (unsigned long long)drn_dataset_fingerprint(r->data));
}

static drn_status add_pictures(drn_st_writer *w, const drn_run *r, drn_error *err)
{
    char text[64];
    pictures_text(text, r);
    return drn_st_writer_meta(w, "drn.checkpoint.pictures", text, err);
}

/* The checkpoint comes last: whoever goes on from it finds the log and the model that belong to it,
 * or to a later step that will be made again. */
drn_status drn_run_save(drn_run *r, drn_error *err)
{
    drn_st_writer *w;
    drn_status st = DRN_OK;
    DRN_TRY(drn_trainer_pull(r->trainer, err));
    DRN_TRY(drn_log_flush(r->log, r->log_path, err));
    DRN_TRY(drn_st_writer_new(&w, err));
    DRN_CHECK(drn_run_export(r, r->model, r->progress.val_psnr, err));
    DRN_CHECK(drn_trainer_save(r->trainer, w, err));
    DRN_CHECK(add_card(w, r, r->progress.val_psnr, err));
    DRN_CHECK(meta_number(w, "drn.checkpoint.best_psnr", r->progress.best_psnr, err));
    DRN_CHECK(add_pictures(w, r, err));
    DRN_CHECK(drn_st_writer_write(w, r->checkpoint, err));
    r->saved = drn_trainer_steps(r->trainer);
done:
    drn_st_writer_free(w);
    return st;
}

static double number(const drn_safetensors *st, const char *key)
{
    const char *text = drn_safetensors_meta(st, key);
    return text ? strtod(text, NULL) : 0;
}

/* What the run was started with, against what it is to go on with. */
static drn_status compare_recipe(const drn_run *r, const drn_safetensors *st, drn_error *err)
{
    char changes[360];
    drn_recipe was;
    const char *file = drn_safetensors_name(st), *text = drn_safetensors_meta(st, "drn.recipe");
    if (!text)
        return DRN_OK;
    drn_recipe_defaults(&was);
    DRN_TRY(drn_recipe_parse(&was, text, strlen(text), file, err));
    drn_recipe_changes(changes, sizeof changes, &was, &r->recipe);
    if (changes[0])
        return drn_fail(err, DRN_ERR_INVALID, "%.100s cannot go on with another recipe: %s", file,
                        changes);
    return DRN_OK;
}

/* Other pictures would be another run under the old one's name. */
static drn_status compare_pictures(const drn_run *r, const drn_safetensors *st, drn_error *err)
{
    char now[64];
    const char *was = drn_safetensors_meta(st, "drn.checkpoint.pictures");
    pictures_text(now, r);
    if (was && strcmp(was, now) != 0)
        return drn_fail(err, DRN_ERR_INVALID,
                        "%.150s was trained on other pictures (%.60s; now %s); a new run can start "
                        "from it with train.init_from",
                        drn_safetensors_name(st), was, now);
    return DRN_OK;
}

drn_status drn_run_restore(drn_run *r, drn_error *err)
{
    drn_safetensors *st;
    DRN_TRY(drn_safetensors_open(&st, r->checkpoint, err));
    drn_status result = drn_trainer_load(r->trainer, st, err);
    if (result == DRN_OK)
        result = compare_recipe(r, st, err);
    if (result == DRN_OK)
        result = compare_pictures(r, st, err);
    const char *init = drn_safetensors_meta(st, "drn.init");
    snprintf(r->init_note, sizeof r->init_note, "%s", init ? init : "");
    r->seconds_before = number(st, "drn.seconds");
    r->progress.val_psnr = number(st, "drn.val_psnr_y");
    r->progress.best_psnr = number(st, "drn.checkpoint.best_psnr");
    drn_safetensors_free(st);
    return result;
}
