/* Requests to the API of `drn serve`, without a socket: "METHOD TARGET", header lines, an empty
 * line, the body.  "@" in the target stands for the id of a finished job. */
#include "base/fileio.h"
#include "base/mem.h"
#include "fuzz.h"
#include "models/model.h"
#include "server/api.h"

#include <jansson.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

static web_options options;
static web_models models;
static web_api api;
static char done_id[WEB_ID_LENGTH + 1];
static char folder[600]; /* of the server: no message may tell it */

static const char picture[] = "P5 6 5 255\n012345678901234567890123456789";

static void write_model(const char *path)
{
    const drn_config c = {.scale = 4, .channels = 4, .modules = 1, .progressive = true};
    drn_error err = {0};
    drn_params *p = NULL;
    drn_st_writer *w = NULL;
    drn_rng rng;
    drn_rng_seed(&rng, 5, 0);
    PROMISE(drn_params_new(&p, DRN_FLOAT32, &err) == DRN_OK);
    PROMISE(drn_net_declare(p, &c, 0.1, &err) == DRN_OK);
    PROMISE(drn_params_allocate(p, false, &err) == DRN_OK);
    drn_params_init(p, &rng);
    PROMISE(drn_st_writer_new(&w, &err) == DRN_OK);
    PROMISE(drn_config_write(w, &c, &err) == DRN_OK);
    PROMISE(drn_params_write(w, p, p->value, "", DRN_ST_F32, &err) == DRN_OK);
    PROMISE(drn_st_writer_write(w, path, &err) == DRN_OK);
    drn_st_writer_free(w);
    drn_params_free(p);
}

static void close_api(void)
{
    web_views_free(api.views);
    web_jobs_free(api.jobs);
    web_models_free(&models);
}

static void open_api(void)
{
    char path[] = "/tmp/drn-fuzz-XXXXXX.safetensors";
    const char *name = path;
    drn_error err = {0};
    web_error e = {0};
    int fd = mkstemps(path, 12);
    PROMISE(fd >= 0);
    close(fd);
    write_model(path);
    options = web_options_default();
    options.queue = 3;
    options.keep = 4;
    options.max_upload = 4096;
    options.max_pixels = 1 << 14;
    PROMISE(web_models_load(&models, &name, 1, &err) == DRN_OK);
    unlink(path);
    api = (web_api){.options = &options, .models = &models};
    PROMISE(web_jobs_new(&api.jobs, &options, &models, 1, &e) == 0);
    PROMISE(web_views_new(&api.views, api.jobs, &e) == 0);
    web_jobs_temp_path(folder, sizeof folder, api.jobs, "");
    *strrchr(folder, '/') = 0;
    atexit(close_api);
}

/* A finished job, again when a request has removed it. */
static void need_done(void)
{
    web_error err = {0};
    job_info info;
    uint64_t seen = 0;
    web_job *job = done_id[0] ? web_jobs_pin(api.jobs, done_id) : NULL;
    if (!job) {
        PROMISE(web_jobs_begin(&job, api.jobs, &models.items[0], 4, "done.pgm", &err) == 0);
        PROMISE(web_job_receive(job, picture, sizeof picture - 1, &err) == 0);
        PROMISE(web_job_submit(job, &err) == 0);
    }
    do {
        web_job_info(&info, job);
        if (info.state < JOB_DONE)
            web_jobs_wait(api.jobs, &seen, 1);
    } while (info.state < JOB_DONE);
    PROMISE(info.state == JOB_DONE);
    memcpy(done_id, info.id, sizeof done_id);
    web_job_unpin(job);
}

/* Uploads of earlier inputs must not fill the queue of this one. */
static void settle(void)
{
    uint64_t seen = 0;
    while (web_jobs_count(api.jobs) > 1) {
        web_jobs_expire(api.jobs, web_now());
        options.keep = 0;
        web_jobs_wait(api.jobs, &seen, 0.001);
        if (done_id[0] && web_jobs_count(api.jobs) == 0)
            break;
    }
    options.keep = 4;
}

