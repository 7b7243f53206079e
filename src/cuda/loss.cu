/* The losses of src/loss/loss_body.inc on the device.  Sums in double: a partial sum a block, the partial sums
 * in a fixed tree. */
#include "cuda/device.cuh"

#include "loss/internal.h"

enum { SAMPLE_BLOCKS = 32, SUM_BLOCKS = 512 };

size_t drn_dk_loss_bytes(drn_dten p)
{
    return (2 * SAMPLE_BLOCKS * (size_t)p.n + SUM_BLOCKS) * sizeof(double);
}

/* ---- the mask of Eq. 4 ---- */

/* Gradient magnitude of sample blockIdx.y, and its extremes a block. */
__global__ void k_magnitude(float *mask, drn_dten t, double *extremes)
{
    DRN_SHARED(float, shared);
    float lo = 3e38f, hi = 0;
    size_t row = (size_t)t.w * t.cs, n = row * t.h;
    const float *in = (const float *)t.p + blockIdx.y * n;
    float *out = mask + blockIdx.y * n;
    for (size_t i = thread_index(); i < n; i += thread_count()) {
        size_t x = i % row / t.cs, y = i / row;
        float m2 = (float)MASK_FLOOR;
        if (x > 0 && x + 1 < (size_t)t.w && y > 0 && y + 1 < (size_t)t.h) {
            float gx = in[i - t.cs] - in[i + t.cs], gy = in[i - row] - in[i + row];
            m2 = gx * gx + gy * gy + (float)MASK_FLOOR;
        }
        float m = __fsqrt_rn(m2);
        out[i] = m;
        lo = m < lo ? m : lo;
        hi = m > hi ? m : hi;
    }
    shared[2 * threadIdx.x] = lo;
    shared[2 * threadIdx.x + 1] = hi;
    __syncthreads();
    for (unsigned half = blockDim.x / 2; half > 0; half /= 2) {
        if (threadIdx.x < half) {
            float l = shared[2 * (threadIdx.x + half)], h = shared[2 * (threadIdx.x + half) + 1];
            shared[2 * threadIdx.x] = l < shared[2 * threadIdx.x] ? l : shared[2 * threadIdx.x];
            shared[2 * threadIdx.x + 1] = h > shared[2 * threadIdx.x + 1] ? h : shared[2 * threadIdx.x + 1];
        }
        __syncthreads();
    }
    if (threadIdx.x == 0) {
        extremes[2 * (blockIdx.y * SAMPLE_BLOCKS + blockIdx.x)] = shared[0];
        extremes[2 * (blockIdx.y * SAMPLE_BLOCKS + blockIdx.x) + 1] = shared[1];
    }
}

__global__ void k_normalise(float *mask, size_t n, const double *extremes)
{
    const double *e = extremes + 2 * blockIdx.y * SAMPLE_BLOCKS;
    double lo = e[0], hi = e[1];
    for (int b = 1; b < SAMPLE_BLOCKS; b++) {
        lo = e[2 * b] < lo ? e[2 * b] : lo;
        hi = e[2 * b + 1] > hi ? e[2 * b + 1] : hi;
    }
    float *m = mask + blockIdx.y * n, low = (float)lo, scale = (float)(1 / (hi - lo + MASK_GAP));
    for (size_t i = thread_index(); i < n; i += thread_count())
        m[i] = (m[i] - low) * scale;
}

/* ---- value ---- */

/* M (p - t), or p - t. */
DRN_DEV float difference(const drn_dloss &l, size_t i)
{
    float d = ((const float *)l.p.p)[i] - ((const float *)l.t.p)[i];
    return l.mask ? l.mask[i] * d : d;
}

DRN_DEV double pixel_term(const drn_dloss &l, size_t i)
{
    float d = ((const float *)l.p.p)[i] - ((const float *)l.t.p)[i];
    if (l.pixel == DRN_LOSS_MSE)
        return (double)d * (double)d;
    if (l.pixel == DRN_LOSS_CHARBONNIER)
        return sqrt((double)d * (double)d + l.eps * l.eps);
    return fabs((double)(l.mask ? (1 - l.mask[i]) * d : d));
}

DRN_DEV bool inside(const drn_dten &t, int y, int x)
{
    return x > 0 && x + 1 < t.w && y > 0 && y + 1 < t.h;
}

__global__ void k_loss(drn_dloss l, double *partial, size_t n)
{
    DRN_SHARED(double, shared);
    size_t row = (size_t)l.p.w * l.p.cs;
    double sum = 0;
    for (size_t i = thread_index(); i < n; i += thread_count()) {
        int x = (int)(i % row) / l.p.cs, y = (int)(i / row % l.p.h);
        if (l.weight != 0)
            sum += l.weight * pixel_term(l, i);
        if (l.gradient != 0 && inside(l.p, y, x))
            sum += l.gradient *
                   (double)(fabsf(difference(l, i - l.p.cs) - difference(l, i + l.p.cs)) +
                            fabsf(difference(l, i - row) - difference(l, i + row)));
    }
    sum = block_sum(sum, shared);
    if (threadIdx.x == 0)
        partial[blockIdx.x] = sum;
}

