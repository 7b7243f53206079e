/* The networks whose results a pack holds in the place of the pictures (drn pack --teacher). */
#ifndef DRN_CLI_TEACHERS_H
#define DRN_CLI_TEACHERS_H

#include "cli.h"

#include "drn/image.h"
#include "drn/upscale.h"

#include <pthread.h>

enum { TEACHERS_MOST = sizeof((text_list *)0)->items / sizeof *((text_list *)0)->items };

typedef struct teachers {
    int count, scale;
    drn_model *model[TEACHERS_MOST];
    double share[TEACHERS_MOST]; /* their sum is 1 */
    drn_upscale_options how;     /* but for the scale */
    const char *numbers;         /* of the GPU that is used; "": none */
    pthread_mutex_t device;      /* one photograph at a time: each takes what GPU memory is free */
} teachers;

typedef struct teachers_options {
    int scale; /* 0: the first model's largest */
    bool ensemble;
    int device, precision; /* as DEVICE_OPTIONS have them */
    bool quiet;
} teachers_options;

/* Models and shares by names such as drn-x4 or drn-x4:0.7; wrong ones end the program with a line about
 * their usage.  Prints what is wrong; returns the program's exit code. */
int teachers_load(teachers *out, const text_list *names, const teachers_options *options);
void teachers_free(teachers *t);

/* What tells these teachers from others: their weights and shares, and a GPU's arithmetic; to be freed. */
char *teachers_name(const teachers *t);

/* The picture as they see it: shrunk by the protocol's rule and enlarged again.  Thread-safe. */
drn_status teachers_redraw(teachers *t, drn_image **picture, drn_error *err);

#endif
