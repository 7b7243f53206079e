/* Convolutions on the device: which implementation runs, its packed weights, and the three passes.
 *
 * Forward and backward-data of the own kernels end in an epilogue (bias, activation, addend, mask); after
 * cuDNN it is a pass of its own.  Alternatives are timed on the planned buffers, once a geometry. */
#include "base/mem.h"
#include "cuda/run.h"

#include <string.h>

enum { MOST_ALGORITHMS = 4 };

const char *const drn_dconv_names[DRN_DCONV_KINDS] = {"simple", "mma", "cudnn", "group"};

static int bias_index(const drn_dcall *c)
{
    return c->inputs - c->attr.residual > 2 ? 2 : -1;
}

/* The convolution's own output, before a shuffle. */
static drn_shape plain_out(const drn_conv_geom *g)
{
    return (drn_shape){g->n, g->k, g->oh, g->ow};
}

static drn_conv_geom geom_of(const drn_dcall *c)
{
    drn_dten x = c->in[0], w = c->in[1];
    int32_t stride = c->attr.stride, pad = c->attr.pad;
    if (c->op == &drn_op_conv_transpose2d) /* the convolution out -> in whose adjoint this is */
        return (drn_conv_geom){.n = x.n, .c = c->out.c, .h = c->out.h, .w = c->out.w, .k = w.n, .r = w.h, .s = w.w,
                               .oh = x.h, .ow = x.w, .stride = stride, .pad = pad};
    return (drn_conv_geom){.n = x.n, .c = x.c, .h = x.h, .w = x.w, .k = w.n, .r = w.h, .s = w.w,
                           .oh = (x.h + 2 * pad - w.h) / stride + 1, .ow = (x.w + 2 * pad - w.w) / stride + 1,
                           .stride = stride, .pad = pad};
}

static drn_dgeom small_geom(const drn_conv_geom *g)
{
    return (drn_dgeom){g->k, g->c, g->r, g->s, g->stride, g->pad};
}

/* ---- which implementations can ---- */

static bool is_3x3(const drn_conv_geom *g)
{
    return g->r == 3 && g->s == 3 && g->stride == 1 && g->pad == 1;
}

static bool mma_can(const drn_drun *r, const drn_dcall *c)
{
    int32_t sub = c->conv.sub == 4 ? 4 : 1;
    return c->op == &drn_op_conv2d && r->dev->precision == DRN_NUMBERS_BF16 && is_3x3(&c->conv.geom) &&
           (c->attr.factor == 0 || sub == 4) && drn_dk_mma_supports(c->out, c->in[0], 1, sub) &&
           drn_dk_mma_supports(c->in[0], c->out, sub, 1);
}

/* Compute capability 8.6, 8.9 and 12.0 have 99 KiB of shared memory a block, less than some shapes take. */
static bool mma_fits(const drn_drun *r, const drn_dcall *c, drn_conv_pass pass, int rows)
{
    int32_t sub = c->conv.sub == 4 ? 4 : 1;
    size_t bytes = pass == DRN_CONV_FORWARD         ? drn_dk_mma_shared(c->out, c->in[0], 1, sub, rows)
                   : pass == DRN_CONV_BACKWARD_DATA ? drn_dk_mma_shared(c->in[0], c->out, sub, 1, rows)
                                                    : drn_dk_mma_weights_shared(c->conv.geom.k, c->conv.geom.c);
    return bytes <= (size_t)r->dev->shared;
}

/* The warpgroup kernels: the same geometries, of more channels, on compute capability 9.0, where the build has them. */
static bool group_can(const drn_drun *r, const drn_dcall *c, drn_conv_pass pass)
{
    int32_t sub = c->conv.sub == 4 ? 4 : 1;
    if (!DRN_CUDA_WARPGROUPS || r->dev->major != 9 || r->dev->minor != 0 || !mma_can(r, c))
        return false;
    return pass == DRN_CONV_FORWARD         ? drn_dk_group_supports(c->out, c->in[0], 1, sub)
           : pass == DRN_CONV_BACKWARD_DATA ? drn_dk_group_supports(c->in[0], c->out, sub, 1)
                                            : drn_dk_group_weights_supports(c->in[0], c->out, sub);
}

