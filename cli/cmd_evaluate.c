/* drn evaluate: PSNR, SSIM and gradient PSNR of a model, of bicubic interpolation or of pictures.
 */
#include "cli.h"
#include "models.h"
#include "pictures.h"
#include "ranks.h"
#include "say.h"

#include "drn/metrics.h"
#include "drn/upscale.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct options {
    const char *model, *data, *lr, *sr, *save;
    int scale, protocol, border, precision, grey, threads;
    bool round_y, rgb, ensemble, trust, json;
} options;

enum { GREY_RGB, GREY_Y };

static const opt table[] = {
    OPT(TEXT, model, "model", 'm', .arg = "MODEL", .fallback = DEFAULT_MODEL,
        .doc = "what enlarges: a built-in model, a .safetensors file, default (what 'drn models' "
               "marks so), or bicubic"),
    OPT(INT, scale, "scale", 's', .arg = "S", .min = 2, .max = 64, .required = true,
        .doc = "how many times the originals are larger"),
    OPT(TEXT, data, "data", 0, .arg = "DIR", .required = true,
        .doc = "folder of the originals (HR pictures)"),
    OPT(TEXT, lr, "lr", 0, .arg = "DIR",
        .doc = "folder of LR pictures; without it they are made from the originals"),
    OPT(TEXT, sr, "sr", 0, .arg = "DIR", .doc = "score these pictures instead of running a model"),
    OPT(TEXT, save, "save", 0, .arg = "DIR",
        .doc = "existing folder that receives what was scored, as NAME.png"),
    OPT(CHOICE, protocol, "protocol", 0, .arg = "NAME", .choices = "standard|paper",
        .fallback = "standard",
        .doc = "paper: the bicubic rows of the DRN paper (LR not rounded, Y rounded)"),
    OPT(FLAG, round_y, "round-y", 0, .doc = "round Y to whole numbers first"),
    OPT(FLAG, rgb, "rgb", 0, .doc = "compare R, G and B instead of Y"),
    OPT(CHOICE, grey, "grey", 0, .arg = "HOW", .choices = "rgb|y", .fallback = "rgb",
        .doc = "grey originals: made RGB, then Y as for all; or their values taken as Y"),
    OPT(CHOICE, border, "border", 0, .arg = "RULE", .choices = "symmetric|clamp",
        .fallback = "symmetric", .doc = "of the bicubic resizing"),
    OPT(CHOICE, precision, "precision", 0, .arg = "KIND", .choices = "u8|float", .fallback = "u8",
        .doc = "of the bicubic resizing, between its two passes"),
    OPT(INT, threads, "threads", 'j', .arg = "N", .min = 0, .max = 1024, .fallback = "0",
        .doc = "threads; 0: all cores"),
    OPT(FLAG, ensemble, "ensemble", 'x',
        .doc = "self-ensemble: the mean over the 8 flips and turns of each picture"),
    OPT(FLAG, trust, "trust", 0,
        .doc =
            "also the rank correlation of the true error with the trust map of 'drn upscale', with "
            "the gradient of the bicubic enlargement, raw and smoothed, and with the loop error"),
    OPT(FLAG, json, "json", 0, .doc = "print JSON instead of a table"),
    {0},
};

static int run(int argc, char **argv);
const command cmd_evaluate = {
    "evaluate",
    "[-m MODEL] -s S --data DIR",
    "Measure PSNR, SSIM and gradient PSNR by a stated protocol",
    "Pictures in --lr and --sr belong to the original of the same name, also with x4, _x4, -x4, "
    "_4x, _SR or _LR behind it.  The last line of the table states the protocol.  "
    "mpirun -n N drn evaluate ... shares the pictures out to N processes.",
    table,
    0,
    0,
    run,
};

/* One original with what belongs to it. */
typedef struct item {
    char *name, *hr;
    const char *other; /* its LR or SR picture; borrowed; NULL: none */
    drn_metric_values values;
    drn_trust_score trust;
} item;

