/* A training step that stays on the device.  What it launches is captured once a network and replayed: numbers
 * that change from step to step (learning rate, places of samples) lie in device memory, copied there as the
 * graph's first act.  The host waits once a step, for the result. */
#include "cuda/train.h"

#include "base/mem.h"

#include <math.h>
#include <string.h>

/* ---- new, free ---- */

static drn_status pinned(void *out, size_t bytes, drn_error *err)
{
    void *p = NULL;
    DRN_CUDA_TRY(cudaMallocHost(&p, bytes ? bytes : 1), "taking pinned memory");
    memset(p, 0, bytes);
    memcpy(out, &p, sizeof p);
    return DRN_OK;
}

static drn_status allocate(drn_cuda_train *t, drn_error *err)
{
    size_t bytes = t->params->elements * sizeof(float);
    t->dev_params.host = t->params;
    DRN_TRY(drn_cuda_alloc(&t->dev_params.value, bytes, "weights", err));
    DRN_TRY(drn_cuda_alloc(&t->dev_params.grad, bytes + 4 * sizeof(float), "gradients", err));
    DRN_TRY(drn_cuda_alloc(&t->m, bytes, "Adam's moments", err));
    DRN_TRY(drn_cuda_alloc(&t->v, bytes, "Adam's moments", err));
    if (t->adam->average)
        DRN_TRY(drn_cuda_alloc(&t->average, bytes, "averaged weights", err));
    DRN_TRY(drn_cuda_alloc(&t->partial, DRN_DK_PARTIALS * sizeof(double), "sums", err));
    DRN_TRY(drn_cuda_alloc(&t->step, sizeof *t->step, "a step's numbers", err));
    DRN_TRY(drn_cuda_alloc(&t->result, sizeof *t->result, "a step's result", err));
    DRN_TRY(pinned(&t->host_step, sizeof *t->host_step, err));
    DRN_TRY(pinned(&t->host_result, sizeof *t->host_result, err));
    DRN_TRY(pinned(&t->wishes, 4 * sizeof *t->wishes, err));
    return drn_cuda_train_push(t, err);
}

drn_status drn_cuda_train_new(drn_cuda_train **out, drn_cuda *d, drn_params *params, drn_adam *adam, drn_error *err)
{
    drn_cuda_train *t;
    DRN_TRY(drn_calloc_to(&t, 1, sizeof *t, err));
    t->dev = d;
    t->params = params;
    t->adam = adam;
    t->world = 1;
    d->tune = d->tune_setting != 0;
    drn_status st = allocate(t, err);
    if (st != DRN_OK)
        drn_cuda_train_free(t);
    else
        *out = t;
    return st;
}

static void drop_graph(drn_dgraph *g)
{
    if (g->exec)
        cudaGraphExecDestroy(g->exec);
    *g = (drn_dgraph){0};
}

void drn_cuda_train_drop_graphs(drn_cuda_train *t)
{
    for (int i = 0; i < 2; i++) {
        drop_graph(&t->whole[i]);
        drop_graph(&t->add[i]);
    }
    drop_graph(&t->begin);
    drop_graph(&t->update);
}

static void drop_net(drn_cuda_train *t)
{
    cudaStreamSynchronize(t->dev->stream);
    drn_cuda_train_drop_graphs(t);
    drn_drun_close(t->run);
    t->run = NULL;
    cudaFreeHost(t->host_batch);
    cudaFreeHost(t->host_places);
    cudaFree(t->places);
    t->host_batch = NULL;
    t->host_places = t->places = NULL;
    t->batches = 0;
    t->pending = false;
}

void drn_cuda_train_free(drn_cuda_train *t)
{
    if (!t)
        return;
    drop_net(t);
    drn_pictures_free(&t->pictures);
    drn_nccl_free(t->nccl);
    drn_meeting_free(t->meeting);
    cudaFree(t->dev_params.value);
    cudaFree(t->dev_params.grad);
    cudaFree(t->m);
    cudaFree(t->v);
    cudaFree(t->average);
    cudaFree(t->partial);
    cudaFree(t->step);
    cudaFree(t->result);
    cudaFreeHost(t->host_step);
    cudaFreeHost(t->host_result);
    cudaFreeHost(t->wishes);
    drn_free(t);
}

/* ---- vectors between host and device ---- */

