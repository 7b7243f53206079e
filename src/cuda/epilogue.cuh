/* What a tensor-core convolution does with its sums before they are stored. */
#ifndef DRN_CUDA_EPILOGUE_CUH
#define DRN_CUDA_EPILOGUE_CUH

#include "cuda/device.cuh"

/* Element (row j, lane t) of a quad of lanes goes to (row t, lane j). */
DRN_DEV void transpose_quad(uint32_t *r, int lane)
{
#pragma unroll
    for (int step = 1; step <= 2; step++) {
#pragma unroll
        for (int i = 0; i < 2; i++) {
            int lo = step == 1 ? 2 * i : i, hi = lo + step;
            bool up = (lane & step) != 0;
            uint32_t got = __shfl_xor_sync(0xffffffffu, up ? r[lo] : r[hi], step);
            if (up)
                r[lo] = got;
            else
                r[hi] = got;
        }
    }
}

DRN_DEV float activated(float v, const drn_depilogue &e)
{
    return e.activate && !(v > 0) ? e.slope * v : v;
}

/* Two neighbouring channels at element `at` of a feature tensor. */
DRN_DEV uint32_t finish_pair(float u, float v, const drn_depilogue &e, size_t at)
{
    u = activated(u, e);
    v = activated(v, e);
    if (e.add) {
        uint32_t a = *(const uint32_t *)((const uint16_t *)e.add + at);
        u += low_bf16(a);
        v += high_bf16(a);
    }
    if (e.mask) {
        uint32_t k = *(const uint32_t *)((const uint16_t *)e.mask + at);
        u *= low_bf16(k) > 0 ? 1.0f : e.mask_slope;
        v *= high_bf16(k) > 0 ? 1.0f : e.mask_slope;
    }
    return pack_bf16(u, v);
}

/* Bias of unshuffled channel order for the channel at position q of the packed order. */
DRN_DEV float bias_of(const drn_dmma &m, int q)
{
    if (!m.e.bias || q >= m.out.c * m.sub_out)
        return 0;
    return m.e.bias[m.sub_out == 1 ? q : q % m.out.c * m.sub_out + q / m.out.c];
}

/* Channels 2 (lane % 4) and the next of an image, from sums acc[2 half]. */
DRN_DEV void store_image(const drn_dmma &m, const float *acc, int half, int image, int y, int x, bool valid, int lane)
{
    for (int e = 0; e < 2; e++) {
        int q = 2 * (lane & 3) + e;
        if (!valid || q >= m.out.c)
            continue;
        size_t at = pixel_at(m.out, image, y, x) + (size_t)q;
        float v = activated(acc[2 * half + e] + bias_of(m, q), m.e);
        v += m.e.add ? ((const float *)m.e.add)[at] : 0.0f;
        if (m.e.mask)
            v *= ((const float *)m.e.mask)[at] > 0 ? 1.0f : m.e.mask_slope;
        ((float *)m.out.p)[at] = v;
    }
}

#endif
