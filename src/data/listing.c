#include "data/listing.h"

#include "base/fileio.h"
#include "base/mem.h"
#include "data/manifest.h"

#include <errno.h>
#include <fts.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static bool is_picture(const char *name)
{
    static const char *const suffixes[] = {".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff",
                                           ".ppm", ".pgm", ".pnm",  ".pbm",  ".bmp", ".jxl",
                                           ".jp2", ".gif", ".avif", ".heic", ".heif"};
    const char *dot = strrchr(name, '.');
    for (size_t i = 0; dot && i < sizeof suffixes / sizeof *suffixes; i++)
        if (strcasecmp(dot, suffixes[i]) == 0)
            return true;
    return false;
}

typedef struct lister {
    drn_listing_fn fn;
    void *ctx;
} lister;

static drn_status list_row(void *ctx, const drn_manifest_row *row, drn_error *err)
{
    const lister *l = ctx;
    return is_picture(row->file) ? l->fn(l->ctx, row->file, row->split, row->free, err) : DRN_OK;
}

static int by_name(const FTSENT **a, const FTSENT **b)
{
    return strcmp((*a)->fts_name, (*b)->fts_name);
}

/* The pictures that a training run makes of its validation, for looking at; they are no data. */
static bool is_of_a_run(const FTSENT *e)
{
    static const char *const files[] = {"../recipe.yaml", "../log.jsonl"};
    bool yes = e->fts_info == FTS_D && strcmp(e->fts_name, "pictures") == 0;
    for (size_t i = 0; yes && i < sizeof files / sizeof *files; i++) {
        char *path = drn_path_join(e->fts_path, files[i]);
        yes = path && drn_path_exists(path);
        drn_free(path);
    }
    return yes;
}

static drn_status visit(FTS *tree, FTSENT *e, size_t root, const lister *l, drn_error *err)
{
    if (e->fts_level > 0 && (e->fts_name[0] == '.' || is_of_a_run(e))) {
        fts_set(tree, e, FTS_SKIP);
        return DRN_OK;
    }
    if (e->fts_info == FTS_DNR || (e->fts_info == FTS_NS && e->fts_level == 0))
        return drn_fail(err, DRN_ERR_IO, "%s: %s", e->fts_path, strerror(e->fts_errno));
    if (e->fts_info != FTS_F || !is_picture(e->fts_name))
        return DRN_OK;
    const char *name = e->fts_path + root;
    return l->fn(l->ctx, name + strspn(name, "/"), NULL, NULL, err);
}

/* Links are followed; one that leads back up is not. */
static drn_status list_tree(const char *dir, const lister *l, drn_error *err)
{
    char *const roots[] = {(char *)(uintptr_t)dir, NULL};
    FTS *tree = fts_open(roots, FTS_LOGICAL | FTS_NOCHDIR, by_name);
    drn_status st = DRN_OK;
    if (!tree)
        return drn_fail(err, DRN_ERR_IO, "%s: %s", dir, strerror(errno));
    errno = 0;
    for (FTSENT *e; st == DRN_OK && (e = fts_read(tree)); errno = 0)
        st = visit(tree, e, strlen(dir), l, err);
    if (st == DRN_OK && errno)
        st = drn_fail(err, DRN_ERR_IO, "%s: %s", dir, strerror(errno));
    fts_close(tree);
    return st;
}

drn_status drn_listing(const char *dir, const drn_listing_filter *f, drn_listing_fn fn, void *ctx,
                       drn_error *err)
{
    lister l = {fn, ctx};
    char *manifest = drn_path_join(dir, "manifest.csv");
    if (!manifest)
        return drn_fail(err, DRN_ERR_NOMEM, "%s: out of memory", dir);
    drn_status st;
    if (drn_path_exists(manifest))
        st = drn_manifest_rows(manifest, f->split, f->free_only, list_row, &l, err);
    else if (f->free_only)
        st = drn_fail(err, DRN_ERR_INVALID,
                      "%s has no manifest.csv that tells which pictures are free", dir);
    else if (f->need_split)
        st = drn_fail(err, DRN_ERR_INVALID,
                      "%s has no manifest.csv with a split '%s'; name a validation folder with "
                      "--val, or set train.val_every=0",
                      dir, f->split);
    else
        st = list_tree(dir, &l, err);
    drn_free(manifest);
    return st;
}

double drn_listing_weight(char *text)
{
    char *colon = strrchr(text, ':'), *end;
    if (!colon || colon == text || drn_path_exists(text))
        return 0;
    double v = strtod(colon + 1, &end);
    if (end == colon + 1 || *end || !(v > 0 && v < 1e9))
        return 0;
    *colon = 0;
    return v;
}
