/* Element-wise kernels, sums over channels, windows, batch norm's small numbers, changes of layout. */
#include "cuda/device.cuh"

static size_t elements(drn_dten t)
{
    return (size_t)t.n * t.h * t.w * t.cs;
}

__global__ void k_fill(float *p, float value, size_t n)
{
    for (size_t i = thread_index(); i < n; i += thread_count())
        p[i] = value;
}

void drn_dk_fill(float *p, float value, size_t n, cudaStream_t s)
{
    DRN_LAUNCH(k_fill, blocks_for(n), DRN_THREADS, 0, s, p, value, n);
}

__global__ void k_noise(uint16_t *p, size_t n)
{
    for (size_t i = thread_index(); i < n; i += thread_count()) {
        uint32_t v = (uint32_t)i * 2654435761u;
        v ^= v >> 15;
        v *= 2246822519u;
        p[i] = (uint16_t)((v >> 16 & 0x8000u) | 0x3c00u | (v >> 8 & 0x03ffu)); /* +-2^-7 .. 2 */
    }
}

void drn_dk_noise(void *p, size_t n, cudaStream_t s)
{
    DRN_LAUNCH(k_noise, blocks_for(n), DRN_THREADS, 0, s, (uint16_t *)p, n);
}

/* ---- y = f(a, b): eight bfloat16 a thread, or a float ---- */

typedef struct flat {
    void *y;
    const void *a, *b;
    float s;
    size_t n;
} flat;

enum flat_kind { ADD, SCALE, SCALE_ADD, LEAKY, LEAKY_BACK, LEAKY_BACK_ADD };

template <int KIND> DRN_DEV float flat_value(float a, float b, float y, float s)
{
    switch (KIND) {
    case ADD:
        return a + b;
    case SCALE:
        return s * a;
    case SCALE_ADD:
        return y + s * a;
    case LEAKY:
        return a > 0 ? a : s * a;
    case LEAKY_BACK:
        return b > 0 ? a : s * a;
    default:
        return y + (b > 0 ? a : s * a);
    }
}

template <int KIND> __global__ void k_flat_float(flat j)
{
    const float *a = (const float *)j.a, *b = (const float *)j.b;
    float *y = (float *)j.y;
    constexpr bool two = KIND == ADD || KIND == LEAKY_BACK || KIND == LEAKY_BACK_ADD;
    constexpr bool old = KIND == SCALE_ADD || KIND == LEAKY_BACK_ADD;
    for (size_t i = thread_index(); i < j.n; i += thread_count())
        y[i] = flat_value<KIND>(a[i], two ? b[i] : 0.0f, old ? y[i] : 0.0f, j.s);
}

template <int KIND> DRN_DEV uint32_t flat_pair(uint32_t a, uint32_t b, uint32_t y, float s)
{
    return pack_bf16(flat_value<KIND>(low_bf16(a), low_bf16(b), low_bf16(y), s),
                     flat_value<KIND>(high_bf16(a), high_bf16(b), high_bf16(y), s));
}

template <int KIND> __global__ void k_flat_half(flat j)
{
    const uint4 *a = (const uint4 *)j.a, *b = (const uint4 *)j.b, zero = make_uint4(0, 0, 0, 0);
    uint4 *y = (uint4 *)j.y;
    constexpr bool two = KIND == ADD || KIND == LEAKY_BACK || KIND == LEAKY_BACK_ADD;
    constexpr bool old = KIND == SCALE_ADD || KIND == LEAKY_BACK_ADD;
    for (size_t i = thread_index(); i < j.n / 8; i += thread_count()) {
        uint4 u = a[i], v = two ? b[i] : zero, o = old ? y[i] : zero;
        y[i] = make_uint4(flat_pair<KIND>(u.x, v.x, o.x, j.s), flat_pair<KIND>(u.y, v.y, o.y, j.s),
                          flat_pair<KIND>(u.z, v.z, o.z, j.s), flat_pair<KIND>(u.w, v.w, o.w, j.s));
    }
}

template <int KIND> static void run_flat(drn_dten y, const void *a, const void *b, float s, cudaStream_t stream)
{
    flat j = {y.p, a, b, s, elements(y)};
    if (y.half)
        DRN_LAUNCH(k_flat_half<KIND>, blocks_for(j.n / 8), DRN_THREADS, 0, stream, j);
    else
        DRN_LAUNCH(k_flat_float<KIND>, blocks_for(j.n), DRN_THREADS, 0, stream, j);
}

