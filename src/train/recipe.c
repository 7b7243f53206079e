#include "train/recipe.h"

#include "base/fileio.h"
#include "base/mem.h"
#include "data/patch.h"
#include "train/builtin.h"
#include "train/phase.h"

#include <errno.h>
#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

typedef enum key_type { KEY_INT, KEY_REAL, KEY_BOOL, KEY_CHOICE, KEY_TEXT } key_type;

typedef struct key {
    const char *name; /* "section.key" */
    key_type type;
    size_t offset;
    const char *fallback;
    double min, max;     /* KEY_TEXT: max is the size of the field */
    const char *choices; /* "a|b|c" */
} key;

#define LOSSES "mse|mae|charbonnier|gradient|gradient_pixel|gs"
#define AT(member) offsetof(drn_recipe, member)
#define INT(name, member, fallback, lo, hi)                                                        \
    {                                                                                              \
        name, KEY_INT, AT(member), fallback, lo, hi, NULL                                          \
    }
#define REAL(name, member, fallback, lo, hi)                                                       \
    {                                                                                              \
        name, KEY_REAL, AT(member), fallback, lo, hi, NULL                                         \
    }
#define BOOL(name, member, fallback)                                                               \
    {                                                                                              \
        name, KEY_BOOL, AT(member), fallback, 0, 1, NULL                                           \
    }
#define CHOICE(name, member, fallback, words)                                                      \
    {                                                                                              \
        name, KEY_CHOICE, AT(member), fallback, 0, 0, words                                        \
    }
#define TEXT(name, member, fallback)                                                               \
    {                                                                                              \
        name, KEY_TEXT, AT(member), fallback, 0, sizeof((drn_recipe *)0)->member, NULL             \
    }

static const key keys[] = {
    TEXT("name", name, "unnamed"),
    INT("model.scale", scale, "4", 2, 8),
    INT("model.channels", channels, "64", 1, 1024),
    INT("model.modules", modules, "7", 0, 1024),
    BOOL("model.progressive", progressive, "true"),
    BOOL("model.dual", dual, "false"),
    INT("model.dual_channels", dual_channels, "64", 1, 1024),
    CHOICE("model.skip", skip, "bicubic", "bicubic|none"),
    CHOICE("loss.kind", loss, "mae", LOSSES),
    REAL("loss.lambda", lambda, "2", 0, 1e6),
    REAL("loss.charbonnier", charbonnier, "0.001", 1e-12, 1),
    CHOICE("loss.pixel", pixel, "mae", "mse|mae|charbonnier"),
    CHOICE("loss.reduction", reduction, "mean", "mean|sum"),
    CHOICE("loss.dual_kind", dual_loss, "mae", LOSSES),
    REAL("loss.dual_weight", dual_weight, "0.1", 0, 1e6),
    CHOICE("loss.dual_target", dual_target, "lr", "predicted|lr"),
    BOOL("loss.dual_detach", dual_detach, "true"),
    INT("loss.dual_start", dual_start, "0", 0, 1e15),
    CHOICE("loss.tail_kind", tail_kind, "mse", LOSSES),
    INT("loss.tail_start", tail_start, "0", 0, 1e15),
    INT("data.patch", patch, "32", 1, 1024),
    INT("data.batch", batch, "16", 1, 65536),
    BOOL("data.augment", augment, "true"),
    BOOL("data.shuffle_channels", shuffle_channels, "false"),
    TEXT("data.split", split, "train"),
    BOOL("data.free_only", free_only, "false"),
    TEXT("data.sizes", sizes, ""),
    TEXT("data.sources", sources, ""),
    REAL("data.ratio", ratio, "1", 1e-9, 1),
    INT("data.ratio_seed", ratio_seed, "1", 0, 9e15),
    INT("data.cache_mb", cache_mb, "1024", 1, 1e6),
    INT("data.prefetch", prefetch, "1", 0, 64),
    REAL("degrade.box", box, "0", 0, 1),
    REAL("degrade.nearest", nearest, "0", 0, 1),
    REAL("degrade.blur", blur, "0", 0, 1),
    REAL("degrade.blur_min", blur_min, "0.2", 0, 8),
    REAL("degrade.blur_max", blur_max, "0.8", 0, 8),
    REAL("degrade.noise", noise, "0", 0, 1),
    REAL("degrade.noise_min", noise_min, "0.5", 0, 255),
    REAL("degrade.noise_max", noise_max, "5", 0, 255),
    REAL("degrade.noise_grey", noise_grey, "0.4", 0, 1),
    REAL("degrade.jpeg", jpeg, "0", 0, 1),
    INT("degrade.jpeg_min", jpeg_min, "40", 1, 100),
    INT("degrade.jpeg_max", jpeg_max, "95", 1, 100),
    REAL("degrade.jpeg_half", jpeg_half, "0.5", 0, 1),
    INT("train.steps", steps, "100000", 0, 1e15),
    REAL("train.lr", lr, "1e-3", 0, 1e3),
    REAL("train.lr_min", lr_min, "1e-7", 0, 1e3),
    CHOICE("train.schedule", schedule, "cosine", "cosine|step|constant"),
    INT("train.warmup", warmup, "0", 0, 1e15),
    INT("train.step_every", step_every, "500000", 1, 1e15),
    REAL("train.step_factor", step_factor, "0.1", 0, 1),
    REAL("train.beta1", beta1, "0.9", 0, 0.999999),
    REAL("train.beta2", beta2, "0.999", 0, 0.999999999),
    REAL("train.eps", eps, "1e-8", 1e-30, 1),
    REAL("train.clip", clip, "0", 0, 1e9),
    REAL("train.spike", spike, "0", 0, 1e9),
    INT("train.accumulate", accumulate, "1", 1, 65536),
    INT("train.warm_levels_until", warm_levels_until, "0", 0, 1e15),
    TEXT("train.init_from", init_from, ""),
    CHOICE("train.init_new", init_new, "random", "random|copy"),
    REAL("train.ema", ema, "0", 0, 0.9999999),
    REAL("train.init_scale", init_scale, "0.1", 0, 10),
    INT("train.seed", seed, "1", 0, 9e15),
    INT("train.threads", threads, "0", 0, 1024),
    INT("train.val_every", val_every, "1000", 0, 1e15),
    INT("train.val_images", val_images, "32", 0, 1e6),
    INT("train.val_crop", val_crop, "0", 0, 1e5),
    INT("train.val_seen", val_seen, "16", 0, 1e6),
    INT("train.val_pictures", val_pictures, "3", 0, 64),
    INT("train.save_every", save_every, "1000", 1, 1e15),
    REAL("train.max_seconds", max_seconds, "0", 0, 1e12),
};
enum { KEYS = sizeof keys / sizeof *keys };

