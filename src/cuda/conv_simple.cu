/* Convolutions of any geometry with float32 sums: the reference on the device, and what runs where the tensor
 * cores decline (strides, other kernel sizes, float32 mode).  Also the packing of weights. */
#include "cuda/device.cuh"

/* ---- packing: one launch for all convolutions of a network ---- */

__global__ void k_pack(const drn_dpack *list)
{
    drn_dpack e = list[blockIdx.y];
    size_t n = (size_t)e.taps * e.kp * e.cp;
    for (size_t i = thread_index(); i < n; i += thread_count()) {
        int c = (int)(i % (size_t)e.cp), k = (int)(i / e.cp % e.kp), tap = (int)(i / e.cp / e.kp);
        bool real = k < e.k_all && c < e.c_all;
        float v = real ? e.src[((size_t)k * e.c_all + c) * e.taps + tap] : 0.0f;
        int at = real ? (k % e.sub) * (e.k_all / e.sub) + k / e.sub : k, to = e.reverse ? e.taps - 1 - tap : tap;
        put(e.dst, e.half, (size_t)to * e.stride_tap + (size_t)at * e.stride_k + (size_t)c * e.stride_c, v);
    }
}

void drn_dk_pack(const drn_dpack *list, int32_t count, cudaStream_t s)
{
    if (count > 0)
        DRN_LAUNCH(k_pack, dim3(48, (unsigned)count), DRN_THREADS, 0, s, list);
}

__global__ void k_unpack_add(drn_dpack e, float *to)
{
    size_t n = (size_t)e.taps * e.k_all * e.c_all;
    for (size_t i = thread_index(); i < n; i += thread_count()) {
        int tap = (int)(i % (size_t)e.taps), c = (int)(i / e.taps % e.c_all), k = (int)(i / e.taps / e.c_all);
        to[i] += get(e.dst, e.half, (size_t)tap * e.stride_tap + (size_t)k * e.stride_k + (size_t)c * e.stride_c);
    }
}

void drn_dk_unpack_add(drn_dpack p, float *src, cudaStream_t s)
{
    size_t n = (size_t)p.taps * (size_t)p.k_all * (size_t)p.c_all;
    DRN_LAUNCH(k_unpack_add, blocks_for(n), DRN_THREADS, 0, s, p, src);
}

/* ---- forward: a thread makes four neighbouring pixels of one filter ---- */

enum { PIXELS = 4 };

DRN_DEV float finish(float v, const drn_depilogue &e, int half, size_t at, int channel, bool real)
{
    if (!real)
        return 0;
    v += e.bias ? e.bias[channel] : 0.0f;
    if (e.activate)
        v = v > 0 ? v : e.slope * v;
    if (e.add)
        v += get(e.add, half, at);
    if (e.mask)
        v *= get(e.mask, half, at) > 0 ? 1.0f : e.mask_slope;
    return v;
}

__global__ void k_conv(drn_dten y, drn_dten x, const float *w, drn_dgeom g, drn_depilogue e, size_t n)
{
    int groups = (y.w + PIXELS - 1) / PIXELS, row = (g.k + 7) / 8 * 8;
    for (size_t i = thread_index(); i < n; i += thread_count()) {
        int k = (int)(i % (size_t)y.cs), x0 = (int)(i / y.cs % groups) * PIXELS;
        int oy = (int)(i / y.cs / groups % y.h), image = (int)(i / y.cs / groups / y.h);
        float sum[PIXELS] = {0, 0, 0, 0};
        for (int r = 0; r < g.r; r++) {
            int sy = oy * g.stride + r - g.pad;
            if (sy < 0 || sy >= x.h || k >= g.k)
                continue;
            for (int s = 0; s < g.s; s++) {
                const float *wt = w + (size_t)(r * g.s + s) * g.c * row + k;
                int sx = x0 * g.stride + s - g.pad;
                size_t at = pixel_at(x, image, sy, 0);
                for (int c = 0; c < g.c; c++) {
                    float weight = wt[(size_t)c * row];
                    for (int p = 0; p < PIXELS; p++) {
                        int px = sx + p * g.stride;
                        if (px >= 0 && px < x.w)
                            sum[p] += weight * get(x.p, x.half, at + (size_t)px * x.cs + c);
                    }
                }
            }
        }
        for (int p = 0; p < PIXELS && x0 + p < y.w; p++) {
            size_t at = pixel_at(y, image, oy, x0 + p) + (size_t)k;
            put(y.p, y.half, at, finish(sum[p], e, y.half, at, k, k < g.k));
        }
    }
}

void drn_dk_conv_forward(drn_dten y, drn_dten x, const float *w, drn_dgeom g, drn_depilogue e, cudaStream_t s)
{
    size_t n = (size_t)y.n * y.h * (size_t)((y.w + PIXELS - 1) / PIXELS) * y.cs;
    DRN_LAUNCH(k_conv, blocks_for(n), DRN_THREADS, 0, s, y, x, w, g, e, n);
}

/* ---- backward-data: a thread makes one element of dx ---- */