void drn_dk_add(drn_dten y, drn_dten a, drn_dten b, cudaStream_t s)
{
    run_flat<ADD>(y, a.p, b.p, 0, s);
}

void drn_dk_scale(drn_dten y, drn_dten x, float alpha, int accumulate, cudaStream_t s)
{
    if (accumulate)
        run_flat<SCALE_ADD>(y, x.p, NULL, alpha, s);
    else
        run_flat<SCALE>(y, x.p, NULL, alpha, s);
}

void drn_dk_leaky(drn_dten y, drn_dten x, float slope, cudaStream_t s)
{
    run_flat<LEAKY>(y, x.p, NULL, slope, s);
}

void drn_dk_leaky_backward(drn_dten dx, drn_dten dy, drn_dten y, float slope, int accumulate, cudaStream_t s)
{
    if (accumulate)
        run_flat<LEAKY_BACK_ADD>(dx, dy.p, y.p, slope, s);
    else
        run_flat<LEAKY_BACK>(dx, dy.p, y.p, slope, s);
}

/* ---- a number a channel ---- */

__global__ void k_prelu(drn_dten y, drn_dten x, const float *slope, size_t n)
{
    for (size_t i = thread_index(); i < n; i += thread_count()) {
        int c = (int)(i % (size_t)y.cs);
        float v = get(x.p, x.half, i);
        put(y.p, y.half, i, c < y.c ? v > 0 ? v : slope[c] * v : 0.0f);
    }
}

void drn_dk_prelu(drn_dten y, drn_dten x, const float *slope, cudaStream_t s)
{
    DRN_LAUNCH(k_prelu, blocks_for(elements(y)), DRN_THREADS, 0, s, y, x, slope, elements(y));
}

__global__ void k_prelu_dx(drn_dten dx, drn_dten dy, drn_dten x, const float *slope, int accumulate, size_t n)
{
    for (size_t i = thread_index(); i < n; i += thread_count()) {
        int c = (int)(i % (size_t)dx.cs);
        float d = get(dy.p, dy.half, i), v = get(x.p, x.half, i) > 0 ? d : c < dx.c ? slope[c] * d : 0.0f;
        put(dx.p, dx.half, i, v + (accumulate ? get(dx.p, dx.half, i) : 0.0f));
    }
}

__global__ void k_affine(drn_dten y, drn_dten x, const float *a, const float *b, int accumulate, size_t n)
{
    for (size_t i = thread_index(); i < n; i += thread_count()) {
        int c = (int)(i % (size_t)y.cs);
        float v = c < y.c ? a[c] * get(x.p, x.half, i) + (b ? b[c] : 0.0f) : 0.0f;
        put(y.p, y.half, i, v + (accumulate ? get(y.p, y.half, i) : 0.0f));
    }
}

void drn_dk_affine(drn_dten y, drn_dten x, const float *a, const float *b, int accumulate, cudaStream_t s)
{
    DRN_LAUNCH(k_affine, blocks_for(elements(y)), DRN_THREADS, 0, s, y, x, a, b, accumulate, elements(y));
}

__global__ void k_epilogue(drn_dten y, drn_depilogue e, size_t n)
{
    for (size_t i = thread_index(); i < n; i += thread_count()) {
        int c = (int)(i % (size_t)y.cs);
        float v = get(y.p, y.half, i) + (e.bias && c < y.c ? e.bias[c] : 0.0f);
        if (e.activate)
            v = v > 0 ? v : e.slope * v;
        if (e.add)
            v += get(e.add, y.half, i);
        if (e.mask)
            v *= get(e.mask, y.half, i) > 0 ? 1.0f : e.mask_slope;
        put(y.p, y.half, i, v);
    }
}

void drn_dk_epilogue(drn_dten y, drn_depilogue e, cudaStream_t s)
{
    DRN_LAUNCH(k_epilogue, blocks_for(elements(y)), DRN_THREADS, 0, s, y, e, elements(y));
}

/* ---- sums a channel: PARTS partial sums of 8 x 32 threads each, then their sum in order ---- */

enum { PARTS = 64 };

