/* Jobs: pictures that come in, wait, are enlarged and kept for a while.  All functions may be
 * called from any thread. */
#ifndef DRN_WEB_JOBS_H
#define DRN_WEB_JOBS_H

#include "server/models.h"
#include "server/request.h"
#include "server/serve.h"

typedef enum job_state {
    JOB_UPLOADING,
    JOB_QUEUED,
    JOB_RUNNING,
    JOB_DONE,
    JOB_FAILED,
    JOB_CANCELLED
} job_state;

/* What a running job is busy with. */
typedef enum job_stage { STAGE_READING, STAGE_ENLARGING, STAGE_WRITING } job_stage;

typedef struct web_jobs web_jobs;
typedef struct web_job web_job;

/* What is known of a job at one moment. */
typedef struct job_info {
    char id[WEB_ID_LENGTH + 1];
    char name[WEB_NAME_MAX + 1];
    const char *model; /* key; lives as long as the models */
    int scale;
    job_state state;
    job_stage stage;
    uint64_t version;      /* grows with every change */
    int position;          /* queued: how many go before it */
    double done;           /* 0..1 of the stage `enlarging` */
    double elapsed, left;  /* seconds since it runs, or that it took; estimated rest, < 0 unknown */
    double expires;        /* seconds until it is forgotten; finished jobs only */
    int64_t bytes;         /* of the upload */
    int32_t width, height; /* of the picture; 0 before the upload is complete */
    web_error error;       /* failed: why */
} job_info;

/* options and models are borrowed until web_jobs_free(); workers: 0 in tests that run none. */
int web_jobs_new(web_jobs **out, const web_options *options, const web_models *models, int workers,
                 web_error *err);
/* No more work: running jobs are cancelled, waiting threads wake up. */
void web_jobs_stop(web_jobs *jobs);
bool web_jobs_stopped(web_jobs *jobs);
/* Joins the workers and removes the files.  All pins must have been returned. */
void web_jobs_free(web_jobs *jobs);

/* Reserve a place in the queue for a picture whose bytes come next.  *out is pinned.
 * 429 when the queue is full; 400 for a scale the model has not. */
int web_jobs_begin(web_job **out, web_jobs *jobs, const web_model *model, int scale,
                   const char *name, web_error *err);
/* More bytes of the upload: 413 beyond the limit, 507 when the disk is full. */
int web_job_receive(web_job *job, const void *data, size_t size, web_error *err);
/* The upload is complete: look at the header, queue it.  415 when it is no picture, 413 when it is
 * too large.  On failure the job is gone, as by web_jobs_remove(). */
int web_job_submit(web_job *job, web_error *err);

/* A job that stays valid until web_job_unpin(); NULL when there is none with that id. */
web_job *web_jobs_pin(web_jobs *jobs, const char *id);
void web_job_unpin(web_job *job);

void web_job_info(job_info *out, web_job *job);
/* Stop it when it is not finished yet. */
void web_job_cancel(web_job *job);
/* Cancel and forget: its id is no longer known at once, its files go when nothing uses them. */
void web_job_remove(web_job *job);

/* Wait until anything has changed since *seen (then updated), the server stops, or timeout_s. */
void web_jobs_wait(web_jobs *jobs, uint64_t *seen, double timeout_s);

/* Forget finished jobs that are too old, too many or too large.  now: web_now(). */
void web_jobs_expire(web_jobs *jobs, double now);

/* Jobs known, finished ones included. */
size_t web_jobs_count(web_jobs *jobs);

/* Files: the upload, the result (only of a done job), its trust map (view.c makes it).  The string
 * belongs to the job. */
const char *web_job_input_path(const web_job *job);
const char *web_job_result_path(const web_job *job);
const char *web_job_trust_path(const web_job *job);
/* A name for a new file in the server's folder, ending in suffix. */
void web_jobs_temp_path(char *out, size_t size, web_jobs *jobs, const char *suffix);
/* The library's message without our own paths. */
void web_job_message(char *out, size_t size, const web_job *job, const char *message);

#endif
