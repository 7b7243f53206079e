/* Requests and answers. */
#include "fixture.h"
#include "server/page.h"

#include <stdlib.h>
#include <unistd.h>

static void expect(fixture *f, const char *method, const char *target, const char *body, int status,
                   const char *code)
{
    web_call call;
    request(&call, f, method, target, body, body ? strlen(body) : 0);
    if (call.reply.status != status)
        test_fail(__FILE__, __LINE__, "%s %s: %d, expected %d: %s", method, target,
                  call.reply.status, status, call.reply.body ? call.reply.body : "");
    if (code)
        CHECK_STR(json_at(call.reply.body, "error.code"), code);
    if (code && strlen(json_at(call.reply.body, "error.message")) < 10)
        test_fail(__FILE__, __LINE__, "%s %s: no message", method, target);
    web_call_free(&call);
}

TEST(info, "the server tells its models and limits")
{
    fixture f;
    web_call call;
    fixture_open(&f, NULL, 0);
    request(&call, &f, "GET", "/api", NULL, 0);
    CHECK_INT(call.reply.status, 200);
    CHECK_STR(json_at(call.reply.body, "limits.upload_bytes"), "64000000");
    CHECK(strstr(json_at(call.reply.body, "models"), "\"name\":\"tiny\""));
    CHECK(strstr(json_at(call.reply.body, "models"), "\"scales\":[2,4]"));
    web_call_free(&call);
    fixture_close(&f);
}

TEST(refused, "what is no picture, is empty, too large or has too many pixels is refused in words")
{
    fixture f;
    web_options o = web_options_default();
    o.max_upload = 100000;
    o.max_pixels = 100 * 100;
    fixture_open(&f, &o, 0);
    size_t size;
    char *large = make_ppm(200, 200, &size), *ppm = make_ppm(26, 25, &size);
    web_call call;
    expect(&f, "POST", "/api/jobs?name=note.txt", "just a text", 415, "not_a_picture");
    expect(&f, "POST", "/api/jobs", "\x89PNG\r\n\x1a\n....", 415, "not_a_picture");
    request(&call, &f, "POST", "/api/jobs?scale=4", ppm, size); /* 104 x 100 */
    CHECK_INT(call.reply.status, 413);
    CHECK_STR(json_at(call.reply.body, "error.code"), "too_many_pixels");
    CHECK(strstr(json_at(call.reply.body, "error.message"), "26 x 25"));
    web_call_free(&call);
    request(&call, &f, "POST", "/api/jobs?scale=2", ppm, size);
    CHECK_INT(call.reply.status, 201);
    web_call_free(&call);
    request(&call, &f, "POST", "/api/jobs", large, 120015);
    CHECK_INT(call.reply.status, 413);
    CHECK_STR(json_at(call.reply.body, "error.code"), "too_large");
    web_call_free(&call);
    CHECK_INT(web_jobs_count(f.api.jobs), 1);
    free(ppm);
    free(large);
    fixture_close(&f);
}

TEST(unsaid_length, "a body of unknown length is cut off at the limit")
{
    fixture f;
    web_call call;
    web_error err = {0};
    char chunk[4096] = {0};
    web_options o = web_options_default();
    o.max_upload = 10000;
    fixture_open(&f, &o, 0);
    web_call_init(&call);
    call.request.method = "POST";
    call.request.host = "localhost";
    call.request.content_type = "application/octet-stream";
    CHECK_INT(web_request_target(&call.request, "/api/jobs", &err), 0);
    web_api_start(&f.api, &call);
    for (int i = 0; i < 5; i++) {
        CHECK_INT(call.replied, i >= 3);
        web_api_body(&f.api, &call, chunk, sizeof chunk);
    }
    web_api_finish(&f.api, &call);
    CHECK_INT(call.reply.status, 413);
    web_call_free(&call);
    CHECK_INT(web_jobs_count(f.api.jobs), 0);
    fixture_close(&f);
}

TEST(no_body, "an empty upload and a body of another type are refused")
{
    fixture f;
    web_call call;
    web_error err = {0};
    fixture_open(&f, NULL, 0);
    expect(&f, "POST", "/api/jobs", NULL, 415, "bad_type");
    web_call_init(&call);
    call.request.method = "POST";
    call.request.host = "localhost";
    call.request.content_type = "image/png";
    CHECK_INT(web_request_target(&call.request, "/api/jobs", &err), 0);
    web_api_start(&f.api, &call);
    web_api_finish(&f.api, &call);
    CHECK_INT(call.reply.status, 400);
    CHECK_STR(json_at(call.reply.body, "error.code"), "empty");
    web_call_free(&call);
    CHECK_INT(web_jobs_count(f.api.jobs), 0);
    fixture_close(&f);
}

#define UNKNOWN "/api/jobs/00000000000000000000000000000000"

