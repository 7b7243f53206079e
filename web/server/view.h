/* Parts of pictures for the comparison, and results in other formats.  Each call works on whole
 * pictures in memory, so they take turns. */
#ifndef DRN_WEB_VIEW_H
#define DRN_WEB_VIEW_H

#include "server/jobs.h"

#include "drn/image.h"

typedef struct web_views web_views;

typedef enum view_image {
    VIEW_RESULT,
    VIEW_BICUBIC, /* the picture, enlarged by MATLAB's bicubic interpolation */
    VIEW_TRUST    /* a map of where the result can be trusted: grey, white = most */
} view_image;

/* A rectangle of the result, in its pixels, multiples of the scale; w or h 0: to the edge.  Shrunk
 * until its longer side has at most `max` pixels. */
typedef struct view_region {
    view_image image;
    int64_t x, y, w, h;
    int max;
} view_region;

/* A finished file to send; the name is gone already. */
typedef struct web_file {
    int fd;
    int64_t size;
} web_file;

int web_views_new(web_views **out, web_jobs *jobs, web_error *err);
void web_views_free(web_views *views);
/* Let go of pixels nobody has asked for in a while.  now: web_now(). */
void web_views_expire(web_views *views, double now);

/* The pixels of a region of a done job.  *out: the caller frees it. */
int web_views_render(drn_image **out, web_views *views, web_job *job, const view_region *region,
                     web_error *err);
/* The same as a PNG. */
int web_views_file(web_file *out, web_views *views, web_job *job, const view_region *region,
                   web_error *err);
/* The whole result as ".png", ".jpg" or ".webp". */
int web_views_result(web_file *out, web_views *views, web_job *job, const char *suffix, int quality,
                     web_error *err);

#endif
