/* Studies as a user makes them: whole, stopped and resumed; adaptation; the bound. */
#include "data/dataset.h"
#include "drn/metrics.h"
#include "drn/study.h"
#include "drn/upscale.h"
#include "pictures.h"
#include "random_model.h"
#include "study/adapt_net.h"
#include "study/rademacher.h"

#include <jansson.h>
#include <stdlib.h>

/* ---- a study ---- */

static const char *pictures(void)
{
    static char dir[256];
    if (dir[0])
        return dir;
    snprintf(dir, sizeof dir, "%s/hr", test_tmp_dir());
    drn_error err = {0};
    CHECK_OK(drn_make_dirs(dir, &err), err);
    put_noise(dir, "a.png", 64, 60, 1);
    put_noise(dir, "b.png", 48, 57, 2);
    return dir;
}

static const char *recipe(void)
{
    static char path[256];
    static const char text[] =
        "model: {scale: 4, channels: 8, modules: 1, dual_channels: 8}\n"
        "loss: {kind: gs, dual_kind: gs}\n"
        "data: {patch: 8, batch: 2}\n"
        "train: {steps: 4, ema: 0.9, val_every: 0, save_every: 2, seed: 3}\n";
    drn_error err = {0};
    snprintf(path, sizeof path, "%s/recipe.yaml", test_tmp_dir());
    CHECK_OK(drn_file_write(path, text, sizeof text - 1, &err), err);
    return path;
}

typedef struct watch {
    int steps, stop_at; /* training steps seen; stop after so many (0: never) */
} watch;

static bool on_step(void *ctx, const drn_train_progress *p)
{
    watch *w = ctx;
    (void)p;
    return ++w->steps != w->stop_at;
}

static drn_status study(const char *out, int64_t steps, bool resume, watch *w, drn_error *err)
{
    char path[300];
    const char *dirs[] = {pictures()};
    snprintf(path, sizeof path, "%s/%s", test_tmp_dir(), out);
    drn_study_options o = {.kind = DRN_STUDY_TABLE4,
                           .recipe = recipe(),
                           .data = dirs,
                           .datas = 1,
                           .test = dirs,
                           .tests = 1,
                           .out = path,
                           .seeds = 2,
                           .steps = steps,
                           .resume = resume,
                           .progress = on_step,
                           .ctx = w};
    return drn_study(&o, err);
}

static json_t *results(const char *out)
{
    char path[300];
    json_error_t je;
    snprintf(path, sizeof path, "%s/%s/results.json", test_tmp_dir(), out);
    json_t *root = json_load_file(path, 0, &je);
    if (!root)
        test_fail(__FILE__, __LINE__, "%s: %s", path, je.text);
    return root;
}

static double psnr_in(const json_t *root, size_t variant, size_t run)
{
    const json_t *v = json_array_get(json_object_get(root, "variants"), variant),
                 *r = json_array_get(json_object_get(v, "runs"), run),
                 *s = json_array_get(json_object_get(r, "scores"), 0);
    return json_real_value(json_object_get(s, "psnr"));
}

/* The standard protocol on the two pictures, by public calls. */
static double psnr_of(const char *model)
{
    static const char *const names[] = {"a.png", "b.png"};
    drn_error err = {0};
    drn_model *m;
    double sum = 0;
    CHECK_OK(drn_model_load(&m, model, &err), err);
    for (int i = 0; i < 2; i++) {
        drn_image *hr, *lr, *sr;
        drn_metric_values q;
        char *path = drn_path_join(pictures(), names[i]);
        CHECK_OK(drn_image_read(&hr, path, &err), err);
        CHECK_OK(drn_protocol_lr(&lr, hr, 4, NULL, &err), err);
        CHECK_OK(drn_upscale(&sr, lr, m, NULL, &err), err);
        CHECK_OK(drn_protocol_score(&q, sr, hr, 4, NULL, &err), err);
        sum += q.psnr / 2;
        drn_image_free(hr);
        drn_image_free(lr);
        drn_image_free(sr);
        drn_free(path);
    }
    drn_model_free(m);
    return sum;
}

