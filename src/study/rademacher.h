/* Numbers of the paper's appendix A for a finite set of hypotheses H, given as a table of losses
 * loss[h * m + i] = l(h, z_i), one row a hypothesis.  Pure arithmetic: knows no networks. */
#ifndef DRN_STUDY_RADEMACHER_H
#define DRN_STUDY_RADEMACHER_H

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

/* A Monte-Carlo mean and its standard error, sd / sqrt(n). */
typedef struct study_estimate {
    double mean, error;
} study_estimate;

/* Running mean and variance (Welford). */
typedef struct study_moments {
    size_t n;
    double mean, m2;
} study_moments;
void study_moments_add(study_moments *s, double x);
/* Sample standard deviation, n - 1 in the denominator; NAN for n < 2. */
double study_moments_sd(const study_moments *s);
study_estimate study_moments_estimate(const study_moments *s);

/* How sigma is drawn.  sigma and -sigma are equally likely, so E max_h <sigma, l_h> is also
 * E (max_h - min_h) <sigma, l_h> / 2: in pairs, what all hypotheses share drops out of the noise.
 */
typedef enum study_sampling { STUDY_PLAIN, STUDY_PAIRS } study_sampling;

/* Empirical Rademacher complexity (Definition 4), E_sigma max_h 1/m sum_i sigma_i loss[h][i], by
 * `draws` draws of sigma (or of pairs).  out[t] for 1 or 2 `tables` of one shape [hypotheses, m],
 * which see the same draws; difference (may be NULL) receives tables 0 minus 1.
 * signs: scratch of m values.  hypotheses, m, draws >= 1. */
void study_rademacher(study_estimate *out, study_estimate *difference, const double *const *loss,
                      size_t tables, size_t hypotheses, size_t m, size_t draws,
                      study_sampling sampling, uint64_t seed, double *signs);

/* Massart's lemma: max_h |loss_h|_2 sqrt(2 ln |H|) / m, an upper bound of the above. */
double study_massart(const double *loss, size_t hypotheses, size_t m);

/* Theorem 2's term beside the empirical loss: M sqrt((ln |H| + ln 1/delta) / 2m). */
double study_hoeffding(double M, size_t hypotheses, size_t m, double delta);
/* Theorem 3's: 2 R_m + M sqrt(ln(1/delta) / 2m)   (9)
 *              2 R^_Z + 3 M sqrt(ln(1/delta) / 2m) (10) */
double study_bound9(double expected_complexity, double M, size_t m, double delta);
double study_bound10(double empirical_complexity, double M, size_t m, double delta);

/* Mean of a row. */
double study_mean(const double *x, size_t n);

#endif
