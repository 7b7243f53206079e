/* Backward-weights of the convolutions of conv_mma.cu: for each of the nine taps, dw[c][k] = sum over pixels of
 * x[pixel + tap][c] dy[pixel][k], on the tensor cores with the pixels as the inner dimension.
 *
 * A block walks over tiles of TILE_H x 16 pixels and keeps the sums of all taps of its CT x KT weights in
 * registers: warps are laid out WM (channels) x WN (filters) x WP (rows of the tile).  A row of x, read at the
 * three horizontal offsets, meets the dy of three rows, which stay in registers.  The next tile is copied while
 * one is worked on.  Every warp's sums go to `partial`, and a second kernel adds them up in a fixed order. */
#include "cuda/mma.cuh"

enum { WARPS = 8, TILE_H = 16, HALO_H = TILE_H + 2 };

template <int MW_, int NW_, int WM_, int WN_> struct layout {
    static constexpr int MW = MW_, NW = NW_, WM = WM_, WN = WN_, WP = WARPS / (WM * WN);
    static constexpr int CT = MW * WM * 16, KT = NW * WN * 8, ROWS = TILE_H / WP;
    static constexpr int HALO = HALO_H * HALO_W * CT, TILE = TILE_H * TILE_W * KT; /* elements */
};

template <typename L> DRN_DEV void load_tile(uint16_t *halo, const drn_dmma_weights &m, int tile, int across, int down, int c0, int k0)
{
    uint16_t *dy = halo + L::HALO;
    int image = tile / (across * down), y0 = tile / across % down * TILE_H, x0 = tile % across * TILE_W;
    if (m.x.half)
        load_features<L::CT>(halo, m.x, 1, image, y0 - 1, x0 - 1, HALO_H, HALO_W, c0);
    else
        load_image<L::CT>(halo, m.x, image, y0 - 1, x0 - 1, HALO_H, HALO_W);
    if (m.dy.half)
        load_features<L::KT>(dy, m.dy, m.sub, image, y0, x0, TILE_H, TILE_W, k0);
    else
        load_image<L::KT>(dy, m.dy, image, y0, x0, TILE_H, TILE_W);
}

/* dy of one row, its 16 pixels as the inner dimension. */
template <typename L> DRN_DEV void load_dy(uint32_t (*b)[2], const uint16_t *dy, int row, int chunk, int lane)
{
    int p = row * TILE_W + (lane & 7) + (lane >> 3 & 1) * 8;
    if (L::NW == 1)
        load_matrix2_trans(b[0], dy + swizzled<L::KT>(p, chunk));
    else
#pragma unroll
        for (int n = 0; n < L::NW; n += 2)
            load_matrix4_trans(b[n], dy + swizzled<L::KT>(p, chunk + n + (lane >> 4)));
}

template <typename L> DRN_DEV void multiply(float (*acc)[L::MW][L::NW][4], const uint16_t *halo, int warp, int lane)
{
    int wm = warp % L::WM, wn = warp / L::WM % L::WN, wp = warp / (L::WM * L::WN), first = wp * L::ROWS;
    const uint16_t *dy = halo + L::HALO;
    uint32_t b[3][L::NW][2] = {}; /* dy of the rows h, h-1, h-2 of the tile */
#pragma unroll 1
    for (int h = 0; h < L::ROWS + 2; h++) {
#pragma unroll
        for (int n = 0; n < L::NW; n++)
            for (int e = 0; e < 2; e++) {
                b[2][n][e] = b[1][n][e];
                b[1][n][e] = b[0][n][e];
            }
        if (h < L::ROWS)
            load_dy<L>(b[0], dy, first + h, wn * L::NW, lane);
#pragma unroll
        for (int s = 0; s < 3; s++) {
            uint32_t a[L::MW][4];
            int p = (first + h) * HALO_W + s + (lane & 7) + (lane >> 4) * 8;
#pragma unroll
            for (int i = 0; i < L::MW; i++)
                load_matrix4_trans(a[i], halo + swizzled<L::CT>(p, (wm * L::MW + i) * 2 + (lane >> 3 & 1)));
#pragma unroll
            for (int r = 0; r < 3; r++) {
                if (h < r || h - r >= L::ROWS)
                    continue;
#pragma unroll
                for (int i = 0; i < L::MW; i++)
#pragma unroll
                    for (int n = 0; n < L::NW; n++)
                        mma_bf16(acc[3 * r + s][i][n], a[i], b[r][n]);
            }
        }
    }
}

