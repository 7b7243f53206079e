/* A library does not write to its caller's standard output and error, whatever goes wrong; not even
 * when these are closed and their numbers belong to other files. */
#include "harness.h"

#include "drn/drn.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static void put_file(const char *path, const void *data, size_t size)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (fd < 0 || write(fd, data, size) != (ssize_t)size)
        abort();
    close(fd);
}

/* Files that begin well and go wrong, of every kind there is a decoder for.  Not JPEG XL: the libjxl
 * of Debian 12 itself prints to stderr what it dislikes, and offers no way to stop it. */
static int read_broken(const char *dir)
{
    static const struct {
        const char *name, *head;
        size_t size;
    } files[] = {
        {"a.png", "\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\1\0\0\0\1\0\x08\2\0\0\0", 29},
        {"a.jpg", "\xff\xd8\xff\xe0\0\x10JFIF\0\1\1\0\0\1\0\1\0\0\xff\xdb\0\x43", 24},
        {"a.tif", "II*\0\x08\0\0\0\x20\0\0\1\3\0\1\0\0\0\x10\0\0\0", 22},
        {"a.webp", "RIFF\x20\0\0\0WEBPVP8 \x10\0\0\0", 20},
        {"a.gif", "GIF89a\x10\0\x10\0\xf7\0\0", 13},
        {"a.avif",
         "\0\0\0\x20"
         "ftypavif\0\0\0\0avifmif1",
         24},
        {"a.ppm", "P6 99999 99999 255\n", 19},
        {"a.txt", "hello\n", 6},
        {"a.safetensors", "\x10\0\0\0\0\0\0\0{\"a\":", 13},
    };
    char path[256], body[512];
    int failures = 0;
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        drn_error err = {0};
        drn_image *image = NULL;
        drn_model *model = NULL;
        memset(body, 0x5a, sizeof body);
        memcpy(body, files[i].head, files[i].size);
        snprintf(path, sizeof path, "%s/%s", dir, files[i].name);
        put_file(path, body, sizeof body);
        failures += drn_image_read(&image, path, &err) != DRN_OK;
        failures += drn_image_decode(&image, body, sizeof body, NULL, &err) != DRN_OK;
        failures += drn_model_load(&model, path, &err) != DRN_OK;
        drn_image_free(image);
        drn_model_free(model);
    }
    return failures;
}

static int use_wrongly(const char *dir)
{
    drn_error err = {0};
    drn_image *image = NULL, *out = NULL;
    drn_model *model = NULL;
    char path[256];
    const char *dirs[] = {path};
    int failures = 0;
    snprintf(path, sizeof path, "%s/nothing/here.png", dir);
    failures += drn_image_read(&image, path, &err) != DRN_OK;
    if (drn_image_new(&image, 8, 8, 3, DRN_U8, &err) != DRN_OK)
        return -1;
    memset(image->data, 99, 192);
    failures += drn_image_write(image, path, NULL, &err) != DRN_OK;
    failures += drn_image_write(image, "a.xyz", NULL, &err) != DRN_OK;
    failures += drn_imresize(&out, image, -1, NULL, &err) != DRN_OK;
    if (drn_model_load(&model, NULL, &err) == DRN_OK) {
        drn_upscale_options o = {.scale = 3};
        failures += drn_upscale(&out, image, model, &o, &err) != DRN_OK;
        failures += drn_upscale_stream(path, "a.tif", model, NULL, NULL, 0, &err) != DRN_OK;
        failures += drn_model_save(model, path, NULL, &err) != DRN_OK;
        drn_upscale(&out, image, model, NULL, &err);
    } else {
        failures += 3;
    }
    drn_train_options t = {.recipe = "no-such-recipe", .data = dirs, .datas = 1, .out = path};
    failures += drn_train(&t, &err) != DRN_OK;
    t.recipe = "tiny-x2";
    failures += drn_train(&t, &err) != DRN_OK;
    drn_pack_options p = {.dirs = dirs, .dir_count = 1, .out = path};
    failures += drn_pack_make(NULL, &p, &err) != DRN_OK;
    failures += drn_report(path, dirs, 1, &err) != DRN_OK;
    drn_adapt_options a = {.model = path, .data = dirs, .datas = 1, .out = path, .loss = "mae"};
    failures += drn_adapt(&a, &err) != DRN_OK;
    drn_bound_options b = {.runs = dirs, .run_count = 1, .data = dirs, .datas = 1, .loss = "mae"};
    failures += drn_bound(&b, &err) != DRN_OK;
    (void)drn_device_check(DRN_DEVICE_CUDA, NULL, 0, &err);
    drn_image_free(image);
    drn_image_free(out);
    drn_model_free(model);
    return failures;
}

enum { BROKEN = 27, WRONG = 13 };

/* In a child whose descriptors 0, 1 and 2 are those of files: 0 when these stay empty. */
static int child(const char *dir, int from)
{
    char path[256];
    struct stat sb;
    for (int fd = 0; fd < 3; fd++)
        close(fd);
    for (int fd = 0; fd < 3; fd++) {
        snprintf(path, sizeof path, "%s/victim%d", dir, fd);
        if (fd >= from && open(path, O_RDWR | O_CREAT | O_TRUNC | O_APPEND, 0600) < 0)
            return 10;
    }
    if (read_broken(dir) != BROKEN)
        return 11;
    if (use_wrongly(dir) != WRONG)
        return 12;
    fflush(NULL);
    for (int fd = from; fd < 3; fd++) {
        snprintf(path, sizeof path, "%s/victim%d", dir, fd);
        if (stat(path, &sb) != 0 || sb.st_size != 0)
            return 20 + fd;
    }
    return 0;
}

static void in_child(int from)
{
    const char *dir = test_tmp_dir();
    int status;
    fflush(NULL);
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0)
        _exit(child(dir, from));
    CHECK_INT(waitpid(pid, &status, 0), pid);
    CHECK(WIFEXITED(status));
    CHECK_INT(WEXITSTATUS(status), 0);
}

TEST(captured, "broken files of nine kinds and every wrong call write nothing to stdout and stderr")
{
    in_child(0);
}

TEST(closed, "the same with stdin, stdout and stderr closed")
{
    in_child(3);
}