TEST(whole,
     "a study trains every variant with every seed once, and its table holds the models' scores")
{
    static const char *const names[] = {"plain", "dual", "progressive", "dual-progressive"};
    drn_error err = {0};
    watch w = {0};
    CHECK_OK(study("whole", 0, false, &w, &err), err);
    CHECK_INT(w.steps, 4 * 2 * 4);
    json_t *root = results("whole");
    CHECK_INT(json_integer_value(json_object_get(root, "seeds")), 2);
    for (size_t v = 0; v < 4; v++)
        for (size_t k = 0; k < 2; k++) {
            char path[300];
            snprintf(path, sizeof path, "%s/whole/runs/%s-s%zu/model.safetensors", test_tmp_dir(),
                     names[v], k + 3);
            CHECK_NEAR(psnr_in(root, v, k), psnr_of(path), 1e-6);
        }
    CHECK(psnr_in(root, 0, 0) != psnr_in(root, 0, 1));
    CHECK(psnr_in(root, 0, 0) != psnr_in(root, 2, 0));
    json_decref(root);
}

TEST(resumed,
     "stopped in the third run and resumed, a study has the numbers of an uninterrupted one")
{
    drn_error err = {0};
    watch w = {.stop_at = 11};
    CHECK_INT(study("cut", 0, false, &w, &err), DRN_ERR_CANCELLED);
    w = (watch){0};
    CHECK_INT(study("cut", 0, false, &w, &err), DRN_ERR_INVALID); /* not without --resume */
    w = (watch){0};
    CHECK_OK(study("cut", 0, true, &w, &err), err);
    CHECK_INT(w.steps, 4 * 2 * 4 - 11);
    json_t *a = results("whole"), *b = results("cut");
    for (size_t v = 0; v < 4; v++)
        for (size_t k = 0; k < 2; k++)
            CHECK_NEAR(psnr_in(a, v, k), psnr_in(b, v, k), 0);
    json_decref(a);
    json_decref(b);
    w = (watch){0};
    CHECK_OK(study("cut", 0, true, &w, &err), err); /* all is done: only measured */
    CHECK_INT(w.steps, 0);
    CHECK_INT(study("cut", 5, true, &w, &err), DRN_ERR_INVALID);
    CHECK(strstr(err.message, "4 steps, this study has 5"));
}

/* ---- adaptation ---- */

static char *dual_model(bool dual, const char *name)
{
    drn_config c = {.scale = 4,
                    .channels = 8,
                    .modules = 1,
                    .progressive = true,
                    .dual = dual,
                    .dual_channels = 8};
    drn_params *p;
    random_params(&p, &c);
    char *path = write_params(p, &c, name, DRN_ST_F32);
    drn_params_free(p);
    return path;
}

static char adapt_out[300];

static drn_adapt_options adapt_options(const char *model, const char *const *dirs)
{
    snprintf(adapt_out, sizeof adapt_out, "%s/adapted", test_tmp_dir());
    return (drn_adapt_options){.model = model,
                               .data = dirs,
                               .datas = 1,
                               .degrade = DRN_DEGRADE_NEAREST,
                               .blur_sigma = 1.6,
                               .loss = "mae",
                               .lambda = 2,
                               .dual_weight = 1,
                               .pretrain = -1,
                               .steps = 60,
                               .lr = 2e-3,
                               .dual_lr = 2e-3,
                               .batch = 2,
                               .patch = 8,
                               .seed = 1,
                               .threads = 2,
                               .out = adapt_out};
}

/* Parameters of the adapted model whose bits differ from those of the model it came from. */
static void changes(size_t *primal, size_t *dual, const char *before)
{
    drn_error err = {0};
    drn_model *a, *b;
    char *after = drn_path_join(adapt_out, "model.safetensors");
    *primal = *dual = 0;
    CHECK_OK(drn_model_load(&a, before, &err), err);
    CHECK_OK(drn_model_load(&b, after, &err), err);
    for (size_t i = 0; i < a->params->count; i++) {
        const drn_param *q = &a->params->list[i], *r = drn_params_find(b->params, q->name);
        bool differs = memcmp(drn_params_value(a->params, q), drn_params_value(b->params, r),
                              q->count * sizeof(float)) != 0;
        *(strncmp(q->name, "dual", 4) == 0 ? dual : primal) += differs;
    }
    drn_model_free(a);
    drn_model_free(b);
    drn_free(after);
}

static double loop(const char *key)
{
    json_t *root = results("adapted");
    double v = json_real_value(json_object_get(root, key));
    json_decref(root);
    return v;
}

/* Mean of a number of log.jsonl over lines from..to-1. */
static double log_mean(const char *key, int from, int to)
{
    char *path = drn_path_join(adapt_out, "log.jsonl"), line[256];
    double sum = 0;
    FILE *f = fopen(path, "r");
    CHECK(f);
    for (int n = 0; n < to; n++) {
        CHECK(fgets(line, sizeof line, f));
        sum += n >= from ? atof(strstr(line, key) + strlen(key) + 2) : 0;
    }
    fclose(f);
    drn_free(path);
    return sum / (to - from);
}

