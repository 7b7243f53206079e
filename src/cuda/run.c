/* A planned graph's memory on the device, and its passes. */
#include "cuda/run.h"

#include "base/mem.h"

#include <string.h>

/* ---- pointers ---- */

static void *param_memory(const drn_drun *r, drn_value v, float *base)
{
    const value *x = &r->graph->values[v];
    return base ? base + x->params->list[x->param].offset : NULL;
}

static void *data_of(const drn_drun *r, drn_value v)
{
    if (r->graph->values[v].kind == VALUE_PARAM)
        return param_memory(r, v, r->params.value);
    return r->data_at[v] == SIZE_MAX ? NULL : r->arena + r->data_at[v];
}

static void *grad_of(const drn_drun *r, drn_value v)
{
    const value *x = &r->graph->values[v];
    if (x->kind == VALUE_PARAM)
        return x->grad_live ? param_memory(r, v, r->params.grad) : NULL;
    return r->grad_at[v] == SIZE_MAX ? NULL : r->arena + r->grad_at[v];
}

static void resolve(drn_drun *r, drn_dcall *c)
{
    bool flows = r->graph->training && c->op->backward && r->graph->values[c->out_value].grad_live;
    c->out.p = data_of(r, c->out_value);
    c->dout = c->out;
    c->dout.p = flows ? grad_of(r, c->out_value) : NULL;
    c->add = c->addend >= 0 ? grad_of(r, c->addend) : NULL;
    c->state = r->state + c->state_at;
    for (int k = 0; k < c->inputs; k++) {
        c->in[k].p = data_of(r, c->in_value[k]);
        c->din[k] = c->in[k];
        c->din[k].p = flows ? grad_of(r, c->in_value[k]) : NULL;
    }
}

/* ---- memory ---- */

static drn_status check_params(drn_drun *r, drn_error *err)
{
    for (size_t v = 0; v < r->graph->value_count; v++) {
        const value *x = &r->graph->values[v];
        if (x->kind != VALUE_PARAM)
            continue;
        if (r->params.host && r->params.host != x->params)
            return drn_fail(err, DRN_ERR_INTERNAL, "CUDA: a graph's parameters come from two sets");
        r->params.host = x->params;
    }
    return DRN_OK;
}

static drn_status make_params(drn_drun *r, drn_error *err)
{
    const drn_params *p = r->params.host;
    if (!p || r->params.value)
        return DRN_OK;
    r->own_params = true;
    DRN_TRY(drn_cuda_alloc(&r->params.value, p->elements * sizeof(float), "weights", err));
    if (r->graph->training)
        DRN_TRY(drn_cuda_alloc(&r->params.grad, p->elements * sizeof(float), "gradients", err));
    return DRN_OK;
}

static void sizes(drn_drun *r)
{
    for (size_t i = 0; i < r->count; i++) {
        drn_dcall *c = &r->calls[i];
        size_t state = c->dop->state_bytes ? c->dop->state_bytes(c) : 0;
        size_t scratch = c->dop->scratch_bytes ? c->dop->scratch_bytes(r, c) : 0;
        c->state_at = r->state_bytes;
        r->state_bytes += (state + 255) / 256 * 256;
        r->scratch_bytes = scratch > r->scratch_bytes ? scratch : r->scratch_bytes;
    }
    for (size_t v = 0; v < r->graph->value_count; v++) {
        const value *x = &r->graph->values[v];
        size_t bytes = (size_t)x->shape.n * (size_t)x->shape.c * (size_t)x->shape.h * (size_t)x->shape.w * sizeof(float);
        if ((x->kind == VALUE_INPUT || x->output) && bytes > r->stage_bytes)
            r->stage_bytes = bytes;
    }
}