static drn_status copy_vectors(drn_cuda_train *t, bool to_device, drn_error *err)
{
    void *const host[] = {t->params->value, t->adam->m, t->adam->v, t->adam->average};
    void *const device[] = {t->dev_params.value, t->m, t->v, t->average};
    size_t bytes = t->params->elements * sizeof(float);
    for (int i = 0; i < 4; i++)
        if (host[i] && device[i])
            DRN_CUDA_TRY(cudaMemcpyAsync(to_device ? device[i] : host[i], to_device ? host[i] : device[i], bytes,
                                         to_device ? cudaMemcpyHostToDevice : cudaMemcpyDeviceToHost, t->dev->stream),
                         "copying weights");
    DRN_CUDA_TRY(cudaStreamSynchronize(t->dev->stream), "copying weights");
    return DRN_OK;
}

drn_status drn_cuda_train_push(drn_cuda_train *t, drn_error *err)
{
    return copy_vectors(t, true, err);
}

drn_status drn_cuda_train_pull(drn_cuda_train *t, drn_error *err)
{
    return copy_vectors(t, false, err);
}

/* ---- the network of a phase ---- */

drn_value drn_cuda_train_image(const drn_cuda_train *t, int i)
{
    return i == 0 ? t->net.lr : t->net.target[i - 1];
}

drn_status drn_cuda_train_set_net(drn_cuda_train *t, const drn_cuda_net *net, drn_error *err)
{
    size_t floats = 0;
    drop_net(t);
    t->net = *net;
    if (!net->graph)
        return DRN_OK;
    DRN_TRY(drn_drun_open(&t->run, net->graph, t->dev, &t->dev_params, err));
    DRN_CUDA_TRY(cudaMemsetAsync(t->dev_params.grad, 0, t->params->elements * sizeof(float), t->dev->stream),
                 "clearing gradients"); /* timing wrote there */
    t->batch = drn_graph_shape(net->graph, net->lr).n;
    for (int i = 0; i <= net->levels; i++) {
        drn_shape s = drn_graph_shape(net->graph, drn_cuda_train_image(t, i));
        floats += t->image_floats[i] = (size_t)s.n * (size_t)s.c * (size_t)s.h * (size_t)s.w;
    }
    DRN_TRY(pinned(&t->host_batch, floats * sizeof(float), err));
    DRN_TRY(pinned(&t->host_places, (size_t)t->batch * sizeof *t->places, err));
    return drn_cuda_alloc(&t->places, (size_t)t->batch * sizeof *t->places, "places of samples", err);
}

static void *image_memory(const drn_cuda_train *t, int i)
{
    return t->run->arena + t->run->data_at[drn_cuda_train_image(t, i)];
}

/* ---- what is launched ---- */

static void launch_begin(drn_cuda_train *t)
{
    cudaMemsetAsync(t->dev_params.grad, 0, (t->params->elements + 2) * sizeof(float), t->dev->stream);
    drn_drun_pack(t->run);
}

static void launch_host_batch(drn_cuda_train *t)
{
    const float *from = t->host_batch;
    for (int i = 0; i <= t->net.levels; from += t->image_floats[i], i++) {
        drn_shape s = drn_graph_shape(t->net.graph, drn_cuda_train_image(t, i));
        cudaMemcpyAsync(t->run->stage, from, t->image_floats[i] * sizeof(float), cudaMemcpyHostToDevice, t->dev->stream);
        drn_dk_from_nchw(drn_drun_tensor(t->run, s, image_memory(t, i)), t->run->stage, t->dev->stream);
    }
}

static void launch_batch(drn_cuda_train *t, bool at)
{
    if (at)
        drn_pictures_launch(t);
    else
        launch_host_batch(t);
    drn_drun_launch_forward(t->run);
    drn_dk_count_loss(t->dev_params.grad + t->params->elements,
                      (const float *)(void *)(t->run->arena + t->run->data_at[t->net.loss]),
                      (const float *)(void *)(t->run->arena + t->run->data_at[t->net.primal]), t->dev->stream);
    drn_drun_launch_backward(t->run);
}

