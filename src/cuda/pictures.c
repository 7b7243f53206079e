/* Training pictures in device memory, and where a batch's samples lie in them. */
#include "base/mem.h"
#include "cuda/train.h"
#include "kernels/bicubic.h"

#include <stdatomic.h>
#include <string.h>

/* ---- decoding and copying ---- */

typedef struct decoding {
    drn_dataset *data;
    uint8_t **pixels;
    drn_picture_size *sizes;
    atomic_bool no_memory;
} decoding;

static void decode(void *ctx, size_t chunk, int thread)
{
    decoding *d = ctx;
    const drn_image *im;
    drn_error err = {0};
    (void)thread;
    if (drn_dataset_get(&im, d->data, chunk, &err) != DRN_OK) {
        if (err.code == DRN_ERR_NOMEM)
            d->no_memory = true;
        return;
    }
    size_t bytes = 3 * (size_t)im->width * (size_t)im->height;
    if ((d->pixels[chunk] = drn_alloc(bytes))) {
        memcpy(d->pixels[chunk], im->data, bytes);
        d->sizes[chunk] = (drn_picture_size){im->width, im->height};
    } else {
        d->no_memory = true;
    }
    drn_dataset_release(d->data, chunk, im);
}

static drn_status copy_pictures(drn_cuda_train *t, uint8_t *const *pixels, size_t n, drn_error *err)
{
    drn_pictures *p = &t->pictures;
    for (size_t i = 0; i < n; i++) {
        p->offsets[i] = (int64_t)p->bytes;
        p->bytes += 3 * (size_t)p->sizes[i].width * (size_t)p->sizes[i].height;
    }
    DRN_TRY(drn_cuda_alloc(&p->pool, p->bytes, "training pictures", err));
    for (size_t i = 0; i < n; i++)
        if (pixels[i])
            DRN_CUDA_TRY(cudaMemcpyAsync(p->pool + p->offsets[i], pixels[i],
                                         3 * (size_t)p->sizes[i].width * (size_t)p->sizes[i].height,
                                         cudaMemcpyHostToDevice, t->dev->stream), "copying pictures");
    DRN_CUDA_TRY(cudaStreamSynchronize(t->dev->stream), "copying pictures");
    return DRN_OK;
}

drn_status drn_cuda_train_load(drn_cuda_train *t, drn_dataset *d, drn_pool *pool, drn_error *err)
{
    size_t n = drn_dataset_count(d);
    decoding job = {.data = d};
    drn_status st = DRN_OK;
    drn_pictures_free(&t->pictures);
    DRN_CHECK(drn_calloc_to(&t->pictures.sizes, n, sizeof *t->pictures.sizes, err));
    DRN_CHECK(drn_calloc_to(&t->pictures.offsets, n, sizeof *t->pictures.offsets, err));
    DRN_CHECK(drn_calloc_to(&job.pixels, n, sizeof *job.pixels, err));
    job.sizes = t->pictures.sizes;
    drn_pool_run(pool, n, decode, &job);
    if (job.no_memory) {
        st = drn_fail(err, DRN_ERR_NOMEM, "training pictures: out of memory while decoding %zu", n);
        goto done;
    }
    DRN_CHECK(copy_pictures(t, job.pixels, n, err));
    t->pictures.data = d;
done:
    for (size_t i = 0; job.pixels && i < n; i++)
        drn_free(job.pixels[i]);
    drn_free(job.pixels);
    if (st != DRN_OK)
        drn_pictures_free(&t->pictures);
    return st;
}

void drn_pictures_free(drn_pictures *p)
{
    cudaFree(p->pool);
    for (int i = 0; i < DRN_IMAGES; i++)
        cudaFree(p->weights[i]);
    drn_free(p->sizes);
    drn_free(p->offsets);
    *p = (drn_pictures){0};
}

/* ---- a level's bicubic weights ---- */

/* Away from the border every row of the table is the same up to its position: take one from the middle. */
static drn_status level_weights(drn_cuda_train *t, int i, int shrink, drn_error *err)
{
    enum { ROWS = 64 };
    drn_pictures *p = &t->pictures;
    int32_t taps = drn_bicubic_taps(1.0 / shrink), *index = NULL, row = ROWS / 2;
    double *weight = NULL;
    drn_status st = DRN_OK;
    DRN_CHECK(drn_alloc_to(&index, (size_t)(ROWS * taps), sizeof *index, err));
    DRN_CHECK(drn_alloc_to(&weight, (size_t)(ROWS * taps), sizeof *weight, err));
    drn_bicubic_table(index, weight, ROWS * shrink, ROWS, 1.0 / shrink, false);
    DRN_CHECK(drn_cuda_alloc(&p->weights[i], (size_t)taps * sizeof(double), "bicubic weights", err));
    cudaError_t e = cudaMemcpyAsync(p->weights[i], weight + row * taps, (size_t)taps * sizeof(double),
                                    cudaMemcpyHostToDevice, t->dev->stream);
    e = e == cudaSuccess ? cudaStreamSynchronize(t->dev->stream) : e;
    if (e != cudaSuccess)
        st = drn_cuda_fail(e, "copying bicubic weights", err);
    p->taps[i] = taps;
    p->first[i] = index[row * taps] - row * shrink;
done:
    drn_free(index);
    drn_free(weight);
    return st;
}

drn_status drn_cuda_train_set_spec(drn_cuda_train *t, const drn_patch_spec *spec, drn_error *err)
{
    t->pictures.spec = *spec;
    for (int i = 0; (1 << i) < spec->scale; i++)
        if (!t->pictures.weights[i])
            DRN_TRY(level_weights(t, i, spec->scale >> i, err));
    return DRN_OK;
}

/* ---- a batch ---- */

drn_status drn_pictures_places(drn_cuda_train *t, uint64_t first, drn_error *err)
{
    const drn_pictures *p = &t->pictures;
    if (!p->data)
        return drn_fail(err, DRN_ERR_INTERNAL, "CUDA: no training pictures on the device");
    for (int j = 0; j < t->batch; j++) {
        drn_patch_place q;
        DRN_TRY(drn_patch_draw_sized(&q, p->sizes, p->data, &p->spec, first + (uint64_t)j, err));
        t->host_places[j] = (drn_dplace){p->offsets[q.picture], p->sizes[q.picture].width, p->sizes[q.picture].height,
                                         q.x, q.y, q.flip, {0}};
        for (int b = 0; b < 3; b++)
            t->host_places[j].channel[b] = drn_patch_channel(b, q.channels);
    }
    return DRN_OK;
}

void drn_pictures_launch(drn_cuda_train *t)
{
    const drn_pictures *p = &t->pictures;
    cudaMemcpyAsync(t->places, t->host_places, (size_t)t->batch * sizeof *t->places, cudaMemcpyHostToDevice,
                    t->dev->stream);
    for (int i = 0; i <= t->net.levels; i++) {
        drn_dlevel l = {.out = (float *)(void *)(t->run->arena + t->run->data_at[drn_cuda_train_image(t, i)]),
                        .side = p->spec.patch << i,
                        .up = 1 << i,
                        .scale = p->spec.scale,
                        .taps = p->taps[i],
                        .first = p->first[i],
                        .weight = p->weights[i]};
        drn_dk_patches(l, p->pool, t->places, t->batch, t->dev->stream);
    }
}