static drn_status allocate(drn_drun *r, drn_error *err)
{
    DRN_TRY(make_params(r, err));
    DRN_TRY(drn_cuda_alloc(&r->arena, r->arena_bytes, "activations and gradients", err));
    DRN_TRY(drn_cuda_alloc(&r->state, r->state_bytes, "tables", err));
    DRN_TRY(drn_cuda_alloc(&r->scratch, r->scratch_bytes, "workspace", err));
    DRN_TRY(drn_cuda_alloc(&r->stage, r->stage_bytes, "a picture in transit", err));
    for (size_t i = 0; i < r->count; i++)
        resolve(r, &r->calls[i]);
    return DRN_OK;
}

/* The list of weights to pack, twice: first to know the memory, then with it. */
static drn_status make_packs(drn_drun *r, bool every, drn_error *err)
{
    for (int round = 0; round < 2; round++) {
        r->pack_count = r->packed_bytes = 0;
        for (size_t i = 0; i < r->count; i++)
            if (r->calls[i].op == &drn_op_conv2d || r->calls[i].op == &drn_op_conv_transpose2d)
                DRN_TRY(drn_dconv_pack_list(r, &r->calls[i], every, err));
        if (round == 0)
            DRN_TRY(drn_cuda_alloc(&r->packed, r->packed_bytes, "packed weights", err));
    }
    DRN_TRY(drn_cuda_alloc(&r->device_packs, r->pack_count * sizeof *r->packs, "a list", err));
    if (r->pack_count)
        DRN_CUDA_TRY(cudaMemcpyAsync(r->device_packs, r->packs, r->pack_count * sizeof *r->packs,
                                     cudaMemcpyHostToDevice, r->dev->stream), "copying a list");
    DRN_CUDA_TRY(cudaStreamSynchronize(r->dev->stream), "copying a list");
    return DRN_OK;
}

static drn_status setup(drn_drun *r, drn_error *err)
{
    for (size_t i = 0; i < r->count; i++)
        if (r->calls[i].dop->setup)
            DRN_TRY(r->calls[i].dop->setup(r, &r->calls[i], err));
    return DRN_OK;
}

/* Time the alternatives on numbers that are finite in either type, then forget the others' weights. */
static drn_status tune(drn_drun *r, drn_error *err)
{
    if (!r->dev->tune)
        return DRN_OK;
    drn_dk_noise(r->arena, r->arena_bytes / 2, r->dev->stream);
    if (r->own_params)
        drn_dk_noise(r->params.value, 2 * r->params.host->elements, r->dev->stream);
    drn_drun_pack(r);
    DRN_TRY(drn_dconv_tune(r, err));
    cudaFree(r->packed);
    cudaFree(r->device_packs);
    r->packed = NULL;
    r->device_packs = NULL;
    return make_packs(r, false, err);
}

drn_status drn_drun_open(drn_drun **out, drn_graph *g, drn_cuda *dev, const drn_dparams *params, drn_error *err)
{
    drn_drun *r;
    drn_status st = DRN_OK;
    if (g->type != DRN_FLOAT32)
        return drn_fail(err, DRN_ERR_UNSUPPORTED, "CUDA: graphs in double run on the CPU only");
    DRN_TRY(drn_calloc_to(&r, 1, sizeof *r, err));
    r->dev = dev;
    r->graph = g;
    r->dirty = true;
    if (params)
        r->params = *params;
    DRN_CHECK(check_params(r, err));
    DRN_CHECK(drn_drun_plan(r, err));
    sizes(r);
    DRN_CHECK(allocate(r, err));
    DRN_CHECK(make_packs(r, dev->tune, err));
    DRN_CHECK(setup(r, err));
    DRN_CHECK(tune(r, err));
    for (size_t v = 0; v < g->value_count; v++)
        if (g->values[v].kind == VALUE_INPUT) {
            drn_dten t = drn_drun_tensor(r, g->values[v].shape, data_of(r, (drn_value)v));
            size_t bytes = (size_t)t.n * (size_t)t.h * (size_t)t.w * (size_t)t.cs * (t.half ? 2 : 4);
            cudaMemsetAsync(t.p, 0, bytes, dev->stream);
        }
    *out = r;
    return DRN_OK;
done:
    drn_drun_close(r);
    return st;
}

