/* Chains of fused multiply-adds: 12 of latency 4-5 keep two units busy.  Sums are added to
 * themselves, so that they need no second register where the result replaces the addend, and stay
 * what they were. */
#include "kernels/simd/isa.h"
#include "kernels/simd/vec.h"

double DRN_SIMD(peak)(long rounds, float *sink)
{
    enum { CHAINS = 12 };
    static const float lanes[8] = {0, 1, 2, 3, 4, 5, 6, 7}; /* all apart, or one chain may serve two */
    v8 acc[CHAINS], factor = v8_set(1e-9f + *sink);
    DRN_UNROLL(12)
    for (int i = 0; i < CHAINS; i++)
        acc[i] = v8_add(v8_load(lanes), v8_set((float)(8 * i)));
    for (long r = 0; r < rounds; r++) {
        DRN_UNROLL(12)
        for (int i = 0; i < CHAINS; i++)
            acc[i] = v8_fma(acc[i], factor, acc[i]);
    }
    v8 sum = v8_zero();
    DRN_UNROLL(12)
    for (int i = 0; i < CHAINS; i++)
        sum = v8_add(sum, acc[i]);
    float total[8];
    v8_store(total, sum);
    for (int i = 0; i < 8; i++)
        *sink += total[i] * 1e-30f;
    return 2.0 * CHAINS * 8 * (double)rounds;
}
