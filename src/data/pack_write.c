/* Making a pack: threads read and decode files in the order of the list, the caller's thread writes
 * what they made in that order.  So the pack depends on neither their number nor their speed, and
 * an interrupted one goes on where it stopped. */
#include "base/fileio.h"
#include "base/mem.h"
#include "base/pool.h"
#include "data/names.h"
#include "data/pack.h"
#include "data/pack_source.h"
#include "drn/dataset.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef struct item {
    size_t name;  /* "label/path of the file"; in names */
    size_t split; /* in names; 0: "" */
    uint32_t dir;
    char free;
} item;

typedef struct slot {
    bool ready;
    drn_status st;
    drn_error error;
    drn_packing made;
} slot;

typedef struct packer {
    const drn_pack_options *o;
    drn_pack_form form;
    drn_pack_counts counts;
    drn_names names;
    size_t *label; /* [dir_count], in names */
    item *items;   /* those still to do, in order */
    size_t count, capacity;
    drn_kv *kv;
    uint32_t next_number;
    double start, committed; /* seconds of the clock */
    uint64_t uncommitted;    /* bytes */
    /* threads; slot of item i: i % slot_count */
    slot *slots;
    size_t slot_count, next_make, next_take;
    pthread_t *threads;
    int thread_count;
    bool quit;
    pthread_mutex_t lock;
    pthread_cond_t made, taken;
} packer;

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static const char *text(const packer *p, size_t at)
{
    return p->names.text + at;
}

/* ---- the list of files ---- */

typedef struct lister {
    packer *p;
    uint32_t dir;
} lister;

static drn_status split_at(size_t *at, packer *p, const char *split, drn_error *err)
{
    size_t last = p->count ? p->items[p->count - 1].split : 0;
    *at = 0;
    if (!split || !*split)
        return DRN_OK;
    if (strlen(split) > DRN_PACK_MAX_SPLIT)
        return drn_fail(err, DRN_ERR_FORMAT, "the split '%.80s' has more than %d letters", split,
                        DRN_PACK_MAX_SPLIT);
    if (last && strcmp(text(p, last), split) == 0) {
        *at = last;
        return DRN_OK;
    }
    return drn_names_add(at, &p->names, NULL, split, err);
}

static drn_status add_item(void *ctx, const char *name, const char *split, const char *free,
                           drn_error *err)
{
    const lister *l = ctx;
    packer *p = l->p;
    char label[DRN_PACK_MAX_NAME];
    if (strlen(name) >= DRN_PACK_MAX_NAME / 2)
        return drn_fail(err, DRN_ERR_INVALID, "%.100s...: the name is too long", name);
    snprintf(label, sizeof label, "%s", text(p, p->label[l->dir])); /* adding moves the texts */
    DRN_TRY(drn_array_reserve(&p->items, p->count, &p->capacity, sizeof *p->items, err));
    item *it = &p->items[p->count];
    *it = (item){.dir = l->dir, .free = free && *free ? (strcmp(free, "1") == 0 ? '1' : '0') : 0};
    DRN_TRY(split_at(&it->split, p, split, err));
    DRN_TRY(drn_names_add(&it->name, &p->names, label, name, err));
    p->count++;
    return DRN_OK;
}

/* Last part of the folder's real path: what its pictures are called by. */
static drn_status add_label(packer *p, size_t dir, const char *real, drn_error *err)
{
    const char *slash = strrchr(real, '/'), *label = slash && slash[1] ? slash + 1 : "root";
    for (size_t i = 0; i < dir; i++)
        if (strcmp(text(p, p->label[i]), label) == 0)
            return drn_fail(err, DRN_ERR_INVALID,
                            "two folders are called '%.100s'; rename one, or make two packs",
                            label);
    return drn_names_add(&p->label[dir], &p->names, NULL, label, err);
}

static drn_status list_folders(packer *p, drn_error *err)
{
    const drn_listing_filter all = {0};
    size_t empty;
    DRN_TRY(drn_names_add(&empty, &p->names, NULL, "", err)); /* offset 0 */
    DRN_TRY(drn_calloc_to(&p->label, p->o->dir_count + 1, sizeof *p->label, err));
    for (size_t i = 0; i < p->o->dir_count; i++) {
        lister l = {p, (uint32_t)i};
        char *real = realpath(p->o->dirs[i], NULL);
        drn_status st = real && drn_path_is_dir(real)
                            ? add_label(p, i, real, err)
                            : drn_fail(err, DRN_ERR_IO, "%s: no such folder", p->o->dirs[i]);
        free(real);
        DRN_TRY(st);
        size_t before = p->count;
        DRN_TRY(drn_listing(p->o->dirs[i], &all, add_item, &l, err));
        if (p->count == before)
            return drn_fail(err, DRN_ERR_INVALID, "%s: no pictures", p->o->dirs[i]);
    }
    p->counts.files = p->count;
    return DRN_OK;
}

