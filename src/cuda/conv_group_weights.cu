/* Backward-weights of the convolutions of conv_group.cu: for each of the nine taps, dw[c][k] = sum over pixels of
 * x[pixel + tap][c] dy[pixel][k], by warpgroup products with the pixels as the inner dimension.
 *
 * A block walks over tiles of 16 x 16 pixels; three warpgroups take a row of taps each and keep the sums of its
 * 3 x 64 x 64 weights in registers.  Tiles are copied two ahead.  Every block's sums go to `partial`, and
 * drn_dk_reduce_weights() adds them up in a fixed order. */
#include "cuda/group.cuh"

enum { GROUPS = 3, THREADS = GROUPS * 128, CT = 64, TILE = 16, STAGES = 3 };

typedef struct weights_job {
    drn_dmma_weights m;
    int tiles, across, down;
} weights_job;

enum {
    HALO_H = TILE + 2,
    XPLANE = plane_bytes(HALO_H * HALO_W),
    YPLANE = plane_bytes(TILE * TILE),
    XBYTES = CT / 8 * XPLANE
};

/* KT filters a block: 64, or 8 when dy is an image. */
template <int KT> struct shape {
    static constexpr int NT = KT / 8, STAGE = XBYTES + NT * YPLANE;
};

template <int KT> DRN_DEV void load_tile(unsigned char *to, const weights_job &j, int tile, int c0, int k0)
{
    if (tile >= j.tiles)
        return;
    int image = tile / (j.across * j.down), y = tile / j.across % j.down * TILE, x = tile % j.across * TILE;
    load_planes<CT / 8, XPLANE>(to, view_of(j.m.x, 1, image, c0), y - 1, x - 1, HALO_H, HALO_W, (int)threadIdx.x, THREADS);
    if (KT == 8)
        load_image_planes<1, YPLANE>(to + XBYTES, j.m.dy, image, y, x, TILE, TILE, (int)threadIdx.x, THREADS);
    else
        load_planes<KT / 8, YPLANE>(to + XBYTES, view_of(j.m.dy, j.m.sub, image, k0), y, x, TILE, TILE, (int)threadIdx.x, THREADS);
}

#ifdef DRN_WARPGROUPS

template <int KT> DRN_DEV void product(float (*d)[4], uint64_t a, uint64_t b)
{
    if (KT == 64)
        group_mma_64_trans(d, a, b, 1);
    else
        group_mma_8_trans(d, a, b, 1);
}

/* The taps of row `group` of one tile; 16 pixels of a row at a time. */
template <int KT> DRN_DEV void multiply(float (*acc)[KT / 8][4], const unsigned char *stage, int group)
{
    uint64_t a = brick_operand(stage + group * HALO_W * 16, 128, XPLANE), b = brick_operand(stage + XBYTES, 128, YPLANE);
    group_begin();
#pragma unroll
    for (int row = 0; row < TILE; row++)
#pragma unroll
        for (int s = 0; s < 3; s++)
            product<KT>(acc[s], brick_at(a, (row * HALO_W + s) * 16), brick_at(b, row * TILE * 16));
    group_commit();
}

#endif

/* Sum of dy for the bias: a thread takes one filter and a share of the pixels. */
template <int KT> DRN_DEV float sum_dy(const unsigned char *dy)
{
    int k = (int)threadIdx.x % KT;
    const unsigned char *plane = dy + k / 8 * YPLANE + k % 8 * 2;
    float sum = 0;
    for (int p = (int)threadIdx.x / KT; p < TILE * TILE; p += THREADS / KT)
        sum += from_bf16(*(const uint16_t *)(plane + p * 16));
    return sum;
}

template <int KT> DRN_DEV void store_sums(float *to, const float (*acc)[KT / 8][4], int group, int warp, int lane)
{
#pragma unroll
    for (int s = 0; s < 3; s++)
#pragma unroll
        for (int n = 0; n < KT / 8; n++)
#pragma unroll
            for (int half = 0; half < 2; half++) {
                int c = warp * 16 + (lane >> 2) + 8 * half, k = n * 8 + 2 * (lane & 3);
                *(float2 *)(to + ((3 * group + s) * CT + c) * KT + k) = make_float2(acc[s][n][2 * half], acc[s][n][2 * half + 1]);
            }
}

template <int KT> DRN_DEV void store_bias(float *to, float sum, float *shared)
{
    shared[threadIdx.x] = sum;
    __syncthreads();
    if (threadIdx.x < KT) {
        for (int i = KT; i < THREADS; i += KT)
            sum += shared[(int)threadIdx.x + i];
        to[threadIdx.x] = sum;
    }
}

