/* What each op computes, written once more from its definition: plain NCHW, one output at a time.
 */
#include "op_case.h"

#include <math.h>

typedef struct at4 {
    int n, c, y, x;
} at4;

/* Coordinates of plain element i. */
static at4 locate(size_t i, drn_shape s)
{
    int v = (int)i;
    at4 p = {.x = v % s.w};
    v /= s.w;
    p.y = v % s.h;
    v /= s.h;
    p.c = v % s.c;
    p.n = v / s.c;
    return p;
}

/* Value at coordinates; zero outside the picture. */
static double get(const double *a, drn_shape s, int n, int c, int y, int x)
{
    if (y < 0 || y >= s.h || x < 0 || x >= s.w)
        return 0;
    return a[((n * s.c + c) * s.h + y) * s.w + x];
}

#define UNUSED (void)in, (void)inputs, (void)attr, (void)training, (void)x

void naive_conv2d(double *y, drn_shape out, double *const *x, const drn_shape *in, int inputs,
                  const drn_attr *attr, bool training)
{
    UNUSED;
    for (size_t i = 0; i < plain_count(out); i++) {
        at4 p = locate(i, out);
        double sum = inputs > 2 ? x[2][p.c] : 0;
        for (int c = 0; c < in[0].c; c++)
            for (int r = 0; r < in[1].h; r++)
                for (int s = 0; s < in[1].w; s++)
                    sum += get(x[1], in[1], p.c, c, r, s) * get(x[0], in[0], p.n, c,
                                                                p.y * attr->stride + r - attr->pad,
                                                                p.x * attr->stride + s - attr->pad);
        y[i] = sum;
    }
}

/* Output (oy, ox) gathers every input (iy, ix) whose stamp of the kernel covers it:
 * oy = iy*stride - pad + r. */
void naive_conv_transpose2d(double *y, drn_shape out, double *const *x, const drn_shape *in,
                            int inputs, const drn_attr *attr, bool training)
{
    UNUSED;
    for (size_t i = 0; i < plain_count(out); i++) {
        at4 p = locate(i, out);
        double sum = inputs > 2 ? x[2][p.c] : 0;
        for (int c = 0; c < in[0].c; c++)
            for (int iy = 0; iy < in[0].h; iy++)
                for (int ix = 0; ix < in[0].w; ix++)
                    sum += get(x[0], in[0], p.n, c, iy, ix) *
                           get(x[1], in[1], c, p.c, p.y + attr->pad - iy * attr->stride,
                               p.x + attr->pad - ix * attr->stride);
        y[i] = sum;
    }
}

void naive_leaky_relu(double *y, drn_shape out, double *const *x, const drn_shape *in, int inputs,
                      const drn_attr *attr, bool training)
{
    UNUSED;
    for (size_t i = 0; i < plain_count(out); i++)
        y[i] = fmax(x[0][i], 0) + attr->slope * fmin(x[0][i], 0);
}

void naive_prelu(double *y, drn_shape out, double *const *x, const drn_shape *in, int inputs,
                 const drn_attr *attr, bool training)
{
    UNUSED;
    for (size_t i = 0; i < plain_count(out); i++) {
        at4 p = locate(i, out);
        y[i] = fmax(x[0][i], 0) + x[1][p.c] * fmin(x[0][i], 0);
    }
}

void naive_add(double *y, drn_shape out, double *const *x, const drn_shape *in, int inputs,
               const drn_attr *attr, bool training)
{
    UNUSED;
    for (size_t i = 0; i < plain_count(out); i++)
        y[i] = x[0][i] + x[1][i];
}

void naive_scale(double *y, drn_shape out, double *const *x, const drn_shape *in, int inputs,
                 const drn_attr *attr, bool training)
{
    UNUSED;
    for (size_t i = 0; i < plain_count(out); i++)
        y[i] = attr->alpha * x[0][i];
}

void naive_affine(double *y, drn_shape out, double *const *x, const drn_shape *in, int inputs,
                  const drn_attr *attr, bool training)
{
    UNUSED;
    for (size_t i = 0; i < plain_count(out); i++) {
        at4 p = locate(i, out);
        y[i] = attr->mul[p.c] * x[0][i] + attr->shift[p.c];
    }
}

