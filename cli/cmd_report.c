/* drn report: a page about runs. */
#include "cli.h"

#include "drn/train.h"

#include <stdio.h>
#include <stdlib.h>

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

static int run(int argc, char **argv)
{
    options o = {0};
    arg_list args;
    drn_error err = {0};
    cli_parse(&cmd_report, &o, &args, argc, argv);
    drn_status st = drn_report(o.out, (const char *const *)args.items, (size_t)args.count, &err);
    int runs = args.count;
    free(args.items);
    if (st != DRN_OK)
        return cli_fail(&err);
    printf("%s: %d run%s\n", o.out, runs, runs == 1 ? "" : "s");
    return EXIT_OK;
}
