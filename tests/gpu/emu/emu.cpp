/* The CPU as a CUDA device, for tests without a GPU: one block at a time, every thread a fiber, so that the
 * kernels' own index arithmetic, barriers and warp exchanges run as written.  What it shows: wrong indices,
 * missing barriers and missing waits for asynchronous copies (copies land only when waited for; shared and
 * device memory start as NaN), reads past an allocation under AddressSanitizer.  What it cannot show: speed,
 * memory ordering between warps, limits of a real chip beyond those checked in launch(). */
#include "cuda_runtime_api.h"

#include "emu_device.h"

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <setjmp.h>
#include <ucontext.h>
#include <vector>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/common_interface_defs.h>
#define FIBER_FIRST() __sanitizer_finish_switch_fiber(nullptr, &scheduler_stack, &scheduler_size)
#define FIBER_START(save, stack, size) __sanitizer_start_switch_fiber(save, stack, size)
#define FIBER_FINISH(save, stack, size) __sanitizer_finish_switch_fiber(save, stack, size)
#else
#define FIBER_FIRST() ((void)0)
#define FIBER_START(save, stack, size) ((void)0)
#define FIBER_FINISH(save, stack, size) ((void)0)
#endif

namespace drn_emu
{
dim3 block, grid, block_size;
thread_state *current;
unsigned char *shared_bytes;

namespace
{
enum { MAX_THREADS = 1024, STACK = 256 << 10 };

struct {
    int major = 9, minor = 0, shared = 227 << 10;
} card;
enum wait { READY, IN_BLOCK, IN_WARP, IN_GROUP, DONE };

struct pending_copy {
    void *to;
    const void *from;
    bool valid;
};

struct fiber : thread_state {
    unsigned index;
    wait state;
    ucontext_t uc;
    jmp_buf jump;
    bool started;
    unsigned char *stack;
    void *fake;
    std::vector<pending_copy> open;
    std::vector<std::vector<pending_copy>> groups;
    std::vector<std::function<void()>> deferred;
};

fiber fibers[MAX_THREADS];
fiber *running;
const std::function<void()> *job;
unsigned threads, alive, at_barrier;
unsigned at_group[MAX_THREADS / 128]; /* arrived at a warpgroup's barrier, of its 128 threads */
struct warp {
    unsigned alive, arrived, parity;
    unsigned char slots[2][32 * 64];
} warps[MAX_THREADS / 32];
bool descending; /* turns with every block: results must not depend on the order of threads */

[[noreturn]] void fatal(const char *what)
{
    std::fprintf(stderr, "emulated GPU: %s (block %u,%u,%u thread %u)\n", what, block.x, block.y, block.z,
                 running ? running->index : 0);
    std::abort();
}

/* Jumps are far cheaper than swapcontext, which asks the kernel for signal masks, but AddressSanitizer takes a
 * jump for the end of the frames between. */
#if defined(__SANITIZE_ADDRESS__)
ucontext_t scheduler;
void *scheduler_fake;
const void *scheduler_stack;
size_t scheduler_size;

void yield()
{
    fiber *me = running;
    FIBER_START(&me->fake, scheduler_stack, scheduler_size);
    swapcontext(&me->uc, &scheduler);
    FIBER_FINISH(me->fake, &scheduler_stack, &scheduler_size);
}

void enter(fiber *f)
{
    swapcontext(&scheduler, &f->uc);
}
#else
jmp_buf scheduler_jump;

void yield()
{
    if (!_setjmp(running->jump))
        _longjmp(scheduler_jump, 1);
}

void enter(fiber *f)
{
    if (_setjmp(scheduler_jump))
        return;
    if (f->started)
        _longjmp(f->jump, 1);
    f->started = true;
    setcontext(&f->uc);
}
#endif

void release_block()
{
    for (unsigned i = 0; i < threads; i++)
        if (fibers[i].state == IN_BLOCK)
            fibers[i].state = READY;
    at_barrier = 0;
}

void release_warp(unsigned w)
{
    for (unsigned i = 32 * w; i < 32 * w + 32 && i < threads; i++)
        if (fibers[i].state == IN_WARP)
            fibers[i].state = READY;
    warps[w].arrived = 0;
    warps[w].parity ^= 1;
}

void finish(fiber *f)
{
    f->state = DONE;
    alive--;
    warp &w = warps[f->index / 32];
    w.alive--;
    if (w.alive && w.arrived == w.alive)
        release_warp(f->index / 32);
    if (alive && at_barrier == alive)
        release_block();
    if (!f->open.empty() || !f->groups.empty())
        fatal("a thread ended with copies it never waited for");
    if (!f->deferred.empty())
        fatal("a thread ended with products it never waited for");
}

void fiber_main()
{
    FIBER_FIRST();
    for (;;) {
        fiber *me = running;
        (*job)();
        finish(me);
        yield();
    }
}

void start_fiber(fiber &f, unsigned index)
{
    f.index = index;
    f.stack = static_cast<unsigned char *>(std::malloc(STACK));
    getcontext(&f.uc);
    f.uc.uc_stack.ss_sp = f.stack;
    f.uc.uc_stack.ss_size = STACK;
    f.uc.uc_link = nullptr;
    makecontext(&f.uc, fiber_main, 0);
}

void start_fibers()
{
    for (unsigned i = 0; i < threads; i++)
        if (!fibers[i].stack)
            start_fiber(fibers[i], i);
}

void resume(fiber *f)
{
    running = f;
    current = f;
    FIBER_START(&scheduler_fake, f->stack, STACK);
    enter(f);
    FIBER_FINISH(scheduler_fake, nullptr, nullptr);
    running = nullptr;
}

void run_block()
{
    descending = !descending;
    alive = threads;
    at_barrier = 0;
    for (unsigned w = 0; w * 32 < threads; w++)
        warps[w] = warp{threads - 32 * w < 32 ? threads - 32 * w : 32, 0, 0, {}};
    for (unsigned i = 0; i < threads; i++) {
        fibers[i].state = READY;
        fibers[i].thread = dim3(i % block_size.x, i / block_size.x % block_size.y,
                                i / (block_size.x * block_size.y));
    }
    while (alive) {
        bool moved = false;
        for (unsigned k = 0; k < threads; k++) {
            fiber *f = &fibers[descending ? threads - 1 - k : k];
            if (f->state == READY) {
                resume(f);
                moved = true;
            }
        }
        if (!moved)
            fatal("all threads wait: a barrier some do not reach");
    }
}

void run_grid(dim3 g, dim3 b, size_t shared, const std::function<void()> &body)
{
    static std::vector<unsigned char> memory;
    threads = b.x * b.y * b.z;
    if (threads < 1 || threads > MAX_THREADS || g.x < 1 || g.y < 1 || g.z < 1 || g.y > 65535 || g.z > 65535)
        fatal("impossible launch");
    if (shared > (size_t)card.shared)
        fatal("more shared memory than a block of this card has");
    grid = g;
    block_size = b;
    job = &body;
    start_fibers();
    memory.resize(shared + 128);
    shared_bytes = memory.data() + (128 - reinterpret_cast<uintptr_t>(memory.data()) % 128) % 128;
    for (unsigned z = 0; z < g.z; z++)
        for (unsigned y = 0; y < g.y; y++)
            for (unsigned x = 0; x < g.x; x++) {
                block = dim3(x, y, z);
                std::memset(shared_bytes, 0xff, shared);
                run_block();
            }
}
} // namespace

unsigned lane()
{
    return running->index % 32;
}

void block_barrier()
{
    running->state = IN_BLOCK;
    if (++at_barrier == alive)
        release_block();
    else
        yield();
}

void group_barrier()
{
    unsigned g = running->index / 128;
    running->state = IN_GROUP;
    if (++at_group[g] < 128) {
        yield();
        return;
    }
    at_group[g] = 0;
    for (unsigned i = 128 * g; i < 128 * g + 128; i++)
        if (fibers[i].state == IN_GROUP)
            fibers[i].state = READY;
}

void defer(std::function<void()> product)
{
    running->deferred.push_back(std::move(product));
}

void run_deferred()
{
    for (const auto &product : running->deferred)
        product();
    running->deferred.clear();
}

const unsigned char *exchange(const void *bytes, size_t size)
{
    unsigned wi = running->index / 32;
    warp &w = warps[wi];
    unsigned parity = w.parity;
    std::memcpy(w.slots[parity] + 64 * lane(), bytes, size);
    running->state = IN_WARP;
    if (++w.arrived == w.alive)
        release_warp(wi);
    else
        yield();
    return w.slots[parity];
}

void copy_async(void *to, const void *from, bool valid)
{
    if (reinterpret_cast<uintptr_t>(to) % 16 || (valid && reinterpret_cast<uintptr_t>(from) % 16))
        fatal("an asynchronous copy is not aligned to 16 bytes");
    running->open.push_back({to, from, valid});
}

void commit()
{
    running->groups.push_back(std::move(running->open));
    running->open.clear();
}

void wait_groups(int left)
{
    while ((int)running->groups.size() > left) {
        for (const pending_copy &c : running->groups.front())
            if (c.valid)
                std::memcpy(c.to, c.from, 16);
            else
                std::memset(c.to, 0, 16);
        running->groups.erase(running->groups.begin());
    }
}
} // namespace drn_emu