TEST(frozen, "without pairs the closed loop closes; frozen dual models keep their bits")
{
    drn_error err = {0};
    const char *dirs[] = {pictures()};
    char *model = dual_model(true, "with.safetensors");
    size_t primal, dual;
    drn_adapt_options o = adapt_options(model, dirs);
    o.steps = 300;
    CHECK_OK(drn_adapt(&o, &err), err);
    changes(&primal, &dual, model);
    CHECK(primal > 5);
    CHECK_INT(dual, 0);
    CHECK(log_mean("unpaired", 280, 300) < 0.7 * log_mean("unpaired", 0, 20));
    CHECK(loop("loop_after") < loop("loop_before"));
    o.joint = true;
    o.steps = 5;
    CHECK_OK(drn_adapt(&o, &err), err);
    changes(&primal, &dual, model);
    CHECK_INT(dual, 8);
    o.steps = 0;
    CHECK_OK(drn_adapt(&o, &err), err);
    changes(&primal, &dual, model);
    CHECK_INT(primal + dual, 0);
    CHECK_NEAR(loop("loop_after"), loop("loop_before"), 0);
    drn_free(model);
}

TEST(pretrained, "a model without dual models gets some from pairs, which alone learn before")
{
    drn_error err = {0};
    const char *dirs[] = {pictures()};
    char *model = dual_model(false, "without.safetensors");
    size_t primal, dual;
    drn_adapt_options o = adapt_options(model, dirs);
    CHECK_INT(drn_adapt(&o, &err), DRN_ERR_INVALID);
    CHECK(strstr(err.message, "--paired"));
    o.paired = dirs;
    o.paireds = 1;
    o.pretrain = 80;
    o.steps = 0;
    CHECK_OK(drn_adapt(&o, &err), err);
    changes(&primal, &dual, model);
    CHECK_INT(primal, 0);
    o.steps = 3;
    o.test = dirs;
    o.tests = 1;
    CHECK_OK(drn_adapt(&o, &err), err);
    changes(&primal, &dual, model);
    CHECK(primal > 5);
    json_t *root = results("adapted"), *tests = json_object_get(root, "tests");
    CHECK_INT(json_array_size(tests), 2); /* bicubic and nearest */
    double before = json_real_value(json_object_get(json_array_get(tests, 0), "psnr_before"));
    CHECK_NEAR(before, psnr_of(model), 1e-6);
    char *after = drn_path_join(adapt_out, "model.safetensors");
    CHECK_NEAR(json_real_value(json_object_get(json_array_get(tests, 0), "psnr_after")),
               psnr_of(after), 1e-6);
    drn_free(after);
    json_decref(root);
    drn_free(model);
}

TEST(shrinking,
     "dual models trained on pairs learn to shrink: their loss falls far below a random one's")
{
    drn_error err = {0};
    const char *dirs[] = {pictures()};
    char *model = dual_model(false, "without.safetensors");
    drn_adapt_options o = adapt_options(model, dirs);
    o.paired = dirs;
    o.paireds = 1;
    o.pretrain = 300;
    o.steps = 0;
    CHECK_OK(drn_adapt(&o, &err), err);
    CHECK(log_mean("loss", 290, 300) < 0.4 * log_mean("loss", 0, 1));
    drn_free(model);
}

static bool stop_soon(void *ctx, int64_t step, int64_t steps, double loss)
{
    (void)ctx;
    (void)steps;
    CHECK(isfinite(loss));
    return step < 3;
}

TEST(stopped, "an adaptation that is stopped leaves no model behind")
{
    drn_error err = {0};
    const char *dirs[] = {pictures()};
    char *model = dual_model(true, "with.safetensors"), out[300];
    drn_adapt_options o = adapt_options(model, dirs);
    snprintf(out, sizeof out, "%s/stopped", test_tmp_dir());
    o.out = out;
    o.running = stop_soon;
    CHECK_INT(drn_adapt(&o, &err), DRN_ERR_CANCELLED);
    char *path = drn_path_join(out, "model.safetensors");
    CHECK(!drn_path_exists(path));
    drn_free(path);
    drn_free(model);
}

/* ---- the bound ---- */

