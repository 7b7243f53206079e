/* On the emulated device only libraries that a test names are loaded: a real one would want a real GPU. */
#include "cuda/library.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

void *drn_library_open(const char *variable, const char *file, const char *package)
{
    const char *named = getenv(variable);
    (void)file, (void)package;
    return named ? dlopen(named, RTLD_NOW | RTLD_LOCAL) : NULL;
}

bool drn_library_symbol(void *function, void *library, const char *name)
{
    void *p = dlsym(library, name);
    memcpy(function, &p, sizeof p);
    return p != NULL;
}
