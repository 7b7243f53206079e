/* 3x3 convolutions, stride 1, pad 1, by the warpgroup products of compute capability 9.0: forward, and backward-data
 * with turned weights; the contract of drn_dk_mma().
 *
 * A warpgroup makes a tile of 8 rows x 16 pixels as two blocks of 8 x 8: one operand each, its left one the tile with
 * border (halo) read from a pixel on, its right one the weights of a tap; both stay in shared memory.  With one chunk
 * of channels the weights are loaded once, and every warpgroup walks over tiles of its own, the next but one tile
 * being copied while it stores: so the three keep the tensor cores busy in turn.  With several chunks (the gradient
 * of a shuffled tensor) the block's warpgroups share the weights of a chunk and go on together. */
#include "cuda/epilogue.cuh"
#include "cuda/group.cuh"

enum { GROUPS = 3, ROWS = 8, GROUP_THREADS = 128, BLOCKS = 2 };

typedef struct group_job {
    drn_dmma m;
    int chunks, rows, cols; /* of channels; of a tap in the packed weights */
    int tiles, across, down;
} group_job;

enum { HALO_H = ROWS + 2, PIXELS = HALO_H * HALO_W, PLANE = plane_bytes(PIXELS) };

template <int NT, int CK> struct shape {
    static constexpr int CHUNKS = CK / 8, STAGE = CHUNKS * PLANE;
    static constexpr int FILTERS = NT * 8, WPLANE = FILTERS * 16 + 16, WEIGHTS = TAPS * CHUNKS * WPLANE;
    static constexpr int BIAS = WEIGHTS + GROUPS * 2 * STAGE, BYTES = BIAS + FILTERS * 4;
};

typedef struct place {
    int image, y, x;
} place;

DRN_DEV place place_of(const group_job &j, int tile)
{
    return place{tile / (j.across * j.down), tile / j.across % j.down * ROWS, tile % j.across * COLS};
}

/* Weights [tap][channels/8][n][8] of this block's filters and chunk. */
template <int NT, int CK> DRN_DEV void load_weights(unsigned char *to, const group_job &j, int n0, int chunk)
{
    typedef shape<NT, CK> S;
    const uint16_t *w = (const uint16_t *)j.m.w;
    for (int i = (int)threadIdx.x; i < TAPS * S::CHUNKS * S::FILTERS; i += (int)blockDim.x) {
        int part = i % S::CHUNKS, n = i / S::CHUNKS % S::FILTERS, tap = i / S::CHUNKS / S::FILTERS;
        copy_async16(to + (tap * S::CHUNKS + part) * S::WPLANE + n * 16,
                     w + ((size_t)tap * j.rows + n0 + n) * j.cols + chunk * CK + part * 8, true);
    }
}

template <int NT, int CK> DRN_DEV void load_halo(unsigned char *to, const group_job &j, int tile, int chunk, int thread)
{
    typedef shape<NT, CK> S;
    if (tile >= j.tiles)
        return;
    place q = place_of(j, tile);
    if (j.m.in.half)
        load_planes<S::CHUNKS, PLANE>(to, view_of(j.m.in, j.m.sub_in, q.image, chunk * CK), q.y - 1, q.x - 1, HALO_H, HALO_W,
                                      thread, GROUP_THREADS);
    else
        load_image_planes<S::CHUNKS, PLANE>(to, j.m.in, q.image, q.y - 1, q.x - 1, HALO_H, HALO_W, thread, GROUP_THREADS);
}

#ifdef DRN_WARPGROUPS

template <int NT> DRN_DEV void product(float (*d)[4], uint64_t a, uint64_t b, int add)
{
    if (NT == 8)
        group_mma_64(d, a, b, add);
    else if (NT == 4)
        group_mma_32(d, a, b, add);
    else
        group_mma_8(d, a, b, add);
}

