/* What the two warpgroup kernels share: tiles in shared memory as planes of 8 channels, [channels/8][pixel][8], so
 * that an operand begins at any pixel and a convolution's nine taps are nine places to begin at. */
#ifndef DRN_CUDA_GROUP_CUH
#define DRN_CUDA_GROUP_CUH

#include "cuda/device.cuh"

enum { TAPS = 9, COLS = 16, HALO_W = COLS + 2 };

/* Bytes of a plane of `pixels`: 16 more than a multiple of 128, so that neighbouring planes meet other banks. */
constexpr int plane_bytes(int pixels)
{
    return (pixels * 16 + 127) / 128 * 128 + 16;
}

/* 8-channel bfloat16 pixels of one image, as the convolution sees them: one of the four quarters of a shuffled one. */
typedef struct view {
    const uint16_t *first;
    int h, w, row, pixel; /* pixels; elements to the next row and pixel */
} view;

/* Channels from `channel` on; when sub is 4 they count as in the unshuffled tensor and lie within a quarter. */
DRN_DEV view view_of(const drn_dten &t, int sub, int image, int channel)
{
    int scale = sub == 4 ? 2 : 1, quarter = sub == 4 ? channel / t.c : 0;
    const uint16_t *p = (const uint16_t *)t.p + pixel_at(t, image, quarter / 2, quarter % 2) + (size_t)(channel - quarter * t.c);
    return view{p, t.h / scale, t.w / scale, t.w * t.cs * scale, t.cs * scale};
}

/* [rows][width] pixels at (y0, x0), 8 * CHUNKS channels, into planes of PLANE bytes, by `threads` threads of which
 * this is number `thread`; asynchronously; what lies outside is zero. */
template <int CHUNKS, int PLANE>
DRN_DEV void load_planes(unsigned char *to, const view &v, int y0, int x0, int rows, int width, int thread, int threads)
{
    for (int i = thread; i < rows * width * CHUNKS; i += threads) {
        int p = i / CHUNKS, part = i % CHUNKS, y = y0 + p / width, x = x0 + p % width;
        bool valid = y >= 0 && y < v.h && x >= 0 && x < v.w;
        copy_async16(to + part * PLANE + p * 16, valid ? v.first + (size_t)y * v.row + x * v.pixel + part * 8 : v.first, valid);
    }
}

/* The same of a float32 image of at most 8 channels: one plane of it and zeros in the others. */
template <int CHUNKS, int PLANE>
DRN_DEV void load_image_planes(unsigned char *to, const drn_dten &t, int image, int y0, int x0, int rows, int width, int thread,
                               int threads)
{
    const float *in = (const float *)t.p;
    for (int p = thread; p < rows * width; p += threads) {
        int y = y0 + p / width, x = x0 + p % width;
        bool valid = y >= 0 && y < t.h && x >= 0 && x < t.w;
        const float *px = in + (valid ? pixel_at(t, image, y, x) : 0);
        uint32_t v[4];
        for (int c = 0; c < 8; c += 2)
            v[c / 2] = pack_bf16(valid && c < t.c ? px[c] : 0.0f, valid && c + 1 < t.c ? px[c + 1] : 0.0f);
        *(uint4 *)(to + p * 16) = make_uint4(v[0], v[1], v[2], v[3]);
        for (int part = 1; part < CHUNKS; part++)
            *(uint4 *)(to + part * PLANE + p * 16) = make_uint4(0, 0, 0, 0);
    }
}

#endif