/* ---- what the pack already has ---- */

typedef struct meta_text {
    char text[128];
    bool found;
} meta_text;

static bool take_text(void *ctx, const void *key, size_t key_size, const void *value, size_t size)
{
    (void)key, (void)key_size;
    meta_text *m = ctx;
    snprintf(m->text, sizeof m->text, "%.*s", (int)(size < 127 ? size : 127), (const char *)value);
    return true;
}

static drn_status get_meta(meta_text *m, packer *p, const char *key, drn_error *err)
{
    m->text[0] = 0;
    return drn_kv_get(&m->found, p->kv, DRN_PACK_META, key, strlen(key), take_text, m, err);
}

static drn_status put_meta(packer *p, const char *key, const char *value, drn_error *err)
{
    return drn_kv_put(p->kv, DRN_PACK_META, key, strlen(key), value, strlen(value), err);
}

/* A value that is the same in every call, or is set by the first. */
static drn_status same_meta(packer *p, const char *key, const char *value, const char *complaint,
                            drn_error *err)
{
    meta_text m;
    DRN_TRY(get_meta(&m, p, key, err));
    if (!m.found)
        return put_meta(p, key, value, err);
    if (strcmp(m.text, value) != 0)
        return drn_fail(err, DRN_ERR_INVALID, "%s: %s '%s', not '%s'", p->o->out, complaint, m.text,
                        value);
    return DRN_OK;
}

static drn_status check_options(packer *p, drn_error *err)
{
    char options[128], key[300], where[32], tiles[24] = "";
    if (p->form.tiles)
        snprintf(tiles, sizeof tiles, " tiles=%d", p->form.tiles);
    snprintf(options, sizeof options, "reencode=%d shrink_jpeg=%d crop=%d%s%s%.75s", p->form.reencode,
             p->form.shrink_jpeg, p->form.crop, tiles, p->form.change ? " " : "",
             p->form.change ? p->o->change_name : "");
    DRN_TRY(same_meta(p, "format", "drn-pack 1", "a pack of another kind:", err));
    DRN_TRY(same_meta(p, "options", options, "begun with the options", err));
    for (size_t i = 0; i < p->o->dir_count; i++) {
        char *real = realpath(p->o->dirs[i], NULL);
        snprintf(key, sizeof key, "folder %.250s", text(p, p->label[i]));
        snprintf(where, sizeof where, "%016llx",
                 (unsigned long long)drn_text_hash(real ? real : p->o->dirs[i]));
        free(real);
        meta_text m;
        DRN_TRY(get_meta(&m, p, key, err));
        if (m.found && strcmp(m.text, where) != 0)
            return drn_fail(
                err, DRN_ERR_INVALID,
                "%s holds another folder called '%.100s'; rename one, or make two packs", p->o->out,
                text(p, p->label[i]));
        DRN_TRY(put_meta(p, key, where, err));
    }
    return DRN_OK;
}

static bool count_entry(void *ctx, const void *key, size_t key_size, const void *value, size_t size)
{
    (void)key, (void)key_size, (void)value, (void)size;
    ++*(uint32_t *)ctx;
    return true;
}

static bool count_source(void *ctx, const void *key, size_t key_size, const void *value,
                         size_t size)
{
    (void)key, (void)key_size;
    drn_pack_counts *c = ctx;
    char state = size ? *(const char *)value : 0;
    c->done++;
    c->broken += state == DRN_SOURCE_BROKEN;
    c->duplicates += state == DRN_SOURCE_DUPLICATE;
    return true;
}

/* Leave out the files an earlier call has looked at. */
static drn_status drop_done(packer *p, drn_error *err)
{
    char key[DRN_KV_MAX_KEY];
    size_t left = 0;
    for (size_t i = 0; i < p->count; i++) {
        bool found;
        size_t n = drn_pack_name_key(key, text(p, p->items[i].name));
        DRN_TRY(drn_kv_get(&found, p->kv, DRN_PACK_SOURCE, key, n, count_source, &p->counts, err));
        if (!found)
            p->items[left++] = p->items[i];
    }
    p->count = left;
    DRN_TRY(drn_kv_scan(p->kv, DRN_PACK_INDEX, count_entry, &p->next_number, err));
    p->counts.entries = p->next_number;
    return DRN_OK;
}

/* ---- threads ---- */

static void make(packer *p, size_t i, slot *s)
{
    const item *it = &p->items[i];
    const char *name = strchr(text(p, it->name), '/') + 1;
    char *path = drn_path_join(p->o->dirs[it->dir], name);
    const char *split = text(p, it->split);
    drn_pack_form form = p->form;
    if (*split && strcmp(split, "train") != 0)
        form.change = NULL; /* what is measured with stays what it is */
    s->error = (drn_error){0};
    s->st = path ? drn_pack_source(&s->made, path, &form, &s->error)
                 : drn_fail(&s->error, DRN_ERR_NOMEM, "%s: out of memory", name);
    drn_free(path);
}

