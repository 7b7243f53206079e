/* The paper's studies as calls: ablations, adaptation without pairs, the generalization bound.
 *
 * Unlike elsewhere zeroed options are no defaults: strings that may not be NULL and all numbers must be
 * set; the defaults that `drn study`, `drn adapt` and `drn bound --help` show are values to begin with.
 * Callbacks are called on the calling thread.  Thread-safe for different folders out. */
#ifndef DRN_STUDY_H
#define DRN_STUDY_H

#include "drn/device.h"
#include "drn/train.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Receives what a study has to say, a line or a finished table at a time, without a last newline.
 */
typedef void (*drn_say_fn)(void *ctx, const char *text);

/* ---- ablations ---- */

typedef enum drn_study_kind {
    DRN_STUDY_TABLE4 = 0,     /* plain, dual, progressive, both */
    DRN_STUDY_LOSS = 1,       /* Fig. 2: MSE, MAE, gradient, gradient-sensitive */
    DRN_STUDY_LAMBDA = 2,     /* Table 6: lambda of Eq. 5 */
    DRN_STUDY_DATA_RATIO = 3, /* Fig. 5: share of the training pictures */
    DRN_STUDY_DUAL = 4        /* weight, target and start of the dual terms, against none */
} drn_study_kind;

typedef struct drn_study_options {
    drn_study_kind kind;
    const char *recipe; /* file, or name of a built-in one; what all runs share */
    const char *const
        *set; /* "key=value", applied after the recipe; a study's own keys come last */
    size_t sets;
    const char *const *data; /* training folders */
    size_t datas;
    const char *const *val; /* validation folders; none: the split "val" of data */
    size_t vals;
    const char *const *test; /* folders of originals the final models are measured on; >= 1 */
    size_t tests;
    const char *const *only; /* names of the variants to run; none: all the paper has */
    size_t onlys;
    const char *values;    /* LAMBDA, DATA_RATIO: "0.1,0.5,1"; NULL: the study's own */
    const char *weights;   /* DUAL: loss.dual_weight, "0.01,0.1,1"; NULL likewise */
    const char *targets;   /* DUAL: loss.dual_target, "lr,predicted" */
    const char *starts;    /* DUAL: first step with dual terms as a share of all steps, "0,0.5" */
    const char *out;       /* folder; runs/NAME-sSEED, results.txt, results.md, results.json */
    int seeds;             /* runs a variant: train.seed of the recipe and the following; >= 1 */
    int64_t steps;         /* of every run; 0: the recipe's */
    bool resume;           /* skip finished runs, go on with begun ones */
    drn_device device;     /* where the runs train; they are measured on the CPU */
    drn_numbers numbers;
    const char *command;   /* stands in the results; may be NULL */
    drn_say_fn say;        /* may be NULL */
    drn_train_fn progress; /* after every step of every run; may be NULL */
    void *ctx;             /* of both */
} drn_study_options;

/** Train every variant of a study with the same budget and seeds, measure the averaged weights of
 * each run's last step on the test folders by the standard protocol, and write the paper's table
 * with the paper's numbers beside ours.  Every run is an ordinary one of drn_train().
 *  @return DRN_OK | DRN_ERR_CANCELLED (call again with resume) | DRN_ERR_INVALID (among others: a
 * run's folder holds one of another recipe) | what drn_train() returns. */
drn_status drn_study(const drn_study_options *options, drn_error *err);

/* ---- adaptation ---- */

typedef enum drn_degrade_kind {
    DRN_DEGRADE_NONE = 0,
    DRN_DEGRADE_BICUBIC = 1,
    DRN_DEGRADE_BLUR = 2,   /* Gaussian, then bicubic */
    DRN_DEGRADE_NEAREST = 3 /* one pixel of every block */
} drn_degrade_kind;

