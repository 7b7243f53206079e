/* The module drn_mpi.so: the one file that includes mpi.h. */
#include "comm/api.h"

#include <mpi.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TAG = 17 };

/* A message on its way. */
typedef struct letter {
    struct letter *next;
    MPI_Request request;
    unsigned char data[];
} letter;

static MPI_Comm ranks = MPI_COMM_NULL; /* a copy of the world: nobody else's messages */
static MPI_Request under_way = MPI_REQUEST_NULL;
static letter *letters;

static int start(int *rank, int *world)
{
    int level, code = MPI_Init_thread(NULL, NULL, MPI_THREAD_FUNNELED, &level);
    if (code == MPI_SUCCESS)
        code = MPI_Comm_dup(MPI_COMM_WORLD, &ranks);
    if (code == MPI_SUCCESS)
        code = MPI_Comm_set_errhandler(ranks, MPI_ERRORS_RETURN);
    if (code == MPI_SUCCESS)
        code = MPI_Comm_rank(ranks, rank);
    if (code == MPI_SUCCESS)
        code = MPI_Comm_size(ranks, world);
    return code;
}

/* Forget letters that have arrived; wait for them when asked to. */
static int reap(int wait)
{
    for (letter **at = &letters; *at;) {
        letter *l = *at;
        int done = 1;
        int code = wait ? MPI_Wait(&l->request, MPI_STATUS_IGNORE)
                        : MPI_Test(&l->request, &done, MPI_STATUS_IGNORE);
        if (code != MPI_SUCCESS)
            return code;
        if (done) {
            *at = l->next;
            free(l);
        } else {
            at = &l->next;
        }
    }
    return MPI_SUCCESS;
}

static int end(void)
{
    int code = reap(1);
    if (code == MPI_SUCCESS)
        code = MPI_Comm_free(&ranks);
    return code == MPI_SUCCESS ? MPI_Finalize() : code;
}

static int all_gather(void *all, const void *mine, int bytes)
{
    return MPI_Iallgather(mine, bytes, MPI_BYTE, all, bytes, MPI_BYTE, ranks, &under_way);
}

static int all_to_all(void *to, const void *from, int bytes)
{
    return MPI_Ialltoall(from, bytes, MPI_BYTE, to, bytes, MPI_BYTE, ranks, &under_way);
}

static int broadcast(void *data, int bytes)
{
    return MPI_Ibcast(data, bytes, MPI_BYTE, 0, ranks, &under_way);
}

static int test(int *done)
{
    return MPI_Test(&under_way, done, MPI_STATUS_IGNORE);
}

static int post(const void *data, int bytes, int to)
{
    int code = reap(0);
    letter *l = code == MPI_SUCCESS ? malloc(sizeof *l + (size_t)bytes) : NULL;
    if (!l)
        return code == MPI_SUCCESS ? MPI_ERR_NO_MEM : code;
    memcpy(l->data, data, (size_t)bytes);
    code = MPI_Isend(l->data, bytes, MPI_BYTE, to, TAG, ranks, &l->request);
    if (code != MPI_SUCCESS) {
        free(l);
        return code;
    }
    l->next = letters;
    letters = l;
    return MPI_SUCCESS;
}

static int arrived(int *from, int *bytes)
{
    MPI_Status status;
    int there = 0, code = reap(0);
    *from = -1;
    if (code == MPI_SUCCESS)
        code = MPI_Iprobe(MPI_ANY_SOURCE, TAG, ranks, &there, &status);
    if (code != MPI_SUCCESS || !there)
        return code;
    *from = status.MPI_SOURCE;
    return MPI_Get_count(&status, MPI_BYTE, bytes);
}

static int take(void *data, int bytes, int from)
{
    return MPI_Recv(data, bytes, MPI_BYTE, from, TAG, ranks, MPI_STATUS_IGNORE);
}

static void explain(int code, char *text, int size)
{
    char full[MPI_MAX_ERROR_STRING + 1] = "";
    int length = 0;
    if (MPI_Error_string(code, full, &length) != MPI_SUCCESS)
        full[0] = 0;
    snprintf(text, (size_t)size, "%s", full[0] ? full : "unknown error");
}

extern const drn_comm_api drn_comm_module;
__attribute__((visibility("default"))) const drn_comm_api drn_comm_module = {
    .version = DRN_COMM_API,
    .start = start,
    .end = end,
    .all_gather = all_gather,
    .all_to_all = all_to_all,
    .broadcast = broadcast,
    .test = test,
    .post = post,
    .arrived = arrived,
    .take = take,
    .explain = explain,
};
