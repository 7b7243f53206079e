/* A model measured on a folder of originals by the standard protocol. */
#ifndef DRN_STUDY_SCORE_H
#define DRN_STUDY_SCORE_H

#include "base/error.h"
#include "drn/model.h"
#include "drn/study.h"

typedef struct study_score {
    double psnr, ssim,
        gradient; /* means over the pictures: PSNR-Y in dB, SSIM, gradient PSNR in dB */
    size_t pictures;
} study_score;

/* The pictures of a folder that are for measuring: with a manifest.csv those of its split "val",
 * which nothing learns from, else all. */
#define STUDY_TEST_SPLIT "val"

/* What tables call the folder: its name, and the split when that says something. */
void study_test_name(char *buf, size_t size, const char *dir);

/* LR pictures are made by `how` (NONE: bicubic) from the originals in dir; sigma as in degrade.h.
 * model NULL: the bicubic enlargement, by scale.  An unreadable picture is an error. */
drn_status study_score_dir(study_score *out, const drn_model *model, const char *dir, int scale,
                           drn_degrade_kind how, double sigma, int threads, drn_error *err);

#endif
