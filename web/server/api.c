#include "server/api.h"

#include "server/json.h"
#include "server/page.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define JSON_TYPE "application/json"

enum {
    SMALL_BODY = 4096, /* bytes of a request that needs no body */
    VIEW_SIDE_MAX = 4096,
    VIEW_SIDE_DEFAULT = 2048
};

void web_call_init(web_call *call)
{
    memset(call, 0, sizeof *call);
    call->request.content_length = -1;
    call->reply.fd = -1;
}

static void drop_upload(web_call *call)
{
    if (!call->upload)
        return;
    web_job_remove(call->upload);
    web_job_unpin(call->upload);
    call->upload = NULL;
}

void web_call_free(web_call *call)
{
    drop_upload(call);
    free(call->reply.body);
    if (call->reply.fd >= 0)
        close(call->reply.fd);
    web_call_init(call);
}

/* ---- replies ---- */

static void reply_text(web_call *call, int status, const char *type, char *text)
{
    static const char lost[] = "{\"error\":{\"code\":\"no_memory\",\"message\":\"no memory\"}}";
    web_reply *r = &call->reply;
    call->replied = true;
    r->status = text ? status : 503;
    r->type = text ? type : JSON_TYPE;
    r->body = text ? text : strdup(lost);
    r->size = r->body ? strlen(r->body) : 0;
}

void web_call_error(web_call *call, const web_error *err)
{
    drop_upload(call);
    call->reply.retry_after = err->retry_after;
    reply_text(call, err->status, JSON_TYPE,
               web_json_text(json_pack("{s:o}", "error", web_json_error(err))));
}

static void reply_job(web_call *call, int status, web_job *job)
{
    job_info info;
    web_job_info(&info, job);
    reply_text(call, status, JSON_TYPE, web_job_json(&info));
}

static void reply_file(web_call *call, const web_file *file, const char *type)
{
    call->replied = true;
    call->reply.status = 200;
    call->reply.type = type;
    call->reply.fd = file->fd;
    call->reply.size = (size_t)file->size;
}

/* ---- what each route does; returns 0 or an HTTP error ---- */

static int start_upload(web_api *api, web_call *call, web_error *err)
{
    const web_request *r = &call->request;
    const char *type = r->content_type, *name = web_request_param(r, "name");
    const web_model *model = web_models_find(api->models, web_request_param(r, "model"));
    int64_t scale;
    if (!type || (strncmp(type, "image/", 6) != 0 && strcmp(type, "application/octet-stream") != 0))
        return web_fail(err, 415, "bad_type",
                        "send the picture's bytes as the body, with Content-Type image/... or "
                        "application/octet-stream");
    if (!model)
        return web_fail(err, 400, "bad_parameter", "there is no model called '%.60s'",
                        web_request_param(r, "model"));
    int st = web_request_int(&scale, r, "scale", drn_model_config(model->model)->scale, 1, 64, err);
    if (st == 0 && r->content_length > api->options->max_upload)
        st = web_fail(err, 413, "too_large",
                      "the file has %.1f MB, this server takes at most %.1f MB (--max-upload)",
                      (double)r->content_length / 1e6, (double)api->options->max_upload / 1e6);
    if (st == 0)
        st = web_jobs_begin(&call->upload, api->jobs, model, (int)scale, name ? name : "", err);
    return st;
}

static int get_events(web_call *call, web_error *err)
{
    const char *ids = web_request_param(&call->request, "ids"), *at = ids ? ids : "";
    char id[WEB_ID_LENGTH + 1];
    bool bad = false;
    int n = 0;
    while (web_id_next(id, &at, &bad))
        n++;
    if (bad || n == 0 || n > WEB_EVENT_IDS_MAX)
        return web_fail(err, 400, "bad_parameter", "ids has to be 1 to %d ids with commas between",
                        WEB_EVENT_IDS_MAX);
    snprintf(call->reply.ids, sizeof call->reply.ids, "%s", ids);
    call->reply.events = true;
    call->reply.status = 200;
    call->reply.type = "text/event-stream";
    call->replied = true;
    return 0;
}

static int get_result(web_api *api, web_call *call, web_job *job, web_error *err)
{
    static const char *const suffixes[] = {".png", ".jpg", ".webp"};
    static const char *const types[] = {"image/png", "image/jpeg", "image/webp"};
    int format;
    int64_t quality;
    web_file file;
    job_info info;
    int st = web_request_choice(&format, &call->request, "format", 0, "png|jpg|webp", err);
    if (st == 0)
        st = web_request_int(&quality, &call->request, "quality", 92, 1, 100, err);
    if (st == 0)
        st = web_views_result(&file, api->views, job, suffixes[format], (int)quality, err);
    if (st != 0)
        return st;
    web_job_info(&info, job);
    reply_file(call, &file, types[format]);
    web_disposition(call->reply.disposition, sizeof call->reply.disposition, info.name, info.scale,
                    suffixes[format]);
    return 0;
}

static int read_region(view_region *out, const web_request *r, web_error *err)
{
    static const char *const keys[] = {"x", "y", "w", "h"};
    int64_t max, *values[] = {&out->x, &out->y, &out->w, &out->h};
    int image, st = web_request_choice(&image, r, "image", 0, "result|bicubic|trust", err);
    for (int i = 0; i < 4 && st == 0; i++)
        st = web_request_int(values[i], r, keys[i], 0, 0, INT32_MAX, err);
    if (st == 0)
        st = web_request_int(&max, r, "max", VIEW_SIDE_DEFAULT, 1, VIEW_SIDE_MAX, err);
    if (st != 0)
        return st;
    out->image = (view_image)image;
    out->max = (int)max;
    return 0;
}

