#include "cuda/meeting.h"

#include "base/fileio.h"
#include "base/mem.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

enum { MOST_BYTES = 1 << 18, PATH_BYTES = 1024 };

struct drn_meeting {
    int rank, world;
    uint64_t self, token; /* random; token: rank 0's */
    uint64_t same;
    double end, most; /* on the clock; seconds */
    bool failed;
    char file[PATH_BYTES];
};

/* What FILE.k says. */
typedef struct hello {
    int world;
    uint64_t self, token; /* token 0: has not read FILE yet */
} hello;

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void pause_a_little(void)
{
    nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
}

/* ---- names ---- */

/* The launcher's number of this job, so that two jobs in one folder do not meet. */
static void job_name(char *out, size_t size)
{
    static const char *const names[][2] = {{"DRN_JOB", NULL}, {"PMIX_NAMESPACE", NULL}, {"OMPI_MCA_ess_base_jobid", NULL},
                                           {"SLURM_JOB_ID", "SLURM_STEP_ID"}, {"TORCHELASTIC_RUN_ID", NULL}};
    size_t n = 0;
    snprintf(out, size, "run");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *a = getenv(names[i][0]), *b = names[i][1] ? getenv(names[i][1]) : NULL;
        if (a && *a) {
            snprintf(out, size, "%s%s%s", a, b ? "." : "", b ? b : "");
            break;
        }
    }
    for (; out[n]; n++)
        if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-", out[n]))
            out[n] = '_';
}

static drn_status name_file(drn_meeting *m, const char *folder, drn_error *err)
{
    const char *named = getenv("DRN_RENDEZVOUS"), *tmp = getenv("TMPDIR");
    char job[80];
    int n;
    job_name(job, sizeof job);
    if (named && *named && !drn_path_is_dir(named))
        n = snprintf(m->file, sizeof m->file, "%s", named);
    else
        n = snprintf(m->file, sizeof m->file, "%s/.drn-ranks-%s",
                     named && *named ? named : folder ? folder : tmp && *tmp ? tmp : "/tmp", job);
    if (n < 0 || (size_t)n + 32 > sizeof m->file)
        return drn_fail(err, DRN_ERR_INVALID, "DRN_RENDEZVOUS: the path is too long");
    return DRN_OK;
}

/* FILE, FILE.k, FILE.failed */
static void path_of(char out[PATH_BYTES], const drn_meeting *m, int rank, const char *suffix)
{
    if (suffix)
        snprintf(out, PATH_BYTES, "%.990s%s", m->file, suffix);
    else
        snprintf(out, PATH_BYTES, "%.990s.%d", m->file, rank);
}

static char *read_text(const char *path)
{
    void *data;
    size_t size;
    return drn_file_read(&data, &size, path, MOST_BYTES, NULL) == DRN_OK ? data : NULL;
}

/* ---- the files ---- */

static drn_status write_hello(const drn_meeting *m, drn_error *err)
{
    char path[PATH_BYTES], text[120];
    path_of(path, m, m->rank, NULL);
    int n = snprintf(text, sizeof text, "drn-rank 1 %d %016" PRIx64 " %016" PRIx64 "\n", m->world, m->self, m->token);
    return drn_file_write(path, text, (size_t)n, err);
}

static bool read_hello(hello *h, const drn_meeting *m, int rank)
{
    char path[PATH_BYTES];
    path_of(path, m, rank, NULL);
    char *text = read_text(path);
    bool ok = text && sscanf(text, "drn-rank 1 %5d %16" SCNx64 " %16" SCNx64, &h->world, &h->self, &h->token) == 3;
    drn_free(text);
    return ok;
}

