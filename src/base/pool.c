#include "base/pool.h"

#include "base/mem.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>

struct drn_pool {
    int threads;   /* with the caller */
    int started;   /* workers running: threads - 1, fewer when creation failed midway */
    pthread_t *id; /* [threads - 1] */
    pthread_mutex_t lock;
    pthread_cond_t wake, done;
    unsigned long job; /* number of the current job; under lock */
    int busy;          /* workers that have not finished it; under lock */
    bool quit;         /* under lock */
    drn_pool_fn fn;
    void *ctx;
    size_t chunks;
    atomic_size_t next;
};

typedef struct worker_arg {
    drn_pool *pool;
    int thread;
} worker_arg;

static void take_chunks(drn_pool *p, int thread)
{
    for (;;) {
        size_t chunk = atomic_fetch_add(&p->next, 1);
        if (chunk >= p->chunks)
            return;
        p->fn(p->ctx, chunk, thread);
    }
}

static void *worker(void *arg)
{
    worker_arg a = *(worker_arg *)arg;
    drn_free(arg);
    drn_pool *p = a.pool;
    unsigned long seen = 0;
    pthread_mutex_lock(&p->lock);
    for (;;) {
        while (!p->quit && p->job == seen)
            pthread_cond_wait(&p->wake, &p->lock);
        if (p->quit)
            break;
        seen = p->job;
        pthread_mutex_unlock(&p->lock);
        take_chunks(p, a.thread);
        pthread_mutex_lock(&p->lock);
        if (--p->busy == 0)
            pthread_cond_signal(&p->done);
    }
    pthread_mutex_unlock(&p->lock);
    return NULL;
}

int drn_cpu_count(void)
{
    cpu_set_t set;
    int n = 1;
    if (sched_getaffinity(0, sizeof set, &set) == 0)
        n = CPU_COUNT(&set);
    FILE *f = fopen("/sys/fs/cgroup/cpu.max", "r");
    if (f) {
        double quota, period;
        if (fscanf(f, "%lf %lf", &quota, &period) == 2 && period > 0) {
            int q = (int)(quota / period + 0.999);
            if (q >= 1 && q < n)
                n = q;
        }
        fclose(f);
    }
    return n < 1 ? 1 : n;
}

drn_status drn_pool_new(drn_pool **out, int threads, drn_error *err)
{
    *out = NULL;
    if (threads < 0 || threads > 1024)
        return drn_fail(err, DRN_ERR_INVALID, "thread count %d is not in 0..1024", threads);
    if (threads == 0)
        threads = drn_cpu_count();
    drn_pool *p;
    DRN_TRY(drn_calloc_to(&p, 1, sizeof *p, err));
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->wake, NULL);
    pthread_cond_init(&p->done, NULL);
    p->threads = threads;
    drn_status st = drn_calloc_to(&p->id, (size_t)threads, sizeof *p->id, err);
    for (int i = 1; st == DRN_OK && i < threads; i++) {
        worker_arg *a;
        st = drn_alloc_to(&a, 1, sizeof *a, err);
        if (st != DRN_OK)
            break;
        *a = (worker_arg){p, i};
        if (pthread_create(&p->id[i - 1], NULL, worker, a) != 0) {
            drn_free(a);
            st = drn_fail(err, DRN_ERR_NOMEM, "thread %d of %d could not be started", i, threads);
            break;
        }
        p->started++;
    }
    if (st != DRN_OK) {
        drn_pool_free(p);
        return st;
    }
    *out = p;
    return DRN_OK;
}

void drn_pool_free(drn_pool *p)
{
    if (!p)
        return;
    pthread_mutex_lock(&p->lock);
    p->quit = true;
    pthread_cond_broadcast(&p->wake);
    pthread_mutex_unlock(&p->lock);
    for (int i = 0; i < p->started; i++)
        pthread_join(p->id[i], NULL);
    pthread_cond_destroy(&p->done);
    pthread_cond_destroy(&p->wake);
    pthread_mutex_destroy(&p->lock);
    drn_free(p->id);
    drn_free(p);
}

int drn_pool_threads(const drn_pool *p)
{
    return p ? p->threads : 1;
}

void drn_pool_run(drn_pool *p, size_t chunks, drn_pool_fn fn, void *ctx)
{
    if (!p || p->started == 0 || chunks <= 1) {
        for (size_t i = 0; i < chunks; i++)
            fn(ctx, i, 0);
        return;
    }
    pthread_mutex_lock(&p->lock);
    p->fn = fn;
    p->ctx = ctx;
    p->chunks = chunks;
    atomic_store(&p->next, 0);
    p->busy = p->started;
    p->job++;
    pthread_cond_broadcast(&p->wake);
    pthread_mutex_unlock(&p->lock);
    take_chunks(p, 0);
    pthread_mutex_lock(&p->lock);
    while (p->busy > 0)
        pthread_cond_wait(&p->done, &p->lock);
    pthread_mutex_unlock(&p->lock);
}