/* Gradients, losses and wishes of all ranks. */
static cudaError_t launch_sum(drn_cuda_train *t)
{
    size_t n = t->params->elements, wishes = 2 * sizeof *t->wishes;
    float *on_device = t->dev_params.grad + n + 2;
    cudaMemcpyAsync(on_device, t->wishes, wishes, cudaMemcpyHostToDevice, t->dev->stream);
    cudaError_t e = drn_nccl_sum(t->nccl, t->dev_params.grad, n + 4, t->dev->stream);
    cudaMemcpyAsync(t->wishes + 2, on_device, wishes, cudaMemcpyDeviceToHost, t->dev->stream);
    return e;
}

static cudaError_t launch_update(drn_cuda_train *t)
{
    size_t n = t->params->elements;
    cudaMemcpyAsync(t->step, t->host_step, sizeof *t->step, cudaMemcpyHostToDevice, t->dev->stream);
    cudaError_t e = t->nccl ? launch_sum(t) : cudaSuccess;
    drn_dk_judge(t->result, t->dev_params.grad, n, t->partial, t->dev_params.grad + n, t->step, t->dev->stream);
    drn_dk_adam(t->dev_params.value, t->dev_params.grad, t->m, t->v, t->average, n, t->step, t->result, t->dev->stream);
    cudaMemcpyAsync(t->host_result, t->result, sizeof *t->result, cudaMemcpyDeviceToHost, t->dev->stream);
    return e;
}

/* ---- capture and replay ---- */

enum { BEGIN = 1, BATCH = 2, UPDATE = 4, ON_DEVICE = 8 };

static cudaError_t launch_parts(drn_cuda_train *t, int parts)
{
    if (parts & BEGIN)
        launch_begin(t);
    if (parts & BATCH)
        launch_batch(t, parts & ON_DEVICE);
    return parts & UPDATE ? launch_update(t) : cudaSuccess;
}

static drn_status capture(drn_cuda_train *t, cudaGraphExec_t *exec, int parts, drn_error *err)
{
    cudaGraph_t graph = NULL;
    DRN_CUDA_TRY(cudaGetLastError(), "before capturing a step");
    DRN_CUDA_TRY(cudaStreamBeginCapture(t->dev->stream, cudaStreamCaptureModeThreadLocal), "capturing a step");
    cudaError_t launched = launch_parts(t, parts), last = cudaGetLastError();
    cudaError_t ended = cudaStreamEndCapture(t->dev->stream, &graph);
    cudaError_t e = launched != cudaSuccess ? launched : last != cudaSuccess ? last : ended;
    if (e == cudaSuccess)
        e = cudaGraphInstantiate(exec, graph, 0);
    if (graph)
        cudaGraphDestroy(graph);
    return e == cudaSuccess ? DRN_OK : drn_cuda_fail(e, "capturing a step", err);
}

static drn_status replay(drn_cuda_train *t, drn_dgraph *g, int parts, drn_error *err)
{
    if (!g->ran) {
        g->ran = true;
        DRN_CUDA_TRY(launch_parts(t, parts), "starting the first step");
        DRN_CUDA_TRY(cudaGetLastError(), "starting the first step");
        return drn_drun_check(t->run, err);
    }
    if (!g->exec)
        DRN_TRY(capture(t, &g->exec, parts, err));
    DRN_CUDA_TRY(cudaGraphLaunch(g->exec, t->dev->stream), "starting a step");
    return DRN_OK;
}

/* Launch the batch that was put down. */
static drn_status flush(drn_cuda_train *t, drn_error *err)
{
    if (!t->pending)
        return DRN_OK;
    t->pending = false;
    if (t->batches == 1)
        DRN_TRY(replay(t, &t->begin, BEGIN, err));
    DRN_TRY(replay(t, &t->add[t->pending_at], BATCH | (t->pending_at ? ON_DEVICE : 0), err));
    /* the pinned memory is written again by the next batch */
    DRN_CUDA_TRY(cudaStreamSynchronize(t->dev->stream), "running a batch");
    return DRN_OK;
}

drn_status drn_cuda_train_batch(drn_cuda_train *t, const float *lr, const float *const *target, drn_error *err)
{
    float *to = t->host_batch;
    DRN_TRY(flush(t, err));
    for (int i = 0; i <= t->net.levels; to += t->image_floats[i], i++)
        memcpy(to, i == 0 ? lr : target[i - 1], t->image_floats[i] * sizeof(float));
    t->pending = true;
    t->pending_at = false;
    t->batches++;
    return DRN_OK;
}