void naive_concat(double *y, drn_shape out, double *const *x, const drn_shape *in, int inputs,
                  const drn_attr *attr, bool training)
{
    UNUSED;
    for (size_t i = 0; i < plain_count(out); i++) {
        at4 p = locate(i, out);
        int k = 0, c = p.c;
        while (c >= in[k].c)
            c -= in[k++].c;
        y[i] = get(x[k], in[k], p.n, c, p.y, p.x);
    }
}

/* Two passes: the mean, then the variance about it. */
static void moments(double *mean, double *var, const double *x, drn_shape s, int c)
{
    double count = (double)s.n * s.h * s.w;
    *mean = *var = 0;
    for (size_t i = 0; i < plain_count(s); i++)
        *mean += locate(i, s).c == c ? x[i] / count : 0;
    for (size_t i = 0; i < plain_count(s); i++)
        *var += locate(i, s).c == c ? (x[i] - *mean) * (x[i] - *mean) / count : 0;
}

void naive_batch_norm(double *y, drn_shape out, double *const *x, const drn_shape *in, int inputs,
                      const drn_attr *attr, bool training)
{
    UNUSED;
    for (int c = 0; c < out.c; c++) {
        double mean = x[3][c], var = x[4][c];
        if (training)
            moments(&mean, &var, x[0], out, c);
        for (size_t i = 0; i < plain_count(out); i++)
            if (locate(i, out).c == c)
                y[i] = x[1][c] * (x[0][i] - mean) / sqrt(var + attr->eps) + x[2][c];
    }
}

void naive_pixel_shuffle(double *y, drn_shape out, double *const *x, const drn_shape *in,
                         int inputs, const drn_attr *attr, bool training)
{
    UNUSED;
    int f = attr->factor;
    for (size_t i = 0; i < plain_count(out); i++) {
        at4 p = locate(i, out);
        y[i] = get(x[0], in[0], p.n, (p.c * f + p.y % f) * f + p.x % f, p.y / f, p.x / f);
    }
}

/* Keys' kernel, a = -1/2. */
static double keys(double d)
{
    d = fabs(d);
    if (d >= 2)
        return 0;
    return d < 1 ? (1.5 * d - 2.5) * d * d + 1 : ((-0.5 * d + 2.5) * d - 4) * d + 2;
}

static int mirror(int i, int n)
{
    while (i < 0 || i >= n)
        i = i < 0 ? -1 - i : 2 * n - 1 - i;
    return i;
}

/* Weight of sample k (before mirroring) in output sample i, not normalised: pixel centres stand at
 * half-integers; shrinking stretches the kernel. */
static double tap(int i, int k, double scale)
{
    double d = (i + 0.5) / scale - (k + 0.5);
    return keys(scale < 1 ? d * scale : d);
}

void naive_resize(double *y, drn_shape out, double *const *x, const drn_shape *in, int inputs,
                  const drn_attr *attr, bool training)
{
    UNUSED;
    double scale = attr->factor > 0 ? attr->factor : 1.0 / -attr->factor;
    enum { REACH = 24 };
    for (size_t i = 0; i < plain_count(out); i++) {
        at4 p = locate(i, out);
        double sum = 0, norm = 0;
        int cy = (int)(p.y / scale), cx = (int)(p.x / scale);
        for (int ky = cy - REACH; ky <= cy + REACH; ky++)
            for (int kx = cx - REACH; kx <= cx + REACH; kx++) {
                double w = tap(p.y, ky, scale) * tap(p.x, kx, scale);
                sum += w * get(x[0], in[0], p.n, p.c, mirror(ky, in[0].h), mirror(kx, in[0].w));
                norm += w;
            }
        y[i] = sum / norm;
    }
}

void naive_window(double *y, drn_shape out, double *const *x, const drn_shape *in, int inputs,
                  const drn_attr *attr, bool training)
{
    UNUSED;
    for (size_t i = 0; i < plain_count(out); i++) {
        at4 p = locate(i, out);
        y[i] = get(x[0], in[0], p.n, p.c, p.y - attr->y, p.x - attr->x);
    }
}
