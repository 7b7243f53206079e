/* The list of jobs: places in the queue, states, pins, expiry.  worker.c does the work. */
#include "server/jobs_internal.h"

#include "drn/image.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

void web_jobs_lock(web_jobs *jobs)
{
    pthread_mutex_lock(&jobs->mutex);
}

void web_jobs_unlock(web_jobs *jobs)
{
    pthread_mutex_unlock(&jobs->mutex);
}

void web_job_touch(web_job *job)
{
    job->version = ++job->jobs->version;
    pthread_cond_broadcast(&job->jobs->changed);
}

bool web_job_finished(const web_job *job)
{
    return job->state >= JOB_DONE;
}

void web_job_finish(web_job *job, job_state state)
{
    job->state = state;
    job->ended = web_now();
    web_job_touch(job);
}

/* ---- the list ---- */

static void remove_files(const web_job *job)
{
    unlink(job->input);
    unlink(job->result);
    unlink(job->trust);
}

/* Free a job nobody uses and the list does not hold. */
static void drop(web_job *job)
{
    if (job->pins > 0 || job->listed)
        return;
    if (job->fd >= 0)
        close(job->fd);
    remove_files(job);
    free(job);
}

static void unlist(web_job *job)
{
    web_jobs *jobs = job->jobs;
    if (!job->listed)
        return;
    for (web_job **at = &jobs->first; *at; at = &(*at)->next)
        if (*at == job) {
            *at = job->next;
            break;
        }
    job->listed = false;
    jobs->count--;
    web_job_touch(job);
}

static void append(web_jobs *jobs, web_job *job)
{
    web_job **at = &jobs->first;
    while (*at)
        at = &(*at)->next;
    *at = job;
    job->listed = true;
    jobs->count++;
}

static web_job *find(web_jobs *jobs, const char *id)
{
    for (web_job *job = jobs->first; job; job = job->next)
        if (strcmp(job->id, id) == 0)
            return job;
    return NULL;
}

static int waiting(const web_jobs *jobs)
{
    int n = 0;
    for (const web_job *job = jobs->first; job; job = job->next)
        n += job->state == JOB_UPLOADING || job->state == JOB_QUEUED;
    return n;
}

/* ---- making and freeing ---- */

static int make_folder(web_jobs *jobs, web_error *err)
{
    const char *base = getenv("TMPDIR");
    int n = snprintf(jobs->folder, sizeof jobs->folder, "%s/drn-serve-XXXXXX",
                     base && *base ? base : "/tmp");
    if (n < 0 || (size_t)n >= sizeof jobs->folder || !mkdtemp(jobs->folder)) {
        jobs->folder[0] = 0;
        return web_fail(err, 500, "io", "cannot make a folder for pictures in %s: %s",
                        base && *base ? base : "/tmp", strerror(errno));
    }
    return 0;
}

static void init_locks(web_jobs *jobs)
{
    pthread_condattr_t attr;
    pthread_mutex_init(&jobs->mutex, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&jobs->changed, &attr);
    pthread_condattr_destroy(&attr);
}

int web_jobs_new(web_jobs **out, const web_options *options, const web_models *models, int workers,
                 web_error *err)
{
    web_jobs *jobs = calloc(1, sizeof *jobs);
    if (!jobs)
        return web_no_memory(err);
    jobs->options = options;
    jobs->models = models;
    init_locks(jobs);
    int st = make_folder(jobs, err);
    if (st == 0)
        st = web_workers_start(jobs, workers, err);
    if (st != 0) {
        web_jobs_free(jobs);
        return st;
    }
    *out = jobs;
    return 0;
}

void web_jobs_stop(web_jobs *jobs)
{
    web_jobs_lock(jobs);
    jobs->stopped = true;
    for (web_job *job = jobs->first; job; job = job->next)
        job->cancel = true;
    jobs->version++;
    pthread_cond_broadcast(&jobs->changed);
    web_jobs_unlock(jobs);
}

bool web_jobs_stopped(web_jobs *jobs)
{
    web_jobs_lock(jobs);
    bool stopped = jobs->stopped;
    web_jobs_unlock(jobs);
    return stopped;
}

static void remove_folder(const char *folder)
{
    DIR *dir = *folder ? opendir(folder) : NULL;
    if (!dir)
        return;
    for (struct dirent *e; (e = readdir(dir));)
        if (e->d_name[0] != '.')
            unlinkat(dirfd(dir), e->d_name, 0);
    closedir(dir);
    rmdir(folder);
}

void web_jobs_free(web_jobs *jobs)
{
    if (!jobs)
        return;
    web_jobs_stop(jobs);
    web_workers_join(jobs);
    while (jobs->first) {
        web_job *job = jobs->first;
        unlist(job);
        drop(job);
    }
    remove_folder(jobs->folder);
    pthread_cond_destroy(&jobs->changed);
    pthread_mutex_destroy(&jobs->mutex);
    free(jobs);
}

/* ---- uploads ---- */

/* An id is all that protects one client's pictures from another's: 128 bits of the system's best.
 */
