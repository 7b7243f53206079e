/* Chains of AVX2 fused multiply-adds: 12 of latency 4-5 keep two units busy. */
#include "kernels/simd/unroll.h"

#include <immintrin.h>

double drn_peak_avx2(long rounds, float *sink);

double drn_peak_avx2(long rounds, float *sink)
{
    enum { CHAINS = 12 };
    __m256 acc[CHAINS], factor = _mm256_set1_ps(0.999f + *sink), half = _mm256_set1_ps(0.5f);
    DRN_UNROLL(12)
    for (int i = 0; i < CHAINS; i++)
        acc[i] = _mm256_set1_ps((float)i);
    for (long r = 0; r < rounds; r++) {
        DRN_UNROLL(12)
        for (int i = 0; i < CHAINS; i++)
            acc[i] = _mm256_fmadd_ps(acc[i], factor, half);
    }
    __m256 sum = _mm256_setzero_ps();
    DRN_UNROLL(12)
    for (int i = 0; i < CHAINS; i++)
        sum = _mm256_add_ps(sum, acc[i]);
    *sink += _mm_cvtss_f32(_mm256_castps256_ps128(sum)) * 1e-30f;
    return 2.0 * CHAINS * 8 * (double)rounds;
}
