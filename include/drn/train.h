/* Train a model from a recipe and folders of pictures. */
#ifndef DRN_TRAIN_H
#define DRN_TRAIN_H

#include "drn/comm.h"
#include "drn/device.h"
#include "drn/model.h"

#ifdef __cplusplus
extern "C" {
#endif

/** State of a run, handed to the callback after every step. */
typedef struct drn_train_progress {
    int64_t step, steps; /* done, wanted */
    double loss;         /* joint loss of the step (Eq. 7) */
    double primal;       /* primal loss of the last level */
    double lr, grad_norm;
    int64_t skipped; /* steps skipped so far because their loss was a spike (train.spike) */
    double seconds;  /* of training, earlier processes of the run included */
    double steps_per_second;
    double wait_share; /* share of the time spent waiting for data */
    double
        memory_mb;  /* most memory the library held so far, MiB: activations, gradients, pictures */
    bool validated; /* val_psnr was measured after this step */
    double val_psnr; /* PSNR-Y in dB, standard protocol, on the validation pictures; of the EMA
                        weights */
    double best_psnr;
    bool out_of_time; /* the time limit ends the run after this step; the checkpoint follows */
    int ranks;           /* processes that train together; 1: alone */
    double ranks_share;  /* of the time: moving gradients, and waiting for slower ranks */
    size_t broken;       /* pictures found unreadable so far, and passed over */
    const char *broken_first; /* path of one of them; valid during the call; NULL: none */
    int rank; /* of this process, of several that train together; only rank 0 writes and validates */
    size_t shared;            /* validation pictures of --val that are also trained on */
    const char *shared_first; /* path of one of them; NULL: none */
    /* How far the last validation's PSNR-Y is above that of bicubic enlargement, dB: on the validation
     * pictures, and on pictures that are trained on (train.val_seen of them).  What is gained there alone is
     * remembered, not learned.  Pictures that bicubic gives back exactly (flat ones) are left out, as of val_psnr;
     * NAN: no others, or not measured yet. */
    double val_gain, seen_gain;
} drn_train_progress;

/** Called on the calling thread; return false to save a checkpoint and stop. */
typedef bool (*drn_train_fn)(void *ctx, const drn_train_progress *progress);

typedef struct drn_train_options {
    const char *recipe;     /* file, or name of one in recipes/; required, as is out */
    const char *const *set; /* "key=value", applied after the recipe */
    size_t sets;
    /* Folders and packs, each "PATH" or "PATH:WEIGHT"; none: the recipe's data.sources.  With any
     * weight, a source's share of the samples is its weight (1 where none is given) over the sum.
     */
    const char *const *data;
    size_t datas;
    const char *const *val; /* validation folders or packs; none: the split "val" of data */
    size_t vals;
    const char *out;       /* folder of the run; created */
    double max_seconds;    /* stop this process after so long, with a checkpoint; 0: no limit.  The
                              recipe's train.max_seconds counts the whole run */
    bool resume;           /* go on from out/checkpoint.safetensors */
    drn_train_fn progress; /* may be NULL */
    void *progress_ctx;
    drn_device device;   /* steps and validation; pictures stay in its memory when they fit */
    drn_numbers numbers; /* on a GPU */
    /* Several processes train one model: every one calls drn_train() with the same options, gets its
     * part of each batch, and the callback.  Only rank 0 writes to out.  What stops or ends one ends
     * all, with the same status.  NULL: alone. */
    drn_comm *comm;
} drn_train_options;

/** Train until the recipe's steps or seconds are used up.
 *  Files in out: recipe.yaml, log.jsonl (a line a step), checkpoint.safetensors (all that a resume
 * needs), model.safetensors (the EMA weights of the last checkpoint), best.safetensors (of the best
 * validation), events.out.tfevents.* (curves and validation pictures for TensorBoard), pictures/
 * (the same pictures for drn_report()).
 *  @return DRN_OK | DRN_ERR_CANCELLED (stopped by the callback, checkpoint written) |
 * DRN_ERR_INVALID | DRN_ERR_IO | DRN_ERR_FORMAT | DRN_ERR_NUMERIC (loss became NaN; the message
 * names the last checkpoint) | DRN_ERR_NOMEM | with DRN_DEVICE_CUDA DRN_ERR_UNSUPPORTED and
 * DRN_ERR_DEVICE.  With ranks also DRN_ERR_IO: one was lost, or failed; rank 0 has written a
 * checkpoint of the last step then.  Thread-safe for different folders out. */
drn_status drn_train(const drn_train_options *options, drn_error *err);

/** Write one self-contained HTML page about runs: results, curves on common plots, what their
 *  recipes differ in, validation pictures.
 *  @param out   file; appears complete or not at all.
 *  @param runs  folders drn_train() wrote, finished or under way.
 *  @return DRN_OK | DRN_ERR_INVALID (no runs, or one without a step) | DRN_ERR_IO | DRN_ERR_FORMAT
 *  (a log or recipe is broken) | DRN_ERR_NOMEM.  Thread-safe. */
drn_status drn_report(const char *out, const char *const *runs, size_t count, drn_error *err);

#ifdef __cplusplus
}
#endif
#endif
