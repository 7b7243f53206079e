/* A run as a user makes it: learns, stops, resumes to the same bits, survives what goes wrong. */
#include "base/fileio.h"
#include "base/mem.h"
#include "base/rng.h"
#include "drn/dataset.h"
#include "drn/image.h"
#include "drn/train.h"
#include "harness.h"
#include "io/safetensors.h"

#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* A folder with a few pictures of smooth shapes and edges. */
static const char *pictures(void)
{
    static char dir[128];
    drn_error err = {0};
    if (dir[0])
        return dir;
    snprintf(dir, sizeof dir, "%s/pictures", test_tmp_dir());
    CHECK_OK(drn_make_dirs(dir, &err), err);
    for (int k = 0; k < 4; k++) {
        drn_image *im;
        CHECK_OK(drn_image_new(&im, 70 + 3 * k, 64 + k, 3, DRN_U8, &err), err);
        for (int y = 0; y < im->height; y++)
            for (int x = 0; x < im->width; x++)
                for (int b = 0; b < 3; b++) {
                    double v = 128 + 60 * sin(0.2 * (k + 1) * x + b) + 60 * ((x / 9 + y / 7) % 2);
                    ((uint8_t *)im->data)[3 * (y * im->width + x) + b] = (uint8_t)(v < 0     ? 0
                                                                                   : v > 255 ? 255
                                                                                             : v);
                }
        char path[160];
        snprintf(path, sizeof path, "%s/p%d.ppm", dir, k);
        CHECK_OK(drn_image_write(im, path, NULL, &err), err);
        drn_image_free(im);
    }
    return dir;
}

static const char *recipe(void)
{
    static char path[128];
    drn_error err = {0};
    static const char text[] =
        "model: {scale: 4, channels: 8, modules: 1, dual: true, dual_channels: 8}\n"
        "loss: {kind: gs, dual_kind: gs, dual_start: 5}\n"
        "data: {patch: 8, batch: 2}\n"
        "train: {steps: 12, lr: 1e-3, warmup: 2, ema: 0.9, clip: 1, val_every: 4,\n"
        "        save_every: 3, threads: 2}\n";
    snprintf(path, sizeof path, "%s/recipe.yaml", test_tmp_dir());
    CHECK_OK(drn_file_write(path, text, sizeof text - 1, &err), err);
    return path;
}

typedef struct stopper {
    int64_t at; /* step to stop after; 0: never */
    bool kill;  /* by SIGKILL */
} stopper;

static bool on_step(void *ctx, const drn_train_progress *p)
{
    stopper *s = ctx;
    CHECK(isfinite(p->loss) && isfinite(p->grad_norm));
    if (s->at && p->step == s->at && s->kill)
        kill(getpid(), SIGKILL);
    return !s->at || p->step < s->at;
}

static drn_status train(const char *out, const char *const *set, size_t sets, bool resume,
                        stopper stop, drn_error *err)
{
    const char *data[] = {pictures()};
    drn_train_options o = {.recipe = recipe(),
                           .set = set,
                           .sets = sets,
                           .data = data,
                           .datas = 1,
                           .val = data,
                           .vals = 1,
                           .out = out,
                           .resume = resume,
                           .progress = on_step,
                           .progress_ctx = &stop};
    return drn_train(&o, err);
}

static char *run_dir(const char *name)
{
    return drn_path_join(test_tmp_dir(), name);
}

/* Two model files but for the metadata, which holds seconds. */
static bool equal_files(const char *a_dir, const char *b_dir, const char *name)
{
    drn_error err = {0};
    char *a = drn_path_join(a_dir, name), *b = drn_path_join(b_dir, name);
    void *x, *y;
    size_t n, m;
    CHECK_OK(drn_file_read(&x, &n, a, 1 << 30, &err), err);
    CHECK_OK(drn_file_read(&y, &m, b, 1 << 30, &err), err);
    uint64_t ha, hb;
    memcpy(&ha, x, 8);
    memcpy(&hb, y, 8);
    CHECK(n > 8 + ha);
    bool equal =
        n - ha == m - hb && memcmp((char *)x + 8 + ha, (char *)y + 8 + hb, n - 8 - ha) == 0;
    drn_free(a);
    drn_free(b);
    drn_free(x);
    drn_free(y);
    return equal;
}

