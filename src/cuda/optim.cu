/* The end of a training step on flat float32 vectors: is everything finite, clipping, Adam, moving average.
 * The arithmetic is that of src/optim and the CPU's kernels. */
#include "cuda/device.cuh"

__global__ void k_squares(double *partial, const float *g, size_t n)
{
    DRN_SHARED(double, shared);
    double sum = 0;
    for (size_t i = thread_index(); i < n; i += thread_count())
        sum += (double)g[i] * (double)g[i];
    sum = block_sum(sum, shared);
    if (threadIdx.x == 0)
        partial[blockIdx.x] = sum;
}

__global__ void k_count_loss(float *sums, const float *loss, const float *primal)
{
    if (threadIdx.x == 0) {
        sums[0] += *loss;
        sums[1] += *primal;
    }
}

void drn_dk_count_loss(float *sums, const float *loss, const float *primal, cudaStream_t s)
{
    DRN_LAUNCH(k_count_loss, 1, 32, 0, s, sums, loss, primal);
}

__global__ void k_judge(drn_dresult *result, const double *partial, const float *sums, const drn_dstep *step)
{
    DRN_SHARED(double, shared);
    double norm = sqrt(block_sum(threadIdx.x < DRN_DK_PARTIALS ? partial[threadIdx.x] : 0, shared)) * step->grad_scale;
    if (threadIdx.x != 0)
        return;
    result->norm = norm;
    float loss = result->loss = sums[0] * step->loss_scale;
    result->primal = sums[1] * step->loss_scale;
    result->bad = !isfinite(loss) ? 1 : (double)loss > step->limit ? 3 : !isfinite(norm) ? 2 : 0;
    result->scale = (float)(step->clip > 0 && norm > step->clip ? step->clip / norm : 1) * step->grad_scale;
}

void drn_dk_judge(drn_dresult *result, const float *grad, size_t n, double *partial, const float *sums,
                  const drn_dstep *step, cudaStream_t s)
{
    DRN_LAUNCH(k_squares, DRN_DK_PARTIALS, DRN_THREADS, DRN_THREADS * sizeof(double), s, partial, grad, n);
    DRN_LAUNCH(k_judge, 1, DRN_DK_PARTIALS, DRN_DK_PARTIALS * sizeof(double), s, result, (const double *)partial,
               sums, step);
}

__global__ void k_adam(float *w, const float *grad, float *m_all, float *v_all, float *average, size_t n,
                       const drn_dstep *step, const drn_dresult *result)
{
    if (result->bad)
        return;
    float b1 = step->beta1, b2 = step->beta2, scale = result->scale;
    for (size_t i = thread_index(); i < n; i += thread_count()) {
        float g = scale * grad[i];
        float m = m_all[i] = b1 * m_all[i] + (1 - b1) * g;
        float v = v_all[i] = b2 * v_all[i] + (1 - b2) * g * g;
        float x = w[i] = w[i] - step->step_size * m / (__fsqrt_rn(v) / step->root_bias2 + step->eps);
        if (average)
            average[i] += step->ema * (x - average[i]);
    }
}

void drn_dk_adam(float *w, const float *g, float *m, float *v, float *average, size_t n, const drn_dstep *step,
                 const drn_dresult *result, cudaStream_t s)
{
    DRN_LAUNCH(k_adam, blocks_for(n), DRN_THREADS, 0, s, w, g, m, v, average, n, step, result);
}
