#include "fixture.h"

#include "../unit/random_model.h"

#include <jansson.h>
#include <stdlib.h>

const char *model_file(void)
{
    static char path[600];
    const drn_config c = {.scale = 4, .channels = 8, .modules = 1, .progressive = true};
    drn_params *p;
    if (!path[0]) {
        random_params(&p, &c);
        char *made = write_params(p, &c, "tiny.safetensors", DRN_ST_F32);
        snprintf(path, sizeof path, "%s", made);
        drn_free(made);
        drn_params_free(p);
    }
    return path;
}

void fixture_open(fixture *f, const web_options *options, int workers)
{
    const char *name = model_file();
    drn_error err = {0};
    web_error e = {0};
    *f = (fixture){.options = options ? *options : web_options_default()};
    CHECK_OK(web_models_load(&f->models, &name, 1, &err), err);
    f->api = (web_api){.options = &f->options, .models = &f->models};
    CHECK_INT(web_jobs_new(&f->api.jobs, &f->options, &f->models, workers, &e), 0);
    CHECK_INT(web_views_new(&f->api.views, f->api.jobs, &e), 0);
}

void fixture_close(fixture *f)
{
    web_views_free(f->api.views);
    web_jobs_free(f->api.jobs);
    web_models_free(&f->models);
}

char *make_ppm(int width, int height, size_t *size)
{
    size_t n = (size_t)width * (size_t)height * 3;
    char *text = malloc(n + 64);
    CHECK(text != NULL);
    int head = snprintf(text, 64, "P6\n%d %d\n255\n", width, height);
    for (size_t i = 0; i < n; i++)
        text[(size_t)head + i] = (char)(i * 7 % 251 + (i / 97) % 5);
    *size = (size_t)head + n;
    return text;
}

void request(web_call *call, fixture *f, const char *method, const char *target, const void *body,
             size_t size)
{
    web_error err = {0};
    web_call_init(call);
    web_request *r = &call->request;
    r->method = method;
    r->host = "localhost:8080";
    r->content_type = size > 0 ? "image/x-portable-pixmap" : NULL;
    r->content_length = size > 0 ? (int64_t)size : -1;
    CHECK_INT(web_request_target(r, target, &err), 0);
    web_api_start(&f->api, call);
    web_api_body(&f->api, call, body, size / 2);
    web_api_body(&f->api, call, (const char *)body + size / 2, size - size / 2);
    web_api_finish(&f->api, call);
    CHECK(call->replied);
}

void send_picture(char id[WEB_ID_LENGTH + 1], fixture *f, int width, int height, const char *query)
{
    web_call call;
    char target[300];
    size_t size;
    char *ppm = make_ppm(width, height, &size);
    snprintf(target, sizeof target, "/api/jobs?%s", query);
    request(&call, f, "POST", target, ppm, size);
    if (call.reply.status != 201)
        test_fail(__FILE__, __LINE__, "%d: %s", call.reply.status, call.reply.body);
    snprintf(id, WEB_ID_LENGTH + 1, "%s", json_at(call.reply.body, "id"));
    CHECK_STR(call.reply.location + strlen("/api/jobs/"), id);
    web_call_free(&call);
    free(ppm);
}

job_state wait_finished(fixture *f, const char *id)
{
    job_info info;
    uint64_t seen = 0;
    web_job *job = web_jobs_pin(f->api.jobs, id);
    CHECK(job != NULL);
    double end = web_now() + 10;
    do {
        web_jobs_wait(f->api.jobs, &seen, 0.05);
        web_job_info(&info, job);
    } while (info.state < JOB_DONE && web_now() < end);
    web_job_unpin(job);
    CHECK(info.state >= JOB_DONE);
    return info.state;
}

const char *json_at(const char *text, const char *path)
{
    static char out[600];
    char keys[100], *rest = NULL;
    snprintf(keys, sizeof keys, "%s", path);
    json_t *root = json_loads(text, JSON_REJECT_DUPLICATES, NULL), *at = root;
    CHECK(root != NULL);
    for (char *key = strtok_r(keys, ".", &rest); key && at; key = strtok_r(NULL, ".", &rest))
        at = json_object_get(at, key);
    if (json_is_string(at)) {
        snprintf(out, sizeof out, "%s", json_string_value(at));
    } else {
        char *dump = at ? json_dumps(at, JSON_ENCODE_ANY | JSON_COMPACT) : NULL;
        snprintf(out, sizeof out, "%s", dump ? dump : "");
        free(dump);
    }
    json_decref(root);
    return out;
}
