/* Threads that take the oldest waiting job and enlarge its picture. */
#include "server/jobs_internal.h"

#include "drn/image.h"
#include "drn/upscale.h"

#include <stdio.h>
#include <sys/stat.h>

/* Seconds between two reports of progress. */
#define REPORT_EVERY 0.1

static bool set_stage(web_job *job, job_stage stage)
{
    web_jobs_lock(job->jobs);
    job->stage = stage;
    if (stage == STAGE_ENLARGING)
        job->enlarging = web_now();
    web_job_touch(job);
    bool go_on = !job->cancel;
    web_jobs_unlock(job->jobs);
    return go_on;
}

static bool report(void *ctx, double done)
{
    web_job *job = ctx;
    double now = web_now();
    web_jobs_lock(job->jobs);
    job->done = done;
    if (now - job->told >= REPORT_EVERY) {
        job->told = now;
        web_job_touch(job);
    }
    bool go_on = !job->cancel;
    web_jobs_unlock(job->jobs);
    return go_on;
}

static const drn_model *pick_model(web_job *job, const drn_image *in)
{
    const web_model *m = web_models_pick(job->jobs->models, job->model, job->input, in);
    web_jobs_lock(job->jobs);
    job->model = m;
    web_jobs_unlock(job->jobs);
    return m->model;
}

static drn_status enlarge(drn_image **out, web_job *job, drn_error *err)
{
    drn_image *in = NULL;
    drn_upscale_options how = {.scale = job->scale,
                               .threads = job->jobs->options->threads,
                               .progress = report,
                               .progress_ctx = job};
    if (!set_stage(job, STAGE_READING))
        return DRN_ERR_CANCELLED;
    drn_status st = drn_image_read(&in, job->input, err);
    const drn_model *model = st == DRN_OK ? pick_model(job, in) : NULL;
    if (st == DRN_OK && !set_stage(job, STAGE_ENLARGING))
        st = DRN_ERR_CANCELLED;
    if (st == DRN_OK)
        st = drn_upscale(out, in, model, &how, err);
    drn_image_free(in);
    return st;
}

static drn_status work(web_job *job, drn_error *err)
{
    drn_image *out = NULL;
    drn_status st = enlarge(&out, job, err);
    if (st == DRN_OK && !set_stage(job, STAGE_WRITING))
        st = DRN_ERR_CANCELLED;
    if (st == DRN_OK)
        st = drn_image_write(out, job->result, NULL, err);
    drn_image_free(out);
    return st;
}

static int64_t file_size(const char *path)
{
    struct stat sb;
    return stat(path, &sb) == 0 ? (int64_t)sb.st_size : 0;
}

static void set_error(web_job *job, const drn_error *e)
{
    char text[600];
    web_job_message(text, sizeof text, job, e->message);
    bool picture = e->code == DRN_ERR_FORMAT || e->code == DRN_ERR_UNSUPPORTED;
    (void)web_fail(&job->error, picture ? 415 : 500, picture ? "not_a_picture" : "failed", "%s",
                   text);
}

/* A job cancelled in its last moment is cancelled: nobody was told that it is done. */
static void finish(web_job *job, drn_status st, const drn_error *e)
{
    int64_t bytes = file_size(job->result);
    web_jobs_lock(job->jobs);
    job->result_bytes = bytes;
    if (job->cancel || st == DRN_ERR_CANCELLED) {
        web_job_finish(job, JOB_CANCELLED);
    } else if (st != DRN_OK) {
        set_error(job, e);
        web_job_finish(job, JOB_FAILED);
    } else {
        job->done = 1;
        web_job_finish(job, JOB_DONE);
    }
    web_jobs_unlock(job->jobs);
}

/* The next job, pinned; waits for one.  NULL when the server stops. */
static web_job *take(web_jobs *jobs)
{
    web_job *job = NULL;
    web_jobs_lock(jobs);
    while (!jobs->stopped) {
        for (job = jobs->first; job && job->state != JOB_QUEUED;)
            job = job->next;
        if (job)
            break;
        pthread_cond_wait(&jobs->changed, &jobs->mutex);
    }
    if (jobs->stopped)
        job = NULL;
    if (job) {
        job->pins++;
        job->state = JOB_RUNNING;
        job->started = web_now();
        web_job_touch(job);
    }
    web_jobs_unlock(jobs);
    return job;
}

static void *run(void *ctx)
{
    for (web_job *job; (job = take(ctx));) {
        drn_error err = {0};
        drn_status st = work(job, &err);
        finish(job, st, &err);
        web_job_unpin(job);
    }
    return NULL;
}

int web_workers_start(web_jobs *jobs, int count, web_error *err)
{
    for (int i = 0; i < count && i < WEB_WORKERS_MAX; i++) {
        if (pthread_create(&jobs->workers[i], NULL, run, jobs) != 0)
            return web_fail(err, 500, "internal", "cannot start a worker thread");
        jobs->worker_count++;
    }
    return 0;
}

void web_workers_join(web_jobs *jobs)
{
    for (int i = 0; i < jobs->worker_count; i++)
        pthread_join(jobs->workers[i], NULL);
    jobs->worker_count = 0;
}