static bool cudnn_can(const drn_drun *r, const drn_dcall *c, drn_conv_pass pass)
{
    int list[MOST_ALGORITHMS];
    bool wanted = r->dev->precision != DRN_NUMBERS_BF16 || r->dev->tune || r->dev->conv == DRN_DCONV_CUDNN;
    return wanted && c->op == &drn_op_conv2d && c->conv.sub != 4 && c->attr.factor == 0 && c->in[0].c >= DRN_BLOCK &&
           c->out.c >= DRN_BLOCK && drn_cuda_cudnn(r->dev) &&
           drn_cudnn_algorithms(r->dev->cudnn, c, pass, r->dev->precision, list, MOST_ALGORITHMS) > 0;
}

static bool can(const drn_drun *r, const drn_dcall *c, drn_dconv_kind kind, drn_conv_pass pass)
{
    int only = r->dev->conv;
    if (kind == DRN_DCONV_SIMPLE)
        return c->conv.sub != 4;
    if (only >= 0 && (int)kind != only && !(kind == DRN_DCONV_MMA && c->conv.sub == 4))
        return false;
    return kind == DRN_DCONV_GROUP ? group_can(r, c, pass)
           : kind == DRN_DCONV_MMA ? mma_can(r, c) && mma_fits(r, c, pass, 2)
                                   : cudnn_can(r, c, pass);
}

bool drn_dconv_can_shuffle(const drn_drun *r, const drn_dcall *c, drn_shape shuffled)
{
    drn_dcall test = *c;
    if ((c->attr.activate && c->training) || c->attr.residual ||
        (r->dev->conv >= 0 && r->dev->conv != DRN_DCONV_MMA && r->dev->conv != DRN_DCONV_GROUP))
        return false;
    test.out = drn_drun_tensor(r, shuffled, NULL);
    test.conv.sub = 4;
    test.attr.factor = 2;
    test.conv.geom = geom_of(&test);
    return test.out.half && test.out.c % DRN_BLOCK == 0 && mma_can(r, &test) &&
           (!c->training || mma_fits(r, &test, DRN_CONV_BACKWARD_WEIGHTS, 2));
}

/* Two rows a warp where four would leave multiprocessors idle. */
static int rows_for(const drn_drun *r, const drn_conv_geom *g)
{
    int64_t tiles = (int64_t)g->n * ((g->oh + 15) / 16) * ((g->ow + 15) / 16);
    return tiles >= 2 * r->dev->sms ? 4 : 2;
}

void drn_dconv_plan(drn_drun *r, drn_dcall *c)
{
    c->conv.geom = geom_of(c);
    if (c->conv.sub == 0) /* the graph's own fusion may have taken the shuffle */
        c->conv.sub = c->attr.factor == 2 && drn_dconv_can_shuffle(r, c, (drn_shape){c->out.n, c->out.c, c->out.h, c->out.w}) ? 4 : 1;
    for (int pass = 0; pass < 3; pass++) {
        c->conv.kind[pass] = can(r, c, DRN_DCONV_GROUP, (drn_conv_pass)pass)   ? DRN_DCONV_GROUP
                             : can(r, c, DRN_DCONV_MMA, (drn_conv_pass)pass)   ? DRN_DCONV_MMA
                             : can(r, c, DRN_DCONV_CUDNN, (drn_conv_pass)pass) ? DRN_DCONV_CUDNN
                                                                               : DRN_DCONV_SIMPLE;
        if (c->conv.kind[pass] == DRN_DCONV_CUDNN)
            drn_cudnn_algorithms(r->dev->cudnn, c, (drn_conv_pass)pass, r->dev->precision, &c->conv.algo[pass], 1);
    }
    for (int pass = 0; pass < 2; pass++)
        c->conv.rows[pass] = mma_fits(r, c, (drn_conv_pass)pass, 4) ? rows_for(r, &c->conv.geom) : 2;
}

