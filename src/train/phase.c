#include "train/phase.h"

#include "base/error.h"
#include "train/trainer.h"

#include <stdio.h>
#include <string.h>

drn_status drn_batch_sizes_parse(drn_batch_sizes *out, const char *text, drn_error *err)
{
    int used;
    *out = (drn_batch_sizes){0};
    for (text += strspn(text, " ,"); *text; text += strspn(text, " ,")) {
        long long from;
        int patch, batch;
        if (sscanf(text, "%15lld:%5dx%5d%n", &from, &patch, &batch, &used) != 3 || from < 1 ||
            patch < 1 || patch > 1024 || batch < 1 || batch > 65536 || !strchr(" ,", text[used]))
            return drn_fail(err, DRN_ERR_INVALID,
                            "data.sizes: '%.40s' is not of the form STEP:PATCHxBATCH", text);
        if (out->count && from <= out->list[out->count - 1].from)
            return drn_fail(err, DRN_ERR_INVALID, "data.sizes: step %lld does not come after %lld",
                            from, (long long)out->list[out->count - 1].from);
        if (out->count == DRN_MAX_SIZES)
            return drn_fail(err, DRN_ERR_INVALID, "data.sizes: more than %d changes",
                            DRN_MAX_SIZES);
        out->list[out->count++] = (drn_batch_size){from, patch, batch};
        text += used;
    }
    return DRN_OK;
}

/* Blocks join one after the other: L-1 of them at equal distances, the last at warm_until. */
static int levels_at(const drn_trainer_config *c, int64_t step)
{
    int levels = drn_net_levels(&c->model);
    if (!c->model.progressive || step >= c->warm_until)
        return levels;
    return 1 + (int)(step * (levels - 1) / c->warm_until);
}

static drn_batch_size size_at(const drn_trainer_config *c, int64_t step)
{
    drn_batch_size now = {0, c->patch, c->batch};
    for (int i = 0; i < c->sizes.count && c->sizes.list[i].from <= step; i++)
        now = c->sizes.list[i];
    return now;
}

drn_phase drn_phase_at(const drn_trainer_config *c, int64_t step)
{
    drn_batch_size size = size_at(c, step);
    return (drn_phase){
        .levels = levels_at(c, step),
        .dual = c->model.dual && c->dual_weight > 0 && step >= c->dual_start,
        .loss = c->tail_start > 0 && step >= c->tail_start ? c->tail_kind : c->loss.kind,
        .patch = size.patch,
        .batch = size.batch,
    };
}

bool drn_phase_equal(const drn_phase *a, const drn_phase *b)
{
    return a->levels == b->levels && a->dual == b->dual && a->loss == b->loss &&
           a->patch == b->patch && a->batch == b->batch;
}

drn_status drn_phase_check_ranks(const drn_trainer_config *c, int world, drn_error *err)
{
    if (c->batch % world != 0)
        return drn_fail(err, DRN_ERR_INVALID,
                        "data.batch: %d samples cannot be split evenly over %d ranks", c->batch, world);
    for (int i = 0; i < c->sizes.count; i++)
        if (c->sizes.list[i].batch % world != 0)
            return drn_fail(err, DRN_ERR_INVALID,
                            "data.sizes: %d samples from step %lld on cannot be split evenly over %d "
                            "ranks",
                            c->sizes.list[i].batch, (long long)c->sizes.list[i].from, world);
    return DRN_OK;
}

int64_t drn_phase_next_size(const drn_trainer_config *c, int64_t step)
{
    for (int i = 0; i < c->sizes.count; i++)
        if (c->sizes.list[i].from > step)
            return c->sizes.list[i].from;
    return INT64_MAX;
}

uint64_t drn_phase_samples(const drn_trainer_config *c, int64_t step)
{
    uint64_t samples = 0;
    for (int64_t at = 0; at < step;) {
        int64_t next = drn_phase_next_size(c, at), end = next < step ? next : step;
        samples += (uint64_t)(end - at) * (uint64_t)size_at(c, at).batch;
        at = end;
    }
    return samples * (uint64_t)(c->accumulate > 1 ? c->accumulate : 1);
}
