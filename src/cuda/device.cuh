/* What every .cu file of this room starts with: bfloat16 storage, 16-byte moves, warp primitives and the
 * launch macro.  The files compile in two ways: by nvcc for the GPU, and by a C++ compiler against the
 * emulation in tests/gpu/emu, which runs the same kernels thread by thread on the CPU.  This is the one
 * file that knows the difference. */
#ifndef DRN_CUDA_DEVICE_CUH
#define DRN_CUDA_DEVICE_CUH

#include "cuda/launch.h"

#include <stdint.h>

#ifdef __CUDACC__

#include <cuda_bf16.h>

#define DRN_DEV static __device__ __forceinline__
#define DRN_LAUNCH(kernel, grid, block, shared, stream, ...)                                       \
    kernel<<<grid, block, shared, stream>>>(__VA_ARGS__)
#define DRN_SHARED(type, name)                                                                     \
    extern __shared__ __align__(128) unsigned char drn_shared_bytes[];                             \
    type *name = reinterpret_cast<type *>(drn_shared_bytes)

/* A block gets more than 48 KiB of shared memory only when asked; and then all the multiprocessor has. */
template <typename K> static bool allow_shared(K kernel, size_t bytes)
{
    return cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, (int)bytes) == cudaSuccess &&
           cudaFuncSetAttribute(kernel, cudaFuncAttributePreferredSharedMemoryCarveout,
                                cudaSharedmemCarveoutMaxShared) == cudaSuccess;
}

DRN_DEV uint32_t pack_bf16(float lo, float hi)
{
    __nv_bfloat162 v = __floats2bfloat162_rn(lo, hi);
    return *reinterpret_cast<uint32_t *>(&v);
}

DRN_DEV uint16_t to_bf16(float v)
{
    return __bfloat16_as_ushort(__float2bfloat16_rn(v));
}

/* 32-bit address of a pointer into shared memory. */
DRN_DEV uint32_t shared_address(const void *p)
{
    return (uint32_t)__cvta_generic_to_shared(p);
}

/* 16 bytes from global to shared memory without a register between; zeros when !valid. */
DRN_DEV void copy_async16(void *shared, const void *global, bool valid)
{
    int bytes = valid ? 16 : 0;
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;\n" ::"r"(shared_address(shared)), "l"(global),
                 "r"(bytes)
                 : "memory");
}

DRN_DEV void copy_commit(void)
{
    asm volatile("cp.async.commit_group;\n" ::: "memory");
}

/* Wait until at most N of this thread's groups are under way. */
template <int N> DRN_DEV void copy_wait(void)
{
    asm volatile("cp.async.wait_group %0;\n" ::"n"(N) : "memory");
}

/* Four 8x8 matrices of 16-bit elements; lane i gives the address of row i % 8 of matrix i / 8.  Lane l gets
 * row l / 4, columns 2 (l % 4) and + 1 of each; with trans, of each transposed. */
DRN_DEV void load_matrix4(uint32_t *r, const void *row)
{
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];\n"
                 : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
                 : "r"(shared_address(row))
                 : "memory");
}

DRN_DEV void load_matrix2(uint32_t *r, const void *row)
{
    asm volatile("ldmatrix.sync.aligned.m8n8.x2.shared.b16 {%0,%1}, [%2];\n"
                 : "=r"(r[0]), "=r"(r[1])
                 : "r"(shared_address(row))
                 : "memory");
}

DRN_DEV void load_matrix4_trans(uint32_t *r, const void *row)
{
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0,%1,%2,%3}, [%4];\n"
                 : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
                 : "r"(shared_address(row))
                 : "memory");
}

DRN_DEV void load_matrix2_trans(uint32_t *r, const void *row)
{
    asm volatile("ldmatrix.sync.aligned.m8n8.x2.trans.shared.b16 {%0,%1}, [%2];\n"
                 : "=r"(r[0]), "=r"(r[1])
                 : "r"(shared_address(row))
                 : "memory");
}

