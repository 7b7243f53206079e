#include "base/cpu.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

static atomic_uint allowed = ~0u;

/* Best first; the last is always there. */
static const struct {
    const char *name;
    unsigned isa;
} sets[] = {
    {"avx2", DRN_ISA_AVX2}, {"neon", DRN_ISA_NEON}, {"sse2", DRN_ISA_SSE2}, {"ref", DRN_ISA_REF}};
enum { SETS = sizeof sets / sizeof *sets };

static unsigned detect(void)
{
    unsigned isa = DRN_ISA_REF;
#if defined(__x86_64__) && (defined(__GNUC__) || defined(__clang__))
    isa |= DRN_ISA_SSE2;
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        isa |= DRN_ISA_AVX2;
#elif defined(__aarch64__)
    isa |= DRN_ISA_NEON;
#endif
    return isa;
}

unsigned drn_cpu_isa(void)
{
    const char *env = getenv("DRN_ISA");
    unsigned isa = detect() & atomic_load(&allowed);
    for (int i = 0; env && i < SETS; i++)
        if (strcmp(env, sets[i].name) == 0)
            isa &= sets[i].isa;
    return isa;
}

void drn_cpu_mask(unsigned mask)
{
    atomic_store(&allowed, mask);
}

const char *drn_cpu_isa_name(void)
{
    unsigned isa = drn_cpu_isa();
    int i = 0;
    while (i + 1 < SETS && !(isa & sets[i].isa))
        i++;
    return sets[i].name;
}
