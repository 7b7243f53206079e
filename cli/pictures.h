/* Which pictures a command reads and where each result goes. */
#ifndef DRN_CLI_PICTURES_H
#define DRN_CLI_PICTURES_H

#include "cli.h"

/* in and out are paths, or "-": standard input and output. */
typedef struct picture_job {
    char *in, *out;
    char *map; /* a second file made of the picture; NULL: none */
} picture_job;

typedef struct picture_jobs {
    picture_job *items;
    size_t count;
} picture_jobs;

/* How outputs are named. */
typedef struct picture_rules {
    const char *out;     /* a file, a folder or "-"; NULL: beside each input */
    const char *pattern; /* of names in a folder: text with {name}, {ext}, {scale} and {size} */
    const char
        *ext; /* what {ext} stands for; NULL: the input's, or png where none can write that */
    const char *scale, *size; /* what these stand for; may be NULL where the pattern has none */
    bool recursive;           /* folders in folders, too; their tree is kept */
    bool rename; /* a name that is taken already gets -2, -3, ... and a message; else that is an
                    error */
} picture_rules;

/* Pair inputs (files, or folders whose pictures are taken) with outputs: rules->out itself for one
 * file, or names after the pattern in the folder rules->out when there are several, an input is a
 * folder, or rules->out is a folder or ends in "/" (it is made then).  Prints what is wrong and
 * returns false: no pictures, an output that is an input, a folder one cannot write to. */
bool pictures_plan(picture_jobs *jobs, const arg_list *in, const picture_rules *rules);
void pictures_free(picture_jobs *jobs);

/* Give every job a place for its map: the file map, or NAME.png in the folder map when there are
 * several jobs, it is a folder or ends in "/".  Prints what is wrong and returns false: a suffix of
 * no picture format, an input or the output there. */
bool pictures_maps(picture_jobs *jobs, const char *map);

/* Prints what is wrong with a picture file to be written, and returns false: its suffix, or a
 * folder one cannot write to. */
bool check_file(const char *out);
bool check_folder(const char *dir);

/* NULL, or what is wrong with a pattern. */
const char *pattern_error(const char *pattern);

/* Paths of the pictures in a folder, sorted; prints what is wrong and returns false when there is
 * no such folder or no picture in it. */
bool pictures_in(char ***paths, size_t *count, const char *dir);
void paths_free(char **paths, size_t count);

/* The file name without folder and suffix, to be freed. */
char *path_stem(const char *path);
/* The folder of a path, "." when it names none; to be freed. */
char *path_dir(const char *path);
bool path_exists(const char *path);
/* Whether both exist and are one file or folder. */
bool same_file(const char *a, const char *b);
/* The same, or whether they will be when they are made. */
bool same_place(const char *a, const char *b);
/* mkdir -p; 0 or errno. */
int make_folders(const char *path);

#endif