template <int NT, int CK> DRN_DEV void multiply(float (*acc)[NT][4], const unsigned char *halo, const unsigned char *weights, int add)
{
    typedef shape<NT, CK> S;
    uint64_t a = brick_operand(halo, PLANE, HALO_W * 16), b = brick_operand(weights, S::WPLANE, 128);
    group_begin();
#pragma unroll
    for (int tap = 0; tap < TAPS; tap++)
#pragma unroll
        for (int k = 0; k < CK / 16; k++)
#pragma unroll
            for (int i = 0; i < BLOCKS; i++)
                product<NT>(acc[i], brick_at(a, (tap / 3 * HALO_W + tap % 3 + 8 * i) * 16 + 2 * k * PLANE),
                            brick_at(b, (tap * S::CHUNKS + 2 * k) * S::WPLANE), tap + k > 0 ? 1 : add);
    group_commit();
}

template <int NT> DRN_DEV void wait_products(float (*acc)[NT][4])
{
    group_wait<NT>(acc[0]);
    group_wait<NT>(acc[1]);
}

#endif

/* ---- the store ---- */

/* Bias of this block's filters, in the packed order. */
template <int NT> DRN_DEV void load_bias(float *bias, const drn_dmma &m, int n0)
{
    for (int i = (int)threadIdx.x; i < 8 * NT; i += (int)blockDim.x)
        bias[i] = bias_of(m, n0 + i);
}

/* Where this lane stores of a tile: pixel `half` of block i, then channels 8 (lane % 4) of each group of 32. */
typedef struct spots {
    size_t first;
    int row, block; /* elements to the second half, to the second block */
    unsigned valid; /* bit 2 i + half */
} spots;

DRN_DEV spots spots_of(const group_job &j, int tile, int n0, int warp, int lane)
{
    place q = place_of(j, tile);
    view v = view_of(j.m.out, j.m.sub_out, q.image, n0);
    int y = q.y + 2 * warp, x = q.x + (lane >> 2);
    spots s = {(size_t)(v.first - (const uint16_t *)j.m.out.p) + (size_t)y * v.row + (size_t)(x * v.pixel) + (size_t)(8 * (lane & 3)),
               v.row, 8 * v.pixel, 0};
#pragma unroll
    for (int i = 0; i < BLOCKS; i++)
#pragma unroll
        for (int half = 0; half < 2; half++)
            s.valid |= (unsigned)(tile < j.tiles && y + half < v.h && x + 8 * i < v.w) << (2 * i + half);
    return s;
}

DRN_DEV size_t spot(const spots &s, int i, int half, int group)
{
    return s.first + (size_t)(i * s.block + half * s.row + 32 * group);
}

/* What is stored at these spots now in a tensor of the output's layout; zeros without one. */
template <int NT> DRN_DEV void fetch(uint4 (*to)[2][NT / 4], const void *from, const spots &s)
{
#pragma unroll
    for (int i = 0; i < BLOCKS * 2 * (NT / 4); i++) {
        int block = i / (2 * (NT / 4)), half = i / (NT / 4) % 2, group = i % (NT / 4);
        uint4 v = make_uint4(0, 0, 0, 0);
        if (from && s.valid >> (2 * block + half) & 1)
            v = *(const uint4 *)((const uint16_t *)from + spot(s, block, half, group));
        to[block][half][group] = v;
    }
}

DRN_DEV uint32_t masked_pair(uint32_t v, uint32_t mask, float slope)
{
    return pack_bf16(low_bf16(mask) > 0 ? low_bf16(v) : slope * low_bf16(v), high_bf16(mask) > 0 ? high_bf16(v) : slope * high_bf16(v));
}

