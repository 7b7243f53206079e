/* The models compiled into the library: the table `drn models` prints. */
#include "models/model.h"

#include <string.h>

typedef struct zoo_entry {
    drn_builtin about;
    const unsigned char *begin, *end;
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

#ifdef DRN_WEIGHTS_DIR
EMBED(drn_compact_x4, DRN_WEIGHTS_DIR "/drn-compact-x4.safetensors");
#endif

static const zoo_entry zoo[] = {
#ifdef DRN_WEIGHTS_DIR
    {{"drn-compact-x4", "compact DRN for x4 and x2, clean pictures", 4, true},
     drn_compact_x4_begin,
     drn_compact_x4_end},
#endif
    {{NULL, NULL, 0, false}, NULL, NULL},
};

const drn_builtin *drn_model_builtin(size_t i)
{
    return i + 1 < sizeof zoo / sizeof *zoo ? &zoo[i].about : NULL;
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
