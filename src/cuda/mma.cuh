/* What the two tensor-core kernels share: the shape of a tile, swizzled shared memory, loads into it. */
#ifndef DRN_CUDA_MMA_CUH
#define DRN_CUDA_MMA_CUH

#include "cuda/device.cuh"

enum { TILE_W = 16, HALO_W = TILE_W + 2, TAPS = 9 };

/* Chunk of 8 channels (16 bytes) `chunk` of row `row`, rows of CK channels: where it stands, in elements. */
template <int CK> DRN_DEV int swizzled(int row, int chunk)
{
    if (CK >= 64)
        chunk ^= row & 7;
    else if (CK == 32)
        chunk ^= row >> 1 & 3;
    else if (CK == 16)
        chunk ^= row >> 2 & 1;
    return row * CK + chunk * 8;
}

/* Elements before channel q of position (image, y, x), where q counts channels of the unshuffled tensor when
 * sub is 4: quarter q / t.c of its channels is one of the 2x2 pixels of the shuffled one. */
DRN_DEV size_t channel_at(const drn_dten &t, int sub, int image, int y, int x, int q)
{
    if (sub == 1)
        return pixel_at(t, image, y, x) + (size_t)q;
    int part = q / t.c;
    return pixel_at(t, image, 2 * y + part / 2, 2 * x + part % 2) + (size_t)(q - part * t.c);
}

/* Pixels [rows][width] at (y0, x0) of bfloat16 features into shared memory, CK channels from `channel` on,
 * asynchronously; what lies outside is zero. */
template <int CK>
DRN_DEV void load_features(uint16_t *to, const drn_dten &t, int sub, int image, int y0, int x0, int rows, int width,
                           int channel)
{
    int scale = sub == 4 ? 2 : 1, h = t.h / scale, w = t.w / scale, end = t.cs * sub;
    const uint16_t *in = (const uint16_t *)t.p;
    for (int i = (int)threadIdx.x; i < rows * width * (CK / 8); i += (int)blockDim.x) {
        int p = i / (CK / 8), part = i % (CK / 8), y = y0 + p / width, x = x0 + p % width, q = channel + part * 8;
        bool valid = y >= 0 && y < h && x >= 0 && x < w && q < end;
        copy_async16(to + swizzled<CK>(p, part), valid ? in + channel_at(t, sub, image, y, x, q) : in, valid);
    }
}

/* The same of an image of at most 8 channels, widened with zeros to CK. */
template <int CK>
DRN_DEV void load_image(uint16_t *to, const drn_dten &t, int image, int y0, int x0, int rows, int width)
{
    const float *in = (const float *)t.p;
    for (int i = (int)threadIdx.x; i < rows * width; i += (int)blockDim.x) {
        int y = y0 + i / width, x = x0 + i % width;
        bool valid = y >= 0 && y < t.h && x >= 0 && x < t.w;
        const float *px = in + (valid ? pixel_at(t, image, y, x) : 0);
        uint32_t v[4];
        for (int c = 0; c < 8; c += 2)
            v[c / 2] = pack_bf16(valid && c < t.c ? px[c] : 0.0f, valid && c + 1 < t.c ? px[c + 1] : 0.0f);
        *(uint4 *)(to + swizzled<CK>(i, 0)) = make_uint4(v[0], v[1], v[2], v[3]);
        for (int part = 1; part < CK / 8; part++)
            *(uint4 *)(to + swizzled<CK>(i, part)) = make_uint4(0, 0, 0, 0);
    }
}

#endif
