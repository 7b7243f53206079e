#include "study/score.h"

#include "base/fileio.h"
#include "base/mem.h"
#include "data/dataset.h"
#include "drn/metrics.h"
#include "drn/upscale.h"
#include "study/degrade.h"
#include "study/report.h"

void study_test_name(char *buf, size_t size, const char *dir)
{
    char name[64];
    char *manifest = drn_path_join(dir, "manifest.csv");
    bool split = manifest && drn_path_exists(manifest);
    study_base_name(name, sizeof name, dir);
    snprintf(buf, size, "%s%s", name, split ? " (" STUDY_TEST_SPLIT ")" : "");
    drn_free(manifest);
}

static drn_status one(drn_metric_values *out, const drn_model *model, const drn_image *hr,
                      int scale, drn_degrade_kind how, double sigma, int threads, drn_error *err)
{
    drn_image *lr = NULL, *sr = NULL;
    drn_upscale_options o = {.scale = scale, .threads = threads};
    drn_status st = DRN_OK;
    DRN_CHECK(study_degrade(&lr, hr, scale, how, sigma, err));
    if (model)
        DRN_CHECK(drn_upscale(&sr, lr, model, &o, err));
    else
        DRN_CHECK(drn_protocol_bicubic(&sr, lr, scale, NULL, err));
    DRN_CHECK(drn_protocol_score(out, sr, hr, scale, NULL, err));
done:
    drn_image_free(lr);
    drn_image_free(sr);
    return st;
}

drn_status study_score_dir(study_score *out, const drn_model *model, const char *dir, int scale,
                           drn_degrade_kind how, double sigma, int threads, drn_error *err)
{
    drn_dataset *d;
    drn_dataset_options o = {
        .dirs = &dir, .dir_count = 1, .split = STUDY_TEST_SPLIT, .cache_bytes = 1};
    drn_status st = DRN_OK;
    DRN_TRY(drn_dataset_open(&d, &o, err));
    size_t n = drn_dataset_count(d);
    *out = (study_score){.pictures = n};
    for (size_t i = 0; i < n; i++) {
        const drn_image *hr;
        drn_metric_values v;
        DRN_CHECK(drn_dataset_get(&hr, d, i, err));
        st = one(&v, model, hr, scale, how, sigma, threads, err);
        drn_dataset_release(d, i, hr);
        if (st != DRN_OK)
            goto done;
        out->psnr += v.psnr / (double)n;
        out->ssim += v.ssim / (double)n;
        out->gradient += v.gradient_psnr / (double)n;
    }
done:
    drn_dataset_free(d);
    return st;
}