typedef struct drn_adapt_options {
    const char *model;       /* as for drn_model_load() */
    const char *const *data; /* folders of LR pictures without originals; with degrade: of originals
                                from which such pictures are made, and then forgotten */
    size_t datas;
    const char *const
        *paired; /* folders of originals: pairs are made by paired_degrade; may be none */
    size_t paireds;
    const char *const *test; /* folders of originals to measure on, before and after; may be none */
    size_t tests;
    drn_degrade_kind degrade;        /* NONE: data holds LR pictures */
    drn_degrade_kind paired_degrade; /* NONE: bicubic */
    double blur_sigma;               /* of DRN_DEGRADE_BLUR, in HR pixels */
    const char *loss;                /* l1 and l2 of Eq. 6: "mae", "gs", ... */
    double lambda;                   /* of Eq. 5 */
    double dual_weight;              /* of every dual term */
    bool joint;       /* the dual models learn too; else they are frozen after pretraining */
    int64_t pretrain; /* steps of the dual models alone on the pairs; -1: 500 where the model has
                         none */
    int64_t steps;    /* of the adaptation */
    double lr;        /* first rate of the adaptation; cosine to 0 */
    double dual_lr;   /* of the pretraining, likewise */
    int batch, patch; /* samples a step of each kind; LR pixels a side */
    uint64_t seed;
    int threads;         /* 0 = all cores */
    const char *out;     /* folder: model.safetensors, log.jsonl, results.txt, .md, .json */
    const char *command; /* stands in the results; may be NULL */
    drn_say_fn say;      /* may be NULL */
    bool (*running)(void *ctx, int64_t step, int64_t steps,
                    double loss); /* false stops; may be NULL */
    void *ctx;
} drn_adapt_options;

/** Fine-tune a model on LR pictures that have no originals: each step minimises, with Eq. 6's
 * terms, the primal and dual loss of a batch of pairs (if any) plus the dual loss of a batch
 * without.
 *  @return DRN_OK | DRN_ERR_CANCELLED (no model written) | DRN_ERR_INVALID (among others: neither
 * pairs nor a dual model) | DRN_ERR_IO | DRN_ERR_NUMERIC | DRN_ERR_NOMEM. */
drn_status drn_adapt(const drn_adapt_options *options, drn_error *err);

/* ---- the bound ---- */

typedef struct drn_bound_options {
    const char *const
        *runs; /* models, folders of runs, or folders of such folders: the finite set H */
    size_t run_count;
    const char *const *data; /* originals: the distribution samples are drawn from */
    size_t datas;
    const char *split; /* of folders with a manifest.csv; NULL: all */
    const char *loss;  /* l1 and l2: "gs", "mae", ... */
    double lambda;     /* of Eq. 3 and 5 */
    double clip;   /* l1 and l2 are each cut off at clip, which makes M = 2 clip; 0: not cut off */
    double delta;  /* of Theorems 2 and 3 */
    int samples;   /* m: patches in Z */
    int patch;     /* LR pixels a side */
    int draws;     /* of sigma */
    int resamples; /* of Z, for the expectation of Eq. 9; >= 2 */
    uint64_t seed;
    int threads;         /* 0 = all cores */
    const char *out;     /* folder for results.txt, .md, .json; NULL: none */
    const char *command; /* stands in the results; may be NULL */
    drn_say_fn say;      /* may be NULL */
    bool (*running)(void *ctx, int64_t done, int64_t all); /* samples; false stops; may be NULL */
    void *ctx;
} drn_bound_options;

/** Appendix A of the paper as numbers, for a finite set of hypotheses: empirical loss (Eq. 8),
 *  Theorem 2's bound, empirical and expected Rademacher complexity (Definition 4) of the joint and
 * of the primal loss, Theorem 3's bounds (9) and (10).
 *  @return DRN_OK | DRN_ERR_CANCELLED | DRN_ERR_INVALID | DRN_ERR_IO | DRN_ERR_FORMAT |
 * DRN_ERR_NOMEM. */
drn_status drn_bound(const drn_bound_options *options, drn_error *err);

#ifdef __cplusplus
}
#endif
#endif
