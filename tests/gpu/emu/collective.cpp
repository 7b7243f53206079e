/* What a stand-in for a library of collectives needs of the emulated device: work on a stream that is captured as
 * kernels are, and a stream that does not get on because another process does not come. */
#include "collective.h"

#include "emu_device.h"
#include "nccl.h"

static int stuck;

void drn_emu_run(cudaStream_t stream, void (*fn)(void *, void *, size_t), void *ctx, void *data, size_t count)
{
    drn_emu::launch(dim3(1), dim3(1), 0, stream, [=] { fn(ctx, data, count); });
}

void drn_emu_stick(int sticks)
{
    stuck = sticks;
}

cudaError_t cudaStreamQuery(cudaStream_t s)
{
    return stuck ? cudaErrorNotReady : cudaStreamSynchronize(s);
}