/* Sum of dy for the bias: a thread takes one filter and a share of the pixels. */
template <typename L> DRN_DEV float sum_dy(const uint16_t *dy)
{
    int k = (int)threadIdx.x % L::KT, shares = WARPS * 32 / L::KT;
    float sum = 0;
    for (int p = (int)threadIdx.x / L::KT; p < TILE_H * TILE_W; p += shares)
        sum += from_bf16(dy[swizzled<L::KT>(p, k / 8) + k % 8]);
    return sum;
}

/* Partial sums of one block column: [group][tap][CT][KT], then [block][KT] for the bias. */
template <typename L> DRN_DEV void store_sums(float *partial, const float (*acc)[L::MW][L::NW][4], int warp, int lane)
{
    int wm = warp % L::WM, wn = warp / L::WM % L::WN, wp = warp / (L::WM * L::WN);
    float *to = partial + (size_t)(blockIdx.x * L::WP + wp) * TAPS * L::CT * L::KT;
#pragma unroll
    for (int tap = 0; tap < TAPS; tap++)
#pragma unroll
        for (int i = 0; i < L::MW; i++)
#pragma unroll
            for (int n = 0; n < L::NW; n++)
#pragma unroll
                for (int half = 0; half < 2; half++) {
                    int c = (wm * L::MW + i) * 16 + (lane >> 2) + 8 * half, k = (wn * L::NW + n) * 8 + 2 * (lane & 3);
                    *(float2 *)(to + (tap * L::CT + c) * L::KT + k) =
                        make_float2(acc[tap][i][n][2 * half], acc[tap][i][n][2 * half + 1]);
                }
}

template <typename L> DRN_DEV void store_bias(float *to, float sum, float *shared)
{
    shared[threadIdx.x] = sum;
    __syncthreads();
    if (threadIdx.x < L::KT) {
        for (int i = L::KT; i < WARPS * 32; i += L::KT)
            sum += shared[(int)threadIdx.x + i];
        to[threadIdx.x] = sum;
    }
}

template <typename L> static size_t block_floats(unsigned blocks)
{
    return (size_t)blocks * (L::WP * TAPS * L::CT + 1) * L::KT;
}

template <typename L> __global__ void __launch_bounds__(WARPS * 32, 1) k_mma_weights(drn_dmma_weights m, int tiles, int across, int down)
{
    DRN_SHARED(uint16_t, shared);
    int warp = (int)threadIdx.x / 32, lane = (int)threadIdx.x % 32, k0 = (int)blockIdx.y * L::KT, c0 = (int)blockIdx.z * L::CT;
    constexpr int STAGE = L::HALO + L::TILE;
    float acc[TAPS][L::MW][L::NW][4] = {};
    float bias = 0;
    int stage = 0, tile = (int)blockIdx.x;
    if (tile < tiles)
        load_tile<L>(shared, m, tile, across, down, c0, k0);
    copy_commit();
    for (; tile < tiles; tile += (int)gridDim.x, stage ^= 1) {
        int next = tile + (int)gridDim.x;
        if (next < tiles)
            load_tile<L>(shared + (stage ^ 1) * STAGE, m, next, across, down, c0, k0);
        copy_commit();
        copy_wait<1>();
        __syncthreads();
        multiply<L>(acc, shared + stage * STAGE, warp, lane);
        if (m.db && c0 == 0)
            bias += sum_dy<L>(shared + stage * STAGE + L::HALO);
        __syncthreads();
    }
    copy_wait<0>();
    size_t column = (size_t)gridDim.x * (L::WP * TAPS * L::CT + 1) * L::KT;
    float *partial = m.partial + ((size_t)blockIdx.z * gridDim.y + blockIdx.y) * column;
    store_sums<L>(partial, acc, warp, lane);
    if (m.db && c0 == 0)
        store_bias<L>(partial + (size_t)gridDim.x * L::WP * TAPS * L::CT * L::KT + (size_t)blockIdx.x * L::KT, bias, (float *)shared);
}

/* ---- adding up: 32 neighbouring weights x 8 shares of the partial sums a block ---- */

__global__ void k_reduce_weights(drn_dreduce j)
{
    DRN_SHARED(float, shared);
    int part = (int)blockIdx.y, each = TAPS * j.ct * j.kt, i = (int)(blockIdx.x * 32 + threadIdx.x % 32);
    int share = (int)threadIdx.x / 32;
    const float *partial = j.m.partial + (size_t)part * ((size_t)j.groups * TAPS * j.ct + (size_t)j.blocks) * j.kt;
    bool bias = i >= each;
    int step = bias ? j.kt : each, count = bias ? j.blocks : j.groups, at = bias ? i - each : i;
    float sum = 0;
    if (i < each + j.kt && !(bias && !j.m.db)) {
        const float *p = partial + (bias ? (size_t)j.groups * each : 0) + at;
        for (int g = share; g < count; g += 8)
            sum += p[(size_t)g * step];
    }
    shared[threadIdx.x] = sum;
    __syncthreads();
    if (share != 0 || i >= each + j.kt)
        return;
    for (int g = 1; g < 8; g++)
        sum += shared[(int)threadIdx.x + 32 * g];
    int q = part % j.parts_k * j.kt + at % j.kt, c = part / j.parts_k * j.ct + at / j.kt % j.ct, tap = at / j.kt / j.ct;
    if (q >= j.m.k)
        return;
    int k = j.m.sub == 1 ? q : q % j.m.dy.c * j.m.sub + q / j.m.dy.c;
    if (!bias && c < j.m.c)
        j.m.dw[((size_t)k * j.m.c + c) * TAPS + tap] += sum;
    else if (bias && j.m.db && part < j.parts_k)
        j.m.db[k] += sum;
}

