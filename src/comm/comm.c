#include "comm/comm.h"

#include "base/mem.h"
#include "base/pool.h"
#include "comm/module.h"

#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { PIECE = 1 << 22 /* floats of a sum, or bytes of a copy, that travel at once */ };

struct drn_comm {
    const drn_comm_api *api;
    int rank, world;
    double cores; /* share of this process in the cores it may use */
    bool broken;  /* a call failed: ranks no longer agree on what comes next */
    double interrupted, seconds;
    unsigned char *send, *receive; /* [room] */
    size_t room;
};

static volatile sig_atomic_t asked_to_end;

void drn_comm_interrupt(void)
{
    asked_to_end = 1;
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

int drn_comm_rank(const drn_comm *c)
{
    return c ? c->rank : 0;
}

int drn_comm_world(const drn_comm *c)
{
    return c ? c->world : 1;
}

double drn_comm_seconds(const drn_comm *c)
{
    return c ? c->seconds : 0;
}

uint64_t drn_comm_fingerprint(uint64_t seed, const void *data, size_t bytes)
{
    uint64_t h = seed ^ 0xcbf29ce484222325u, word;
    const unsigned char *p = data;
    for (; bytes >= 8; bytes -= 8, p += 8) {
        memcpy(&word, p, 8);
        h = (h ^ word) * 0x100000001b3u;
        h ^= h >> 32;
    }
    for (; bytes > 0; bytes--)
        h = (h ^ *p++) * 0x100000001b3u;
    return h ^ h >> 29;
}

/* ---- waiting ---- */

static drn_status fail(drn_comm *c, int code, drn_error *err)
{
    char text[300];
    c->broken = true;
    c->api->explain(code, text, sizeof text);
    return drn_fail(err, DRN_ERR_IO, "lost the other ranks: %s", text);
}

static drn_status usable(const drn_comm *c, drn_error *err)
{
    return c->broken ? drn_fail(err, DRN_ERR_IO, "the other ranks were lost before") : DRN_OK;
}

/* Yield first: most waits are short.  Then sleep, so that a slow rank has the core if it needs it. */
static void pause_a_little(int tries)
{
    if (tries < 1000)
        sched_yield();
    else
        nanosleep(&(struct timespec){.tv_nsec = 100000}, NULL);
}

/* After a signal to end the launcher leaves little time, of which rank 0 needs a part to save what it has. */
static drn_status keep_waiting(drn_comm *c, drn_error *err)
{
    double most = c->rank == 0 ? 0.4 : 30;
    if (!asked_to_end)
        return DRN_OK;
    if (c->interrupted <= 0)
        c->interrupted = now();
    if (now() - c->interrupted < most)
        return DRN_OK;
    c->broken = true;
    return drn_fail(err, DRN_ERR_IO, "asked to end, and another rank does not answer: it has died, or is busy");
}

/* Wait for the collective whose start returned code. */
static drn_status finish(drn_comm *c, int code, drn_error *err)
{
    int done = 0;
    for (int tries = 0; code == 0; tries += tries < 1000) {
        code = c->api->test(&done);
        if (code == 0 && done)
            return DRN_OK;
        if (code == 0)
            DRN_TRY(keep_waiting(c, err));
        pause_a_little(tries);
    }
    return fail(c, code, err);
}

/* ---- collectives ---- */

static drn_status make_room(drn_comm *c, size_t bytes, drn_error *err)
{
    if (bytes <= c->room)
        return DRN_OK;
    drn_free(c->send);
    drn_free(c->receive);
    c->send = c->receive = NULL;
    c->room = 0;
    DRN_TRY(drn_alloc_to(&c->send, bytes, 1, err));
    DRN_TRY(drn_alloc_to(&c->receive, bytes, 1, err));
    c->room = bytes;
    return DRN_OK;
}

/* A refused allocation on one rank would leave the others waiting: it counts as a lost rank. */
static drn_status ready(drn_comm *c, size_t bytes, drn_error *err)
{
    DRN_TRY(usable(c, err));
    if (bytes > (size_t)INT_MAX)
        return drn_fail(err, DRN_ERR_INTERNAL, "%zu bytes are too many for a message between ranks", bytes);
    drn_status st = make_room(c, bytes, err);
    c->broken = c->broken || st != DRN_OK;
    return st;
}

static drn_status gather(drn_comm *c, void *all, const void *mine, size_t bytes, drn_error *err)
{
    size_t world = (size_t)c->world;
    DRN_TRY(ready(c, world * bytes, err));
    if (bytes)
        memcpy(c->send, mine, bytes);
    DRN_TRY(finish(c, c->api->all_gather(c->receive, c->send, (int)bytes), err));
    if (bytes)
        memcpy(all, c->receive, world * bytes);
    return DRN_OK;
}

drn_status drn_comm_all_gather(drn_comm *c, void *all, const void *mine, size_t bytes, drn_error *err)
{
    double begin = now();
    if (!c) {
        memmove(all, mine, bytes);
        return DRN_OK;
    }
    drn_status st = gather(c, all, mine, bytes, err);
    c->seconds += now() - begin;
    return st;
}

/* sums[n] of rows[world][n], added in the order of ranks. */
static void add_rows(float *sums, const float *rows, size_t n, int world)
{
    for (size_t i = 0; i < n; i++) {
        double s = 0;
        for (int r = 0; r < world; r++)
            s += (double)rows[(size_t)r * n + i];
        sums[i] = (float)s;
    }
}

/* Every rank receives the part it adds from all others, then all receive all sums: the traffic of a ring. */
static drn_status sum_piece(drn_comm *c, float *data, size_t count, drn_error *err)
{
    size_t world = (size_t)c->world, part = (count + world - 1) / world, all = world * part;
    DRN_TRY(ready(c, all * sizeof(float), err));
    float *send = (float *)(void *)c->send, *receive = (float *)(void *)c->receive;
    memcpy(send, data, count * sizeof(float));
    memset(send + count, 0, (all - count) * sizeof(float));
    DRN_TRY(finish(c, c->api->all_to_all(receive, send, (int)(part * sizeof(float))), err));
    add_rows(send, receive, part, c->world);
    DRN_TRY(finish(c, c->api->all_gather(receive, send, (int)(part * sizeof(float))), err));
    memcpy(data, receive, count * sizeof(float));
    return DRN_OK;
}

drn_status drn_comm_sum(drn_comm *c, float *data, size_t count, drn_error *err)
{
    double begin = now();
    drn_status st = DRN_OK;
    for (size_t at = 0; c && st == DRN_OK && at < count; at += PIECE)
        st = sum_piece(c, data + at, count - at < PIECE ? count - at : PIECE, err);
    if (c)
        c->seconds += now() - begin;
    return st;
}

drn_status drn_comm_sum_doubles(drn_comm *c, double *data, size_t count, drn_error *err)
{
    double *all;
    if (!c)
        return DRN_OK;
    DRN_TRY(drn_alloc_to(&all, count * (size_t)c->world, sizeof *all, err));
    drn_status st = drn_comm_all_gather(c, all, data, count * sizeof *data, err);
    for (size_t i = 0; st == DRN_OK && i < count; i++) {
        data[i] = 0;
        for (int r = 0; r < c->world; r++)
            data[i] += all[(size_t)r * count + i];
    }
    drn_free(all);
    return st;
}

drn_status drn_comm_broadcast(drn_comm *c, void *data, size_t bytes, drn_error *err)
{
    unsigned char *p = data;
    for (size_t at = 0; c && at < bytes; at += PIECE) {
        size_t n = bytes - at < PIECE ? bytes - at : PIECE;
        DRN_TRY(ready(c, n, err));
        memcpy(c->send, p + at, n);
        DRN_TRY(finish(c, c->api->broadcast(c->send, (int)n), err));
        memcpy(p + at, c->send, n);
    }
    return DRN_OK;
}

/* ---- agreeing ---- */

/* What a rank tells. */
typedef struct told {
    int32_t status;
    uint32_t votes;
    uint64_t same;
    char message[sizeof((drn_error *)0)->message];
} told;

/* The first failure, or difference, of what all ranks tell. */
static drn_status judge(const told *all, int world, const char *what, drn_error *err)
{
    for (int r = 0; r < world; r++)
        if (all[r].status != DRN_OK) {
            char prefix[24] = "";
            if (r > 0)
                snprintf(prefix, sizeof prefix, "rank %d: ", r);
            return drn_fail(err, (drn_status)all[r].status, "%s%.480s", prefix, all[r].message);
        }
    for (int r = 1; r < world; r++)
        if (all[r].same != all[0].same)
            return drn_fail(err, DRN_ERR_INVALID, "rank %d has other %s than rank 0", r, what);
    return DRN_OK;
}

drn_status drn_comm_agree(drn_comm *c, drn_status st, unsigned *votes, uint64_t same, const char *what,
                          drn_error *err)
{
    told *all, mine = {.status = (int32_t)st, .votes = votes ? *votes : 0, .same = same};
    if (!c || (c->broken && st != DRN_OK))
        return st;
    if (st != DRN_OK && err)
        snprintf(mine.message, sizeof mine.message, "%s", err->message);
    drn_status asked = drn_alloc_to(&all, (size_t)c->world, sizeof *all, err);
    c->broken = c->broken || asked != DRN_OK;
    DRN_TRY(asked);
    asked = drn_comm_all_gather(c, all, &mine, sizeof mine, err);
    for (int r = 0; asked == DRN_OK && votes && r < c->world; r++)
        *votes |= all[r].votes;
    if (asked == DRN_OK)
        asked = judge(all, c->world, what, err);
    drn_free(all);
    return asked;
}

/* ---- messages ---- */

drn_status drn_comm_post(drn_comm *c, int to, const void *data, size_t bytes, drn_error *err)
{
    DRN_TRY(usable(c, err));
    if (bytes > (size_t)INT_MAX)
        return drn_fail(err, DRN_ERR_INVALID, "%zu bytes are too many for a message between ranks", bytes);
    int code = c->api->post(data, (int)bytes, to);
    return code ? fail(c, code, err) : DRN_OK;
}

static drn_status take(drn_comm *c, int from, void **data, int bytes, drn_error *err)
{
    char *text;
    DRN_TRY(drn_alloc_to(&text, (size_t)bytes + 1, 1, err));
    int code = c->api->take(text, bytes, from);
    if (code) {
        drn_free(text);
        return fail(c, code, err);
    }
    text[bytes] = 0;
    *data = text;
    return DRN_OK;
}

drn_status drn_comm_take(drn_comm *c, int *from, void **data, size_t *bytes, bool wait, drn_error *err)
{
    int code, size = 0;
    *data = NULL;
    DRN_TRY(usable(c, err));
    for (int tries = 0;; tries += tries < 1000) {
        code = c->api->arrived(from, &size);
        if (code)
            return fail(c, code, err);
        if (*from >= 0 || !wait)
            break;
        DRN_TRY(keep_waiting(c, err));
        pause_a_little(tries);
    }
    *bytes = (size_t)size;
    return *from < 0 ? DRN_OK : take(c, *from, data, size, err);
}

void drn_comm_free_data(void *data)
{
    drn_free(data);
}

/* ---- meeting and parting ---- */

/* Where a rank runs. */
typedef struct place {
    char host[72];
    cpu_set_t cores;
} place;

static drn_status share_cores(drn_comm *c, drn_error *err)
{
    place *all, mine = {.host = ""};
    double mine_alone = 0;
    CPU_ZERO(&mine.cores);
    (void)gethostname(mine.host, sizeof mine.host - 1);
    (void)sched_getaffinity(0, sizeof mine.cores, &mine.cores);
    DRN_TRY(drn_alloc_to(&all, (size_t)c->world, sizeof *all, err));
    drn_status st = drn_comm_all_gather(c, all, &mine, sizeof mine, err);
    for (int i = 0; st == DRN_OK && i < CPU_SETSIZE; i++) {
        int users = 0;
        for (int r = 0; r < c->world && CPU_ISSET((size_t)i, &mine.cores); r++)
            users += strcmp(all[r].host, mine.host) == 0 && CPU_ISSET((size_t)i, &all[r].cores);
        mine_alone += users ? 1.0 / users : 0;
    }
    int cores = CPU_COUNT(&mine.cores);
    c->cores = cores > 0 ? mine_alone / cores : 1;
    drn_free(all);
    return st;
}

int drn_comm_threads(const drn_comm *c, int wanted)
{
    if (!c || wanted > 0)
        return wanted;
    int n = (int)(drn_cpu_count() * c->cores + 1e-6);
    return n > 0 ? n : 1;
}

static drn_status meet(drn_comm *c, int expected, drn_error *err)
{
    DRN_TRY(drn_comm_module_load(&c->api, err));
    int code = c->api->start(&c->rank, &c->world);
    if (code)
        return fail(c, code, err);
    if (expected && c->world != expected)
        return drn_fail(err, DRN_ERR_UNSUPPORTED,
                        "the launcher started %d processes, but MPI sees %d: drn_mpi.so was built with another MPI "
                        "than the launcher's",
                        expected, c->world);
    return c->world > 1 ? share_cores(c, err) : DRN_OK;
}

drn_status drn_comm_open(drn_comm **out, drn_error *err)
{
    int expected = drn_comm_launched(NULL);
    drn_comm *c;
    *out = NULL;
    if (expected == 1)
        return DRN_OK;
    DRN_TRY(drn_calloc_to(&c, 1, sizeof *c, err));
    drn_status st = meet(c, expected, err);
    if (st == DRN_OK && c->world > 1)
        *out = c;
    else
        drn_comm_close(c);
    return st;
}

void drn_comm_close(drn_comm *c)
{
    if (!c)
        return;
    if (c->broken)
        return; /* MPI may still write to the buffers */
    if (c->world > 0)
        (void)c->api->end();
    drn_free(c->send);
    drn_free(c->receive);
    drn_free(c);
}
