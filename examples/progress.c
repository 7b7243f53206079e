/* A progress bar, and Ctrl-C that stops at the next tile without leaving half a file behind:
 * progress small.jpg large.png */
#include <drn/drn.h>

#include <signal.h>
#include <stdio.h>

static volatile sig_atomic_t stop;

static void on_interrupt(int signal_number)
{
    (void)signal_number;
    stop = 1;
}

/* Called on the thread that called drn_upscale(); false cancels. */
static bool show(void *ctx, double done)
{
    const char *name = ctx;
    enum { WIDTH = 40 };
    char bar[WIDTH + 1] = {0};
    for (int i = 0; i < WIDTH; i++)
        bar[i] = i < (int)(done * WIDTH) ? '#' : '.';
    fprintf(stderr, "\r%s [%s] %3.0f %%", name, bar, 100 * done);
    return !stop;
}

int main(int argc, char **argv)
{
    drn_error err = {0};
    drn_model *model = NULL;
    drn_image *in = NULL, *out = NULL;
    if (argc != 3)
        return fprintf(stderr, "usage: progress IN OUT\n"), 2;
    signal(SIGINT, on_interrupt);
    drn_upscale_options options = {
        .scale = 4, .tile = 48, .progress = show, .progress_ctx = argv[1]};
    drn_status st = drn_model_load(&model, NULL, &err);
    if (st == DRN_OK)
        st = drn_image_read(&in, argv[1], &err);
    if (st == DRN_OK)
        st = drn_upscale(&out, in, model, &options, &err);
    if (st == DRN_OK)
        st = drn_image_write(out, argv[2], NULL, &err);
    fprintf(stderr, "\n%s\n",
            st == DRN_OK              ? "done"
            : st == DRN_ERR_CANCELLED ? "stopped"
                                      : err.message);
    drn_image_free(out);
    drn_image_free(in);
    drn_model_free(model);
    return st != DRN_OK;
}