/* 32 channels of a quad of lanes: sums d[k] of channels 8 k + 2 (lane % 4) become this lane's 8 neighbours. */
DRN_DEV uint4 finish(const float (*d)[4], int half, const float *bias, const drn_depilogue &e, uint4 add, uint4 mask, int lane)
{
    uint32_t a[4] = {add.x, add.y, add.z, add.w}, r[4];
    if (e.add)
        transpose_quad(a, lane);
#pragma unroll
    for (int k = 0; k < 4; k++) {
        float2 b = *(const float2 *)(bias + 8 * k + 2 * (lane & 3));
        float u = activated(d[k][2 * half] + b.x, e), v = activated(d[k][2 * half + 1] + b.y, e);
        r[k] = e.add ? pack_bf16(u + low_bf16(a[k]), v + high_bf16(a[k])) : pack_bf16(u, v);
    }
    transpose_quad(r, lane);
    if (e.mask) {
        r[0] = masked_pair(r[0], mask.x, e.mask_slope);
        r[1] = masked_pair(r[1], mask.y, e.mask_slope);
        r[2] = masked_pair(r[2], mask.z, e.mask_slope);
        r[3] = masked_pair(r[3], mask.w, e.mask_slope);
    }
    return make_uint4(r[0], r[1], r[2], r[3]);
}

template <int NT>
DRN_DEV void store_tile(const group_job &j, const float (*acc)[NT][4], const float *bias, const uint4 (*add)[2][NT / 4],
                        const uint4 (*mask)[2][NT / 4], const spots &s, int lane)
{
#pragma unroll
    for (int i = 0; i < BLOCKS; i++)
#pragma unroll
        for (int half = 0; half < 2; half++)
#pragma unroll
            for (int group = 0; group < NT / 4; group++) {
                uint4 v = finish(acc[i] + 4 * group, half, bias + 32 * group, j.m.e, add[i][half][group], mask[i][half][group], lane);
                if (s.valid >> (2 * i + half) & 1)
                    *(uint4 *)((uint16_t *)j.m.out.p + spot(s, i, half, group)) = v;
            }
}

/* ---- one chunk of channels: every warpgroup for itself ---- */

template <int NT, int CK> __global__ void __launch_bounds__(GROUPS * GROUP_THREADS, 1) k_group(group_job j)
{
#ifdef DRN_WARPGROUPS
    typedef shape<NT, CK> S;
    DRN_SHARED(unsigned char, shared);
    int group = warp_uniform((int)threadIdx.x / GROUP_THREADS), thread = (int)threadIdx.x % GROUP_THREADS, n0 = (int)blockIdx.y * S::FILTERS;
    int lane = thread % 32, step = (int)gridDim.x * GROUPS, stage = 0;
    unsigned char *halo = shared + S::WEIGHTS + group * 2 * S::STAGE;
    float acc[BLOCKS][NT][4], *bias = (float *)(shared + S::BIAS);
    uint4 add[BLOCKS][2][NT / 4], mask[BLOCKS][2][NT / 4];
    load_weights<NT, CK>(shared, j, n0, 0);
    load_halo<NT, CK>(halo, j, (int)blockIdx.x * GROUPS + group, 0, thread);
    copy_commit();
    load_bias<NT>(bias, j.m, n0);
    copy_wait<0>();
    group_publish();
    __syncthreads();
    load_halo<NT, CK>(halo + S::STAGE, j, (int)blockIdx.x * GROUPS + group + step, 0, thread);
    copy_commit();
    /* as often for each warpgroup: products must not stand in a branch */
    for (int first = (int)blockIdx.x * GROUPS; first < j.tiles; first += step, stage ^= 1) {
        int tile = first + group;
        spots s = spots_of(j, tile, n0, thread / 32, lane);
        multiply<NT, CK>(acc, halo + stage * S::STAGE, shared, 0);
        fetch<NT>(add, j.m.e.add, s);
        fetch<NT>(mask, j.m.e.mask, s);
        wait_products<NT>(acc);
        copy_wait<0>(); /* the next tile */
        group_publish();
        group_barrier(group); /* the others are done with this one, and have copied */
        load_halo<NT, CK>(halo + stage * S::STAGE, j, tile + 2 * step, 0, thread);
        copy_commit();
        store_tile<NT>(j, acc, bias, add, mask, s, lane);
    }
    copy_wait<0>();
#endif
}

/* ---- the same with an image as result ---- */

DRN_DEV void store_pixels(const group_job &j, const float (*acc)[1][4], int tile, int warp, int lane)
{
    place q = place_of(j, tile);
#pragma unroll
    for (int i = 0; i < BLOCKS; i++)
#pragma unroll
        for (int half = 0; half < 2; half++) {
            int y = q.y + 2 * warp + half, x = q.x + 8 * i + (lane >> 2);
            store_image(j.m, acc[i][0], half, q.image, y, x, tile < j.tiles && y < j.m.out.h && x < j.m.out.w, lane);
        }
}

