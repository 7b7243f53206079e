/* The queue: places, limits, cancelling, forgetting. */
#include "fixture.h"

#include "drn/image.h"

#include <dirent.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* Files in the server's folder. */
static int files_in(const char *path)
{
    char folder[600];
    int n = 0;
    snprintf(folder, sizeof folder, "%s", path);
    *strrchr(folder, '/') = 0;
    DIR *dir = opendir(folder);
    for (struct dirent *e; dir && (e = readdir(dir));)
        n += e->d_name[0] != '.';
    if (dir)
        closedir(dir);
    return dir ? n : -1;
}

/* A worker lets go of a job's files a moment after the job has ended. */
static void wait_files(const char *path, int count)
{
    for (int i = 0; i < 500 && files_in(path) != count; i++)
        usleep(10000);
    CHECK_INT(files_in(path), count);
}

static void temp_path(char *out, fixture *f)
{
    web_jobs_temp_path(out, 600, f->api.jobs, ".x");
}

static void info_of(job_info *info, fixture *f, const char *id)
{
    web_job *job = web_jobs_pin(f->api.jobs, id);
    CHECK(job != NULL);
    web_job_info(info, job);
    web_job_unpin(job);
}

TEST(done, "a picture goes through the queue and its result is scale times larger")
{
    fixture f;
    char id[WEB_ID_LENGTH + 1];
    job_info info;
    drn_image *out = NULL;
    drn_error err = {0};
    fixture_open(&f, NULL, 1);
    send_picture(id, &f, 20, 13, "scale=2&name=a.ppm");
    CHECK_INT(wait_finished(&f, id), JOB_DONE);
    info_of(&info, &f, id);
    CHECK_INT(info.width, 20);
    CHECK_INT(info.height, 13);
    CHECK_NEAR(info.done, 1, 0);
    CHECK_STR(info.name, "a.ppm");
    web_job *job = web_jobs_pin(f.api.jobs, id);
    CHECK_OK(drn_image_read(&out, web_job_result_path(job), &err), err);
    web_job_unpin(job);
    CHECK_INT(out->width, 40);
    CHECK_INT(out->height, 26);
    drn_image_free(out);
    fixture_close(&f);
}

TEST(full, "a full queue refuses with the time to wait; a place is free again after a cancel")
{
    fixture f;
    char id[3][WEB_ID_LENGTH + 1];
    web_call call;
    job_info info;
    size_t size;
    web_options o = web_options_default();
    o.queue = 2;
    fixture_open(&f, &o, 0);
    send_picture(id[0], &f, 8, 8, "");
    send_picture(id[1], &f, 8, 8, "");
    info_of(&info, &f, id[1]);
    CHECK_INT(info.position, 1);
    char *ppm = make_ppm(8, 8, &size);
    request(&call, &f, "POST", "/api/jobs", ppm, size);
    CHECK_INT(call.reply.status, 429);
    CHECK(call.reply.retry_after > 0);
    CHECK_STR(json_at(call.reply.body, "error.code"), "queue_full");
    web_call_free(&call);
    CHECK_INT(web_jobs_count(f.api.jobs), 2);
    web_job *job = web_jobs_pin(f.api.jobs, id[0]);
    web_job_cancel(job);
    web_job_unpin(job);
    info_of(&info, &f, id[0]);
    CHECK_INT(info.state, JOB_CANCELLED);
    send_picture(id[2], &f, 8, 8, "");
    free(ppm);
    fixture_close(&f);
}

TEST(upload_place, "an upload that is cut off gives its place and its file back")
{
    fixture f;
    web_call call;
    web_error err = {0};
    char path[600];
    web_options o = web_options_default();
    o.queue = 1;
    fixture_open(&f, &o, 0);
    temp_path(path, &f);
    for (int i = 0; i < 3; i++) {
        web_call_init(&call);
        call.request.method = "POST";
        call.request.host = "localhost";
        call.request.content_type = "image/png";
        CHECK_INT(web_request_target(&call.request, "/api/jobs", &err), 0);
        web_api_start(&f.api, &call);
        CHECK(!call.replied && call.upload);
        web_api_body(&f.api, &call, "half", 4);
        CHECK_INT(files_in(path), 1);
        web_call_free(&call);
        CHECK_INT(web_jobs_count(f.api.jobs), 0);
        CHECK_INT(files_in(path), 0);
    }
    fixture_close(&f);
}

