/* Enlarge pixels that are in memory already, 8-bit RGB here, twice; the rest of a program that has
 * its own pictures.  upscale_buffer >rings.ppm draws some rings, and writes them enlarged. */
#include <drn/drn.h>

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum { WIDTH = 96, HEIGHT = 64 };

/* rgb: height * width * 3 bytes, rows top to bottom.  On success *out holds 2 * height rows of 2 *
 * width pixels, which the caller frees with drn_image_free(). */
static drn_status enlarge(drn_image **out, const uint8_t *rgb, int width, int height,
                          const drn_model *model, drn_error *err)
{
    /* An image may also be filled in by hand: data is only read here. */
    drn_image in = {.width = width,
                    .height = height,
                    .bands = 3,
                    .depth = DRN_U8,
                    .data = (void *)(uintptr_t)rgb};
    drn_upscale_options options = {.scale = 2};
    return drn_upscale(out, &in, model, &options, err);
}

int main(void)
{
    static uint8_t rgb[HEIGHT][WIDTH][3];
    drn_error err = {0};
    drn_model *model = NULL;
    drn_image *large = NULL;
    for (int y = 0; y < HEIGHT; y++)
        for (int x = 0; x < WIDTH; x++)
            for (int b = 0; b < 3; b++)
                rgb[y][x][b] = (uint8_t)(127.5 + 120 * sin(0.02 * (x * x + y * y) / (1 + 0.3 * b)));

    if (drn_model_load(&model, NULL, &err) == DRN_OK &&
        enlarge(&large, &rgb[0][0][0], WIDTH, HEIGHT, model, &err) == DRN_OK) {
        printf("P6\n%d %d\n255\n", large->width, large->height);
        fwrite(large->data, 3, (size_t)large->width * (size_t)large->height, stdout);
    } else {
        fprintf(stderr, "%s (%s)\n", err.message, drn_status_name(err.code));
    }
    drn_image_free(large);
    drn_model_free(model);
    return err.code != DRN_OK;
}
