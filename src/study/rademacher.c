#include "study/rademacher.h"

#include "base/rng.h"

#include <math.h>

void study_moments_add(study_moments *s, double x)
{
    double before = x - s->mean;
    s->n++;
    s->mean += before / (double)s->n;
    s->m2 += before * (x - s->mean);
}

double study_moments_sd(const study_moments *s)
{
    return s->n < 2 ? (double)NAN : sqrt(s->m2 / (double)(s->n - 1));
}

study_estimate study_moments_estimate(const study_moments *s)
{
    return (study_estimate){s->mean, study_moments_sd(s) / sqrt((double)s->n)};
}

/* m independent signs, 64 from each random word. */
static void draw_signs(double *sigma, size_t m, drn_rng *rng)
{
    uint64_t bits = 0;
    for (size_t i = 0; i < m; i++, bits >>= 1) {
        if (i % 64 == 0)
            bits = drn_rng_u64(rng);
        sigma[i] = bits & 1 ? 1 : -1;
    }
}

static double supremum(const double *loss, size_t hypotheses, size_t m, const double *sigma,
                       study_sampling sampling)
{
    double most = -(double)INFINITY, least = (double)INFINITY;
    for (size_t h = 0; h < hypotheses; h++) {
        double sum = 0;
        for (size_t i = 0; i < m; i++)
            sum += sigma[i] * loss[h * m + i];
        most = sum > most ? sum : most;
        least = sum < least ? sum : least;
    }
    return (sampling == STUDY_PAIRS ? (most - least) / 2 : most) / (double)m;
}

void study_rademacher(study_estimate *out, study_estimate *difference, const double *const *loss,
                      size_t tables, size_t hypotheses, size_t m, size_t draws,
                      study_sampling sampling, uint64_t seed, double *signs)
{
    study_moments s[2] = {{0}}, d = {0};
    drn_rng rng;
    drn_rng_seed(&rng, seed, 0x5161);
    for (size_t k = 0; k < draws; k++) {
        double value[2] = {0};
        draw_signs(signs, m, &rng);
        for (size_t t = 0; t < tables && t < 2; t++) {
            value[t] = supremum(loss[t], hypotheses, m, signs, sampling);
            study_moments_add(&s[t], value[t]);
        }
        study_moments_add(&d, value[0] - value[1]);
    }
    for (size_t t = 0; t < tables && t < 2; t++)
        out[t] = study_moments_estimate(&s[t]);
    if (difference)
        *difference = study_moments_estimate(&d);
}

double study_massart(const double *loss, size_t hypotheses, size_t m)
{
    double largest = 0;
    for (size_t h = 0; h < hypotheses; h++) {
        double sum = 0;
        for (size_t i = 0; i < m; i++)
            sum += loss[h * m + i] * loss[h * m + i];
        largest = sum > largest ? sum : largest;
    }
    return sqrt(largest) * sqrt(2 * log((double)hypotheses)) / (double)m;
}

double study_hoeffding(double M, size_t hypotheses, size_t m, double delta)
{
    return M * sqrt((log((double)hypotheses) + log(1 / delta)) / (2 * (double)m));
}

double study_bound9(double expected_complexity, double M, size_t m, double delta)
{
    return 2 * expected_complexity + M * sqrt(log(1 / delta) / (2 * (double)m));
}

double study_bound10(double empirical_complexity, double M, size_t m, double delta)
{
    return 2 * empirical_complexity + 3 * M * sqrt(log(1 / delta) / (2 * (double)m));
}

double study_mean(const double *x, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += x[i];
    return sum / (double)n;
}