template <int KT> __global__ void __launch_bounds__(THREADS, 1) k_group_weights(weights_job j)
{
#ifdef DRN_WARPGROUPS
    constexpr int STAGE = shape<KT>::STAGE;
    DRN_SHARED(unsigned char, shared);
    int group = warp_uniform((int)threadIdx.x / 128), thread = (int)threadIdx.x % 128, k0 = (int)blockIdx.y * KT, c0 = (int)blockIdx.z * CT;
    int step = (int)gridDim.x, stage = 0;
    bool wants_bias = j.m.db && c0 == 0;
    float acc[3][KT / 8][4] = {}, bias = 0;
    for (int ahead = 0; ahead < STAGES - 1; ahead++) {
        load_tile<KT>(shared + ahead * STAGE, j, (int)blockIdx.x + ahead * step, c0, k0);
        copy_commit();
    }
    for (int tile = (int)blockIdx.x; tile < j.tiles; tile += step, stage = stage + 1 == STAGES ? 0 : stage + 1) {
        copy_wait<STAGES - 2>();
        group_publish();
        __syncthreads(); /* this tile is there, and all are done with the one before */
        multiply<KT>(acc, shared + stage * STAGE, group);
        load_tile<KT>(shared + (stage + STAGES - 1) % STAGES * STAGE, j, tile + (STAGES - 1) * step, c0, k0);
        copy_commit();
        if (wants_bias)
            bias += sum_dy<KT>(shared + stage * STAGE + XBYTES);
        for (int s = 0; s < 3; s++)
            group_wait<KT / 8>(acc[s]);
    }
    copy_wait<0>();
    __syncthreads();
    size_t column = (size_t)gridDim.x * (TAPS * CT + 1) * KT;
    float *partial = j.m.partial + ((size_t)blockIdx.z * gridDim.y + blockIdx.y) * column;
    store_sums<KT>(partial + (size_t)blockIdx.x * TAPS * CT * KT, acc, group, thread / 32, thread % 32);
    if (wants_bias)
        store_bias<KT>(partial + (size_t)gridDim.x * TAPS * CT * KT + (size_t)blockIdx.x * KT, bias, (float *)shared);
#endif
}

int drn_dk_group_weights_supports(drn_dten x, drn_dten dy, int32_t sub)
{
    return x.half && x.c % CT == 0 && (dy.half ? dy.c % 64 == 0 : dy.c <= 8 && sub == 1);
}

typedef struct work {
    int parts_k, parts_c, across, down, tiles;
    unsigned blocks; /* along the pixels */
} work;

static work work_of(drn_dten x, drn_dten dy, int k, int c, int sms)
{
    work w = {dy.half ? k / 64 : 1, c / CT, (x.w + TILE - 1) / TILE, (x.h + TILE - 1) / TILE, 0, 0};
    int most = sms / (w.parts_k * w.parts_c);
    w.tiles = x.n * w.across * w.down;
    w.blocks = (unsigned)(most < 1 ? 1 : w.tiles < most ? w.tiles : most);
    return w;
}

size_t drn_dk_group_weights_bytes(drn_dten x, drn_dten dy, int32_t k, int32_t c, int32_t sms)
{
    work w = work_of(x, dy, k, c, sms);
    size_t kt = dy.half ? 64 : 8;
    return (size_t)w.blocks * (TAPS * CT + 1) * kt * (size_t)(w.parts_k * w.parts_c) * sizeof(float);
}

template <int KT> static void run(const drn_dmma_weights &m, const work &w, cudaStream_t s)
{
    constexpr size_t bytes = (size_t)STAGES * shape<KT>::STAGE;
    weights_job j = {m, w.tiles, w.across, w.down};
    static bool allowed = allow_shared(k_group_weights<KT>, bytes);
    (void)allowed; /* a refusal shows at the launch */
    DRN_LAUNCH(k_group_weights<KT>, dim3(w.blocks, (unsigned)w.parts_k, (unsigned)w.parts_c), THREADS, bytes, s, j);
    drn_dk_reduce_weights((drn_dreduce){m, CT, KT, (int32_t)w.blocks, (int32_t)w.blocks, w.parts_k, w.parts_c}, s);
}

void drn_dk_group_weights(drn_dmma_weights m, int32_t sms, cudaStream_t s)
{
    work w = work_of(m.x, m.dy, m.k, m.c, sms);
    if (m.dy.half)
        run<64>(m, w, s);
    else
        run<8>(m, w, s);
}
