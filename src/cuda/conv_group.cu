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
    static constexpr int BYTES = WEIGHTS + GROUPS * 2 * STAGE;
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
    else
        group_mma_32(d, a, b, add);
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

/* Bias of this lane's channels: 8 j + 2 (lane % 4) and the next. */
template <int NT> DRN_DEV void load_bias(float (*bias)[2], const drn_dmma &m, int n0, int lane)
{
#pragma unroll
    for (int j = 0; j < NT; j++)
#pragma unroll
        for (int e = 0; e < 2; e++)
            bias[j][e] = bias_of(m, n0 + 8 * j + 2 * (lane & 3) + e);
}

template <int NT>
DRN_DEV void store_tile(const group_job &j, const float (*acc)[NT][4], const float (*bias)[2], int tile, int n0, int warp, int lane)
{
    if (tile >= j.tiles)
        return;
    place q = place_of(j, tile);
    view v = view_of(j.m.out, j.m.sub_out, q.image, n0);
    size_t first = (size_t)(v.first - (const uint16_t *)j.m.out.p);
#pragma unroll
    for (int i = 0; i < BLOCKS; i++)
#pragma unroll
        for (int half = 0; half < 2; half++) {
            int y = q.y + 2 * warp + half, x = q.x + 8 * i + (lane >> 2);
            bool valid = y < v.h && x < v.w;
            size_t at = first + (size_t)y * v.row + (size_t)(x * v.pixel);
#pragma unroll
            for (int group = 0; group < NT; group += 4) {
                uint32_t r[4];
#pragma unroll
                for (int k = 0; k < 4; k++) {
                    const float *d = acc[i][group + k] + 2 * half, *b = bias[group + k];
                    r[k] = valid ? finish_pair(d[0] + b[0], d[1] + b[1], j.m.e, at + (size_t)(8 * (group + k) + 2 * (lane & 3))) : 0;
                }
                transpose_quad(r, lane);
                if (valid)
                    *(uint4 *)((uint16_t *)j.m.out.p + at + 8 * (group + (lane & 3))) = make_uint4(r[0], r[1], r[2], r[3]);
            }
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
    float acc[BLOCKS][NT][4], bias[NT][2];
    load_weights<NT, CK>(shared, j, n0, 0);
    load_halo<NT, CK>(halo, j, (int)blockIdx.x * GROUPS + group, 0, thread);
    copy_commit();
    load_bias<NT>(bias, j.m, n0, lane);
    copy_wait<0>();
    group_publish();
    __syncthreads();
    load_halo<NT, CK>(halo + S::STAGE, j, (int)blockIdx.x * GROUPS + group + step, 0, thread);
    copy_commit();
    /* as often for each warpgroup: products must not stand in a branch */
    for (int first = (int)blockIdx.x * GROUPS; first < j.tiles; first += step, stage ^= 1) {
        int tile = first + group;
        multiply<NT, CK>(acc, halo + stage * S::STAGE, shared, 0);
        wait_products<NT>(acc);
        copy_wait<0>(); /* the next tile */
        group_publish();
        group_barrier(group); /* the others are done with this one, and have copied */
        load_halo<NT, CK>(halo + stage * S::STAGE, j, tile + 2 * step, 0, thread);
        copy_commit();
        store_tile<NT>(j, acc, bias, tile, n0, thread / 32, lane);
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
    float acc[BLOCKS][NT][4], bias[NT][2];
    load_bias<NT>(bias, j.m, n0, lane);
    load_halo<NT, CK>(halo, j, (int)blockIdx.x * GROUPS + group, 0, thread);
    copy_commit();
    for (int first = (int)blockIdx.x * GROUPS; first < j.tiles; first += step) {
        int tile = first + group;
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
            wait_products<NT>(acc);
        }
        store_tile<NT>(j, acc, bias, tile, n0, thread / 32, lane);
    }
    copy_wait<0>();
#endif
}

/* ---- which, and how many blocks ---- */

static int filters_of(const drn_dmma &m)
{
    return m.out.c % 64 == 0 ? 64 : 32;
}

static int chunk_of(const drn_dmma &m)
{
    return !m.in.half ? 16 : m.in.c % 64 == 0 ? 64 : 32;
}

int drn_dk_group_supports(drn_dten out, drn_dten in, int32_t sub_in, int32_t sub_out)
{
    int32_t rows, cols;
    if (!out.half || out.c % 32 != 0 || (in.half ? in.c % 32 != 0 : in.c > 8 || sub_in != 1))
        return 0;
    drn_dk_mma_pad(&rows, &cols, out.c * sub_out, in.c * sub_in);
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

void drn_dk_group(drn_dmma m, int32_t sms, cudaStream_t s)
{
    if (filters_of(m) == 64)
        run_chunk<8>(m, sms, s);
    else
        run_chunk<4>(m, sms, s);
}
