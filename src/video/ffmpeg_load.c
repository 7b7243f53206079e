#define DRN_AV_LOADER
#include "video/ffmpeg_load.h"

#include <dlfcn.h>
#include <pthread.h>
#include <string.h>

drn_av_table drn_av;

static struct {
    pthread_once_t once;
    char trouble[256]; /* empty: loaded */
    void *avutil, *swscale, *avcodec, *avformat;
} loaded = {.once = PTHREAD_ONCE_INIT};

/* The version whose headers this was compiled with, no other. */
#define SONAME(name, major) "lib" name ".so." AV_STRINGIFY(major)

static void *open_one(const char *file)
{
    void *handle = loaded.trouble[0] ? NULL : dlopen(file, RTLD_LAZY | RTLD_LOCAL);
    const char *why = handle || loaded.trouble[0] ? NULL : dlerror();
    if (why)
        strncpy(loaded.trouble, why, sizeof loaded.trouble - 1);
    return handle;
}

static void load(void)
{
    loaded.avutil = open_one(SONAME("avutil", LIBAVUTIL_VERSION_MAJOR));
    loaded.swscale = open_one(SONAME("swscale", LIBSWSCALE_VERSION_MAJOR));
    loaded.avcodec = open_one(SONAME("avcodec", LIBAVCODEC_VERSION_MAJOR));
    loaded.avformat = open_one(SONAME("avformat", LIBAVFORMAT_VERSION_MAJOR));
#define X(part, name)                                                                              \
    if (!loaded.trouble[0]) {                                                                      \
        void *symbol = dlsym(loaded.part, #name);                                                  \
        memcpy(&drn_av.name, &symbol, sizeof symbol);                                              \
        if (!symbol)                                                                               \
            strncpy(loaded.trouble, #name " is missing in lib" #part,                              \
                    sizeof loaded.trouble - 1);                                                    \
    }
    DRN_AV_FUNCTIONS(X)
#undef X
}

drn_status drn_av_load(drn_error *err)
{
    pthread_once(&loaded.once, load);
    if (loaded.trouble[0])
        return drn_fail(err, DRN_ERR_UNSUPPORTED,
                        "FFmpeg's libraries are not installed (%s); y4m works without them",
                        loaded.trouble);
    return DRN_OK;
}