/* ---- packed weights ---- */

static int32_t round8(int32_t n)
{
    return (n + 7) / 8 * 8;
}

/* Layout of the weights an implementation wants for forward or backward-data; bytes of it. */
static size_t layout(drn_dpack *p, const drn_drun *r, const drn_dcall *c, drn_dconv_kind kind, drn_conv_pass pass)
{
    const drn_conv_geom *g = &c->conv.geom;
    int32_t taps = g->r * g->s, rows, cols;
    bool back = pass == DRN_CONV_BACKWARD_DATA;
    *p = (drn_dpack){.k_all = g->k, .c_all = g->c, .taps = taps, .sub = 1};
    if (kind == DRN_DCONV_MMA || kind == DRN_DCONV_GROUP) {
        drn_dk_mma_pad(&rows, &cols, back ? g->c : g->k, back ? g->k : g->c);
        p->kp = back ? cols : rows;
        p->cp = back ? rows : cols;
        p->stride_k = back ? 1 : cols;
        p->stride_c = back ? cols : 1;
        p->stride_tap = rows * cols;
        p->reverse = back;
        p->half = 1;
        p->sub = c->conv.sub;
    } else if (kind == DRN_DCONV_CUDNN) {
        p->kp = round8(g->k);
        p->cp = round8(g->c);
        p->stride_k = taps * p->cp;
        p->stride_tap = p->cp;
        p->stride_c = 1;
        p->half = r->dev->precision == DRN_NUMBERS_BF16;
    } else {
        p->kp = back ? g->k : round8(g->k);
        p->cp = back ? round8(g->c) : g->c;
        p->stride_k = back ? p->cp : 1;
        p->stride_c = back ? 1 : p->kp;
        p->stride_tap = p->kp * p->cp;
    }
    return ((size_t)taps * (size_t)p->kp * (size_t)p->cp * (p->half ? 2 : 4) + 255) / 256 * 256;
}

static drn_status add_pack(drn_drun *r, const drn_dpack *p, drn_error *err)
{
    if (r->pack_count == r->pack_capacity) {
        size_t bigger = r->pack_capacity ? 2 * r->pack_capacity : 64;
        drn_dpack *list;
        DRN_TRY(drn_alloc_to(&list, bigger, sizeof *list, err));
        for (size_t i = 0; i < r->pack_count; i++)
            list[i] = r->packs[i];
        drn_free(r->packs);
        r->packs = list;
        r->pack_capacity = bigger;
    }
    r->packs[r->pack_count++] = *p;
    return DRN_OK;
}

/* Which packed weights the pass of a call needs; transposed convolutions run the other pass forward. */
static bool needs_pass(const drn_dcall *c, drn_conv_pass pass)
{
    if (pass == DRN_CONV_BACKWARD_WEIGHTS)
        return c->training;
    if (c->op == &drn_op_conv_transpose2d)
        return pass == DRN_CONV_BACKWARD_DATA || c->training;
    return pass == DRN_CONV_FORWARD || c->training;
}

/* Offsets stand in dst until memory is there. */
drn_status drn_dconv_pack_list(drn_drun *r, drn_dcall *c, bool every, drn_error *err)
{
    for (int pass = 0; pass < 2; pass++)
        for (int kind = 0; kind < DRN_DCONV_KINDS; kind++) {
            drn_dpack p;
            bool wanted = (int)c->conv.kind[pass] == kind || (every && can(r, c, (drn_dconv_kind)kind, (drn_conv_pass)pass));
            if (!wanted || !needs_pass(c, (drn_conv_pass)pass))
                continue;
            size_t bytes = layout(&p, r, c, (drn_dconv_kind)kind, (drn_conv_pass)pass);
            c->conv.packed_at[kind][pass] = r->packed_bytes;
            p.src = c->in[1].p;
            p.dst = r->packed + r->packed_bytes;
            r->packed_bytes += bytes;
            DRN_TRY(add_pack(r, &p, err));
        }
    return DRN_OK;
}