void drn_dk_reduce_weights(drn_dreduce j, cudaStream_t s)
{
    unsigned columns = (unsigned)(TAPS * j.ct * j.kt + j.kt + 31) / 32;
    DRN_LAUNCH(k_reduce_weights, dim3(columns, (unsigned)(j.parts_k * j.parts_c)), 256, 256 * sizeof(float), s, j);
}

/* ---- which layout ---- */

typedef struct work {
    int tiles, across, down, parts_k, parts_c;
    unsigned blocks; /* along the pixels */
} work;

template <typename L> static work work_of(drn_dten x, int k, int c, int sms)
{
    work w;
    w.across = (x.w + TILE_W - 1) / TILE_W;
    w.down = (x.h + TILE_H - 1) / TILE_H;
    w.tiles = x.n * w.across * w.down;
    w.parts_k = (k + L::KT - 1) / L::KT;
    w.parts_c = (c + L::CT - 1) / L::CT;
    int most = sms / (w.parts_k * w.parts_c);
    w.blocks = (unsigned)(most < 1 ? 1 : w.tiles < most ? w.tiles : most);
    return w;
}

template <typename L> static size_t bytes_of(drn_dten x, int k, int c, int sms)
{
    work w = work_of<L>(x, k, c, sms);
    return block_floats<L>(w.blocks) * (size_t)(w.parts_k * w.parts_c) * sizeof(float);
}

template <typename L> static constexpr size_t shared_bytes()
{
    return 2 * (size_t)(L::HALO + L::TILE) * sizeof(uint16_t);
}

template <typename L> static void run(const drn_dmma_weights &m, int sms, cudaStream_t s)
{
    constexpr size_t bytes = shared_bytes<L>();
    work w = work_of<L>(m.x, m.k, m.c, sms);
    static bool allowed = allow_shared(k_mma_weights<L>, bytes);
    (void)allowed; /* a refusal shows at the launch */
    DRN_LAUNCH(k_mma_weights<L>, dim3(w.blocks, (unsigned)w.parts_k, (unsigned)w.parts_c), WARPS * 32, bytes, s, m, w.tiles,
               w.across, w.down);
    drn_dk_reduce_weights((drn_dreduce){m, L::CT, L::KT, (int)w.blocks * L::WP, (int)w.blocks, w.parts_k, w.parts_c}, s);
}

/* By the channels of x (rows) and of dy (columns). */
#define CHOOSE(what, ...)                                                                          \
    do {                                                                                           \
        if (c <= 16 && k <= 8)                                                                     \
            return what<layout<1, 1, 1, 1>>(__VA_ARGS__);                                          \
        if (c <= 16 && k <= 32)                                                                    \
            return what<layout<1, 4, 1, 1>>(__VA_ARGS__);                                          \
        if (c <= 16)                                                                               \
            return what<layout<1, 4, 1, 2>>(__VA_ARGS__);                                          \
        if (c <= 32 && k <= 8)                                                                     \
            return what<layout<2, 1, 1, 1>>(__VA_ARGS__);                                          \
        if (c <= 32)                                                                               \
            return what<layout<2, 2, 1, 2>>(__VA_ARGS__);                                          \
        if (k <= 8)                                                                                \
            return what<layout<4, 1, 1, 1>>(__VA_ARGS__);                                          \
        return what<layout<2, 2, 2, 4>>(__VA_ARGS__);                                              \
    } while (0)

size_t drn_dk_mma_weights_bytes(drn_dten x, drn_dten dy, int32_t k, int32_t c, int32_t sms)
{
    (void)dy;
    CHOOSE(bytes_of, x, k, c, sms);
}

size_t drn_dk_mma_weights_shared(int32_t k, int32_t c)
{
    CHOOSE(shared_bytes, );
}

void drn_dk_mma_weights(drn_dmma_weights m, int32_t sms, cudaStream_t s)
{
    int k = m.k, c = m.c;
    CHOOSE(run, m, sms, s);
}
