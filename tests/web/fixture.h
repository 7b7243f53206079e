/* An API with a small random model and no socket. */
#ifndef DRN_TESTS_WEB_FIXTURE_H
#define DRN_TESTS_WEB_FIXTURE_H

#include "harness.h"
#include "server/api.h"

typedef struct fixture {
    web_options options;
    web_models models;
    web_api api;
} fixture;

/* Path of a x4 model with random weights in the test's folder. */
const char *model_file(void);

/* options: the defaults but what the test changes; workers: 0 runs no job. */
void fixture_open(fixture *f, const web_options *options, int workers);
void fixture_close(fixture *f);

/* A small PPM of width x height with a pattern; *size bytes, to be freed. */
char *make_ppm(int width, int height, size_t *size);

/* One request through the API, its body in two pieces.  The caller frees the call. */
void request(web_call *call, fixture *f, const char *method, const char *target, const void *body,
             size_t size);

/* Send a picture; its id is copied to id.  The status is 201. */
void send_picture(char id[WEB_ID_LENGTH + 1], fixture *f, int width, int height, const char *query);

/* Wait until the job has left the states before `done`; fails after ten seconds. */
job_state wait_finished(fixture *f, const char *id);

/* "error.code" of a JSON reply, or what stands at the path; static memory. */
const char *json_at(const char *text, const char *path);

#endif
