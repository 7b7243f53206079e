/* Processor and memory, as Linux tells in /proc and /sys. */
#include "base/cpu.h"
#include "base/pool.h"
#include "drn/system.h"
#include "kernels/peak.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define PEAK_SECONDS 0.25

/* Value of a "key : value" line; NULL when it is another line. */
static char *value_of(char *line, const char *key)
{
    size_t n = strlen(key);
    char *colon = strchr(line, ':');
    if (strncmp(line, key, n) != 0 || !colon ||
        strspn(line + n, " \t") != (size_t)(colon - line) - n)
        return NULL;
    colon += 1 + strspn(colon + 1, " \t");
    colon[strcspn(colon, "\n")] = 0;
    return colon;
}

/* Those of the CPU's flags that kernels are or could be written for. */
static void pick_features(char *out, size_t size, char *flags)
{
    static const char *const known[] = {
        "sse4_2",      "avx",         "avx2",     "fma",      "avx512f", "avx512bw",
        "avx512_vnni", "avx512_bf16", "amx_tile", "amx_bf16", "asimd",   "asimdhp",
        "asimddp",     "bf16",        "i8mm",     "sve",      "sve2"};
    char *rest;
    size_t used = 0;
    for (char *word = strtok_r(flags, " ", &rest); word; word = strtok_r(NULL, " ", &rest))
        for (size_t i = 0; i < sizeof known / sizeof *known; i++)
            if (strcmp(word, known[i]) == 0 && used + strlen(word) + 2 < size)
                used += (size_t)snprintf(out + used, size - used, "%s%s", used ? " " : "", word);
}

static void read_cpu(drn_machine *m)
{
    char line[8192];
    FILE *f = fopen("/proc/cpuinfo", "re");
    while (f && fgets(line, sizeof line, f) && (!m->cpu[0] || !m->features[0])) {
        char *name = value_of(line, "model name");
        char *flags = name ? NULL : value_of(line, "flags");
        if (!name && !flags)
            flags = value_of(line, "Features"); /* ARM */
        if (name)
            snprintf(m->cpu, sizeof m->cpu, "%.127s", name);
        if (flags)
            pick_features(m->features, sizeof m->features, flags);
    }
    if (f)
        fclose(f);
}

/* First number in a file; 0 when there is none ("max"). */
static uint64_t number_in(const char *path)
{
    uint64_t n = 0;
    FILE *f = fopen(path, "re");
    if (f && fscanf(f, "%" SCNu64, &n) != 1)
        n = 0;
    if (f)
        fclose(f);
    return n;
}

static void read_memory(drn_machine *m)
{
    char line[256];
    FILE *f = fopen("/proc/meminfo", "re");
    while (f && fgets(line, sizeof line, f)) {
        uint64_t kib;
        if (sscanf(line, "MemTotal: %" SCNu64, &kib) == 1)
            m->memory = kib * 1024;
        else if (sscanf(line, "MemAvailable: %" SCNu64, &kib) == 1)
            m->memory_free = kib * 1024;
    }
    if (f)
        fclose(f);
    /* a container's limit */
    uint64_t limit = number_in("/sys/fs/cgroup/memory.max");
    uint64_t used = number_in("/sys/fs/cgroup/memory.current");
    if (limit && limit < m->memory) {
        uint64_t left = limit > used ? limit - used : 0;
        m->memory = limit;
        m->memory_free = left < m->memory_free ? left : m->memory_free;
    }
}

void drn_machine_get(drn_machine *out)
{
    *out = (drn_machine){.cores = drn_cpu_count()};
    snprintf(out->kernels, sizeof out->kernels, "%s", drn_cpu_isa_name());
    read_cpu(out);
    read_memory(out);
}

drn_status drn_machine_peak(double *gflops, int threads, drn_error *err)
{
    drn_pool *pool;
    DRN_TRY(drn_pool_new(&pool, threads, err));
    *gflops = drn_peak_gflops(PEAK_SECONDS, pool);
    drn_pool_free(pool);
    return DRN_OK;
}