/* Rank 0's answer: who is here, and when all know it, that it begins. */
static drn_status write_answer(const drn_meeting *m, const unsigned char *id, const hello *ranks, bool begin, drn_error *err)
{
    char *text;
    size_t size = 200 + 2 * DRN_NCCL_ID + 20 * (size_t)m->world, n = 0;
    DRN_TRY(drn_alloc_to(&text, size, 1, err));
    n += (size_t)snprintf(text, size, "drn-ranks 1 %d %d %016" PRIx64 " %016" PRIx64 " ", m->world, begin, m->token, m->same);
    for (int i = 0; i < DRN_NCCL_ID; i++)
        n += (size_t)snprintf(text + n, size - n, "%02x", id[i]);
    for (int k = 1; k < m->world; k++)
        n += (size_t)snprintf(text + n, size - n, "\n%016" PRIx64, ranks[k].self);
    n += (size_t)snprintf(text + n, size - n, "\n");
    drn_status st = drn_file_write(m->file, text, n, err);
    drn_free(text);
    return st;
}

typedef struct answer {
    int world, begin;
    uint64_t token, same;
    unsigned char id[DRN_NCCL_ID];
} answer;

/* Whether the text is an answer to this process. */
static bool parse_answer(answer *a, const drn_meeting *m, const char *text)
{
    uint64_t self = 0;
    int used = 0;
    if (sscanf(text, "drn-ranks 1 %5d %1d %16" SCNx64 " %16" SCNx64 " %n", &a->world, &a->begin, &a->token, &a->same,
               &used) != 4 || used == 0 || a->world != m->world)
        return false;
    text += used;
    for (int i = 0; i < DRN_NCCL_ID; i++, text += 2)
        if (sscanf(text, "%2hhx", &a->id[i]) != 1 || !text[1])
            return false;
    for (int k = 1; k <= m->rank; k++, text += used)
        if (sscanf(text, "%16" SCNx64 "%n", &self, &used) != 1)
            return false;
    return self == m->self;
}

static bool read_answer(answer *a, const drn_meeting *m)
{
    char *text = read_text(m->file);
    bool ok = text && parse_answer(a, m, text);
    drn_free(text);
    return ok;
}

/* ---- failing ---- */

void drn_meeting_fail(drn_meeting *m, const char *message)
{
    char path[PATH_BYTES], text[400];
    if (m->failed || !m->token || drn_meeting_failed(m, text, sizeof text)) /* the first is the cause */
        return;
    m->failed = true;
    path_of(path, m, 0, ".failed");
    int n = snprintf(text, sizeof text, "drn-failed 1 %016" PRIx64 " %d %.300s\n", m->token, m->rank, message);
    (void)drn_file_write(path, text, (size_t)n, NULL);
}

bool drn_meeting_failed(const drn_meeting *m, char *text, size_t size)
{
    char path[PATH_BYTES];
    uint64_t token = 0;
    int rank = 0, used = 0;
    path_of(path, m, 0, ".failed");
    char *all = read_text(path);
    bool failed = all && sscanf(all, "drn-failed 1 %16" SCNx64 " %5d %n", &token, &rank, &used) == 2 && used &&
                  token == m->token && rank != m->rank;
    if (failed)
        snprintf(text, size, "rank %d: %.*s", rank, (int)strcspn(all + used, "\n"), all + used);
    drn_free(all);
    return failed;
}

/* ---- meeting ---- */

static drn_status others_gave_up(const drn_meeting *m, drn_error *err)
{
    char text[300];
    return drn_meeting_failed(m, text, sizeof text) ? drn_fail(err, DRN_ERR_DEVICE, "%s", text) : DRN_OK;
}

static drn_status too_late(const drn_meeting *m, int whom, const hello *h, drn_error *err)
{
    if (h && h->self && h->world != m->world)
        return drn_fail(err, DRN_ERR_INVALID, "rank 0 is one of %d processes, rank %d one of %d", m->world, whom, h->world);
    return drn_fail(err, DRN_ERR_DEVICE,
                    "waited %.0f s for rank %d of %d at %.150s: all ranks need the same --out or DRN_RENDEZVOUS, in a folder "
                    "they share", m->most, whom, m->world, m->file);
}