static void *packed(const drn_drun *r, const drn_dcall *c, drn_conv_pass pass)
{
    return r->packed + c->conv.packed_at[c->conv.kind[pass]][pass];
}

/* ---- scratch ---- */

static size_t most(size_t a, size_t b)
{
    return a > b ? a : b;
}

static size_t shuffle_temp_bytes(const drn_drun *r, const drn_dcall *c)
{
    if (c->attr.factor == 0 || c->conv.sub == 4 || c->op != &drn_op_conv2d)
        return 0;
    drn_dten t = drn_drun_tensor(r, plain_out(&c->conv.geom), NULL);
    return (size_t)t.n * (size_t)t.h * (size_t)t.w * (size_t)t.cs * 4;
}

size_t drn_dconv_scratch_bytes(const drn_drun *r, const drn_dcall *c)
{
    const drn_conv_geom *g = &c->conv.geom;
    size_t n = shuffle_temp_bytes(r, c);
    drn_dpack p;
    if (c->training) {
        bool t = c->op == &drn_op_conv_transpose2d;
        drn_dten x = t ? c->out : c->in[0], dy = t ? c->in[0] : c->out;
        n = most(n, drn_dk_sums_bytes(c->out));
        if (c->conv.sub != 4)
            n = most(n, drn_dk_conv_weights_bytes(x, dy, small_geom(g)));
        if (can(r, c, DRN_DCONV_GROUP, DRN_CONV_BACKWARD_WEIGHTS))
            n = most(n, drn_dk_group_weights_bytes(x, dy, g->k, g->c, r->dev->sms));
        if (can(r, c, DRN_DCONV_MMA, DRN_CONV_BACKWARD_WEIGHTS))
            n = most(n, drn_dk_mma_weights_bytes(x, dy, g->k, g->c, r->dev->sms));
    }
    for (int pass = 0; pass < (c->training ? 3 : 1); pass++) {
        int list[MOST_ALGORITHMS], count = 0;
        if (can(r, c, DRN_DCONV_CUDNN, (drn_conv_pass)pass))
            count = drn_cudnn_algorithms(r->dev->cudnn, c, (drn_conv_pass)pass, r->dev->precision, list, MOST_ALGORITHMS);
        for (int i = 0; i < count; i++)
            n = most(n, layout(&p, r, c, DRN_DCONV_CUDNN, DRN_CONV_FORWARD) +
                            drn_cudnn_workspace(r->dev->cudnn, c, (drn_conv_pass)pass, r->dev->precision, list[i]));
    }
    return n;
}

/* ---- passes ---- */

static void run_cudnn(drn_drun *r, drn_dcall *c, drn_conv_pass pass, void *w, bool accumulate, size_t used)
{
    if (!drn_cudnn_run(r->dev->cudnn, c, pass, r->dev->precision, c->conv.algo[pass], w, accumulate, r->scratch + used,
                       r->scratch_bytes - used))
        r->refused = true;
}

static void forward_pass(drn_drun *r, drn_dcall *c, drn_dten out)
{
    int b = bias_index(c);
    drn_depilogue e = {.bias = b > 0 ? c->in[b].p : NULL,
                       .add = c->attr.residual ? c->in[c->inputs - 1].p : NULL,
                       .activate = c->attr.activate,
                       .slope = (float)c->attr.slope};
    void *w = packed(r, c, DRN_CONV_FORWARD);
    switch (c->conv.kind[DRN_CONV_FORWARD]) {
    case DRN_DCONV_MMA:
        drn_dk_mma((drn_dmma){out, c->in[0], w, 1, c->conv.sub, e, c->conv.rows[0]}, r->dev->sms, r->dev->stream);
        break;
    case DRN_DCONV_GROUP:
        drn_dk_group((drn_dmma){out, c->in[0], w, 1, c->conv.sub, e, 0}, r->dev->sms, r->dev->stream);
        break;
    case DRN_DCONV_CUDNN:
        run_cudnn(r, c, DRN_CONV_FORWARD, w, false, 0);
        if (e.bias || e.add || e.activate)
            drn_dk_epilogue(out, e, r->dev->stream);
        break;
    default:
        drn_dk_conv_forward(out, c->in[0], w, small_geom(&c->conv.geom), e, r->dev->stream);
    }
}