template <int CK> __global__ void __launch_bounds__(GROUPS * GROUP_THREADS, 1) k_group_image(group_job j)
{
#ifdef DRN_WARPGROUPS
    typedef shape<1, CK> S;
    DRN_SHARED(unsigned char, shared);
    int group = warp_uniform((int)threadIdx.x / GROUP_THREADS), thread = (int)threadIdx.x % GROUP_THREADS;
    int step = (int)gridDim.x * GROUPS, stage = 0;
    unsigned char *halo = shared + S::WEIGHTS + group * 2 * S::STAGE;
    float acc[BLOCKS][1][4];
    load_weights<1, CK>(shared, j, 0, 0);
    load_halo<1, CK>(halo, j, (int)blockIdx.x * GROUPS + group, 0, thread);
    copy_commit();
    copy_wait<0>();
    group_publish();
    __syncthreads();
    load_halo<1, CK>(halo + S::STAGE, j, (int)blockIdx.x * GROUPS + group + step, 0, thread);
    copy_commit();
    for (int first = (int)blockIdx.x * GROUPS; first < j.tiles; first += step, stage ^= 1) {
        int tile = first + group;
        multiply<1, CK>(acc, halo + stage * S::STAGE, shared, 0);
        wait_products<1>(acc);
        copy_wait<0>();
        group_publish();
        group_barrier(group);
        load_halo<1, CK>(halo + stage * S::STAGE, j, tile + 2 * step, 0, thread);
        copy_commit();
        store_pixels(j, acc, tile, thread / 32, thread % 32);
    }
    copy_wait<0>();
#endif
}

/* ---- several chunks: the warpgroups share the weights ---- */

template <int NT, int CK> __global__ void __launch_bounds__(GROUPS * GROUP_THREADS, 1) k_group_chunks(group_job j)
{
#ifdef DRN_WARPGROUPS
    typedef shape<NT, CK> S;
    DRN_SHARED(unsigned char, shared);
    int group = warp_uniform((int)threadIdx.x / GROUP_THREADS), thread = (int)threadIdx.x % GROUP_THREADS, n0 = (int)blockIdx.y * S::FILTERS;
    int lane = thread % 32, step = (int)gridDim.x * GROUPS, stage = 0;
    unsigned char *halo = shared + S::WEIGHTS + group * 2 * S::STAGE;
    float acc[BLOCKS][NT][4], *bias = (float *)(shared + S::BIAS);
    uint4 add[BLOCKS][2][NT / 4], mask[BLOCKS][2][NT / 4];
    load_bias<NT>(bias, j.m, n0);
    load_halo<NT, CK>(halo, j, (int)blockIdx.x * GROUPS + group, 0, thread);
    copy_commit();
    for (int first = (int)blockIdx.x * GROUPS; first < j.tiles; first += step) {
        int tile = first + group;
        spots s = spots_of(j, tile, n0, thread / 32, lane);
        for (int chunk = 0; chunk < j.chunks; chunk++, stage ^= 1) {
            bool last = chunk + 1 == j.chunks;
            __syncthreads(); /* all are done with the weights before */
            load_weights<NT, CK>(shared, j, n0, chunk);
            copy_commit();
            load_halo<NT, CK>(halo + (stage ^ 1) * S::STAGE, j, last ? tile + step : tile, last ? 0 : chunk + 1, thread);
            copy_commit();
            copy_wait<1>();
            group_publish();
            __syncthreads();
            multiply<NT, CK>(acc, halo + stage * S::STAGE, shared, chunk > 0);
            if (last) {
                fetch<NT>(add, j.m.e.add, s);
                fetch<NT>(mask, j.m.e.mask, s);
            }
            wait_products<NT>(acc);
        }
        store_tile<NT>(j, acc, bias, add, mask, s, lane);
    }
    copy_wait<0>();
#endif
}

