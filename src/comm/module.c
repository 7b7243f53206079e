#include "comm/module.h"

#include <dlfcn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MODULE "drn_mpi.so"

enum { PLACES = 3, ROOM = 4200 };

/* Folder of the running program; "." when it cannot be told. */
static void program_folder(char out[4096])
{
    ssize_t n = readlink("/proc/self/exe", out, 4095);
    out[n > 0 ? n : 0] = 0;
    char *slash = strrchr(out, '/');
    if (slash)
        *slash = 0;
    else
        strcpy(out, ".");
}

/* Files to try, in order; returns how many.  What DRN_MPI names is the only one then. */
static int list_places(char places[PLACES][ROOM])
{
    const char *named = getenv("DRN_MPI");
    char folder[4096];
    struct stat sb;
    if (named && *named) {
        bool dir = stat(named, &sb) == 0 && S_ISDIR(sb.st_mode);
        snprintf(places[0], ROOM, "%.4096s%s", named, dir ? "/" MODULE : "");
        return 1;
    }
    program_folder(folder);
    snprintf(places[0], ROOM, "%s/" MODULE, folder);
    snprintf(places[1], ROOM, "%s/../" DRN_LIB_FOLDER "/drn/" MODULE, folder);
    snprintf(places[2], ROOM, MODULE); /* where the loader looks */
    return PLACES;
}

static drn_status check(const drn_comm_api **out, void *library, const char *path, drn_error *err)
{
    const drn_comm_api *api = dlsym(library, DRN_COMM_SYMBOL);
    if (!api || api->version != DRN_COMM_API) {
        dlclose(library);
        return drn_fail(err, DRN_ERR_UNSUPPORTED, "%.300s is the module of another version of drn", path);
    }
    *out = api;
    return DRN_OK;
}

drn_status drn_comm_module_load(const drn_comm_api **out, drn_error *err)
{
    static char places[PLACES][ROOM]; /* too large for a stack; one thread at a time, as drn_comm_open() */
    int n = list_places(places);
    for (int i = 0; i < n; i++) {
        bool there = access(places[i], F_OK) == 0 || !strchr(places[i], '/');
        /* global: an MPI library loads modules of its own that look for its symbols */
        void *library = there ? dlopen(places[i], RTLD_NOW | RTLD_GLOBAL) : NULL;
        if (library)
            return check(out, library, places[i], err);
        if (there && strchr(places[i], '/'))
            return drn_fail(err, DRN_ERR_UNSUPPORTED, "the MPI module cannot be loaded: %.400s", dlerror());
    }
    return drn_fail(err, DRN_ERR_UNSUPPORTED,
                    "started as one of several processes, but there is no MPI module (%.200s); build with "
                    "-DDRN_WITH_MPI=ON, or name " MODULE " in DRN_MPI (DRN_MPI=off: each process alone)",
                    places[0]);
}
