#include "image/imresize.h"

#include "base/mem.h"
#include "kernels/bicubic.h"

#include <math.h>
#include <stdbool.h>

static bool column_is_zero(const drn_resize_table *table, int32_t t)
{
    for (int32_t o = 0; o < table->out; o++)
        if (table->weight[(size_t)o * (size_t)table->taps + (size_t)t] != 0)
            return false;
    return true;
}

/* The first and last columns are often all zero: leave them out (the sums stay the same bits). */
static void drop_zero_columns(drn_resize_table *table)
{
    int32_t first = 0, last = table->taps - 1;
    while (first < last && column_is_zero(table, first))
        first++;
    while (last > first && column_is_zero(table, last))
        last--;
    int32_t keep = last - first + 1;
    size_t to = 0;
    for (int32_t o = 0; o < table->out; o++)
        for (int32_t t = first; t <= last; t++, to++) {
            size_t from = (size_t)o * (size_t)table->taps + (size_t)t;
            table->weight[to] = table->weight[from];
            table->index[to] = table->index[from];
        }
    table->taps = keep;
}

static drn_status check(int32_t in, int32_t out, double scale, drn_error *err)
{
    if (in < 1 || out < 1)
        return drn_fail(err, DRN_ERR_INVALID, "cannot resize %d to %d samples", in, out);
    /* A kernel of 2^24 samples is far beyond any picture. */
    if (!(scale >= 0x1p-22 && scale <= 0x1p22))
        return drn_fail(err, DRN_ERR_INVALID, "resize factor %g is out of range", scale);
    return DRN_OK;
}

drn_status drn_resize_table_init(drn_resize_table *table, int32_t in, int32_t out, double scale,
                                 drn_border border, drn_error *err)
{
    *table = (drn_resize_table){0};
    DRN_TRY(check(in, out, scale, err));
    int32_t taps = drn_bicubic_taps(scale);
    size_t n;
    DRN_TRY(drn_size_mul(&n, (size_t)out, (size_t)taps, err));
    drn_status st = drn_alloc_to(&table->weight, n, sizeof *table->weight, err);
    if (st == DRN_OK)
        st = drn_alloc_to(&table->index, n, sizeof *table->index, err);
    if (st != DRN_OK) {
        drn_resize_table_clear(table);
        return st;
    }
    table->in = in;
    table->out = out;
    table->taps = taps;
    drn_bicubic_table(table->index, table->weight, in, out, scale, border == DRN_BORDER_CLAMP);
    drop_zero_columns(table);
    return DRN_OK;
}

void drn_resize_table_clear(drn_resize_table *table)
{
    drn_free(table->index);
    drn_free(table->weight);
    *table = (drn_resize_table){0};
}

drn_status drn_resize_size(int32_t *out, int32_t size, double scale, drn_error *err)
{
    double exact = size * scale;
    /* 300 * (1/3.0) and the like must not be rounded up to the next integer. */
    double near = floor(exact + 0.5);
    double wanted = fabs(exact - near) <= 1e-9 * exact ? near : ceil(exact);
    if (!(scale > 0) || !(wanted >= 1) || wanted > INT32_MAX)
        return drn_fail(err, DRN_ERR_INVALID, "resize factor %g makes no picture of %d samples",
                        scale, size);
    *out = (int32_t)wanted;
    return DRN_OK;
}