/* ---- which, and how many blocks ---- */

static int filters_of(const drn_dmma &m)
{
    return m.out.c % 64 == 0 ? 64 : 32;
}

static int chunk_of_channels(int channels)
{
    return channels % 64 == 0 ? 64 : 32;
}

static int chunk_of(const drn_dmma &m)
{
    return m.in.half ? chunk_of_channels(m.in.c) : 16;
}

int drn_dk_group_supports(drn_dten out, drn_dten in, int32_t sub_in, int32_t sub_out)
{
    int32_t rows, cols;
    if (in.half ? in.c % 32 != 0 : in.c > 8 || sub_in != 1)
        return 0;
    drn_dk_mma_pad(&rows, &cols, out.c * sub_out, in.c * sub_in);
    if (!out.half)
        return in.half && out.c <= 8 && sub_out == 1 && cols == chunk_of_channels(in.c) && sub_in == 1;
    if (out.c % 32 != 0)
        return 0;
    return rows == out.c * sub_out && (in.half ? cols == in.c * sub_in : cols == 16);
}

template <int NT, int CK> static void run(const drn_dmma &m, int sms, cudaStream_t s)
{
    constexpr size_t bytes = shape<NT, CK>::BYTES;
    int scale = m.sub_out == 4 ? 2 : 1, h = m.out.h / scale, w = m.out.w / scale;
    group_job j = {m, 0, 0, 0, 0, 0, 0};
    drn_dk_mma_pad(&j.rows, &j.cols, m.out.c * m.sub_out, m.in.c * m.sub_in);
    j.chunks = j.cols / CK;
    j.across = (w + COLS - 1) / COLS;
    j.down = (h + ROWS - 1) / ROWS;
    j.tiles = m.out.n * j.across * j.down;
    int parts = j.rows / (NT * 8), most = sms / parts > 0 ? sms / parts : 1, wanted = (j.tiles + GROUPS - 1) / GROUPS;
    dim3 grid((unsigned)(wanted < most ? wanted : most), (unsigned)parts);
    static bool allowed = allow_shared(k_group<NT, CK>, bytes) && allow_shared(k_group_chunks<NT, CK>, bytes);
    (void)allowed; /* a refusal shows at the launch */
    if (j.chunks == 1)
        DRN_LAUNCH((k_group<NT, CK>), grid, GROUPS * GROUP_THREADS, bytes, s, j);
    else
        DRN_LAUNCH((k_group_chunks<NT, CK>), grid, GROUPS * GROUP_THREADS, bytes, s, j);
}

template <int NT> static void run_chunk(const drn_dmma &m, int sms, cudaStream_t s)
{
    switch (chunk_of(m)) {
    case 16:
        run<NT, 16>(m, sms, s);
        break;
    case 32:
        run<NT, 32>(m, sms, s);
        break;
    default:
        run<NT, 64>(m, sms, s);
    }
}

template <int CK> static void run_image(const drn_dmma &m, int sms, cudaStream_t s)
{
    constexpr size_t bytes = shape<1, CK>::BYTES;
    group_job j = {m, 1, 8, CK, 0, (m.out.w + COLS - 1) / COLS, (m.out.h + ROWS - 1) / ROWS};
    j.tiles = m.out.n * j.across * j.down;
    int wanted = (j.tiles + GROUPS - 1) / GROUPS;
    static bool allowed = allow_shared(k_group_image<CK>, bytes);
    (void)allowed;
    DRN_LAUNCH(k_group_image<CK>, dim3((unsigned)(wanted < sms ? wanted : sms)), GROUPS * GROUP_THREADS, bytes, s, j);
}

void drn_dk_group(drn_dmma m, int32_t sms, cudaStream_t s)
{
    if (!m.out.half && chunk_of(m) == 64)
        run_image<64>(m, sms, s);
    else if (!m.out.half)
        run_image<32>(m, sms, s);
    else if (filters_of(m) == 64)
        run_chunk<8>(m, sms, s);
    else
        run_chunk<4>(m, sms, s);
}
