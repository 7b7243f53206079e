/* drn serve: a page in the browser. */
#include "cli.h"
#include "models.h"

#include "server/serve.h"

#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct options {
    const char *host;
    text_list models, hosts;
    int port, jobs, threads, queue, keep;
    double max_upload, max_pixels;
    bool open;
} options;

static const opt table[] = {
    OPT(INT, port, "port", 'p', .arg = "N", .min = 0, .max = 65535, .fallback = "0",
        .doc = "port to listen on; 0: a free one"),
    OPT(TEXT, host, "host", 0, .arg = "ADDRESS", .fallback = "127.0.0.1",
        .doc = "address to listen on; with any other than the default, other machines can use this "
               "one to enlarge pictures"),
    OPT(LIST, hosts, "allow-host", 0, .arg = "NAME",
        .doc = "answer to this name too; addresses, localhost and --host always work"),
    OPT(FLAG, open, "open", 'o', .doc = "open the page in the browser"),
    OPT(LIST, models, "models", 'm', .arg = "MODEL",
        .doc =
            "a built-in model or a .safetensors file to offer, the first is chosen; may be given "
            "several times; without it: auto, which picks by the picture, and all built-in ones"),
    OPT(NUMBER, max_upload, "max-upload", 0, .arg = "MB", .min = 0.001, .max = 4000,
        .fallback = "64", .doc = "largest file taken, million bytes"),
    OPT(NUMBER, max_pixels, "max-pixels", 0, .arg = "MP", .min = 0.001, .max = 2000,
        .fallback = "100", .doc = "largest result made, million pixels"),
    OPT(INT, jobs, "jobs", 'J', .arg = "N", .min = 1, .max = 16, .fallback = "1",
        .doc = "pictures enlarged at the same time"),
    OPT(INT, threads, "threads", 'j', .arg = "N", .min = 0, .max = 1024, .fallback = "0",
        .doc = "threads for each; 0: all cores"),
    OPT(INT, queue, "queue", 0, .arg = "N", .min = 1, .max = 10000, .fallback = "16",
        .doc = "pictures that may wait"),
    OPT(INT, keep, "keep", 0, .arg = "MINUTES", .min = 1, .max = 100000, .fallback = "60",
        .doc = "how long results stay; all are removed at the end"),
    {0},
};

static int run(int argc, char **argv);
const command cmd_serve = {
    "serve",
    "",
    "A page in the browser that enlarges pictures",
    "Prints the address of the page and serves it until Ctrl-C.  Pictures stay on this machine.",
    table,
    0,
    0,
    run,
};

extern char **environ;

/* The desktop's own way to open an address; without one, the printed line has to do. */
static void open_browser(const char *url)
{
    char *argv[] = {"xdg-open", (char *)(uintptr_t)url, NULL};
    pid_t child;
    sigset_t none; /* the browser wants its signals */
    posix_spawnattr_t attr;
    sigemptyset(&none);
    posix_spawnattr_init(&attr);
    posix_spawnattr_setsigmask(&attr, &none);
    posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK);
    int failed = posix_spawnp(&child, argv[0], NULL, &attr, argv, environ);
    posix_spawnattr_destroy(&attr);
    if (failed)
        cli_error("cannot open a browser (xdg-open: %s); the page is at %s", strerror(failed), url);
}

/* "default" is no name of a model, but what one types. */
static void name_default(text_list *models)
{
    for (int i = 0; i < models->count; i++)
        for (size_t k = 0; strcmp(models->items[i], DEFAULT_MODEL) == 0 && drn_model_builtin(k);
             k++)
            if (drn_model_builtin(k)->is_default)
                models->items[i] = drn_model_builtin(k)->name;
}

static web_options to_web(const options *o)
{
    web_options w = web_options_default();
    w.host = o->host;
    w.port = o->port;
    w.allow_hosts = o->hosts.items;
    w.allow_host_count = (size_t)o->hosts.count;
    w.models = o->models.items;
    w.model_count = (size_t)o->models.count;
    w.max_upload = (int64_t)(o->max_upload * 1e6);
    w.max_pixels = (int64_t)(o->max_pixels * 1e6);
    w.jobs = o->jobs;
    w.threads = o->threads;
    w.queue = o->queue;
    w.keep_s = 60.0 * o->keep;
    return w;
}

static bool is_local(const char *host)
{
    return strncmp(host, "127.", 4) == 0 || strcmp(host, "::1") == 0 ||
           strcmp(host, "localhost") == 0;
}

static int serve(const options *o, const sigset_t *signals)
{
    web_server *server = NULL;
    web_options w = to_web(o);
    drn_error err = {0};
    int sig;
    if (web_server_start(&server, &w, &err) != DRN_OK)
        return cli_fail(&err);
    printf("%s\n", web_server_url(server));
    fflush(stdout);
    if (!is_local(o->host))
        fprintf(stderr, "anyone who can reach this machine can use the page\n");
    fprintf(stderr, "Ctrl-C ends it\n");
    if (o->open)
        open_browser(web_server_url(server));
    sigwait(signals, &sig);
    web_server_stop(server);
    return EXIT_OK;
}

static int run(int argc, char **argv)
{
    options o = {0};
    arg_list args;
    sigset_t signals;
    cli_parse(&cmd_serve, &o, &args, argc, argv);
    free(args.items);
    name_default(&o.models);
    /* Blocked before any thread starts, so that all inherit it and only sigwait() gets them. */
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    signal(SIGPIPE, SIG_IGN);
    return serve(&o, &signals);
}