TEST(cancel_running, "a running job stops when it is cancelled, and no result stays")
{
    fixture f;
    char id[WEB_ID_LENGTH + 1], path[600];
    job_info info;
    uint64_t seen = 0;
    fixture_open(&f, NULL, 1);
    temp_path(path, &f);
    send_picture(id, &f, 1200, 900, "scale=4");
    web_job *job = web_jobs_pin(f.api.jobs, id);
    do {
        web_jobs_wait(f.api.jobs, &seen, 1);
        web_job_info(&info, job);
    } while (info.state == JOB_QUEUED);
    CHECK_INT(info.state, JOB_RUNNING);
    web_job_cancel(job);
    CHECK_INT(wait_finished(&f, id), JOB_CANCELLED);
    CHECK_INT(files_in(path), 1); /* the upload */
    web_job_remove(job);
    CHECK(web_jobs_pin(f.api.jobs, id) == NULL);
    CHECK_INT(files_in(path), 1); /* pinned */
    web_job_unpin(job);
    wait_files(path, 0);
    fixture_close(&f);
}

TEST(stop, "stopping in the middle of work ends it and removes the folder")
{
    fixture f;
    char id[2][WEB_ID_LENGTH + 1], path[600];
    struct stat sb;
    fixture_open(&f, NULL, 2);
    send_picture(id[0], &f, 900, 900, "scale=4");
    send_picture(id[1], &f, 900, 900, "scale=4");
    temp_path(path, &f);
    fixture_close(&f);
    *strrchr(path, '/') = 0;
    CHECK(stat(path, &sb) != 0);
}

TEST(age, "finished jobs are forgotten when they are old, waiting ones are not")
{
    fixture f;
    char done[WEB_ID_LENGTH + 1], path[600];
    fixture_open(&f, NULL, 1);
    temp_path(path, &f);
    send_picture(done, &f, 8, 8, "");
    CHECK_INT(wait_finished(&f, done), JOB_DONE);
    double now = web_now();
    web_jobs_expire(f.api.jobs, now + f.options.keep_s - 60);
    CHECK_INT(web_jobs_count(f.api.jobs), 1);
    web_jobs_expire(f.api.jobs, now + f.options.keep_s + 60);
    CHECK_INT(web_jobs_count(f.api.jobs), 0);
    wait_files(path, 0);
    fixture_close(&f);

    fixture_open(&f, NULL, 0);
    send_picture(done, &f, 8, 8, "");
    web_jobs_expire(f.api.jobs, web_now() + 1e6);
    CHECK_INT(web_jobs_count(f.api.jobs), 1);
    fixture_close(&f);
}

TEST(kept, "of too many finished jobs, or too many bytes, the oldest go")
{
    fixture f;
    char id[4][WEB_ID_LENGTH + 1];
    web_options o = web_options_default();
    o.keep = 2;
    fixture_open(&f, &o, 1);
    for (int i = 0; i < 4; i++) {
        send_picture(id[i], &f, 8, 8, "");
        CHECK_INT(wait_finished(&f, id[i]), JOB_DONE);
    }
    web_jobs_expire(f.api.jobs, web_now());
    CHECK_INT(web_jobs_count(f.api.jobs), 2);
    CHECK(web_jobs_pin(f.api.jobs, id[1]) == NULL);
    web_job *job = web_jobs_pin(f.api.jobs, id[2]);
    CHECK(job != NULL);
    web_job_unpin(job);
    f.options.keep_bytes = 1;
    web_jobs_expire(f.api.jobs, web_now());
    CHECK_INT(web_jobs_count(f.api.jobs), 0);
    fixture_close(&f);
}