static void same_file(const char *a_dir, const char *b_dir, const char *name)
{
    CHECK(equal_files(a_dir, b_dir, name));
}

static size_t count_lines(const char *dir)
{
    drn_error err = {0};
    char *path = drn_path_join(dir, "log.jsonl");
    void *text;
    size_t n, lines = 0;
    CHECK_OK(drn_file_read(&text, &n, path, 1 << 30, &err), err);
    for (size_t i = 0; i < n; i++)
        lines += ((char *)text)[i] == '\n';
    drn_free(text);
    drn_free(path);
    return lines;
}

static bool has_text(const char *dir, const char *name, const char *part)
{
    drn_error err = {0};
    char *path = drn_path_join(dir, name);
    void *text;
    size_t n;
    CHECK_OK(drn_file_read(&text, &n, path, 1 << 30, &err), err);
    bool found = memmem(text, n, part, strlen(part));
    drn_free(text);
    drn_free(path);
    return found;
}

TEST(resume_bits,
     "12 steps equal 7 steps, a stop, and 5 more, to the bit; with any number of threads")
{
    drn_error err = {0};
    char *a = run_dir("whole"), *b = run_dir("parts");
    const char *other[] = {"train.threads=1", "data.prefetch=0"};
    CHECK_OK(train(a, NULL, 0, false, (stopper){0}, &err), err);
    CHECK_INT(train(b, other, 2, false, (stopper){.at = 7}, &err), DRN_ERR_CANCELLED);
    CHECK_OK(train(b, NULL, 0, true, (stopper){0}, &err), err);
    same_file(a, b, "checkpoint.safetensors");
    same_file(a, b, "model.safetensors");
    same_file(a, b, "best.safetensors");
    CHECK_INT(count_lines(a), 12);
    CHECK_INT(count_lines(b), 12);
    drn_free(a);
    drn_free(b);
}

TEST(resume_degraded, "so it is with degraded patches, and they are other patches")
{
    drn_error err = {0};
    char *a = run_dir("degraded"), *b = run_dir("degraded_parts"), *c = run_dir("clean");
    const char *set[] = {"degrade.jpeg=0.8", "degrade.noise=0.5", "degrade.blur=0.5", "data.prefetch=3"};
    CHECK_OK(train(a, set, 4, false, (stopper){0}, &err), err);
    CHECK_INT(train(b, set, 3, false, (stopper){.at = 7}, &err), DRN_ERR_CANCELLED);
    CHECK_INT(train(b, set, 2, true, (stopper){0}, &err), DRN_ERR_INVALID);
    CHECK(strstr(err.message, "degrade.blur was 0.5, is 0"));
    CHECK_OK(train(b, set, 4, true, (stopper){0}, &err), err);
    same_file(a, b, "checkpoint.safetensors");
    CHECK_OK(train(c, NULL, 0, false, (stopper){0}, &err), err);
    CHECK(!equal_files(a, c, "checkpoint.safetensors"));
    drn_free(a);
    drn_free(b);
    drn_free(c);
}

TEST(resume_phases,
     "so it is with accumulation, skipped steps and every change of phase on the way")
{
    drn_error err = {0};
    char *a = run_dir("phases"), *b = run_dir("phase_parts");
    const char *set[] = {"data.sizes=6:12x1 11:8x3",  "train.accumulate=2", "train.spike=1.004",
                         "train.warm_levels_until=9", "loss.tail_start=14", "train.steps=60",
                         "loss.dual_start=17",        "train.save_every=7", "train.lr=1e-5"};
    CHECK_OK(train(a, set, 9, false, (stopper){0}, &err), err);
    for (int64_t stop = 5; stop < 60; stop += 6) /* before, at and after every change */
        CHECK_INT(train(b, set, 9, stop > 5, (stopper){.at = stop}, &err), DRN_ERR_CANCELLED);
    CHECK_OK(train(b, set, 9, true, (stopper){0}, &err), err);
    same_file(a, b, "checkpoint.safetensors");
    same_file(a, b, "model.safetensors");
    CHECK_INT(count_lines(a), 60);
    CHECK_INT(count_lines(b), 60);
    CHECK(has_text(a, "log.jsonl", "\"skipped\":"));
    drn_free(a);
    drn_free(b);
}