void drn_dconv_forward(drn_drun *r, drn_dcall *c)
{
    if (shuffle_temp_bytes(r, c) == 0) {
        forward_pass(r, c, c->out);
        return;
    }
    drn_dten temp = drn_drun_tensor(r, plain_out(&c->conv.geom), r->scratch);
    forward_pass(r, c, temp);
    drn_dk_shuffle(c->out, temp, c->attr.factor, r->dev->stream);
}

static void data_pass(drn_drun *r, drn_dcall *c)
{
    drn_depilogue e = {.add = c->addend >= 0 ? c->add : c->accumulate[0] ? c->din[0].p : NULL,
                       .mask = c->mask_input ? c->in[0].p : NULL,
                       .mask_slope = c->mask_slope};
    void *w = packed(r, c, DRN_CONV_BACKWARD_DATA);
    switch (c->conv.kind[DRN_CONV_BACKWARD_DATA]) {
    case DRN_DCONV_MMA:
        drn_dk_mma((drn_dmma){c->din[0], c->dout, w, c->conv.sub, 1, e, c->conv.rows[1]}, r->dev->sms, r->dev->stream);
        break;
    case DRN_DCONV_GROUP:
        drn_dk_group((drn_dmma){c->din[0], c->dout, w, c->conv.sub, 1, e, 0}, r->dev->sms, r->dev->stream);
        break;
    case DRN_DCONV_CUDNN:
        run_cudnn(r, c, DRN_CONV_BACKWARD_DATA, w, e.add == c->din[0].p, 0);
        e.add = e.add == c->din[0].p ? NULL : e.add;
        if (e.add || e.mask)
            drn_dk_epilogue(c->din[0], e, r->dev->stream);
        break;
    default:
        drn_dk_conv_backward_data(c->din[0], c->dout, w, small_geom(&c->conv.geom), e, r->dev->stream);
    }
}

static void weights_pass(drn_drun *r, drn_dcall *c)
{
    const drn_conv_geom *g = &c->conv.geom;
    int b = bias_index(c);
    float *dw = c->din[1].p, *db = b > 0 ? c->din[b].p : NULL;
    void *scratch = r->scratch;
    drn_dmma_weights job = {dw, db, c->in[0], c->dout, c->conv.sub, g->k, g->c, scratch};
    drn_dpack p;
    switch (c->conv.kind[DRN_CONV_BACKWARD_WEIGHTS]) {
    case DRN_DCONV_MMA:
        drn_dk_mma_weights(job, r->dev->sms, r->dev->stream);
        return;
    case DRN_DCONV_GROUP:
        drn_dk_group_weights(job, r->dev->sms, r->dev->stream);
        return;
    case DRN_DCONV_CUDNN: {
        size_t bytes = layout(&p, r, c, DRN_DCONV_CUDNN, DRN_CONV_FORWARD);
        p.dst = scratch;
        run_cudnn(r, c, DRN_CONV_BACKWARD_WEIGHTS, scratch, false, bytes);
        drn_dk_unpack_add(p, dw, r->dev->stream);
        break;
    }
    default:
        drn_dk_conv_backward_weights(dw, c->in[0], c->dout, small_geom(g), scratch, r->dev->stream);
    }
    if (db)
        drn_dk_bias_grad(db, c->dout, scratch, r->dev->stream);
}

void drn_dconv_backward(drn_drun *r, drn_dcall *c)
{
    int last = c->inputs - 1;
    if (c->attr.activate && !c->dout_masked)
        drn_dk_leaky_backward(c->dout, c->dout, c->out, (float)c->attr.slope, 0, r->dev->stream);
    if (c->din[1].p)
        weights_pass(r, c);
    if (c->din[0].p)
        data_pass(r, c);
    if (c->attr.residual && c->din[last].p && !c->residual_passed)
        drn_dk_scale(c->din[last], c->dout, 1, c->accumulate[last], r->dev->stream);
}

