/* Appendix A's numbers where they are known: one hypothesis, two, and any few over few samples,
 * where all 2^m signs can be tried. */
#include "base/rng.h"
#include "harness.h"
#include "study/rademacher.h"

#include <stdlib.h>

enum { DRAWS = 40000 };

/* The expectation itself, over all 2^m vectors of signs. */
static double enumerate(const double *loss, size_t hypotheses, size_t m)
{
    double total = 0;
    for (size_t bits = 0; bits < (size_t)1 << m; bits++) {
        double best = -HUGE_VAL;
        for (size_t h = 0; h < hypotheses; h++) {
            double sum = 0;
            for (size_t i = 0; i < m; i++)
                sum += (bits >> i & 1 ? 1 : -1) * loss[h * m + i];
            best = fmax(best, sum / (double)m);
        }
        total += best;
    }
    return total / (double)((size_t)1 << m);
}

/* E|sigma_1 + ... + sigma_m| = 2^(1-m) ceil(m/2) C(m, ceil(m/2)) */
static double mean_walk(int m)
{
    int k = (m + 1) / 2;
    double c = 1;
    for (int i = 1; i <= k; i++)
        c = c * (m - k + i) / i;
    return ldexp(k * c, 1 - m);
}

static study_estimate monte_carlo(const double *loss, size_t hypotheses, size_t m,
                                  study_sampling sampling, uint64_t seed)
{
    double *scratch = malloc(m * sizeof *scratch);
    study_estimate e;
    study_rademacher(&e, NULL, &loss, 1, hypotheses, m, DRAWS, sampling, seed, scratch);
    free(scratch);
    return e;
}

TEST(single,
     "one hypothesis has complexity 0, and the standard error is |loss|_2 / (m sqrt(draws))")
{
    enum { M = 150 };
    double loss[M], squares = 0;
    drn_rng rng;
    drn_rng_seed(&rng, 3, 0);
    for (int i = 0; i < M; i++) {
        loss[i] = drn_rng_uniform(&rng) * 3;
        squares += loss[i] * loss[i];
    }
    study_estimate e = monte_carlo(loss, 1, M, STUDY_PLAIN, 7);
    double expected = sqrt(squares) / M / sqrt(DRAWS);
    CHECK_NEAR(e.error, expected, 0.03 * expected);
    CHECK_NEAR(e.mean, 0, 4.5 * expected);
    CHECK(e.mean != 0);
    e = monte_carlo(loss, 1, M, STUDY_PAIRS, 7); /* sigma and -sigma cancel */
    CHECK_NEAR(e.mean, 0, 0);
    CHECK_NEAR(e.error, 0, 0);
}

TEST(opposite, "two opposite hypotheses have E|sum sigma|/m, the mean length of a random walk")
{
    for (int m = 1; m <= 14; m++) {
        double loss[28];
        for (int i = 0; i < m; i++) {
            loss[i] = 1;
            loss[m + i] = -1;
        }
        double exact = mean_walk(m) / m;
        CHECK_NEAR(enumerate(loss, 2, (size_t)m), exact, 1e-12);
        study_estimate e = monte_carlo(loss, 2, (size_t)m, STUDY_PLAIN, (uint64_t)m);
        CHECK_NEAR(e.mean, exact, 4.5 * e.error + 1e-15);
        /* Var |S| = m - (E|S|)^2; the variance of one draw must show in the standard error */
        double sd = sqrt(fmax(0, m - mean_walk(m) * mean_walk(m))) / m;
        CHECK_NEAR(e.error, sd / sqrt(DRAWS), 0.05 * sd / sqrt(DRAWS) + 1e-15);
    }
}

TEST(constant, "two constant losses a and b have |a - b|/2 times that, whatever they share")
{
    enum { M = 13 };
    double loss[2 * M];
    for (int i = 0; i < M; i++) {
        loss[i] = 0.7;
        loss[M + i] = 0.2;
    }
    for (int sampling = STUDY_PLAIN; sampling <= STUDY_PAIRS; sampling++) {
        study_estimate e = monte_carlo(loss, 2, M, (study_sampling)sampling, 5);
        CHECK_NEAR(e.mean, 0.25 * mean_walk(M) / M, 4.5 * e.error);
    }
}