TEST(changed, "a run goes on only with the recipe it was started with; what differs is named")
{
    drn_error err = {0};
    char *a = run_dir("changed");
    const char *longer[] = {"train.steps=14", "train.val_every=3", "train.save_every=2", "name=x"},
               *other[] = {"train.lr=2e-3", "data.batch=3", "train.steps=20"};
    CHECK_INT(train(a, NULL, 0, false, (stopper){.at = 5}, &err), DRN_ERR_CANCELLED);
    CHECK_INT(train(a, other, 3, true, (stopper){0}, &err), DRN_ERR_INVALID);
    CHECK(strstr(err.message, "data.batch was 2, is 3; train.lr was 0.001, is 0.002"));
    CHECK(!strstr(err.message, "steps"));
    CHECK_OK(train(a, longer, 4, true, (stopper){0}, &err), err);
    CHECK_INT(count_lines(a), 14);
    drn_free(a);
}

TEST(time_limit, "a time limit ends a run with a checkpoint it goes on from")
{
    drn_error err = {0};
    char *a = run_dir("timed"), *b = run_dir("untimed");
    const char *data[] = {pictures()};
    const char *set[] = {"train.steps=200", "train.val_every=0", "train.save_every=1000"};
    drn_train_options o = {.recipe = recipe(),
                           .set = set,
                           .sets = 3,
                           .data = data,
                           .datas = 1,
                           .out = a,
                           .max_seconds = 1e-3};
    CHECK_OK(drn_train(&o, &err), err);
    size_t done = count_lines(a);
    CHECK(done >= 1 && done < 200);
    o.resume = true;
    o.max_seconds = 0;
    CHECK_OK(drn_train(&o, &err), err);
    o.resume = false;
    o.out = b;
    CHECK_OK(drn_train(&o, &err), err);
    same_file(a, b, "checkpoint.safetensors");
    drn_free(a);
    drn_free(b);
}

static drn_status train_on(const char *out, const char *source, const char *set, bool resume,
                           stopper stop, drn_error *err)
{
    const char *val[] = {pictures()};
    drn_train_options o = {.recipe = recipe(),
                           .set = &set,
                           .sets = set ? 1 : 0,
                           .data = &source,
                           .datas = source ? 1 : 0,
                           .val = val,
                           .vals = 1,
                           .out = out,
                           .resume = resume,
                           .progress = on_step,
                           .progress_ctx = &stop};
    return drn_train(&o, err);
}

TEST(sources, "a pack trains to the bits of its folder, and a run may go on with it")
{
    drn_error err = {0};
    char *a = run_dir("of_folder"), *b = run_dir("of_pack"), *pack = run_dir("p.pack");
    char set[200];
    const char *dirs[] = {pictures()};
    drn_status st = drn_pack_make(
        NULL, &(drn_pack_options){.dirs = dirs, .dir_count = 1, .out = pack, .reencode = true},
        &err);
    if (st == DRN_ERR_UNSUPPORTED)
        SKIP("built without LMDB");
    CHECK_OK(st, err);
    CHECK_OK(train_on(a, pictures(), NULL, false, (stopper){0}, &err), err);
    snprintf(set, sizeof set, "data.sources=%s", pack);
    CHECK_INT(train_on(b, NULL, set, false, (stopper){.at = 5}, &err), DRN_ERR_CANCELLED);
    CHECK_OK(train_on(b, pictures(), NULL, true, (stopper){0}, &err), err);
    same_file(a, b, "checkpoint.safetensors");
    CHECK_INT(train_on(b, NULL, NULL, true, (stopper){0}, &err), DRN_ERR_INVALID);
    CHECK(strstr(err.message, "--data"));
    CHECK(has_text(b, "recipe.yaml", "sources: \"/"));
    CHECK(!has_text(b, "model.safetensors", pictures())); /* a model tells nobody's paths */
    drn_free(pack);
    drn_free(a);
    drn_free(b);
}