TEST(errors, "what is not there or not possible has an answer")
{
    fixture f;
    char id[WEB_ID_LENGTH + 1], target[120];
    fixture_open(&f, NULL, 0);
    expect(&f, "GET", "/nothing", NULL, 404, "not_found");
    expect(&f, "GET", "/\xff\xfe", NULL, 404, "not_found");
    expect(&f, "PATCH", "/api", NULL, 405, "bad_method");
    expect(&f, "GET", UNKNOWN, NULL, 404, "no_job");
    expect(&f, "DELETE", UNKNOWN, NULL, 404, "no_job");
    expect(&f, "GET", UNKNOWN "/result", NULL, 404, "no_job");
    expect(&f, "GET", "/api/events", NULL, 400, "bad_parameter");
    expect(&f, "GET", "/api/events?ids=..", NULL, 400, "bad_parameter");
    send_picture(id, &f, 8, 8, "");
    snprintf(target, sizeof target, "/api/jobs/%s/result", id);
    expect(&f, "GET", target, NULL, 409, "not_done");
    snprintf(target, sizeof target, "/api/jobs/%s/view", id);
    expect(&f, "GET", target, NULL, 409, "not_done");
    snprintf(target, sizeof target, "/api/jobs/%s/view?image=/etc/passwd", id);
    expect(&f, "GET", target, NULL, 400, "bad_parameter");
    snprintf(target, sizeof target, "/api/jobs/%s", id);
    expect(&f, "GET", target, NULL, 200, NULL);
    expect(&f, "DELETE", target, NULL, 204, NULL);
    expect(&f, "DELETE", target, NULL, 404, "no_job");
    fixture_close(&f);
}

TEST(broken_picture, "a picture cut off fails with a message of its own")
{
    fixture f;
    web_call call;
    char id[WEB_ID_LENGTH + 1], path[600];
    drn_image *image = NULL;
    drn_error err = {0};
    char bytes[4096];
    fixture_open(&f, NULL, 1);
    CHECK_OK(drn_image_new(&image, 64, 64, 3, DRN_U8, &err), err);
    for (int i = 0; i < 64 * 64 * 3; i++)
        ((uint8_t *)image->data)[i] = (uint8_t)((unsigned)i * 2654435761u >> 24);
    snprintf(path, sizeof path, "%s/whole.png", test_tmp_dir());
    if (drn_image_write(image, path, NULL, &err) == DRN_ERR_UNSUPPORTED)
        SKIP("built without libvips");
    FILE *file = fopen(path, "rb");
    size_t n = fread(bytes, 1, sizeof bytes, file) / 2;
    fclose(file);
    request(&call, &f, "POST", "/api/jobs?name=cut.png", bytes, n);
    CHECK_INT(call.reply.status, 201);
    snprintf(id, sizeof id, "%s", json_at(call.reply.body, "id"));
    web_call_free(&call);
    CHECK_INT(wait_finished(&f, id), JOB_FAILED);
    snprintf(path, sizeof path, "/api/jobs/%s", id);
    request(&call, &f, "GET", path, NULL, 0);
    CHECK_STR(json_at(call.reply.body, "state"), "failed");
    CHECK_STR(json_at(call.reply.body, "error.code"), "not_a_picture");
    CHECK(strncmp(json_at(call.reply.body, "error.message"), "cut.png: ", 9) == 0);
    web_call_free(&call);
    drn_image_free(image);
    fixture_close(&f);
}

TEST(events, "a stream tells each change once and ends when all is finished")
{
    fixture f;
    char id[WEB_ID_LENGTH + 1], ids[100];
    uint64_t seen[WEB_EVENT_IDS_MAX] = {0};
    bool end;
    fixture_open(&f, NULL, 0);
    send_picture(id, &f, 8, 8, "");
    snprintf(ids, sizeof ids, "%s,%s", id, "11111111111111111111111111111111");
    char *text = web_events_next(&f.api, ids, seen, &end);
    CHECK(strstr(text, "event: job\ndata: {") && strstr(text, "\"state\":\"queued\""));
    CHECK(strstr(text, "event: gone\ndata: {\"id\":\"11111111111111111111111111111111\"}"));
    CHECK(!end);
    free(text);
    text = web_events_next(&f.api, ids, seen, &end);
    CHECK_STR(text, "");
    CHECK(!end);
    free(text);
    web_job *job = web_jobs_pin(f.api.jobs, id);
    web_job_cancel(job);
    web_job_unpin(job);
    text = web_events_next(&f.api, ids, seen, &end);
    CHECK(strstr(text, "\"state\":\"cancelled\"") && strstr(text, "event: end\n"));
    CHECK(end);
    free(text);
    fixture_close(&f);
}

TEST(page, "the page is one file without addresses of others, with a new nonce every time")
{
    fixture f;
    web_call a, b;
    fixture_open(&f, NULL, 0);
    request(&a, &f, "GET", "/", NULL, 0);
    request(&b, &f, "GET", "/", NULL, 0);
    CHECK_INT(a.reply.status, 200);
    CHECK(a.reply.page && strlen(a.reply.nonce) == 32);
    CHECK(strcmp(a.reply.nonce, b.reply.nonce) != 0);
    CHECK(!strstr(a.reply.body, web_page_mark));
    int nonces = 0;
    for (const char *at = a.reply.body; (at = strstr(at, a.reply.nonce)); at++)
        nonces++;
    CHECK_INT(nonces, 2); /* the program and the styles */
    CHECK(a.reply.size < 200000);
    for (const char *at = a.reply.body; (at = strstr(at, "//")); at += 2)
        if (strncmp(at - 5, "http:", 5) == 0 && strncmp(at, "//www.w3.org/2000/svg", 21) != 0)
            test_fail(__FILE__, __LINE__, "an address: %.60s", at - 5);
    CHECK(!strstr(a.reply.body, "https:"));
    web_call_free(&a);
    web_call_free(&b);
    fixture_close(&f);
}
