#include "tensor/tensor.h"

#include "base/mem.h"

#include <string.h>

size_t drn_dtype_size(drn_dtype t)
{
    return t == DRN_FLOAT64 ? 8 : 4;
}

bool drn_shape_equal(drn_shape a, drn_shape b)
{
    return a.n == b.n && a.c == b.c && a.h == b.h && a.w == b.w;
}

size_t drn_elements(drn_shape s)
{
    return (size_t)s.n * (size_t)drn_padded_channels(s.c) * (size_t)s.h * (size_t)s.w;
}

drn_status drn_shape_elements(size_t *out, drn_shape s, drn_error *err)
{
    if (s.n < 1 || s.c < 1 || s.h < 1 || s.w < 1 || s.c > INT32_MAX - DRN_BLOCK)
        return drn_fail(err, DRN_ERR_INVALID, "shape %dx%dx%dx%d has an impossible dimension", s.n,
                        s.c, s.h, s.w);
    size_t v = (size_t)s.n;
    DRN_TRY(drn_size_mul(&v, v, (size_t)drn_padded_channels(s.c), err));
    DRN_TRY(drn_size_mul(&v, v, (size_t)s.h, err));
    DRN_TRY(drn_size_mul(&v, v, (size_t)s.w, err));
    size_t bytes;
    DRN_TRY(drn_size_mul(&bytes, v, 8, err));
    *out = v;
    return DRN_OK;
}

/* Move elements of `size` bytes; to_plain says which side is NCHW. */
static void relayout(char *tensor, char *plain, drn_shape s, size_t size, bool to_plain)
{
    if (!to_plain)
        memset(tensor, 0, drn_elements(s) * size);
    size_t step = (size_t)drn_block_for(s.c) * size;
    for (int32_t n = 0; n < s.n; n++)
        for (int32_t c = 0; c < s.c; c++)
            for (int32_t y = 0; y < s.h; y++) {
                char *t = tensor + drn_at(s, n, c, y, 0) * size;
                for (int32_t x = 0; x < s.w; x++, t += step, plain += size)
                    memcpy(to_plain ? plain : t, to_plain ? t : plain, size);
            }
}

void drn_from_nchw(void *dst, const void *nchw, drn_shape s, drn_dtype t)
{
    relayout(dst, (char *)(uintptr_t)nchw, s, drn_dtype_size(t), false);
}

void drn_to_nchw(void *nchw, const void *src, drn_shape s, drn_dtype t)
{
    relayout((char *)(uintptr_t)src, nchw, s, drn_dtype_size(t), true);
}
