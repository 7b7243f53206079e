#include "metrics/planes.h"

#include "base/mem.h"

#include <math.h>
#include <string.h>

#define TAPS 11
#define REACH (TAPS / 2)
#define C1 (0.01 * 255 * 0.01 * 255)
#define C2 (0.03 * 255 * 0.03 * 255)

/* The window's moments along a row: means of a and b, of a^2, b^2 and ab. */
enum { A, B, AA, BB, AB, MOMENTS };

static void gauss(double w[TAPS])
{
    double sum = 0;
    for (int i = 0; i < TAPS; i++)
        sum += w[i] = exp(-(i - REACH) * (i - REACH) / (2 * 1.5 * 1.5));
    for (int i = 0; i < TAPS; i++)
        w[i] /= sum;
}

/* m[MOMENTS][n] += w * the products of one row of a and b. */
static void add_row(double *restrict m, double w, const double *restrict a,
                    const double *restrict b, size_t n, size_t stride)
{
    double *ma = m + A * stride, *mb = m + B * stride;
    double *maa = m + AA * stride, *mbb = m + BB * stride, *mab = m + AB * stride;
    for (size_t i = 0; i < n; i++) {
        double wa = w * a[i], wb = w * b[i];
        ma[i] += wa;
        mb[i] += wb;
        maa[i] += wa * a[i];
        mbb[i] += wb * b[i];
        mab[i] += wa * b[i];
    }
}

/* Repeat the first and the last of n values REACH times on either side. */
static void extend(double *line, size_t n)
{
    for (size_t i = 0; i < REACH; i++) {
        line[i] = line[REACH];
        line[REACH + n + i] = line[REACH + n - 1];
    }
}

/* Sum of the index over `n` window positions of a row whose vertical moments are m. */
static double row_sum(const double *m, const double w[TAPS], size_t n, size_t stride)
{
    double sum = 0;
    for (size_t x = 0; x < n; x++) {
        double v[MOMENTS];
        for (int k = 0; k < MOMENTS; k++) {
            const double *line = m + (size_t)k * stride + x;
            v[k] = 0;
            for (int i = 0; i < TAPS; i++)
                v[k] += w[i] * line[i];
        }
        double aa = v[A] * v[A], bb = v[B] * v[B], ab = v[A] * v[B];
        sum += (2 * ab + C1) * (2 * (v[AB] - ab) + C2) /
               ((aa + bb + C1) * (v[AA] - aa + v[BB] - bb + C2));
    }
    return sum;
}

drn_status drn_ssim_plane(double *out, const double *a, const double *b, int32_t width,
                          int32_t height, bool replicate, drn_error *err)
{
    int32_t pad = replicate ? REACH : 0;
    int32_t columns = width + 2 * pad - TAPS + 1, rows = height + 2 * pad - TAPS + 1;
    double w[TAPS], *m, sum = 0;
    *out = (double)NAN;
    if (columns < 1 || rows < 1)
        return DRN_OK;
    size_t n = (size_t)width, stride = n + 2 * (size_t)pad;
    DRN_TRY(drn_alloc_to(&m, stride * MOMENTS, sizeof *m, err));
    gauss(w);
    for (int32_t y = 0; y < rows; y++) {
        memset(m, 0, stride * MOMENTS * sizeof *m);
        for (int32_t i = 0; i < TAPS; i++) {
            int32_t at = y - pad + i;
            at = at < 0 ? 0 : at >= height ? height - 1 : at;
            add_row(m + pad, w[i], a + (size_t)at * n, b + (size_t)at * n, n, stride);
        }
        for (size_t k = 0; replicate && k < MOMENTS; k++)
            extend(m + k * stride, n);
        sum += row_sum(m, w, (size_t)columns, stride);
    }
    drn_free(m);
    *out = sum / ((double)columns * rows);
    return DRN_OK;
}
