/* drn report: a page about runs. */
#include "cli.h"

#include "drn/train.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

typedef struct options {
    const char *out;
} options;

static const opt table[] = {
    OPT(TEXT, out, "output", 'o', .arg = "FILE", .fallback = "report.html", .doc = "page to write"),
    {0},
};

static int run(int argc, char **argv);
const command cmd_report = {
    "report",
    "RUN... [-o report.html]",
    "One HTML page about training runs: curves, recipes, pictures, results",
    "RUN is the --out of a drn train, finished or under way.  The page holds everything it shows.",
    table,
    1,
    -1,
    run,
};

/* Only an earlier page is replaced: a log takes long to make. */
static bool check_out(const char *out)
{
    static const char page[] = "<!doctype html";
    char head[sizeof page - 1];
    struct stat sb;
    if (stat(out, &sb) != 0)
        return true;
    if (!S_ISREG(sb.st_mode)) {
        cli_error("%s: exists and is no file; choose another name", out);
        return false;
    }
    FILE *f = fopen(out, "rb");
    size_t n = f ? fread(head, 1, sizeof head, f) : 0;
    if (f)
        fclose(f);
    if (n == 0 || (n == sizeof head && memcmp(head, page, n) == 0))
        return true;
    cli_error("%s: exists and is no page; choose another name", out);
    return false;
}

static int run(int argc, char **argv)
{
    options o = {0};
    arg_list args;
    drn_error err = {0};
    cli_parse(&cmd_report, &o, &args, argc, argv);
    if (!check_out(o.out))
        return EXIT_FAILED;
    drn_status st = drn_report(o.out, (const char *const *)args.items, (size_t)args.count, &err);
    int runs = args.count;
    free(args.items);
    if (st != DRN_OK)
        return cli_fail(&err);
    cli_say(stdout, "%s: %d run%s\n", o.out, runs, runs == 1 ? "" : "s");
    return EXIT_OK;
}
