/* Start of libvips, its plug-ins and its complaints. */
#include "image/io_vips.h"

#include <dlfcn.h>
#include <errno.h>
#include <gmodule.h>
#include <pthread.h>
#include <string.h>

static pthread_once_t started = PTHREAD_ONCE_INIT;
static bool running;

static void drop_message(const gchar *domain, GLogLevelFlags level, const gchar *text,
                         gpointer data)
{
    (void)domain;
    (void)level;
    (void)text;
    (void)data;
}

/* libvips loads all its plug-ins (HEIF, JPEG XL, PDF, ...) when it starts, which takes ten times as
 * long as the rest of a small picture's way.  So it starts with a home where there are none;
 * load_plugins() gets them when a file needs one. */
static void start(void)
{
    /* Warnings go nowhere: a library does not write to the caller's stderr. */
    g_log_set_handler("VIPS", (GLogLevelFlags)(G_LOG_LEVEL_MASK & ~G_LOG_LEVEL_ERROR), drop_message,
                      NULL);
    bool ours = !g_getenv("VIPSHOME");
    if (ours)
        g_setenv("VIPSHOME", "/nonexistent", TRUE);
    running = VIPS_INIT("drn") == 0;
    if (ours)
        g_unsetenv("VIPSHOME");
    if (!running)
        return;
    /* Every picture is read once, in order: no operation cache, and decoding needs no workers. */
    vips_cache_set_max(0);
    vips_concurrency_set(1);
}

static void load_plugins(void)
{
    static const char *const names[] = {"heif", "jxl", "magick"};
    Dl_info lib;
    if (!dladdr((void *)(uintptr_t)vips_init, &lib) || !lib.dli_fname)
        return;
    char *dir = g_path_get_dirname(lib.dli_fname);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char *path = g_strdup_printf("%s/vips-modules-%d.%d/vips-%s.so", dir, VIPS_MAJOR_VERSION,
                                     VIPS_MINOR_VERSION, names[i]);
        (void)g_module_open(path, G_MODULE_BIND_LAZY); /* stays for the life of the process */
        g_free(path);
    }
    g_free(dir);
}

bool drn_vips_has(const char *name)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    return vips_type_find("VipsOperation", name) ||
           (pthread_once(&once, load_plugins) == 0 && vips_type_find("VipsOperation", name));
}

/* Of "file: write error\nunix error: No space left on device\n..." the system's words, else the
 * first complaint. */
static const char *reason(const char *text)
{
    static const char mark[] = "\nunix error: ";
    const char *end = text + strcspn(text, "\n"), *words = end + sizeof mark - 1;
    bool known = strncmp(end, mark, sizeof mark - 1) == 0 && strncmp(words, "Unknown", 7) != 0;
    const char *large = strerror(EFBIG);
    if (known && strncmp(words, large, strlen(large)) == 0)
        return drn_write_reason(EFBIG);
    return known ? words : text;
}

drn_status drn_vips_failure(drn_error *err, drn_status code, const char *path, const char *what)
{
    char *text = vips_error_buffer_copy();
    const char *why = text ? reason(text) : "";
    size_t n = strcspn(why, "\n");
    if (text && strstr(text, "out of memory"))
        code = DRN_ERR_NOMEM;
    (void)drn_fail(err, code, "%s: %s%s%.*s", path, what, n ? ": " : "", (int)(n < 300 ? n : 300),
                   why);
    g_free(text);
    return code;
}

drn_status drn_vips_start(const char *path, drn_error *err)
{
    if (pthread_once(&started, start) != 0 || !running)
        return drn_vips_failure(err, DRN_ERR_UNSUPPORTED, path, "libvips does not start");
    return DRN_OK;
}

bool drn_codec_available(void)
{
    return true;
}