TEST(private, "messages name the picture, never a folder of the server")
{
    fixture f;
    char id[WEB_ID_LENGTH + 1], path[600], text[600], message[700];
    fixture_open(&f, NULL, 0);
    send_picture(id, &f, 8, 8, "name=my+photo.png");
    web_job *job = web_jobs_pin(f.api.jobs, id);
    temp_path(path, &f);
    snprintf(message, sizeof message, "%s: broken or cut off: 1 2", web_job_input_path(job));
    web_job_message(text, sizeof text, job, message);
    CHECK_STR(text, "my photo.png: broken or cut off: 1 2");
    web_job_message(text, sizeof text, job, "no path");
    CHECK_STR(text, "no path");
    web_job_unpin(job);
    fixture_close(&f);
}

TEST(scales, "a scale the model has not is refused before anything is stored")
{
    fixture f;
    web_call call;
    size_t size;
    fixture_open(&f, NULL, 0);
    char *ppm = make_ppm(8, 8, &size);
    request(&call, &f, "POST", "/api/jobs?scale=8", ppm, size);
    CHECK_INT(call.reply.status, 400);
    web_call_free(&call);
    request(&call, &f, "POST", "/api/jobs?model=none", ppm, size);
    CHECK_INT(call.reply.status, 400);
    web_call_free(&call);
    CHECK_INT(web_jobs_count(f.api.jobs), 0);
    free(ppm);
    fixture_close(&f);
}

static void make_file(char path[600], const char *name, const char *bytes, size_t size)
{
    snprintf(path, 600, "%s/%s", test_tmp_dir(), name);
    FILE *f = fopen(path, "wb");
    CHECK(f && fwrite(bytes, 1, size, f) == size && fclose(f) == 0);
}

TEST(auto_model, "without --models the first choice is auto, which picks a model by the file and its pixels")
{
    drn_error err = {0};
    web_models models;
    if (!drn_model_builtin(0))
        SKIP("no models built in");
    CHECK_OK(web_models_load(&models, NULL, 0, &err), err);
    const web_model *first = web_models_find(&models, NULL);
    CHECK_STR(first->key, "auto");
    CHECK(web_models_find(&models, "drn-x8") != NULL);
    drn_image *im;
    CHECK_OK(drn_image_new(&im, 64, 64, 3, DRN_U8, &err), err);
    memset(im->data, 90, 64 * 64 * 3);
    char jpeg[600], ppm[600];
    make_file(jpeg, "jpeg", "\xff\xd8\xff\xe0", 4);
    make_file(ppm, "ppm", "P6\n1 1\n255\n", 11);
    CHECK_STR(web_models_pick(&models, first, jpeg, im)->key, "drn-compact-photo-x4");
    CHECK_STR(web_models_pick(&models, first, ppm, im)->key, "drn-compact-x4");
    uint8_t *p = im->data;
    for (size_t i = 0, v = 1; i < 64 * 64 * 3; i++, v = v * 48271 % 2147483647)
        p[i] = (uint8_t)(80 + v % 64);
    CHECK_STR(web_models_pick(&models, first, ppm, im)->key, "drn-compact-photo-x4");
    memset(p, 250, 64 * 64 * 3);
    for (int y = 11; y < 50; y++)
        memset(p + 3 * (y * 64 + 13), 30, 3 * 35);
    CHECK_STR(web_models_pick(&models, first, ppm, im)->key, "drn-compact-graphics-x4");
    const web_model *named = web_models_find(&models, "drn-x4");
    CHECK(web_models_pick(&models, named, jpeg, im) == named);
    drn_image_free(im);
    for (size_t i = 0; i < models.count; i++)
        if (strcmp(models.items[i].key, "drn-compact-photo-x4") == 0)
            for (int s = 2; s <= 64; s++)
                CHECK_INT(drn_model_has_scale(first->model, s), drn_model_has_scale(models.items[i].model, s));
    web_models_free(&models);
}
