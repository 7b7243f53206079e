#include "random_model.h"

#include "drn/export.h"

#include <math.h>

static const drn_config config = {4, 10, 1, true, true, 4, DRN_SKIP_BICUBIC};

TEST(round_trip, "a model file gives back architecture, weights and metadata")
{
    drn_error err = {0};
    drn_params *p;
    drn_model *m = random_model(&config);
    random_params(&p, &config);
    CHECK_INT(drn_model_config(m)->channels, 10);
    CHECK(drn_model_config(m)->progressive && drn_model_config(m)->dual);
    CHECK_STR(drn_model_metadata(m, "title"), "random");
    CHECK(memcmp(m->params->value, p->value, p->elements * sizeof(float)) == 0);
    CHECK_INT(drn_model_parameters(m, false) + drn_model_parameters(m, true), drn_params_learned(p));
    CHECK(drn_model_has_scale(m, 2) && drn_model_has_scale(m, 4) && !drn_model_has_scale(m, 8) &&
          !drn_model_has_scale(m, 3));
    char sum[65], other[65];
    drn_model_sha256(m, sum);
    ((float *)m->params->value)[m->params->elements - 1] += 1;
    drn_model_sha256(m, other);
    CHECK(strlen(sum) == 64 && strcmp(sum, other) != 0);
    drn_layer layers[64];
    size_t n;
    CHECK_OK(drn_model_layers(m, 20, 10, layers, 64, &n, &err), err);
    CHECK(n > 8 && n <= 64);
    double macs = 0;
    for (size_t i = 0; i < n; i++)
        macs += layers[i].macs;
    /* head 270; a block 2*900 + 3600, image head 270 a pixel of 200, 800, 3200 */
    CHECK_NEAR(macs, 200 * (270.0 + 5400) + 800 * (270.0 + 5400) + 3200 * 270.0, 0.5);
    drn_model_free(m);
    drn_params_free(p);
}

TEST(half, "weights stored as F16 load within half a unit")
{
    drn_error err = {0};
    drn_params *p;
    drn_model *m;
    random_params(&p, &config);
    char *path = write_params(p, &config, "half.safetensors", DRN_ST_F16);
    CHECK_OK(drn_model_load(&m, path, &err), err);
    for (size_t i = 0; i < p->elements; i++) {
        float a = ((float *)p->value)[i], b = ((float *)m->params->value)[i];
        CHECK_NEAR(a, b, fabsf(a) * 0x1p-11f + 0x1p-25f);
    }
    drn_free(path);
    drn_model_free(m);
    drn_params_free(p);
}

TEST(nan_weights, "NaN weights, a missing tensor and a foreign file are refused with their reason")
{
    drn_error err = {0};
    drn_params *p;
    drn_model *m = NULL;
    random_params(&p, &config);
    ((float *)p->value)[3] = NAN;
    char *path = write_params(p, &config, "nan.safetensors", DRN_ST_F32);
    CHECK_INT(drn_model_load(&m, path, &err), DRN_ERR_NUMERIC);
    CHECK(strstr(err.message, "head.weight") && !m);
    drn_free(path);
    ((float *)p->value)[3] = 0;
    drn_config bigger = config;
    bigger.modules = 2;
    path = write_params(p, &bigger, "missing.safetensors", DRN_ST_F32);
    CHECK_INT(drn_model_load(&m, path, &err), DRN_ERR_FORMAT);
    CHECK(strstr(err.message, "module2"));
    CHECK_INT(drn_model_load(&m, "no-such-name", &err), DRN_ERR_INVALID);
    CHECK_INT(drn_model_load(&m, "no/such/file.safetensors", &err), DRN_ERR_IO);
    drn_free(path);
    drn_params_free(p);
}

TEST(no_memory, "loading survives the failure of every allocation")
{
    drn_error err = {0};
    drn_params *p;
    drn_model *m = NULL;
    random_params(&p, &config);
    char *path = write_params(p, &config, "mem.safetensors", DRN_ST_F32);
    size_t before = drn_mem_current();
    for (size_t n = 1; n < 10000; n++) {
        drn_mem_fail_nth(n);
        drn_status st = drn_model_load(&m, path, &err);
        drn_mem_fail_nth(0);
        if (st == DRN_OK)
            break;
        CHECK_INT(st, DRN_ERR_NOMEM);
        CHECK_INT(drn_mem_current(), before);
    }
    CHECK(m);
    drn_model_free(m);
    drn_free(path);
    drn_params_free(p);
}

