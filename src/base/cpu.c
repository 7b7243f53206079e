#include "base/cpu.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

static atomic_uint allowed = ~0u;

static unsigned detect(void)
{
    unsigned isa = DRN_ISA_REF;
#if defined(__x86_64__) && (defined(__GNUC__) || defined(__clang__))
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        isa |= DRN_ISA_AVX2;
#endif
    return isa;
}

unsigned drn_cpu_isa(void)
{
    const char *env = getenv("DRN_ISA");
    unsigned isa = detect() & atomic_load(&allowed);
    if (env && strcmp(env, "ref") == 0)
        isa = DRN_ISA_REF;
    return isa;
}

void drn_cpu_mask(unsigned mask)
{
    atomic_store(&allowed, mask);
}

const char *drn_cpu_isa_name(void)
{
    return drn_cpu_isa() & DRN_ISA_AVX2 ? "avx2" : "ref";
}
