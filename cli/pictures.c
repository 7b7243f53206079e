#include "pictures.h"

#include "ranks.h"

#include <dirent.h>
#include <errno.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- names ---- */

static const struct {
    const char *name;
    bool writes; /* some build can write it, too */
} suffixes[] = {{"png", true},  {"jpg", true},  {"jpeg", true}, {"webp", true}, {"tif", true},
                {"tiff", true}, {"avif", true}, {"jxl", true},  {"jp2", true},  {"gif", true},
                {"pnm", true},  {"ppm", true},  {"pgm", true},  {"heic", true}, {"pbm", false},
                {"bmp", false}, {"heif", false}};

/* Index into suffixes of a file name, or -1. */
static int suffix_of(const char *name)
{
    const char *slash = strrchr(name, '/'), *dot = strrchr(slash ? slash + 1 : name, '.');
    for (size_t i = 0; dot && dot > name && i < sizeof suffixes / sizeof *suffixes; i++)
        if (strcasecmp(dot + 1, suffixes[i].name) == 0)
            return (int)i;
    return -1;
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

static bool is_stream(const char *path)
{
    return strcmp(path, "-") == 0;
}

bool path_exists(const char *path)
{
    struct stat sb;
    return lstat(path, &sb) == 0;
}

bool same_file(const char *a, const char *b)
{
    struct stat x, y;
    return stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

bool same_place(const char *a, const char *b)
{
    const char *name_a = strrchr(a, '/'), *name_b = strrchr(b, '/');
    char *dir_a = path_dir(a), *dir_b = path_dir(b);
    bool same =
        strcmp(a, b) == 0 || same_file(a, b) ||
        (strcmp(name_a ? name_a + 1 : a, name_b ? name_b + 1 : b) == 0 && same_file(dir_a, dir_b));
    free(dir_a);
    free(dir_b);
    return same;
}

static char *join(const char *dir, const char *name)
{
    size_t n = strlen(dir);
    if (strcmp(dir, ".") == 0)
        return cli_format("%s", name);
    return cli_format("%s%s%s", dir, n > 0 && dir[n - 1] == '/' ? "" : "/", name);
}

char *path_stem(const char *path)
{
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    const char *dot = strrchr(name, '.');
    size_t n = dot && dot > name ? (size_t)(dot - name) : strlen(name);
    return cli_format("%.*s", (int)n, name);
}

char *path_dir(const char *path)
{
    const char *slash = strrchr(path, '/');
    if (!slash)
        return cli_format(".");
    return slash == path ? cli_format("/") : cli_format("%.*s", (int)(slash - path), path);
}

/* ---- patterns ---- */

static const char *const words[] = {"{name}", "{ext}", "{scale}", "{size}"};
enum { WORDS = sizeof words / sizeof *words };

/* Index of the word a text begins with, or -1. */
static int word_at(const char *text)
{
    for (int i = 0; i < WORDS; i++)
        if (strncmp(text, words[i], strlen(words[i])) == 0)
            return i;
    return -1;
}

const char *pattern_error(const char *pattern)
{
    if (!*pattern)
        return "is empty";
    if (strchr(pattern, '/'))
        return "is a name, not a path; name the folder with -o";
    if (!strstr(pattern, "{name}"))
        return "lacks {name}: all results would have one name";
    for (const char *p = pattern; *p; p++)
        if (*p == '{' && word_at(p) < 0)
            return "has a word in braces that is not {name}, {ext}, {scale} or {size}";
    return NULL;
}

static char *expand(const char *pattern, const char *const values[WORDS])
{
    char *text = cli_format("%s", "");
    for (const char *p = pattern; *p;) {
        int w = word_at(p);
        char *longer = w < 0 ? cli_format("%s%c", text, *p)
                             : cli_format("%s%s", text, values[w] ? values[w] : "");
        p += w < 0 ? 1 : strlen(words[w]);
        free(text);
        text = longer;
    }
    return text;
}

/* ---- folders ---- */

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

typedef struct path_list {
    char **items;
    size_t count;
} path_list;

static void path_add(path_list *list, char *path)
{
    list->items = cli_grow(list->items, list->count + 1, sizeof *list->items);
    list->items[list->count++] = path;
}

static void path_sort(path_list *list)
{
    if (list->count > 0)
        qsort(list->items, list->count, sizeof *list->items, by_name);
}

/* Pictures and folders in a folder, sorted; hidden ones and links to folders are left out. */
static bool list_folder(path_list *files, path_list *folders, const char *dir)
{
    DIR *d = opendir(dir);
    if (!d) {
        cli_error("%s: %s; a folder of pictures is needed", dir, strerror(errno));
        return false;
    }
    for (struct dirent *e; (e = readdir(d));) {
        struct stat sb;
        char *path = join(dir, e->d_name);
        if (e->d_name[0] == '.')
            free(path);
        else if (suffix_of(e->d_name) >= 0 && is_file(path))
            path_add(files, path);
        else if (folders && lstat(path, &sb) == 0 && S_ISDIR(sb.st_mode))
            path_add(folders, path);
        else
            free(path);
    }
    closedir(d);
    path_sort(files);
    if (folders)
        path_sort(folders);
    return true;
}

static bool no_pictures(const char *dir)
{
    cli_error("%s: no pictures in this folder (looked for .png, .jpg, .webp, .tif, ...)", dir);
    return false;
}

bool pictures_in(char ***paths, size_t *count, const char *dir)
{
    path_list files = {0};
    bool ok = list_folder(&files, NULL, dir) && (files.count > 0 || no_pictures(dir));
    if (!ok)
        paths_free(files.items, files.count);
    *paths = ok ? files.items : NULL;
    *count = ok ? files.count : 0;
    return ok;
}

int make_folders(const char *path)
{
    int failed = 0;
    char *p = cli_format("%s", path);
    for (char *c = p + (*p == '/'); !failed && *p; c++) {
        char keep = *c;
        if (keep != '/' && keep)
            continue;
        *c = 0;
        if (*p && mkdir(p, 0777) != 0 && !is_dir(p))
            failed = errno;
        *c = keep;
        if (!keep)
            break;
    }
    free(p);
    return failed;
}

bool check_folder(const char *dir)
{
    if (is_dir(dir) && access(dir, W_OK | X_OK) == 0)
        return true;
    cli_error("%s: cannot write there: %s", dir, is_dir(dir) ? strerror(errno) : "no such folder");
    return false;
}

/* ---- the plan ---- */

/* Where a file lies, whatever its name. */
typedef struct file_id {
    dev_t dev;
    ino_t ino;
} file_id;

static int by_id(const void *a, const void *b)
{
    const file_id *x = a, *y = b;
    if (x->dev != y->dev)
        return x->dev < y->dev ? -1 : 1;
    return x->ino < y->ino ? -1 : x->ino > y->ino;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(a, b);
}

typedef struct plan {
    picture_jobs *jobs;
    const picture_rules *rules;
    void *taken;    /* tree of outputs, char * borrowed from jobs */
    file_id folder; /* the output folder: not searched for pictures */
} plan;

static void add_job(plan *p, const char *in, char *out)
{
    picture_jobs *jobs = p->jobs;
    jobs->items = cli_grow(jobs->items, jobs->count + 1, sizeof *jobs->items);
    jobs->items[jobs->count++] = (picture_job){cli_format("%s", in), out, NULL};
    if (!is_stream(out) && !tsearch(out, &p->taken, by_text))
        exit(cli_error("out of memory"));
}

/* The input that an output was planned for. */
static const char *owner(const plan *p, const char *out)
{
    for (size_t i = 0; i < p->jobs->count; i++)
        if (strcmp(p->jobs->items[i].out, out) == 0)
            return p->jobs->items[i].in;
    return "";
}

/* A name for a second input of the same name: stem-2.ext and so on. */
static char *another_name(const plan *p, const char *out)
{
    char *dir = path_dir(out), *stem = path_stem(out), *result = NULL;
    const char *slash = strrchr(out, '/'), *dot = strrchr(slash ? slash : out, '.');
    for (int i = 2; !result; i++) {
        char *name = cli_format("%s-%d%s", stem, i, dot ? dot : "");
        char *path = join(dir, name);
        if (tfind(path, &p->taken, by_text))
            free(path);
        else
            result = path;
        free(name);
    }
    free(dir);
    free(stem);
    return result;
}

/* One input into the folder dir. */
static bool add_to_folder(plan *p, const char *in, const char *dir)
{
    const picture_rules *r = p->rules;
    int suffix = suffix_of(in);
    const char *ext = r->ext                                   ? r->ext
                      : suffix >= 0 && suffixes[suffix].writes ? suffixes[suffix].name
                                                               : "png";
    char *stem = is_stream(in) ? cli_format("stdin") : path_stem(in);
    const char *values[WORDS] = {stem, ext, r->scale, r->size};
    char *name = expand(r->pattern, values), *out = join(dir, name);
    free(stem);
    free(name);
    if (tfind(out, &p->taken, by_text)) {
        const char *other = owner(p, out);
        if (!r->rename) {
            cli_error("%s and %s would both become %s; rename one, or take them one by one", other,
                      in, out);
            free(out);
            return false;
        }
        char *better = another_name(p, out);
        if (!ranks_silent())
            cli_say(stderr, "drn: %s and %s would both become %s; %s becomes %s\n", other, in, out,
                    in, better);
        free(out);
        out = better;
    }
    add_job(p, in, out);
    return true;
}

/* Whether a folder is where the results go: they are no inputs. */
static bool is_target(const plan *p, const char *dir)
{
    struct stat sb;
    return stat(dir, &sb) == 0 && sb.st_dev == p->folder.dev && sb.st_ino == p->folder.ino;
}

/* All pictures of a folder; out is where they go. */
static bool add_folder(plan *p, const char *dir, const char *out)
{
    path_list files = {0}, folders = {0};
    bool ok = list_folder(&files, p->rules->recursive ? &folders : NULL, dir);
    for (size_t i = 0; ok && i < files.count; i++)
        ok = add_to_folder(p, files.items[i], out);
    for (size_t i = 0; ok && i < folders.count; i++) {
        const char *slash = strrchr(folders.items[i], '/');
        char *below = join(out, slash ? slash + 1 : folders.items[i]);
        ok = is_target(p, folders.items[i]) || add_folder(p, folders.items[i], below);
        free(below);
    }
    paths_free(files.items, files.count);
    paths_free(folders.items, folders.count);
    return ok;
}

static bool add_input(plan *p, const char *in, const char *dir)
{
    size_t before = p->jobs->count;
    if (is_dir(in))
        return add_folder(p, in, dir) && (p->jobs->count > before || no_pictures(in));
    return add_to_folder(p, in, dir);
}

/* Of all inputs, sorted; to be freed. */
static file_id *input_ids(const picture_jobs *jobs, size_t *n)
{
    struct stat sb;
    file_id *ids = cli_alloc(jobs->count, sizeof *ids);
    *n = 0;
    for (size_t i = 0; i < jobs->count; i++)
        if (stat(jobs->items[i].in, &sb) == 0)
            ids[(*n)++] = (file_id){sb.st_dev, sb.st_ino};
    qsort(ids, *n, sizeof *ids, by_id);
    return ids;
}

/* No output may be an input: it would be gone, or read half-written. */
static bool check_inputs(const picture_jobs *jobs)
{
    bool ok = true;
    struct stat sb;
    size_t n;
    file_id *ids = input_ids(jobs, &n);
    for (size_t i = 0; ok && i < jobs->count; i++) {
        const picture_job *j = &jobs->items[i];
        if (stat(j->out, &sb) != 0)
            continue;
        file_id out = {sb.st_dev, sb.st_ino};
        if (same_file(j->in, j->out))
            cli_error("%s: input and output are one file; choose another output", j->in);
        else if (bsearch(&out, ids, n, sizeof *ids, by_id))
            cli_error("%s: %s would go there, but it is an input itself; choose another output",
                      j->out, j->in);
        else
            continue;
        ok = false;
    }
    free(ids);
    return ok;
}

static bool check_suffix(const char *out)
{
    int suffix = suffix_of(out);
    if (suffix >= 0 && suffixes[suffix].writes)
        return true;
    cli_error("%s: its suffix names no picture format; use .png, .jpg, .webp or .tif", out);
    return false;
}

bool check_file(const char *out)
{
    char *dir = path_dir(out);
    bool ok = check_suffix(out) && check_folder(dir);
    free(dir);
    return ok;
}

/* A map must not take the place of an input or of the picture it belongs to. */
static bool check_map(const picture_job *j, const file_id *ids, size_t n)
{
    struct stat sb;
    if (same_place(j->map, j->out))
        cli_error("%s: is the output, too; choose another place for the map", j->map);
    else if (stat(j->map, &sb) == 0 &&
             bsearch(&(file_id){sb.st_dev, sb.st_ino}, ids, n, sizeof *ids, by_id))
        cli_error("%s: is an input; choose another place for the map", j->map);
    else
        return true;
    return false;
}

bool pictures_maps(picture_jobs *jobs, const char *map)
{
    size_t len = strlen(map), n;
    bool ok = true, folder = jobs->count > 1 || map[len - 1] == '/' || is_dir(map);
    if (!folder && !check_suffix(map))
        return false;
    file_id *ids = input_ids(jobs, &n);
    for (size_t i = 0; ok && i < jobs->count; i++) {
        picture_job *j = &jobs->items[i];
        char *stem = path_stem(is_stream(j->out) ? j->in : j->out);
        char *name = cli_format("%s.png", stem);
        j->map = folder ? join(map, name) : cli_format("%s", map);
        ok = check_map(j, ids, n);
        free(name);
        free(stem);
    }
    free(ids);
    return ok;
}

/* Several results, or a folder was named. */
static bool into_folder(plan *p, const arg_list *in, const char *out)
{
    struct stat sb;
    int failed = make_folders(out);
    if (failed) {
        cli_error("%s: cannot make this folder: %s", out, strerror(failed));
        return false;
    }
    if (!check_folder(out))
        return false;
    if (stat(out, &sb) == 0)
        p->folder = (file_id){sb.st_dev, sb.st_ino};
    for (int i = 0; i < in->count; i++)
        if (!add_input(p, in->items[i], out))
            return false;
    return true;
}

/* Every file beside itself. */
static bool beside(plan *p, const arg_list *in)
{
    for (int i = 0; i < in->count; i++) {
        if (is_dir(in->items[i])) {
            cli_error("%s: is a folder; name one for the results with -o", in->items[i]);
            return false;
        }
        char *dir = path_dir(in->items[i]);
        if (is_stream(in->items[i]))
            add_job(p, "-", cli_format("-"));
        else
            (void)add_to_folder(p, in->items[i], dir);
        free(dir);
    }
    return true;
}

static void leave(void *text)
{
    (void)text; /* the tree borrows its texts */
}

bool pictures_plan(picture_jobs *jobs, const arg_list *in, const picture_rules *rules)
{
    const char *out = rules->out;
    plan p = {.jobs = jobs, .rules = rules};
    size_t n = out ? strlen(out) : 0;
    bool ok = true;
    *jobs = (picture_jobs){0};
    if (!out) {
        ok = beside(&p, in);
    } else if (in->count > 1 || is_dir(in->items[0]) || is_dir(out) || (n && out[n - 1] == '/')) {
        ok = is_stream(out) ? cli_error("only one picture can go to the standard output") == EXIT_OK
                            : into_folder(&p, in, out);
    } else {
        ok = is_stream(out) || check_file(out);
        add_job(&p, in->items[0], cli_format("%s", out));
    }
    ok = ok && check_inputs(jobs);
    tdestroy(p.taken, leave);
    if (!ok)
        pictures_free(jobs);
    return ok;
}

void pictures_free(picture_jobs *jobs)
{
    for (size_t i = 0; i < jobs->count; i++) {
        free(jobs->items[i].in);
        free(jobs->items[i].out);
        free(jobs->items[i].map);
    }
    free(jobs->items);
    *jobs = (picture_jobs){0};
}