typedef struct job {
    const options *o;
    drn_protocol protocol;
    drn_model *model; /* NULL: bicubic, or pictures */
    const char *title;
    item *items;
    size_t count;
    char **others;
    size_t other_count;
} job;

/* The path among paths whose stem is name, or name with one of the usual endings. */
static const char *match(char **paths, size_t count, const char *name, int scale)
{
    const char *result = NULL;
    char *wanted[] = {cli_format("%s", name),
                      cli_format("%sx%d", name, scale),
                      cli_format("%s_x%d", name, scale),
                      cli_format("%s-x%d", name, scale),
                      cli_format("%s_%dx", name, scale),
                      cli_format("%s_SR", name),
                      cli_format("%s_LR", name)};
    enum { WANTED = sizeof wanted / sizeof *wanted };
    for (size_t w = 0; w < WANTED; w++) {
        for (size_t i = 0; i < count && !result; i++) {
            char *stem = path_stem(paths[i]);
            if (strcmp(stem, wanted[w]) == 0)
                result = paths[i];
            free(stem);
        }
        free(wanted[w]);
    }
    return result;
}

/* List the originals and find the LR or SR picture of each. */
static bool collect(job *j)
{
    char **paths;
    const char *dir = j->o->sr ? j->o->sr : j->o->lr;
    if (!pictures_in(&paths, &j->count, j->o->data))
        return false;
    bool ok = !dir || pictures_in(&j->others, &j->other_count, dir);
    j->items = cli_alloc(j->count, sizeof *j->items);
    for (size_t i = 0; i < j->count; i++) {
        item *it = &j->items[i];
        it->hr = paths[i];
        it->name = path_stem(paths[i]);
        if (!ok || !dir)
            continue;
        it->other = match(j->others, j->other_count, it->name, j->o->scale);
        if (!it->other) {
            cli_error("%s: no picture for %s; looked for %s, %sx%d, %s_x%d and so on", dir, it->hr,
                      it->name, it->name, j->o->scale, it->name, j->o->scale);
            ok = false;
        }
    }
    free(paths);
    return ok;
}

/* What is scored must not take the place of what it is scored by. */
static bool check_save(const options *o)
{
    const char *const sources[] = {o->data, o->lr, o->sr};
    if (!check_folder(o->save))
        return false;
    for (size_t i = 0; i < sizeof sources / sizeof *sources; i++)
        if (sources[i] && same_file(o->save, sources[i])) {
            cli_error("%s: holds the pictures that are read; choose another folder for --save",
                      o->save);
            return false;
        }
    return true;
}

/* Every picture that is saved has a name of its own. */
static bool check_names(const job *j)
{
    for (size_t i = 0; i < j->count; i++)
        for (size_t k = 0; k < i; k++)
            if (strcmp(j->items[i].name, j->items[k].name) == 0) {
                cli_error("%s and %s would both be saved as %s/%s.png; rename one", j->items[k].hr,
                          j->items[i].hr, j->o->save, j->items[i].name);
                return false;
            }
    return true;
}

static drn_status enlarge(drn_image **sr, const drn_image *lr, const job *j, drn_error *err)
{
    drn_upscale_options how = {
        .scale = j->o->scale, .threads = j->o->threads, .ensemble = j->o->ensemble};
    if (j->model)
        return drn_upscale(sr, lr, j->model, &how, err);
    return drn_protocol_bicubic(sr, lr, j->o->scale, &j->protocol, err);
}

static drn_status save(const item *it, const drn_image *sr, const job *j, drn_error *err)
{
    char *path = cli_format("%s/%s.png", j->o->save, it->name);
    drn_status st = drn_image_write(sr, path, NULL, err);
    free(path);
    return st;
}

