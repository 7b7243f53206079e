#include "pictures.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const suffixes[] = {"png", "jpg", "jpeg", "webp", "tif", "tiff", "bmp",  "pnm",
                                       "ppm", "pgm", "pbm",  "gif",  "jp2", "jxl",  "avif", "heic"};

static bool is_picture_name(const char *name)
{
    const char *dot = strrchr(name, '.');
    for (size_t i = 0; dot && dot > name && i < sizeof suffixes / sizeof *suffixes; i++)
        if (strcasecmp(dot + 1, suffixes[i]) == 0)
            return true;
    return false;
}

static bool is_dir(const char *path)
{
    struct stat sb;
    return stat(path, &sb) == 0 && S_ISDIR(sb.st_mode);
}

static bool is_file(const char *path)
{
    struct stat sb;
    return stat(path, &sb) == 0 && S_ISREG(sb.st_mode);
}

static bool same_file(const char *a, const char *b)
{
    struct stat x, y;
    return stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

static char *join(const char *dir, const char *name)
{
    size_t n = strlen(dir);
    return cli_format("%s%s%s", dir, n > 0 && dir[n - 1] == '/' ? "" : "/", name);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

void paths_free(char **paths, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(paths[i]);
    free(paths);
}

bool pictures_in(char ***paths, size_t *count, const char *dir)
{
    *paths = NULL;
    *count = 0;
    DIR *d = opendir(dir);
    if (!d) {
        cli_error("%s: %s; a folder of pictures is needed", dir, strerror(errno));
        return false;
    }
    for (struct dirent *e; (e = readdir(d));) {
        char *path = join(dir, e->d_name);
        if (e->d_name[0] == '.' || !is_picture_name(e->d_name) || !is_file(path)) {
            free(path);
            continue;
        }
        *paths = cli_grow(*paths, *count + 1, sizeof **paths);
        (*paths)[(*count)++] = path;
    }
    closedir(d);
    if (*count == 0) {
        cli_error("%s: no pictures in this folder (looked for .png, .jpg, .webp, .tif, ...)", dir);
        return false;
    }
    qsort(*paths, *count, sizeof **paths, by_name);
    return true;
}

char *path_stem(const char *path)
{
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    const char *dot = strrchr(name, '.');
    size_t n = dot && dot > name ? (size_t)(dot - name) : strlen(name);
    return cli_format("%.*s", (int)n, name);
}

static void add_job(picture_jobs *jobs, const char *in, char *out)
{
    jobs->items = cli_grow(jobs->items, jobs->count + 1, sizeof *jobs->items);
    jobs->items[jobs->count++] = (picture_job){cli_format("%s", in), out};
}

static void add_to_folder(picture_jobs *jobs, const char *in, const char *dir, const char *format)
{
    char *stem = path_stem(in), *name = cli_format("%s.%s", stem, format);
    add_job(jobs, in, join(dir, name));
    free(stem);
    free(name);
}

static bool add_folder(picture_jobs *jobs, const char *in, const char *dir, const char *format)
{
    char **paths;
    size_t count;
    bool ok = pictures_in(&paths, &count, in);
    for (size_t i = 0; i < count; i++)
        add_to_folder(jobs, paths[i], dir, format);
    paths_free(paths, count);
    return ok;
}

static bool check_folder(const char *dir)
{
    if (is_dir(dir) && access(dir, W_OK | X_OK) == 0)
        return true;
    cli_error("%s: cannot write there: %s", dir, is_dir(dir) ? strerror(errno) : "no such folder");
    return false;
}

/* The folder of a path, "." when it names none. */
static char *path_dir(const char *path)
{
    const char *slash = strrchr(path, '/');
    if (!slash)
        return cli_format(".");
    return slash == path ? cli_format("/") : cli_format("%.*s", (int)(slash - path), path);
}

static bool make_folder(const char *dir)
{
    if (is_dir(dir) || mkdir(dir, 0777) == 0)
        return true;
    cli_error("%s: cannot make this folder: %s", dir, strerror(errno));
    return false;
}

static int by_out(const void *a, const void *b)
{
    const picture_job *const *x = a, *const *y = b;
    return strcmp((*x)->out, (*y)->out);
}

static bool check_collisions(const picture_jobs *jobs)
{
    bool ok = true;
    const picture_job **sorted = cli_alloc(jobs->count, sizeof *sorted);
    for (size_t i = 0; i < jobs->count; i++)
        sorted[i] = &jobs->items[i];
    qsort(sorted, jobs->count, sizeof *sorted, by_out);
    for (size_t i = 0; i < jobs->count && ok; i++) {
        if (i > 0 && strcmp(sorted[i]->out, sorted[i - 1]->out) == 0) {
            cli_error("%s and %s would both become %s; rename one, or enlarge them one by one",
                      sorted[i - 1]->in, sorted[i]->in, sorted[i]->out);
            ok = false;
        } else if (same_file(sorted[i]->in, sorted[i]->out)) {
            cli_error("%s: input and output are one file; choose another output", sorted[i]->in);
            ok = false;
        }
    }
    free(sorted);
    return ok;
}

bool pictures_plan(picture_jobs *jobs, const arg_list *in, const char *out, const char *format)
{
    size_t n = strlen(out);
    bool many = in->count > 1 || is_dir(in->items[0]) || is_dir(out) || (n && out[n - 1] == '/');
    bool ok = true;
    *jobs = (picture_jobs){0};
    for (int i = 0; i < in->count && ok; i++) {
        if (is_dir(in->items[i]))
            ok = add_folder(jobs, in->items[i], out, format);
        else if (access(in->items[i], R_OK) != 0)
            ok = cli_error("%s: %s", in->items[i], strerror(errno)) == EXIT_OK;
        else if (many)
            add_to_folder(jobs, in->items[i], out, format);
        else
            add_job(jobs, in->items[i], cli_format("%s", out));
    }
    if (ok && !many && !is_picture_name(out))
        ok = cli_error("%s: its suffix names no picture format; use .png, .jpg, .webp or .tif",
                       out) == EXIT_OK;
    char *dir = many ? cli_format("%s", out) : path_dir(out);
    ok = ok && (!many || make_folder(dir)) && check_folder(dir) && check_collisions(jobs);
    free(dir);
    if (!ok)
        pictures_free(jobs);
    return ok;
}

void pictures_free(picture_jobs *jobs)
{
    for (size_t i = 0; i < jobs->count; i++) {
        free(jobs->items[i].in);
        free(jobs->items[i].out);
    }
    free(jobs->items);
    *jobs = (picture_jobs){0};
}
