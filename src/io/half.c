#include "io/half.h"

#include <string.h>

static uint32_t bits_of(float f)
{
    uint32_t u;
    memcpy(&u, &f, sizeof u);
    return u;
}

static float from_bits(uint32_t u)
{
    float f;
    memcpy(&f, &u, sizeof f);
    return f;
}

float drn_f32_from_f16(uint16_t h)
{
    uint32_t sign = (uint32_t)(h & 0x8000u) << 16, exponent = (h >> 10) & 31u, frac = h & 0x3ffu;
    if (exponent == 31)
        return from_bits(sign | 0x7f800000u | frac << 13);
    if (exponent > 0)
        return from_bits(sign | (exponent + 127 - 15) << 23 | frac << 13);
    float magnitude = (float)frac * 0x1p-24f; /* denormal or zero; exact */
    return from_bits(sign | bits_of(magnitude));
}

float drn_f32_from_bf16(uint16_t h)
{
    return from_bits((uint32_t)h << 16);
}

/* u >> shift, rounded to nearest, ties to even; 1 <= shift <= 31. */
static uint32_t shift_round(uint32_t u, uint32_t shift)
{
    uint32_t half = 1u << (shift - 1), rest = u & ((half << 1) - 1), q = u >> shift;
    return q + (rest > half || (rest == half && (q & 1u)));
}

uint16_t drn_f16_from_f32(float f)
{
    uint32_t u = bits_of(f), sign = u >> 16 & 0x8000u, mag = u & 0x7fffffffu;
    if (mag > 0x7f800000u)
        return (uint16_t)(sign | 0x7e00u | (mag >> 13 & 0x1ffu));
    if (mag >= 0x47800000u) /* 2^16 and above */
        return (uint16_t)(sign | 0x7c00u);
    if (mag >= 0x38800000u) /* 2^-14, the smallest normal half; a carry into infinity is right */
        return (uint16_t)(sign | shift_round(mag - ((127u - 15u) << 23), 13));
    uint32_t exponent = mag >> 23;
    if (exponent < 102) /* below 2^-25: less than half of the smallest denormal */
        return (uint16_t)sign;
    return (uint16_t)(sign | shift_round((mag & 0x7fffffu) | 0x800000u, 126 - exponent));
}

uint16_t drn_bf16_from_f32(float f)
{
    uint32_t u = bits_of(f);
    if ((u & 0x7fffffffu) > 0x7f800000u)
        return (uint16_t)(u >> 16 | 0x40u);
    return (uint16_t)shift_round(u, 16);
}
