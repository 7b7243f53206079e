#include "kernels/bicubic.h"

#include <math.h>

static double cubic(double x)
{
    double a = fabs(x), a2 = a * a, a3 = a2 * a;
    if (a <= 1)
        return 1.5 * a3 - 2.5 * a2 + 1;
    return a <= 2 ? -0.5 * a3 + 2.5 * a2 - 4 * a + 2 : 0;
}

static double kernel_width(double scale)
{
    return scale < 1 ? 4 / scale : 4;
}

int32_t drn_bicubic_taps(double scale)
{
    return (int32_t)ceil(kernel_width(scale)) + 2;
}

static int32_t reflect(int64_t i, int32_t n)
{
    int64_t m = i % (2 * (int64_t)n);
    if (m < 0)
        m += 2 * (int64_t)n;
    return (int32_t)(m < n ? m : 2 * (int64_t)n - 1 - m);
}

void drn_bicubic_table(int32_t *index, double *weight, int32_t in, int32_t out, double scale, bool clamp)
{
    int32_t taps = drn_bicubic_taps(scale);
    double width = kernel_width(scale), shrink = scale < 1 ? scale : 1;
    for (int32_t i = 0; i < out; i++, index += taps, weight += taps) {
        double u = (i + 1) / scale + 0.5 * (1 - 1 / scale), sum = 0; /* 1-based, as MATLAB counts */
        int64_t left = (int64_t)floor(u - width / 2);
        for (int32_t t = 0; t < taps; t++) {
            int64_t at = left + t - 1;
            weight[t] = shrink * cubic(shrink * (u - (double)(at + 1)));
            sum += weight[t];
            index[t] = !clamp ? reflect(at, in) : at < 0 ? 0 : at >= in ? in - 1 : (int32_t)at;
        }
        for (int32_t t = 0; t < taps; t++)
            weight[t] /= sum;
    }
}