static const key *find_key(const char *name)
{
    for (int i = 0; i < KEYS; i++)
        if (strcmp(keys[i].name, name) == 0)
            return &keys[i];
    return NULL;
}

static bool is_section(const char *name)
{
    size_t n = strlen(name);
    for (int i = 0; i < KEYS; i++)
        if (strncmp(keys[i].name, name, n) == 0 && keys[i].name[n] == '.')
            return true;
    return false;
}

/* Index of word in "a|b|c", or -1. */
static int64_t choice_index(const char *choices, const char *word)
{
    size_t n = strlen(word);
    int64_t i = 0;
    for (const char *c = choices; c; i++) {
        const char *bar = strchr(c, '|');
        size_t len = bar ? (size_t)(bar - c) : strlen(c);
        if (len == n && memcmp(c, word, n) == 0)
            return i;
        c = bar ? bar + 1 : NULL;
    }
    return -1;
}

/* ---- one value ---- */

static drn_status bad(const char *where, const key *k, const char *value, const char *what,
                      drn_error *err)
{
    return drn_fail(err, DRN_ERR_INVALID, "%s: %s is '%.60s', must be %s", where, k->name, value,
                    what);
}

static drn_status set_number(drn_recipe *r, const key *k, const char *value, const char *where,
                             drn_error *err)
{
    char *end, what[96], *field = (char *)r + k->offset;
    errno = 0;
    double real = strtod(value, &end);
    bool whole = k->type == KEY_REAL || (real == floor(real) && fabs(real) < 9.1e15);
    snprintf(what, sizeof what, "%s in %.15g .. %.15g",
             k->type == KEY_INT ? "a whole number" : "a number", k->min, k->max);
    if (end == value || *end || errno == ERANGE || !whole || !(real >= k->min && real <= k->max))
        return bad(where, k, value, what, err);
    if (k->type == KEY_INT)
        memcpy(field, &(int64_t){(int64_t)real}, sizeof(int64_t));
    else
        memcpy(field, &real, sizeof real);
    return DRN_OK;
}

