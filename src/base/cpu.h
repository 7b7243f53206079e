/* Which instruction sets the kernels may use. */
#ifndef DRN_BASE_CPU_H
#define DRN_BASE_CPU_H

enum {
    DRN_ISA_REF = 0,        /* portable C only */
    DRN_ISA_AVX2 = 1u << 0, /* AVX2 and FMA */
    DRN_ISA_NEON = 1u << 1, /* every 64-bit ARM */
    DRN_ISA_SSE2 = 1u << 2  /* every 64-bit x86 */
};

/* Instruction sets of this CPU that are compiled in, less what the environment variable DRN_ISA
 * ("avx2", "neon", "sse2" or "ref": this one only) or drn_cpu_mask() forbid.  Bits of DRN_ISA_*. */
unsigned drn_cpu_isa(void);

/* Allow only these from now on; for tests and the --isa flag.  ~0u allows all again. */
void drn_cpu_mask(unsigned allowed);

/* The best set in use, as DRN_ISA calls it. */
const char *drn_cpu_isa_name(void);

#endif
