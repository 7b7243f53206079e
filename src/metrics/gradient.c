#include "metrics/planes.h"

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
            double ga = drn_gradient_magnitude(a + at, width);
            double gb = drn_gradient_magnitude(b + at, width);
            row += (ga - gb) * (ga - gb);
            sums->peak = gb > sums->peak ? gb : sums->peak;
        }
        sums->sse += row;
    }
}