TEST(small,
     "a few hypotheses over few samples agree with all 2^m signs, and stay below Massart's bound")
{
    drn_rng rng;
    drn_rng_seed(&rng, 11, 0);
    for (size_t hypotheses = 2; hypotheses <= 6; hypotheses++)
        for (size_t m = 1; m <= 12; m += 3) {
            double loss[6 * 12];
            for (size_t i = 0; i < hypotheses * m; i++)
                loss[i] = drn_rng_uniform(&rng);
            double exact = enumerate(loss, hypotheses, m);
            for (int sampling = STUDY_PLAIN; sampling <= STUDY_PAIRS; sampling++) {
                study_estimate e = monte_carlo(loss, hypotheses, m, (study_sampling)sampling,
                                               100 * hypotheses + m);
                CHECK_NEAR(e.mean, exact, 4.5 * e.error + 1e-15);
            }
            CHECK(exact <= study_massart(loss, hypotheses, m));
        }
}

TEST(paired, "two tables see the same signs: doubled losses differ by exactly one of them")
{
    enum { H = 3, M = 20 };
    double a[H * M], b[H * M], scratch[M];
    drn_rng rng;
    drn_rng_seed(&rng, 2, 0);
    for (int i = 0; i < H * M; i++) {
        b[i] = drn_rng_uniform(&rng);
        a[i] = 2 * b[i];
    }
    const double *tables[] = {a, b};
    study_estimate e[2], d;
    study_rademacher(e, &d, tables, 2, H, M, 500, STUDY_PLAIN, 1, scratch);
    CHECK_NEAR(d.mean, e[1].mean, 1e-14);
    CHECK_NEAR(d.error, e[1].error, 1e-14);
    CHECK_NEAR(e[0].mean, 2 * e[1].mean, 1e-14);
}

TEST(bounds, "the bounds of Theorems 2 and 3 are the formulas, by numbers worked out by hand")
{
    /* M = 2, |H| = 20, m = 50, delta = 0.05: ln 20 + ln 20 = 5.991465, / 100, root .2447747, times
     * 2 */
    CHECK_NEAR(study_hoeffding(2, 20, 50, 0.05), 0.4895493, 1e-6);
    /* ln 20 / 100 = .02995732, root .1730818 */
    CHECK_NEAR(study_bound9(0.1, 2, 50, 0.05), 0.2 + 0.3461637, 1e-6);
    CHECK_NEAR(study_bound10(0.1, 2, 50, 0.05), 0.2 + 1.0384910, 1e-6);
    CHECK_NEAR(study_hoeffding(1, 1, 1000, exp(-2)), sqrt(0.001), 1e-15);
    double one[] = {3, 4};
    CHECK_NEAR(study_massart(one, 1, 2), 0, 0);
    CHECK_NEAR(study_massart((double[]){3, 4, 0, 1}, 2, 2), 5 * sqrt(2 * log(2)) / 2, 1e-14);
}

TEST(bound_holds, "Theorem 2 holds in simulation: it fails in at most a share delta of samples")
{
    /* |H| = 4 coins with losses 0 or 1 of mean 0.3..0.6; m = 40; delta = 0.1 */
    enum { H = 4, M = 40, TRIALS = 4000 };
    double slack = study_hoeffding(1, H, M, 0.1);
    drn_rng rng;
    drn_rng_seed(&rng, 8, 0);
    int failures = 0;
    for (int t = 0; t < TRIALS; t++) {
        int fails = 0;
        for (int h = 0; h < H; h++) {
            double p = 0.3 + 0.1 * h, loss[M];
            for (int i = 0; i < M; i++)
                loss[i] = drn_rng_uniform(&rng) < p;
            fails |= p > study_mean(loss, M) + slack;
        }
        failures += fails;
    }
    CHECK(failures <= TRIALS / 10);
}
