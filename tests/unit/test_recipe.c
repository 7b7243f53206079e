#include "base/fileio.h"
#include "base/mem.h"
#include "harness.h"
#include "train/builtin.h"
#include "train/recipe.h"

#include <unistd.h>

static drn_status parse(drn_recipe *r, const char *text, drn_error *err)
{
    drn_recipe_defaults(r);
    return drn_recipe_parse(r, text, strlen(text), "r.yaml", err);
}

static void refused(const char *text, const char *part)
{
    drn_recipe r;
    drn_error err = {0};
    CHECK(parse(&r, text, &err) != DRN_OK);
    if (!strstr(err.message, part))
        test_fail(__FILE__, __LINE__, "\"%s\" lacks \"%s\"", err.message, part);
}

TEST(degrade, "bounds of degradations that are the wrong way round are refused")
{
    static const char *const bad[] = {"degrade.blur_min=3", "degrade.noise_min=9", "degrade.jpeg_max=39"};
    drn_recipe r;
    drn_error err = {0};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        drn_recipe_defaults(&r);
        CHECK(r.blur == 0 && r.noise == 0 && r.jpeg == 0);
        CHECK_OK(drn_recipe_check(&r, &err), err);
        CHECK_OK(drn_recipe_set(&r, bad[i], &err), err);
        CHECK_INT(drn_recipe_check(&r, &err), DRN_ERR_INVALID);
        CHECK(strstr(err.message, "_min") && strstr(err.message, "above degrade."));
    }
    CHECK_INT(drn_recipe_set(&r, "degrade.jpeg=1.5", &err), DRN_ERR_INVALID);
    drn_recipe_defaults(&r);
    CHECK_OK(drn_recipe_set(&r, "degrade.box=0.75", &err), err);
    CHECK_OK(drn_recipe_set(&r, "degrade.nearest=0.25", &err), err);
    CHECK_OK(drn_recipe_check(&r, &err), err);
    CHECK_OK(drn_recipe_set(&r, "degrade.nearest=0.26", &err), err);
    CHECK_INT(drn_recipe_check(&r, &err), DRN_ERR_INVALID);
    CHECK(strstr(err.message, "degrade.nearest 0.26"));
    CHECK_OK(drn_recipe_load(&r, "photo-x4", &err), err);
    CHECK(r.box == 0 && r.nearest == 0);
    CHECK(r.jpeg == 0.7 && r.jpeg_min == 40 && r.noise_max == 15 && r.blur == 0.2 && r.patch == 48);
}

TEST(values, "sections, comments, defaults and every kind of value are read")
{
    drn_recipe r;
    drn_error err = {0};
    CHECK_OK(parse(&r, "# x\nname: a b\nmodel: {scale: 8, progressive: false}\nloss:\n  kind: gs # eq\n"
                       "train:\n  lr: 1e-5\n  seed: 7\n", &err), err);
    CHECK_STR(r.name, "a b");
    CHECK(r.scale == 8 && !r.progressive && r.loss == 5 && r.lr == 1e-5 && r.seed == 7);
    CHECK(r.channels == 64 && r.modules == 7 && r.lambda == 2);
    CHECK_OK(parse(&r, "", &err), err);
}

TEST(bad, "what is wrong is named with its file and line")
{
    refused("name: x\nmodel:\n  scale: 4\n  chanels: 3\n", "r.yaml:4: unknown key 'model.chanels'");
    refused("model:\n  scale: four\n", "r.yaml:2: model.scale is 'four', must be a whole number");
    refused("model:\n  scale: 4.5\n", "r.yaml:2: model.scale");
    refused("train:\n  lr: -1\n", "r.yaml:2: train.lr");
    refused("train:\n  lr: nan\n", "r.yaml:2: train.lr");
    refused("model:\n  progressive: yes\n", "true or false");
    refused("loss:\n  kind: l1\n", "mse|mae");
    refused("modell:\n  scale: 4\n", "r.yaml:1: unknown section 'modell'");
    refused("model:\n  scale: [4]\n", "r.yaml:2");
    refused("model:\n  scale: 4\n  scale: 2\n", "r.yaml:3: key 'model.scale' stands twice");
    refused("model:\n  scale: {a: 1}\n", "r.yaml:2");
    refused("- 4\n", "r.yaml:1");
    refused("4\n", "mapping");
    refused("model:\n scale: 4\n  x: 1\n", "r.yaml:");
    refused("a: &x 1\nb: *x\n", "r.yaml:1: unknown key 'a'");
}

TEST(lines, "keys that are no scalars, and sections without keys, are named with their line too")
{
    refused("\nmodell: {scale: 4}\n", "r.yaml:2: unknown section 'modell'");
    refused("name: x\n{}: 1\n", "r.yaml:2: a key is wanted");
    refused("name: x\nmodel:\n", "r.yaml:2: section 'model' has no keys");
    refused("model: 4\n", "r.yaml:1: section 'model' has no keys");
    refused("name: \"a\\x01b\"\n", "r.yaml:1: name");
    refused("train: {lr: }\n", "r.yaml:1: train.lr is ''");
    refused("model: {scale: 4}\nmodel: {scale: 2}\n", "r.yaml:2: key 'model.scale' stands twice");
    refused("name: x\n...\n---\nname: y\n", "r.yaml:4: key 'name' stands twice");
}