/* Text that YAML can hold between double quotes as it is. */
static bool is_plain(const char *text)
{
    for (; *text; text++)
        if (*text < ' ' || *text > '~' || *text == '"' || *text == '\\')
            return false;
    return true;
}

static drn_status set_value(drn_recipe *r, const key *k, const char *value, const char *where,
                            drn_error *err)
{
    char *field = (char *)r + k->offset;
    int64_t index;
    switch (k->type) {
    case KEY_BOOL:
        index = choice_index("false|true", value);
        if (index < 0)
            return bad(where, k, value, "true or false", err);
        memcpy(field, &(bool){index == 1}, sizeof(bool));
        return DRN_OK;
    case KEY_CHOICE:
        index = choice_index(k->choices, value);
        if (index < 0)
            return bad(where, k, value, k->choices, err);
        memcpy(field, &index, sizeof index);
        return DRN_OK;
    case KEY_TEXT:
        if (!is_plain(value) || strlen(value) >= (size_t)k->max)
            return bad(where, k, value, "a shorter text of plain ASCII without quotes", err);
        strncpy(field, value, (size_t)k->max); /* zeros to the end: recipes compare by bytes */
        return DRN_OK;
    default:
        return set_number(r, k, value, where, err);
    }
}

void drn_recipe_defaults(drn_recipe *r)
{
    memset(r, 0, sizeof *r);
    for (int i = 0; i < KEYS; i++)
        (void)set_value(r, &keys[i], keys[i].fallback, "default", NULL);
}

drn_status drn_recipe_set(drn_recipe *r, const char *assignment, drn_error *err)
{
    char name[64];
    const char *equals = strchr(assignment, '=');
    size_t n = equals ? (size_t)(equals - assignment) : 0;
    if (!equals || n >= sizeof name)
        return drn_fail(err, DRN_ERR_INVALID, "'%.80s' is not of the form key=value", assignment);
    memcpy(name, assignment, n);
    name[n] = 0;
    const key *k = find_key(name);
    if (!k)
        return drn_fail(err, DRN_ERR_INVALID, "recipe has no key '%s'; keys look like train.lr",
                        name);
    return set_value(r, k, equals + 1, "--set", err);
}

/* ---- YAML ---- */

typedef struct reader {
    drn_recipe *r;
    const char *file;
    char section[32], key[48]; /* key "": a key is next */
    size_t key_line;
    int depth; /* 0 outside, 1 in the document's mapping, 2 in a section */
    bool seen[KEYS];
} reader;

static drn_status scalar(reader *p, const char *text, size_t line, drn_error *err)
{
    char where[300], name[96];
    snprintf(where, sizeof where, "%.200s:%zu", p->file, line);
    if (p->depth == 0)
        return drn_fail(err, DRN_ERR_FORMAT, "%s: a recipe is a mapping of keys", where);
    if (!p->key[0]) {
        if (!*text || strlen(text) >= sizeof p->key)
            return drn_fail(err, DRN_ERR_INVALID, "%s: unknown key '%.60s'", where, text);
        strcpy(p->key, text);
        p->key_line = line;
        return DRN_OK;
    }
    snprintf(name, sizeof name, "%s%s%s", p->section, p->section[0] ? "." : "", p->key);
    const key *k = find_key(name);
    p->key[0] = 0;
    if (!k && !p->section[0] && is_section(name))
        return drn_fail(err, DRN_ERR_INVALID, "%s: section '%s' has no keys", where, name);
    if (!k)
        return drn_fail(err, DRN_ERR_INVALID, "%s: unknown key '%s'", where, name);
    if (p->seen[k - keys])
        return drn_fail(err, DRN_ERR_INVALID, "%s: key '%s' stands twice", where, name);
    p->seen[k - keys] = true;
    return set_value(p->r, k, text, where, err);
}

