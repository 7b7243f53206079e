/* Pixel shuffle and separable resizing. */
#include "cuda/device.cuh"

/* Both directions: lo[n, c, h, w] and hi[n, c/f^2, h f, w f]; a thread an element of what is written, zero
 * lanes included. */
__global__ void k_shuffle(drn_dten hi, drn_dten lo, int32_t f, size_t n)
{
    for (size_t i = thread_index(); i < n; i += thread_count()) {
        int c = (int)(i % (size_t)hi.cs), x = (int)(i / hi.cs % hi.w), y = (int)(i / hi.cs / hi.w % hi.h);
        int image = (int)(i / hi.cs / hi.w / hi.h);
        float v = 0;
        if (c < hi.c)
            v = get(lo.p, lo.half, pixel_at(lo, image, y / f, x / f) + (size_t)(c * f * f + y % f * f + x % f));
        put(hi.p, hi.half, i, v);
    }
}

void drn_dk_shuffle(drn_dten y, drn_dten x, int32_t f, cudaStream_t s)
{
    size_t n = (size_t)y.n * y.h * y.w * y.cs;
    DRN_LAUNCH(k_shuffle, blocks_for(n), DRN_THREADS, 0, s, y, x, f, n);
}

__global__ void k_shuffle_backward(drn_dten lo, drn_dten hi, int32_t f, int accumulate, size_t n)
{
    for (size_t i = thread_index(); i < n; i += thread_count()) {
        int c = (int)(i % (size_t)lo.cs), x = (int)(i / lo.cs % lo.w), y = (int)(i / lo.cs / lo.w % lo.h);
        int image = (int)(i / lo.cs / lo.w / lo.h), sub = c % (f * f);
        float v = 0;
        if (c < lo.c)
            v = get(hi.p, hi.half, pixel_at(hi, image, y * f + sub / f, x * f + sub % f) + (size_t)(c / (f * f)));
        put(lo.p, lo.half, i, v + (accumulate ? get(lo.p, lo.half, i) : 0.0f));
    }
}

void drn_dk_shuffle_backward(drn_dten dx, drn_dten dy, int32_t f, int accumulate, cudaStream_t s)
{
    size_t n = (size_t)dx.n * dx.h * dx.w * dx.cs;
    DRN_LAUNCH(k_shuffle_backward, blocks_for(n), DRN_THREADS, 0, s, dx, dy, f, accumulate, n);
}

/* tmp[n][out h][in w][cs] */
__global__ void k_resize_rows(float *tmp, drn_dten x, drn_daxis a, int32_t out_h, size_t n)
{
    size_t row = (size_t)x.w * x.cs;
    for (size_t i = thread_index(); i < n; i += thread_count()) {
        size_t at = i % row, o = i / row % out_h, image = i / row / out_h;
        float sum = 0;
        for (int32_t k = a.start[o]; k < a.start[o + 1]; k++)
            sum += a.weight[k] * get(x.p, x.half, (image * x.h + a.index[k]) * row + at);
        tmp[i] = sum;
    }
}

__global__ void k_resize_cols(drn_dten y, const float *tmp, drn_daxis a, int32_t in_w, int accumulate, size_t n)
{
    for (size_t i = thread_index(); i < n; i += thread_count()) {
        size_t c = i % (size_t)y.cs, o = i / y.cs % y.w, line = i / y.cs / y.w;
        float sum = 0;
        for (int32_t k = a.start[o]; k < a.start[o + 1]; k++)
            sum += a.weight[k] * tmp[(line * in_w + a.index[k]) * y.cs + c];
        put(y.p, y.half, i, sum + (accumulate ? get(y.p, y.half, i) : 0.0f));
    }
}

void drn_dk_resize(drn_dten y, float *tmp, drn_dten x, drn_daxis rows, drn_daxis cols, int accumulate,
                   cudaStream_t s)
{
    size_t middle = (size_t)x.n * y.h * x.w * x.cs, n = (size_t)y.n * y.h * y.w * y.cs;
    DRN_LAUNCH(k_resize_rows, blocks_for(middle), DRN_THREADS, 0, s, tmp, x, rows, y.h, middle);
    DRN_LAUNCH(k_resize_cols, blocks_for(n), DRN_THREADS, 0, s, y, (const float *)tmp, cols, x.w, accumulate, n);
}