void drn_drun_close(drn_drun *r)
{
    if (!r)
        return;
    cudaStreamSynchronize(r->dev->stream);
    if (r->own_params) {
        cudaFree(r->params.value);
        cudaFree(r->params.grad);
    }
    cudaFree(r->arena);
    cudaFree(r->state);
    cudaFree(r->scratch);
    cudaFree(r->stage);
    cudaFree(r->packed);
    cudaFree(r->device_packs);
    for (size_t v = 0; v < r->graph->value_count; v++) {
        drn_free(r->host ? r->host[v] : NULL);
        drn_free(r->host_grad ? r->host_grad[v] : NULL);
    }
    drn_free(r->host);
    drn_free(r->host_grad);
    drn_free(r->plain);
    drn_free(r->packs);
    drn_free(r->calls);
    drn_free(r->data_at);
    drn_free(r->grad_at);
    drn_free(r);
}

size_t drn_drun_bytes(const drn_drun *r)
{
    return r->arena_bytes + r->state_bytes + r->packed_bytes + r->scratch_bytes + r->stage_bytes;
}

/* ---- passes ---- */

void drn_drun_pack(drn_drun *r)
{
    drn_dk_pack(r->device_packs, (int32_t)r->pack_count, r->dev->stream);
}

void drn_drun_launch_forward(drn_drun *r)
{
    for (size_t i = 0; i < r->count; i++)
        r->calls[i].dop->forward(r, &r->calls[i]);
}

void drn_drun_launch_backward(drn_drun *r)
{
    drn_dk_fill(grad_of(r, r->graph->loss), 1, 1, r->dev->stream);
    for (size_t i = r->count; i-- > 0;)
        if (r->calls[i].dout.p && r->calls[i].dop->backward)
            r->calls[i].dop->backward(r, &r->calls[i]);
}

drn_status drn_drun_check(const drn_drun *r, drn_error *err)
{
    if (r->refused)
        return drn_fail(err, DRN_ERR_DEVICE, "GPU: cuDNN refused a convolution; DRN_CUDA_CONV=mma or simple does without it");
    return DRN_OK;
}

/* ---- the graph's backend: host memory around the passes ---- */

static drn_status backend_open(void **run, drn_graph *g, void *device, drn_error *err)
{
    drn_drun *r;
    drn_status st = DRN_OK;
    DRN_TRY(drn_drun_open(&r, g, device, NULL, err));
    DRN_CHECK(drn_calloc_to(&r->host, g->value_count + 1, sizeof *r->host, err));
    DRN_CHECK(drn_calloc_to(&r->host_grad, g->value_count + 1, sizeof *r->host_grad, err));
    DRN_CHECK(drn_alloc_to(&r->plain, r->stage_bytes, 1, err));
    for (size_t v = 0; v < g->value_count; v++) {
        const value *x = &g->values[v];
        size_t n = x->kind == VALUE_PARAM ? 0 : drn_elements(x->shape);
        if (x->kind == VALUE_INPUT || x->output)
            DRN_CHECK(drn_calloc_to(&r->host[v], n, sizeof(float), err));
        if (x->kind == VALUE_INPUT && r->grad_at[v] != SIZE_MAX)
            DRN_CHECK(drn_calloc_to(&r->host_grad[v], n, sizeof(float), err));
    }
    *run = r;
    return DRN_OK;
done:
    drn_drun_close(r);
    return st;
}

static void backend_close(void *run)
{
    drn_drun_close(run);
}

static void *backend_data(void *run, drn_value v)
{
    drn_drun *r = run;
    return v >= 0 && (size_t)v < r->graph->value_count ? r->host[v] : NULL;
}

static void *backend_grad(void *run, drn_value v)
{
    drn_drun *r = run;
    return v >= 0 && (size_t)v < r->graph->value_count ? r->host_grad[v] : NULL;
}

static void backend_params_changed(void *run)
{
    ((drn_drun *)run)->dirty = true;
}

static size_t plain_bytes(drn_shape s)
{
    return (size_t)s.n * (size_t)s.c * (size_t)s.h * (size_t)s.w * sizeof(float);
}

