#include "train/builtin.h"

#include <string.h>

/* X(symbol, name) for each; CMakeLists.txt of this folder names the same files. */
#define RECIPES(X)                                                                                 \
    X(paper_x4, "paper-x4")                                                                        \
    X(paper_x8, "paper-x8")                                                                        \
    X(best_x4, "best-x4")                                                                          \
    X(photo_x4, "photo-x4")                                                                        \
    X(graphics_x4, "graphics-x4")                                                                  \
    X(compact_x4, "compact-x4")                                                                    \
    X(compact_gs_x4, "compact-gs-x4")                                                              \
    X(fast_x4, "fast-x4")                                                                          \
    X(study_x4, "study-x4")                                                                        \
    X(tiny_x2, "tiny-x2")                                                                          \
    X(tiny_x4, "tiny-x4")

/* The file stands in the read-only data between two symbols. */
#define EMBED(symbol, name)                                                                        \
    __asm__(".section .rodata\n"                                                                   \
            "drn_recipe_" #symbol "_begin:\n"                                                      \
            ".incbin \"" DRN_RECIPES_DIR "/" name ".yaml\"\n"                                      \
            "drn_recipe_" #symbol "_end:\n"                                                        \
            ".byte 0\n"                                                                            \
            ".previous\n");                                                                        \
    extern const char drn_recipe_##symbol##_begin[] __attribute__((visibility("hidden")));         \
    extern const char drn_recipe_##symbol##_end[] __attribute__((visibility("hidden")));
RECIPES(EMBED)

#define ENTRY(symbol, name) {name, drn_recipe_##symbol##_begin, drn_recipe_##symbol##_end},
static const struct {
    const char *name, *begin, *end;
} recipes[] = {RECIPES(ENTRY)};

const char *drn_recipe_builtin_name(size_t i)
{
    return i < sizeof recipes / sizeof *recipes ? recipes[i].name : NULL;
}

const char *drn_recipe_builtin(const char *name, size_t *size)
{
    for (size_t i = 0; drn_recipe_builtin_name(i); i++)
        if (strcmp(recipes[i].name, name) == 0) {
            *size = (size_t)(recipes[i].end - recipes[i].begin);
            return recipes[i].begin;
        }
    return NULL;
}