static int make_id(char id[WEB_ID_LENGTH + 1], web_error *err)
{
    unsigned char bytes[WEB_ID_LENGTH / 2];
    if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes)
        return web_fail(err, 500, "internal", "the system has no random numbers");
    for (size_t i = 0; i < sizeof bytes; i++)
        snprintf(id + 2 * i, 3, "%02x", bytes[i]);
    return 0;
}

static int open_job(web_job *job, web_error *err)
{
    int st = make_id(job->id, err);
    if (st != 0)
        return st;
    snprintf(job->input, sizeof job->input, "%s/%s.in", job->jobs->folder, job->id);
    snprintf(job->result, sizeof job->result, "%s/%s.png", job->jobs->folder, job->id);
    snprintf(job->trust, sizeof job->trust, "%s/%s.trust.png", job->jobs->folder, job->id);
    job->fd = open(job->input, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (job->fd < 0)
        return web_fail(err, 507, "disk", "the server cannot store the picture: %s",
                        strerror(errno));
    return 0;
}

static int reserve(web_jobs *jobs, web_job *job, web_error *err)
{
    int st = 0;
    web_jobs_lock(jobs);
    if (jobs->stopped) {
        st = web_fail(err, 503, "stopping", "the server is stopping");
    } else if (waiting(jobs) >= jobs->options->queue) {
        st = web_fail(err, 429, "queue_full",
                      "%d pictures are waiting already; try again in a moment",
                      jobs->options->queue);
        err->retry_after = 5;
    } else {
        append(jobs, job);
    }
    web_jobs_unlock(jobs);
    return st;
}

int web_jobs_begin(web_job **out, web_jobs *jobs, const web_model *model, int scale,
                   const char *name, web_error *err)
{
    if (!drn_model_has_scale(model->model, scale))
        return web_fail(err, 400, "bad_parameter", "the model %s cannot enlarge %d times",
                        model->key, scale);
    web_job *job = calloc(1, sizeof *job);
    if (!job)
        return web_no_memory(err);
    *job = (web_job){.jobs = jobs, .model = model, .scale = scale, .fd = -1, .pins = 1};
    web_name_clean(job->name, name);
    int st = open_job(job, err);
    if (st == 0)
        st = reserve(jobs, job, err);
    if (st != 0) {
        job->pins = 0;
        drop(job);
        return st;
    }
    *out = job;
    return 0;
}

int web_job_receive(web_job *job, const void *data, size_t size, web_error *err)
{
    int64_t limit = job->jobs->options->max_upload;
    if ((int64_t)size > limit - job->bytes)
        return web_fail(err, 413, "too_large",
                        "the file is larger than the %.1f MB this server takes (--max-upload)",
                        (double)limit / 1e6);
    for (const char *p = data; size > 0;) {
        ssize_t n = write(job->fd, p, size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return web_fail(err, 507, "disk", "the server cannot store the picture: %s",
                            strerror(errno));
        p += n;
        size -= (size_t)n;
        web_jobs_lock(job->jobs);
        job->bytes += n;
        web_jobs_unlock(job->jobs);
    }
    return 0;
}

/* "PATH: text" -> "NAME: text". */
void web_job_message(char *out, size_t size, const web_job *job, const char *message)
{
    const char *folder = job->jobs->folder, *at = strstr(message, folder);
    if (!at) {
        snprintf(out, size, "%s", message);
        return;
    }
    size_t path = strcspn(at, ": ");
    snprintf(out, size, "%.*s%s%s", (int)(at - message), message, job->name, at + path);
}

static int refuse(const web_job *job, const drn_error *e, web_error *err)
{
    char text[600];
    web_job_message(text, sizeof text, job, e->message);
    if (e->code == DRN_ERR_NOMEM)
        return web_no_memory(err);
    bool picture = e->code == DRN_ERR_FORMAT || e->code == DRN_ERR_UNSUPPORTED;
    return web_fail(err, picture ? 415 : 500, picture ? "not_a_picture" : "io", "%s", text);
}

/* Sizes are compared in double: they may be anything a header claims. */
static int check_size(web_job *job, web_error *err)
{
    drn_image info;
    drn_error e = {0};
    if (job->bytes == 0)
        return web_fail(err, 400, "empty", "%s: the file is empty", job->name);
    if (drn_image_probe(&info, job->input, &e) != DRN_OK)
        return refuse(job, &e, err);
    double pixels = (double)info.width * info.height * job->scale * job->scale;
    if (pixels > (double)job->jobs->options->max_pixels)
        return web_fail(err, 413, "too_many_pixels",
                        "%d x %d pixels would become %.1f million at %d times; this server makes "
                        "at most %.1f million (--max-pixels)",
                        info.width, info.height, pixels / 1e6, job->scale,
                        (double)job->jobs->options->max_pixels / 1e6);
    job->width = info.width;
    job->height = info.height;
    return 0;
}

int web_job_submit(web_job *job, web_error *err)
{
    int st = check_size(job, err);
    close(job->fd);
    job->fd = -1;
    if (st != 0) {
        web_job_remove(job);
        return st;
    }
    web_jobs_lock(job->jobs);
    if (job->state == JOB_UPLOADING) { /* it may have been cancelled meanwhile */
        job->state = JOB_QUEUED;
        web_job_touch(job);
    }
    web_jobs_unlock(job->jobs);
    return 0;
}

/* ---- looking at jobs ---- */

web_job *web_jobs_pin(web_jobs *jobs, const char *id)
{
    web_jobs_lock(jobs);
    web_job *job = find(jobs, id);
    if (job)
        job->pins++;
    web_jobs_unlock(jobs);
    return job;
}

void web_job_unpin(web_job *job)
{
    if (!job)
        return;
    web_jobs *jobs = job->jobs;
    web_jobs_lock(jobs);
    job->pins--;
    drop(job);
    web_jobs_unlock(jobs);
}

static int position(const web_job *job)
{
    int n = 0;
    for (const web_job *at = job->jobs->first; at && at != job; at = at->next)
        n += at->state == JOB_QUEUED || at->state == JOB_RUNNING;
    return n;
}

static void times(job_info *out, const web_job *job, double now)
{
    out->left = -1;
    if (job->started > 0)
        out->elapsed = (job->ended > 0 ? job->ended : now) - job->started;
    if (job->state == JOB_RUNNING && job->done > 0.02)
        out->left = (now - job->enlarging) * (1 - job->done) / job->done;
    if (web_job_finished(job))
        out->expires = fmax(0, job->ended + job->jobs->options->keep_s - now);
}

void web_job_info(job_info *out, web_job *job)
{
    *out = (job_info){.scale = job->scale};
    web_jobs_lock(job->jobs);
    out->model = job->model->key;
    memcpy(out->id, job->id, sizeof out->id);
    memcpy(out->name, job->name, sizeof out->name);
    out->state = job->state;
    out->stage = job->stage;
    out->version = job->version;
    out->position = position(job);
    out->done = job->done;
    out->bytes = job->bytes;
    out->width = job->width;
    out->height = job->height;
    out->error = job->error;
    times(out, job, web_now());
    web_jobs_unlock(job->jobs);
}

/* A running job ends when its worker sees the flag. */
static void cancel_locked(web_job *job)
{
    job->cancel = true;
    if (job->state == JOB_QUEUED || job->state == JOB_UPLOADING)
        web_job_finish(job, JOB_CANCELLED);
}

void web_job_cancel(web_job *job)
{
    web_jobs_lock(job->jobs);
    if (!web_job_finished(job))
        cancel_locked(job);
    web_jobs_unlock(job->jobs);
}

void web_job_remove(web_job *job)
{
    web_jobs_lock(job->jobs);
    if (!web_job_finished(job))
        cancel_locked(job);
    unlist(job);
    web_jobs_unlock(job->jobs);
}

void web_jobs_wait(web_jobs *jobs, uint64_t *seen, double timeout_s)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    double end = (double)until.tv_nsec * 1e-9 + timeout_s;
    until.tv_sec += (time_t)end;
    until.tv_nsec = (long)((end - floor(end)) * 1e9);
    web_jobs_lock(jobs);
    while (jobs->version == *seen && !jobs->stopped)
        if (pthread_cond_timedwait(&jobs->changed, &jobs->mutex, &until) != 0)
            break;
    *seen = jobs->version;
    web_jobs_unlock(jobs);
}

/* The finished job that ended first, or NULL. */
static web_job *oldest(web_jobs *jobs)
{
    web_job *best = NULL;
    for (web_job *job = jobs->first; job; job = job->next)
        if (web_job_finished(job) && (!best || job->ended < best->ended))
            best = job;
    return best;
}

/* Whether finished jobs are more, or larger, than may be kept. */
static bool over_limit(const web_jobs *jobs)
{
    int n = 0;
    int64_t bytes = 0;
    for (const web_job *job = jobs->first; job; job = job->next) {
        n += web_job_finished(job);
        bytes += job->bytes + job->result_bytes;
    }
    return n > jobs->options->keep || bytes > jobs->options->keep_bytes;
}

void web_jobs_expire(web_jobs *jobs, double now)
{
    web_jobs_lock(jobs);
    for (web_job *job; (job = oldest(jobs));) {
        if (now - job->ended < jobs->options->keep_s && !over_limit(jobs))
            break;
        unlist(job);
        drop(job);
    }
    web_jobs_unlock(jobs);
}

size_t web_jobs_count(web_jobs *jobs)
{
    web_jobs_lock(jobs);
    size_t n = jobs->count;
    web_jobs_unlock(jobs);
    return n;
}

const char *web_job_input_path(const web_job *job)
{
    return job->input;
}

const char *web_job_result_path(const web_job *job)
{
    return job->result;
}

const char *web_job_trust_path(const web_job *job)
{
    return job->trust;
}

void web_jobs_temp_path(char *out, size_t size, web_jobs *jobs, const char *suffix)
{
    web_jobs_lock(jobs);
    unsigned long n = ++jobs->temp;
    web_jobs_unlock(jobs);
    snprintf(out, size, "%s/t%lu%s", jobs->folder, n, suffix);
}
