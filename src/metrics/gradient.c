#include "metrics/planes.h"

#include <math.h>
#include <stddef.h>

static double magnitude(const double *p, ptrdiff_t stride)
{
    double gx = p[1] - p[-1], gy = p[stride] - p[-stride];
    return sqrt(gx * gx + gy * gy);
}

void drn_gradient_add(drn_gradient_sums *sums, const double *a, const double *b, int32_t width,
                      int32_t height)
{
    if (width < 3 || height < 3)
        return;
    sums->count += (double)(width - 2) * (height - 2);
    for (int32_t y = 1; y < height - 1; y++) {
        double row = 0;
        for (int32_t x = 1; x < width - 1; x++) {
            ptrdiff_t at = (ptrdiff_t)y * width + x;
            double ga = magnitude(a + at, width), gb = magnitude(b + at, width);
            row += (ga - gb) * (ga - gb);
            sums->peak = gb > sums->peak ? gb : sums->peak;
        }
        sums->sse += row;
    }
}