/* d[16x8] += a[16x16] b[16x8], bfloat16 in, float32 sums.  With g = lane / 4, t = lane % 4: a[0..3] hold rows
 * g, g+8, g, g+8 and columns 2t.., 2t.., 2t+8.., 2t+8..; b[0..1] rows 2t.., 2t+8.. of column g; d rows g, g,
 * g+8, g+8, columns 2t, 2t+1, 2t, 2t+1. */
DRN_DEV void mma_bf16(float *d, const uint32_t *a, const uint32_t *b)
{
    asm("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, "
                 "{%0,%1,%2,%3};\n"
                 : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}

/* A value that is the same in all threads of a warp, known as such to the compiler. */
DRN_DEV int warp_uniform(int v)
{
    return __shfl_sync(0xffffffffu, v, 0);
}

/* ---- warpgroups (128 threads) of compute capability 9.0: products whose operands lie in shared memory ----
 *
 * d[64 x 8 NT] = a[64 x 16] b[16 x 8 NT] (+ d, when `add`), asynchronous, between group_begin() and group_wait().  Row r of d lies
 * in warp r / 16, otherwise as in mma_bf16(): d[j] holds columns 8 j ... . */

#ifdef __CUDA_ARCH_FEAT_SM90_ALL
#define DRN_WARPGROUPS 1 /* device code for them can be made in this pass */

/* An operand made of bricks, 8 rows of 8 elements (16 bytes) behind each other.  K innermost (rows are of M or N):
 * `leading` bytes from a brick to the next 8 of K, `stride` to the next 8 rows.  M or N innermost (rows are of
 * K): `leading` to the next 8 of K, `stride` to the next 8 of M or N. */
DRN_DEV uint64_t brick_operand(const void *first, uint32_t leading, uint32_t stride)
{
    return (uint64_t)((shared_address(first) & 0x3ffffu) >> 4) | (uint64_t)(leading >> 4) << 16 | (uint64_t)(stride >> 4) << 32;
}

/* The operand `bytes` further. */
DRN_DEV uint64_t brick_at(uint64_t operand, int bytes)
{
    return operand + (uint64_t)(bytes >> 4);
}

DRN_DEV void group_begin(void)
{
    asm volatile("wgmma.fence.sync.aligned;\n" ::: "memory");
}

DRN_DEV void group_commit(void)
{
    asm volatile("wgmma.commit_group.sync.aligned;\n" ::: "memory");
}

template <int NT> DRN_DEV void group_wait(float (*d)[4])
{
    asm volatile("wgmma.wait_group.sync.aligned 0;\n" ::: "memory");
#pragma unroll
    for (int i = 0; i < 4 * NT; i++)
        asm volatile("" : "+f"(d[i / 4][i % 4])::"memory");
}

/* What this thread wrote to shared memory is seen by the products after the next barrier. */
DRN_DEV void group_publish(void)
{
    asm volatile("fence.proxy.async.shared::cta;\n" ::: "memory");
}

/* A barrier of the 128 threads of warpgroup `group`. */
DRN_DEV void group_barrier(int group)
{
    asm volatile("bar.sync %0, 128;\n" ::"r"(group + 1) : "memory");
}

#define DRN_SUMS(j) "+f"(d[j][0]), "+f"(d[j][1]), "+f"(d[j][2]), "+f"(d[j][3])

/* name(d, a, b, add); `trans` is 0 where K is innermost in both operands, 1 where M and N are; `first` .. `third` are
 * the numbers of the operands behind the sums. */
#define DRN_GROUP_MMA(name, columns, registers, first, second, third, trans, ...)                                \
    DRN_DEV void name(float (*d)[4], uint64_t a, uint64_t b, int add)                                            \
    {                                                                                                            \
        asm volatile("{\n.reg .pred p;\nsetp.ne.b32 p, %" #third ", 0;\n"                                        \
                     "wgmma.mma_async.sync.aligned.m64n" #columns "k16.f32.bf16.bf16 {" registers "}, "           \
                     "%" #first ", %" #second ", p, 1, 1, " #trans ", " #trans ";\n}\n"                          \
                     : __VA_ARGS__                                                                               \
                     : "l"(a), "l"(b), "r"(add));                                                                \
    }
#define DRN_REGISTERS_8 "%0, %1, %2, %3"
#define DRN_REGISTERS_32 "%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15"
#define DRN_REGISTERS_64 "%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, %16, %17, %18, " \
    "%19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31"
DRN_GROUP_MMA(group_mma_64, 64, DRN_REGISTERS_64, 32, 33, 34, 0, DRN_SUMS(0), DRN_SUMS(1), DRN_SUMS(2), DRN_SUMS(3), DRN_SUMS(4), DRN_SUMS(5), DRN_SUMS(6),
              DRN_SUMS(7))
DRN_GROUP_MMA(group_mma_32, 32, DRN_REGISTERS_32, 16, 17, 18, 0, DRN_SUMS(0), DRN_SUMS(1), DRN_SUMS(2), DRN_SUMS(3))
DRN_GROUP_MMA(group_mma_8, 8, DRN_REGISTERS_8, 4, 5, 6, 0, DRN_SUMS(0))
DRN_GROUP_MMA(group_mma_64_trans, 64, DRN_REGISTERS_64, 32, 33, 34, 1, DRN_SUMS(0), DRN_SUMS(1), DRN_SUMS(2), DRN_SUMS(3), DRN_SUMS(4), DRN_SUMS(5), DRN_SUMS(6),
              DRN_SUMS(7))
DRN_GROUP_MMA(group_mma_8_trans, 8, DRN_REGISTERS_8, 4, 5, 6, 1, DRN_SUMS(0))
#undef DRN_GROUP_MMA
#undef DRN_SUMS

#endif

#else
#include "emu_device.h" /* the same names for the CPU */
#endif

DRN_DEV float from_bf16(uint16_t v)
{
    return __uint_as_float((uint32_t)v << 16);
}

DRN_DEV float low_bf16(uint32_t v)
{
    return __uint_as_float(v << 16);
}

DRN_DEV float high_bf16(uint32_t v)
{
    return __uint_as_float(v & 0xffff0000u);
}

/* Element i of a tensor of either type; the branch is the same for all threads. */
DRN_DEV float get(const void *p, int half, size_t i)
{
    return half ? from_bf16(((const uint16_t *)p)[i]) : ((const float *)p)[i];
}

DRN_DEV void put(void *p, int half, size_t i, float v)
{
    if (half)
        ((uint16_t *)p)[i] = to_bf16(v);
    else
        ((float *)p)[i] = v;
}

/* Offset of channel 0 of pixel (n, y, x). */
DRN_DEV size_t pixel_at(const drn_dten &t, int n, int y, int x)
{
    return (((size_t)n * t.h + y) * t.w + x) * (size_t)t.cs;
}

/* Index of this thread in a grid of one-dimensional blocks, and the number of threads. */
DRN_DEV size_t thread_index(void)
{
    return (size_t)blockIdx.x * blockDim.x + threadIdx.x;
}

DRN_DEV size_t thread_count(void)
{
    return (size_t)gridDim.x * blockDim.x;
}

/* Sum over a block in a fixed tree; every thread calls it, thread 0 gets the sum.  shared: a double a
 * thread. */
DRN_DEV double block_sum(double v, double *shared)
{
    shared[threadIdx.x] = v;
    __syncthreads();
    for (unsigned half = blockDim.x / 2; half > 0; half /= 2) {
        if (threadIdx.x < half)
            shared[threadIdx.x] += shared[threadIdx.x + half];
        __syncthreads();
    }
    double sum = shared[0];
    __syncthreads();
    return sum;
}

enum { DRN_THREADS = 256 }; /* of a block, where nothing else matters; a power of two for block_sum */

/* Blocks for n elements, at most what keeps a large GPU busy: kernels loop over the rest. */
static inline unsigned blocks_for(size_t n)
{
    size_t b = (n + DRN_THREADS - 1) / DRN_THREADS;
    return (unsigned)(b < 1 ? 1 : b < 4096 ? b : 4096);
}

#endif
