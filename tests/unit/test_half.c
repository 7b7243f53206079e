#include "base/rng.h"
#include "harness.h"
#include "io/half.h"

/* What a binary16 stands for, from the definition and in double. */
static double f16_value(unsigned h)
{
    double sign = h & 0x8000 ? -1 : 1, frac = h & 0x3ff;
    int exponent = (int)(h >> 10 & 31);
    if (exponent == 31)
        return frac != 0 ? (double)NAN : sign * (double)INFINITY;
    return exponent == 0 ? sign * ldexp(frac, -24) : sign * ldexp(1024 + frac, exponent - 25);
}

static uint32_t bits_of(float f)
{
    uint32_t u;
    memcpy(&u, &f, sizeof u);
    return u;
}

/* Nearest half by bisection over the finite halves, ties to even; f >= 0 and not NaN. */
static unsigned nearest_f16(double f)
{
    unsigned lo = 0, hi = 0x7c00;
    while (hi - lo > 1) {
        unsigned mid = (lo + hi) / 2;
        if (f16_value(mid) <= f)
            lo = mid;
        else
            hi = mid;
    }
    double next = hi == 0x7c00 ? 65536 : f16_value(hi), middle = (f16_value(lo) + next) / 2;
    if (f == middle)
        return lo & 1 ? hi : lo;
    return f < middle ? lo : hi;
}

TEST(f16_exact, "all 65536 halves become the float they stand for, and come back")
{
    for (unsigned h = 0; h < 65536; h++) {
        float f = drn_f32_from_f16((uint16_t)h);
        double want = f16_value(h);
        if (isnan(want)) {
            CHECK(isnan(f) && isnan(drn_f32_from_f16(drn_f16_from_f32(f))));
            continue;
        }
        CHECK((double)f == want && !signbit(f) == !(h & 0x8000));
        CHECK_INT(drn_f16_from_f32(f), h);
    }
}

TEST(f16_rounds, "floats become the nearest half, ties to even, between and around all halves")
{
    for (unsigned h = 0; h < 0x7c00; h++) {
        double next = h == 0x7bff ? 65536 : f16_value(h + 1);
        float middle = (float)((f16_value(h) + next) / 2); /* exact: one bit more */
        float around[] = {nextafterf(middle, 0), middle, nextafterf(middle, 1e9f)};
        for (int i = 0; i < 3; i++) {
            CHECK_INT(drn_f16_from_f32(around[i]), nearest_f16((double)around[i]));
            CHECK_INT(drn_f16_from_f32(-around[i]), nearest_f16((double)around[i]) | 0x8000);
        }
    }
}

TEST(f16_random, "random float bit patterns become the nearest half")
{
    drn_rng rng;
    drn_rng_seed(&rng, 1, 0);
    for (int i = 0; i < 200000; i++) {
        uint32_t u = (uint32_t)drn_rng_u64(&rng);
        float f;
        memcpy(&f, &u, sizeof f);
        unsigned got = drn_f16_from_f32(f);
        if (isnan(f))
            CHECK((got & 0x7c00) == 0x7c00 && (got & 0x3ff) != 0);
        else
            CHECK_INT(got, nearest_f16(fabs((double)f)) | (signbit(f) ? 0x8000 : 0));
    }
}

TEST(f16_hardware, "the CPU's own conversion agrees on every pattern it is asked")
{
#if defined __x86_64__ && defined __FLT16_MANT_DIG__
    drn_rng rng;
    drn_rng_seed(&rng, 2, 0);
    for (int i = 0; i < 200000; i++) {
        uint32_t u = (uint32_t)drn_rng_u64(&rng);
        float f;
        memcpy(&f, &u, sizeof f);
        __extension__ _Float16 h = (_Float16)f;
        uint16_t want;
        memcpy(&want, &h, sizeof want);
        if (!isnan(f))
            CHECK_INT(drn_f16_from_f32(f), want);
    }
#else
    SKIP("this compiler has no _Float16");
#endif
}

TEST(bf16, "bfloat16 keeps the upper half, rounded to nearest, ties to even")
{
    for (unsigned h = 0; h < 65536; h++) {
        float f = drn_f32_from_bf16((uint16_t)h);
        CHECK(bits_of(f) == (uint32_t)h << 16);
        CHECK(isnan(f) ? isnan(drn_f32_from_bf16(drn_bf16_from_f32(f)))
                       : drn_bf16_from_f32(f) == h);
    }
    struct {
        float in;
        unsigned out;
    } cases[] = {{0x1.00p0f, 0x3f80},       {0x1.01p0f, 0x3f80},
                 {0x1.03p0f, 0x3f82},       {0x1.010002p0f, 0x3f81},
                 {0x1.fffffep127f, 0x7f80}, {-0x1.02p0f, 0xbf81},
                 {INFINITY, 0x7f80},        {0x1p-149f, 0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        CHECK_INT(drn_bf16_from_f32(cases[i].in), cases[i].out);
}