void drn_dconv_transpose_forward(drn_drun *r, drn_dcall *c)
{
    drn_depilogue e = {.bias = c->inputs > 2 ? c->in[2].p : NULL};
    drn_dk_conv_backward_data(c->out, c->in[0], packed(r, c, DRN_CONV_BACKWARD_DATA), small_geom(&c->conv.geom), e,
                              r->dev->stream);
}

void drn_dconv_transpose_backward(drn_drun *r, drn_dcall *c)
{
    drn_dgeom g = small_geom(&c->conv.geom);
    void *scratch = r->scratch;
    if (c->inputs > 2 && c->din[2].p)
        drn_dk_bias_grad(c->din[2].p, c->dout, scratch, r->dev->stream);
    if (c->din[1].p)
        drn_dk_conv_backward_weights(c->din[1].p, c->dout, c->in[0], g, scratch, r->dev->stream);
    if (c->din[0].p)
        drn_dk_conv_forward(c->din[0], c->dout, packed(r, c, DRN_CONV_FORWARD), g,
                            (drn_depilogue){.add = c->accumulate[0] ? c->din[0].p : NULL}, r->dev->stream);
}

/* ---- choosing by the clock ---- */

static void run_pass(drn_drun *r, drn_dcall *c, drn_conv_pass pass)
{
    if (pass == DRN_CONV_FORWARD)
        drn_dconv_forward(r, c);
    else if (pass == DRN_CONV_BACKWARD_DATA)
        data_pass(r, c);
    else
        weights_pass(r, c);
}

static drn_status measure(float *ms, drn_drun *r, drn_dcall *c, drn_conv_pass pass, const cudaEvent_t *event, drn_error *err)
{
    enum { REPEATS = 5 };
    *ms = 1e30f;
    r->refused = false;
    for (int i = 0; i < 3 && !r->refused; i++) { /* the first warms up */
        float t;
        DRN_CUDA_TRY(cudaEventRecord(event[0], r->dev->stream), "timing convolutions");
        for (int k = 0; k < REPEATS; k++)
            run_pass(r, c, pass);
        r->refused |= cudaGetLastError() != cudaSuccess; /* what was not launched takes no time */
        DRN_CUDA_TRY(cudaEventRecord(event[1], r->dev->stream), "timing convolutions");
        DRN_CUDA_TRY(cudaEventSynchronize(event[1]), "timing convolutions");
        DRN_CUDA_TRY(cudaEventElapsedTime(&t, event[0], event[1]), "timing convolutions");
        t /= REPEATS;
        *ms = i > 0 && t < *ms ? t : *ms;
    }
    if (r->refused)
        *ms = 1e30f;
    r->refused = false;
    return DRN_OK;
}

static bool same_work(const drn_dcall *a, const drn_dcall *b, drn_conv_pass pass)
{
    const drn_conv_geom *x = &a->conv.geom, *y = &b->conv.geom;
    return a->op == b->op && x->n == y->n && x->c == y->c && x->h == y->h && x->w == y->w && x->k == y->k && x->r == y->r &&
           x->s == y->s && x->stride == y->stride && x->pad == y->pad && a->conv.sub == b->conv.sub &&
           a->attr.residual == b->attr.residual && (pass == DRN_CONV_FORWARD || a->mask_input == b->mask_input);
}

typedef struct choice {
    drn_dconv_kind kind;
    int detail; /* rows or algorithm */
} choice;

