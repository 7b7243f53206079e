/* Which pictures a command reads and where each result goes. */
#ifndef DRN_CLI_PICTURES_H
#define DRN_CLI_PICTURES_H

#include "cli.h"

typedef struct picture_job {
    char *in, *out;
} picture_job;

typedef struct picture_jobs {
    picture_job *items;
    size_t count;
} picture_jobs;

/* Pair inputs (files, or folders whose pictures are taken) with outputs: `out` itself for one file,
 * or stem.format in the folder `out` when there are several, an input is a folder, or `out` is a
 * folder or ends in "/" (it is made then).  Prints what is wrong and returns false: no pictures, a
 * name two inputs would share, an output that is an input, a folder one cannot write to. */
bool pictures_plan(picture_jobs *jobs, const arg_list *in, const char *out, const char *format);
void pictures_free(picture_jobs *jobs);

/* Paths of the pictures in a folder, sorted; prints what is wrong and returns false when there is
 * no such folder or no picture in it. */
bool pictures_in(char ***paths, size_t *count, const char *dir);
void paths_free(char **paths, size_t count);

/* The file name without folder and suffix, to be freed. */
char *path_stem(const char *path);

#endif
