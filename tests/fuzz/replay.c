/* Feeds a corpus folder to a fuzz target without libFuzzer: every file, its prefixes, and
 * mutations of it from a fixed seed. */
#include "base/fileio.h"
#include "base/mem.h"
#include "base/rng.h"
#include "fuzz.h"

#include <string.h>

enum { PREFIXES = 64, MUTATIONS = 300 };

/* A copy of exactly the size given, so that sanitizers see a read behind its end. */
static void feed(const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size + !size);
    if (!copy)
        abort();
    if (size)
        memcpy(copy, data, size);
    (void)LLVMFuzzerTestOneInput(copy, size);
    free(copy);
}

static void mutate(uint8_t *data, size_t size, drn_rng *rng)
{
    for (uint64_t edits = 1 + drn_rng_below(rng, 4); edits > 0; edits--) {
        uint8_t *p = data + drn_rng_below(rng, size);
        switch (drn_rng_below(rng, 3)) {
        case 0:
            *p ^= (uint8_t)(1u << drn_rng_below(rng, 8));
            break;
        case 1:
            *p = (uint8_t)drn_rng_below(rng, 256);
            break;
        default:
            *p = data[drn_rng_below(rng, size)];
        }
    }
}

static void replay(const uint8_t *data, size_t size, uint64_t stream)
{
    drn_rng rng;
    drn_rng_seed(&rng, 1, stream);
    feed(data, size);
    for (size_t i = 0; i < PREFIXES && size; i++)
        feed(data, size * i / PREFIXES);
    uint8_t *copy = malloc(size + !size);
    for (int i = 0; i < MUTATIONS && size && copy; i++) {
        memcpy(copy, data, size);
        mutate(copy, size, &rng);
        feed(copy, size);
    }
    free(copy);
}

int main(int argc, char **argv)
{
    drn_error err = {0};
    char **names;
    size_t count;
    if (argc != 2 || drn_dir_list(&names, &count, argv[1], &err) != DRN_OK) {
        fprintf(stderr, "usage: %s CORPUS_FOLDER  %s\n", argv[0], err.message);
        return 2;
    }
    for (size_t i = 0; i < count; i++) {
        char *path = drn_path_join(argv[1], names[i]);
        void *data;
        size_t size;
        if (!path || drn_file_read(&data, &size, path, (size_t)1 << 24, &err) != DRN_OK) {
            fprintf(stderr, "%s\n", err.message);
            return 1;
        }
        printf("%s\n", names[i]);
        fflush(stdout);
        replay(data, size, i);
        drn_free(data);
        drn_free(path);
    }
    drn_list_free(names, count);
    return count > 0 ? 0 : 1;
}