/* The next line of the text, ended by a 0; NULL at its end. */
static char *line(char **at)
{
    char *start = *at, *end = start ? strchr(start, '\n') : NULL;
    if (!start)
        return NULL;
    *at = end ? end + 1 : NULL;
    if (end)
        *end = 0;
    return start;
}

static void read_header(web_request *r, char *text)
{
    char *value = strchr(text, ':');
    if (!value)
        return;
    *value++ = 0;
    value += *value == ' ';
    if (strcasecmp(text, "Host") == 0)
        r->host = value;
    else if (strcasecmp(text, "Origin") == 0)
        r->origin = value;
    else if (strcasecmp(text, "Sec-Fetch-Site") == 0)
        r->fetch_site = value;
    else if (strcasecmp(text, "Sec-Fetch-Mode") == 0)
        r->fetch_mode = value;
    else if (strcasecmp(text, "Content-Type") == 0)
        r->content_type = value;
}

/* Every "@" becomes the id. */
static void fill_target(char *out, size_t size, const char *target)
{
    size_t used = 0;
    for (; *target && used + sizeof done_id < size; target++)
        used += *target == '@' ? (size_t)snprintf(out + used, size - used, "%s", done_id)
                               : (out[used] = *target, (size_t)1);
    out[used] = 0;
}

static void check_error(const web_reply *r)
{
    json_t *root = json_loads(r->body, JSON_REJECT_DUPLICATES, NULL);
    json_t *error = json_object_get(root, "error");
    const char *code = json_string_value(json_object_get(error, "code"));
    const char *message = json_string_value(json_object_get(error, "message"));
    PROMISE(code && *code && message && *message);
    /* The others quote the request, in which a fuzzer puts what it sees us compare with. */
    PROMISE(r->status < 415 || !strstr(message, folder));
    json_decref(root);
}

static void check_reply(const web_call *call)
{
    const web_reply *r = &call->reply;
    PROMISE(call->replied && r->type);
    PROMISE(r->status >= 200 && r->status < 600 && r->status != 500);
    PROMISE(!call->upload);
    if (r->status >= 400)
        check_error(r);
    if (r->body && r->status < 400 && !r->page && r->size > 0) {
        json_t *root = json_loads(r->body, 0, NULL);
        PROMISE(root != NULL);
        json_decref(root);
    }
    PROMISE(!strpbrk(r->disposition, "\r\n") && !strpbrk(r->location, "\r\n"));
}

static void check_events(const web_reply *r)
{
    uint64_t seen[WEB_EVENT_IDS_MAX] = {0};
    bool end;
    char *text = web_events_next(&api, r->ids, seen, &end);
    PROMISE(text && strncmp(text, "event: ", 7) == 0);
    free(text);
}

static void ask(char *text, const uint8_t *body, size_t size)
{
    char target[2 * WEB_TARGET_MAX];
    web_error err = {0};
    web_call *call = calloc(1, sizeof *call);
    PROMISE(call != NULL);
    web_call_init(call);
    char *method = line(&text), *space = strchr(method, ' ');
    if (space)
        *space = 0;
    call->request.method = method;
    fill_target(target, sizeof target, space ? space + 1 : "");
    for (char *header; (header = line(&text));)
        read_header(&call->request, header);
    call->request.content_length = size > 0 ? (int64_t)size : -1;
    if (web_request_target(&call->request, target, &err) != 0)
        web_call_error(call, &err);
    else
        web_api_start(&api, call);
    web_api_body(&api, call, body, size);
    web_api_finish(&api, call);
    check_reply(call);
    if (call->reply.events)
        check_events(&call->reply);
    web_call_free(call);
    free(call);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!api.jobs)
        open_api();
    settle();
    need_done();
    const uint8_t *gap = memmem(data, size, "\n\n", 2);
    size_t head = gap ? (size_t)(gap - data) : size;
    char *text = malloc(head + 1);
    PROMISE(text != NULL);
    memcpy(text, data, head);
    text[head] = 0;
    ask(text, gap ? gap + 2 : data + size, gap ? size - head - 2 : 0);
    PROMISE(web_jobs_count(api.jobs) <= 8);
    free(text);
    return 0;
}