static drn_status open_mapping(reader *p, size_t line, drn_error *err)
{
    if (p->depth == 1 && p->key[0]) {
        if (!is_section(p->key) || strlen(p->key) >= sizeof p->section)
            return drn_fail(err, DRN_ERR_INVALID, "%s:%zu: unknown section '%s'", p->file,
                            p->key_line, p->key);
        strcpy(p->section, p->key);
        p->key[0] = 0;
    } else if (p->depth != 0 && !p->key[0]) {
        return drn_fail(err, DRN_ERR_INVALID, "%s:%zu: a key is wanted, not a mapping", p->file,
                        line);
    } else if (p->depth != 0) {
        return drn_fail(err, DRN_ERR_INVALID, "%s:%zu: a value is wanted for '%s', not a mapping",
                        p->file, p->key_line, p->key);
    }
    p->depth++;
    return DRN_OK;
}

static drn_status on_event(reader *p, const yaml_event_t *e, drn_error *err)
{
    size_t line = e->start_mark.line + 1;
    switch (e->type) {
    case YAML_SCALAR_EVENT:
        return scalar(p, (const char *)e->data.scalar.value, line, err);
    case YAML_MAPPING_START_EVENT:
        return open_mapping(p, line, err);
    case YAML_MAPPING_END_EVENT:
        p->depth--;
        p->section[0] = 0;
        return DRN_OK;
    case YAML_SEQUENCE_START_EVENT:
    case YAML_ALIAS_EVENT:
        return drn_fail(err, DRN_ERR_INVALID,
                        "%s:%zu: a single value is wanted, not a list or alias", p->file, line);
    default:
        return DRN_OK;
    }
}

drn_status drn_recipe_parse(drn_recipe *r, const char *text, size_t size, const char *name,
                            drn_error *err)
{
    yaml_parser_t parser;
    yaml_event_t event;
    reader p = {.r = r, .file = name};
    drn_status st = DRN_OK;
    if (!yaml_parser_initialize(&parser))
        return drn_fail(err, DRN_ERR_NOMEM, "%s: out of memory", name);
    yaml_parser_set_input_string(&parser, (const unsigned char *)text, size);
    for (bool end = false; st == DRN_OK && !end;) {
        if (!yaml_parser_parse(&parser, &event)) {
            st = drn_fail(err, DRN_ERR_FORMAT, "%s:%zu: %s", name, parser.problem_mark.line + 1,
                          parser.problem ? parser.problem : "no YAML");
            break;
        }
        end = event.type == YAML_STREAM_END_EVENT;
        st = on_event(&p, &event, err);
        yaml_event_delete(&event);
    }
    yaml_parser_delete(&parser);
    return st;
}

static drn_status no_recipe(const char *name, drn_error *err)
{
    char known[256] = "";
    for (size_t i = 0; drn_recipe_builtin_name(i); i++) {
        size_t n = strlen(known);
        snprintf(known + n, sizeof known - n, "%s%s", i ? ", " : "", drn_recipe_builtin_name(i));
    }
    return drn_fail(err, DRN_ERR_IO, "%.150s: no such file, and no built-in recipe; those are %s",
                    name, known);
}

drn_status drn_recipe_load(drn_recipe *r, const char *name, drn_error *err)
{
    size_t size;
    const char *builtin = drn_recipe_builtin(name, &size);
    void *text = NULL;
    if (drn_path_exists(name) && !drn_path_is_dir(name))
        DRN_TRY(drn_file_read(&text, &size, name, 1 << 20, err));
    else if (!builtin)
        return no_recipe(name, err);
    drn_recipe_defaults(r);
    drn_status st = drn_recipe_parse(r, text ? text : builtin, size, name, err);
    drn_free(text);
    return st;
}

/* ---- printing ---- */

/* As few digits as read back to the same number. */
static void real_text(char *out, size_t size, double v)
{
    for (int digits = 6; digits <= 17; digits++) {
        snprintf(out, size, "%.*g", digits, v);
        if (strtod(out, NULL) == v)
            break;
    }
}

static void value_text(char *out, size_t size, const drn_recipe *r, const key *k)
{
    const char *field = (const char *)r + k->offset, *c = k->choices;
    int64_t n;
    double v;
    if (k->type == KEY_TEXT) {
        snprintf(out, size, "\"%s\"", field);
    } else if (k->type == KEY_BOOL) {
        snprintf(out, size, "%s", *field ? "true" : "false");
    } else if (k->type == KEY_REAL) {
        memcpy(&v, field, sizeof v);
        real_text(out, size, v);
    } else {
        memcpy(&n, field, sizeof n);
        if (k->type == KEY_INT)
            snprintf(out, size, "%lld", (long long)n);
        for (; c && n > 0; n--)
            c = strchr(c, '|') + 1;
        if (c)
            snprintf(out, size, "%.*s", (int)strcspn(c, "|"), c);
    }
}