drn_status drn_cuda_train_batch_at(drn_cuda_train *t, uint64_t first, drn_error *err)
{
    DRN_TRY(flush(t, err));
    DRN_TRY(drn_pictures_places(t, first, err));
    t->pending = t->pending_at = true;
    t->batches++;
    return DRN_OK;
}

/* The numbers of Adam's step number adam->t + 1; as src/optim. */
static drn_dstep step_of(const drn_cuda_train *t, const drn_cuda_update *u)
{
    const drn_adam *a = t->adam;
    double n = (double)(a->t + 1), young = (1.0 + n) / (10.0 + n);
    double share = 1.0 / (u->sum ? 1 : t->batches * t->world);
    return (drn_dstep){.step_size = (float)(u->rate / (1 - pow(a->beta1, n))),
                       .root_bias2 = (float)sqrt(1 - pow(a->beta2, n)),
                       .beta1 = (float)a->beta1,
                       .beta2 = (float)a->beta2,
                       .eps = (float)a->eps,
                       .ema = (float)(1 - (young < a->ema ? young : a->ema)),
                       .clip = a->clip,
                       .limit = u->limit,
                       .grad_scale = (float)share,
                       .loss_scale = (float)share};
}

static drn_status judge(drn_cuda_train *t, drn_cuda_updated *out, drn_error *err)
{
    const drn_dresult *r = t->host_result;
    *out = (drn_cuda_updated){(double)r->loss, (double)r->primal, r->norm, r->bad == 3,
                              {t->wishes[2] > 0, t->wishes[3] > 0}};
    t->batches = 0;
    if (r->bad == 1 || r->bad == 2)
        return drn_fail(err, DRN_ERR_NUMERIC, "the %s is not finite at step %lld", r->bad == 1 ? "loss" : "gradient",
                        (long long)t->adam->t);
    t->adam->t += r->bad == 0;
    return DRN_OK;
}

static drn_status launch_step(drn_cuda_train *t, drn_error *err)
{
    int where = t->pending_at ? ON_DEVICE : 0;
    if (t->pending && t->batches == 1) {
        t->pending = false;
        return replay(t, &t->whole[t->pending_at], BEGIN | BATCH | UPDATE | where, err);
    }
    DRN_TRY(flush(t, err));
    return replay(t, &t->update, UPDATE, err);
}

drn_status drn_cuda_train_update(drn_cuda_train *t, const drn_cuda_update *u, drn_cuda_updated *out, drn_error *err)
{
    if (t->batches == 0)
        return drn_fail(err, DRN_ERR_INTERNAL, "CUDA: an update without a batch");
    *t->host_step = step_of(t, u);
    for (int i = 0; i < 2; i++)
        t->wishes[i] = t->wishes[2 + i] = (float)u->wishes[i];
    drn_status st = launch_step(t, err);
    if (st != DRN_OK && t->nccl)
        return drn_nccl_explain(t->nccl, st, err);
    DRN_TRY(st);
    DRN_TRY(drn_cuda_train_wait(t, "running a step", err));
    return judge(t, out, err);
}

drn_status drn_cuda_train_last_batch(drn_cuda_train *t, float *lr, float *const *target, drn_error *err)
{
    for (int i = 0; i <= t->net.levels; i++) {
        float *to = i == 0 ? lr : target[i - 1];
        drn_shape s = drn_graph_shape(t->net.graph, drn_cuda_train_image(t, i));
        if (!to)
            continue;
        drn_dk_to_nchw(t->run->stage, drn_drun_tensor(t->run, s, image_memory(t, i)), t->dev->stream);
        DRN_CUDA_TRY(cudaMemcpyAsync(to, t->run->stage, t->image_floats[i] * sizeof(float), cudaMemcpyDeviceToHost,
                                     t->dev->stream), "copying a batch");
        DRN_CUDA_TRY(cudaStreamSynchronize(t->dev->stream), "copying a batch");
    }
    return DRN_OK;
}

size_t drn_cuda_train_bytes(const drn_cuda_train *t)
{
    size_t vectors = (t->average ? 5 : 4) * t->params->elements * sizeof(float);
    return vectors + t->pictures.bytes + (t->run ? drn_drun_bytes(t->run) : 0);
}