TEST(other_pictures, "a run does not go on with other pictures, nor with another share of them")
{
    drn_error err = {0};
    char *a = run_dir("share"), *other = run_dir("other_pictures");
    CHECK_OK(drn_make_dirs(other, &err), err);
    char *from = drn_path_join(pictures(), "p0.ppm"), *to = drn_path_join(other, "q.ppm");
    drn_image *im;
    CHECK_OK(drn_image_read(&im, from, &err), err);
    CHECK_OK(drn_image_write(im, to, NULL, &err), err);
    CHECK_INT(train_on(a, pictures(), "data.ratio=0.5", false, (stopper){.at = 5}, &err),
              DRN_ERR_CANCELLED);
    CHECK_INT(train_on(a, pictures(), NULL, true, (stopper){0}, &err), DRN_ERR_INVALID);
    CHECK(strstr(err.message, "data.ratio was 0.5, is 1"));
    CHECK_INT(train_on(a, other, "data.ratio=0.5", true, (stopper){0}, &err), DRN_ERR_INVALID);
    CHECK(strstr(err.message, "trained on other pictures (2 pictures"));
    CHECK_OK(train_on(a, pictures(), "data.ratio=0.5", true, (stopper){0}, &err), err);
    drn_image_free(im);
    drn_free(from);
    drn_free(to);
    drn_free(other);
    drn_free(a);
}

TEST(one_process, "two processes cannot train one run at once")
{
    drn_error err = {0};
    char *a = run_dir("busy"), *log = drn_path_join(a, "log.jsonl");
    CHECK_INT(train(a, NULL, 0, false, (stopper){.at = 3}, &err), DRN_ERR_CANCELLED);
    int fd = open(log, O_RDWR);
    CHECK(fd >= 0 && flock(fd, LOCK_EX) == 0);
    CHECK_INT(train(a, NULL, 0, true, (stopper){0}, &err), DRN_ERR_INVALID);
    CHECK(strstr(err.message, "another process"));
    close(fd);
    CHECK_INT(count_lines(a), 3);
    CHECK_OK(train(a, NULL, 0, true, (stopper){0}, &err), err);
    drn_free(a);
    drn_free(log);
}

TEST(borrowed, "a x4 run starts from a x2 run's model and says so in its card")
{
    drn_error err = {0};
    char *a = run_dir("donor"), *b = run_dir("heir"), *best = drn_path_join(a, "model.safetensors");
    char from[200];
    snprintf(from, sizeof from, "train.init_from=%s", best);
    const char *x2[] = {"model.scale=2"}, *x4[] = {from, "train.init_new=copy"};
    CHECK_OK(train(a, x2, 1, false, (stopper){0}, &err), err);
    CHECK_INT(train(b, x4, 2, false, (stopper){.at = 4}, &err), DRN_ERR_CANCELLED);
    CHECK_OK(train(b, NULL, 0, true, (stopper){.at = 0}, &err), err);
    char *model = drn_path_join(b, "model.safetensors");
    drn_safetensors *st;
    CHECK_OK(drn_safetensors_open(&st, model, &err), err);
    const char *note = drn_safetensors_meta(st, "drn.init");
    CHECK(note && strstr(note, "14 tensors kept, 12 copied from its last block, 0 new"));
    drn_safetensors_free(st);
    drn_free(model);
    drn_free(best);
    drn_free(a);
    drn_free(b);
}

