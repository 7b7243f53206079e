/* Several sources: weights, shares of the pictures, folders below folders. */
#include "data/dataset.h"
#include "data/listing.h"
#include "pictures.h"

#include <math.h>
#include <stdlib.h>
#include <unistd.h>

static char small_dir[300], large_dir[300];

static void make_dirs(void)
{
    if (small_dir[0])
        return;
    snprintf(small_dir, sizeof small_dir, "%s", fresh_dir());
    snprintf(large_dir, sizeof large_dir, "%s", fresh_dir());
    for (int i = 0; i < 40; i++) {
        char name[24];
        snprintf(name, sizeof name, "%03d.ppm", i);
        put_noise(i < 4 ? small_dir : large_dir, name, 4, 4, (uint64_t)i);
    }
}

static drn_dataset *open_two(const char *a, const char *b, double ratio, uint64_t seed)
{
    drn_dataset *d;
    drn_error err = {0};
    const char *dirs[] = {a, b};
    drn_dataset_options o = {
        .dirs = dirs, .dir_count = b ? 2 : 1, .ratio = ratio, .ratio_seed = seed};
    CHECK_OK(drn_dataset_open(&d, &o, &err), err);
    return d;
}

/* Share of draws that fall into the first source. */
static double first_share(const drn_dataset *d, size_t first)
{
    enum { DRAWS = 200000 };
    drn_rng rng;
    size_t hits = 0;
    drn_rng_seed(&rng, 9, 9);
    for (int i = 0; i < DRAWS; i++)
        hits += drn_dataset_draw(d, &rng) < first;
    return (double)hits / DRAWS;
}

TEST(weights, "a source's share of the samples is its weight; without weights pictures are equal")
{
    make_dirs();
    static const struct {
        const char *a, *b;
        double share;
    } cases[] = {
        {"", "", 4.0 / 40}, {":3", ":1", 0.75}, {":0.5", "", 1.0 / 3}, {"", ":1e-3", 1 / 1.001}};
    for (int i = 0; i < 4; i++) {
        char a[340], b[340];
        snprintf(a, sizeof a, "%s%s", small_dir, cases[i].a);
        snprintf(b, sizeof b, "%s%s", large_dir, cases[i].b);
        drn_dataset *d = open_two(a, b, 0, 0);
        CHECK_INT(drn_dataset_count(d), 40);
        CHECK_NEAR(first_share(d, 4), cases[i].share, 5 * 0.5 / sqrt(200000));
        drn_dataset_free(d);
    }
    /* without weights the draw is the plain one, so that older runs keep their samples */
    drn_dataset *d = open_two(small_dir, large_dir, 0, 0);
    drn_rng a, b;
    drn_rng_seed(&a, 1, 2);
    drn_rng_seed(&b, 1, 2);
    for (int i = 0; i < 100; i++)
        CHECK(drn_dataset_draw(d, &a) == drn_rng_below(&b, 40));
    drn_dataset_free(d);
}

TEST(weight_text, "a weight stands behind the last colon; a path that exists has none")
{
    make_dirs();
    static const struct {
        const char *text, *path;
        double weight;
    } cases[] = {{"a:2", "a", 2},        {"a:b:0.5", "a:b", 0.5}, {"a", "a", 0},
                 {"a:", "a:", 0},        {"a:x", "a:x", 0},       {"a:0", "a:0", 0},
                 {"a:-1", "a:-1", 0},    {":3", ":3", 0},         {"a:nan", "a:nan", 0},
                 {"a:1e99", "a:1e99", 0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[32];
        strcpy(text, cases[i].text);
        CHECK_NEAR(drn_listing_weight(text), cases[i].weight, 0);
        CHECK_STR(text, cases[i].path);
    }
    char odd[340];
    drn_error err = {0};
    snprintf(odd, sizeof odd, "%s/x:7", small_dir);
    CHECK_OK(drn_make_dirs(odd, &err), err);
    CHECK_NEAR(drn_listing_weight(odd), 0, 0);
    CHECK_INT(rmdir(odd), 0);
}

static bool holds(const drn_dataset *d, const char *path)
{
    for (size_t i = 0; i < drn_dataset_count(d); i++)
        if (strcmp(drn_dataset_path(d, i), path) == 0)
            return true;
    return false;
}

TEST(ratio,
     "a share takes so many of each source, the same for a seed, a part of every larger share")
{
    make_dirs();
    drn_dataset *third = open_two(large_dir, small_dir, 0.3, 5),
                *half = open_two(large_dir, small_dir, 0.5, 5),
                *again = open_two(large_dir, small_dir, 0.3, 5),
                *other = open_two(large_dir, small_dir, 0.3, 6),
                *least = open_two(large_dir, small_dir, 1e-9, 5),
                *all = open_two(large_dir, small_dir, 1, 5);
    CHECK_INT(drn_dataset_count(third), 11 + 1); /* of 36 and 4 */
    CHECK_INT(drn_dataset_count(half), 18 + 2);
    CHECK_INT(drn_dataset_count(least), 2);
    CHECK_INT(drn_dataset_count(all), 40);
    size_t shared = 0;
    for (size_t i = 0; i < drn_dataset_count(third); i++) {
        CHECK(holds(half, drn_dataset_path(third, i)));
        CHECK_STR(drn_dataset_path(third, i), drn_dataset_path(again, i));
        shared += holds(other, drn_dataset_path(third, i));
        CHECK(i == 0 || i == 11 ||
              strcmp(drn_dataset_path(third, i - 1), drn_dataset_path(third, i)) < 0);
    }
    CHECK(shared < drn_dataset_count(third));
    CHECK(drn_dataset_fingerprint(third) == drn_dataset_fingerprint(again));
    CHECK(drn_dataset_fingerprint(third) != drn_dataset_fingerprint(other));
    drn_dataset *sets[] = {third, half, again, other, least, all};
    for (int i = 0; i < 6; i++)
        drn_dataset_free(sets[i]);
}

TEST(below, "folders below a folder are searched, in the order of names; hidden ones are not")
{
    char dir[300], sub[320];
    drn_error err = {0};
    snprintf(dir, sizeof dir, "%s", fresh_dir());
    static const char *const subs[] = {"n02", "n01", "n01/deep", ".hidden"};
    for (int i = 0; i < 4; i++) {
        snprintf(sub, sizeof sub, "%s/%s", dir, subs[i]);
        CHECK_OK(drn_make_dirs(sub, &err), err);
        put_noise(sub, "p.ppm", 4, 4, (uint64_t)i);
    }
    put_noise(dir, "m.ppm", 4, 4, 9);
    put_noise(dir, ".secret.ppm", 4, 4, 9);
    snprintf(sub, sizeof sub, "%s/n01/deep/up", dir);
    CHECK_INT(symlink(dir, sub), 0); /* leads back: not followed for ever */
    drn_dataset *d = open_two(dir, NULL, 0, 0);
    static const char *const want[] = {"/m.ppm", "/n01/deep/p.ppm", "/n01/p.ppm", "/n02/p.ppm"};
    CHECK_INT(drn_dataset_count(d), 4);
    for (size_t i = 0; i < 4; i++)
        CHECK_STR(drn_dataset_path(d, i) + strlen(dir), want[i]);
    drn_dataset_free(d);
}
