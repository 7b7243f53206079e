/* Every convolution implementation against the double reference, and that one against seven loops. */
#include "conv_case.h"
#include "harness.h"

#include "base/mem.h"
#include "base/pool.h"

#include <float.h>
#include <stdlib.h>

static const drn_conv_impl *reference(drn_dtype type)
{
    size_t count;
    const drn_conv_impl *const *all = drn_conv_all(type, &count);
    return all[count - 1];
}

/* ---- the double reference against seven loops over plain arrays ---- */

/* pass 0: y += x*w; 1: x += y*w; 2: w += x*y.  Plain layouts. */
static void naive(const drn_conv_geom *g, int pass, double *x, double *y, double *w)
{
    for (int n = 0; n < g->n; n++)
        for (int k = 0; k < g->k; k++)
            for (int c = 0; c < g->c; c++)
                for (int oy = 0; oy < g->oh; oy++)
                    for (int ox = 0; ox < g->ow; ox++)
                        for (int r = 0; r < g->r; r++)
                            for (int s = 0; s < g->s; s++) {
                                int iy = oy * g->stride - g->pad + r;
                                int ix = ox * g->stride - g->pad + s;
                                if (iy < 0 || iy >= g->h || ix < 0 || ix >= g->w)
                                    continue;
                                double *xp = &x[((n * g->c + c) * g->h + iy) * g->w + ix];
                                double *yp = &y[((n * g->k + k) * g->oh + oy) * g->ow + ox];
                                double *wp = &w[((k * g->c + c) * g->r + r) * g->s + s];
                                if (pass == 0)
                                    *yp += *xp * *wp;
                                else if (pass == 1)
                                    *xp += *yp * *wp;
                                else
                                    *wp += *xp * *yp;
                            }
}

static void compare(const double *a, const double *b, size_t n, const conv_case *t, int pass)
{
    for (size_t i = 0; i < n; i++)
        if (!(fabs(a[i] - b[i]) <= 1e-11 * (1 + fabs(b[i]))))
            test_fail(__FILE__, __LINE__, "pass %d element %zu is %.17g, expected %.17g; %s", pass,
                      i, a[i], b[i], conv_case_name(t));
}

static size_t plain(drn_shape s)
{
    return (size_t)s.n * (size_t)s.c * (size_t)s.h * (size_t)s.w;
}

static void check_naive(drn_conv_geom g, uint64_t seed)
{
    conv_case t = conv_case_new(g, seed);
    const drn_conv_impl *ref = reference(DRN_FLOAT64);
    drn_conv_run run = {NULL, NULL};
    double *x = drn_calloc(plain(t.xs), 8), *y = drn_calloc(plain(t.ys), 8);
    double *w = drn_calloc(t.nw, 8), *out = guard_new((t.nx + t.ny + t.nw) * 8);
    double *got = drn_calloc(plain(t.xs) + plain(t.ys), 8);

    drn_to_nchw(x, t.x64, t.xs, DRN_FLOAT64);
    naive(&g, 0, x, y, t.w64);
    ref->forward(out, t.x64, t.w64, &g, NULL, &run);
    drn_to_nchw(got, out, t.ys, DRN_FLOAT64);
    compare(got, y, plain(t.ys), &t, 0);

    drn_to_nchw(y, t.y64, t.ys, DRN_FLOAT64);
    naive(&g, 2, x, y, w);
    memset(out, 0, t.nw * 8);
    ref->backward_weights(out, NULL, t.x64, t.y64, &g, &run);
    compare(out, w, t.nw, &t, 2);

    memset(x, 0, plain(t.xs) * 8);
    naive(&g, 1, x, y, t.w64);
    ref->backward_data(out, t.y64, t.w64, &g, false, &run);
    drn_to_nchw(got, out, t.xs, DRN_FLOAT64);
    compare(got, x, plain(t.xs), &t, 1);

    CHECK(guard_ok(out));
    drn_free(x);
    drn_free(y);
    drn_free(w);
    drn_free(got);
    guard_free(out);
    conv_case_free(&t);
}

TEST(oracle, "the double reference equals seven loops for all passes, strides, pads and kernels")
{
    static const int kernels[] = {1, 2, 3, 5, 9}, channels[][2] = {{3, 8}, {8, 3}, {12, 9}, {1, 1}};
    uint64_t seed = 1;
    for (size_t i = 0; i < 5; i++)
        for (size_t c = 0; c < 4; c++)
            for (int stride = 1; stride <= 3; stride++)
                for (int pad = 0; pad <= kernels[i] / 2; pad += kernels[i] == 9 ? 2 : 1) {
                    int h = kernels[i] + (int)(seed * 7 % 9), w = kernels[i] + (int)(seed * 5 % 13);
                    check_naive(conv_geom(1 + (int)(seed % 2), channels[c][0], h, w, channels[c][1],
                                          kernels[i], stride, pad),
                                seed);
                    seed++;
                }
    check_naive(conv_geom(1, 9, 20, 37, 10, 3, 1, 1), 999);
    check_naive(conv_geom(2, 8, 1, 1, 8, 3, 1, 1), 1000);
}