TEST(killed, "a run killed at any step goes on from its last checkpoint to the same bits")
{
    drn_error err = {0};
    char *a = run_dir("unkilled"), *b = run_dir("killed");
    CHECK_OK(train(a, NULL, 0, false, (stopper){0}, &err), err);
    const char *set[] = {"train.val_pictures=0"}; /* the child of a fork has not all threads */
    int64_t deaths[] = {4, 8, 11};
    for (int i = 0; i < 3; i++) {
        pid_t child = fork();
        if (child == 0) {
            (void)train(b, set, 1, i > 0, (stopper){.at = deaths[i], .kill = true}, &err);
            _exit(3); /* not reached */
        }
        int status;
        waitpid(child, &status, 0);
        CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    }
    CHECK_OK(train(b, NULL, 0, true, (stopper){0}, &err), err);
    same_file(a, b, "checkpoint.safetensors");
    CHECK_INT(count_lines(b), 12);
    drn_free(a);
    drn_free(b);
}

TEST(learns, "the loss falls and the model beats where it started")
{
    drn_error err = {0};
    char *a = run_dir("learns"), *path = drn_path_join(a, "log.jsonl");
    const char *set[] = {"train.steps=150", "loss.kind=mae", "model.dual=false",
                         "train.val_every=0"};
    CHECK_OK(train(a, set, 4, false, (stopper){0}, &err), err);
    FILE *f = fopen(path, "r");
    char line[1024];
    double first = 0, last = 0;
    for (int i = 0; f && fgets(line, sizeof line, f); i++) {
        double loss = atof(strstr(line, "\"loss\":") + 7);
        first += i < 20 ? loss : 0;
        last += i >= 130 ? loss : 0;
    }
    CHECK(f && last < 0.8 * first);
    fclose(f);
    drn_free(path);
    drn_free(a);
}

TEST(refused, "an existing run, a missing checkpoint, another architecture, no pictures and NaN "
              "are told apart")
{
    drn_error err = {0};
    char *a = run_dir("refused"), *none = run_dir("none");
    const char *wider[] = {"model.channels=9"},
               *hot[] = {"train.lr=1000", "train.warmup=0", "train.clip=0", "loss.kind=mse"};
    CHECK_INT(train(a, NULL, 0, true, (stopper){0}, &err), DRN_ERR_IO);
    CHECK_OK(train(a, NULL, 0, false, (stopper){0}, &err), err);
    CHECK_INT(train(a, NULL, 0, false, (stopper){0}, &err), DRN_ERR_INVALID);
    CHECK(strstr(err.message, "--resume"));
    CHECK_INT(train(a, wider, 1, true, (stopper){0}, &err), DRN_ERR_FORMAT);
    CHECK(strstr(err.message, "architecture"));
    CHECK_INT(train(none, hot, 4, false, (stopper){0}, &err), DRN_ERR_NUMERIC);
    CHECK(strstr(err.message, "not finite"));
    char *bare = run_dir("bare");
    CHECK_OK(drn_make_dirs(bare, &err), err);
    const char *empty[] = {bare};
    drn_train_options o = {
        .recipe = recipe(), .data = empty, .datas = 1, .val = empty, .vals = 1, .out = none};
    CHECK_INT(drn_train(&o, &err), DRN_ERR_INVALID);
    CHECK(strstr(err.message, "no pictures"));
    drn_free(bare);
    drn_free(a);
    drn_free(none);
}

TEST(full_disk, "a full disk ends the run and keeps the checkpoint before")
{
    drn_error err = {0};
    char *a = run_dir("full"), *checkpoint = drn_path_join(a, "checkpoint.safetensors");
    CHECK_INT(train(a, NULL, 0, false, (stopper){.at = 3}, &err), DRN_ERR_CANCELLED);
    pid_t child = fork();
    if (child == 0) {
        signal(SIGXFSZ, SIG_IGN);
        setrlimit(RLIMIT_FSIZE, &(struct rlimit){20000, 20000});
        const char *set[] = {"train.val_pictures=0"};
        drn_status st = train(a, set, 1, true, (stopper){0}, &err);
        _exit(st == DRN_ERR_IO && strstr(err.message, "File too large for the limit") ? 0 : 1);
    }
    int status;
    waitpid(child, &status, 0);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    CHECK_OK(train(a, NULL, 0, true, (stopper){0}, &err), err);
    CHECK(drn_path_exists(checkpoint));
    drn_free(checkpoint);
    drn_free(a);
}
