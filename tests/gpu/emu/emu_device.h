/* Device side of the emulation: built-in variables, barriers, warp primitives.  Every thread of a block is a
 * fiber; a barrier parks it until all that are still running have arrived.  Primitives of a warp exchange
 * values through the warp's slots.  Included by src/cuda/device.cuh. */
#ifndef DRN_EMU_DEVICE_H
#define DRN_EMU_DEVICE_H

#include <cmath>
#include <cstdint>
#include <cstring>
#include <functional>

#define __global__ static
#define __device__
#define __host__
#define __forceinline__ inline __attribute__((always_inline))
#define __launch_bounds__(...)
#define DRN_DEV static inline

struct dim3 {
    unsigned x, y, z;
    dim3(unsigned x_ = 1, unsigned y_ = 1, unsigned z_ = 1) : x(x_), y(y_), z(z_) {}
};

struct float2 {
    float x, y;
};
struct float4 {
    float x, y, z, w;
};
struct uint4 {
    uint32_t x, y, z, w;
};
static inline uint4 make_uint4(uint32_t x, uint32_t y, uint32_t z, uint32_t w)
{
    return {x, y, z, w};
}
static inline float2 make_float2(float x, float y)
{
    return {x, y};
}

namespace drn_emu
{
struct thread_state {
    dim3 thread;
};
extern dim3 block, grid, block_size;
extern thread_state *current;
extern unsigned char *shared_bytes;

void launch(dim3 g, dim3 b, size_t shared, cudaStream_t stream, std::function<void()> body);
void block_barrier();
/* Put 64 bytes into this lane's slot, wait for the warp, return the warp's slots (stride 64). */
const unsigned char *exchange(const void *bytes, size_t size);
unsigned lane();
void copy_async(void *to, const void *from, bool valid);
void commit();
void wait_groups(int left);
} // namespace drn_emu

#define threadIdx (drn_emu::current->thread)
#define blockIdx (drn_emu::block)
#define gridDim (drn_emu::grid)
#define blockDim (drn_emu::block_size)
#define __syncthreads() drn_emu::block_barrier()
#define DRN_SHARED(type, name) type *name = reinterpret_cast<type *>(drn_emu::shared_bytes)
/* Arguments are evaluated now, as a real launch does. */
#define DRN_LAUNCH(kernel, grid_, block_, shared_, stream_, ...)                                    \
    drn_emu::launch_now([](auto... a_) { kernel(a_...); }, dim3(grid_), dim3(block_), shared_, stream_, __VA_ARGS__)

namespace drn_emu
{
template <typename F, typename... A>
void launch_now(F f, dim3 g, dim3 b, size_t shared, cudaStream_t stream, A... args)
{
    launch(g, b, shared, stream, [=] { f(args...); });
}
} // namespace drn_emu

using std::isfinite;

template <typename K> static bool allow_shared(K, size_t)
{
    return true;
}

static inline void __syncwarp()
{
    drn_emu::exchange("", 1);
}

static inline uint32_t __float_as_uint(float v)
{
    uint32_t u;
    std::memcpy(&u, &v, 4);
    return u;
}
static inline float __uint_as_float(uint32_t u)
{
    float v;
    std::memcpy(&v, &u, 4);
    return v;
}
static inline float __fdiv_rn(float a, float b)
{
    return a / b;
}
static inline double __dmul_rn(double a, double b)
{
    return a * b;
}
static inline double __dadd_rn(double a, double b)
{
    return a + b;
}
static inline float __fmul_rn(float a, float b)
{
    return a * b;
}
static inline float __fadd_rn(float a, float b)
{
    return a + b;
}
static inline float __fsqrt_rn(float a)
{
    return std::sqrt(a);
}

template <typename T> static inline T __shfl_xor_sync(unsigned, T v, int mask)
{
    const unsigned char *slots = drn_emu::exchange(&v, sizeof v);
    T out;
    std::memcpy(&out, slots + 64 * (drn_emu::lane() ^ (unsigned)mask), sizeof out);
    return out;
}

static inline uint16_t to_bf16(float v)
{
    uint32_t u = __float_as_uint(v);
    if ((u & 0x7fffffffu) > 0x7f800000u)
        return 0x7fff;
    return (uint16_t)((u + 0x7fffu + ((u >> 16) & 1)) >> 16);
}
static inline uint32_t pack_bf16(float lo, float hi)
{
    return (uint32_t)to_bf16(lo) | (uint32_t)to_bf16(hi) << 16;
}

static inline void copy_async16(void *shared, const void *global, bool valid)
{
    drn_emu::copy_async(shared, global, valid);
}
static inline void copy_commit()
{
    drn_emu::commit();
}
template <int N> static inline void copy_wait()
{
    drn_emu::wait_groups(N);
}

