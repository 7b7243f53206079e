/* A stand-in for libnccl.so.2 on the emulated device: ranks are processes of this machine, and meet in a file that
 * all map.  A rank that waits too long for another leaves its stream stuck, as the real one does. */
#include "nccl.h"

#include "collective.h"

#include <fcntl.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

enum { MOST = 8, CHUNK = 4096, VERSION = 22809 };

struct board {
    atomic_int connected;
    atomic_long written[MOST], taken[MOST]; /* chunks, by rank */
    float data[MOST][CHUNK];
};
struct fake_comm {
    struct board *board;
    int rank, world, root; /* root -1: sum */
    long chunks;
    bool stuck;
};

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static bool wait_for(atomic_long *counts, int world, long n)
{
    const char *patience = getenv("FAKE_NCCL_PATIENCE");
    double end = now() + (patience ? atof(patience) : 60);
    for (int i = 0, tries = 0; i < world; i++)
        while (atomic_load(&counts[i]) < n) {
            if (now() > end)
                return false;
            if (tries++ < 200)
                sched_yield();
            else
                nanosleep(&(struct timespec){.tv_nsec = 20000}, NULL);
        }
    return true;
}

static bool exchange(struct fake_comm *c, float *data, size_t n)
{
    struct board *b = c->board;
    long k = ++c->chunks;
    memcpy(b->data[c->rank], data, n * sizeof *data);
    atomic_store(&b->written[c->rank], k);
    if (!wait_for(b->written, c->world, k))
        return false;
    for (size_t i = 0; i < n; i++) {
        float sum = 0;
        for (int r = 0; r < c->world; r++)
            if (c->root < 0 || r == c->root)
                sum = r == c->root || (c->root < 0 && r == 0) ? b->data[r][i] : sum + b->data[r][i];
        data[i] = sum;
    }
    atomic_store(&b->taken[c->rank], k);
    return wait_for(b->taken, c->world, k);
}

static void perform(struct fake_comm *c, float *data, size_t count)
{
    for (size_t at = 0; at < count && !c->stuck; at += CHUNK)
        c->stuck = !exchange(c, data + at, count - at < CHUNK ? count - at : CHUNK);
    if (c->stuck)
        drn_emu_stick(1);
}

static void sum(void *ctx, void *data, size_t count)
{
    struct fake_comm *c = ctx;
    c->root = -1;
    perform(c, data, count);
}

static void broadcast(void *ctx, void *data, size_t count)
{
    struct fake_comm *c = ctx;
    c->root = 0;
    perform(c, data, count);
}

ncclResult_t ncclGetVersion(int *version)
{
    *version = VERSION;
    return ncclSuccess;
}

ncclResult_t ncclGetUniqueId(ncclUniqueId *id)
{
    const char *tmp = getenv("TMPDIR");
    memset(id, 0, sizeof *id);
    snprintf(id->internal, sizeof id->internal, "%.80s/fake_nccl.XXXXXX", tmp ? tmp : "/tmp");
    int fd = mkstemp(id->internal);
    bool ok = fd >= 0 && ftruncate(fd, (off_t)sizeof(struct board)) == 0;
    if (fd >= 0)
        close(fd);
    return ok ? ncclSuccess : ncclSystemError;
}

ncclResult_t ncclCommInitRank(ncclComm_t *comm, int world, ncclUniqueId id, int rank)
{
    if (world < 1 || world > MOST || rank < 0 || rank >= world)
        return ncclInvalidArgument;
    int fd = open(id.internal, O_RDWR);
    struct board *b = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof *b, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (fd >= 0)
        close(fd);
    if (b == MAP_FAILED)
        return ncclSystemError;
    *comm = calloc(1, sizeof **comm);
    **comm = (struct fake_comm){.board = b, .rank = rank, .world = world};
    atomic_fetch_add(&b->connected, 1);
    for (double end = now() + 60; atomic_load(&b->connected) < world; sched_yield())
        if (now() > end)
            return ncclRemoteError;
    if (rank == 0)
        unlink(id.internal);
    return ncclSuccess;
}

ncclResult_t ncclCommAbort(ncclComm_t comm)
{
    drn_emu_stick(0);
    return ncclCommDestroy(comm);
}

ncclResult_t ncclCommDestroy(ncclComm_t comm)
{
    munmap(comm->board, sizeof *comm->board);
    free(comm);
    return ncclSuccess;
}

const char *ncclGetErrorString(ncclResult_t result)
{
    return result == ncclSuccess ? "no error" : "an error of the stand-in";
}

ncclResult_t ncclCommGetAsyncError(ncclComm_t comm, ncclResult_t *error)
{
    (void)comm;
    *error = ncclSuccess;
    return ncclSuccess;
}

ncclResult_t ncclBroadcast(const void *from, void *to, size_t count, ncclDataType_t type, int root, ncclComm_t comm,
                           cudaStream_t stream)
{
    if (from != to || type != ncclFloat || root != 0)
        return ncclInvalidArgument;
    drn_emu_run(stream, broadcast, comm, to, count);
    return ncclSuccess;
}

ncclResult_t ncclAllReduce(const void *from, void *to, size_t count, ncclDataType_t type, ncclRedOp_t op, ncclComm_t comm,
                           cudaStream_t stream)
{
    if (from != to || type != ncclFloat || op != ncclSum)
        return ncclInvalidArgument;
    drn_emu_run(stream, sum, comm, to, count);
    return ncclSuccess;
}
