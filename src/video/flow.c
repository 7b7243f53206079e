#include "video/flow.h"

#include "base/mem.h"

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

enum { AHEAD = 2 /* frames waiting besides those at work */, MAX_PARALLEL = 64 };

typedef enum state { FREE, READY, WORKING, DONE } state;

typedef struct slot {
    state state; /* under lock; the rest belongs to whoever the state says */
    drn_frame in, out;
    uint64_t tag;
    drn_status status;
    drn_error err;
} slot;

struct drn_flow {
    drn_flow_job job;
    int slots, started;
    slot slot[MAX_PARALLEL + AHEAD];
    pthread_t id[MAX_PARALLEL];
    int64_t put, begun, taken; /* frames so far; the first two under lock */
    pthread_mutex_t lock;
    pthread_cond_t ready, done;
    atomic_bool quit;
};

static slot *at(drn_flow *flow, int64_t index)
{
    return &flow->slot[index % flow->slots];
}

/* A drn_progress_fn. */
static bool go_on(void *ctx, double done)
{
    drn_flow *flow = ctx;
    (void)done;
    return !atomic_load(&flow->quit);
}

static drn_status work(drn_flow *flow, slot *s)
{
    drn_image *in = NULL, *out = NULL;
    drn_upscale_options how = flow->job.how;
    drn_status st;
    how.progress = go_on;
    how.progress_ctx = flow;
    DRN_CHECK(drn_yuv_to_image(&in, &flow->job.in, s->in.data, &s->err));
    DRN_CHECK(drn_upscale(&out, in, flow->job.model, &how, &s->err));
    DRN_CHECK(drn_yuv_from_image(s->out.data, &flow->job.out, out, &s->err));
    s->out.pts = s->in.pts;
    s->out.duration = s->in.duration;
done:
    drn_image_free(in);
    drn_image_free(out);
    return st;
}

static void *worker(void *arg)
{
    drn_flow *flow = arg;
    pthread_mutex_lock(&flow->lock);
    for (;;) {
        while (!atomic_load(&flow->quit) && flow->begun == flow->put)
            pthread_cond_wait(&flow->ready, &flow->lock);
        if (atomic_load(&flow->quit))
            break;
        slot *s = at(flow, flow->begun++);
        s->state = WORKING;
        pthread_mutex_unlock(&flow->lock);
        drn_status st = work(flow, s);
        pthread_mutex_lock(&flow->lock);
        s->status = st;
        s->state = DONE;
        pthread_cond_signal(&flow->done);
    }
    pthread_mutex_unlock(&flow->lock);
    return NULL;
}

static drn_status start(drn_flow *flow, drn_error *err)
{
    size_t in, out;
    DRN_TRY(drn_yuv_size(&in, &flow->job.in, err));
    DRN_TRY(drn_yuv_size(&out, &flow->job.out, err));
    for (int i = 0; i < flow->slots; i++) {
        DRN_TRY(drn_alloc_to(&flow->slot[i].in.data, in, 1, err));
        DRN_TRY(drn_alloc_to(&flow->slot[i].out.data, out, 1, err));
    }
    for (; flow->started < flow->job.parallel; flow->started++)
        if (pthread_create(&flow->id[flow->started], NULL, worker, flow) != 0)
            return drn_fail(err, DRN_ERR_NOMEM, "thread %d of %d could not be started",
                            flow->started + 1, flow->job.parallel);
    return DRN_OK;
}

drn_status drn_flow_new(drn_flow **out, const drn_flow_job *job, drn_error *err)
{
    drn_flow *flow;
    pthread_condattr_t clock;
    DRN_TRY(drn_calloc_to(&flow, 1, sizeof *flow, err));
    flow->job = *job;
    flow->job.parallel = job->parallel < 1              ? 1
                         : job->parallel > MAX_PARALLEL ? MAX_PARALLEL
                                                        : job->parallel;
    flow->slots = flow->job.parallel + AHEAD;
    atomic_init(&flow->quit, false);
    pthread_mutex_init(&flow->lock, NULL);
    pthread_cond_init(&flow->ready, NULL);
    pthread_condattr_init(&clock);
    pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
    pthread_cond_init(&flow->done, &clock);
    pthread_condattr_destroy(&clock);
    drn_status st = start(flow, err);
    if (st != DRN_OK) {
        drn_flow_free(flow);
        return st;
    }
    *out = flow;
    return DRN_OK;
}

void drn_flow_free(drn_flow *flow)
{
    if (!flow)
        return;
    pthread_mutex_lock(&flow->lock);
    atomic_store(&flow->quit, true);
    pthread_cond_broadcast(&flow->ready);
    pthread_mutex_unlock(&flow->lock);
    for (int i = 0; i < flow->started; i++)
        pthread_join(flow->id[i], NULL);
    pthread_cond_destroy(&flow->ready);
    pthread_cond_destroy(&flow->done);
    pthread_mutex_destroy(&flow->lock);
    for (int i = 0; i < flow->slots; i++) {
        drn_free(flow->slot[i].in.data);
        drn_free(flow->slot[i].out.data);
    }
    drn_free(flow);
}

drn_frame *drn_flow_room(drn_flow *flow)
{
    return flow->put - flow->taken < flow->slots ? &at(flow, flow->put)->in : NULL;
}

void drn_flow_submit(drn_flow *flow, uint64_t tag)
{
    pthread_mutex_lock(&flow->lock);
    slot *s = at(flow, flow->put++);
    s->tag = tag;
    s->state = READY;
    pthread_cond_signal(&flow->ready);
    pthread_mutex_unlock(&flow->lock);
}

bool drn_flow_busy(const drn_flow *flow)
{
    return flow->put > flow->taken;
}

static struct timespec deadline(double seconds)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    long nano = t.tv_nsec + (long)(seconds * 1e9);
    t.tv_sec += nano / 1000000000;
    t.tv_nsec = nano % 1000000000;
    return t;
}

drn_status drn_flow_take(const drn_frame **frame, uint64_t *tag, drn_flow *flow, double seconds,
                         drn_error *err)
{
    struct timespec until = deadline(seconds);
    int late = 0;
    *frame = NULL;
    if (!drn_flow_busy(flow))
        return DRN_OK;
    slot *s = at(flow, flow->taken);
    pthread_mutex_lock(&flow->lock);
    while (s->state != DONE && !late)
        late = pthread_cond_timedwait(&flow->done, &flow->lock, &until);
    bool done = s->state == DONE;
    pthread_mutex_unlock(&flow->lock);
    if (!done)
        return DRN_OK;
    if (s->status != DRN_OK) {
        if (err)
            *err = s->err;
        return s->status;
    }
    *frame = &s->out;
    *tag = s->tag;
    return DRN_OK;
}

void drn_flow_release(drn_flow *flow)
{
    at(flow, flow->taken++)->state = FREE; /* no worker looks at it before the next submit */
}
