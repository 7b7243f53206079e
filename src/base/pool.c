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
    atomic_ulong job; /* number of the current job; changes under lock */
    atomic_int busy;  /* workers at it; changes under lock */
    atomic_bool quit; /* changes under lock */
    drn_pool_fn fn;
    void *ctx;
    size_t chunks;
    atomic_size_t next;
};

typedef struct worker_arg {
    drn_pool *pool;
    int thread;
} worker_arg;

/* A network is thousands of short jobs: waking a sleeper for each would take longer than many of them.  So
 * waits look around for about 10 us before they sleep; not for longer, as another program may have the core
 * that would end them. */
enum { LOOKS = 500 };

static inline void rest(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

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
    for (;;) {
        for (int i = 0; i < LOOKS && !atomic_load(&p->quit) && atomic_load(&p->job) == seen; i++)
            rest();
        pthread_mutex_lock(&p->lock);
        while (!p->quit && p->job == seen)
            pthread_cond_wait(&p->wake, &p->lock);
        seen = p->job;
        bool quit = p->quit, late = atomic_load(&p->next) >= p->chunks;
        p->busy += !quit && !late;
        pthread_mutex_unlock(&p->lock);
        if (quit)
            return NULL;
        if (late) /* nobody waits for who comes when all is taken */
            continue;
        take_chunks(p, a.thread);
        pthread_mutex_lock(&p->lock);
        if (--p->busy == 0)
            pthread_cond_signal(&p->done);
        pthread_mutex_unlock(&p->lock);
    }
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
    p->job++;
    pthread_cond_broadcast(&p->wake);
    pthread_mutex_unlock(&p->lock);
    take_chunks(p, 0);
    for (int i = 0; i < LOOKS && atomic_load(&p->busy) > 0; i++)
        rest();
    pthread_mutex_lock(&p->lock);
    while (p->busy > 0)
        pthread_cond_wait(&p->done, &p->lock);
    pthread_mutex_unlock(&p->lock);
}