TEST(prints, "numbers print short and read back to the same bits; a text has no stale end")
{
    static const char *const values[] = {"0.1", "3e-4", "1e-7", "0.30000000000000004", "123456.7"};
    drn_recipe a, b;
    drn_error err = {0};
    drn_recipe_defaults(&a);
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        char set[64];
        snprintf(set, sizeof set, "train.clip=%s", values[i]);
        CHECK_OK(drn_recipe_set(&a, set, &err), err);
        CHECK_OK(drn_recipe_set(&a, "name=a long name", &err), err);
        CHECK_OK(drn_recipe_set(&a, i % 2 ? "name=x" : "name=", &err), err);
        char *text = drn_recipe_print(&a);
        CHECK(text && !strstr(text, "0000000001") && !strstr(text, "9999"));
        CHECK_OK(parse(&b, text, &err), err);
        CHECK(memcmp(&a, &b, sizeof a) == 0);
        drn_free(text);
    }
    CHECK_INT(drn_recipe_set(&a, "name=\xff", &err), DRN_ERR_INVALID);
    CHECK_INT(drn_recipe_set(&a, "name=a\"b", &err), DRN_ERR_INVALID);
}

TEST(builtin, "the recipes are in the library, byte for byte; a file of the name goes first")
{
    drn_error err = {0};
    drn_recipe r;
    char **names;
    size_t n, size, inside = 0;
    CHECK_OK(drn_dir_list(&names, &n, RECIPES_DIR, &err), err);
    while (drn_recipe_builtin_name(inside))
        inside++;
    CHECK_INT(inside, n);
    for (size_t i = 0; i < n; i++) {
        char *path = drn_path_join(RECIPES_DIR, names[i]);
        void *file;
        size_t file_size;
        CHECK_OK(drn_file_read(&file, &file_size, path, 1 << 20, &err), err);
        *strrchr(names[i], '.') = 0;
        const char *text = drn_recipe_builtin(names[i], &size);
        CHECK(text && size == file_size && memcmp(text, file, size) == 0);
        CHECK_OK(drn_recipe_load(&r, names[i], &err), err);
        drn_free(file);
        drn_free(path);
    }
    drn_list_free(names, n);
    CHECK_INT(drn_recipe_load(&r, "paper-x5", &err), DRN_ERR_IO);
    CHECK(strstr(err.message, "paper-x5") && strstr(err.message, "paper-x4"));
    CHECK_INT(chdir(test_tmp_dir()), 0);
    CHECK_OK(drn_file_write("tiny-x4", "model: {scale: 8}\n", 18, &err), err);
    CHECK_OK(drn_recipe_load(&r, "tiny-x4", &err), err);
    CHECK_INT(r.scale, 8);
    CHECK_OK(drn_make_dirs("tiny-x2", &err), err); /* a run's folder of that name does not matter */
    CHECK_OK(drn_recipe_load(&r, "tiny-x2", &err), err);
    CHECK_INT(r.scale, 2);
}

TEST(set, "a key can be set from a command line")
{
    drn_recipe r;
    drn_error err = {0};
    drn_recipe_defaults(&r);
    CHECK_OK(drn_recipe_set(&r, "train.lr=5e-4", &err), err);
    CHECK(r.lr == 5e-4);
    CHECK_INT(drn_recipe_set(&r, "train.lr", &err), DRN_ERR_INVALID);
    CHECK_INT(drn_recipe_set(&r, "train.speed=1", &err), DRN_ERR_INVALID);
    CHECK(strstr(err.message, "train.speed"));
    CHECK_INT(drn_recipe_set(&r, "model.scale=99999999999999999999", &err), DRN_ERR_INVALID);
}

TEST(shipped, "the shipped recipes load, and print back as themselves")
{
    drn_error err = {0};
    char **names;
    size_t n, seen = 0;
    CHECK_OK(drn_dir_list(&names, &n, RECIPES_DIR, &err), err);
    for (size_t i = 0; i < n; i++) {
        drn_recipe a, b;
        char *path = drn_path_join(RECIPES_DIR, names[i]);
        CHECK_OK(drn_recipe_load(&a, path, &err), err);
        CHECK_OK(drn_recipe_check(&a, &err), err);
        char *text = drn_recipe_print(&a);
        CHECK(text);
        CHECK_OK(parse(&b, text, &err), err);
        CHECK(memcmp(&a, &b, sizeof a) == 0);
        if (strcmp(names[i], "paper-x4.yaml") == 0) {
            CHECK(a.scale == 4 && a.batch == 16 && a.patch == 32 && a.lr == 1e-5 && a.steps == 1000000 &&
                  a.loss == 5 && a.dual && a.dual_target == 0 && a.dual_weight == 1 && a.schedule == 1);
            seen++;
        }
        drn_free(text);
        drn_free(path);
    }
    CHECK_INT(seen, 1);
    drn_list_free(names, n);
}
