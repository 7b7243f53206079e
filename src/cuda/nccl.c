/* NCCL, loaded when there are several processes: the program starts without it. */
#include "base/mem.h"
#include "cuda/library.h"
#include "cuda/train.h"

#include <nccl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { OLDEST = 21000 /* 2.10: collectives can be captured, and an update does not break that */ };

#define FUNCTIONS(f)                                                                               \
    f(ncclGetVersion) f(ncclGetUniqueId) f(ncclCommInitRank) f(ncclCommDestroy) f(ncclCommAbort) f(ncclAllReduce)          \
        f(ncclBroadcast) f(ncclGetErrorString) f(ncclCommGetAsyncError)

struct drn_nccl {
    void *library;
    ncclComm_t comm;
    bool broken;
    ncclResult_t failed; /* of a launch, which says no more than cudaErrorUnknown */
    double most;         /* seconds to wait for other ranks */
#define MEMBER(name) __typeof__(&name) name;
    FUNCTIONS(MEMBER)
#undef MEMBER
};

_Static_assert(sizeof(ncclUniqueId) == DRN_NCCL_ID, "the id travels as plain bytes");

static bool load(drn_nccl *n)
{
    bool all = true;
#define LOAD(fn) all &= drn_library_symbol(&n->fn, n->library, #fn);
    FUNCTIONS(LOAD)
#undef LOAD
    return all;
}

static drn_status fail(const drn_nccl *n, ncclResult_t e, const char *what, drn_error *err)
{
    return drn_fail(err, DRN_ERR_DEVICE, "GPU: NCCL: %.160s (error %d) while %s; NCCL_DEBUG=WARN tells more",
                    n->ncclGetErrorString(e), (int)e, what);
}

static drn_status read_limit(drn_nccl *n, drn_error *err)
{
    const char *text = getenv("DRN_NCCL_TIMEOUT");
    char *end = NULL;
    n->most = text ? strtod(text, &end) : 1800;
    if (text && (end == text || *end || !(n->most > 0)))
        return drn_fail(err, DRN_ERR_INVALID, "DRN_NCCL_TIMEOUT is '%.40s', must be seconds", text);
    return DRN_OK;
}

static drn_status open_library(drn_nccl *n, drn_error *err)
{
    int version = 0;
    DRN_TRY(read_limit(n, err));
    n->library = drn_library_open("DRN_NCCL", "libnccl.so.2", "nccl");
    if (!n->library)
        return drn_fail(err, DRN_ERR_DEVICE, "GPU: several processes need NCCL, and libnccl.so.2 was not found; DRN_NCCL may name "
                                             "it or its folder");
    if (!load(n) || n->ncclGetVersion(&version) != ncclSuccess || version < OLDEST)
        return drn_fail(err, DRN_ERR_DEVICE, "GPU: libnccl.so.2 is too old: its version is %d, %d is needed", version, OLDEST);
    return DRN_OK;
}

drn_status drn_nccl_open(drn_nccl **out, drn_error *err)
{
    drn_nccl *n;
    DRN_TRY(drn_calloc_to(&n, 1, sizeof *n, err));
    drn_status st = open_library(n, err);
    if (st == DRN_OK)
        *out = n;
    else
        drn_free(n);
    return st;
}

drn_status drn_nccl_make_id(drn_nccl *n, unsigned char *id, drn_error *err)
{
    ncclUniqueId u;
    ncclResult_t e = n->ncclGetUniqueId(&u);
    if (e != ncclSuccess)
        return fail(n, e, "starting", err);
    for (size_t i = 0; i < sizeof u.internal; i++)
        id[i] = (unsigned char)u.internal[i];
    return DRN_OK;
}

drn_status drn_nccl_join(drn_nccl *n, int rank, int world, const unsigned char *id, drn_error *err)
{
    ncclUniqueId u;
    for (size_t i = 0; i < sizeof u.internal; i++)
        u.internal[i] = (char)id[i];
    ncclResult_t e = n->ncclCommInitRank(&n->comm, world, u, rank);
    return e == ncclSuccess ? DRN_OK : fail(n, e, "connecting the GPUs (each process needs its own)", err);
}

void drn_nccl_free(drn_nccl *n)
{
    if (!n)
        return;
    if (n->comm)
        n->ncclCommDestroy(n->comm);
    drn_free(n); /* the library stays, as cuDNN does */
}

void drn_nccl_abort(drn_nccl *n)
{
    if (n->comm)
        n->ncclCommAbort(n->comm);
    n->comm = NULL;
    n->broken = true;
}

drn_status drn_nccl_broadcast(drn_nccl *n, float *data, size_t count, cudaStream_t stream, drn_error *err)
{
    ncclResult_t e = n->ncclBroadcast(data, data, count, ncclFloat, 0, n->comm, stream);
    return e == ncclSuccess ? DRN_OK : fail(n, e, "sending rank 0's weights", err);
}

cudaError_t drn_nccl_sum(drn_nccl *n, float *data, size_t count, cudaStream_t stream)
{
    if (n->broken)
        return cudaErrorUnknown;
    n->failed = n->ncclAllReduce(data, data, count, ncclFloat, ncclSum, n->comm, stream);
    return n->failed == ncclSuccess ? cudaSuccess : cudaErrorUnknown;
}

drn_status drn_nccl_explain(const drn_nccl *n, drn_status st, drn_error *err)
{
    return n->failed == ncclSuccess ? st : fail(n, n->failed, "adding gradients", err);
}

/* ---- waiting ---- */

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* What else than the GPU may have ended the wait. */
static drn_status look_around(drn_nccl *n, const drn_meeting *m, double waited, drn_error *err)
{
    ncclResult_t e = ncclSuccess;
    char text[300];
    if (m && drn_meeting_failed(m, text, sizeof text))
        return drn_fail(err, DRN_ERR_DEVICE, "%s", text);
    if (n->comm && (n->ncclCommGetAsyncError(n->comm, &e) != ncclSuccess || (e != ncclSuccess && e != ncclInProgress)))
        return fail(n, e, "waiting for the other ranks", err);
    if (waited > n->most)
        return drn_fail(err, DRN_ERR_DEVICE, "no answer of the other ranks for %.0f s (DRN_NCCL_TIMEOUT): has one ended?",
                        waited);
    return DRN_OK;
}

/* A blocking wait would not end when another rank is gone. */
drn_status drn_nccl_wait(drn_nccl *n, cudaStream_t stream, const drn_meeting *m, drn_error *err)
{
    const double begin = now();
    double looked = begin;
    for (;;) {
        cudaError_t e = cudaStreamQuery(stream);
        double here = now();
        if (e == cudaSuccess)
            return DRN_OK;
        if (e != cudaErrorNotReady)
            return drn_cuda_fail(e, "running a step", err);
        (void)cudaGetLastError(); /* "not ready" counts as an error there */
        if (here - looked > 0.25) {
            looked = here;
            DRN_TRY(look_around(n, m, here - begin, err));
        }
        if (here - begin < 0.5)
            sched_yield(); /* a step: every microsecond counts */
        else
            nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
}
