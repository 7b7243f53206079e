/* What the scripts beside it need and a shell has not.
 *   cli_tool fixtures DIR        write small pictures and models
 *   cli_tool large FILE W H      write a PPM of that size, row by row
 *   cli_tool decode FILE OUT N   write a picture's pixels as PNM, with noise of sigma N
 *   cli_tool json FILE a.b.0.c   print a value of a JSON file; fails when the file is no JSON */
#include "base/fileio.h"
#include "base/mem.h"
#include "drn/image.h"
#include "models/model.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void need(drn_status st, const drn_error *err)
{
    if (st != DRN_OK) {
        fprintf(stderr, "cli_tool: %s\n", err->message);
        exit(1);
    }
}

static void picture(const char *dir, const char *name, int32_t width, int32_t height, int32_t bands)
{
    drn_error err = {0};
    drn_image *image;
    char *path = drn_path_join(dir, name);
    need(drn_image_new(&image, width, height, bands, DRN_U8, &err), &err);
    uint8_t *p = image->data;
    for (int32_t y = 0; y < height; y++)
        for (int32_t x = 0; x < width; x++)
            for (int32_t b = 0; b < bands; b++)
                *p++ = (uint8_t)(128 + 100 * sin(0.3 * x + b) * cos(0.2 * y) + (x * y + b) % 7);
    need(drn_image_write(image, path, NULL, &err), &err);
    drn_image_free(image);
    drn_free(path);
}

static void model(const char *dir, const char *name, int scale, bool broken)
{
    drn_config c = {.scale = scale, .channels = 8, .modules = 1, .progressive = true};
    drn_error err = {0};
    drn_params *p;
    drn_st_writer *w;
    drn_rng rng;
    char *path = drn_path_join(dir, name);
    drn_rng_seed(&rng, 5, 0);
    need(drn_params_new(&p, DRN_FLOAT32, &err), &err);
    need(drn_net_declare(p, &c, 0.1, &err), &err);
    need(drn_params_allocate(p, false, &err), &err);
    drn_params_init(p, &rng);
    if (broken)
        ((float *)p->value)[p->list[1].offset] = NAN;
    need(drn_st_writer_new(&w, &err), &err);
    need(drn_config_write(w, &c, &err), &err);
    need(drn_st_writer_meta(w, "title", "random weights", &err), &err);
    need(drn_params_write(w, p, p->value, "", DRN_ST_F32, &err), &err);
    need(drn_st_writer_write(w, path, &err), &err);
    drn_st_writer_free(w);
    drn_params_free(p);
    drn_free(path);
}

static int fixtures(const char *dir)
{
    picture(dir, "photo.png", 61, 47, 3);
    picture(dir, "photo.jpg", 160, 120, 3);
    picture(dir, "grey.png", 24, 25, 1);
    picture(dir, "alpha.png", 20, 16, 4);
    picture(dir, "one.png", 1, 1, 3);
    model(dir, "x2.safetensors", 2, false);
    model(dir, "x4.safetensors", 4, false);
    model(dir, "nan.safetensors", 4, true);
    return 0;
}

static int large(const char *file, int width, int height)
{
    FILE *f = fopen(file, "wb");
    if (!f)
        return 1;
    fprintf(f, "P6\n%d %d\n255\n", width, height);
    for (int y = 0; y < height; y++)
        for (int x = 0; x < 3 * width; x++)
            putc(128 + (x / 3 * y >> 7) % 100 - (x / 40 + y / 9) % 23, f);
    return fclose(f) == 0 ? 0 : 1;
}

static int print_json(const char *file, char *path)
{
    json_error_t je;
    json_t *root = json_load_file(file, JSON_REJECT_DUPLICATES, &je), *at = root;
    for (char *key = strtok(path, "."); key && at; key = strtok(NULL, "."))
        at = json_is_array(at) ? json_array_get(at, (size_t)atoi(key)) : json_object_get(at, key);
    if (!at) {
        fprintf(stderr, "cli_tool: %s: %s\n", file, root ? "no such value" : je.text);
        return 1;
    }
    if (json_is_string(at))
        printf("%s", json_string_value(at));
    else
        json_dumpf(at, stdout, JSON_ENCODE_ANY | JSON_COMPACT | JSON_REAL_PRECISION(9));
    printf("\n");
    json_decref(root);
    return 0;
}

static int decode(const char *in, const char *out, double sigma)
{
    drn_error err = {0};
    drn_image *im;
    drn_rng rng;
    drn_rng_seed(&rng, 7, 0);
    need(drn_image_read(&im, in, &err), &err);
    uint8_t *p = im->data;
    for (size_t i = 0; i < (size_t)im->width * (size_t)im->height * (size_t)im->bands; i++) {
        double v = p[i] - 6 * sigma;
        for (int k = 0; k < 12; k++)
            v += sigma * drn_rng_uniform(&rng);
        p[i] = (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v + 0.5);
    }
    need(drn_image_write(im, out, NULL, &err), &err);
    drn_image_free(im);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "fixtures") == 0)
        return fixtures(argv[2]);
    if (argc == 5 && strcmp(argv[1], "large") == 0)
        return large(argv[2], atoi(argv[3]), atoi(argv[4]));
    if (argc == 5 && strcmp(argv[1], "decode") == 0)
        return decode(argv[2], argv[3], atof(argv[4]));
    if (argc == 4 && strcmp(argv[1], "json") == 0)
        return print_json(argv[2], argv[3]);
    fprintf(
        stderr,
        "usage: cli_tool fixtures DIR | large FILE W H | decode FILE OUT NOISE | json FILE PATH\n");
    return 2;
}