static drn_status meet_first(drn_meeting *m, const unsigned char *id, hello *ranks, drn_error *err)
{
    char path[PATH_BYTES];
    m->token = m->self;
    path_of(path, m, 0, ".failed");
    (void)unlink(path);
    for (;;) {
        bool changed = false, all = true;
        int missing = 0;
        for (int k = m->world - 1; k > 0; k--) {
            hello h = {0};
            bool here = read_hello(&h, m, k) && h.world == m->world;
            changed |= here && h.self != ranks[k].self;
            all &= here && h.token == m->token;
            missing = here && h.token == m->token ? missing : k;
            if (h.self)
                ranks[k] = h; /* one that has left again is remembered for the message */
        }
        DRN_TRY(others_gave_up(m, err));
        if (all)
            return write_answer(m, id, ranks, true, err);
        if (changed)
            DRN_TRY(write_answer(m, id, ranks, false, err));
        if (now() > m->end)
            return too_late(m, missing, &ranks[missing], err);
        pause_a_little();
    }
}

static drn_status meet_others(drn_meeting *m, unsigned char *id, drn_error *err)
{
    answer a = {0};
    DRN_TRY(write_hello(m, err));
    for (;;) {
        if (read_answer(&a, m)) {
            bool known = m->token == a.token;
            m->token = a.token;
            if (a.same != m->same)
                return drn_fail(err, DRN_ERR_INVALID,
                                "this rank has another recipe, other pictures or another checkpoint than rank 0");
            if (!known)
                DRN_TRY(write_hello(m, err));
            if (a.begin) {
                memcpy(id, a.id, sizeof a.id);
                return DRN_OK;
            }
        }
        if (m->token)
            DRN_TRY(others_gave_up(m, err));
        if (now() > m->end)
            return too_late(m, 0, NULL, err);
        pause_a_little();
    }
}

static drn_status meet(drn_meeting *m, const char *folder, unsigned char *id, drn_error *err)
{
    const char *text = getenv("DRN_RENDEZVOUS_TIMEOUT");
    char *end = NULL;
    hello *ranks;
    m->most = text ? strtod(text, &end) : 300;
    if (text && (end == text || *end || !(m->most > 0)))
        return drn_fail(err, DRN_ERR_INVALID, "DRN_RENDEZVOUS_TIMEOUT is '%.40s', must be seconds", text);
    m->end = now() + m->most;
    DRN_TRY(name_file(m, folder, err));
    if (getrandom(&m->self, sizeof m->self, 0) != sizeof m->self)
        m->self = (uint64_t)(now() * 1e9) ^ (uint64_t)getpid() << 40;
    m->self |= 1; /* not 0 */
    if (m->rank > 0)
        return meet_others(m, id, err);
    DRN_TRY(drn_calloc_to(&ranks, (size_t)m->world, sizeof *ranks, err));
    drn_status st = meet_first(m, id, ranks, err);
    drn_free(ranks);
    return st;
}

drn_status drn_meeting_open(drn_meeting **out, const char *folder, const drn_cuda_ranks *r, unsigned char *id, uint64_t same,
                            drn_error *err)
{
    drn_meeting *m;
    drn_error local = {0};
    DRN_TRY(drn_calloc_to(&m, 1, sizeof *m, err));
    m->rank = r->rank;
    m->world = r->world;
    m->same = same;
    drn_status st = meet(m, folder, id, &local);
    if (st == DRN_OK) {
        *out = m;
        return DRN_OK;
    }
    drn_meeting_fail(m, local.message);
    drn_meeting_free(m);
    return drn_fail(err, st, "%s", local.message);
}

void drn_meeting_done(drn_meeting *m)
{
    char path[PATH_BYTES];
    path_of(path, m, m->rank, NULL);
    (void)unlink(m->rank ? path : m->file);
}

void drn_meeting_free(drn_meeting *m)
{
    if (m)
        drn_meeting_done(m);
    drn_free(m);
}
