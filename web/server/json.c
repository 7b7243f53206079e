/* What the API says, as JSON. */
#include "server/json.h"

#include "drn/status.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const states[] = {"uploading", "queued", "running",
                                     "done",      "failed", "cancelled"};
static const char *const stages[] = {"reading", "enlarging", "writing"};

json_t *web_json_error(const web_error *err)
{
    char message[sizeof err->message];
    memcpy(message, err->message, sizeof message);
    web_text_clean(message); /* it may quote what a client sent */
    return json_pack("{s:s, s:s}", "code", err->code, "message", message);
}

static void set(json_t *to, const char *key, json_t *value)
{
    json_object_set_new(to, key, value);
}

/* Rounded: digits beyond say nothing. */
static json_t *seconds(double s)
{
    return s < 0 ? json_null() : json_real((double)(long long)(s * 10 + 0.5) / 10);
}

json_t *web_json_job(const job_info *info)
{
    json_t *job =
        json_pack("{s:s, s:s, s:s, s:i, s:s}", "id", info->id, "name", info->name, "model",
                  info->model, "scale", info->scale, "state", states[info->state]);
    set(job, "stage", info->state == JOB_RUNNING ? json_string(stages[info->stage]) : json_null());
    set(job, "position", json_integer(info->state == JOB_QUEUED ? info->position : 0));
    set(job, "progress", json_real((double)(int)(info->done * 1000) / 1000));
    set(job, "elapsed", seconds(info->elapsed));
    set(job, "left", seconds(info->left));
    set(job, "bytes", json_integer(info->bytes));
    set(job, "width", json_integer(info->width));
    set(job, "height", json_integer(info->height));
    set(job, "result_width", json_integer((json_int_t)info->width * info->scale));
    set(job, "result_height", json_integer((json_int_t)info->height * info->scale));
    set(job, "trust", json_boolean(info->state == JOB_DONE));
    set(job, "expires", info->state >= JOB_DONE ? seconds(info->expires) : json_null());
    set(job, "error", info->state == JOB_FAILED ? web_json_error(&info->error) : json_null());
    return job;
}

static json_t *model_json(const web_model *m)
{
    json_t *scales = json_array();
    for (int s = 2; s <= drn_model_config(m->model)->scale; s++)
        if (drn_model_has_scale(m->model, s))
            json_array_append_new(scales, json_integer(s));
    return json_pack("{s:s, s:s, s:o, s:I}", "name", m->key, "summary", m->summary, "scales",
                     scales, "parameters", (json_int_t)drn_model_parameters(m->model, false));
}

json_t *web_json_info(const web_options *o, const web_models *models)
{
    json_t *list = json_array();
    for (size_t i = 0; i < models->count; i++)
        json_array_append_new(list, model_json(&models->items[i]));
    return json_pack("{s:s, s:o, s:[s,s,s], s:{s:I, s:I, s:i, s:i, s:f}}", "version", drn_version(),
                     "models", list, "formats", "png", "jpg", "webp", "limits", "upload_bytes",
                     (json_int_t)o->max_upload, "result_pixels", (json_int_t)o->max_pixels, "queue",
                     o->queue, "keep", o->keep, "keep_seconds", o->keep_s);
}

char *web_json_text(json_t *json)
{
    char *text = json ? json_dumps(json, JSON_COMPACT | JSON_REAL_PRECISION(12)) : NULL;
    json_decref(json);
    return text;
}

char *web_job_json(const job_info *info)
{
    return web_json_text(web_json_job(info));
}
