/* Training patches cut on the device from u8 pictures that stay there; the same samples and the same bits as
 * src/data/patch.c: MATLAB's bicubic in double, rounded to u8 after each of the two passes, rows first. */
#include "cuda/device.cuh"

/* The border repeats the edge sample: the mirror of src/kernels/bicubic.c. */
DRN_DEV int mirror(int i, int n)
{
    int m = i % (2 * n);
    m = m < 0 ? m + 2 * n : m;
    return m < n ? m : 2 * n - 1 - m;
}

/* Half away from zero, clamped; sums are taken product by product, as the CPU's code without fused
 * multiply-add. */
DRN_DEV uint8_t rounded(double v)
{
    v = v > 0 ? __dadd_rn(v, 0.5) : 0;
    return (uint8_t)(int)(v < 255.5 ? v : 255);
}

/* Where source pixel (y, x) of a patch goes: the inverse of to_floats() in patch.c. */
DRN_DEV size_t flipped(int y, int x, int side, int flip)
{
    int a = flip & 2 ? side - 1 - y : y, b = flip & 1 ? side - 1 - x : x;
    return flip & 4 ? (size_t)b * side + a : (size_t)a * side + b;
}

DRN_DEV void store_pixel(float *out, const uint8_t *rgb, const drn_dplace *q)
{
    for (int b = 0; b < 3; b++)
        out[b] = __fdiv_rn((float)rgb[q->channel[b]], 255.0f);
}

/* One block a row of one patch. */
__global__ void k_copy_patch(drn_dlevel l, const uint8_t *pool, const drn_dplace *places)
{
    drn_dplace q = places[blockIdx.y];
    int y = (int)blockIdx.x;
    float *out = l.out + (size_t)blockIdx.y * 3 * l.side * l.side;
    const uint8_t *row = pool + q.offset + 3 * ((size_t)(q.y * l.up + y) * q.width + (size_t)q.x * l.up);
    for (int x = (int)threadIdx.x; x < l.side; x += (int)blockDim.x)
        store_pixel(out + 3 * flipped(y, x, l.side, q.flip), row + 3 * x, &q);
}

__global__ void k_shrink_patch(drn_dlevel l, const uint8_t *pool, const drn_dplace *places)
{
    DRN_SHARED(uint8_t, line); /* the row after the vertical pass: 3 (side d + taps) samples */
    drn_dplace q = places[blockIdx.y];
    int y = (int)blockIdx.x, d = l.scale / l.up;
    int w = q.width / l.scale * l.scale, h = q.height / l.scale * l.scale;
    int left = q.x * l.scale + l.first, top = (q.y * l.up + y) * d + l.first, span = (l.side - 1) * d + l.taps;
    float *out = l.out + (size_t)blockIdx.y * 3 * l.side * l.side;
    for (int i = (int)threadIdx.x; i < 3 * span; i += (int)blockDim.x) {
        const uint8_t *column = pool + q.offset + 3 * mirror(left + i / 3, w) + i % 3;
        double sum = 0;
        for (int t = 0; t < l.taps; t++)
            sum = __dadd_rn(sum, __dmul_rn(l.weight[t], (double)column[3 * (size_t)mirror(top + t, h) * q.width]));
        line[i] = rounded(sum);
    }
    __syncthreads();
    for (int x = (int)threadIdx.x; x < l.side; x += (int)blockDim.x) {
        uint8_t rgb[3];
        for (int b = 0; b < 3; b++) {
            double sum = 0;
            for (int t = 0; t < l.taps; t++)
                sum = __dadd_rn(sum, __dmul_rn(l.weight[t], (double)line[3 * (x * d + t) + b]));
            rgb[b] = rounded(sum);
        }
        store_pixel(out + 3 * flipped(y, x, l.side, q.flip), rgb, &q);
    }
}

void drn_dk_patches(drn_dlevel l, const uint8_t *pool, const drn_dplace *places, int32_t n, cudaStream_t s)
{
    dim3 grid((unsigned)l.side, (unsigned)n);
    size_t line = 3 * ((size_t)(l.side - 1) * (size_t)(l.scale / l.up) + (size_t)l.taps);
    if (l.up == l.scale)
        DRN_LAUNCH(k_copy_patch, grid, 128, 0, s, l, pool, places);
    else
        DRN_LAUNCH(k_shrink_patch, grid, 128, (line + 15) / 16 * 16, s, l, pool, places);
}
