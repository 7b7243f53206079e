#ifndef DRN_EMU_COLLECTIVE_H
#define DRN_EMU_COLLECTIVE_H

#include "cuda_runtime_api.h"

#ifdef __cplusplus
extern "C" {
#endif

void drn_emu_run(cudaStream_t stream, void (*fn)(void *ctx, void *data, size_t count), void *ctx, void *data, size_t count);
void drn_emu_stick(int sticks);

#ifdef __cplusplus
}
#endif
#endif