static drn_status upload(drn_drun *r, drn_value v, drn_error *err)
{
    drn_shape s = r->graph->values[v].shape;
    const void *from = r->host[v];
    if (drn_block_for(s.c) != 1) {
        drn_to_nchw(r->plain, r->host[v], s, DRN_FLOAT32);
        from = r->plain;
    }
    DRN_CUDA_TRY(cudaMemcpyAsync(r->stage, from, plain_bytes(s), cudaMemcpyHostToDevice, r->dev->stream), "copying an input");
    drn_dk_from_nchw(drn_drun_tensor(r, s, data_of(r, v)), r->stage, r->dev->stream);
    DRN_CUDA_TRY(cudaStreamSynchronize(r->dev->stream), "copying an input"); /* plain and stage are used again */
    return DRN_OK;
}

static drn_status download(drn_drun *r, drn_value v, void *from, void *to, drn_error *err)
{
    drn_shape s = r->graph->values[v].shape;
    bool blocks = drn_block_for(s.c) != 1;
    drn_dk_to_nchw(r->stage, drn_drun_tensor(r, s, from), r->dev->stream);
    DRN_CUDA_TRY(cudaMemcpyAsync(blocks ? (void *)r->plain : to, r->stage, plain_bytes(s), cudaMemcpyDeviceToHost,
                                 r->dev->stream), "copying a result");
    DRN_CUDA_TRY(cudaStreamSynchronize(r->dev->stream), "running the network");
    if (blocks)
        drn_from_nchw(to, r->plain, s, DRN_FLOAT32);
    return DRN_OK;
}

static drn_status backend_forward(void *run, drn_error *err)
{
    drn_drun *r = run;
    if (r->dirty && r->params.host) {
        DRN_CUDA_TRY(cudaMemcpyAsync(r->params.value, r->params.host->value, r->params.host->elements * sizeof(float),
                                     cudaMemcpyHostToDevice, r->dev->stream), "copying weights");
        drn_drun_pack(r);
    }
    r->dirty = false;
    for (size_t v = 0; v < r->graph->value_count; v++)
        if (r->graph->values[v].kind == VALUE_INPUT)
            DRN_TRY(upload(r, (drn_value)v, err));
    drn_drun_launch_forward(r);
    DRN_CUDA_TRY(cudaGetLastError(), "starting the network");
    DRN_TRY(drn_drun_check(r, err));
    for (size_t v = 0; v < r->graph->value_count; v++)
        if (r->graph->values[v].kind != VALUE_INPUT && r->host[v])
            DRN_TRY(download(r, (drn_value)v, data_of(r, (drn_value)v), r->host[v], err));
    return DRN_OK;
}

static drn_status backend_backward(void *run, drn_error *err)
{
    drn_drun *r = run;
    const drn_params *p = r->params.host;
    size_t bytes = p ? p->elements * sizeof(float) : 0;
    if (p)
        DRN_CUDA_TRY(cudaMemcpyAsync(r->params.grad, p->grad, bytes, cudaMemcpyHostToDevice, r->dev->stream),
                     "copying gradients");
    drn_drun_launch_backward(r);
    DRN_CUDA_TRY(cudaGetLastError(), "starting backward");
    DRN_TRY(drn_drun_check(r, err));
    if (p)
        DRN_CUDA_TRY(cudaMemcpyAsync(p->grad, r->params.grad, bytes, cudaMemcpyDeviceToHost, r->dev->stream),
                     "copying gradients");
    for (size_t v = 0; v < r->graph->value_count; v++)
        if (r->host_grad[v])
            DRN_TRY(download(r, (drn_value)v, grad_of(r, (drn_value)v), r->host_grad[v], err));
    DRN_CUDA_TRY(cudaStreamSynchronize(r->dev->stream), "running backward");
    return DRN_OK;
}

const drn_backend drn_cuda_backend = {
    .open = backend_open,
    .close = backend_close,
    .data = backend_data,
    .grad = backend_grad,
    .params_changed = backend_params_changed,
    .forward = backend_forward,
    .backward = backend_backward,
};
