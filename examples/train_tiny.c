/* Train a small network for 200 steps, some seconds, and load it: train_tiny photos/ run/ 200
 * photos/ holds training pictures; run/ gets the log, the checkpoint and the model. */
#include <drn/drn.h>

#include <stdio.h>

/* Called after every step; false stops the run with a checkpoint, from which resume goes on. */
static bool report(void *ctx, const drn_train_progress *p)
{
    (void)ctx;
    if (p->step % 10 == 0 || p->step == p->steps)
        printf("step %lld of %lld, loss %.5f, %.1f steps/s\n", (long long)p->step,
               (long long)p->steps, p->loss, p->steps_per_second);
    return true;
}

int main(int argc, char **argv)
{
    drn_error err = {0};
    drn_model *model = NULL;
    char steps[64], path[4096];
    if (argc != 4)
        return fprintf(stderr, "usage: train_tiny PHOTOS RUN STEPS\n"), 2;
    snprintf(steps, sizeof steps, "train.steps=%s", argv[3]);
    snprintf(path, sizeof path, "%s/model.safetensors", argv[2]);

    /* A built-in recipe, made smaller still. */
    const char *set[] = {steps,
                         "train.warmup=0",
                         "train.save_every=50",
                         "train.val_every=0",
                         "model.channels=8",
                         "model.modules=1",
                         "data.patch=16"};
    const char *photos = argv[1];
    drn_train_options options = {.recipe = "tiny-x2",
                                 .set = set,
                                 .sets = sizeof set / sizeof *set,
                                 .data = &photos,
                                 .datas = 1,
                                 .out = argv[2],
                                 .progress = report};
    drn_status st = drn_train(&options, &err);
    if (st == DRN_OK)
        st = drn_model_load(&model, path, &err);
    if (st == DRN_OK)
        printf("%s: %zu parameters, enlarges %d times\n", path, drn_model_parameters(model, false),
               drn_model_config(model)->scale);
    else
        fprintf(stderr, "%s\n", err.message);
    drn_model_free(model);
    return st != DRN_OK;
}
