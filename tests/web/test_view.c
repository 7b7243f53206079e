/* Parts of pictures, and results in other formats. */
#include "fixture.h"

#include <stdlib.h>
#include <unistd.h>

/* A finished job of 37 x 29 at scale 4, pinned. */
static web_job *done_job(fixture *f)
{
    char id[WEB_ID_LENGTH + 1];
    fixture_open(f, NULL, 1);
    send_picture(id, f, 37, 29, "scale=4&name=v.ppm");
    CHECK_INT(wait_finished(f, id), JOB_DONE);
    return web_jobs_pin(f->api.jobs, id);
}

static void finish(fixture *f, web_job *job)
{
    web_job_unpin(job);
    fixture_close(f);
}

static drn_image *render(fixture *f, web_job *job, view_region r)
{
    drn_image *out = NULL;
    web_error err = {0};
    if (web_views_render(&out, f->api.views, job, &r, &err) != 0)
        test_fail(__FILE__, __LINE__, "%s", err.message);
    return out;
}

static void same_part(const drn_image *part, const drn_image *whole, int32_t x, int32_t y)
{
    drn_image *cut = NULL;
    drn_error err = {0};
    CHECK_OK(drn_image_crop(&cut, whole, x, y, part->width, part->height, &err), err);
    CHECK_INT(cut->bands, part->bands);
    size_t n = (size_t)cut->width * (size_t)cut->height * (size_t)cut->bands;
    CHECK(memcmp(cut->data, part->data, n * drn_depth_size(cut->depth)) == 0);
    drn_image_free(cut);
}

TEST(bicubic_parts, "any part of the bicubic enlargement has the bits of the whole")
{
    static const view_region parts[] = {
        {VIEW_BICUBIC, 0, 0, 148, 116, 4096}, {VIEW_BICUBIC, 0, 0, 4, 4, 4096},
        {VIEW_BICUBIC, 144, 112, 4, 4, 4096}, {VIEW_BICUBIC, 40, 20, 60, 52, 4096},
        {VIEW_BICUBIC, 0, 60, 148, 56, 4096}, {VIEW_BICUBIC, 72, 0, 8, 116, 4096},
        {VIEW_BICUBIC, 20, 8, 0, 0, 4096},
    };
    fixture f;
    drn_error err = {0};
    drn_image *in = NULL, *whole = NULL;
    web_job *job = done_job(&f);
    CHECK_OK(drn_image_read(&in, web_job_input_path(job), &err), err);
    CHECK_OK(drn_imresize(&whole, in, 4, NULL, &err), err);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        drn_image *part = render(&f, job, parts[i]);
        same_part(part, whole, (int32_t)parts[i].x, (int32_t)parts[i].y);
        drn_image_free(part);
    }
    drn_image_free(in);
    drn_image_free(whole);
    finish(&f, job);
}

TEST(result_parts, "a part of the result has its bits")
{
    fixture f;
    drn_error err = {0};
    drn_image *whole = NULL;
    web_job *job = done_job(&f);
    CHECK_OK(drn_image_read(&whole, web_job_result_path(job), &err), err);
    drn_image *part = render(&f, job, (view_region){VIEW_RESULT, 12, 16, 100, 40, 4096});
    CHECK_INT(part->width, 100);
    CHECK_INT(part->height, 40);
    same_part(part, whole, 12, 16);
    drn_image_free(part);
    drn_image_free(whole);
    finish(&f, job);
}

TEST(overviews, "an overview has the wanted size and looks like what it shows")
{
    fixture f;
    web_job *job = done_job(&f);
    for (int i = VIEW_RESULT; i <= VIEW_TRUST; i++) {
        drn_image *small = render(&f, job, (view_region){(view_image)i, 0, 0, 0, 0, 37});
        CHECK_INT(small->width, 37);
        CHECK_INT(small->height, 29);
        CHECK_INT(small->bands, i == VIEW_TRUST ? 1 : 3);
        drn_image_free(small);
    }
    drn_image *thin = render(&f, job, (view_region){VIEW_RESULT, 0, 0, 148, 4, 10});
    CHECK_INT(thin->width, 10);
    CHECK_INT(thin->height, 1);
    drn_image_free(thin);
    finish(&f, job);
}

TEST(outside, "parts outside the picture or between its pixels are refused")
{
    static const view_region bad[] = {
        {VIEW_RESULT, 0, 0, 152, 4, 100},       {VIEW_RESULT, 148, 0, 4, 4, 100},
        {VIEW_RESULT, 148, 0, 0, 0, 100},       {VIEW_RESULT, 0, 116, 4, 4, 100},
        {VIEW_RESULT, 2, 0, 4, 4, 100},         {VIEW_RESULT, 0, 0, 5, 4, 100},
        {VIEW_RESULT, INT32_MAX, 0, 4, 4, 100}, {VIEW_RESULT, 4, 4, INT32_MAX, INT32_MAX, 100},
    };
    fixture f;
    web_job *job = done_job(&f);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        drn_image *out = NULL;
        web_error err = {0};
        CHECK_INT(web_views_render(&out, f.api.views, job, &bad[i], &err), 400);
        CHECK(!out);
    }
    finish(&f, job);
}

TEST(downloads, "a result comes as PNG, JPEG or WebP under a name of its own")
{
    static const struct {
        const char *query, *type, *name, *magic;
    } cases[] = {
        {"", "image/png", "filename=\"v_x4.png\"", "\x89PNG"},
        {"?format=jpg&quality=70", "image/jpeg", "filename=\"v_x4.jpg\"", "\xff\xd8\xff"},
        {"?format=webp", "image/webp", "filename=\"v_x4.webp\"", "RIFF"},
    };
    fixture f;
    job_info info;
    web_job *job = done_job(&f);
    web_job_info(&info, job);
    for (int i = 0; i < 3; i++) {
        web_call call;
        char target[120], head[8] = {0};
        snprintf(target, sizeof target, "/api/jobs/%s/result%s", info.id, cases[i].query);
        request(&call, &f, "GET", target, NULL, 0);
        CHECK_INT(call.reply.status, 200);
        CHECK_STR(call.reply.type, cases[i].type);
        CHECK(strstr(call.reply.disposition, cases[i].name));
        CHECK(read(call.reply.fd, head, 7) == 7);
        CHECK(strncmp(head, cases[i].magic, strlen(cases[i].magic)) == 0);
        CHECK((off_t)call.reply.size == lseek(call.reply.fd, 0, SEEK_END));
        web_call_free(&call);
    }
    finish(&f, job);
}

TEST(idle, "pixels nobody asks for are let go, and read again when asked for")
{
    fixture f;
    web_job *job = done_job(&f);
    view_region r = {VIEW_RESULT, 0, 0, 8, 8, 100};
    drn_image *a = render(&f, job, r);
    web_views_expire(f.api.views, web_now() + 1000);
    drn_image *b = render(&f, job, r);
    same_part(a, b, 0, 0);
    drn_image_free(a);
    drn_image_free(b);
    finish(&f, job);
}