bool drn_recipe_value(char *out, size_t size, const char **name, const drn_recipe *r, size_t i)
{
    if (i >= KEYS)
        return false;
    *name = keys[i].name;
    value_text(out, size, r, &keys[i]);
    return true;
}

char *drn_recipe_print(const drn_recipe *r)
{
    char *text = NULL, *copy, value[1100];
    size_t size;
    FILE *f = open_memstream(&text, &size);
    if (!f)
        return NULL;
    const char *section = "";
    for (int i = 0; i < KEYS; i++) {
        const char *dot = strchr(keys[i].name, '.');
        size_t n = dot ? (size_t)(dot - keys[i].name) : 0;
        if (dot && (strncmp(section, keys[i].name, n) != 0 || section[n] != '.')) {
            section = keys[i].name;
            fprintf(f, "%.*s:\n", (int)n, section);
        }
        value_text(value, sizeof value, r, &keys[i]);
        fprintf(f, "%s%s: %s\n", dot ? "  " : "", dot ? dot + 1 : keys[i].name, value);
    }
    bool ok = fclose(f) == 0;
    copy = ok ? drn_strdup(text) : NULL;
    free(text);
    return copy;
}

static drn_status check_size(const drn_recipe *r, int64_t patch, int64_t batch, drn_error *err)
{
    double values = (double)batch * (double)patch * (double)patch * (double)(r->scale * r->scale);
    if (values * (double)r->channels > 1e11)
        return drn_fail(err, DRN_ERR_INVALID,
                        "recipe: batch %lld of %lldx%lld patches with %lld channels is too large",
                        (long long)batch, (long long)patch, (long long)patch,
                        (long long)r->channels);
    return DRN_OK;
}

static drn_status check_bounds(const char *name, double lo, double hi, drn_error *err)
{
    if (lo > hi)
        return drn_fail(err, DRN_ERR_INVALID, "recipe: degrade.%s_min %g is above degrade.%s_max %g",
                        name, lo, name, hi);
    return DRN_OK;
}

unsigned drn_recipe_augment(const drn_recipe *r)
{
    return (r->augment ? DRN_AUGMENT_TURNS : 0) | (r->shuffle_channels ? DRN_AUGMENT_CHANNELS : 0);
}

drn_status drn_recipe_check(const drn_recipe *r, drn_error *err)
{
    drn_batch_sizes sizes;
    if (r->scale != 2 && r->scale != 4 && r->scale != 8)
        return drn_fail(err, DRN_ERR_INVALID, "recipe: model.scale is %lld, must be 2, 4 or 8",
                        (long long)r->scale);
    DRN_TRY(drn_batch_sizes_parse(&sizes, r->sizes, err));
    DRN_TRY(check_size(r, r->patch, r->batch, err));
    for (int i = 0; i < sizes.count; i++)
        DRN_TRY(check_size(r, sizes.list[i].patch, sizes.list[i].batch, err));
    if (r->box + r->nearest > 1)
        return drn_fail(err, DRN_ERR_INVALID,
                        "recipe: degrade.box %g and degrade.nearest %g are shares of the same patches: "
                        "together at most 1",
                        r->box, r->nearest);
    DRN_TRY(check_bounds("blur", r->blur_min, r->blur_max, err));
    DRN_TRY(check_bounds("noise", r->noise_min, r->noise_max, err));
    DRN_TRY(check_bounds("jpeg", (double)r->jpeg_min, (double)r->jpeg_max, err));
    if (r->lr_min > r->lr && r->schedule == 0)
        return drn_fail(err, DRN_ERR_INVALID, "recipe: train.lr_min %g is above train.lr %g",
                        r->lr_min, r->lr);
    if (r->warm_levels_until > 0 && !r->progressive)
        return drn_fail(err, DRN_ERR_INVALID,
                        "recipe: train.warm_levels_until trains the first blocks alone, which "
                        "needs model.progressive: true");
    if (r->spike > 0 && r->spike <= 1)
        return drn_fail(err, DRN_ERR_INVALID,
                        "recipe: train.spike is %g, must be 0 (off) or more than 1", r->spike);
    return DRN_OK;
}