static drn_status score_trust(item *it, const drn_image *sr, const drn_image *lr,
                              const drn_image *hr, int scale, drn_error *err)
{
    drn_image *cut;
    drn_status st = drn_protocol_hr(&cut, hr, scale, err);
    if (st == DRN_OK) {
        st = drn_upscale_trust_score(&it->trust, sr, lr, cut, scale, err);
        drn_image_free(cut);
    }
    return st;
}

static drn_status score(item *it, const job *j, drn_error *err)
{
    drn_image *hr = NULL, *lr = NULL, *sr = NULL;
    drn_protocol p = j->protocol;
    int scale = j->o->scale;
    drn_status st = drn_image_read(&hr, it->hr, err);
    if (st == DRN_OK && hr->bands < 3 && j->o->grey == GREY_Y)
        p.rgb = true; /* the raw values of a single band */
    if (st == DRN_OK && j->o->sr)
        st = drn_image_read(&sr, it->other, err);
    else if (st == DRN_OK && j->o->lr)
        st = drn_image_read(&lr, it->other, err);
    else if (st == DRN_OK)
        st = drn_protocol_lr(&lr, hr, scale, &p, err);
    if (st == DRN_OK && !sr)
        st = enlarge(&sr, lr, j, err);
    if (st == DRN_OK && !j->model &&
        !it->other) /* the table's row: SSIM may have rules of its own */
        st = drn_protocol_score_bicubic(&it->values, hr, scale, &p, err);
    else if (st == DRN_OK)
        st = drn_protocol_score(&it->values, sr, hr, scale, &p, err);
    if (st == DRN_OK && j->o->save)
        st = save(it, sr, j, err);
    if (st == DRN_OK && j->o->trust)
        st = score_trust(it, sr, lr, hr, scale, err);
    drn_image_free(hr);
    drn_image_free(lr);
    drn_image_free(sr);
    return st;
}

static drn_metric_values mean_of(const job *j)
{
    drn_metric_values m = {0};
    for (size_t i = 0; i < j->count; i++) {
        m.psnr += j->items[i].values.psnr / (double)j->count;
        m.ssim += j->items[i].values.ssim / (double)j->count;
        m.gradient_psnr += j->items[i].values.gradient_psnr / (double)j->count;
    }
    return m;
}

static drn_trust_score mean_trust(const job *j)
{
    drn_trust_score m = {0};
    for (size_t i = 0; i < j->count; i++) {
        const drn_trust_score *t = &j->items[i].trust;
        m.trust += t->trust / (double)j->count;
        m.gradient += t->gradient / (double)j->count;
        m.smooth_gradient += t->smooth_gradient / (double)j->count;
        m.loop += t->loop / (double)j->count;
    }
    return m;
}

static const char *choice(bool second, const char *a, const char *b)
{
    return second ? b : a;
}

static void print_row(const char *name, const drn_metric_values *v, const drn_trust_score *t)
{
    cli_say(stdout, "%-24s %9.4f %9.5f %9.4f", name, v->psnr, v->ssim, v->gradient_psnr);
    if (t)
        printf(" %9.4f %9.4f %9.4f %9.4f", t->trust, t->gradient, t->smooth_gradient, t->loop);
    putchar('\n');
}

/* What must be known to repeat the numbers. */
static void print_protocol(const job *j)
{
    const options *o = j->o;
    bool paper = o->protocol == DRN_PROTOCOL_PAPER;
    drn_metric_options m = drn_protocol_metrics(&j->protocol, o->scale);
    printf("protocol %s: x%d, %s, shave %d, originals cropped to multiples of %d, ",
           drn_protocol_name((drn_protocol_kind)o->protocol), o->scale,
           o->rgb      ? "on R, G and B"
           : m.round_y ? "on BT.601 Y rounded"
                       : "on BT.601 Y not rounded",
           m.shave, o->scale);
    if (o->sr)
        cli_say(stdout, "pictures from %s, ", o->sr);
    else if (o->lr)
        cli_say(stdout, "LR from %s, ", o->lr);
    else
        printf("LR by imresize (bicubic, %s border, %s), ",
               choice(o->border == DRN_BORDER_CLAMP && !paper, "symmetric", "clamped"),
               paper                                 ? "not rounded"
               : o->precision == DRN_PRECISION_FLOAT ? "rounded at the end"
                                                     : "rounded after each pass");
    printf("SSIM 11x11 Gaussian %s, %s\n",
           choice(m.ssim_replicate, "over the valid region", "with replicated border"),
           choice(o->grey == GREY_Y, "grey pictures as RGB", "grey values taken as Y"));
}

