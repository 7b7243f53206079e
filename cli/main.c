/* drn: finds the command and runs it. */
#include "cli.h"
#include "describe.h"
#include "interrupt.h"
#include "ranks.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const command *const commands[] = {
    &cmd_upscale, &cmd_video, &cmd_downscale, &cmd_evaluate, &cmd_figure, &cmd_models, &cmd_info, &cmd_export, &cmd_pack, &cmd_train, &cmd_report, &cmd_study, &cmd_adapt, &cmd_bound, &cmd_bench, &cmd_serve,
    &cmd_doctor,
};
enum { COMMANDS = sizeof commands / sizeof *commands };

/* Several processes under mpirun work as one; of the other commands each would do everything. */
static bool shares_work(const command *cmd)
{
    return cmd == &cmd_upscale || cmd == &cmd_evaluate || cmd == &cmd_train;
}

static void print_help(FILE *f)
{
    fputs("usage: drn COMMAND [OPTION...]\n\n", f);
    for (int i = 0; i < COMMANDS; i++)
        fprintf(f, "  %-10s %s\n", commands[i]->name, commands[i]->summary);
    fputs("  help       this text, or that of a command: drn help COMMAND\n\n"
          "drn --version prints the version.  Exit codes: 0 done, 1 failed, 2 wrong usage.\n",
          f);
}

static const command *find(const char *name)
{
    for (int i = 0; i < COMMANDS; i++)
        if (strcmp(commands[i]->name, name) == 0)
            return commands[i];
    return NULL;
}

static int min3(int a, int b, int c)
{
    int m = a < b ? a : b;
    return m < c ? m : c;
}

/* Levenshtein distance; b has at most 30 letters, else they are "far". */
static int distance(const char *a, const char *b)
{
    int row[32], n = (int)strlen(b);
    if (n > 30)
        return n;
    for (int j = 0; j <= n; j++)
        row[j] = j;
    for (int i = 1; a[i - 1]; i++) {
        int diagonal = row[0];
        row[0] = i;
        for (int j = 1; j <= n; j++) {
            int above = row[j];
            row[j] = min3(above + 1, row[j - 1] + 1, diagonal + (a[i - 1] != b[j - 1]));
            diagonal = above;
        }
    }
    return row[n];
}

static int unknown(const char *name)
{
    const char *best = NULL;
    int least = 4; /* farther is no likely slip */
    for (int i = 0; i < COMMANDS; i++) {
        int d = distance(name, commands[i]->name);
        if (d < least) {
            least = d;
            best = commands[i]->name;
        }
    }
    if (best)
        cli_error("there is no command '%s'; did you mean '%s'?", name, best);
    else
        cli_error("there is no command '%s'; 'drn help' lists them", name);
    return EXIT_USAGE;
}

static int help(const char *name)
{
    if (!name) {
        print_help(stdout);
        return EXIT_OK;
    }
    const command *cmd = find(name);
    char *argv[] = {"drn", "--help", NULL};
    return cmd ? cmd->run(2, argv) : unknown(name);
}

static int run(int argc, char **argv)
{
    const char *name = argc > 1 ? argv[1] : NULL;
    if (!name) {
        print_help(stderr);
        return EXIT_USAGE;
    }
    if (strcmp(name, "--version") == 0 || strcmp(name, "-V") == 0) {
        printf("drn %s\n", drn_version());
        return EXIT_OK;
    }
    if (strcmp(name, "help") == 0 || strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0)
        return help(argc > 2 ? argv[2] : NULL);
    if (strcmp(name, "__describe") == 0) /* for the build */
        return describe(commands, COMMANDS, argc - 2, argv + 2);
    const command *cmd = find(name);
    if (cmd && !shares_work(cmd) && drn_comm_launched(NULL) != 1)
        return cli_error("'drn %s' works alone; start it without mpirun, or with DRN_MPI=off for every process by itself",
                         name);
    return cmd ? cmd->run(argc - 1, argv + 1) : unknown(name);
}

int main(int argc, char **argv)
{
    interrupt_start();
    int code = run(argc, argv);
    if ((fflush(stdout) != 0 || ferror(stdout)) && code == EXIT_OK)
        code = cli_error("cannot write to the standard output");
    return code;
}
