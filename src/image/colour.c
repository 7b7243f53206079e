#include "image/colour.h"

void drn_luma_row(double *y, const unsigned char *pixels, size_t n, int bands)
{
    if (bands == 1) {
        for (size_t i = 0; i < n; i++)
            y[i] = drn_luma(pixels[i], pixels[i], pixels[i]);
        return;
    }
    for (size_t i = 0; i < n; i++)
        y[i] = drn_luma(pixels[3 * i], pixels[3 * i + 1], pixels[3 * i + 2]);
}