/* Lane l of matrix m: elements (row l/4, columns 2(l%4), +1), or of the transposed. */
static inline void emu_load_matrix(uint32_t *r, const void *row, int matrices, bool trans)
{
    const unsigned char *slots = drn_emu::exchange(&row, sizeof row);
    unsigned l = drn_emu::lane();
    for (int m = 0; m < matrices; m++) {
        uint16_t v[2];
        for (unsigned e = 0; e < 2; e++) {
            unsigned rr = trans ? 2 * (l % 4) + e : l / 4, cc = trans ? l / 4 : 2 * (l % 4) + e;
            const uint16_t *p;
            std::memcpy(&p, slots + 64 * (8 * (unsigned)m + rr), sizeof p);
            v[e] = p[cc];
        }
        r[m] = (uint32_t)v[0] | (uint32_t)v[1] << 16;
    }
}
static inline void load_matrix4(uint32_t *r, const void *row)
{
    emu_load_matrix(r, row, 4, false);
}
static inline void load_matrix2(uint32_t *r, const void *row)
{
    emu_load_matrix(r, row, 2, false);
}
static inline void load_matrix4_trans(uint32_t *r, const void *row)
{
    emu_load_matrix(r, row, 4, true);
}
static inline void load_matrix2_trans(uint32_t *r, const void *row)
{
    emu_load_matrix(r, row, 2, true);
}

static inline float emu_bf16(uint32_t word, unsigned k)
{
    return __uint_as_float(k & 1 ? word & 0xffff0000u : word << 16);
}

static inline void mma_bf16(float *d, const uint32_t *a, const uint32_t *b)
{
    uint32_t mine[6] = {a[0], a[1], a[2], a[3], b[0], b[1]};
    const unsigned char *slots = drn_emu::exchange(mine, sizeof mine);
    unsigned g = drn_emu::lane() / 4, t = drn_emu::lane() % 4;
    for (unsigned i = 0; i < 4; i++) {
        unsigned col = 2 * t + (i & 1), half = i / 2; /* row g + 8 half */
        float sum = 0;
        for (unsigned k = 0; k < 16; k++) {
            uint32_t wa[6], wb[6];
            std::memcpy(wa, slots + 64 * (4 * g + k % 8 / 2), sizeof wa);
            std::memcpy(wb, slots + 64 * (4 * col + k % 8 / 2), sizeof wb);
            sum += emu_bf16(wa[half + 2 * (k / 8)], k) * emu_bf16(wb[4 + k / 8], k);
        }
        d[i] += sum;
    }
}

static inline int warp_uniform(int v)
{
    return v;
}

/* ---- warpgroups ---- */

#define DRN_WARPGROUPS 1

namespace drn_emu
{
void group_barrier();
/* Products are done when they are waited for. */
void defer(std::function<void()> product);
void run_deferred();
} // namespace drn_emu

/* Bits as in the hardware's descriptor. */
static inline uint64_t brick_operand(const void *first, uint32_t leading, uint32_t stride)
{
    uint64_t at = (uint64_t)(static_cast<const unsigned char *>(first) - drn_emu::shared_bytes);
    if (at % 16 || leading % 16 || stride % 16)
        std::abort();
    return at >> 4 | (uint64_t)(leading >> 4) << 16 | (uint64_t)(stride >> 4) << 32;
}
static inline uint64_t brick_at(uint64_t operand, int bytes)
{
    return operand + (uint64_t)(bytes >> 4);
}
static inline void group_begin()
{
}
static inline void group_commit()
{
}
static inline void group_publish()
{
}
static inline void group_barrier(int)
{
    drn_emu::group_barrier();
}
template <int NT> static inline void group_wait(float (*)[4])
{
    drn_emu::run_deferred();
}

/* Element (mn, k) of an operand. */
static inline float emu_brick(uint64_t o, unsigned mn, unsigned k, bool trans)
{
    uint64_t first = (o & 0x3fff) << 4, leading = (o >> 16 & 0x3fff) << 4, stride = (o >> 32 & 0x3fff) << 4;
    uint64_t inside = trans ? 16 * (k % 8) + 2 * (mn % 8) : 16 * (mn % 8) + 2 * (k % 8);
    uint16_t v;
    std::memcpy(&v, drn_emu::shared_bytes + first + leading * (k / 8) + stride * (mn / 8) + inside, sizeof v);
    return __uint_as_float((uint32_t)v << 16);
}

static inline void emu_group_mma(float (*d)[4], uint64_t a, uint64_t b, int add, unsigned columns, bool trans)
{
    unsigned warp = threadIdx.x / 32 % 4, l = drn_emu::lane();
    drn_emu::defer([=] {
        for (unsigned j = 0; j < columns / 8; j++)
            for (unsigned i = 0; i < 4; i++) {
                float sum = 0;
                for (unsigned k = 0; k < 16; k++)
                    sum += emu_brick(a, 16 * warp + l / 4 + 8 * (i / 2), k, trans) * emu_brick(b, 8 * j + 2 * (l % 4) + i % 2, k, trans);
                d[j][i] = add ? d[j][i] + sum : sum;
            }
    });
}
static inline void group_mma_64(float (*d)[4], uint64_t a, uint64_t b, int add)
{
    emu_group_mma(d, a, b, add, 64, false);
}
static inline void group_mma_32(float (*d)[4], uint64_t a, uint64_t b, int add)
{
    emu_group_mma(d, a, b, add, 32, false);
}
static inline void group_mma_8(float (*d)[4], uint64_t a, uint64_t b, int add)
{
    emu_group_mma(d, a, b, add, 8, false);
}
static inline void group_mma_8_trans(float (*d)[4], uint64_t a, uint64_t b, int add)
{
    emu_group_mma(d, a, b, add, 8, true);
}
static inline void group_mma_64_trans(float (*d)[4], uint64_t a, uint64_t b, int add)
{
    emu_group_mma(d, a, b, add, 64, true);
}

#endif
