/* What jobs.c and worker.c share. */
#ifndef DRN_WEB_JOBS_INTERNAL_H
#define DRN_WEB_JOBS_INTERNAL_H

#include "server/jobs.h"

#include <pthread.h>

enum { WEB_PATH_MAX = 512, WEB_WORKERS_MAX = 16 };

/* Under the mutex, but for what is set before the job is listed, and the fields of one thread: the
 * upload's (fd, bytes, width, height until it is queued) and the worker's files. */
struct web_job {
    web_jobs *jobs;
    web_job *next;
    const web_model *model;
    int scale, pins, fd;
    bool listed, cancel;
    job_state state;
    job_stage stage;
    uint64_t version;
    double done, started, enlarging, ended; /* web_now(); 0 = not yet */
    double told;                            /* when progress was last made known */
    int64_t bytes, result_bytes;
    int32_t width, height;
    web_error error;
    char id[WEB_ID_LENGTH + 1], name[WEB_NAME_MAX + 1];
    char input[WEB_PATH_MAX + 64], result[WEB_PATH_MAX + 64], trust[WEB_PATH_MAX + 64];
};

struct web_jobs {
    const web_options *options;
    const web_models *models;
    pthread_mutex_t mutex;
    pthread_cond_t changed; /* any job changed, or `stopped` */
    web_job *first;         /* in order of arrival */
    size_t count;
    uint64_t version;
    unsigned long temp;
    bool stopped;
    pthread_t workers[WEB_WORKERS_MAX];
    int worker_count;
    char folder[WEB_PATH_MAX];
};

void web_jobs_lock(web_jobs *jobs);
void web_jobs_unlock(web_jobs *jobs);

/* These want the lock. */
void web_job_touch(web_job *job);
bool web_job_finished(const web_job *job);
void web_job_finish(web_job *job, job_state state);

int web_workers_start(web_jobs *jobs, int count, web_error *err);
void web_workers_join(web_jobs *jobs);

#endif