/* ---- the runtime ---- */

struct drn_emu_graph {
    std::vector<std::function<void()>> nodes;
};
struct drn_emu_stream {
    drn_emu_graph *capture;
};
struct drn_emu_event {
    double ms;
};

namespace
{
int absent;
long fail_in;
bool lost;
size_t memory_left = (size_t)1 << 40;
std::map<void *, size_t> blocks;

cudaError_t alive()
{
    if (fail_in > 0 && --fail_in == 0)
        lost = true;
    return absent ? cudaErrorInsufficientDriver : lost ? cudaErrorUnknown : cudaSuccess;
}

cudaError_t perform(cudaStream_t s, std::function<void()> what)
{
    cudaError_t e = alive();
    if (e != cudaSuccess)
        return e;
    if (s && s->capture)
        s->capture->nodes.push_back(std::move(what));
    else
        what();
    return cudaSuccess;
}
} // namespace

void drn_emu::launch(dim3 g, dim3 b, size_t shared, cudaStream_t stream, std::function<void()> body)
{
    perform(stream, [=] { run_grid(g, b, shared, body); });
}

extern "C" {
void drn_emu_no_device(int a)
{
    absent = a;
}
void drn_emu_fail_after(long calls)
{
    fail_in = calls;
    lost = false;
}
void drn_emu_memory(size_t bytes)
{
    memory_left = bytes;
}
void drn_emu_card(int major, int minor, int shared)
{
    drn_emu::card.major = major;
    drn_emu::card.minor = minor;
    drn_emu::card.shared = shared;
}

cudaError_t cudaGetDeviceCount(int *count)
{
    *count = absent ? 0 : 1;
    return absent ? cudaErrorInsufficientDriver : cudaSuccess;
}
cudaError_t cudaSetDevice(int)
{
    return alive();
}
cudaError_t cudaGetDeviceProperties(struct cudaDeviceProp *p, int)
{
    std::snprintf(p->name, sizeof p->name, "emulated GPU");
    return cudaSuccess;
}
cudaError_t cudaDeviceGetAttribute(int *value, enum cudaDeviceAttr attr, int)
{
    *value = attr == cudaDevAttrMultiProcessorCount      ? 3
             : attr == cudaDevAttrComputeCapabilityMajor ? drn_emu::card.major
             : attr == cudaDevAttrComputeCapabilityMinor ? drn_emu::card.minor
                                                         : drn_emu::card.shared;
    return cudaSuccess;
}
cudaError_t cudaDriverGetVersion(int *version)
{
    *version = absent ? 0 : CUDART_VERSION;
    return cudaSuccess;
}
cudaError_t cudaMemGetInfo(size_t *free, size_t *total)
{
    *free = memory_left;
    *total = (size_t)1 << 40;
    return alive();
}
const char *cudaGetErrorString(cudaError_t e)
{
    return e == cudaErrorInsufficientDriver ? "CUDA driver version is insufficient for CUDA runtime version"
           : e == cudaErrorMemoryAllocation ? "out of memory"
           : e == cudaSuccess               ? "no error"
                                            : "unknown error";
}
cudaError_t cudaGetLastError(void)
{
    return lost ? cudaErrorUnknown : cudaSuccess;
}
cudaError_t cudaMalloc(void **p, size_t bytes)
{
    cudaError_t e = alive();
    if (e != cudaSuccess)
        return e;
    if (bytes > memory_left)
        return cudaErrorMemoryAllocation;
    *p = std::aligned_alloc(256, (bytes + 255) / 256 * 256);
    std::memset(*p, 0xff, bytes); /* NaN as float and as bfloat16 */
    memory_left -= bytes;
    blocks[*p] = bytes;
    return cudaSuccess;
}
cudaError_t cudaFree(void *p)
{
    if (!p)
        return cudaSuccess;
    memory_left += blocks[p];
    blocks.erase(p);
    std::free(p);
    return cudaSuccess;
}
cudaError_t cudaMallocHost(void **p, size_t bytes)
{
    *p = std::malloc(bytes);
    return *p ? cudaSuccess : cudaErrorMemoryAllocation;
}
cudaError_t cudaFreeHost(void *p)
{
    std::free(p);
    return cudaSuccess;
}
cudaError_t cudaMemcpyAsync(void *to, const void *from, size_t bytes, enum cudaMemcpyKind, cudaStream_t s)
{
    return perform(s, [=] { std::memcpy(to, from, bytes); });
}
cudaError_t cudaMemsetAsync(void *p, int value, size_t bytes, cudaStream_t s)
{
    return perform(s, [=] { std::memset(p, value, bytes); });
}
cudaError_t cudaStreamCreateWithFlags(cudaStream_t *s, unsigned)
{
    *s = new drn_emu_stream{nullptr};
    return alive();
}
cudaError_t cudaStreamDestroy(cudaStream_t s)
{
    delete s;
    return cudaSuccess;
}
cudaError_t cudaStreamSynchronize(cudaStream_t s)
{
    return s && s->capture ? cudaErrorInvalidValue : alive();
}
cudaError_t cudaStreamBeginCapture(cudaStream_t s, enum cudaStreamCaptureMode)
{
    s->capture = new drn_emu_graph;
    return alive();
}
cudaError_t cudaStreamEndCapture(cudaStream_t s, cudaGraph_t *out)
{
    *out = s->capture;
    s->capture = nullptr;
    return alive();
}
cudaError_t cudaGraphInstantiate(cudaGraphExec_t *out, cudaGraph_t graph, unsigned long long)
{
    *out = new drn_emu_graph(*graph);
    return alive();
}
cudaError_t cudaGraphLaunch(cudaGraphExec_t g, cudaStream_t)
{
    cudaError_t e = alive();
    for (size_t i = 0; e == cudaSuccess && i < g->nodes.size(); i++)
        g->nodes[i]();
    return e;
}
cudaError_t cudaGraphExecDestroy(cudaGraphExec_t g)
{
    delete g;
    return cudaSuccess;
}
cudaError_t cudaGraphDestroy(cudaGraph_t g)
{
    delete g;
    return cudaSuccess;
}
cudaError_t cudaEventCreate(cudaEvent_t *e)
{
    *e = new drn_emu_event{0};
    return cudaSuccess;
}
cudaError_t cudaEventDestroy(cudaEvent_t e)
{
    delete e;
    return cudaSuccess;
}
cudaError_t cudaEventRecord(cudaEvent_t e, cudaStream_t)
{
    e->ms = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now().time_since_epoch()).count();
    return alive();
}
cudaError_t cudaEventSynchronize(cudaEvent_t)
{
    return alive();
}
cudaError_t cudaEventElapsedTime(float *ms, cudaEvent_t from, cudaEvent_t to)
{
    *ms = (float)(to->ms - from->ms);
    return cudaSuccess;
}
}
