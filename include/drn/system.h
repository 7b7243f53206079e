/* What this library is made of, what it runs on, and whether it computes right here. */
#ifndef DRN_SYSTEM_H
#define DRN_SYSTEM_H

#include "drn/model.h"
#include "drn/upscale.h"

#ifdef __cplusplus
extern "C" {
#endif

/** An optional part of the build. */
typedef struct drn_part {
    const char *name;    /* "vips" */
    const char *version; /* of the library behind it, "" when unknown; NULL: built without */
    const char *purpose; /* one line */
} drn_part;

/** The i-th part, built in or not; NULL past the last.  Thread-safe. */
const drn_part *drn_build_part(size_t i);

/** Compiler and kind of build, for example "GNU 12.2.0, Release".  Never NULL.  Thread-safe. */
const char *drn_build_compiler(void);

/** The computer, as far as it matters here. */
typedef struct drn_machine {
    char cpu[128];        /* its name, "" when the system does not say */
    char features[256];   /* instruction sets that matter for kernels, separated by spaces */
    char kernels[16];     /* the set in use: "avx2", ...; "ref" is portable C (see DRN_ISA) */
    int cores;            /* that this process may use */
    uint64_t memory;      /* bytes of main memory this process may use; 0: unknown */
    uint64_t memory_free; /* of them without pushing anything out; 0: unknown */
} drn_machine;

/** Look.  Never fails; what is unknown stays empty.  Thread-safe. */
void drn_machine_get(drn_machine *out);

/** Measure the float32 fused multiply-add peak, GFLOP/s, for about a quarter of a second.
 *  @param threads  0 = all cores.
 *  @return DRN_OK | DRN_ERR_NOMEM.  Thread-safe. */
drn_status drn_machine_peak(double *gflops, int threads, drn_error *err);

/** Whether the bytes of a built-in model are those that were compiled in.
 *  @param name    as in drn_model_builtin().
 *  @param sha256  receives the sum of the bytes that are there, 64 digits and a zero; may be NULL.
 *  @return DRN_OK | DRN_ERR_FORMAT (they differ) | DRN_ERR_INVALID (no such model) |
 *  DRN_ERR_UNSUPPORTED (no sum is known).  Thread-safe. */
drn_status drn_model_builtin_check(const char *name, char sha256[65], drn_error *err);

/** Enlarge a small picture the usual way, and by portable code in double precision; compare.
 *  @param difference  receives the largest one, in units of white (1/255 is a level of 8 bits).
 *  @param options     device and numbers are looked at, the rest is not; may be NULL.
 *  @return DRN_OK | DRN_ERR_NUMERIC (the difference is larger than the arithmetic explains: 1e-4 on
 * the CPU and in float32, 0.05 otherwise) | DRN_ERR_DEVICE | DRN_ERR_UNSUPPORTED | DRN_ERR_NOMEM.
 *  Thread-safe per model. */
drn_status drn_model_selftest(double *difference, const drn_model *model,
                              const drn_upscale_options *options, drn_error *err);

#ifdef __cplusplus
}
#endif
#endif
