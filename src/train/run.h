/* A training run: its folder, its files, its loop; train.c fills one from the public options. */
#ifndef DRN_TRAIN_RUN_H
#define DRN_TRAIN_RUN_H

#include "data/loader.h"
#include "drn/train.h"
#include "train/board.h"
#include "train/recipe.h"
#include "train/trainer.h"
#include "train/validate.h"

typedef struct drn_run {
    drn_recipe recipe;
    char *recipe_text; /* with data.sources */
    char *card_text;   /* without: where the pictures lie is nobody's business but this machine's */
    char **sources;    /* folders and packs to train on, "PATH[:WEIGHT]" */
    size_t source_count;
    char *checkpoint, *model, *best, *log_path; /* paths in the run's folder */
    FILE *log;
    drn_board board;
    drn_dataset *data;
    drn_validator *validator; /* NULL: no validation */
    drn_validator *seen;      /* pictures that are trained on; NULL: not measured */
    drn_cuda *device; /* NULL: the CPU */
    drn_comm *comm;       /* borrowed; NULL: alone, or with a device */
    drn_cuda_ranks ranks; /* of comm, or of the processes with a device each */
    bool writes;          /* rank 0: the run's files */
    drn_trainer *trainer;
    drn_loader *loader; /* NULL: the pictures are on the device */
    bool on_device;
    drn_train_progress progress;
    int64_t sizes_until;          /* step from which the loader must make other batches */
    int64_t first, saved;         /* steps done when this process began; at its last checkpoint */
    double start, seconds_before; /* clock at the start; training time of earlier processes */
    double wait_before;           /* seconds waited for loaders before this one */
    double ranks_before;          /* seconds spent with other ranks before the first step */
    double max_seconds;           /* of this process; 0: any */
    char init_note[160];          /* what drn_trainer_init_from() said */
    drn_train_fn report;
    void *report_ctx;
} drn_run;

/* Folders, data, network; resumes when asked. */
drn_status drn_run_open(drn_run *r, const drn_train_options *o, drn_error *err);
void drn_run_close(drn_run *r);
/* Until the end, the time limit or a stop. */
drn_status drn_run_loop(drn_run *r, drn_error *err);

/* Make the loader of the phase the next step is in. */
drn_status drn_run_open_loader(drn_run *r, drn_error *err);

/* Write checkpoint and model. */
drn_status drn_run_save(drn_run *r, drn_error *err);
/* Weights and card of a model, to path. */
drn_status drn_run_export(drn_run *r, const char *path, double psnr, drn_error *err);
/* Continue from the checkpoint. */
drn_status drn_run_restore(drn_run *r, drn_error *err);

#endif