__global__ void k_conv_data(drn_dten dx, drn_dten dy, const float *w, drn_dgeom g, drn_depilogue e, size_t n)
{
    int row = (g.c + 7) / 8 * 8;
    for (size_t i = thread_index(); i < n; i += thread_count()) {
        int c = (int)(i % (size_t)dx.cs), x = (int)(i / dx.cs % dx.w), y = (int)(i / dx.cs / dx.w % dx.h);
        int image = (int)(i / dx.cs / dx.w / dx.h);
        float sum = 0;
        for (int r = 0; r < g.r; r++) {
            int oy = y + g.pad - r;
            if (oy < 0 || oy % g.stride != 0 || oy / g.stride >= dy.h || c >= g.c)
                continue;
            for (int s = 0; s < g.s; s++) {
                int ox = x + g.pad - s;
                if (ox < 0 || ox % g.stride != 0 || ox / g.stride >= dy.w)
                    continue;
                const float *wt = w + (size_t)(r * g.s + s) * g.k * row + c;
                size_t at = pixel_at(dy, image, oy / g.stride, ox / g.stride);
                for (int k = 0; k < g.k; k++)
                    sum += wt[(size_t)k * row] * get(dy.p, dy.half, at + (size_t)k);
            }
        }
        put(dx.p, dx.half, i, finish(sum, e, dx.half, i, c, c < g.c));
    }
}

void drn_dk_conv_backward_data(drn_dten dx, drn_dten dy, const float *w, drn_dgeom g, drn_depilogue e,
                               cudaStream_t s)
{
    size_t n = (size_t)dx.n * dx.h * dx.w * dx.cs;
    DRN_LAUNCH(k_conv_data, blocks_for(n), DRN_THREADS, 0, s, dx, dy, w, g, e, n);
}

/* ---- backward-weights: a block makes 16 x 16 of (k, c) of one tap over a share of the pixels ---- */

enum { SIDE = 16, STRIP = 32, SHARES = 64 };

__global__ void k_conv_weights(float *partial, drn_dten x, drn_dten dy, drn_dgeom g)
{
    DRN_SHARED(float, shared);
    float(*ty)[SIDE + 1] = reinterpret_cast<float(*)[SIDE + 1]>(shared);
    float(*tx)[SIDE + 1] = ty + STRIP;
    int tap = (int)blockIdx.y, ks = (g.k + SIDE - 1) / SIDE, k0 = (int)blockIdx.x % ks * SIDE;
    int c0 = (int)blockIdx.x / ks * SIDE, r = tap / g.s, s = tap % g.s;
    int tk = (int)threadIdx.x / SIDE, tc = (int)threadIdx.x % SIDE;
    size_t pixels = (size_t)dy.n * dy.h * dy.w, end = pixels * (blockIdx.z + 1) / gridDim.z;
    float sum = 0;
    for (size_t at = pixels * blockIdx.z / gridDim.z; at < end; at += STRIP) {
        for (int i = (int)threadIdx.x; i < STRIP * SIDE; i += SIDE * SIDE) {
            size_t p = at + (size_t)(i / SIDE);
            int l = i % SIDE, ox = (int)(p % (size_t)dy.w), oy = (int)(p / dy.w % dy.h);
            int sx = ox * g.stride + s - g.pad, sy = oy * g.stride + r - g.pad;
            bool in = p < end, on = in && sx >= 0 && sx < x.w && sy >= 0 && sy < x.h;
            ty[i / SIDE][l] = in && k0 + l < g.k ? get(dy.p, dy.half, p * dy.cs + (size_t)(k0 + l)) : 0.0f;
            tx[i / SIDE][l] = on && c0 + l < g.c ? get(x.p, x.half, pixel_at(x, (int)(p / dy.w / dy.h), sy, sx) + (size_t)(c0 + l)) : 0.0f;
        }
        __syncthreads();
        for (int p = 0; p < STRIP; p++)
            sum += ty[p][tk] * tx[p][tc];
        __syncthreads();
    }
    int k = k0 + tk, c = c0 + tc;
    if (k < g.k && c < g.c)
        partial[(((size_t)blockIdx.z * g.k + k) * g.c + c) * gridDim.y + tap] = sum;
}

__global__ void k_add_shares(float *dw, const float *partial, int shares, size_t n)
{
    for (size_t i = thread_index(); i < n; i += thread_count()) {
        float sum = 0;
        for (int p = 0; p < shares; p++)
            sum += partial[(size_t)p * n + i];
        dw[i] += sum;
    }
}

static unsigned shares_of(drn_dten dy)
{
    size_t strips = ((size_t)dy.n * dy.h * dy.w + STRIP - 1) / STRIP;
    return strips < SHARES ? (unsigned)strips : (unsigned)SHARES;
}

size_t drn_dk_conv_weights_bytes(drn_dten x, drn_dten dy, drn_dgeom g)
{
    (void)x;
    return (size_t)shares_of(dy) * (size_t)g.k * (size_t)g.c * (size_t)(g.r * g.s) * sizeof(float);
}

void drn_dk_conv_backward_weights(float *dw, drn_dten x, drn_dten dy, drn_dgeom g, float *partial, cudaStream_t s)
{
    size_t n = (size_t)g.k * (size_t)g.c * (size_t)(g.r * g.s);
    unsigned shares = shares_of(dy);
    dim3 grid((unsigned)((g.k + SIDE - 1) / SIDE * ((g.c + SIDE - 1) / SIDE)), (unsigned)(g.r * g.s), shares);
    DRN_LAUNCH(k_conv_weights, grid, SIDE * SIDE, 2 * STRIP * (SIDE + 1) * sizeof(float), s, partial, x, dy, g);
    DRN_LAUNCH(k_add_shares, blocks_for(n), DRN_THREADS, 0, s, dw, (const float *)partial, (int)shares, n);
}