static int get_view(web_api *api, web_call *call, web_job *job, web_error *err)
{
    view_region region = {0};
    web_file file;
    int st = read_region(&region, &call->request, err);
    if (st == 0)
        st = web_views_file(&file, api->views, job, &region, err);
    if (st == 0)
        reply_file(call, &file, "image/png");
    return st;
}

static int answer_job(web_api *api, web_call *call, web_route route, web_job *job, web_error *err)
{
    switch (route) {
    case WEB_RESULT:
        return get_result(api, call, job, err);
    case WEB_VIEW:
        return get_view(api, call, job, err);
    case WEB_CANCEL:
        web_job_cancel(job);
        reply_job(call, 200, job);
        return 0;
    case WEB_REMOVE:
        web_job_remove(job);
        reply_text(call, 204, JSON_TYPE, strdup(""));
        return 0;
    default:
        reply_job(call, 200, job);
        return 0;
    }
}

static int with_job(web_api *api, web_call *call, web_route route, const char *id, web_error *err)
{
    web_job *job = web_jobs_pin(api->jobs, id);
    if (!job)
        return web_fail(err, 404, "no_job",
                        "there is no such job; results are kept for %.0f minutes",
                        api->options->keep_s / 60);
    int st = answer_job(api, call, route, job, err);
    web_job_unpin(job);
    return st;
}

static int get_page(web_call *call, web_error *err)
{
    web_reply *r = &call->reply;
    if (!web_page_make(&r->body, &r->size, r->nonce))
        return web_no_memory(err);
    r->page = true;
    r->status = 200;
    r->type = "text/html; charset=utf-8";
    call->replied = true;
    return 0;
}

static int route(web_api *api, web_call *call, web_error *err)
{
    web_route to;
    char id[WEB_ID_LENGTH + 1];
    int found = web_route_find(&to, id, &call->reply.allow, &call->request, err);
    web_error why;
    int st = web_guard_check(&api->guard, &call->request, found == 0 && to == WEB_PAGE, &why);
    if (st != 0)
        *err = why;
    if (st != 0 || found != 0)
        return st ? st : found;
    if (to != WEB_CREATE && call->request.content_length > SMALL_BODY)
        return web_fail(err, 413, "too_large", "this request takes no body");
    switch (to) {
    case WEB_PAGE:
        return get_page(call, err);
    case WEB_INFO:
        reply_text(call, 200, JSON_TYPE, web_json_text(web_json_info(api->options, api->models)));
        return 0;
    case WEB_CREATE:
        return start_upload(api, call, err);
    case WEB_EVENTS:
        return get_events(call, err);
    default:
        return with_job(api, call, to, id, err);
    }
}

void web_api_start(web_api *api, web_call *call)
{
    web_error err = {0};
    if (route(api, call, &err) != 0)
        web_call_error(call, &err);
}

void web_api_body(web_api *api, web_call *call, const void *data, size_t size)
{
    web_error err = {0};
    (void)api;
    if (!call->upload)
        return;
    if (web_job_receive(call->upload, data, size, &err) != 0)
        web_call_error(call, &err);
}

void web_api_finish(web_api *api, web_call *call)
{
    web_error err = {0};
    web_job *job = call->upload;
    (void)api;
    if (call->replied)
        return;
    if (!job) {
        (void)web_fail(&err, 500, "internal", "a request without an answer");
        web_call_error(call, &err);
        return;
    }
    call->upload = NULL;
    if (web_job_submit(job, &err) != 0) {
        web_call_error(call, &err);
    } else {
        job_info info;
        reply_job(call, 201, job);
        web_job_info(&info, job);
        snprintf(call->reply.location, sizeof call->reply.location, "/api/jobs/%s", info.id);
    }
    web_job_unpin(job);
}

/* ---- events ---- */

static bool add_event(FILE *f, const char *kind, char *data)
{
    if (data)
        fprintf(f, "event: %s\ndata: %s\n\n", kind, data);
    free(data);
    return data != NULL;
}

/* Writes what is new about one job; returns whether it is finished or gone. */
static bool tell(FILE *f, web_api *api, const char *id, uint64_t *seen)
{
    job_info info;
    web_job *job = web_jobs_pin(api->jobs, id);
    if (!job) {
        if (*seen != UINT64_MAX)
            add_event(f, "gone", web_json_text(json_pack("{s:s}", "id", id)));
        *seen = UINT64_MAX;
        return true;
    }
    web_job_info(&info, job);
    web_job_unpin(job);
    if (info.version + 1 > *seen) { /* a new job's version may be 0 */
        add_event(f, "job", web_job_json(&info));
        *seen = info.version + 1;
    }
    return info.state >= JOB_DONE;
}

char *web_events_next(web_api *api, const char *ids, uint64_t seen[WEB_EVENT_IDS_MAX], bool *end)
{
    char id[WEB_ID_LENGTH + 1], *text = NULL;
    size_t size;
    bool bad;
    FILE *f = open_memstream(&text, &size);
    if (!f)
        return NULL;
    *end = true;
    for (int i = 0; i < WEB_EVENT_IDS_MAX && web_id_next(id, &ids, &bad); i++)
        if (!tell(f, api, id, &seen[i]))
            *end = false;
    if (*end)
        fputs("event: end\ndata: {}\n\n", f);
    fclose(f);
    return text;
}
