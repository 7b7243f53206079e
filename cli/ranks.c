#include "ranks.h"

#include "cli.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static drn_comm *comm;
static bool apart;
static drn_error kept; /* the message of a silent rank */

drn_comm *ranks(void)
{
    return comm;
}

bool ranks_silent(void)
{
    int rank;
    (void)drn_comm_launched(&rank);
    return rank > 0 && !apart;
}

void ranks_apart(void)
{
    apart = true;
}

void ranks_keep(const char *message)
{
    kept.code = DRN_ERR_INVALID;
    snprintf(kept.message, sizeof kept.message, "%s", message);
}

void ranks_open(void)
{
    drn_error err = {0};
    int rank;
    if (drn_comm_open(&comm, &err) == DRN_OK)
        return;
    (void)drn_comm_launched(&rank);
    if (rank == 0)
        exit(cli_fail(&err));
    sleep(1); /* when rank 0 has the same trouble, the launcher ends this process before it repeats it */
    fprintf(stderr, "drn: rank %d: %s\n", rank, err.message);
    exit(EXIT_FAILED);
}

bool ranks_agree(bool ok, uint64_t same, const char *what)
{
    drn_error err = kept;
    if (!ok && !err.code)
        err = (drn_error){DRN_ERR_INVALID, "failed"};
    if (drn_comm_agree(comm, ok ? DRN_OK : DRN_ERR_INVALID, NULL, same, what, &err) == DRN_OK)
        return ok;
    if (ok)
        cli_fail(&err);
    return false;
}

int ranks_end(int code)
{
    drn_error err = {0};
    unsigned votes = 1u << code;
    if (!comm)
        return code;
    if (drn_comm_agree(comm, DRN_OK, &votes, 0, "", &err) != DRN_OK)
        code = EXIT_FAILED;
    drn_comm_close(comm);
    comm = NULL;
    while (votes >> code > 1)
        code++;
    return code;
}

/* ---- items shared out ---- */

#define END UINT64_MAX /* in place of an item's number: the rank has done its part */

typedef struct parcel {
    void *message; /* NULL: from this rank */
    void *result;
    size_t bytes;
    bool there;
} parcel;

typedef struct sharing {
    size_t count, next; /* items; the next to show */
    share_work work;
    share_show show;
    void *ctx;
    parcel *parcels; /* on rank 0: [count] */
    int others;      /* ranks at work besides this one */
    bool stop;
    drn_error err;
} sharing;

static void drop(parcel *p)
{
    if (p->message)
        drn_comm_free_data(p->message);
    else
        free(p->result);
    *p = (parcel){0};
}

static void stop_all(sharing *s)
{
    s->stop = true;
    for (int r = 1; r < drn_comm_world(comm); r++)
        (void)drn_comm_post(comm, r, "", 0, NULL);
}

/* Show what is complete, in order. */
static void show_ready(sharing *s)
{
    for (; s->next < s->count && s->parcels[s->next].there; s->next++) {
        parcel *p = &s->parcels[s->next];
        if (!s->stop && !s->show(s->ctx, s->next, p->result, p->bytes))
            stop_all(s);
        drop(p);
    }
}

/* Rank 0: messages of the others; wait: until all have done their part. */
static drn_status collect(sharing *s, bool wait)
{
    void *data;
    size_t bytes;
    uint64_t item;
    int from;
    while (s->others > 0) {
        drn_status st = drn_comm_take(comm, &from, &data, &bytes, wait, &s->err);
        if (st != DRN_OK || !data)
            return st;
        item = END;
        if (bytes >= sizeof item)
            memcpy(&item, data, sizeof item);
        s->others -= item == END;
        if (item < s->count)
            s->parcels[item] = (parcel){data, (char *)data + sizeof item, bytes - sizeof item, true};
        else
            drn_comm_free_data(data);
        show_ready(s);
    }
    return DRN_OK;
}

static drn_status send(uint64_t item, const void *result, size_t bytes, drn_error *err)
{
    char *message = cli_alloc(sizeof item + bytes, 1);
    memcpy(message, &item, sizeof item);
    if (bytes)
        memcpy(message + sizeof item, result, bytes);
    drn_status st = drn_comm_post(comm, 0, message, sizeof item + bytes, err);
    free(message);
    return st;
}

/* Item i is done on this rank. */
static drn_status deliver(sharing *s, size_t i, void *result, size_t bytes)
{
    if (drn_comm_rank(comm) > 0) {
        drn_status st = send(i, result, bytes, &s->err);
        free(result);
        return st;
    }
    s->parcels[i] = (parcel){NULL, result, bytes, true};
    show_ready(s);
    return collect(s, false);
}

/* Ranks above 0: whether rank 0 wants no more. */
static drn_status look_for_stop(sharing *s)
{
    void *data = NULL;
    size_t bytes;
    int from;
    drn_status st = DRN_OK;
    if (drn_comm_rank(comm) > 0)
        st = drn_comm_take(comm, &from, &data, &bytes, false, &s->err);
    s->stop = s->stop || data;
    drn_comm_free_data(data);
    return st;
}

static drn_status work_all(sharing *s)
{
    size_t world = (size_t)drn_comm_world(comm);
    for (size_t i = (size_t)drn_comm_rank(comm); i < s->count && !s->stop; i += world) {
        void *result = NULL;
        size_t bytes = 0;
        drn_status st = look_for_stop(s);
        if (st != DRN_OK || s->stop)
            return st;
        s->stop = !s->work(s->ctx, i, &result, &bytes);
        if (s->stop) {
            free(result);
            if (drn_comm_rank(comm) == 0)
                stop_all(s);
        } else
            st = deliver(s, i, result, bytes);
        if (st != DRN_OK)
            return st;
    }
    return DRN_OK;
}

bool ranks_share(size_t count, share_work work, share_show show, void *ctx)
{
    sharing s = {.count = count, .work = work, .show = show, .ctx = ctx};
    s.others = drn_comm_world(comm) - 1;
    s.parcels = cli_alloc(count, sizeof *s.parcels);
    drn_status st = work_all(&s);
    if (st == DRN_OK && drn_comm_rank(comm) > 0)
        st = send(END, NULL, 0, &s.err);
    else if (st == DRN_OK)
        st = collect(&s, true);
    if (st != DRN_OK)
        cli_fail(&s.err);
    for (size_t i = 0; i < count; i++)
        drop(&s.parcels[i]);
    free(s.parcels);
    return st == DRN_OK && !s.stop && (s.next == count || drn_comm_rank(comm) > 0);
}