static void *work(void *arg)
{
    packer *p = arg;
    pthread_mutex_lock(&p->lock);
    while (!p->quit && p->next_make < p->count) {
        if (p->next_make >= p->next_take + p->slot_count) {
            pthread_cond_wait(&p->taken, &p->lock);
            continue;
        }
        size_t i = p->next_make++;
        slot *s = &p->slots[i % p->slot_count];
        pthread_mutex_unlock(&p->lock);
        make(p, i, s);
        pthread_mutex_lock(&p->lock);
        s->ready = true;
        pthread_cond_broadcast(&p->made);
    }
    pthread_mutex_unlock(&p->lock);
    return NULL;
}

static drn_status start_threads(packer *p, drn_error *err)
{
    int want = p->o->threads > 0 ? p->o->threads : drn_cpu_count();
    p->slot_count = 3 * (size_t)want;
    DRN_TRY(drn_calloc_to(&p->slots, p->slot_count, sizeof *p->slots, err));
    DRN_TRY(drn_calloc_to(&p->threads, (size_t)want, sizeof *p->threads, err));
    for (; p->thread_count < want; p->thread_count++)
        if (pthread_create(&p->threads[p->thread_count], NULL, work, p) != 0)
            return drn_fail(err, DRN_ERR_NOMEM, "thread %d could not be started", p->thread_count);
    return DRN_OK;
}

static void stop_threads(packer *p)
{
    pthread_mutex_lock(&p->lock);
    p->quit = true;
    pthread_cond_broadcast(&p->taken);
    pthread_mutex_unlock(&p->lock);
    for (int i = 0; i < p->thread_count; i++)
        pthread_join(p->threads[i], NULL);
    for (size_t i = 0; p->slots && i < p->slot_count; i++)
        drn_packing_clear(&p->slots[i].made);
}

/* ---- writing ---- */

static drn_status put_source(packer *p, const char *name, drn_source_state state, const char *more,
                             drn_error *err)
{
    char key[DRN_KV_MAX_KEY], value[DRN_PACK_MAX_NAME + 1];
    size_t n = drn_pack_name_key(key, name);
    int len = snprintf(value, sizeof value, "%c%.4000s", (char)state, more);
    if (state != DRN_SOURCE_PACKED && p->o->skip) {
        char why[DRN_PACK_MAX_NAME + 32];
        snprintf(why, sizeof why, "%s%.4000s",
                 state == DRN_SOURCE_DUPLICATE ? "same pixels as " : "", more);
        p->o->skip(p->o->ctx, name, why);
    }
    return drn_kv_put(p->kv, DRN_PACK_SOURCE, key, n, value, (size_t)len, err);
}

static drn_status put_entry(packer *p, const item *it, const drn_packed *made, drn_error *err)
{
    unsigned char key[4], value[DRN_PACK_HEAD + DRN_PACK_MAX_SPLIT + DRN_PACK_MAX_NAME + 64];
    const char *split = text(p, it->split);
    size_t at = DRN_PACK_HEAD, n = strlen(split) + 1;
    drn_pack_entry e = {.width = made->width, .height = made->height, .free = it->free};
    drn_pack_head(value, &e);
    memcpy(value + at, split, n);
    at += n;
    at += (size_t)snprintf((char *)value + at, sizeof value - at, made->x < 0 ? "%s" : "%s@%d,%d",
                           text(p, it->name), made->x, made->y) +
          1;
    drn_pack_key(key, p->next_number++);
    DRN_TRY(drn_kv_put(p->kv, DRN_PACK_BLOB, key, sizeof key, made->data, made->size, err));
    p->counts.entries++;
    p->counts.bytes += made->size;
    p->uncommitted += made->size;
    return drn_kv_put(p->kv, DRN_PACK_INDEX, key, sizeof key, value, at, err);
}

static drn_status put_picture(packer *p, const item *it, const drn_packing *made, drn_error *err)
{
    meta_text first;
    const char *name = text(p, it->name);
    DRN_TRY(drn_kv_get(&first.found, p->kv, DRN_PACK_HASH, made->hash, sizeof made->hash, take_text,
                       &first, err));
    if (first.found) {
        p->counts.duplicates++;
        return put_source(p, name, DRN_SOURCE_DUPLICATE, first.text, err);
    }
    DRN_TRY(
        drn_kv_put(p->kv, DRN_PACK_HASH, made->hash, sizeof made->hash, name, strlen(name), err));
    for (size_t i = 0; i < made->count; i++)
        DRN_TRY(put_entry(p, it, &made->list[i], err));
    return put_source(p, name, DRN_SOURCE_PACKED, "", err);
}

