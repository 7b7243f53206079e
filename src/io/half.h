/* IEEE binary16 and bfloat16, by bits: the same result on every CPU. */
#ifndef DRN_IO_HALF_H
#define DRN_IO_HALF_H

#include <stdint.h>

/* Exact; NaN stays NaN with its payload in the upper bits. */
float drn_f32_from_f16(uint16_t h);
float drn_f32_from_bf16(uint16_t h);

/* Round to nearest, ties to even; too large becomes infinity, NaN becomes a quiet NaN. */
uint16_t drn_f16_from_f32(float f);
uint16_t drn_bf16_from_f32(float f);

#endif