/* prelu: x is dy, z the input; only where z <= 0 */
__global__ void k_sums(double *partial, drn_dten x, drn_dten z, int prelu)
{
    DRN_SHARED(double, shared);
    int c = (int)(blockIdx.x * 32 + threadIdx.x % 32), row = (int)threadIdx.x / 32;
    size_t pixels = (size_t)x.n * x.h * x.w;
    double sum = 0, dot = 0;
    for (size_t i = blockIdx.y * 8 + (size_t)row; c < x.c && i < pixels; i += PARTS * 8) {
        double u = get(x.p, x.half, i * (size_t)x.cs + (size_t)c), v = get(z.p, z.half, i * (size_t)z.cs + (size_t)c);
        sum += u;
        dot += prelu && v > 0 ? 0 : u * v;
    }
    shared[2 * threadIdx.x] = sum;
    shared[2 * threadIdx.x + 1] = dot;
    __syncthreads();
    if (row == 0 && c < x.c) {
        for (int r = 1; r < 8; r++) {
            sum += shared[2 * (32 * r + (int)threadIdx.x)];
            dot += shared[2 * (32 * r + (int)threadIdx.x) + 1];
        }
        partial[((size_t)blockIdx.y * 2) * x.c + c] = sum;
        partial[((size_t)blockIdx.y * 2 + 1) * x.c + c] = dot;
    }
}

__global__ void k_sums_finish(double *sum, double *dot, const double *partial, int32_t c_all)
{
    for (size_t c = thread_index(); c < (size_t)c_all; c += thread_count()) {
        double u = 0, v = 0;
        for (size_t p = 0; p < PARTS; p++) {
            u += partial[2 * p * c_all + c];
            v += partial[(2 * p + 1) * c_all + c];
        }
        sum[c] = u;
        dot[c] = v;
    }
}

size_t drn_dk_sums_bytes(drn_dten x)
{
    return (2 * PARTS + 2) * (size_t)x.c * sizeof(double);
}

static const double *run_sums(double *scratch, drn_dten x, drn_dten z, int prelu, cudaStream_t s)
{
    double *sum = scratch + 2 * PARTS * (size_t)x.c, *dot = sum + x.c;
    dim3 grid((unsigned)(x.c + 31) / 32, PARTS);
    DRN_LAUNCH(k_sums, grid, 256, 2 * 256 * sizeof(double), s, scratch, x, z, prelu);
    DRN_LAUNCH(k_sums_finish, blocks_for((size_t)x.c), DRN_THREADS, 0, s, sum, dot, (const double *)scratch, x.c);
    return sum;
}

const double *drn_dk_channel_sums(double *scratch, drn_dten x, drn_dten z, cudaStream_t s)
{
    return run_sums(scratch, x, z, 0, s);
}

__global__ void k_add_sums(float *to, const double *from, int32_t n)
{
    for (size_t i = thread_index(); i < (size_t)n; i += thread_count())
        to[i] += (float)from[i];
}

static void add_sums(float *to, const double *from, int32_t n, cudaStream_t s)
{
    DRN_LAUNCH(k_add_sums, blocks_for((size_t)n), DRN_THREADS, 0, s, to, from, n);
}

void drn_dk_bias_grad(float *db, drn_dten dy, double *scratch, cudaStream_t s)
{
    add_sums(db, run_sums(scratch, dy, dy, 0, s), dy.c, s);
}

void drn_dk_prelu_backward(drn_dten dx, float *dslope, drn_dten dy, drn_dten x, const float *slope,
                           int accumulate, double *scratch, cudaStream_t s)
{
    size_t n = elements(dy);
    if (dslope)
        add_sums(dslope, run_sums(scratch, dy, x, 1, s) + x.c, x.c, s);
    if (dx.p)
        DRN_LAUNCH(k_prelu_dx, blocks_for(n), DRN_THREADS, 0, s, dx, dy, x, slope, accumulate, n);
}

/* ---- batch norm ---- */

__global__ void k_norm_forward(drn_dnorm n)
{
    double *mean = n.state, *inv = mean + n.c;
    float *a = n.coefficients, *b = a + n.c;
    for (size_t i = thread_index(); i < (size_t)n.c; i += thread_count()) {
        double m = n.mean[i], var = n.var[i];
        if (n.training) {
            double rm = m, rv = var;
            m = n.sums[i] / n.pixels;
            var = n.sums[n.c + i] / n.pixels - m * m;
            var = var > 0 ? var : 0;
            n.mean[i] = (float)(rm + n.momentum * (m - rm));
            n.var[i] = (float)(rv + n.momentum * (var * n.pixels / (n.pixels > 1 ? n.pixels - 1 : 1) - rv));
        }
        mean[i] = m;
        inv[i] = 1 / sqrt(var + n.eps);
        double g = n.gamma[i] * inv[i];
        a[i] = (float)g;
        b[i] = (float)(n.beta[i] - g * m);
    }
}

