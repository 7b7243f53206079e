/* Enlarge a picture file four times with the built-in model: upscale_file small.jpg large.png */
#include <drn/drn.h>
#include <stdio.h>

int main(int argc, char **argv)
{
    drn_error err = {0};
    drn_model *model = NULL;
    drn_image *in = NULL, *out = NULL;
    if (argc != 3)
        return fprintf(stderr, "usage: upscale_file IN OUT\n"), 2;
    if (drn_model_load(&model, NULL, &err) != DRN_OK ||
        drn_image_read(&in, argv[1], &err) != DRN_OK ||
        drn_upscale(&out, in, model, NULL, &err) != DRN_OK ||
        drn_image_write(out, argv[2], NULL, &err) != DRN_OK)
        fprintf(stderr, "%s\n", err.message);
    drn_image_free(out);
    drn_image_free(in);
    drn_model_free(model);
    return err.code != DRN_OK;
}
