/* The models compiled into the library: the table `drn models` prints. */
#include "models/model.h"

#include <string.h>

typedef struct zoo_entry {
    drn_builtin about;
    const unsigned char *begin, *end;
    const char *sha256; /* from CMakeLists.txt */
} zoo_entry;

/* The file stands in the read-only data between two symbols. */
#define EMBED(symbol, file)                                                                        \
    __asm__(".section .rodata\n"                                                                   \
            ".balign 64\n" #symbol "_begin:\n"                                                     \
            ".incbin \"" file "\"\n" #symbol "_end:\n"                                             \
            ".byte 0\n"                                                                            \
            ".previous\n");                                                                        \
    extern const unsigned char symbol##_begin[] __attribute__((visibility("hidden")));             \
    extern const unsigned char symbol##_end[] __attribute__((visibility("hidden")))

/* entry(symbol, name, scale, is the default, summary): the first is the default */
#define MODELS(entry)                                                                              \
    entry(drn_compact_x4, "drn-compact-x4", 4, true, "fast: clean pictures")                       \
    entry(drn_compact_photo_x4, "drn-compact-photo-x4", 4, false, "fast: JPEG files, noise, mild blur") \
    entry(drn_compact_graphics_x4, "drn-compact-graphics-x4", 4, false, "fast: screenshots, text, line art, logos") \
    entry(drn_fast_x4, "drn-fast-x4", 4, false, "fastest at x4: clean pictures")                   \
    entry(drn_fast_x2, "drn-fast-x2", 2, false, "fastest at x2: clean pictures")                   \
    entry(drn_x2, "drn-x2", 2, false, "best at x2: clean pictures")                                \
    entry(drn_x4, "drn-x4", 4, false, "best at x4: clean pictures")                                \
    entry(drn_x8, "drn-x8", 8, false, "best at x8: clean pictures")                                \
    entry(drn_photo_x4, "drn-photo-x4", 4, false, "best for JPEG files, noise, mild blur")

#ifdef DRN_WEIGHTS_DIR
#define EMBED_MODEL(symbol, name, scale, is_default, summary) EMBED(symbol, DRN_WEIGHTS_DIR "/" name ".safetensors");
MODELS(EMBED_MODEL)
#endif

#define MODEL_ENTRY(symbol, name, scale, is_default, summary)                                      \
    {{name, summary, scale, is_default}, symbol##_begin, symbol##_end, DRN_SHA256_##symbol},

static const zoo_entry zoo[] = {
#ifdef DRN_WEIGHTS_DIR
    MODELS(MODEL_ENTRY)
#endif
    {{NULL, NULL, 0, false}, NULL, NULL, NULL},
};

const drn_builtin *drn_model_builtin(size_t i)
{
    return i + 1 < sizeof zoo / sizeof *zoo ? &zoo[i].about : NULL;
}

/* Drawings have one model, for every size: the others learned from photographs alone.  Past x4, one pass of drn-x8 is better than two of the compact model (weights/drn-x8.md has the numbers);
 * a damaged picture needs its blocks or noise smoothed, whatever the size. */
const char *drn_model_for(bool best, drn_picture_kind kind, double times)
{
    if (!drn_model_builtin(0))
        return NULL;
    if (kind == DRN_PICTURE_DRAWN)
        return "drn-compact-graphics-x4";
    if (kind == DRN_PICTURE_DAMAGED)
        return best ? "drn-photo-x4" : "drn-compact-photo-x4";
    if (times > 4 && times <= 8)
        return "drn-x8";
    if (best)
        return times > 0 && times <= 2 ? "drn-x2" : "drn-x4";
    return "drn-compact-x4";
}

const void *drn_zoo_data(const char *name, size_t *size)
{
    for (size_t i = 0; drn_model_builtin(i); i++)
        if (strcmp(zoo[i].about.name, name) == 0) {
            *size = (size_t)(zoo[i].end - zoo[i].begin);
            return zoo[i].begin;
        }
    return NULL;
}

const char *drn_zoo_sha256(const char *name)
{
    for (size_t i = 0; drn_model_builtin(i); i++)
        if (strcmp(zoo[i].about.name, name) == 0)
            return zoo[i].sha256;
    return NULL;
}