__global__ void k_norm_backward(drn_dnorm n)
{
    const double *mean = n.state, *inv = mean + n.c, *sum = n.sums, *dot = sum + n.c;
    float *A = n.coefficients, *S = A + n.c, *B = S + n.c;
    for (size_t i = thread_index(); i < (size_t)n.c; i += thread_count()) {
        double dgamma = (dot[i] - mean[i] * sum[i]) * inv[i], a = n.gamma[i] * inv[i];
        double b = -a * inv[i] * dgamma / n.pixels;
        if (n.dgamma)
            n.dgamma[i] += (float)dgamma;
        if (n.dbeta)
            n.dbeta[i] += (float)sum[i];
        A[i] = (float)a;
        B[i] = (float)b;
        S[i] = (float)(-a * sum[i] / n.pixels - b * mean[i]);
    }
}

void drn_dk_norm_forward(drn_dnorm n, cudaStream_t s)
{
    DRN_LAUNCH(k_norm_forward, blocks_for((size_t)n.c), DRN_THREADS, 0, s, n);
}

void drn_dk_norm_backward(drn_dnorm n, cudaStream_t s)
{
    DRN_LAUNCH(k_norm_backward, blocks_for((size_t)n.c), DRN_THREADS, 0, s, n);
}

/* ---- windows and layouts ---- */

typedef struct window_job {
    drn_dten dst, src;
    int32_t dc, oy, ox, sc, sy, sx, cn, h, w, accumulate;
} window_job;

__global__ void k_window(window_job j)
{
    size_t n = (size_t)j.dst.n * j.h * j.w * j.cn;
    for (size_t i = thread_index(); i < n; i += thread_count()) {
        int c = (int)(i % (size_t)j.cn), x = (int)(i / j.cn % j.w), y = (int)(i / j.cn / j.w % j.h);
        int image = (int)(i / j.cn / j.w / j.h);
        size_t to = pixel_at(j.dst, image, j.oy + y, j.ox + x) + (size_t)(j.dc + c);
        size_t from = pixel_at(j.src, image, j.sy + y, j.sx + x) + (size_t)(j.sc + c);
        float v = get(j.src.p, j.src.half, from);
        put(j.dst.p, j.dst.half, to, v + (j.accumulate ? get(j.dst.p, j.dst.half, to) : 0.0f));
    }
}

void drn_dk_window(drn_dten dst, int32_t dc, int32_t oy, int32_t ox, drn_dten src, int32_t sc, int32_t sy,
                   int32_t sx, int32_t cn, int32_t h, int32_t w, int accumulate, cudaStream_t s)
{
    window_job j = {dst, src, dc, oy, ox, sc, sy, sx, cn, h, w, accumulate};
    size_t n = (size_t)dst.n * h * w * cn;
    if (n > 0)
        DRN_LAUNCH(k_window, blocks_for(n), DRN_THREADS, 0, s, j);
}

__global__ void k_from_nchw(drn_dten y, const float *x, size_t n)
{
    size_t plane = (size_t)y.h * y.w;
    for (size_t i = thread_index(); i < n; i += thread_count()) {
        size_t c = i % (size_t)y.cs, at = i / y.cs % plane, image = i / y.cs / plane;
        put(y.p, y.half, i, c < (size_t)y.c ? x[(image * y.c + c) * plane + at] : 0.0f);
    }
}

void drn_dk_from_nchw(drn_dten y, const float *x, cudaStream_t s)
{
    DRN_LAUNCH(k_from_nchw, blocks_for(elements(y)), DRN_THREADS, 0, s, y, x, elements(y));
}

__global__ void k_to_nchw(float *y, drn_dten x, size_t n)
{
    size_t plane = (size_t)x.h * x.w;
    for (size_t i = thread_index(); i < n; i += thread_count()) {
        size_t at = i % plane, c = i / plane % x.c, image = i / plane / x.c;
        y[i] = get(x.p, x.half, (image * plane + at) * x.cs + c);
    }
}

void drn_dk_to_nchw(float *y, drn_dten x, cudaStream_t s)
{
    size_t n = (size_t)x.n * x.h * x.w * x.c;
    DRN_LAUNCH(k_to_nchw, blocks_for(n), DRN_THREADS, 0, s, y, x, n);
}