__global__ void k_loss_finish(float *out, const double *partial, unsigned count)
{
    DRN_SHARED(double, shared);
    double sum = 0;
    for (unsigned i = threadIdx.x; i < count; i += blockDim.x)
        sum += partial[i];
    sum = block_sum(sum, shared);
    if (threadIdx.x == 0)
        *out = (float)sum;
}

void drn_dk_loss_forward(drn_dloss l, float *out, cudaStream_t s)
{
    size_t sample = (size_t)l.p.h * l.p.w * l.p.cs, n = sample * l.p.n;
    double *partial = l.scratch + 2 * SAMPLE_BLOCKS * (size_t)l.p.n;
    unsigned blocks = blocks_for(n) < SUM_BLOCKS ? blocks_for(n) : (unsigned)SUM_BLOCKS;
    if (l.mask) {
        dim3 grid(SAMPLE_BLOCKS, (unsigned)l.p.n);
        DRN_LAUNCH(k_magnitude, grid, DRN_THREADS, 2 * DRN_THREADS * sizeof(float), s, l.mask, l.t, l.scratch);
        DRN_LAUNCH(k_normalise, grid, DRN_THREADS, 0, s, l.mask, sample, (const double *)l.scratch);
    }
    DRN_LAUNCH(k_loss, blocks, DRN_THREADS, DRN_THREADS * sizeof(double), s, l, partial, n);
    DRN_LAUNCH(k_loss_finish, 1, DRN_THREADS, DRN_THREADS * sizeof(double), s, out, (const double *)partial,
               blocks);
}

/* ---- gradient ---- */

DRN_DEV float sign_of(float v)
{
    return (float)((v > 0) - (v < 0));
}

/* Sign of the horizontal (step = cs) or vertical (step = row) difference around pixel i. */
DRN_DEV float slope_at(const drn_dloss &l, size_t i, size_t step)
{
    return sign_of(difference(l, i - step) - difference(l, i + step));
}

/* Adjoint of the gradient under the signs of the l1 norm, gathered: pixel i takes part in the differences
 * around its four neighbours. */
DRN_DEV float gradient_adjoint(const drn_dloss &l, size_t i, size_t row, int y, int x)
{
    float g = 0;
    size_t cs = (size_t)l.p.cs;
    if (inside(l.p, y, x + 1))
        g += slope_at(l, i + cs, cs);
    if (inside(l.p, y, x - 1))
        g -= slope_at(l, i - cs, cs);
    if (inside(l.p, y + 1, x))
        g += slope_at(l, i + row, row);
    if (inside(l.p, y - 1, x))
        g -= slope_at(l, i - row, row);
    return g;
}

DRN_DEV float pixel_slope(const drn_dloss &l, float d)
{
    if (l.pixel == DRN_LOSS_MSE)
        return 2 * d;
    if (l.pixel == DRN_LOSS_CHARBONNIER) {
        float root = (float)sqrt((double)d * (double)d + l.eps * l.eps);
        return root > 0 ? d / root : 0.0f;
    }
    return sign_of(d);
}

__global__ void k_loss_backward(drn_dloss l, const float *dout, float *dp, int accumulate_p, float *dt,
                                int accumulate_t, size_t n)
{
    size_t row = (size_t)l.p.w * l.p.cs;
    float gw = (float)(l.gradient * (double)*dout), pw = (float)(l.weight * (double)*dout);
    for (size_t i = thread_index(); i < n; i += thread_count()) {
        int x = (int)(i % row) / l.p.cs, y = (int)(i / row % l.p.h);
        float m = l.mask ? l.mask[i] : 1.0f, g = 0;
        if (gw != 0)
            g = gw * gradient_adjoint(l, i, row, y, x) * m;
        if (pw != 0)
            g += pw * pixel_slope(l, ((const float *)l.p.p)[i] - ((const float *)l.t.p)[i]) *
                 (l.mask ? 1 - m : 1.0f);
        if (dp)
            dp[i] = g + (accumulate_p ? dp[i] : 0.0f);
        if (dt)
            dt[i] = -g + (accumulate_t ? dt[i] : 0.0f);
    }
}

void drn_dk_loss_backward(drn_dloss l, const float *dout, drn_dten dp, int accumulate_p, drn_dten dt,
                          int accumulate_t, cudaStream_t s)
{
    size_t n = (size_t)l.p.n * l.p.h * l.p.w * l.p.cs;
    DRN_LAUNCH(k_loss_backward, blocks_for(n), DRN_THREADS, 0, s, l, dout, (float *)dp.p, accumulate_p,
               (float *)dt.p, accumulate_t, n);
}