static int choices(choice *list, const drn_drun *r, const drn_dcall *c, drn_conv_pass pass)
{
    int n = 0, algo[MOST_ALGORITHMS], count = 0;
    if (can(r, c, DRN_DCONV_GROUP, pass))
        list[n++] = (choice){DRN_DCONV_GROUP, 0};
    if (can(r, c, DRN_DCONV_MMA, pass)) {
        if (mma_fits(r, c, pass, 4))
            list[n++] = (choice){DRN_DCONV_MMA, 4};
        if (pass != DRN_CONV_BACKWARD_WEIGHTS)
            list[n++] = (choice){DRN_DCONV_MMA, 2};
    }
    if (can(r, c, DRN_DCONV_CUDNN, pass))
        count = drn_cudnn_algorithms(r->dev->cudnn, c, pass, r->dev->precision, algo, MOST_ALGORITHMS);
    for (int i = 0; i < count; i++)
        list[n++] = (choice){DRN_DCONV_CUDNN, algo[i]};
    if (n == 0 || list[n - 1].kind == DRN_DCONV_CUDNN) /* which may be refused */
        list[n++] = (choice){DRN_DCONV_SIMPLE, 0};
    return n;
}

static void choose(drn_dcall *c, drn_conv_pass pass, choice x)
{
    c->conv.kind[pass] = x.kind;
    if (x.kind == DRN_DCONV_MMA && pass != DRN_CONV_BACKWARD_WEIGHTS)
        c->conv.rows[pass] = x.detail;
    if (x.kind == DRN_DCONV_CUDNN)
        c->conv.algo[pass] = x.detail;
}

static drn_status tune_pass(drn_drun *r, size_t at, drn_conv_pass pass, const cudaEvent_t *event, drn_error *err)
{
    drn_dcall *c = &r->calls[at];
    choice list[4 + MOST_ALGORITHMS], best;
    float fastest = 1e30f;
    for (size_t i = 0; i < at; i++)
        if ((r->calls[i].op == &drn_op_conv2d) && same_work(&r->calls[i], c, pass) &&
            (pass == DRN_CONV_FORWARD || (r->calls[i].din[0].p && c->din[0].p))) {
            const drn_dconv *d = &r->calls[i].conv;
            choose(c, pass, (choice){d->kind[pass], d->kind[pass] == DRN_DCONV_MMA && pass != DRN_CONV_BACKWARD_WEIGHTS ? d->rows[pass] : d->algo[pass]});
            memcpy(c->conv.ms[pass], d->ms[pass], sizeof d->ms[pass]);
            return DRN_OK;
        }
    int n = choices(list, r, c, pass);
    best = n > 1 && c->conv.sub != 4 ? (choice){DRN_DCONV_SIMPLE, 0} : list[0];
    for (int i = 0; i < n && n > 1; i++) {
        float ms;
        choose(c, pass, list[i]);
        DRN_TRY(measure(&ms, r, c, pass, event, err));
        float *least = &c->conv.ms[pass][list[i].kind];
        *least = *least == 0 || ms < *least ? ms : *least;
        if (ms < fastest) {
            fastest = ms;
            best = list[i];
        }
    }
    choose(c, pass, best);
    return DRN_OK;
}

drn_status drn_dconv_tune(drn_drun *r, drn_error *err)
{
    cudaEvent_t event[2] = {NULL, NULL};
    drn_status st = DRN_OK;
    DRN_CUDA_TRY(cudaEventCreate(&event[0]), "timing convolutions");
    if (cudaEventCreate(&event[1]) != cudaSuccess)
        event[1] = event[0];
    for (size_t i = 0; st == DRN_OK && i < r->count; i++) {
        drn_dcall *c = &r->calls[i];
        if (c->op != &drn_op_conv2d)
            continue;
        st = tune_pass(r, i, DRN_CONV_FORWARD, event, err);
        if (st == DRN_OK && c->din[0].p)
            st = tune_pass(r, i, DRN_CONV_BACKWARD_DATA, event, err);
        if (st == DRN_OK && c->din[1].p)
            st = tune_pass(r, i, DRN_CONV_BACKWARD_WEIGHTS, event, err);
    }
    if (event[1] != event[0])
        cudaEventDestroy(event[1]);
    cudaEventDestroy(event[0]);
    return st;
}