/* JSON knows neither infinity nor NaN: null. */
static json_t *real(double v)
{
    return isfinite(v) ? json_real(v) : json_null();
}

static json_t *values_json(const char *name, const drn_metric_values *v, const drn_trust_score *t)
{
    json_t *o = json_object();
    if (name)
        json_object_set_new(o, "name", say_text(name));
    json_object_set_new(o, "psnr", real(v->psnr));
    json_object_set_new(o, "ssim", real(v->ssim));
    json_object_set_new(o, "gradient_psnr", real(v->gradient_psnr));
    if (t)
        json_object_set_new(o, "rank_correlation",
                            json_pack("{s:o, s:o, s:o, s:o}", "trust", real(t->trust), "gradient",
                                      real(t->gradient), "smooth_gradient",
                                      real(t->smooth_gradient), "loop", real(t->loop)));
    return o;
}

static json_t *protocol_json(const job *j)
{
    const options *o = j->o;
    bool paper = o->protocol == DRN_PROTOCOL_PAPER;
    drn_metric_options m = drn_protocol_metrics(&j->protocol, o->scale);
    json_t *p = json_pack("{s:s, s:s, s:b, s:i, s:s, s:s, s:s, s:s}", "name",
                          drn_protocol_name((drn_protocol_kind)o->protocol), "channels",
                          choice(o->rgb, "Y", "RGB"), "round_y", (int)m.round_y, "shave", m.shave,
                          "ssim", choice(m.ssim_replicate, "valid", "replicate"), "grey",
                          choice(o->grey == GREY_Y, "rgb", "y"), "border",
                          choice(o->border == DRN_BORDER_CLAMP && !paper, "symmetric", "clamp"),
                          "precision",
                          paper                                 ? "not rounded"
                          : o->precision == DRN_PRECISION_FLOAT ? "float"
                                                                : "u8");
    json_object_set_new(p, "data", say_text(o->data));
    if (o->lr)
        json_object_set_new(p, "lr", say_text(o->lr));
    if (o->sr)
        json_object_set_new(p, "sr", say_text(o->sr));
    return p;
}

static int print_json(const job *j)
{
    drn_metric_values mean = mean_of(j);
    drn_trust_score trust = mean_trust(j);
    json_t *images = json_array();
    for (size_t i = 0; i < j->count; i++)
        json_array_append_new(images, values_json(j->items[i].name, &j->items[i].values,
                                                  j->o->trust ? &j->items[i].trust : NULL));
    json_t *root =
        json_pack("{s:o, s:i, s:b, s:o, s:o, s:o}", "model", say_text(j->title), "scale",
                  j->o->scale, "ensemble", (int)j->o->ensemble, "protocol", protocol_json(j),
                  "images", images, "mean", values_json(NULL, &mean, j->o->trust ? &trust : NULL));
    if (!root)
        return cli_error("cannot print JSON: out of memory");
    json_dumpf(root, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(9));
    putchar('\n');
    json_decref(root);
    return EXIT_OK;
}

/* What becomes of an original, on whichever process. */
typedef struct outcome {
    drn_metric_values values;
    drn_trust_score trust;
    drn_error err;
} outcome;

