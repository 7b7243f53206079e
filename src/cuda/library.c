#include "cuda/library.h"

#include <dlfcn.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *open_path(const char *folder, const char *file)
{
    char path[1024];
    int n = snprintf(path, sizeof path, "%s/%s", folder, file);
    return n > 0 && (size_t)n < sizeof path ? dlopen(path, RTLD_NOW | RTLD_GLOBAL) : NULL;
}

/* The first of the files a pattern finds that loads. */
static void *open_pattern(const char *pattern, const char *file)
{
    glob_t found;
    void *library = NULL;
    if (glob(pattern, 0, NULL, &found) == 0)
        for (size_t i = 0; i < found.gl_pathc && !library; i++)
            library = open_path(found.gl_pathv[i], file);
    globfree(&found);
    return library;
}

static void *open_environment(const char *variable, const char *file)
{
    const char *named = getenv(variable);
    void *library = NULL;
    if (named && *named && !(library = dlopen(named, RTLD_NOW | RTLD_GLOBAL)))
        library = open_path(named, file);
    return library;
}

/* What cuDNN needs in turn lies in packages beside it, which its own search path names; older ones did not. */
static void *open_python(const char *root, const char *file, const char *package)
{
    static const char *const homes[] = {"lib/python3*/site-packages", "lib/python3*/dist-packages", "lib/python3/dist-packages"};
    char pattern[1024];
    void *library = NULL;
    for (size_t i = 0; root && *root && !library && i < sizeof homes / sizeof *homes; i++) {
        int n = snprintf(pattern, sizeof pattern, "%s/%s/nvidia/%s/lib", root, homes[i], package);
        if (n > 0 && (size_t)n < sizeof pattern)
            library = open_pattern(pattern, file);
    }
    return library;
}

void *drn_library_open(const char *variable, const char *file, const char *package)
{
    static const char *const roots[] = {"/usr", "/usr/local", "/opt/*/.venv", "/opt/venv", "/opt/conda"};
    static const char *const folders[] = {"/usr/local/cuda/lib64", "/usr/local/cuda-1*/lib64", "/usr/lib/x86_64-linux-gnu",
                                          "/usr/lib/aarch64-linux-gnu"};
    void *library = open_environment(variable, file);
    if (!library)
        library = dlopen(file, RTLD_NOW | RTLD_GLOBAL);
    if (!library)
        library = open_python(getenv("VIRTUAL_ENV"), file, package);
    if (!library)
        library = open_python(getenv("CONDA_PREFIX"), file, package);
    for (size_t i = 0; !library && i < sizeof roots / sizeof *roots; i++)
        library = open_python(roots[i], file, package);
    for (size_t i = 0; !library && i < sizeof folders / sizeof *folders; i++)
        library = open_pattern(folders[i], file);
    return library;
}

bool drn_library_symbol(void *function, void *library, const char *name)
{
    void *p = dlsym(library, name);
    memcpy(function, &p, sizeof p);
    return p != NULL;
}
