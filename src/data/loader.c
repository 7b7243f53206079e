#include "data/loader.h"

#include "base/mem.h"

#include <pthread.h>
#include <time.h>

typedef struct slot {
    drn_batch batch;
    bool ready;
    drn_status status;
    drn_error error;
} slot;

struct drn_loader {
    drn_dataset *data;
    drn_loader_options o;
    int levels, slot_count, started;
    slot *slots; /* step t lives in slot t % slot_count */
    pthread_t *threads;
    pthread_mutex_t lock;
    pthread_cond_t made, freed;
    int64_t next_make, next_take; /* steps; under lock */
    bool quit;
    double wait;
};

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static size_t sample_size(const drn_loader *l, int level)
{
    size_t side = (size_t)l->o.spec.patch << (level + 1);
    return 3 * side * side;
}

static drn_status make_batch(drn_loader *l, drn_batch *b, int64_t step, drn_error *err)
{
    b->step = step;
    for (int i = 0; i < l->o.batch; i++) {
        drn_patch_place place;
        const drn_image *im;
        float *target[DRN_DATA_LEVELS] = {NULL};
        for (int v = 0; v < l->levels; v++)
            target[v] = b->target[v] + (size_t)i * sample_size(l, v);
        uint64_t sample = (uint64_t)step * (uint64_t)l->o.stride + (uint64_t)i + l->o.sample_shift;
        DRN_TRY(drn_patch_draw(&place, &im, l->data, &l->o.spec, sample, err));
        drn_status st = drn_patch_cut(b->lr + (size_t)i * sample_size(l, -1), target, im, &place,
                                      &l->o.spec, err);
        drn_dataset_release(l->data, place.picture, im);
        DRN_TRY(st);
    }
    return DRN_OK;
}

/* Under lock: a step may be made while its slot is free, which it is once the batch slot_count
 * steps before has been given back by the call after the one that took it. */
static bool may_make(const drn_loader *l)
{
    return l->next_make < l->next_take + l->slot_count - 1;
}

static void *work(void *arg)
{
    drn_loader *l = arg;
    pthread_mutex_lock(&l->lock);
    while (!l->quit) {
        if (!may_make(l)) {
            pthread_cond_wait(&l->freed, &l->lock);
            continue;
        }
        int64_t step = l->next_make++;
        slot *s = &l->slots[step % l->slot_count];
        pthread_mutex_unlock(&l->lock);
        s->error = (drn_error){0};
        s->status = make_batch(l, &s->batch, step, &s->error);
        pthread_mutex_lock(&l->lock);
        s->ready = true;
        pthread_cond_broadcast(&l->made);
    }
    pthread_mutex_unlock(&l->lock);
    return NULL;
}

static drn_status allocate(drn_loader *l, drn_error *err)
{
    size_t n = (size_t)l->o.batch;
    DRN_TRY(drn_calloc_to(&l->slots, (size_t)l->slot_count, sizeof *l->slots, err));
    DRN_TRY(drn_calloc_to(&l->threads, (size_t)l->o.threads + 1, sizeof *l->threads, err));
    for (int i = 0; i < l->slot_count; i++) {
        drn_batch *b = &l->slots[i].batch;
        DRN_TRY(drn_alloc_to(&b->lr, n * sample_size(l, -1), sizeof(float), err));
        for (int v = 0; v < l->levels; v++)
            DRN_TRY(drn_alloc_to(&b->target[v], n * sample_size(l, v), sizeof(float), err));
    }
    return DRN_OK;
}

static drn_status start(drn_loader *l, drn_error *err)
{
    for (; l->started < l->o.threads; l->started++)
        if (pthread_create(&l->threads[l->started], NULL, work, l) != 0)
            return drn_fail(err, DRN_ERR_NOMEM, "loader: thread %d could not be started",
                            l->started);
    return DRN_OK;
}

drn_status drn_loader_new(drn_loader **out, drn_dataset *d, const drn_loader_options *o,
                          drn_error *err)
{
    int s = o->spec.scale;
    if ((s != 2 && s != 4 && s != 8) || o->spec.patch < 1 || o->spec.patch > 4096 || o->batch < 1 ||
        o->batch > 65536 || o->threads < 0 || o->threads > 256 || o->first_step < 0)
        return drn_fail(err, DRN_ERR_INVALID, "loader: scale %d, patch %d, batch %d, threads %d", s,
                        o->spec.patch, o->batch, o->threads);
    drn_loader *l;
    DRN_TRY(drn_calloc_to(&l, 1, sizeof *l, err));
    l->data = d;
    l->o = *o;
    l->o.stride = o->stride > 0 ? o->stride : o->batch;
    l->levels = s == 8 ? 3 : s == 4 ? 2 : 1;
    l->slot_count = o->threads ? o->threads + 3 : 1;
    l->next_make = l->next_take = o->first_step;
    pthread_mutex_init(&l->lock, NULL);
    pthread_cond_init(&l->made, NULL);
    pthread_cond_init(&l->freed, NULL);
    drn_status st = allocate(l, err);
    if (st == DRN_OK)
        st = start(l, err);
    if (st != DRN_OK)
        drn_loader_free(l);
    else
        *out = l;
    return st;
}

void drn_loader_free(drn_loader *l)
{
    if (!l)
        return;
    pthread_mutex_lock(&l->lock);
    l->quit = true;
    pthread_cond_broadcast(&l->freed);
    pthread_mutex_unlock(&l->lock);
    for (int i = 0; i < l->started; i++)
        pthread_join(l->threads[i], NULL);
    for (int i = 0; l->slots && i < l->slot_count; i++) {
        drn_free(l->slots[i].batch.lr);
        for (int v = 0; v < DRN_DATA_LEVELS; v++)
            drn_free(l->slots[i].batch.target[v]);
    }
    pthread_cond_destroy(&l->made);
    pthread_cond_destroy(&l->freed);
    pthread_mutex_destroy(&l->lock);
    drn_free(l->slots);
    drn_free(l->threads);
    drn_free(l);
}

drn_status drn_loader_next(const drn_batch **out, drn_loader *l, drn_error *err)
{
    double begin = now();
    slot *s = &l->slots[l->next_take % l->slot_count];
    if (l->o.threads == 0) {
        s->status = make_batch(l, &s->batch, l->next_take++, &s->error);
    } else {
        pthread_mutex_lock(&l->lock);
        while (!s->ready)
            pthread_cond_wait(&l->made, &l->lock);
        s->ready = false;
        l->next_take++; /* frees the slot of the batch before this one */
        pthread_cond_broadcast(&l->freed);
        pthread_mutex_unlock(&l->lock);
    }
    l->wait += now() - begin;
    if (s->status != DRN_OK) {
        if (err)
            *err = s->error;
        return s->status;
    }
    *out = &s->batch;
    return DRN_OK;
}

double drn_loader_wait(const drn_loader *l)
{
    return l->wait;
}