static drn_status put_result(packer *p, const item *it, const slot *s, drn_error *err)
{
    if (s->st == DRN_ERR_NOMEM || s->st == DRN_ERR_UNSUPPORTED || s->st == DRN_ERR_DEVICE)
        return drn_fail(err, s->st, "%s", s->error.message);
    p->counts.done++;
    if (s->st == DRN_OK)
        return put_picture(p, it, &s->made, err);
    p->counts.broken++;
    return put_source(p, text(p, it->name), DRN_SOURCE_BROKEN, s->error.message, err);
}

/* Often enough that a crash costs little, seldom enough that waiting for the disk does not count.
 */
static drn_status commit_now_and_then(packer *p, drn_error *err)
{
    double t = now();
    p->counts.seconds = t - p->start;
    if (p->uncommitted < (64u << 20) && t - p->committed < 2)
        return DRN_OK;
    DRN_TRY(drn_kv_commit(p->kv, err));
    p->uncommitted = 0;
    p->committed = now();
    return DRN_OK;
}

static drn_status write_all(packer *p, drn_error *err)
{
    for (size_t i = 0; i < p->count; i++) {
        slot *s = &p->slots[i % p->slot_count];
        pthread_mutex_lock(&p->lock);
        while (!s->ready)
            pthread_cond_wait(&p->made, &p->lock);
        pthread_mutex_unlock(&p->lock);
        DRN_TRY(put_result(p, &p->items[i], s, err));
        drn_packing_clear(&s->made);
        pthread_mutex_lock(&p->lock);
        s->ready = false;
        p->next_take++;
        pthread_cond_broadcast(&p->taken);
        pthread_mutex_unlock(&p->lock);
        DRN_TRY(commit_now_and_then(p, err));
        if (p->o->progress && !p->o->progress(p->o->ctx, &p->counts)) {
            DRN_TRY(drn_kv_commit(p->kv, err));
            return drn_fail(err, DRN_ERR_CANCELLED, "stopped; run again to go on");
        }
    }
    return DRN_OK;
}

static drn_status fill(packer *p, drn_error *err)
{
    DRN_TRY(list_folders(p, err));
    DRN_TRY(drn_kv_create(&p->kv, p->o->out, err));
    DRN_TRY(check_options(p, err));
    DRN_TRY(drop_done(p, err));
    DRN_TRY(put_meta(p, "complete", "0", err));
    DRN_TRY(drn_kv_commit(p->kv, err));
    p->committed = now();
    DRN_TRY(start_threads(p, err));
    DRN_TRY(write_all(p, err));
    if (p->counts.entries == 0)
        return drn_fail(err, DRN_ERR_INVALID, "%s: none of %llu pictures can be read", p->o->out,
                        (unsigned long long)p->counts.files);
    DRN_TRY(put_meta(p, "complete", "1", err));
    return drn_kv_commit(p->kv, err);
}

drn_status drn_pack_make(drn_pack_counts *out, const drn_pack_options *o, drn_error *err)
{
    packer p = {.o = o,
                .form = {.reencode = o->reencode,
                         .shrink_jpeg = o->shrink_jpeg > 1 ? o->shrink_jpeg : 0,
                         .crop = o->crop,
                         .tiles = o->tiles,
                         .change = o->change,
                         .change_ctx = o->ctx},
                .start = now()};
    if (o->threads < 0 || o->threads > 1024 || o->shrink_jpeg < 0 || o->shrink_jpeg > 64 ||
        o->crop < 0 || o->crop > 65535 || o->tiles < 0)
        return drn_fail(err, DRN_ERR_INVALID, "pack: %d threads, shrink %d, crop %d, tiles %d", o->threads,
                        o->shrink_jpeg, o->crop, o->tiles);
    if (o->tiles > 0 && o->crop == 0)
        return drn_fail(err, DRN_ERR_INVALID, "pack: %d tiles of a picture, but no size of them (crop)", o->tiles);
    if (o->change && !o->change_name)
        return drn_fail(err, DRN_ERR_INVALID, "pack: a change without a name");
    pthread_mutex_init(&p.lock, NULL);
    pthread_cond_init(&p.made, NULL);
    pthread_cond_init(&p.taken, NULL);
    drn_status st = fill(&p, err);
    stop_threads(&p);
    drn_kv_close(p.kv);
    p.counts.seconds = now() - p.start;
    if (out)
        *out = p.counts;
    pthread_cond_destroy(&p.taken);
    pthread_cond_destroy(&p.made);
    pthread_mutex_destroy(&p.lock);
    drn_names_clear(&p.names);
    drn_free(p.label);
    drn_free(p.items);
    drn_free(p.slots);
    drn_free(p.threads);
    return st;
}
