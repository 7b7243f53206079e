/* Several GPUs: who a process is, meeting through files, and that ranks train as one process would.  On the emulated
 * device ranks are processes with a stand-in for NCCL; on a real one the library itself is used, by as many ranks as
 * there are GPUs for (at most two). */
#include "../unit/pictures.h"
#include "base/mem.h"
#include "cuda/meeting.h"
#include "device.h"
#include "drn/train.h"
#include "harness.h"
#include "train/trainer.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static void clear_environment(void)
{
    static const char *const names[] = {
        "DRN_RANK", "DRN_WORLD", "DRN_LOCAL_RANK", "OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_LOCAL_RANK",
        "PMI_RANK", "PMI_SIZE", "MPI_LOCALRANKID", "SLURM_PROCID", "SLURM_STEP_NUM_TASKS", "SLURM_NTASKS", "SLURM_LOCALID", "RANK",
        "WORLD_SIZE", "LOCAL_RANK", "DRN_RENDEZVOUS", "DRN_RENDEZVOUS_TIMEOUT", "DRN_NCCL_TIMEOUT", "DRN_NCCL_SINGLE",
        "FAKE_NCCL_PATIENCE"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        unsetenv(names[i]);
    setenv("DRN_JOB", "test", 1);
#ifdef FAKE_NCCL
    setenv("DRN_NCCL", FAKE_NCCL, 1);
    setenv("DRN_CUDA_DEVICE", "0", 1);
#endif
}

/* ---- a rank in a process of its own ---- */

enum { STEPS = 6, MOST_WEIGHTS = 1 << 16 };

typedef struct outcome {
    drn_status status;
    char message[600];
    double loss[STEPS], norm[STEPS];
    int granted_at; /* step after which the wish to stop was granted; -1 */
    size_t weights;
    float weight[MOST_WEIGHTS], average[MOST_WEIGHTS];
} outcome;

typedef struct task {
    drn_cuda_ranks ranks;
    const char *data, *folder;
    uint64_t same;
    int wish_at, fail_at, accumulate; /* steps; -1: never */
    bool sum, only_meet;
    const volatile int *others_done; /* only_meet: rank 1's granted_at */
} task;

static const task plain = {.ranks = {0, 1, 0}, .wish_at = -1, .fail_at = -1};

static drn_trainer_config config(const task *k, drn_cuda *device)
{
    return (drn_trainer_config){
        .model = {2, 8, 1, true, false, 8, DRN_SKIP_BICUBIC},
        .loss = {.kind = DRN_LOSS_GS, .dual_kind = DRN_LOSS_MAE, .lambda = 2, .charbonnier = 1e-3, .dual_true_lr = true, .sum = k->sum},
        .schedule = {.kind = DRN_SCHEDULE_COSINE, .lr = 2e-3, .steps = 200},
        .beta1 = 0.9,
        .beta2 = 0.99,
        .eps = 1e-8,
        .clip = 0.5,
        .ema = 0.9,
        .init_scale = 0.1,
        .batch = 4,
        .patch = 6,
        .accumulate = k->accumulate,
        .seed = 3,
        .threads = 1,
        .device = device,
        .ranks = k->ranks,
    };
}

static drn_status steps(outcome *o, drn_trainer *t, const task *k, drn_error *err)
{
    const int share = t->config.batch / k->ranks.world, each = k->accumulate > 1 ? k->accumulate : 1;
    for (int i = 0; i < STEPS; i++) {
        drn_step_result r;
        if (i == k->fail_at)
            return drn_fail(err, DRN_ERR_IO, "the disk of this rank is full");
        for (int b = 0; b < each; b++)
            DRN_TRY(drn_trainer_add_at(t, (uint64_t)((i * each + b) * t->config.batch + k->ranks.rank * share), DRN_AUGMENT_TURNS, err));
        (void)drn_trainer_wish(t, DRN_WISH_STOP, i == k->wish_at);
        DRN_TRY(drn_trainer_update(t, &r, err));
        o->loss[i] = r.loss;
        o->norm[i] = r.grad_norm;
        if (o->granted_at < 0 && drn_trainer_wish(t, DRN_WISH_STOP, false))
            o->granted_at = i;
    }
    return DRN_OK;
}

static drn_status meet(outcome *o, const task *k, drn_error *err)
{
    drn_meeting *m;
    unsigned char id[DRN_NCCL_ID] = {0};
    for (int i = 0; i < DRN_NCCL_ID && k->ranks.rank == 0; i++)
        id[i] = (unsigned char)(7 * i);
    DRN_TRY(drn_meeting_open(&m, k->folder, &k->ranks, id, 5, err));
    o->granted_at = 0;
    for (int i = 0; i < 6000 && k->others_done && *k->others_done < 0; i++)
        usleep(10000); /* what connecting does: nobody goes on before all are here */
    drn_meeting_done(m);
    drn_meeting_free(m);
    for (int i = 0; i < DRN_NCCL_ID; i++)
        if (id[i] != (unsigned char)(7 * i))
            return drn_fail(err, DRN_ERR_INTERNAL, "byte %d of the id is %d", i, id[i]);
    return DRN_OK;
}

static drn_status train(outcome *o, const task *k, drn_error *err)
{
    drn_cuda *d = NULL;
    drn_dataset *data = NULL;
    drn_trainer *t = NULL;
    drn_status st = DRN_OK;
    bool loaded;
    setenv("DRN_CUDA_TUNE", "0", 1);
    DRN_CHECK(drn_cuda_open(&d, DRN_NUMBERS_FP32, err));
    DRN_CHECK(drn_dataset_open(&data, &(drn_dataset_options){.dirs = (const char *[]){k->data}, .dir_count = 1}, err));
    drn_trainer_config c = config(k, d);
    DRN_CHECK(drn_trainer_new(&t, &c, err));
    DRN_CHECK(drn_trainer_load_pictures(t, data, &loaded, err));
    for (size_t i = 0; k->ranks.rank > 0 && i < t->params->elements; i++)
        ((float *)t->params->value)[i] *= 2; /* rank 0's have to win */
    t->host_newer = true;
    DRN_CHECK(drn_trainer_join(t, k->folder, k->same, err));
    DRN_CHECK(steps(o, t, k, err));
    DRN_CHECK(drn_trainer_pull(t, err));
    o->weights = t->params->elements < MOST_WEIGHTS ? t->params->elements : MOST_WEIGHTS;
    memcpy(o->weight, t->params->value, o->weights * sizeof(float));
    memcpy(o->average, t->adam.average, o->weights * sizeof(float));
done:
    if (st != DRN_OK && st != DRN_ERR_CANCELLED)
        drn_trainer_fail(t, err->message);
    drn_trainer_free(t);
    drn_dataset_free(data);
    drn_cuda_close(d);
    return st;
}

static outcome *new_outcome(void)
{
    outcome *o = mmap(NULL, sizeof *o, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(o != MAP_FAILED);
    o->granted_at = -1;
    o->status = DRN_ERR_INTERNAL;
    return o;
}

static void free_outcome(outcome *o)
{
    munmap(o, sizeof *o);
}

static pid_t start(outcome *o, const task *k)
{
    pid_t child = fork();
    CHECK(child >= 0);
    if (child > 0)
        return child;
    drn_error err = {0};
    o->status = k->only_meet ? meet(o, k, &err) : train(o, k, &err);
    snprintf(o->message, sizeof o->message, "%s", err.message);
    _exit(0);
}

static void finish(pid_t child)
{
    int status = 0;
    CHECK(waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static const char *pictures(void)
{
    static char dir[256];
    if (!dir[0]) {
        strcpy(dir, fresh_dir());
        for (int i = 0; i < 4; i++) {
            char name[16];
            snprintf(name, sizeof name, "%d.ppm", i);
            put_noise(dir, name, 45 + 7 * i, 60 - 5 * i, (uint64_t)i);
        }
    }
    return dir;
}

/* Skips where there is no GPU, or no NCCL; whatever else goes wrong is a failure. */
static void need(const outcome *o)
{
#ifndef FAKE_NCCL
    static const char *const missing[] = {"no GPU", "compute capability", "libnccl.so.2 was not found"};
    for (size_t i = 0; i < sizeof missing / sizeof *missing; i++)
        if (o->status == DRN_ERR_UNSUPPORTED || (o->status == DRN_ERR_DEVICE && strstr(o->message, missing[i])))
            test_skip(o->message);
#endif
    if (o->status != DRN_OK)
        test_fail(__FILE__, __LINE__, "failed with %d: %s", (int)o->status, o->message);
}

/* Before anything else opens the device in this process: a child could not use it then. */
static void two_gpus(void)
{
#ifndef FAKE_NCCL
    outcome *o = new_outcome();
    task k = plain;
    k.data = pictures();
    setenv("DRN_CUDA_DEVICE", "1", 1);
    finish(start(o, &k));
    unsetenv("DRN_CUDA_DEVICE");
    if (o->status != DRN_OK)
        test_skip(o->message);
    free_outcome(o);
#endif
}

static double distance(const float *a, const float *b, size_t n)
{
    double *want = drn_alloc(n * sizeof *want), e;
    CHECK(want);
    for (size_t i = 0; i < n; i++)
        want[i] = (double)b[i];
    e = relative_error(a, want, n);
    drn_free(want);
    return e;
}

static int files_in(const char *dir)
{
    char command[300];
    snprintf(command, sizeof command, "find '%s' -type f | wc -l", dir);
    FILE *f = popen(command, "r");
    int n = -1;
    CHECK(f && fscanf(f, "%d", &n) == 1);
    pclose(f);
    return n;
}

/* One rank, then `world` of them; both with the same samples. */
static void check_ranks(const char *name, task k, int world)
{
    outcome *want = new_outcome(), *got[4];
    pid_t child[4];
    char folder[300];
    clear_environment();
    two_gpus();
    strcpy(folder, fresh_dir());
    k.data = pictures();
    k.folder = folder;
    finish(start(want, &k));
    need(want);
    for (int i = 0; i < world; i++) {
        k.ranks = (drn_cuda_ranks){i, world, i};
        got[i] = new_outcome();
        child[i] = start(got[i], &k);
    }
    for (int i = 0; i < world; i++)
        finish(child[i]);
    for (int i = 0; i < world; i++) {
        need(got[i]);
        for (int s = 0; s < STEPS; s++)
            if (!(fabs(got[i]->loss[s] - want->loss[s]) <= 1e-4 * want->loss[s] &&
                  fabs(got[i]->norm[s] - want->norm[s]) <= 1e-3 * want->norm[s]))
                test_fail(__FILE__, __LINE__, "%s, rank %d, step %d: loss %.9g, norm %.9g; one rank has %.9g, %.9g", name, i, s,
                          got[i]->loss[s], got[i]->norm[s], want->loss[s], want->norm[s]);
        CHECK(memcmp(got[i]->weight, got[0]->weight, got[0]->weights * sizeof(float)) == 0);
        CHECK(memcmp(got[i]->average, got[0]->average, got[0]->weights * sizeof(float)) == 0);
        double off = distance(got[i]->weight, want->weight, want->weights);
        if (!(off < 2e-3))
            test_fail(__FILE__, __LINE__, "%s, rank %d: weights off by %g", name, i, off);
    }
    CHECK_INT(files_in(folder), 0);
    for (int i = 0; i < world; i++)
        free_outcome(got[i]);
    free_outcome(want);
}

TEST(as_one, "two ranks train as one process does, and their weights have the same bits")
{
    task k = plain;
    check_ranks("a batch", k, 2);
    k.accumulate = 2;
    check_ranks("two batches a step", k, 2);
    k = plain;
    k.sum = true;
    check_ranks("sums", k, 2);
}

#ifdef FAKE_NCCL

TEST(four, "four ranks, too")
{
    check_ranks("four", plain, 4);
}

/* Two ranks that train with what `change` does to rank 1's task. */
static void run_two(outcome *got[2], task k, void (*change)(task *k))
{
    char folder[300];
    pid_t child[2];
    strcpy(folder, fresh_dir());
    k.data = pictures();
    k.folder = folder;
    for (int i = 0; i < 2; i++) {
        k.ranks = (drn_cuda_ranks){i, 2, i};
        if (i == 1)
            change(&k);
        got[i] = new_outcome();
        child[i] = start(got[i], &k);
    }
    for (int i = 0; i < 2; i++)
        finish(child[i]);
}

static void expect(const outcome *o, drn_status status, const char *text)
{
    if (o->status != status || !strstr(o->message, text))
        test_fail(__FILE__, __LINE__, "ended with %d (%s), expected %d and '%s'", (int)o->status, o->message, (int)status, text);
}

static void wish(task *k)
{
    k->wish_at = 2;
}

TEST(wishes, "one rank's wish to stop is granted to all after the same step")
{
    outcome *got[2];
    clear_environment();
    run_two(got, plain, wish);
    for (int i = 0; i < 2; i++) {
        CHECK_INT(got[i]->status, DRN_OK);
        CHECK_INT(got[i]->granted_at, 2);
        free_outcome(got[i]);
    }
}

static void fail_early(task *k)
{
    k->fail_at = 1;
}

static void fail_late(task *k)
{
    k->fail_at = 4; /* the step is captured by then */
}

TEST(failing, "a rank that fails ends the other with its message")
{
    void (*const changes[])(task *) = {fail_early, fail_late};
    for (int i = 0; i < 2; i++) {
        outcome *got[2];
        clear_environment();
        setenv("FAKE_NCCL_PATIENCE", "3", 1);
        run_two(got, plain, changes[i]);
        expect(got[1], DRN_ERR_IO, "the disk of this rank is full");
        expect(got[0], DRN_ERR_DEVICE, "rank 1: the disk of this rank is full");
        free_outcome(got[0]);
        free_outcome(got[1]);
    }
    clear_environment();
}

static void be_another(task *k)
{
    k->same = 77;
}

TEST(not_same, "ranks with other pictures or another step do not start")
{
    outcome *got[2];
    clear_environment();
    run_two(got, plain, be_another);
    expect(got[1], DRN_ERR_INVALID, "this rank has another recipe");
    expect(got[0], DRN_ERR_DEVICE, "rank 1: this rank has another recipe");
    free_outcome(got[0]);
    free_outcome(got[1]);
}

static void be_of_four(task *k)
{
    k->ranks = (drn_cuda_ranks){1, 4, 1};
}

TEST(worlds, "ranks that do not agree how many they are say so")
{
    outcome *got[2];
    task k = plain;
    k.only_meet = true;
    clear_environment();
    setenv("DRN_RENDEZVOUS_TIMEOUT", "4", 1);
    run_two(got, k, be_of_four);
    expect(got[0], DRN_ERR_INVALID, "rank 0 is one of 2 processes, rank 1 one of 4");
    expect(got[1], DRN_ERR_DEVICE, "waited 4 s for rank 0 of 4");
    free_outcome(got[0]);
    free_outcome(got[1]);
    clear_environment();
}

TEST(alone, "a rank whose others do not come says whom it waited for, and where")
{
    clear_environment();
    setenv("DRN_RENDEZVOUS_TIMEOUT", "0.3", 1);
    for (int i = 0; i < 2; i++) {
        outcome *o = new_outcome();
        char folder[300];
        strcpy(folder, fresh_dir());
        task k = plain;
        k.data = pictures();
        k.folder = folder;
        k.ranks = (drn_cuda_ranks){i, 2, i};
        finish(start(o, &k));
        expect(o, DRN_ERR_DEVICE, i ? "for rank 0 of 2" : "for rank 1 of 2");
        CHECK(strstr(o->message, "DRN_RENDEZVOUS"));
        CHECK(strstr(o->message, folder));
        CHECK_INT(files_in(folder) <= 1, 1); /* the message for the others */
        free_outcome(o);
    }
    clear_environment();
}

TEST(library, "without the library, or with a wrong limit, training with several ranks does not start")
{
    task k = plain;
    outcome *o = new_outcome();
    k.data = pictures();
    k.ranks.world = 2;
    clear_environment();
    unsetenv("DRN_NCCL");
    finish(start(o, &k));
    expect(o, DRN_ERR_DEVICE, "libnccl.so.2 was not found");
    clear_environment();
    setenv("DRN_NCCL_TIMEOUT", "soon", 1);
    finish(start(o, &k));
    expect(o, DRN_ERR_INVALID, "DRN_NCCL_TIMEOUT is 'soon'");
    clear_environment();
    free_outcome(o);
}

TEST(uneven, "a batch that cannot be split is refused")
{
    task k = plain;
    outcome *o = new_outcome();
    clear_environment();
    k.data = pictures();
    k.ranks.world = 3;
    finish(start(o, &k));
    expect(o, DRN_ERR_INVALID, "data.batch: 4 samples cannot be split evenly over 3 ranks");
    free_outcome(o);
}

/* ---- whole runs ---- */

typedef struct run_task {
    const char *out;
    int rank, world, stop_at;
    bool resume;
} run_task;

static bool on_progress(void *ctx, const drn_train_progress *p)
{
    const run_task *k = ctx;
    return p->step != k->stop_at;
}

static pid_t start_run(outcome *o, run_task k)
{
    const char *const sets[] = {"model.scale=2",    "model.channels=8", "model.modules=1", "data.batch=4",      "data.patch=6",
                                "train.steps=6",    "train.threads=1",  "train.val_every=3", "train.val_images=2", "train.save_every=2",
                                "data.sizes=5:8x2", "train.warm_levels_until=0"};
    const char *data = pictures(), *val = pictures();
    drn_error err = {0};
    char number[12];
    pid_t child = fork();
    CHECK(child >= 0);
    if (child > 0)
        return child;
    snprintf(number, sizeof number, "%d", k.rank);
    setenv("DRN_RANK", number, 1);
    snprintf(number, sizeof number, "%d", k.world);
    setenv("DRN_WORLD", number, 1);
    setenv("DRN_CUDA_TUNE", "0", 1);
    drn_train_options t = {.recipe = "compact-x4", .set = sets, .sets = sizeof sets / sizeof *sets, .data = &data, .datas = 1, .val = &val,
                           .vals = 1, .out = k.out, .resume = k.resume, .progress = on_progress, .progress_ctx = &k,
                           .device = DRN_DEVICE_CUDA, .numbers = DRN_NUMBERS_FP32};
    o->status = drn_train(&t, &err);
    snprintf(o->message, sizeof o->message, "%s", err.message);
    _exit(0);
}

static void run_ranks(outcome *got[2], const char *out, int world, int stopping_rank, int stop_at, bool resume)
{
    pid_t child[2];
    for (int i = 0; i < world; i++) {
        got[i] = new_outcome();
        child[i] = start_run(got[i], (run_task){out, i, world, i == stopping_rank ? stop_at : -1, resume});
    }
    for (int i = 0; i < world; i++)
        finish(child[i]);
}

/* Losses of the log, which has to be of the steps 1, 2, ... */
static int read_log(double *loss, const char *dir, int most)
{
    char path[400], line[600];
    int n = 0, step;
    snprintf(path, sizeof path, "%s/log.jsonl", dir);
    FILE *f = fopen(path, "r");
    CHECK(f);
    while (fgets(line, sizeof line, f)) {
        CHECK(n < most && sscanf(line, "{\"step\":%d,\"loss\":%lf", &step, &loss[n]) == 2);
        CHECK_INT(step, ++n);
    }
    fclose(f);
    return n;
}

TEST(runs, "a run of two ranks, stopped by rank 1 and resumed, has the losses of one process and one set of files")
{
    outcome *got[2];
    char one[300], two[300];
    double want[8], have[8];
    clear_environment();
    strcpy(one, fresh_dir());
    strcpy(two, fresh_dir());
    run_ranks(got, one, 1, -1, -1, false);
    need(got[0]);
    run_ranks(got, two, 2, 1, 3, false);
    for (int i = 0; i < 2; i++)
        expect(got[i], DRN_ERR_CANCELLED, "stopped at step 4"); /* the wish travels with the next step */
    run_ranks(got, two, 2, -1, -1, true);
    for (int i = 0; i < 2; i++)
        need(got[i]);
    int n = read_log(want, one, 8);
    CHECK_INT(n, 6);
    CHECK_INT(read_log(have, two, 8), 6);
    for (int i = 0; i < n; i++)
        if (!(fabs(have[i] - want[i]) <= 1e-4 * want[i]))
            test_fail(__FILE__, __LINE__, "step %d: loss %.9g, one process has %.9g", i + 1, have[i], want[i]);
    CHECK_INT(files_in(two), files_in(one) + 1); /* an event file a process */
}

/* ---- meeting ---- */

/* What a killed run, a stranger or a full disk may have left under the names of a meeting. */
TEST(stale, "files that are left from other runs, or hold anything else, are passed over")
{
    static const char *const leftovers[] = {
        "", "x", "drn-rank 1", "drn-rank 1 2 00000000000000aa 00000000000000bb\n", "drn-rank 1 4 00000000000000aa 0000000000000000\n",
        "drn-ranks 1 2 1 00000000000000aa 0000000000000000 ff", "drn-ranks 1 2 1 00000000000000aa 0000000000000000 \n",
        "drn-failed 1 00000000000000aa 1 an old trouble\n", "drn-ranks 1 99999999999 9 zz\n"};
    for (size_t i = 0; i < sizeof leftovers / sizeof *leftovers; i++) {
        outcome *got[2];
        pid_t child[2];
        char folder[300], path[400];
        strcpy(folder, fresh_dir());
        clear_environment();
        snprintf(path, sizeof path, "%s/meet", folder);
        setenv("DRN_RENDEZVOUS", path, 1);
        put_text(folder, "meet", leftovers[i]);
        put_text(folder, "meet.1", leftovers[i]);
        put_text(folder, "meet.failed", leftovers[i]);
        task k = plain;
        k.only_meet = true;
        got[0] = new_outcome();
        got[1] = new_outcome();
        for (int r = 0; r < 2; r++) {
            k.ranks = (drn_cuda_ranks){r, 2, r};
            k.others_done = r == 0 ? &got[1]->granted_at : NULL;
            child[r] = start(got[r], &k);
            usleep(150000); /* so that rank 0 meets what was left first */
        }
        for (int r = 0; r < 2; r++) {
            finish(child[r]);
            need(got[r]);
            free_outcome(got[r]);
        }
        CHECK_INT(files_in(folder), 0);
    }
    clear_environment();
}

TEST(broken_off, "a meeting that was broken off does not spoil the next one")
{
    char folder[300];
    strcpy(folder, fresh_dir());
    clear_environment();
    task k = plain;
    k.only_meet = true;
    k.folder = folder;
    for (int r = 1; r >= 0; r--) { /* ranks of runs that end alone, killed while they wait */
        k.ranks = (drn_cuda_ranks){r, 2, r};
        outcome *o = new_outcome();
        pid_t child = start(o, &k);
        usleep(300000);
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
        free_outcome(o);
    }
    outcome *got[2];
    pid_t child[2];
    CHECK(files_in(folder) > 0);
    got[0] = new_outcome();
    got[1] = new_outcome();
    for (int r = 1; r >= 0; r--) {
        k.ranks = (drn_cuda_ranks){r, 2, r};
        k.others_done = r == 0 ? &got[1]->granted_at : NULL;
        child[r] = start(got[r], &k);
    }
    for (int r = 0; r < 2; r++) {
        finish(child[r]);
        need(got[r]);
        free_outcome(got[r]);
    }
    CHECK_INT(files_in(folder), 0);
}

TEST(unwritable, "a folder that cannot be written to is an error at once")
{
    char folder[300];
    drn_error err = {0};
    drn_meeting *m;
    unsigned char id[DRN_NCCL_ID] = {0};
    clear_environment();
    snprintf(folder, sizeof folder, "%s/not there", fresh_dir());
    CHECK_INT(drn_meeting_open(&m, folder, &(drn_cuda_ranks){1, 2, 1}, id, 0, &err), DRN_ERR_IO);
    CHECK(strstr(err.message, "not there"));
    setenv("DRN_RENDEZVOUS_TIMEOUT", "-1", 1);
    CHECK_INT(drn_meeting_open(&m, folder, &(drn_cuda_ranks){1, 2, 1}, id, 0, &err), DRN_ERR_INVALID);
    clear_environment();
}

#endif

/* ---- one rank through the library ---- */

TEST(single, "one rank through the library has the bits of one without")
{
    outcome *want = new_outcome(), *got = new_outcome();
    task k = plain;
    clear_environment();
    k.data = pictures();
    finish(start(want, &k));
    need(want);
    setenv("DRN_NCCL_SINGLE", "1", 1);
    finish(start(got, &k));
    clear_environment();
    need(got);
    CHECK(memcmp(got->loss, want->loss, sizeof want->loss) == 0);
    CHECK(memcmp(got->norm, want->norm, sizeof want->norm) == 0);
    CHECK(memcmp(got->weight, want->weight, want->weights * sizeof(float)) == 0);
    CHECK(memcmp(got->average, want->average, want->weights * sizeof(float)) == 0);
    setenv("DRN_NCCL_SINGLE", "1", 1);
    k.wish_at = 3;
    k.accumulate = 2;
    finish(start(got, &k));
    clear_environment();
    need(got);
    CHECK_INT(got->granted_at, 3);
    free_outcome(got);
    free_outcome(want);
}

/* ---- who a process is ---- */

static drn_status ask(drn_cuda_ranks *r, const char *const *variables, drn_error *err)
{
    clear_environment();
    for (; *variables; variables += 2)
        setenv(variables[0], variables[1], 1);
    drn_status st = drn_cuda_ranks_get(r, err);
    clear_environment();
    return st;
}

TEST(launchers, "rank and number of ranks come from the launcher's variables")
{
    static const struct {
        const char *const variables[10];
        int rank, world, local;
    } cases[] = {
        {{NULL}, 0, 1, 0},
        {{"DRN_RANK", "2", "DRN_WORLD", "3"}, 2, 3, 2},
        {{"DRN_RANK", "5", "DRN_WORLD", "8", "DRN_LOCAL_RANK", "1"}, 5, 8, 1},
        {{"DRN_RANK", "0", "DRN_WORLD", "1", "OMPI_COMM_WORLD_RANK", "1", "OMPI_COMM_WORLD_SIZE", "2"}, 0, 1, 0},
        {{"OMPI_COMM_WORLD_RANK", "1", "OMPI_COMM_WORLD_SIZE", "2", "OMPI_COMM_WORLD_LOCAL_RANK", "0", "SLURM_PROCID", "0"}, 1, 2, 0},
        {{"PMI_RANK", "1", "PMI_SIZE", "4", "MPI_LOCALRANKID", "1"}, 1, 4, 1},
        {{"SLURM_PROCID", "7", "SLURM_STEP_NUM_TASKS", "16", "SLURM_LOCALID", "3"}, 7, 16, 3},
        {{"SLURM_PROCID", "0", "SLURM_NTASKS", "16"}, 0, 1, 0}, /* a batch script, itself one process */
        {{"RANK", "3", "WORLD_SIZE", "4", "LOCAL_RANK", "1"}, 3, 4, 1},
        {{"RANK", "3"}, 0, 1, 0},
        {{"DRN_RANK", "", "DRN_WORLD", ""}, 0, 1, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        drn_cuda_ranks r;
        drn_error err = {0};
        CHECK_OK(ask(&r, cases[i].variables, &err), err);
        CHECK_INT(r.rank, cases[i].rank);
        CHECK_INT(r.world, cases[i].world);
        CHECK_INT(r.local, cases[i].local);
    }
}

TEST(nonsense, "variables that make no sense are errors that name them")
{
    static const struct {
        const char *const variables[8];
        const char *said;
    } cases[] = {
        {{"DRN_RANK", "1"}, "DRN_WORLD is not"},
        {{"DRN_WORLD", "2"}, "DRN_RANK is not"},
        {{"DRN_RANK", "2", "DRN_WORLD", "2"}, "ranks count from 0"},
        {{"DRN_RANK", "0", "DRN_WORLD", "0"}, "DRN_WORLD is 0"},
        {{"DRN_RANK", "-1", "DRN_WORLD", "2"}, "DRN_RANK is '-1'"},
        {{"DRN_RANK", "one", "DRN_WORLD", "2"}, "DRN_RANK is 'one'"},
        {{"DRN_RANK", "1x", "DRN_WORLD", "2"}, "DRN_RANK is '1x'"},
        {{"DRN_RANK", "1", "DRN_WORLD", "99999999999999999999"}, "DRN_WORLD is '9999"},
        {{"OMPI_COMM_WORLD_RANK", "4", "OMPI_COMM_WORLD_SIZE", "4"}, "OMPI_COMM_WORLD_RANK is 4"},
        {{"RANK", "0", "WORLD_SIZE", "2", "LOCAL_RANK", "x"}, "LOCAL_RANK is 'x'"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        drn_cuda_ranks r;
        drn_error err = {0};
        CHECK_INT(ask(&r, cases[i].variables, &err), DRN_ERR_INVALID);
        if (!strstr(err.message, cases[i].said))
            test_fail(__FILE__, __LINE__, "'%s' does not say '%s'", err.message, cases[i].said);
    }
}