TEST(average, "the mean of two models: shared tensors by shares, the rest untouched, others refused whole")
{
    drn_error err = {0};
    const drn_config larger = {8, 10, 1, true, false, 4, DRN_SKIP_BICUBIC}, wider = {4, 12, 1, true, true, 4, DRN_SKIP_BICUBIC};
    drn_model *m = random_model(&config), *before = random_model(&config), *other = random_model(&larger),
              *foreign = random_model(&wider);
    for (size_t i = 0; i < other->params->elements; i++)
        ((float *)other->params->value)[i] *= -3;
    CHECK_OK(drn_model_average(m, other, 0.3, &err), err);
    int own = 0;
    for (size_t i = 0; i < m->params->count; i++) {
        const drn_param *p = &m->params->list[i], *q = drn_params_find(other->params, p->name);
        const float *a = drn_params_value(before->params, p), *now = drn_params_value(m->params, p);
        const float *b = q ? drn_params_value(other->params, q) : NULL;
        own += !q;
        for (size_t k = 0; k < p->count; k++)
            CHECK_NEAR(now[k], b ? 0.7 * (double)a[k] + 0.3 * (double)b[k] : (double)a[k], 1e-6 * fabs((double)a[k]) + 1e-7);
    }
    CHECK(own > 0); /* the dual models */
    CHECK_INT(drn_model_average(before, foreign, 0.5, &err), DRN_ERR_INVALID);
    CHECK_INT(drn_model_average(before, other, 1.25, &err), DRN_ERR_INVALID);
    CHECK_INT(drn_model_average(before, other, NAN, &err), DRN_ERR_INVALID);
    drn_model_free(m);
    m = random_model(&config);
    CHECK(memcmp(m->params->value, before->params->value, m->params->elements * sizeof(float)) == 0);
    drn_model_free(m);
    drn_model_free(before);
    drn_model_free(other);
    drn_model_free(foreign);
}

TEST(chosen, "the model made for a picture: by its format and the size wanted, all of them built in")
{
    if (!drn_model_builtin(0))
        SKIP("no models built in");
    CHECK_STR(drn_model_for(false, DRN_PICTURE_CLEAN, 0), "drn-compact-x4");
    CHECK_STR(drn_model_for(false, DRN_PICTURE_CLEAN, 2), "drn-compact-x4");
    CHECK_STR(drn_model_for(false, DRN_PICTURE_CLEAN, 4), "drn-compact-x4");
    CHECK_STR(drn_model_for(false, DRN_PICTURE_CLEAN, 4.5), "drn-x8");
    CHECK_STR(drn_model_for(false, DRN_PICTURE_CLEAN, 8), "drn-x8");
    CHECK_STR(drn_model_for(false, DRN_PICTURE_CLEAN, 16), "drn-compact-x4");
    CHECK_STR(drn_model_for(true, DRN_PICTURE_CLEAN, 0), "drn-x4");
    CHECK_STR(drn_model_for(true, DRN_PICTURE_CLEAN, 2), "drn-x2");
    CHECK_STR(drn_model_for(true, DRN_PICTURE_CLEAN, 3), "drn-x4");
    CHECK_STR(drn_model_for(true, DRN_PICTURE_CLEAN, 8), "drn-x8");
    for (int best = 0; best < 2; best++)
        for (double times = 0; times <= 64; times += 0.5) {
            drn_error err = {0};
            drn_model *model;
            const char *lossy = best ? "drn-photo-x4" : "drn-compact-photo-x4";
            CHECK_STR(drn_model_for(best, DRN_PICTURE_DAMAGED, times), lossy);
            CHECK_STR(drn_model_for(best, DRN_PICTURE_DRAWN, times), "drn-compact-graphics-x4");
            for (int kind = DRN_PICTURE_CLEAN; kind <= DRN_PICTURE_DRAWN && times <= 9; kind++) {
                CHECK_OK(drn_model_load(&model, drn_model_for(best, (drn_picture_kind)kind, times), &err), err);
                drn_model_free(model);
            }
        }
}