static bool score_one(void *ctx, size_t i, void **result, size_t *bytes)
{
    job *j = ctx;
    outcome *o = *result = cli_alloc(1, sizeof *o);
    *bytes = sizeof *o;
    drn_status st = score(&j->items[i], j, &o->err);
    o->err.code = st;
    o->values = j->items[i].values;
    o->trust = j->items[i].trust;
    return true;
}

static bool show_one(void *ctx, size_t i, const void *result, size_t bytes)
{
    job *j = ctx;
    item *it = &j->items[i];
    outcome o = {.err.code = DRN_ERR_INTERNAL};
    if (bytes == sizeof o)
        memcpy(&o, result, sizeof o);
    if (o.err.code != DRN_OK) {
        cli_error("%s: %s", it->name, o.err.message);
        return false;
    }
    it->values = o.values;
    it->trust = o.trust;
    if (!j->o->json) {
        print_row(it->name, &it->values, j->o->trust ? &it->trust : NULL);
        fflush(stdout);
    }
    return true;
}

static int evaluate(job *j)
{
    bool prints = !ranks_silent();
    if (!j->o->json && prints)
        cli_say(stdout, "%s%s\n%-24s %9s %9s %9s%s\n", j->title, j->o->ensemble ? ", self-ensemble" : "",
               "picture", "PSNR", "SSIM", "grad PSNR",
               j->o->trust ? "     trust  gradient  smoothed      loop" : "");
    if (!ranks_share(j->count, score_one, show_one, j))
        return EXIT_FAILED;
    if (!prints)
        return EXIT_OK;
    if (j->o->json)
        return print_json(j);
    drn_metric_values mean = mean_of(j);
    drn_trust_score trust = mean_trust(j);
    print_row("mean", &mean, j->o->trust ? &trust : NULL);
    print_protocol(j);
    return EXIT_OK;
}

/* The model asked for, unless pictures or bicubic are to be scored. */
static bool load(job *j)
{
    j->title = j->o->sr ? j->o->sr : j->o->model;
    if (j->o->sr || strcmp(j->o->model, "bicubic") == 0)
        return true;
    if (!load_model(&j->model, j->o->model, j->o->scale))
        return false;
    j->title = drn_model_name(j->model);
    return true;
}

/* A number for the list of originals. */
static uint64_t names_number(const job *j)
{
    uint64_t h = j->count;
    for (size_t i = 0; i < j->count; i++)
        for (const char *p = j->items[i].name; *p; p++)
            h = (h ^ (unsigned char)*p) * 0x100000001b3u;
    return h;
}

static int run(int argc, char **argv)
{
    options o = {0};
    arg_list args;
    cli_parse(&cmd_evaluate, &o, &args, argc, argv);
    if (o.sr && o.lr)
        cli_usage(&cmd_evaluate, "--sr pictures are scored as they are; leave out --lr");
    if (o.sr && o.ensemble)
        cli_usage(&cmd_evaluate, "--sr pictures are scored as they are; leave out -x");
    if (o.trust && (o.sr || o.protocol == DRN_PROTOCOL_PAPER))
        cli_usage(&cmd_evaluate,
                  "--trust needs LR pictures of the standard protocol; leave out --sr");
    job j = {.o = &o,
             .protocol = {(drn_protocol_kind)o.protocol, (drn_border)o.border,
                          (drn_precision)o.precision, o.round_y, o.rgb}};
    ranks_open();
    o.threads = drn_comm_threads(ranks(), o.threads);
    bool ok =
        (!o.save || check_save(&o)) && collect(&j) && (!o.save || check_names(&j)) && load(&j);
    int code = ranks_agree(ok, ok ? names_number(&j) : 0, "pictures") ? evaluate(&j) : EXIT_FAILED;
    for (size_t i = 0; i < j.count && j.items; i++) {
        free(j.items[i].name);
        free(j.items[i].hr);
    }
    free(j.items);
    paths_free(j.others, j.other_count);
    drn_model_free(j.model);
    free(args.items);
    return ranks_end(code);
}
