/* Whole-file reads with a limit, and writes that appear complete or not at all. */
#ifndef DRN_BASE_FILEIO_H
#define DRN_BASE_FILEIO_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* Read a regular file of at most max bytes.  *out is drn_alloc'ed with one 0 byte after the end;
 * the caller frees it with drn_free(). */
drn_status drn_file_read(void **out, size_t *size, const char *path, size_t max, drn_error *err);

/* A file being written in the folder of its final name. */
typedef struct drn_atomic_file {
    FILE *f;
    char *path;    /* final name */
    char *tmp;     /* what others open to write it: path.XXXXXX.tmp, or a place in /proc */
    bool nameless; /* it has no name yet, and a process that is killed leaves nothing */
    bool keep;     /* set after opening: a file that has the name at the end stays, and committing fails */
    int place;     /* where drn_unfinished_remove() finds it, from 1; 0: nowhere */
} drn_atomic_file;

/* Create the temporary file, without a name where the file system can; write to a->f or open a->tmp,
 * then commit (flush, fsync, a name, rename) or abort (remove).  After either the struct is empty.
 * Commit removes the temporary file when it fails. */
drn_status drn_atomic_open(drn_atomic_file *a, const char *path, drn_error *err);
drn_status drn_atomic_commit(drn_atomic_file *a, drn_error *err);
void drn_atomic_abort(drn_atomic_file *a);

/* The three in one call. */
drn_status drn_file_write(const char *path, const void *data, size_t size, drn_error *err);

bool drn_path_is_dir(const char *path);
bool drn_path_exists(const char *path);
/* mkdir -p. */
drn_status drn_make_dirs(const char *path, drn_error *err);
/* drn_alloc'ed "dir/name"; NULL when memory is refused. */
char *drn_path_join(const char *dir, const char *name);

/* Names of the regular files in a folder (no "." files), sorted by byte value.
 * Free with drn_list_free(). */
drn_status drn_dir_list(char ***names, size_t *count, const char *dir, drn_error *err);
void drn_list_free(char **names, size_t count);

#endif