static drn_bound_options bound_options(const char *const *runs, size_t n, const char *const *dirs)
{
    static char out[300];
    snprintf(out, sizeof out, "%s/bound", test_tmp_dir());
    return (drn_bound_options){.runs = runs,
                               .run_count = n,
                               .data = dirs,
                               .datas = 1,
                               .loss = "mae",
                               .lambda = 2,
                               .delta = 0.05,
                               .samples = 12,
                               .patch = 8,
                               .draws = 50,
                               .resamples = 3,
                               .seed = 1,
                               .threads = 1,
                               .out = out};
}

static double number(const json_t *root, const char *a, const char *b, const char *c)
{
    const json_t *v = json_object_get(root, a);
    v = b ? json_object_get(v, b) : v;
    v = c ? json_object_get(v, c) : v;
    return json_number_value(v);
}

TEST(one_model, "one model has complexity 0, its bounds are the formulas; the same one twice is one")
{
    drn_error err = {0};
    const char *dirs[] = {pictures()};
    char *model = dual_model(true, "with.safetensors");
    const char *runs[] = {model, model};
    for (size_t n = 1; n <= 2; n++) {
        drn_bound_options o = bound_options(runs, n, dirs);
        CHECK_OK(drn_bound(&o, &err), err);
        json_t *root = results("bound");
        const json_t *h = json_array_get(json_object_get(root, "hypotheses"), 0);
        double loss = number(h, "empirical_loss", NULL, NULL);
        CHECK_INT(json_array_size(json_object_get(root, "hypotheses")), 1);
        CHECK_NEAR(number(root, "joint", "empirical", "mean"), 0, 0);
        CHECK_NEAR(number(root, "joint", "expected", "mean"), 0, 0);
        CHECK_NEAR(number(root, "joint", "M", NULL), 2, 0);
        CHECK_NEAR(number(root, "primal", "M", NULL), 1, 0);
        CHECK(loss > 0 && loss < 2);
        CHECK_NEAR(number(h, "theorem2", NULL, NULL), loss + study_hoeffding(2, 1, 12, 0.05), 1e-7);
        CHECK_NEAR(number(h, "theorem3_9", NULL, NULL), loss + study_bound9(0, 2, 12, 0.05), 1e-7);
        CHECK_NEAR(number(h, "theorem3_10", NULL, NULL), loss + study_bound10(0, 2, 12, 0.05),
                   1e-7);
        json_decref(root);
    }
    drn_free(model);
}

TEST(found, "H is every model below a study's folder; checkpoints are left out; M follows the cut")
{
    drn_error err = {0};
    const char *dirs[] = {pictures()};
    char path[300];
    snprintf(path, sizeof path, "%s/whole", test_tmp_dir());
    const char *runs[] = {path};
    drn_bound_options o = bound_options(runs, 1, dirs);
    o.clip = 0.05;
    CHECK_OK(drn_bound(&o, &err), err);
    json_t *root = results("bound");
    CHECK_INT(json_array_size(json_object_get(root, "hypotheses")), 8);
    CHECK(!json_object_get(root, "joint")); /* half of them have no dual models */
    CHECK_NEAR(number(root, "primal", "M", NULL), 0.05, 0);
    for (size_t h = 0; h < 8; h++)
        CHECK(number(json_array_get(json_object_get(root, "hypotheses"), h), "empirical_loss", NULL,
                     NULL) <= 0.05);
    CHECK(number(root, "primal", "empirical", "mean") <= number(root, "primal", "massart", NULL));
    json_decref(root);
    runs[0] = pictures();
    CHECK_INT(drn_bound(&o, &err), DRN_ERR_INVALID);
    CHECK(strstr(err.message, "no models"));
}

/* ---- memory ---- */

TEST(refused, "every refused allocation of the bound ends in an error and nothing leaks")
{
    drn_error err = {0};
    const char *dirs[] = {pictures()};
    char *model = dual_model(true, "with.safetensors");
    const char *runs[] = {model};
    drn_bound_options o = bound_options(runs, 1, dirs);
    o.samples = 2;
    o.resamples = 2;
    o.out = NULL;
    size_t before = drn_mem_current();
    for (size_t n = 1;; n++) {
        drn_mem_fail_nth(n);
        drn_status st = drn_bound(&o, &err);
        drn_mem_fail_nth(0);
        CHECK_INT(drn_mem_current(), before);
        if (st == DRN_OK)
            break;
        CHECK_INT(st, DRN_ERR_NOMEM);
        CHECK(n < 5000);
    }
    drn_free(model);
}
