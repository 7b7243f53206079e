/* From a request to an answer, whatever carries them.  http.c feeds it; so do the tests. */
#ifndef DRN_WEB_API_H
#define DRN_WEB_API_H

#include "server/jobs.h"
#include "server/view.h"

typedef struct web_api {
    const web_options *options;
    const web_models *models;
    web_jobs *jobs;
    web_views *views;
    web_guard guard;
} web_api;

/* An answer: a body in memory, a file, or a stream of events. */
typedef struct web_reply {
    int status;
    const char *type; /* Content-Type */
    char *body;       /* malloc'ed; freed by web_reply_free() */
    size_t size;
    int fd;         /* a file to send, -1 = none */
    bool page;      /* the page, with its policy */
    bool events;    /* a stream about `ids` */
    char nonce[33]; /* of the page */
    char disposition[8 * WEB_NAME_MAX];
    char location[64];
    const char *allow;
    int retry_after;
    char ids[WEB_EVENT_IDS_MAX * (WEB_ID_LENGTH + 1) + 1];
} web_reply;

/* One request on its way. */
typedef struct web_call {
    web_request request;
    web_job *upload; /* pinned; an upload that is not complete */
    web_reply reply;
    bool replied;
} web_call;

/* A call without anything in it yet; its request is filled by the caller. */
void web_call_init(web_call *call);
/* Look at the request, before its body.  Afterwards there is a reply, or bytes are wanted. */
void web_api_start(web_api *api, web_call *call);
/* Bytes of the body; ignored when there is a reply already. */
void web_api_body(web_api *api, web_call *call, const void *data, size_t size);
/* The body is complete: afterwards there is a reply. */
void web_api_finish(web_api *api, web_call *call);
/* Frees what is left; an upload cut off is forgotten. */
void web_call_free(web_call *call);

/* Make an error the reply. */
void web_call_error(web_call *call, const web_error *err);

/* Next piece of a stream of events.
 * seen: per id the version told last, 0 at first; ids: as in the reply.
 * @return malloc'ed text, "" when nothing is new, or NULL without memory.  *end is set when all
 * jobs are finished or gone. */
char *web_events_next(web_api *api, const char *ids, uint64_t seen[WEB_EVENT_IDS_MAX], bool *end);

/* {"id":..., "state":..., ...} as docs/user/serve.md has it; malloc'ed, NULL without memory. */
char *web_job_json(const job_info *info);

#endif
